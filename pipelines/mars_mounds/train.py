"""Training networks on simulated sites, or on labelled windows of any source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import require
from pipelines.mars_mounds.channels import (
    SURROUNDINGS,
    Bands,
    filled,
    height_bands,
    picture_bands,
)
from pipelines.mars_mounds.pictures import draw_shading, shaded, with_aprons
from pipelines.mars_mounds.simulate import Site, simulate_site
from pipelines.signals.training import Batch, TrainingPlan, TrainingReport, fix_seeds, train_network

Values = NDArray[np.float64]
Random = np.random.Generator

#: Pixels along a side of a window that is learnt from, windows a batch, and pixels read around it.
WINDOW, BATCH, _AROUND = 128, 8, SURROUNDINGS // 2

#: Sites that one training learns from, and the first seeds of those of each purpose; lower seeds
#: are left for demonstrations and tests.
SITES, TRAINING_SEED, VALIDATION_SEED, TEST_SEED, ROUGH_SEED = 64, 1000, 100_000, 220_000, 320_000

#: Batches of one training.
STEPS = 300

#: Pixels around a window that is shaded: what a blur and a slope reach.
_SHADED = 6

#: Windows that the loss is watched on.
_WATCHED = 32


@dataclass(frozen=True)
class Ground:
    """Something labelled to learn from.

    Attributes
    ----------
    heights
        In m, shape (rows, cols); or the brightness of a picture, 0 to 255.
    pixel
        Size of a pixel in m; not used for pictures.
    targets
        Mounds, middles and vents, 0 to 1, shape (3, rows, cols); below 0 where nobody knows.
    """

    heights: Values
    pixel: float
    targets: NDArray[np.float32]


def ground_of(site: Site) -> Ground:
    """Return what is learnt from a simulated site."""
    shape = site.heights.shape
    mounds = [(each.row, each.col, each.diameter / site.pixel) for each in site.mounds]
    targets = np.stack([site.labels > 0, centres(mounds, shape), site.vents])
    return Ground(site.heights, site.pixel, targets.astype(np.float32))


def ground_of_labels(heights: Values, pixel: float, labels: NDArray[np.int32]) -> Ground:
    """Return what is learnt from a labelled height model; of vents it tells nothing.

    Parameters
    ----------
    heights
        In m, NaN where there are none.
    pixel
        Size of a pixel in m.
    labels
        Number of the mound that a pixel belongs to; 0 on the ground.
    """
    mounds = []
    for number in range(1, int(labels.max(initial=0)) + 1):
        rows, cols = np.nonzero(labels == number)
        if len(rows):
            width = 2.0 * np.sqrt(len(rows) / np.pi)
            mounds.append((float(rows.mean()) + 0.5, float(cols.mean()) + 0.5, float(width)))
    known = filled(heights)
    targets = np.stack([labels > 0, centres(mounds, labels.shape), np.full(labels.shape, -1.0)])
    return Ground(known, pixel, targets.astype(np.float32))


def centres(mounds: Sequence[tuple[float, float, float]], shape: tuple[int, ...]) -> Values:
    """Return the map with a hill on the middle of each mound.

    Parameters
    ----------
    mounds
        Row, column and diameter of each, in pixels.
    shape
        Of the map.
    """
    made = np.zeros(shape)
    rows, cols = np.arange(shape[0]) + 0.5, np.arange(shape[1]) + 0.5
    for row, col, diameter in mounds:
        width = max(1.5, diameter / 8.0)
        down = np.exp(-(((rows - row) / width) ** 2) / 2.0)
        along = np.exp(-(((cols - col) / width) ** 2) / 2.0)
        np.maximum(made, down[:, None] * along[None, :], out=made)
    return made


def ground_of_picture(site: Site) -> Ground:
    """Return what is learnt from a simulated site where only pictures are seen of it."""
    return ground_of(with_aprons(site))


def training_sites(
    number: int,
    count: int = SITES,
    prepare: Callable[[Site], Ground] = ground_of,
    progress: Progress = silent,
) -> list[Ground]:
    """Simulate the sites that the training of one number learns from; each has its own."""
    made = []
    for each in range(count):
        made.append(prepare(simulate_site(TRAINING_SEED + 1000 * number + each)))
        progress("simulating sites to train on", each + 1, count)
    return made


def draw_window(ground: Ground, random: Random, size: int = WINDOW) -> tuple[Values, Any]:
    """Draw a window with its surroundings, turned or mirrored, and the targets within."""
    rows, cols = ground.heights.shape
    top, left = (int(random.integers(0, max(side - size, 0) + 1)) for side in (rows, cols))
    reach = size + 2 * _AROUND
    padded = [np.clip(np.arange(at - _AROUND, at - _AROUND + reach), 0, side - 1)
              for at, side in ((top, rows), (left, cols))]  # fmt: skip
    heights = ground.heights[np.ix_(*padded)]
    targets = ground.targets[:, top : top + size, left : left + size]
    turns, mirrored = int(random.integers(4)), bool(random.integers(2))
    heights = np.rot90(heights, turns)
    targets = np.rot90(targets, turns, axes=(1, 2))
    if mirrored:
        heights, targets = heights[:, ::-1], targets[:, :, ::-1]
    return heights, targets


def shape_inputs(heights: Values, pixel: float, random: Random) -> Bands:
    """Return the bands of a window of heights, made a little steeper or flatter."""
    steeper = float(np.exp(random.uniform(-0.25, 0.25)))
    bands = height_bands(heights * steeper, (pixel, pixel))
    return bands[:, _AROUND:-_AROUND, _AROUND:-_AROUND]


def picture_inputs(heights: Values, pixel: float, random: Random) -> Bands:
    """Return the band of a window of heights, made a picture in a way that is drawn."""
    # Pictures are shaded with a few pixels around them; bands of heights need many more.
    near = slice(_AROUND - _SHADED, _SHADED - _AROUND)
    grey = shaded(heights[near, near], pixel, draw_shading(random), random)
    return picture_bands(grey, float(np.median(grey)))[:, _SHADED:-_SHADED, _SHADED:-_SHADED]


Inputs = Callable[[Values, float, Random], Bands]


def batches(
    grounds: Sequence[Ground],
    random: Random,
    inputs: Inputs = shape_inputs,
    *,
    size: int = WINDOW,
    batch: int = BATCH,
) -> Iterator[Batch]:
    """Yield batches of windows for ever."""
    while True:
        drawn = []
        for _ in range(batch):
            ground = grounds[int(random.integers(len(grounds)))]
            heights, targets = draw_window(ground, random, size)
            drawn.append((inputs(heights, ground.pixel, random), targets))
        seen = np.stack([each[0] for each in drawn])
        true = np.ascontiguousarray(np.stack([each[1] for each in drawn]))
        yield seen, true, np.ones_like(true[:, :1])


def fit(
    network: Any,
    grounds: Sequence[Ground],
    watched: Sequence[Ground],
    *,
    seed: int,
    inputs: Inputs = shape_inputs,
    steps: int = STEPS,
    size: int = WINDOW,
    progress: Progress = silent,
) -> TrainingReport:
    """Train one network, in place; what is kept is the state of least loss on watched windows.

    Parameters
    ----------
    network
        Not trained, or trained before.
    grounds, watched
        What is learnt from, and what the loss is watched on.
    seed
        Of the batches; that of the weights is set before the network is made.
    inputs
        Makes bands of heights.
    steps, size
        Batches, and pixels along a side of their windows.
    progress
        Told after each validation.
    """
    require("torch")
    import torch

    from pipelines.mars_mounds.model import mound_loss

    random = fix_seeds(seed)
    network.to(memory_format=torch.channels_last)
    held = next(batches(watched, np.random.default_rng(5), inputs, size=size, batch=_WATCHED))

    def validate(average: Any) -> float:
        values = [torch.from_numpy(each) for each in held]
        return float(mound_loss(average(values[0]), values[1], values[2]))

    plan = TrainingPlan(
        steps=steps,
        learning_rate=6e-3,
        check_every=max(1, steps // 10),
        patience=10,
        warm_up=max(1, steps // 12),
        memory=0.97,
    )
    drawn = batches(grounds, random, inputs, size=size)
    return train_network(network, drawn, mound_loss, validate, plan, progress=progress)
