"""What stands beside the weights: how probabilities become crossings, and confidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.earth_boundaries.crossings import CrossingRule
from pipelines.errors import WeightsError
from pipelines.signals.calibration import Calibration

#: In the folder of the weights.
PARAMETERS_FILE = "crossings.json"


@dataclass(frozen=True)
class CrossingParameters:
    """How probabilities become crossings.

    Attributes
    ----------
    rule
        Smoothing and least evidence.
    calibration
        From the evidence for a crossing to the confidence in it.
    notes
        Where both come from.
    """

    rule: CrossingRule
    calibration: Calibration
    notes: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write the file into the folder of the weights.

        Raises
        ------
        WeightsError
            If it cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / PARAMETERS_FILE).write_text(json.dumps(asdict(self), indent=2) + "\n")
        except OSError as error:
            raise WeightsError(f"{folder} cannot be written: {error}") from error


def read_parameters(folder: Path) -> CrossingParameters:
    """Read the file from the folder of the weights.

    Raises
    ------
    WeightsError
        If it is not there or not complete.
    """
    path = folder / PARAMETERS_FILE
    try:
        values = json.loads(path.read_text())
        return CrossingParameters(
            CrossingRule(**values["rule"]),
            Calibration(**values["calibration"]),
            values["notes"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} has no usable rule for crossings: {error}",
            hint=f"make it with: epntap train earth_boundaries --output {folder}",
        ) from error
