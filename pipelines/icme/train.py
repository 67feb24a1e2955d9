"""Training the ICME network on labelled series and on simulation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import LabelError, require
from pipelines.icme.features import COMPONENTS, FEATURES, REFERENCE, features, usable_samples
from pipelines.icme.labels import EVENTS, label_regions
from pipelines.icme.simulate import Simulation, simulate
from pipelines.signals.training import Batch, TrainingPlan, TrainingReport, fix_seeds, train_network
from pipelines.sources.insitu import InSituSeries

#: Windows of a batch, and how many of them are simulated.
BATCH, SIMULATED = 16, 6

#: Years of simulation that are trained on, and the first of their seeds. Seeds below 100 are left
#: for demonstrations and tests, so that nobody meets training data there. Every second year is of
#: solar minimum, with `QUIET_RATE` ejections: Richardson & Cane (2010, Sol. Phys. 264, 189) count
#: about that.
SIMULATED_YEARS, FIRST_SEED, QUIET_RATE = 10, 100, 7.0

#: Fraction of the windows of a batch that are centred near an event rather than anywhere.
_CENTRED = 0.35

#: Fraction of the windows that lose what hourly OMNI values lack, so that what is learnt from
#: series with and without those channels is the same.
_REDUCED = 0.25
_LOST = ("log_tp", "log_beta", "log_texrat", "unrest_1h", "unrest_6h", "bx", "by", "plasma_mask")

#: Fraction of the windows that end somewhere, as they do in real time: the future is a gap.
_UNFINISHED = 0.3


@dataclass(frozen=True)
class Labelled:
    """A series as the network sees it, with what it should say.

    Attributes
    ----------
    inputs
        Shape (`FEATURES`, n).
    classes
        Shape (n,).
    weights
        1 where a sample counts, 0 where nothing was measured or it is held out, shape (n,).
    """

    inputs: NDArray[np.float32]
    classes: NDArray[np.int64]
    weights: NDArray[np.float32]

    def keep(self, kept: NDArray[np.bool_]) -> Labelled:
        """Return the same series where only the samples kept can be seen and count.

        Held-out samples look like a gap in the data, so that windows may reach over them and yet
        nothing of them is learnt.
        """
        return Labelled(
            np.where(kept, self.inputs, np.float32(0)),
            np.where(kept, self.classes, 0),
            np.where(kept, self.weights, np.float32(0)),
        )


def label(
    series: InSituSeries, ejections: Any, regions: Any = None, *, complete: bool = False
) -> Labelled:
    """Join a series with its lists of events; see `pipelines.icme.labels.label_regions`."""
    inputs = features(series, REFERENCE)
    weights = usable_samples(inputs).astype(np.float32)
    codes = label_regions(ejections, regions, series, complete=complete)
    return Labelled(inputs, codes, weights)


def label_simulation(simulation: Simulation) -> Labelled:
    """Join a simulation with its truth."""
    return label(simulation.series, simulation.truth, simulation.regions, complete=True)


def training_simulations(progress: Progress = silent) -> list[Labelled]:
    """Simulate the years that every training uses."""
    labelled = []
    for number in range(SIMULATED_YEARS):
        rate = QUIET_RATE if number % 2 else None
        year = simulate(seed=FIRST_SEED + number, days=365, ejections_per_year=rate)
        labelled.append(label_simulation(year))
        progress("simulating years to train on", number + 1, SIMULATED_YEARS)
    return labelled


def time_blocks(samples: int, count: int) -> list[NDArray[np.bool_]]:
    """Divide a series into consecutive blocks of equal length; one mask a block."""
    edges = np.linspace(0, samples, count + 1).astype(int)
    number = np.arange(samples)
    return [(number >= first) & (number < end) for first, end in itertools.pairwise(edges)]


def batches(
    real: Sequence[Labelled],
    simulated: Sequence[Labelled],
    random: np.random.Generator,
    window: int,
) -> Iterator[Batch]:
    """Yield batches of windows for ever, real ones first, all augmented."""
    sources = [real or simulated] * (BATCH - SIMULATED) + [simulated or real] * SIMULATED
    while True:
        chosen = [_draw(source, random, window) for source in sources]
        inputs, classes, weights = (np.stack(each) for each in zip(*chosen, strict=True))
        yield inputs, classes, weights


def _draw(series: Sequence[Labelled], random: np.random.Generator, window: int) -> Batch:
    # Roots, so that a long series with few channels does not crowd out a short complete one.
    share = np.sqrt([len(each.classes) for each in series])
    one = series[random.choice(len(series), p=share / share.sum())]
    length = round(window * np.exp(random.uniform(-0.3, 0.3)))
    middle = random.integers(len(one.classes))
    inside = np.flatnonzero(np.isin(one.classes, EVENTS) & (one.weights > 0))
    if inside.size and random.random() < _CENTRED:
        middle = random.choice(inside) + random.integers(-window // 2, window // 2)
    index = middle - length // 2 + np.arange(length)
    within = (index >= 0) & (index < len(one.classes))
    index = np.clip(index, 0, len(one.classes) - 1)
    inputs = np.where(within, one.inputs[:, index], np.float32(0))
    weights = np.where(within, one.weights[index], np.float32(0))
    return _augment(inputs, one.classes[index], weights, random, window)


def _augment(
    inputs: NDArray[np.float32],
    classes: NDArray[np.int64],
    weights: NDArray[np.float32],
    random: np.random.Generator,
    window: int,
) -> Batch:
    """Vary a window in ways that leave an ejection an ejection.

    Its duration is stretched to the window; the field is reflected (polarity and handedness have
    no preference); the scaling is off by a little, as it would be for another spacecraft; and
    sometimes some channels are lost altogether, or all of them for a while.
    """
    nearest = np.linspace(0, len(classes) - 1, window).round().astype(int)
    varied = inputs[:, nearest].copy()
    for component in COMPONENTS:
        if random.random() < 0.5:
            varied[component] *= -1
    masks = [FEATURES.index("field_mask"), FEATURES.index("plasma_mask")]
    known = varied[masks].copy()
    scale = np.exp(0.12 * random.standard_normal((len(varied), 1)))
    shift = 0.3 * random.standard_normal((len(varied), 1))
    shift[list(COMPONENTS)] = 0
    noise = 0.04 * random.standard_normal(varied.shape)
    varied = (varied * scale + (shift + noise) * (known.min(axis=0) > 0)).astype(np.float32)
    varied[masks] = known
    if random.random() < _REDUCED:
        varied[[FEATURES.index(name) for name in _LOST]] = 0
    if random.random() < 0.15:
        first = random.integers(window)
        varied[:, first : first + random.integers(6, 72)] = 0
    counted = weights[nearest].copy()
    if random.random() < _UNFINISHED:
        now = random.integers(window // 4, window)
        varied[:, now:], counted[now:] = 0, 0
    return varied, classes[nearest], counted


def validation_windows(labelled: Labelled, window: int) -> Batch:
    """Return consecutive windows that hold all samples that count, without augmentation."""
    counted = np.flatnonzero(labelled.weights > 0)
    if counted.size == 0:
        raise LabelError("no sample is left to validate on", hint="give longer series")
    starts = np.arange(counted[0], counted[-1] + 1, window // 2)
    index = starts[:, None] + np.arange(window)
    within = index < len(labelled.classes)
    index = np.clip(index, 0, len(labelled.classes) - 1)
    inputs = np.where(within, labelled.inputs[:, index], np.float32(0)).transpose(1, 0, 2)
    weights = np.where(within, labelled.weights[index], np.float32(0))
    return np.ascontiguousarray(inputs), labelled.classes[index], weights


def fit(
    training: Sequence[Labelled],
    simulated: Sequence[Labelled],
    validation: Labelled,
    *,
    seed: int,
    plan: TrainingPlan | None = None,
    progress: Progress = silent,
) -> tuple[Any, TrainingReport]:
    """Train one network.

    Parameters
    ----------
    training, simulated
        What is learnt from.
    validation
        What decides when to stop; nothing of it may be in `training`.
    seed
        Of the weights, the batches and the augmentation.
    plan
        Length and rates.
    progress
        Told after each validation.

    Returns
    -------
    network, report
        The network in its best state, and how training went.
    """
    torch = require("torch")
    from pipelines.icme.model import WINDOW, IcmeNetwork, segmentation_loss

    random = fix_seeds(seed)
    network = IcmeNetwork(len(FEATURES))
    held_out = validation_windows(validation, WINDOW)

    def validate(current: Any) -> float:
        inputs, classes, weights = (torch.from_numpy(each) for each in held_out)
        logits = torch.cat([current(part) for part in inputs.split(32)])
        return float(segmentation_loss(logits, classes, weights))

    report = train_network(
        network,
        batches(training, simulated, random, WINDOW),
        segmentation_loss,
        validate,
        plan or TrainingPlan(),
        progress=progress,
    )
    return network, report


def fit_fully(
    training: Sequence[Labelled],
    simulated: Sequence[Labelled],
    *,
    seed: int,
    steps: int,
    progress: Progress = silent,
) -> Any:
    """Train one network for a fixed number of steps on all there is; see `fit`.

    Nothing is held back to decide when to stop: the learning rate falls to zero over the steps and
    the weights are averaged, so that the last state is as good as any.

    Returns
    -------
    network
        In evaluation mode.
    """
    from pipelines.icme.model import WINDOW, IcmeNetwork, segmentation_loss

    random = fix_seeds(seed)
    network = IcmeNetwork(len(FEATURES))
    train_network(
        network,
        batches(training, simulated, random, WINDOW),
        segmentation_loss,
        lambda _: 0.0,
        TrainingPlan(steps=steps, check_every=steps),
        progress=progress,
    )
    return network
