"""Events in a series: intervals of samples, found, merged, and compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Columns of a table of true events, times in UTC. Names are those of ICMECAT; the start of the
#: magnetic obstacle may be unknown (NaT).
TRUTH_COLUMNS = ("icme_start_time", "mo_start_time", "mo_end_time")

#: Columns of a table of stream interaction regions, times in UTC; the interface may be unknown.
REGION_COLUMNS = ("sir_start_time", "interface_time", "sir_end_time")

Intervals = NDArray[np.int64]
"""Half-open intervals of sample numbers, shape (n, 2): first sample, one past the last."""


@dataclass(frozen=True, slots=True)
class EventRule:
    """How probabilities per sample become events.

    Attributes
    ----------
    low, high
        An event is a run of samples above `low` that rises above `high` somewhere: with two
        thresholds its edges lie where the evidence ends, yet weak runs are not events.
    merge
        Runs closer than this, in samples, are one event.
    shortest
        Events shorter than this, in samples, are dropped.
    longest
        An event ends after so many samples, whatever follows; `None` for no bound. With a bound
        an event depends only on samples near its start, not on how a run began weeks before.
    """

    low: float
    high: float
    merge: int
    shortest: int
    longest: int | None = None


def runs(flags: NDArray[np.bool_]) -> Intervals:
    """Return the runs of true samples."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return edges.reshape(-1, 2).astype(np.int64)


def merge_close(intervals: Intervals, gap: int) -> Intervals:
    """Join ascending intervals that are less than `gap` samples apart."""
    if len(intervals) == 0:
        return intervals
    apart = intervals[1:, 0] - intervals[:-1, 1] >= gap
    first = np.concatenate(([True], apart))
    last = np.concatenate((apart, [True]))
    return np.column_stack([intervals[first, 0], intervals[last, 1]])


def find_events(
    probability: NDArray[np.float64], rule: EventRule, usable: NDArray[np.bool_] | None = None
) -> Intervals:
    """Turn probabilities into events.

    Parameters
    ----------
    probability
        Of each sample to belong to an event, shape (n,).
    rule
        Thresholds and lengths.
    usable
        False where there are no data to decide on; no event crosses such a sample.

    Returns
    -------
    intervals
        Ascending, disjoint, shape (m, 2).
    """
    usable = np.ones(len(probability), dtype=bool) if usable is None else usable
    above = runs((probability > rule.low) & usable)
    lost = np.concatenate(([0], np.cumsum(~usable)))
    joined = merge_close(above, rule.merge)
    if lost[-1] and len(above):
        # Merging must not bridge a stretch without data: cut there again.
        holes = runs(~usable)
        broken = lost[joined[:, 1]] > lost[joined[:, 0]]
        pieces = [piece for each in joined[broken] for piece in _cut(each, holes, above)]
        cut = np.array(pieces, dtype=np.int64).reshape(-1, 2)
        joined = np.concatenate([joined[~broken], cut])
        joined = joined[np.argsort(joined[:, 0])]
    if rule.longest is not None:
        joined[:, 1] = np.minimum(joined[:, 1], joined[:, 0] + rule.longest)
    peaks = [probability[first:end].max(initial=0.0) > rule.high for first, end in joined]
    long = joined[:, 1] - joined[:, 0] >= rule.shortest
    return np.asarray(joined[np.array(peaks, dtype=bool) & long])


def _cut(interval: NDArray[np.int64], holes: Intervals, above: Intervals) -> list[tuple[int, int]]:
    """Cut an interval at the holes in it; the pieces keep to runs above the threshold."""
    inside = holes[(holes[:, 0] < interval[1]) & (holes[:, 1] > interval[0])]
    pieces, first = [], int(interval[0])
    for hole in inside:
        before = above[(above[:, 1] <= hole[0]) & (above[:, 0] >= first)]
        if len(before):
            pieces.append((first, int(before[-1, 1])))
        after = above[above[:, 0] >= hole[1]]
        first = int(after[0, 0]) if len(after) else int(interval[1])
    if first < interval[1]:
        pieces.append((first, int(interval[1])))
    return pieces


def flags(intervals: Intervals, samples: int) -> NDArray[np.bool_]:
    """Return which of `samples` samples lie in an interval; parts outside are cut off."""
    steps = np.zeros(samples + 1, dtype=np.int64)
    clipped = np.clip(intervals, 0, samples)
    np.add.at(steps, clipped[:, 0], 1)
    np.add.at(steps, clipped[:, 1], -1)
    return np.asarray(np.cumsum(steps[:-1]) > 0)


def overlaps(first: Intervals, second: Intervals) -> NDArray[np.int64]:
    """Return how many samples each interval of one list shares with each of another.

    Returns
    -------
    shared
        Shape (len(first), len(second)).
    """
    start = np.maximum(first[:, None, 0], second[None, :, 0])
    end = np.minimum(first[:, None, 1], second[None, :, 1])
    return np.asarray(np.maximum(end - start, 0))
