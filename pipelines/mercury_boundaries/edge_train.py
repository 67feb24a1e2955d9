"""Training the second step on labelled crossings and on simulated ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import require
from pipelines.mercury_boundaries.edges import (
    CROSSING,
    EDGE_CHANNELS,
    EDGE_WINDOW,
    INSIDE,
    OUTSIDE,
    Passage,
    edge_channels,
)
from pipelines.mercury_boundaries.features import Bins, vary
from pipelines.mercury_boundaries.labels import (
    BOW_SHOCK,
    MAGNETOPAUSE,
    MAGNETOSPHERE,
    SHEATH,
    SOLAR_WIND,
    Classes,
)
from pipelines.mercury_boundaries.protocol import fold_of
from pipelines.mercury_boundaries.train import Labelled, learn
from pipelines.signals.events import runs
from pipelines.signals.training import Batch, fix_seeds

#: Windows a batch, and the share of them that is real where there are real crossings.
_BATCH, _REAL = 12, 0.35

#: By how much the first step is taken to be wrong, bins: from 20 seconds to 10 minutes. It is not
#: shown where that step put the interval: networks that were trusted it too much.
_WRONG: Final = (5.0, 150.0)

#: Batches of learning from simulation, and with real crossings.
EDGE_PRETRAINING, EDGE_TRAINING = 1500, 100

#: Which classes lie outside and inside of each boundary.
_SIDES: Final = {BOW_SHOCK: (SOLAR_WIND, SHEATH), MAGNETOPAUSE: (SHEATH, MAGNETOSPHERE)}


@dataclass(frozen=True)
class Known:
    """A crossing whose interval is known.

    Attributes
    ----------
    bins
        Of the series it lies in, as far as it is needed.
    passage
        The true interval, and the room that it has.
    """

    bins: Bins
    passage: Passage


def known_crossings(labelled: Sequence[Labelled]) -> list[Known]:
    """Return the crossings of labelled series that have their regions on both sides."""
    return [each for one in labelled for each in _known_in(one)]


def _known_in(one: Labelled) -> Iterator[Known]:
    for crossing, (outer, inner) in _SIDES.items():
        for low, high in runs(one.classes == crossing):
            if low == 0 or high == len(one.classes):
                continue
            before, after = int(one.classes[low - 1]), int(one.classes[high])
            if {before, after} != {outer, inner} or high - low > EDGE_WINDOW // 2:
                continue
            floor, ceiling = _room(one.classes, int(low), int(high))
            start = max(floor - EDGE_WINDOW, 0)
            yield Known(
                one.bins.slice(start, min(ceiling + EDGE_WINDOW, len(one.bins))),
                Passage(
                    int(low) - start,
                    int(high) - start,
                    floor - start,
                    ceiling - start,
                    before == outer,
                    crossing == MAGNETOPAUSE,
                ),
            )


def _room(classes: Classes, low: int, high: int) -> tuple[int, int]:
    """Return how far an interval may reach: half the region on either side, within a window."""
    before = np.flatnonzero(classes[max(low - EDGE_WINDOW, 0) : low] != classes[low - 1])
    after = np.flatnonzero(classes[high : high + EDGE_WINDOW] != classes[high])
    floor, ceiling = max(low - EDGE_WINDOW, 1), min(high + EDGE_WINDOW, len(classes) - 1)
    if len(before):
        floor = (max(low - EDGE_WINDOW, 0) + int(before[-1]) + 1 + low) // 2
    if len(after):
        ceiling = (2 * high + int(after[0]) + 1) // 2
    return floor, ceiling


def edge_batches(
    real: Sequence[Known], simulated: Sequence[Known], random: np.random.Generator
) -> Iterator[Batch]:
    """Yield batches of windows for ever, each as if the first step had been somewhat wrong."""
    while True:
        chosen = []
        for _ in range(_BATCH):
            sources = real if real and (random.random() < _REAL or not simulated) else simulated
            chosen.append(draw_window(sources[random.integers(len(sources))], random))
        inputs, places, weights = (np.stack(each) for each in zip(*chosen, strict=True))
        yield inputs, places, weights


def draw_window(one: Known, random: np.random.Generator) -> Batch:
    """Return a window of a crossing, with the true place of each bin and what it counts."""
    truth = one.passage
    wrong = np.exp(random.uniform(*np.log(_WRONG))) * random.standard_normal(2)
    low = int(np.clip(truth.low + wrong[0], truth.floor, truth.ceiling - 1))
    high = int(np.clip(truth.high + wrong[1], low + 1, truth.ceiling))
    half = EDGE_WINDOW // 2
    middle = (low + high) // 2
    floor = max(truth.floor, middle - half)
    ceiling = min(truth.ceiling, middle + half)
    guess = Passage(low, high, floor, ceiling, truth.inbound, truth.magnetopause)
    inputs = edge_channels(vary(one.bins, random), guess)
    places = np.full(EDGE_WINDOW, OUTSIDE if truth.inbound else INSIDE, dtype=np.int64)
    first = guess.first
    places[np.clip(truth.low - first, 0, EDGE_WINDOW) :] = CROSSING
    places[np.clip(truth.high - first, 0, EDGE_WINDOW) :] = INSIDE if truth.inbound else OUTSIDE
    weights: NDArray[np.float32] = inputs[EDGE_CHANNELS.index("mask")].copy()
    return inputs, places if truth.inbound else places[::-1].copy(), weights


@dataclass(frozen=True)
class EdgeNetworks:
    """Networks of the second step of one seed.

    Attributes
    ----------
    by_fold
        For each group of orbits the network that learnt from the others.
    final
        Learnt from all of them; `None` for seeds that are not kept.
    """

    by_fold: tuple[Any, ...]
    final: Any | None


def cross_validate_edges(
    orbits: Sequence[Labelled],
    simulated: Sequence[Labelled],
    seeds: Sequence[int],
    *,
    folds: int,
    keep: int,
    steps: tuple[int, int] = (EDGE_PRETRAINING, EDGE_TRAINING),
    progress: Progress = silent,
) -> list[EdgeNetworks]:
    """Train the second step for every group of orbits and for all of them.

    Parameters
    ----------
    orbits
        In order of time.
    simulated
        Taught to all networks.
    seeds
        One set of networks each.
    folds
        Groups of orbits, as in `protocol.cross_validate`.
    keep
        Seeds of which a network learns from all orbits.
    steps
        Batches of learning from simulation, and with real crossings.
    progress
        Told after each seed.
    """
    known = known_crossings(simulated)
    real = [known_crossings([each]) for each in orbits]
    group = [fold_of(number, len(orbits), folds) for number in range(len(orbits))]
    made = []
    for number, seed in enumerate(seeds):
        start = fit_edges([], known, seed=seed, steps=steps[0]).state_dict()

        def taught(left_out: int, number: int = number, start: Any = start) -> Any:
            mine = [
                each
                for several, fold in zip(real, group, strict=True)
                if fold != left_out
                for each in several
            ]
            return fit_edges(mine, known, seed=100 + number, steps=steps[1], start=start)

        final = taught(-1) if number < keep else None
        made.append(EdgeNetworks(tuple(taught(fold) for fold in range(folds)), final))
        progress("learning where crossings begin and end", number + 1, len(seeds))
    return made


def fit_edges(
    real: Sequence[Known],
    simulated: Sequence[Known],
    *,
    seed: int,
    steps: int,
    start: Any = None,
) -> Any:
    """Train one network of the second step; see `train.learn`."""
    require("torch")
    from pipelines.mercury_boundaries.edge_model import EdgeNetwork, edge_loss

    random = fix_seeds(seed)
    network = EdgeNetwork(len(EDGE_CHANNELS))
    source = edge_batches(real, simulated, random)
    learn(network, source, edge_loss, rate=5e-3, steps=steps, start=start)
    return network
