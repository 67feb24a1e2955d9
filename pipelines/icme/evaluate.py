"""Scores of detections against labels, and the choice of the event rule."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from pipelines.icme.decide import LONGEST, decide, ejection_probability, find_ejections, smooth
from pipelines.signals.calibration import Calibration, fit_calibration
from pipelines.signals.events import EventRule, Intervals, flags
from pipelines.signals.matching import EventScores, match_events, match_strictly, score_events
from pipelines.signals.scores import (
    PUBLISHED_FRACTION,
    Scored,
    in_one_row,
    mean_and_deviation,
    score_intervals,
)
from pipelines.sources.insitu import SAMPLES_PER_HOUR

__all__ = [
    "PUBLISHED_FRACTION",
    "HeldOut",
    "Scored",
    "calibrate",
    "candidate_rules",
    "choose_rule",
    "mean_and_deviation",
    "nested_scores",
    "rule_table",
    "score",
    "score_held_out",
    "score_together",
    "split_in_time",
]

#: Rules that are tried: thresholds, merging distance and least length in hours.
_LOW = (0.2, 0.3, 0.4, 0.5)
_HIGH = (0.5, 0.6, 0.7, 0.8, 0.9)
_MERGE_HOURS = (2, 6)
_SHORTEST_HOURS = (3.5, 6, 9)


def score(
    true: Intervals, detected: Intervals, usable: NDArray[np.bool_]
) -> dict[str, float | int]:
    """Score detections in one series under all rules.

    Parameters
    ----------
    true, detected
        Half-open intervals of samples.
    usable
        Samples where there are data, shape (n,).

    Returns
    -------
    scores
        Those of `pipelines.signals.scores.score_intervals`.
    """
    return score_intervals(true, detected, usable, SAMPLES_PER_HOUR)


@dataclass(frozen=True)
class HeldOut:
    """Probabilities of a series by networks that never saw it, with the truth.

    Attributes
    ----------
    probabilities
        Shape (classes, n).
    true
        Half-open intervals.
    usable
        Shape (n,).
    """

    probabilities: NDArray[np.float32]
    true: Intervals
    usable: NDArray[np.bool_]


def candidate_rules() -> list[EventRule]:
    """Return all rules that are tried."""
    return [
        EventRule(
            low, high, round(merge * SAMPLES_PER_HOUR), round(short * SAMPLES_PER_HOUR), LONGEST
        )
        for low, high, merge, short in itertools.product(_LOW, _HIGH, _MERGE_HOURS, _SHORTEST_HOURS)
        if low <= high
    ]


def choose_rule(held_out: Iterable[HeldOut]) -> tuple[EventRule, float]:
    """Return the rule that serves both scores best, and its value.

    The value is the geometric mean of F1 under the published rule and of F1 one to one. Overlap
    alone cannot be optimised: a few detections of many days each would "find" everything, because
    whatever overlaps an event is no false alarm (even untrained networks reach F1 = 0.9 that way).
    """
    return _best_rule([rule_table(each) for each in held_out])


#: For each candidate rule the scores under the published rule of matching and one to one.
RuleTable = list[tuple[EventScores, EventScores]]


def rule_table(held_out: HeldOut) -> RuleTable:
    """Score one series with every candidate rule, in the order of `candidate_rules`."""
    ejection = smooth(ejection_probability(held_out.probabilities))
    table = []
    for rule in candidate_rules():
        found = find_ejections(ejection, rule, held_out.usable)
        table.append(
            (
                score_events(match_events(held_out.true, found, PUBLISHED_FRACTION)),
                score_events(match_strictly(held_out.true, found)),
            )
        )
    return table


def _best_rule(tables: Sequence[RuleTable]) -> tuple[EventRule, float]:
    nothing = EventScores(0, 0, 0, 0)
    values = []
    for scores in zip(*tables, strict=True):
        covered = sum((each[0] for each in scores), start=nothing)
        strict = sum((each[1] for each in scores), start=nothing)
        values.append(sqrt(covered.f1 * strict.f1))
    best = int(np.argmax(values))
    return candidate_rules()[best], values[best]


def score_held_out(held_out: HeldOut, rule: EventRule) -> dict[str, float | int]:
    """Score what a rule makes of held-out probabilities."""
    detections = decide(held_out.probabilities, rule, held_out.usable)
    return score(held_out.true, detections.intervals, held_out.usable)


def split_in_time(held_out: HeldOut, count: int) -> list[HeldOut]:
    """Cut a series into consecutive parts.

    An event belongs to the part that holds its middle; what reaches into another part is not used
    there, so that it is no false alarm.
    """
    edges = np.linspace(0, len(held_out.usable), count + 1).astype(int)
    middle = held_out.true.mean(axis=1)
    parts = []
    for first, end in itertools.pairwise(edges):
        inside = (middle >= first) & (middle < end)
        foreign = flags(held_out.true[~inside], len(held_out.usable))
        parts.append(
            HeldOut(
                held_out.probabilities[:, first:end],
                np.clip(held_out.true[inside], first, end) - first,
                (held_out.usable & ~foreign)[first:end],
            )
        )
    return parts


def nested_scores(
    held_out: Iterable[HeldOut], count: int, always: Sequence[HeldOut] = ()
) -> dict[str, float]:
    """Score parts of series with the rule that the other parts would have chosen.

    This is free of the optimism that lies in choosing a rule and scoring it on the same events.

    Parameters
    ----------
    held_out
        Series with answers of networks that never saw them.
    count
        Parts into which each is cut.
    always
        What helps to choose every rule without being scored.
    """
    parts = [part for each in held_out for part in split_in_time(each, count)]
    tables = [rule_table(part) for part in parts]
    others = [rule_table(each) for each in always]
    totals = {name: EventScores(0, 0, 0, 0) for name in ("f1_any", "f1_51", "f1_iou50")}
    for number, part in enumerate(parts):
        rule, _ = _best_rule([*tables[:number], *tables[number + 1 :], *others])
        found = decide(part.probabilities, rule, part.usable).intervals
        matchings = {
            "f1_any": match_events(part.true, found),
            "f1_51": match_events(part.true, found, PUBLISHED_FRACTION),
            "f1_iou50": match_strictly(part.true, found),
        }
        totals = {name: total + score_events(matchings[name]) for name, total in totals.items()}
    return {name: total.f1 for name, total in totals.items()}


def calibrate(held_out: Iterable[HeldOut], rule: EventRule) -> Calibration:
    """Fit the confidence of events to how often such events overlapped a true one."""
    raw, real = [np.empty(0)], [np.empty(0, dtype=bool)]
    for each in held_out:
        detections = decide(each.probabilities, rule, each.usable)
        raw.append(detections.confidence)
        real.append(~match_events(each.true, detections.intervals).false_alarms)
    return fit_calibration(np.concatenate(raw), np.concatenate(real))


def score_together(several: Sequence[Scored]) -> dict[str, float | int]:
    """Score series as if they were one after the other in a single long one; see `score`."""
    joined = in_one_row(several)
    return score(joined.true, joined.detected, joined.usable)
