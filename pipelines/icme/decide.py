"""From probabilities to ejections: their edges, their two parts, and the confidence in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Span
from pipelines.signals.calibration import log_odds
from pipelines.signals.events import EventRule, Intervals, find_events
from pipelines.sources.insitu import SAMPLES_PER_HOUR, InSituSeries
from pipelines.sources.spans import to_datetime64

#: Longest event, in samples: a week. Of the 1,700 events of HELIO4CAST ICMECAT v2.2 two are longer
#: than 7.05 days (7.3 days). The bound makes an event depend only on data near its start.
LONGEST = 7 * 24 * SAMPLES_PER_HOUR


@dataclass(frozen=True)
class Detections:
    """What was found in one series.

    Attributes
    ----------
    intervals
        Half-open, in samples, shape (n, 2).
    obstacle
        First sample of the magnetic obstacle, shape (n,); -1 where none is seen.
    confidence
        From 0 to 1, shape (n,).
    """

    intervals: Intervals
    obstacle: NDArray[np.int64]
    confidence: NDArray[np.float64]

    def select(self, kept: NDArray[np.bool_]) -> Detections:
        """Return only some of the events, ``kept`` of shape (n,)."""
        return Detections(self.intervals[kept], self.obstacle[kept], self.confidence[kept])

    def within(self, series: InSituSeries, span: Span | None) -> Detections:
        """Return only the events that begin within a span; all when it is not given."""
        if span is None:
            return self
        start = series.time_of(self.intervals[:, 0])
        first, last = to_datetime64(span.start), to_datetime64(span.stop)
        return self.select((start >= first) & (start < last))


def decide(
    probabilities: NDArray[np.float32], rule: EventRule, usable: NDArray[np.bool_]
) -> Detections:
    """Turn class probabilities (classes, n) into events; confidence is the mean probability."""
    ejection = smooth(ejection_probability(probabilities))
    intervals = find_ejections(ejection, rule, usable)
    obstacle = np.array(
        [first + obstacle_start(probabilities[:, first:end]) for first, end in intervals],
        dtype=np.int64,
    )
    seen = np.array([probabilities[2, first:end].mean() for first, end in intervals]) > 0.25
    confidence = np.array([ejection[first:end].mean() for first, end in intervals])
    return Detections(
        intervals,
        np.where(seen, obstacle, -1) if len(intervals) else obstacle,
        np.clip(confidence, 0.0, 1.0),
    )


def find_ejections(
    ejection: NDArray[np.float64], rule: EventRule, usable: NDArray[np.bool_]
) -> Intervals:
    """Return the ejections, half-open, that a rule makes of smoothed probabilities, shape (n,)."""
    return trim_edges(ejection, find_events(ejection, rule, usable))


#: Edges are sought within this many samples of where the probability passes the low threshold, and
#: within the outer thirds of an event, so that something of it is left.
_EDGE = 12 * SAMPLES_PER_HOUR


def trim_edges(probability: NDArray[np.float64], intervals: Intervals) -> Intervals:
    """Move the edges of events inwards to the most likely ones.

    A low threshold holds an event together, but is passed early where the probability rises
    slowly. The most likely start is where the sum of log-odds from the outside is lowest, so that
    a short rise before a fall is left out as well; the end likewise.

    Parameters
    ----------
    probability
        Shape (n,).
    intervals
        Half-open, shape (m, 2).
    """
    trimmed = intervals.copy()
    for number, (first, end) in enumerate(intervals):
        odds = log_odds(probability[first:end])
        reach = min(_EDGE, (end - first) // 3)
        trimmed[number, 0] += _lowest_sum(odds[:reach])
        trimmed[number, 1] -= _lowest_sum(odds[::-1][:reach])
    return trimmed


def _lowest_sum(values: NDArray[np.float64]) -> int:
    """Return how many leading values have the lowest sum; none of them has the sum zero."""
    return int(np.concatenate(([0.0], np.cumsum(values))).argmin())


def ejection_probability(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how likely each sample belongs to an ejection, shape (n,), from those of classes."""
    return np.asarray(probabilities[1:3].astype(np.float64).sum(axis=0))


def smooth(probability: NDArray[np.float64], hours: float = 1.0) -> NDArray[np.float64]:
    """Average over an hour, so that a threshold is not crossed back and forth."""
    width = 2 * round(hours * SAMPLES_PER_HOUR / 2) + 1
    padded = np.pad(probability, width // 2, mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")


def obstacle_start(probabilities: NDArray[np.float32]) -> int:
    """Return where in an event the sheath ends and the magnetic obstacle begins.

    The most likely division into a sheath followed by an obstacle: the one that maximises the sum
    of logarithmic probabilities on both sides.

    Parameters
    ----------
    probabilities
        Of the classes and the samples of one event, shape (classes, n).
    """
    logarithm = np.log(np.maximum(probabilities[1:3], 1e-4))
    gain = np.concatenate(([0.0], np.cumsum(logarithm[0] - logarithm[1])))
    return int(gain[:-1].argmax())
