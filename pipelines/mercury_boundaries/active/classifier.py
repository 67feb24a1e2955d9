"""A classifier that learns in a second, so that many choices of orbits can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.mercury_boundaries.active.cells import Cells
from pipelines.mercury_boundaries.labels import CLASSES, UNKNOWN

Probabilities = NDArray[np.float32]

#: Hidden units, batches, cells a batch, and the largest learning rate; dropout and the noise that
#: is added to features of unit variance. Chosen on a simulated mission that is in no table.
_HIDDEN: Final = 48
_STEPS: Final = 400
_BATCH: Final = 512
_RATE: Final = 6e-3
_DROPOUT: Final = 0.2
_NOISE: Final = 0.1

#: Features that change their sign when dawn and dusk are exchanged, and north and south; the field
#: is turned besides, so that the dipole stays what it is (`features.vary`).
_DAWN_AND_DUSK: Final = (1, 9)
_NORTH_AND_SOUTH: Final = (0, 1, 10)

#: Weights of the classes are their rarity to this power: crossings are few.
_RARITY: Final = 0.5


@dataclass(frozen=True)
class FastClassifier:
    """A network of two hidden layers over single cells.

    Attributes
    ----------
    mean, scale
        Of the features it learnt from, shape (f,).
    network
        In evaluation mode.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    network: Any

    def probabilities(self, orbit: Cells) -> Probabilities:
        """Return the probabilities of the classes of each cell, shape (n, 5)."""
        torch = require("torch")
        with torch.inference_mode():
            given = torch.from_numpy((orbit.features - self.mean) / self.scale)
            said: Probabilities = torch.softmax(self.network(given), dim=1).numpy()
        return said


def fit_classifier(orbits: Sequence[Cells], seed: int, steps: int = _STEPS) -> FastClassifier:
    """Train on labelled orbits.

    Parameters
    ----------
    orbits
        At least one with a known class.
    seed
        Of weights and batches.
    steps
        Batches.

    Raises
    ------
    ValueError
        If no cell has a class.
    """
    torch = require("torch")
    features = np.concatenate([each.features for each in orbits])
    classes = np.concatenate([each.classes for each in orbits]).astype(np.int64)
    known = classes != UNKNOWN
    if not known.any():
        raise ValueError("no cell of these orbits has a class")
    features, classes = features[known], classes[known]
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-3
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    layers = torch.nn
    network = layers.Sequential(
        layers.Linear(features.shape[1], _HIDDEN),
        layers.GELU(),
        layers.Dropout(_DROPOUT),
        layers.Linear(_HIDDEN, _HIDDEN),
        layers.GELU(),
        layers.Dropout(_DROPOUT),
        layers.Linear(_HIDDEN, len(CLASSES)),
    )
    counts = np.bincount(classes, minlength=len(CLASSES))
    rarity = (len(classes) / np.maximum(counts, 1.0)) ** _RARITY
    loss = layers.CrossEntropyLoss(weight=torch.from_numpy(rarity.astype(np.float32)))
    inputs, answers = torch.from_numpy(features), torch.from_numpy(classes)
    middle, width = torch.from_numpy(mean), torch.from_numpy(scale)
    signs = torch.from_numpy(_mirrors(features.shape[1]))
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
    for _ in range(steps):
        chosen = torch.from_numpy(random.integers(len(classes), size=_BATCH))
        turned = signs[torch.from_numpy(random.integers(len(signs), size=_BATCH))]
        given = (inputs[chosen] * turned - middle) / width
        optimizer.zero_grad()
        loss(network(given + _NOISE * torch.randn_like(given)), answers[chosen]).backward()
        optimizer.step()
        schedule.step()
    return FastClassifier(mean, scale, network.eval())


def _mirrors(count: int) -> NDArray[np.float32]:
    """Return the signs of the features as they are, and in three mirrors, shape (4, count)."""
    signs = np.ones((4, count), dtype=np.float32)
    signs[1, _DAWN_AND_DUSK] = -1
    signs[2, _NORTH_AND_SOUTH] = -1
    signs[3] = signs[1] * signs[2]
    return signs


def entropy(probabilities: Probabilities) -> NDArray[np.float64]:
    """Return Shannon's entropy in bits over the last axis."""
    values = np.clip(probabilities.astype(np.float64), 1e-12, 1.0)
    return np.asarray(-(values * np.log2(values)).sum(axis=-1))


def macro_f1(true: Sequence[NDArray[np.int8]], said: Sequence[NDArray[np.int8]]) -> float:
    """Return the mean F1 of the five classes over the cells of orbits whose class is known."""
    truth, answer = np.concatenate(list(true)), np.concatenate(list(said))
    known = truth != UNKNOWN
    truth, answer = truth[known].astype(np.int64), answer[known].astype(np.int64)
    size = len(CLASSES)
    table = np.bincount(truth * size + answer, minlength=size * size).reshape(size, size)
    total = table.sum(axis=0) + table.sum(axis=1)
    occurring = table.sum(axis=1) > 0
    return float((2 * np.diag(table) / np.maximum(total, 1))[occurring].mean())
