"""What stands beside the weights of a network: how probabilities become objects, and confidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pipelines.errors import WeightsError
from pipelines.signals.calibration import Calibration

Rule = TypeVar("Rule")


@dataclass(frozen=True)
class Decision(Generic[Rule]):
    """How probabilities become objects of a catalogue.

    Attributes
    ----------
    rule
        Thresholds and lengths; a dataclass of plain values.
    calibration
        From the evidence for an object to the confidence in it.
    notes
        Where both come from.
    """

    rule: Rule
    calibration: Calibration
    notes: Mapping[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write it as JSON; the folder is made.

        Raises
        ------
        WeightsError
            If it cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(asdict(self), indent=2) + "\n")
        except OSError as error:
            raise WeightsError(f"{path} cannot be written: {error}") from error


def read_decision(path: Path, rule: Callable[..., Rule], case: str) -> Decision[Rule]:
    """Read what `Decision.write` wrote.

    Parameters
    ----------
    path
        The file.
    rule
        Class of the rule.
    case
        Name of the pipeline, for the hint.

    Raises
    ------
    WeightsError
        If it is not there or not complete.
    """
    try:
        values = json.loads(path.read_text())
        return Decision(
            rule(**values["rule"]), Calibration(**values["calibration"]), values["notes"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} has no usable rule: {error}",
            hint=f"make it with: epntap train {case} --output {path.parent}",
        ) from error
