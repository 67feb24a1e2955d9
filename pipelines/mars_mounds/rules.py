"""Rules of detection that are not weights of a network: chosen on simulated sites kept aside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import WeightsError
from pipelines.mars_mounds.instances import Instance

#: Name of the file beside the weights.
FILE = "rules.json"


@dataclass(frozen=True, slots=True)
class Scale:
    """How a measured size becomes the one to publish, and its standard deviation.

    The size is factor times the measured one; its variance is the sum of the squares of `parts`
    times what the two sources of error are (see `pipelines.mars_mounds.measure`).

    Attributes
    ----------
    factor
        Takes out what is measured too small or too large on average.
    parts
        Of the error that grows with the roughness of the ground or the softness of the edge, and
        of the one that grows with the size.
    """

    factor: float = 1.0
    parts: tuple[float, float] = (1.0, 0.1)

    def error(self, first: float, second: float) -> float:
        """Return the standard deviation for two sources of error."""
        return float(np.hypot(self.parts[0] * first, self.parts[1] * second))


@dataclass(frozen=True, slots=True)
class Rules:
    """All of one kind of network.

    Attributes
    ----------
    mound, centre
        Least probability of pixels of a mound, and least height of the map of middles at a middle.
    least
        Least area of a mound in pixels.
    vent
        From which score of its vent a mound is a cone with one.
    confident
        Least confidence of what is reported.
    confidence
        Constant, and factors of the mean probability, of the height of the middle and of the
        logarithm of the area, of the log odds that an object is one.
    diameter, height, volume
        How they are published.
    """

    mound: float = 0.5
    centre: float = 0.15
    least: int = 30
    vent: float = 0.5
    confident: float = 0.3
    confidence: tuple[float, float, float, float] = (-4.0, 4.0, 4.0, 0.0)
    diameter: Scale = Scale()
    height: Scale = Scale()
    volume: Scale = Scale()

    def confidence_of(self, instance: Instance) -> float:
        """Return the probability that an instance is a mound with about that outline."""
        odds = float(np.dot(self.confidence, (1.0, *evidence(instance))))
        return float(1.0 / (1.0 + np.exp(-odds)))


def evidence(instance: Instance) -> tuple[float, float, float]:
    """Return what the confidence depends on."""
    return instance.mound, instance.centre, float(np.log(instance.area))


def write_rules(folder: Path, rules: Mapping[str, Rules]) -> None:
    """Write the rules of each kind of network beside the weights.

    Raises
    ------
    WeightsError
        If the file cannot be written.
    """
    text = json.dumps({kind: asdict(each) for kind, each in rules.items()}, indent=1)
    try:
        (folder / FILE).write_text(text + "\n")
    except OSError as error:
        raise WeightsError(f"{folder / FILE} cannot be written: {error}") from error


def read_rules(folder: Path) -> dict[str, Rules]:
    """Read the rules of each kind of network.

    Raises
    ------
    WeightsError
        If the file is missing or damaged.
    """
    path = folder / FILE
    try:
        found = json.loads(path.read_text())
        return {kind: _rules(each) for kind, each in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} does not hold the rules of detection: {error}",
            hint="make them with: epntap train mars_mounds",
        ) from error


def _rules(values: dict[str, Any]) -> Rules:
    scales = {
        name: Scale(float(values[name]["factor"]), tuple(values[name]["parts"]))
        for name in ("diameter", "height", "volume")
    }
    return Rules(**{**values, **scales, "confidence": tuple(values["confidence"])})
