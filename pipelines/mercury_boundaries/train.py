"""Training the network on labelled orbits and on simulated ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import require
from pipelines.mercury_boundaries.features import (
    CHANNELS,
    Bins,
    bin_classes,
    bin_series,
    channels,
    vary,
)
from pipelines.mercury_boundaries.labels import BOW_SHOCK, MAGNETOPAUSE, UNKNOWN, Classes
from pipelines.mercury_boundaries.series import MagSeries
from pipelines.mercury_boundaries.simulate import simulate
from pipelines.signals.training import Batch, TrainingPlan, fix_seeds, train_network

#: Windows a batch.
_BATCH = 6

#: Fraction of the windows that are centred near a crossing, and that have no position.
_CENTRED, _NOWHERE = 0.75, 0.35

#: Simulated stretches that every training uses, orbits each, and the first of their seeds; lower
#: seeds are left for demonstrations, tests and scores.
STRETCHES, ORBITS_EACH, FIRST_SEED = 100, 2.0, 1000

#: Batches of learning from simulation alone, and with real orbits.
PRETRAINING, TRAINING = 1000, 120


@dataclass(frozen=True)
class Labelled:
    """Bins with the class of each.

    Attributes
    ----------
    bins
        What was measured.
    classes
        Numbers of `labels.CLASSES` or `labels.UNKNOWN`, shape (n,).
    """

    bins: Bins
    classes: Classes

    def without_position(self) -> Labelled:
        """Return the same with the position forgotten."""
        return Labelled(self.bins.without_position(), self.classes)


def label(series: MagSeries, classes: Classes) -> Labelled:
    """Join a series with the class of each second."""
    return Labelled(bin_series(series), bin_classes(classes, series.first))


def training_simulations(count: int = STRETCHES, progress: Progress = silent) -> list[Labelled]:
    """Simulate the stretches of the mission that every training uses."""
    made = []
    for number in range(count):
        start = np.datetime64("2011-03-24") + np.timedelta64(37 * number % 1400, "D")
        one = simulate(start=start, orbits=ORBITS_EACH, seed=FIRST_SEED + number)
        made.append(label(one.series, one.classes))
        progress("simulating orbits to train on", number + 1, count)
    return made


def batches(
    real: Sequence[Labelled],
    simulated: Sequence[Labelled],
    random: np.random.Generator,
    window: int,
) -> Iterator[Batch]:
    """Yield batches of varied windows for ever; half of each are real where there are any."""
    while True:
        chosen = []
        for number in range(_BATCH):
            sources = real if real and (number % 2 == 0 or not simulated) else simulated
            one = sources[random.integers(len(sources))]
            chosen.append(_draw(one, random, window))
        inputs, classes, weights = (np.stack(each) for each in zip(*chosen, strict=True))
        yield inputs, classes, weights


def _draw(one: Labelled, random: np.random.Generator, window: int) -> Batch:
    crossings = np.flatnonzero((one.classes == BOW_SHOCK) | (one.classes == MAGNETOPAUSE))
    middle = int(random.integers(len(one.bins)))
    if crossings.size and random.random() < _CENTRED:
        middle = int(random.choice(crossings) + random.integers(-window // 2, window // 2))
    low = int(np.clip(middle - window // 2, 0, max(len(one.bins) - window, 0)))
    bins = vary(one.bins.slice(low, low + window), random)
    if random.random() < _NOWHERE:
        bins = bins.without_position()
    classes = one.classes[low : low + window].astype(np.int64)
    inputs = _hide(channels(bins), random)
    weights = ((classes != UNKNOWN) & bins.known).astype(np.float32)
    classes = np.maximum(classes, 0)
    if random.random() < 0.5:  # backwards: entering is as likely as leaving
        inputs, classes, weights = inputs[:, ::-1], classes[::-1], weights[::-1]
    short = window - inputs.shape[1]
    return (
        np.pad(np.ascontiguousarray(inputs), ((0, 0), (0, short))),
        np.pad(np.ascontiguousarray(classes), (0, short)),
        np.pad(np.ascontiguousarray(weights), (0, short)),
    )


def _hide(inputs: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Sometimes take everything away for some minutes, as a gap does."""
    if random.random() < 0.1:
        first = random.integers(inputs.shape[1])
        inputs[:, first : first + random.integers(5, 120)] = 0
    return inputs


def fit(
    real: Sequence[Labelled],
    simulated: Sequence[Labelled],
    *,
    seed: int,
    steps: int,
    start: Any = None,
    progress: Progress = silent,
) -> Any:
    """Train one network of the first step.

    Parameters
    ----------
    real, simulated
        What is learnt from.
    seed
        Of the weights and the batches.
    steps, start, progress
        As for `learn`.

    Returns
    -------
    network
        In evaluation mode.
    """
    require("torch")
    from pipelines.mercury_boundaries.model import WINDOW, BoundaryNetwork, class_loss

    random = fix_seeds(seed)
    network = BoundaryNetwork(len(CHANNELS))
    source = batches(real, simulated, random, WINDOW)
    learn(network, source, class_loss, rate=4e-3, steps=steps, start=start, progress=progress)
    return network


def learn(
    network: Any,
    source: Iterator[Batch],
    loss: Callable[[Any, Any, Any], Any],
    *,
    rate: float,
    steps: int,
    start: Any = None,
    progress: Progress = silent,
) -> None:
    """Train a network of either step for a fixed number of batches.

    Nothing is held back: the learning rate falls to zero and the weights are averaged.

    Parameters
    ----------
    network
        Changed in place, in evaluation mode afterwards.
    source
        Endless batches.
    loss
        Of outputs, targets and weights.
    rate
        Of learning, halved if there is a state to start from.
    steps
        Batches.
    start
        State of a network to start from.
    progress
        Told at the end of training.
    """
    if start is not None:
        network.load_state_dict(start)
    plan = TrainingPlan(
        steps=steps,
        learning_rate=0.5 * rate if start is not None else rate,
        check_every=steps,
        warm_up=30,
        memory=0.97,
    )
    train_network(network, source, loss, lambda _: 0.0, plan, progress=progress)
