"""What stands beside the weights of the network for interaction regions: rule and calibration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors import WeightsError
from pipelines.signals.calibration import Calibration
from pipelines.signals.events import EventRule

#: In the folder of the weights.
PARAMETERS_FILE = "regions.json"


@dataclass(frozen=True, slots=True)
class RegionParameters:
    """How probabilities become interaction regions.

    Attributes
    ----------
    rule
        Thresholds and lengths.
    calibration
        From the mean probability of a region to the confidence in it.
    notes
        Where both come from.
    """

    rule: EventRule
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


def read_parameters(folder: Path) -> RegionParameters:
    """Read the file from the folder of the weights.

    Raises
    ------
    WeightsError
        If it is not there or not complete.
    """
    path = folder / PARAMETERS_FILE
    try:
        values = json.loads(path.read_text())
        return RegionParameters(
            EventRule(**values["rule"]), Calibration(**values["calibration"]), values["notes"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} has no usable rule for interaction regions: {error}",
            hint="make it with: epntap train sir --output " + str(folder),
        ) from error


def parameters_digest(folder: Path) -> str:
    """Return the SHA-256 of the file, hexadecimal.

    Raises
    ------
    WeightsError
        If it cannot be read.
    """
    try:
        return hashlib.sha256((folder / PARAMETERS_FILE).read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"{folder / PARAMETERS_FILE} cannot be read: {error}") from error
