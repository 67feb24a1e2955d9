"""Training a network on windows of series: batches, early stopping, fixed seeds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.errors import LabelError, require

#: Inputs, targets and weights of the samples of a batch, as numpy arrays.
Batch = tuple[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How a network is trained.

    Attributes
    ----------
    steps
        Batches at most; the learning rate falls to zero as half a cosine over them.
    learning_rate, weight_decay
        Of AdamW, the first after the warm-up.
    warm_up
        Batches over which the learning rate rises.
    check_every
        Batches between two validations.
    patience
        Validations without improvement after which training stops.
    settled
        Fraction of the steps before which no state is kept: while the learning rate is high, a low
        loss on a small validation set is luck.
    memory
        Share of the old value in the running average of the weights; the average is what is
        validated and kept, since it overfits less than the last state.
    """

    steps: int = 400
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-2
    warm_up: int = 50
    check_every: int = 50
    patience: int = 6
    settled: float = 0.5
    memory: float = 0.98


@dataclass(frozen=True)
class TrainingReport:
    """What happened.

    Attributes
    ----------
    best_step, best_loss
        When the validation loss was lowest, and how low; the network is left in that state.
    history
        (step, training loss since the last check, validation loss).
    """

    best_step: int
    best_loss: float
    history: tuple[tuple[int, float, float], ...] = field(default=())


def require_pairs(inputs: Sequence[Any], labels: Sequence[Any]) -> None:
    """Check that each input has its labels.

    Raises
    ------
    LabelError
        If there are no inputs, or not as many labels.
    """
    if not inputs or len(inputs) != len(labels):
        raise LabelError(
            f"{len(inputs)} inputs came with {len(labels)} lists of labels",
            hint="give one list for each input, in the same order",
        )


def require_folds(folds: int) -> None:
    """Check that there are enough folds to learn from, to choose on and to test.

    Raises
    ------
    LabelError
        If there are fewer than three.
    """
    if folds < 3:
        raise LabelError(
            f"{folds} folds cannot be divided into training, choosing and testing",
            hint="use at least 3",
        )


def fix_seeds(seed: int) -> np.random.Generator:
    """Seed torch and return a generator for everything else."""
    torch = require("torch")
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


def train_network(
    network: Any,
    batches: Iterator[Batch],
    loss: Callable[[Any, Any, Any], Any],
    validate: Callable[[Any], float],
    plan: TrainingPlan,
    *,
    progress: Progress = silent,
) -> TrainingReport:
    """Train until the validation loss stops falling, and keep the best state.

    Parameters
    ----------
    network
        A ``torch.nn.Module``, changed in place.
    batches
        Endless batches.
    loss
        Of outputs, targets and weights; a scalar tensor.
    validate
        Validation loss of the network, which is in evaluation mode when called.
    plan
        How.
    progress
        Told after each validation.
    """
    torch = require("torch")
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
    )
    average = copy.deepcopy(network).eval()
    best_loss, best_step, best_state = float("inf"), 0, copy.deepcopy(average.state_dict())
    history: list[tuple[int, float, float]] = []
    recent: list[float] = []
    network.train()
    for step in range(1, plan.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * _rate(step, plan)
        inputs, targets, weights = (torch.from_numpy(each) for each in next(batches))
        value = loss(network(inputs), targets, weights)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        _remember(torch, average, network, min(plan.memory, step / (step + 10)))
        recent.append(float(value.detach()))
        if step % plan.check_every and step != plan.steps:
            continue
        with torch.no_grad():
            held_out = validate(average)
        history.append((step, float(np.mean(recent)), held_out))
        recent.clear()
        progress(f"training, validation loss {held_out:.4f}", step, plan.steps)
        if step < plan.settled * plan.steps:
            continue
        if held_out < best_loss:
            best_loss, best_step = held_out, step
            best_state = copy.deepcopy(average.state_dict())
        elif step - best_step >= plan.patience * plan.check_every:
            break
    network.load_state_dict(best_state)
    network.eval()
    return TrainingReport(best_step, best_loss, tuple(history))


def _remember(torch: Any, average: Any, network: Any, memory: float) -> None:
    """Move the running average of the weights towards the present ones."""
    with torch.no_grad():
        for old, new in zip(average.parameters(), network.parameters(), strict=True):
            old.lerp_(new, 1 - memory)
        # Statistics of batch normalisation are running averages already.
        for old, new in zip(average.buffers(), network.buffers(), strict=True):
            old.copy_(new)


def _rate(step: int, plan: TrainingPlan) -> float:
    if step < plan.warm_up:
        return step / plan.warm_up
    done = (step - plan.warm_up) / max(plan.steps - plan.warm_up, 1)
    return float(0.5 * (1 + np.cos(np.pi * min(done, 1.0))))
