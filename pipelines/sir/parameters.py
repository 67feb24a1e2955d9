"""What stands beside the weights of the network for interaction regions: rule and calibration."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipelines.errors import WeightsError
from pipelines.signals.decision import Decision, read_decision
from pipelines.signals.events import EventRule

#: In the folder of the weights.
PARAMETERS_FILE = "regions.json"

#: From the mean probability of a region to the confidence in it.
RegionParameters = Decision[EventRule]


def read_parameters(folder: Path) -> RegionParameters:
    """Read the file from the folder of the weights.

    Raises
    ------
    WeightsError
        If it is not there or not complete.
    """
    return read_decision(folder / PARAMETERS_FILE, EventRule, "sir")


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
