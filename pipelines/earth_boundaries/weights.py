"""Where the weights of this case are."""

from __future__ import annotations

from pathlib import Path

#: The weights that come with the package.
SHIPPED_WEIGHTS = Path(__file__).parent / "weights"

#: Name of the pipeline, for hints.
CASE = "earth_boundaries"
