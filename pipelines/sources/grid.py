"""Putting samples of any cadence on the regular grid, with holes where nothing was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipelines.sources.cleaning import Cadence
from pipelines.sources.insitu import CADENCE

if TYPE_CHECKING:
    import pandas as pd

#: A gap longer than this ends an event and is never bridged: 36 samples of 10 minutes, as in
#: Rüdisser et al. (2022).
LONGEST_BRIDGE = 36


def to_grid(
    times: NDArray[np.datetime64], values: pd.DataFrame
) -> tuple[np.datetime64, pd.DataFrame]:
    """Average samples over the bins of the regular grid.

    Parameters
    ----------
    times
        Ascending times of the samples, UTC, shape (n,), n > 0.
    values
        One row a sample, NaN where a value is missing.

    Returns
    -------
    start
        Start of the first bin, a multiple of the cadence since 1970.
    gridded
        One row a bin from the first to the last sample; the mean of the values that the bin has,
        NaN when it has none.
    """
    cadence = CADENCE.astype("timedelta64[us]").astype(np.int64)
    bins = times.astype("datetime64[us]").astype(np.int64) // cadence
    number = bins - bins[0]
    gridded = values.groupby(number).mean().reindex(np.arange(number[-1] + 1))
    start = np.datetime64(int(bins[0] * cadence), "us")
    return start, gridded.reset_index(drop=True)


def cadences_of(times: NDArray[np.datetime64]) -> tuple[Cadence, ...]:
    """Return the distances that neighbouring samples keep, each in one step of a hundred or more.

    A distance counts where the one before or after it is the same: others are gaps.

    Parameters
    ----------
    times
        Ascending, shape (n,).

    Returns
    -------
    cadences
        The most frequent first. Distances that differ by a tenth of themselves are the same
        (instruments do not keep time to the second); the most frequent stands for all.
    """
    steps = np.diff(times.astype("datetime64[us]").astype(np.int64)) / 1e6
    steps = steps[steps > 0]
    groups = np.round(np.log(np.maximum(steps, 1e-6)) / np.log(1.1)).astype(np.int64)
    same = groups[1:] == groups[:-1]
    kept = np.concatenate(([False], same)) | np.concatenate((same, [False]))
    found = []
    for group in np.unique(groups[kept]) if len(same) else ():
        own = steps[kept & (groups == group)]
        if len(own) >= 0.01 * len(steps):
            values, counts = np.unique(np.round(own, 3), return_counts=True)
            found.append(Cadence(float(values[counts.argmax()]), len(own) / len(steps)))
    return tuple(sorted(found, key=lambda each: -each.share))


def bridge_gaps(values: NDArray[np.float64], longest: int = LONGEST_BRIDGE) -> NDArray[np.float64]:
    """Interpolate linearly over short gaps; leave long ones, and the ends, as they are.

    Parameters
    ----------
    values
        Samples, NaN in gaps, shape (n,).
    longest
        Length of the longest gap that is bridged, in samples.
    """
    missing = np.isnan(values)
    if not missing.any() or missing.all():
        return values.copy()
    present = np.flatnonzero(~missing)
    filled = np.interp(np.arange(len(values)), present, values[present])
    filled[gap_lengths(missing) > longest] = np.nan
    filled[: present[0]] = np.nan
    filled[present[-1] + 1 :] = np.nan
    return filled


def gap_lengths(missing: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each sample the length of the gap that it lies in, 0 outside of gaps."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], missing, [False])).astype(np.int8)))
    lengths = np.zeros(len(missing), dtype=np.int64)
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        lengths[first:end] = end - first
    return lengths
