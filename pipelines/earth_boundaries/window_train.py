"""Training the network for windows, on simulated windows, real ones, or both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.earth_boundaries.simulate_windows import simulate_windows
from pipelines.earth_boundaries.windows import ENERGIES, Windows
from pipelines.errors import require
from pipelines.signals.training import Batch, TrainingPlan, fix_seeds, train_network

#: Simulated windows of each region that a network learns from.
SIMULATED_EACH = 3000

#: Windows a batch, and how many of them are real where there are real ones.
_BATCH, _REAL = 256, 96

#: How often a window is shown without its place.
_PLACELESS = 0.3

_X, _KNOWN = ENERGIES + 4, ENERGIES + 5


def fit_windows(
    real: Windows | None,
    *,
    seed: int,
    steps: int = 1500,
    simulated: bool = True,
    progress: Progress = silent,
) -> Any:
    """Train one network for a fixed number of steps.

    Parameters
    ----------
    real
        Labelled windows; none for simulation alone.
    seed
        Of weights, batches and simulation.
    steps
        Batches.
    simulated
        Whether simulated windows are learnt from, too.
    progress
        Told how training goes on.

    Returns
    -------
    network
        In evaluation mode.
    """
    torch = require("torch")
    from pipelines.earth_boundaries.window_model import WindowNetwork, window_features

    random = fix_seeds(seed)
    network = WindowNetwork()
    sources = []
    if real is not None:
        sources.append((window_features(real), real.required_labels()))
    if simulated:
        made = simulate_windows(SIMULATED_EACH, seed=seed)
        sources.append((window_features(made), made.required_labels()))

    def loss(logits: Any, classes: Any, weights: Any) -> Any:
        each = torch.nn.functional.cross_entropy(
            logits, classes, reduction="none", label_smoothing=0.05
        )
        return (each * weights).mean()

    plan = TrainingPlan(steps=steps, learning_rate=2e-3, check_every=steps, weight_decay=0.05)
    train_network(network, _batches(sources, random), loss, lambda _: 0.0, plan, progress=progress)
    return network


def _batches(
    sources: list[tuple[NDArray[np.float32], NDArray[np.int64]]], random: np.random.Generator
) -> Iterator[Batch]:
    sizes = [_BATCH] if len(sources) == 1 else [_REAL, _BATCH - _REAL]
    while True:
        chosen = [
            _draw(features, labels, size, random)
            for (features, labels), size in zip(sources, sizes, strict=True)
        ]
        features, labels = (np.concatenate(each) for each in zip(*chosen, strict=True))
        yield features, labels, np.ones(len(labels), dtype=np.float32)


def _draw(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    size: int,
    random: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Draw windows, each region as often as any other, varied as other orbits would vary them."""
    present = np.unique(labels)
    wanted = random.choice(present, size)
    index = np.empty(size, dtype=np.int64)
    for code in present:
        members = np.flatnonzero(labels == code)
        index[wanted == code] = random.choice(members, int((wanted == code).sum()))
    varied = features[index].copy()
    varied[:, :ENERGIES] = _shifted(varied[:, :ENERGIES], random)
    varied[:, :ENERGIES] += random.normal(0, 0.12, (size, 1)).astype(np.float32)
    varied += random.normal(0, 0.04, varied.shape).astype(np.float32)
    varied[:, _X] += random.normal(0, 0.15, size).astype(np.float32)
    hidden = random.random(size) < _PLACELESS
    varied[hidden, _X] = 0.0
    varied[:, _KNOWN] = np.where(hidden, 0.0, features[index, _KNOWN])
    varied[varied[:, _KNOWN] == 0, _X] = 0.0
    return varied, labels[index]


def _shifted(spectra: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Move spectra by up to two energies, as another speed or another table of energies would."""
    shift = random.integers(-2, 3, len(spectra))
    index = np.clip(np.arange(ENERGIES)[None, :] - shift[:, None], 0, ENERGIES - 1)
    return np.take_along_axis(spectra, index, axis=1)
