"""Where the figures of the README are kept, so that its tables can be printed at any time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.errors import PipelineError

#: Written by `window_measure` and `measure`, read by `report`.
RESULTS = Path(__file__).parent / "results.json"


def read_results(path: Path = RESULTS) -> dict[str, Any]:
    """Return all figures; none when nothing was measured yet.

    Raises
    ------
    PipelineError
        If the file is damaged.
    """
    if not path.is_file():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"{path} cannot be read: {error}", hint="measure again, see the README"
        ) from error
    return found


def merge_results(figures: Mapping[str, Any], path: Path = RESULTS) -> None:
    """Replace some of the figures and keep the others.

    Raises
    ------
    PipelineError
        If the file is damaged or cannot be written.
    """
    merged = {**read_results(path), **figures}
    try:
        path.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n")
    except OSError as error:
        raise PipelineError(f"{path} cannot be written: {error}") from error
