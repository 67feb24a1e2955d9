"""Training the network for minutes, on simulated orbits and on labelled series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.earth_boundaries.features import (
    FIELD_FEATURES,
    FIELD_MASK,
    PLACE_FEATURES,
    PLACE_MASK,
    PLASMA_FEATURES,
    PLASMA_MASK,
    features,
)
from pipelines.earth_boundaries.moments import MomentSeries
from pipelines.earth_boundaries.regions import FORESHOCK, UNKNOWN
from pipelines.earth_boundaries.simulate import Simulation, simulate
from pipelines.errors import LabelError, require
from pipelines.signals.training import Batch, TrainingPlan, fix_seeds, train_network

#: Windows a batch, and their minutes: half of them see all that the network looks at.
_BATCH, _WINDOW = 24, 128

#: Share of the windows that hold a crossing, which is where there is most to learn; and by how much
#: more minutes near one count, so that short excursions are worth finding.
_AT_BOUNDARY, _EMPHASIS, _NEAR = 0.7, 3.0, 8

#: How often all of field, plasma or place is hidden from a window.
_HIDDEN = ((FIELD_FEATURES, FIELD_MASK, 0.08), (PLASMA_FEATURES, PLASMA_MASK, 0.08),
           (PLACE_FEATURES, PLACE_MASK, 0.25))  # fmt: skip

#: Features that a calibration in error would move: density, its speed, temperature.
_CALIBRATED = (5, 9)

#: Days at which simulated orbits begin, so that the apogee is at all local times.
_STARTS = ("2003-01-05", "2003-02-20", "2003-04-05", "2003-12-01", "2003-06-20", "2003-10-10")


@dataclass(frozen=True)
class LabelledSeries:
    """Features of a series with the regions of its minutes.

    Attributes
    ----------
    inputs
        Shape (15, n).
    regions
        Numbers of `regions.REGIONS`, `regions.UNKNOWN` where nobody knows, shape (n,).
    """

    inputs: NDArray[np.float32]
    regions: NDArray[np.int64]


def labelled(series: MomentSeries, regions: NDArray[np.int64]) -> LabelledSeries:
    """Return features with regions; minutes without measurements teach nothing."""
    inputs = features(series)
    empty = (inputs[FIELD_MASK] == 0) & (inputs[PLASMA_MASK] == 0)
    return LabelledSeries(inputs, np.where(empty, UNKNOWN, regions))


def simulated_orbits(
    count: int, *, seed: int, days: float = 20.0, progress: Progress = silent
) -> list[Simulation]:
    """Simulate orbits whose apogees are at all local times, most of them on the day side.

    Parameters
    ----------
    count
        How many.
    seed
        Of the first; the others follow.
    days
        Of each.
    progress
        Told after each.
    """
    made = []
    for number in range(count):
        start = _STARTS[number % len(_STARTS)]
        made.append(simulate(start=start, days=days, seed=seed + number))
        progress("simulating orbits", number + 1, count)
    return made


def fit_regions(
    several: Sequence[LabelledSeries],
    *,
    seed: int,
    steps: int = 1200,
    progress: Progress = silent,
) -> Any:
    """Train one network for a fixed number of steps.

    Parameters
    ----------
    several
        What is learnt from.
    seed
        Of weights and batches.
    steps
        Batches.
    progress
        Told how training goes on.

    Returns
    -------
    network
        In evaluation mode.

    Raises
    ------
    LabelError
        If no minute is labelled.
    """
    require("torch")
    from pipelines.earth_boundaries.model import RegionNetwork, region_loss

    if not any((each.regions != UNKNOWN).any() for each in several):
        raise LabelError("no minute has both a measurement and a label")
    random = fix_seeds(seed)
    network = RegionNetwork()
    # Nothing is held back to decide when to stop: the rate falls to zero over the steps.
    plan = TrainingPlan(steps=steps, learning_rate=4e-3, check_every=steps)
    train_network(
        network, _batches(several, random), region_loss, lambda _: 0.0, plan, progress=progress
    )
    return network


def _batches(several: Sequence[LabelledSeries], random: np.random.Generator) -> Iterator[Batch]:
    share = np.array([len(each.regions) for each in several], dtype=float)
    share /= share.sum()
    changes = [_boundaries(each.regions) for each in several]
    while True:
        chosen = []
        for number in random.choice(len(several), _BATCH, p=share):
            one, edges = several[number], changes[number]
            middle = random.integers(len(one.regions))
            if edges.size and random.random() < _AT_BOUNDARY:
                middle = random.choice(edges) + random.integers(-_WINDOW // 2, _WINDOW // 2)
            chosen.append(_draw(one, int(middle) - _WINDOW // 2, _WINDOW, random))
        inputs, classes, weights = (np.stack(each) for each in zip(*chosen, strict=True))
        yield inputs, classes, weights


def _boundaries(regions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the minutes before bow shock and magnetopause; the foreshock's edge is neither."""
    side = np.where(regions <= FORESHOCK, FORESHOCK, regions)
    return np.flatnonzero(np.diff(side) != 0)


def flags_near(minutes: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    """Return which of `length` minutes are within eight of any of some minutes."""
    flags = np.zeros(length, dtype=bool)
    for minute in minutes:
        flags[max(minute - _NEAR, 0) : minute + _NEAR + 1] = True
    return flags


def _draw(
    one: LabelledSeries, first: int, length: int, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    """Return a window, varied as another instrument or a gap would vary it."""
    index = first + np.arange(length)
    inside = (index >= 0) & (index < len(one.regions))
    index = np.clip(index, 0, len(one.regions) - 1)
    weights = 1 + _EMPHASIS * flags_near(_boundaries(one.regions[index]), length)
    inputs = np.where(inside, one.inputs[:, index], np.float32(0))
    known = inside & (one.regions[index] != UNKNOWN)
    for row in _CALIBRATED:
        inputs[row] += random.normal(0, 0.12) * inputs[PLASMA_MASK]
    for component in (1, 2, 3):
        if random.random() < 0.3:
            inputs[component] *= -1
    for rows, mask, often in _HIDDEN:
        if random.random() < often:
            inputs[[*rows, mask]] = 0
    seen = (inputs[FIELD_MASK] > 0) | (inputs[PLASMA_MASK] > 0)
    return (
        inputs.astype(np.float32),
        np.where(known, one.regions[index], 0),
        (weights * (known & seen)).astype(np.float32),
    )
