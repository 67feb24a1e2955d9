"""Learning from samples: turned, cut, brightened, blurred; the learning rate falls to zero."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import require
from pipelines.images.network import UNet
from pipelines.mars_pits.model import FOLD, Targets, logits_of, loss, new_network
from pipelines.mars_pits.plan import Plan
from pipelines.mars_pits.samples import Numbers, Sample, normalised
from pipelines.signals.training import fix_seeds

#: Part of the largest distance from the rim beyond which pixels are core.
CORE = 0.45
#: Small: with little time to learn in, many steps count for more than exact ones.
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Check:
    """A look at the training.

    Attributes
    ----------
    step
        Batches so far.
    training, validation
        Mean loss since the last look, and of the validation samples now.
    """

    step: int
    training: float
    validation: float


@dataclass(frozen=True)
class Prepared:
    """A sample as arrays of the network, see `Targets`; `mirrored` as `Sample` has it."""

    image: NDArray[np.float32]
    cover: NDArray[np.float32]
    core: NDArray[np.float32]
    kind: NDArray[np.int64]
    weight: NDArray[np.float32]
    known: NDArray[np.float32]
    mirrored: bool = True


def core_of(numbers: Numbers, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return 1 in the cores of objects, same shape.

    Parameters
    ----------
    numbers
        Which object a pixel belongs to, 0 for none.
    inside
        Pixels of which half or more lies in an object.
    """
    ndimage = require("scipy.ndimage")
    core = np.zeros(numbers.shape, np.float32)
    own = np.where(inside, numbers, 0)
    for number, place in enumerate(ndimage.find_objects(own), start=1):
        if place is None:
            continue
        # With the ground beside it, so that only the edge of the window is its edge.
        wider = tuple(slice(max(0, each.start - 1), each.stop + 1) for each in place)
        mask = own[wider] == number
        # Beyond the edge of a window an object goes on; its rim is not there.
        distance = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
        core[wider][mask & (distance >= CORE * distance[mask].max())] = 1.0
    return core


def prepare(sample: Sample) -> Prepared:
    """Return a sample as arrays of the network."""
    inside = sample.cover >= 0.5
    numbers = np.where(inside, sample.numbers, 0)
    kinds = np.array([0, *sample.kinds])[numbers].astype(np.int64)
    areas = np.bincount(numbers.ravel(), minlength=len(sample.kinds) + 1).astype(float)
    # An object is one decision, but a large one should count for more than a speck.
    weights = np.where(inside, 10.0 / np.sqrt(np.maximum(areas, 1.0))[numbers], 0.0)
    return Prepared(
        normalised(sample.pixels),
        sample.cover,
        core_of(numbers, inside),
        kinds[::FOLD, ::FOLD],
        weights[::FOLD, ::FOLD].astype(np.float32),
        np.isfinite(sample.pixels).astype(np.float32),
        sample.mirrored,
    )


