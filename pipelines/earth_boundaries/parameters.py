"""What stands beside the weights: how probabilities become crossings, and confidence."""

from __future__ import annotations

from pathlib import Path

from pipelines.earth_boundaries.crossings import CrossingRule
from pipelines.signals.decision import Decision, read_decision

#: In the folder of the weights.
PARAMETERS_FILE = "crossings.json"

CrossingParameters = Decision[CrossingRule]


def read_parameters(folder: Path) -> CrossingParameters:
    """Read the file from the folder of the weights.

    Raises
    ------
    WeightsError
        If it is not there or not complete.
    """
    return read_decision(folder / PARAMETERS_FILE, CrossingRule, "earth_boundaries")
