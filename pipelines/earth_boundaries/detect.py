"""From a series to regions: probabilities by the networks, the same in any excerpt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.earth_boundaries.features import FIELD_MASK, PLASMA_MASK, features
from pipelines.earth_boundaries.moments import MomentSeries
from pipelines.earth_boundaries.regions import UNKNOWN
from pipelines.earth_boundaries.weights import CASE
from pipelines.errors import require
from pipelines.signals.windows import overlap_average
from pipelines.weights import load_into, weight_files


def region_probabilities(
    series: MomentSeries, networks: Sequence[Any], *, progress: Progress = silent
) -> NDArray[np.float64]:
    """Return the probabilities of `regions.REGIONS` of each minute.

    Parameters
    ----------
    series
        What was measured.
    networks
        Their answers are averaged.
    progress
        Told how the work goes on.

    Returns
    -------
    probabilities
        Shape (4, n); NaN where neither field nor plasma was measured.
    """
    torch = require("torch")
    from pipelines.earth_boundaries.model import STEP, WINDOW

    inputs = features(series)

    def answer(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            batch = torch.from_numpy(windows)
            total = sum(torch.softmax(network(batch), dim=1) for network in networks)
            mean: NDArray[np.float32] = (total / len(networks)).numpy()
        return mean

    found = overlap_average(
        inputs, series.first, WINDOW, STEP, answer, batch=16, progress=progress
    ).astype(np.float64)
    found[:, (inputs[FIELD_MASK] == 0) & (inputs[PLASMA_MASK] == 0)] = np.nan
    return found


def named_regions(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the most likely region of each minute, `regions.UNKNOWN` in gaps, shape (n,)."""
    measured = np.isfinite(probabilities[0])
    named = np.nan_to_num(probabilities).argmax(axis=0)
    return np.asarray(np.where(measured, named, UNKNOWN), dtype=np.int64)


def load_region_networks(folder: Path) -> list[Any]:
    """Load all networks for minutes of a folder, in evaluation mode.

    Raises
    ------
    WeightsError
        If there are none, or they are those of another network.
    """
    require("torch")
    from pipelines.earth_boundaries.model import RegionNetwork

    return [load_into(RegionNetwork(), path) for path in weight_files(folder, CASE, "moments_*")]