def _changed(each: Prepared, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Prepared:
    arrays = (each.image, each.cover, each.core, each.kind, each.weight, each.known)
    return Prepared(*(change(array) for array in arrays), each.mirrored)


def placed(each: Prepared, plan: Plan, rng: np.random.Generator) -> Prepared:
    """Return a sample turned by some quarters, and mirrored and cut if the plan says so.

    Parameters
    ----------
    each
        The sample.
    plan
        How is trained.
    rng
        Of what is done.
    """
    quarters = int(rng.integers(4))
    made = _changed(each, lambda array: np.rot90(array, quarters))
    if plan.mirror and each.mirrored and rng.random() < 0.5:
        made = _changed(made, np.fliplr)
    if plan.window is None:
        return made
    # Where pixels are folded, so that classes stay with their pixels.
    steps = [(length - plan.window) // FOLD + 1 for length in made.image.shape]
    top, left = (FOLD * int(rng.integers(count)) for count in steps)
    size = plan.window

    def cut(array: NDArray[Any]) -> NDArray[Any]:
        fold = made.image.shape[0] // array.shape[0]
        rows = slice(top // fold, (top + size) // fold)
        return array[rows, left // fold : (left + size) // fold]

    return _changed(made, cut)


def varied(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a picture as another camera may have taken and another archive stretched it.

    Parameters
    ----------
    image
        Normalised brightness.
    rng
        Of what is done to it.
    """
    made = image
    if rng.random() < 0.3:
        sigma = float(rng.uniform(0.3, 1.0))
        made = require("scipy.ndimage").gaussian_filter(made, sigma, mode="nearest")
    if rng.random() < 0.3:
        noise = rng.uniform(0.0, 0.08) * rng.standard_normal(made.shape, dtype=np.float32)
        made = made + noise.astype(np.float32)
    gain, offset = np.exp(rng.uniform(-0.4, 0.4)), rng.uniform(-0.1, 0.1)
    return np.asarray(made * np.float32(gain) + np.float32(offset))


def batch_of(several: Sequence[Prepared]) -> tuple[torch.Tensor, Targets]:
    """Return images and targets of some samples of one size."""

    def stacked(name: str) -> torch.Tensor:
        return torch.from_numpy(np.stack([getattr(each, name) for each in several]))

    names = ("cover", "core", "kind", "weight", "known")
    return stacked("image"), Targets(*(stacked(name) for name in names))


def _batches(
    samples: Sequence[Prepared], plan: Plan, rng: np.random.Generator
) -> Iterator[tuple[torch.Tensor, Targets]]:
    """Yield batches for ever; every sample once before any comes again."""
    order: list[int] = []
    while True:
        while len(order) < _BATCH:
            order += [int(each) for each in rng.permutation(len(samples))]
        chosen, order = order[:_BATCH], order[_BATCH:]
        several = [placed(samples[each], plan, rng) for each in chosen]
        _, targets = batch_of(several)
        made = np.stack([varied(each.image, rng) for each in several])
        yield torch.from_numpy(made) * targets.known, targets


def mean_loss(network: UNet, samples: Sequence[Prepared], classes: float = 0.5) -> float:
    """Return the loss of samples as they are; see `model.loss`."""
    values = []
    with torch.inference_mode():
        for first in range(0, len(samples), _BATCH):
            images, targets = batch_of(samples[first : first + _BATCH])
            values.append(float(loss(logits_of(network, images), targets, classes)))
    return float(np.mean(values)) if values else float("nan")


def fit(
    training: Sequence[Sample],
    validation: Sequence[Sample],
    classes: int,
    *,
    seed: int,
    plan: Plan,
    start: UNet | None = None,
    progress: Progress = silent,
) -> tuple[UNet, tuple[Check, ...]]:
    """Train a network for a fixed number of batches.

    Parameters
    ----------
    training
        What is learnt from; windows of one size, a multiple of `model.MULTIPLE`.
    validation
        Looked at, for the report; nothing is chosen by them here.
    classes
        How many there are.
    seed
        Of weights and batches.
    plan
        How.
    start
        A network to go on from; its head for classes is kept if it has as many.
    progress
        Told after each look.

    Returns
    -------
    network
        In evaluation mode.
    checks
        The looks.
    """
    rng = fix_seeds(seed)
    network = new_network(classes)
    if start is not None:
        take_over(network, start)
    network = network.to(memory_format=torch.channels_last)
    batches = _batches([prepare(each) for each in training], plan, rng)
    aside = [prepare(each) for each in validation]
    optimizer = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, plan.learning_rate, total_steps=plan.steps, pct_start=0.08
    )
    checks: list[Check] = []
    recent: list[float] = []
    network.train()
    for step in range(1, plan.steps + 1):
        images, targets = next(batches)
        value = loss(logits_of(network, images), targets, plan.classes)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        recent.append(float(value.detach()))
        if step % plan.check_every == 0 or step == plan.steps:
            network.eval()
            seen = mean_loss(network, aside, plan.classes)
            checks.append(Check(step, float(np.mean(recent)), seen))
            network.train()
            recent.clear()
            progress(f"training, loss {checks[-1].training:.3f}", step, plan.steps)
    return network.eval(), tuple(checks)


def take_over(network: UNet, start: UNet) -> None:
    """Copy the weights of another network, but for a head of another number of classes."""
    own = network.state_dict()
    kept = {
        name: value for name, value in start.state_dict().items() if value.shape == own[name].shape
    }
    network.load_state_dict({**own, **kept})
