"""Scores of interaction regions, and the choice of their rule."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.icme.decide import decide
from pipelines.icme.evaluate import PUBLISHED_FRACTION, score
from pipelines.signals.calibration import Calibration, fit_calibration
from pipelines.signals.events import EventRule, Intervals, flags, overlaps
from pipelines.signals.matching import EventScores, match_events, match_strictly, score_events
from pipelines.sir.detect import LONGEST, Regions, decide_regions
from pipelines.sources.insitu import SAMPLES_PER_HOUR

#: Rules that are tried: thresholds, merging distance and least length in hours.
_LOW = (0.2, 0.3, 0.4, 0.5)
_HIGH = (0.4, 0.5, 0.6, 0.7, 0.8)
_MERGE_HOURS = (3, 8)
_SHORTEST_HOURS = (4, 8, 12)


@dataclass(frozen=True)
class HeldOutRegions:
    """Probabilities of a stretch of wind by networks that never saw it, with both truths.

    Attributes
    ----------
    probabilities
        Shape (classes, n).
    regions, ejections
        True events, half-open intervals; an event on the border of two stretches is in both.
    interface
        Samples of the true interfaces, shape (number of regions,), -1 where unknown.
    usable
        Shape (n,).
    """

    probabilities: NDArray[np.float32]
    regions: Intervals
    interface: NDArray[np.int64]
    ejections: Intervals
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


def rule_values(
    held_out: HeldOutRegions, ejection_rule: EventRule
) -> list[tuple[EventScores, EventScores]]:
    """Return for each candidate rule the counts under the published rule and one to one."""
    ejections = decide(held_out.probabilities, ejection_rule, held_out.usable).intervals
    counts = []
    for rule in candidate_rules():
        found = decide_regions(held_out.probabilities, rule, held_out.usable, ejections).intervals
        counts.append(
            (
                score_events(match_events(held_out.regions, found, PUBLISHED_FRACTION)),
                score_events(match_strictly(held_out.regions, found)),
            )
        )
    return counts


def choose_rule(tables: Sequence[list[tuple[EventScores, EventScores]]]) -> EventRule:
    """Return the rule with the best geometric mean of both F1, all stretches pooled."""
    nothing = EventScores(0, 0, 0, 0)
    values = []
    for counts in zip(*tables, strict=True):
        covered = sum((each[0] for each in counts), start=nothing)
        strict = sum((each[1] for each in counts), start=nothing)
        values.append(sqrt(covered.f1 * strict.f1))
    return candidate_rules()[int(np.argmax(values))]


def found_in(
    held_out: HeldOutRegions, rule: EventRule, ejection_rule: EventRule
) -> tuple[Regions, Intervals]:
    """Return the regions and the ejections that two rules make of held-out probabilities."""
    ejections = decide(held_out.probabilities, ejection_rule, held_out.usable).intervals
    regions = decide_regions(held_out.probabilities, rule, held_out.usable, ejections)
    return regions, ejections


def confusion(
    regions: Intervals, ejections: Intervals, found_regions: Intervals, found_ejections: Intervals
) -> dict[str, Any]:
    """Count which true events were found as which kind.

    A true event counts as found as the kind of which it shares most samples with detections.

    Returns
    -------
    counts
        ``confusion``: rows true region and true ejection, columns found as region, as ejection,
        not at all; ``confusion_rate``: found as the other kind over all true events.
    """
    rows = []
    for true in (regions, ejections):
        as_kinds = [
            overlaps(true, found).sum(axis=1) if len(found) else np.zeros(len(true), dtype=int)
            for found in (found_regions, found_ejections)
        ]
        best = np.where(np.maximum(*as_kinds) == 0, 2, (as_kinds[1] > as_kinds[0]).astype(int))
        rows.append([int((best == kind).sum()) for kind in range(3)])
    wrong, total = rows[0][1] + rows[1][0], len(regions) + len(ejections)
    return {"confusion": rows, "confusion_rate": wrong / total if total else float("nan")}


def score_regions(
    true: Intervals, interface: NDArray[np.int64], found: Regions, usable: NDArray[np.bool_]
) -> dict[str, Any]:
    """Return the scores of `pipelines.icme.evaluate.score` and two more.

    ``f1_samples`` is F1 sample by sample; ``interface_mae_h`` the mean absolute error of the
    interface over regions that were found with any overlap.
    """
    inside, claimed = (flags(each, len(usable))[usable] for each in (true, found.intervals))
    both = int((inside & claimed).sum())
    matching = match_events(true, found.intervals)
    known = matching.found & (interface >= 0)
    error = np.abs(found.interface[matching.partner[known]] - interface[known])
    return {
        **score(true, found.intervals, usable),
        "f1_samples": 2 * both / max(int(inside.sum()) + int(claimed.sum()), 1),
        "interface_mae_h": float(error.mean()) / SAMPLES_PER_HOUR if known.any() else float("nan"),
    }


def calibrate(
    held_out: Sequence[HeldOutRegions], rule: EventRule, ejection_rule: EventRule
) -> Calibration:
    """Fit the confidence of regions to how often such regions overlapped a true one."""
    raw, real = [np.empty(0)], [np.empty(0, dtype=bool)]
    for each in held_out:
        found, _ = found_in(each, rule, ejection_rule)
        raw.append(found.confidence)
        real.append(~match_events(each.regions, found.intervals).false_alarms)
    return fit_calibration(np.concatenate(raw), np.concatenate(real))


def join(parts: Sequence[HeldOutRegions]) -> HeldOutRegions:
    """Put stretches one after the other into a single one, so that they are scored together."""
    offsets = np.concatenate(([0], np.cumsum([len(each.usable) for each in parts])))[:-1]
    pairs = list(zip(parts, offsets, strict=True))
    return HeldOutRegions(
        np.concatenate([each.probabilities for each in parts], axis=1),
        np.concatenate([_clipped(each.regions, each) + offset for each, offset in pairs]),
        np.concatenate(
            [np.where(each.interface >= 0, each.interface + offset, -1) for each, offset in pairs]
        ),
        np.concatenate([_clipped(each.ejections, each) + offset for each, offset in pairs]),
        np.concatenate([each.usable for each in parts]),
    )


def _clipped(intervals: Intervals, part: HeldOutRegions) -> Intervals:
    return np.clip(intervals, 0, len(part.usable))
