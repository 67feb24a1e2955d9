"""The direct detector of bow shock crossings that was published first, as a baseline.

A network looks at half an hour and says how near its middle is to a crossing; peaks of the answer
are crossings. Label, network and peaks follow the case "boundary crossings" of the Europlanet 2024
RI work package on machine learning (report D10.4; repository epn-ml/IAP_boundaries): the label
falls linearly to zero ten minutes from the crossing, seven causal convolutions of 20 filters, two
poolings, drop-out, one answer; mean squared error; peaks of a prominence of 0.2; three minutes of
tolerance; only hours that hold a crossing. Length of the window and number of training steps are
ours. Written anew from that description. Importing this module needs torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import find_peaks
from torch import Tensor, nn
from torch.nn import functional

from pipelines.contract import Progress, silent
from pipelines.earth_boundaries.crossings import true_crossings
from pipelines.earth_boundaries.features import FIELD_FEATURES, PLASMA_FEATURES, features
from pipelines.earth_boundaries.matching import CrossingScores, score_crossings
from pipelines.earth_boundaries.moments import MomentSeries
from pipelines.signals.training import Batch, TrainingPlan, fix_seeds, train_network

Values = NDArray[np.float64]

#: Minutes of a window, of the label on either side of a crossing, and of an hour.
WINDOW, WIDTH, HOUR = 32, 10, 60

#: Of peaks.
PROMINENCE = 0.2

#: Measurements without place and without the masks.
_INPUTS = (*FIELD_FEATURES, *PLASMA_FEATURES)

_FILTERS, _LAYERS, _BATCH = 20, 7, 32


class DirectNetwork(nn.Module):
    """Seven causal convolutions, two poolings, one answer between 0 and 1."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [len(_INPUTS)] + [_FILTERS] * _LAYERS
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, 3) for before, after in itertools.pairwise(sizes)
        )
        self.dropout = nn.Dropout(0.2)
        self.answer = nn.Linear(_FILTERS * (WINDOW // 4), 1)
        # As the library of the published one starts (Glorot & Bengio 2010); what torch starts with
        # lets the signal of seven layers without shortcuts fade, and nothing is learnt.
        for layer in [*self.layers, self.answer]:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map windows (batch, 10, 32) to similarities (batch,)."""
        for layer in self.layers:
            x = functional.relu(layer(functional.pad(x, (2, 0))))
        x = functional.max_pool1d(functional.max_pool1d(x, 2), 2)
        similarity: Tensor = torch.sigmoid(self.answer(self.dropout(x.flatten(1))))
        return similarity.squeeze(1)


@dataclass(frozen=True)
class Hours:
    """Series cut for the direct detector.

    Attributes
    ----------
    inputs
        Shape (10, n).
    crossings
        Times of bow shock crossings, minutes from the beginning, shape (k,).
    chosen
        Which minutes lie in an hour that holds a crossing, shape (n,).
    """

    inputs: NDArray[np.float32]
    crossings: Values
    chosen: NDArray[np.bool_]

    @property
    def similarity(self) -> Values:
        """Label of each minute: 1 at a crossing, 0 ten minutes from it and farther, shape (n,)."""
        minutes = np.arange(len(self.chosen)) + 0.5
        if not len(self.crossings):
            return np.zeros(len(minutes))
        place = np.clip(np.searchsorted(self.crossings, minutes), 1, len(self.crossings)) - 1
        following = np.minimum(place + 1, len(self.crossings) - 1)
        distance = np.minimum(
            np.abs(minutes - self.crossings[place]), np.abs(minutes - self.crossings[following])
        )
        return np.asarray(np.clip(1 - distance / WIDTH, 0, 1))


def hours_of(series: MomentSeries, regions: NDArray[np.int64]) -> Hours:
    """Return a series with its bow shocks and the hours that hold one."""
    true = true_crossings(regions)
    shocks = np.sort(true.time[true.boundary == 0])
    hour = np.arange(len(series)) // HOUR
    chosen = np.isin(hour, np.unique((shocks // HOUR).astype(np.int64)))
    return Hours(features(series)[list(_INPUTS)], shocks, chosen)


def fit_direct(
    several: Sequence[Hours], *, seed: int, steps: int = 500, progress: Progress = silent
) -> Any:
    """Train the direct detector on the hours with a crossing; returned in evaluation mode."""
    random = fix_seeds(seed)
    network = DirectNetwork()

    def loss(similarity: Any, target: Any, weights: Any) -> Any:
        return ((similarity - target) ** 2 * weights).mean()

    plan = TrainingPlan(steps=steps, learning_rate=1e-3, check_every=steps)
    train_network(network, _batches(several, random), loss, lambda _: 0.0, plan, progress=progress)
    return network


def _batches(several: Sequence[Hours], random: np.random.Generator) -> Iterator[Batch]:
    windows = np.concatenate([_windows(each)[each.chosen] for each in several])
    labels = np.concatenate([each.similarity[each.chosen] for each in several]).astype(np.float32)
    while True:
        index = random.integers(len(labels), size=_BATCH)
        yield windows[index], labels[index], np.ones(_BATCH, dtype=np.float32)


def _windows(hours: Hours) -> NDArray[np.float32]:
    """Return the half-hour around each minute, shape (n, 10, 32)."""
    padded = np.pad(hours.inputs, ((0, 0), (WINDOW // 2, WINDOW // 2 - 1)))
    cut = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1)
    return np.ascontiguousarray(cut.transpose(1, 0, 2))


def similarities(network: Any, hours: Hours) -> Values:
    """Return the answer of the network for each minute, shape (n,)."""
    windows = torch.from_numpy(_windows(hours))
    with torch.no_grad():
        parts = [network(part) for part in windows.split(4096)]
    return torch.cat(parts).numpy().astype(np.float64)


def peaks(similarity: Values) -> Values:
    """Return the times of peaks, minutes from the beginning."""
    found, _ = find_peaks(similarity, prominence=PROMINENCE)
    return np.asarray(found + 0.5)


def score_in_hours(
    found: Values, hours: Hours, tolerance: float, *, all_hours: bool
) -> CrossingScores:
    """Score times of bow shocks.

    Parameters
    ----------
    found
        Times, minutes from the beginning.
    hours
        The truth.
    tolerance
        s.
    all_hours
        Whether all detections count, or only those in hours that hold a crossing, as published.
    """
    minute = np.clip(found.astype(np.int64), 0, len(hours.chosen) - 1)
    counted = found if all_hours else found[hours.chosen[minute]]
    none = np.zeros(len(hours.crossings), dtype=np.int64)
    return score_crossings(
        60 * hours.crossings, none, 60 * counted, np.zeros(len(counted), np.int64), tolerance
    )
