"""Which detected events match which true ones, and what scores follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.signals.events import Intervals, flags, overlaps


@dataclass(frozen=True)
class Matching:
    """Detections against truth under one rule.

    Attributes
    ----------
    partner
        For each true event the detection that shares most with it, -1 where it is missed.
    false_alarms
        For each detection whether it shares nothing with any true event.
    """

    partner: NDArray[np.int64]
    false_alarms: NDArray[np.bool_]

    @property
    def found(self) -> NDArray[np.bool_]:
        """For each true event whether it is detected."""
        return self.partner >= 0


def match_events(true: Intervals, detected: Intervals, fraction: float = 0.0) -> Matching:
    """Match detections with true events by how much of a true event they cover.

    The published rule (Rüdisser et al. 2022, section 3): a true event is found when one detection
    covers at least `fraction` of it; a detection is false only when it shares nothing with any
    true event. So a detection that covers too little is neither a hit nor a false alarm.

    Parameters
    ----------
    true, detected
        Half-open intervals, shape (n, 2) and (m, 2).
    fraction
        0 for any overlap, 0.51 for the published rule.
    """
    if len(true) == 0 or len(detected) == 0:
        return Matching(np.full(len(true), -1, dtype=np.int64), np.ones(len(detected), dtype=bool))
    shared = overlaps(true, detected)
    best = shared.argmax(axis=1)
    most = shared[np.arange(len(true)), best]
    length = true[:, 1] - true[:, 0]
    found = (most > 0) & (most >= fraction * length)
    return Matching(np.where(found, best, -1), shared.sum(axis=0) == 0)


def match_strictly(true: Intervals, detected: Intervals, least: float = 0.5) -> Matching:
    """Match one to one by intersection over union; every other detection is a false alarm.

    Parameters
    ----------
    true, detected
        Disjoint half-open intervals, shape (n, 2) and (m, 2).
    least
        The intersection over union must exceed this; from 0.5 on the match is unique.

    Raises
    ------
    ValueError
        If `least` is below 0.5: an event could then have two partners.
    """
    if least < 0.5:
        raise ValueError(f"intersection over union of {least:g} does not make matches unique")
    if len(true) == 0 or len(detected) == 0:
        return Matching(np.full(len(true), -1, dtype=np.int64), np.ones(len(detected), dtype=bool))
    shared = overlaps(true, detected)
    lengths = (true[:, 1] - true[:, 0])[:, None] + (detected[:, 1] - detected[:, 0])[None, :]
    ratio = shared / (lengths - shared)
    partner = np.where(ratio.max(axis=1) > least, ratio.argmax(axis=1), -1)
    return Matching(partner, ~np.isin(np.arange(len(detected)), partner))


@dataclass(frozen=True, slots=True)
class EventScores:
    """How good detections are under one rule of matching.

    Attributes
    ----------
    n_true, n_detected
        Numbers of true events and of detections.
    n_found, n_false
        True events found, and false alarms.
    """

    n_true: int
    n_detected: int
    n_found: int
    n_false: int

    @property
    def precision(self) -> float:
        """Found over found and false, 0 when there is neither."""
        return self.n_found / max(self.n_found + self.n_false, 1)

    @property
    def recall(self) -> float:
        """Found over true, 0 when nothing is true."""
        return self.n_found / max(self.n_true, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 when both are."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def __add__(self, other: EventScores) -> EventScores:
        """Pool the events of two series."""
        return EventScores(
            self.n_true + other.n_true,
            self.n_detected + other.n_detected,
            self.n_found + other.n_found,
            self.n_false + other.n_false,
        )


def score_events(matching: Matching) -> EventScores:
    """Count what a matching found and what it did not."""
    return EventScores(
        n_true=len(matching.partner),
        n_detected=len(matching.false_alarms),
        n_found=int(matching.found.sum()),
        n_false=int(matching.false_alarms.sum()),
    )


@dataclass(frozen=True, slots=True)
class EdgeErrors:
    """Mean absolute errors of the edges of found events, in samples; NaN when none is found."""

    start: float
    end: float


def edge_errors(true: Intervals, detected: Intervals, matching: Matching) -> EdgeErrors:
    """Compare the edges of found events with those of their partners."""
    found = matching.found
    if not found.any():
        return EdgeErrors(float("nan"), float("nan"))
    error = np.abs(true[found] - detected[matching.partner[found]]).mean(axis=0)
    return EdgeErrors(float(error[0]), float(error[1]))


def true_skill_statistic(true: Intervals, detected: Intervals, usable: NDArray[np.bool_]) -> float:
    """Return recall less false-alarm rate, sample by sample (Hanssen & Kuipers 1965).

    Parameters
    ----------
    true, detected
        Half-open intervals.
    usable
        Samples that count, shape (n,).

    Returns
    -------
    tss
        From -1 to 1; NaN when the usable samples are all inside or all outside true events.
    """
    inside = flags(true, len(usable))[usable]
    claimed = flags(detected, len(usable))[usable]
    if inside.all() or not inside.any():
        return float("nan")
    return float(claimed[inside].mean() - claimed[~inside].mean())
