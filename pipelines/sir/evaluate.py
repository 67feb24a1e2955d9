"""Scores of interaction regions, and the choice of their rule."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.icme.decide import decide
from pipelines.icme.evaluate import score
from pipelines.signals.calibration import Calibration, fit_calibration
from pipelines.signals.events import EventRule, Intervals, flags, overlaps
from pipelines.signals.matching import match_events
from pipelines.sir.detect import LONGEST, Regions, decide_regions, region_probability
from pipelines.sources.insitu import SAMPLES_PER_HOUR

#: Rules that are tried: thresholds, merging distance and least length in hours.
_LOW = (0.1, 0.2, 0.3, 0.4, 0.5)
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


@dataclass(frozen=True, slots=True)
class SampleCounts:
    """Samples inside and outside of true regions, and how many of each were claimed.

    Attributes
    ----------
    inside, outside
        True and other samples with data.
    hits, false
        Of those, the claimed ones.
    """

    inside: int
    outside: int
    hits: int
    false: int

    def __add__(self, other: SampleCounts) -> SampleCounts:
        """Pool the samples of two stretches."""
        return SampleCounts(
            self.inside + other.inside,
            self.outside + other.outside,
            self.hits + other.hits,
            self.false + other.false,
        )

    @property
    def tss(self) -> float:
        """True skill statistic: recall less false-alarm rate."""
        return self.hits / max(self.inside, 1) - self.false / max(self.outside, 1)


def rule_values(held_out: HeldOutRegions, ejection_rule: EventRule) -> list[SampleCounts]:
    """Return for each candidate rule how many samples it claims."""
    ejections = decide(held_out.probabilities, ejection_rule, held_out.usable).intervals
    inside = flags(held_out.regions, len(held_out.usable)) & held_out.usable
    outside = held_out.usable & ~inside
    counts = []
    for rule in candidate_rules():
        found = decide_regions(held_out.probabilities, rule, held_out.usable, ejections).intervals
        claimed = flags(found, len(held_out.usable))
        counts.append(
            SampleCounts(
                int(inside.sum()),
                int(outside.sum()),
                int((inside & claimed).sum()),
                int((outside & claimed).sum()),
            )
        )
    return counts


def choose_rule(tables: Sequence[list[SampleCounts]]) -> EventRule:
    """Return the rule with the best true skill statistic, all stretches pooled.

    It counts samples, of which there are many, so that the choice hardly depends on single events,
    and swallowing does not pay, since every sample outside of a true region counts as well.
    """
    nothing = SampleCounts(0, 0, 0, 0)
    values = [sum(each, start=nothing).tss for each in zip(*tables, strict=True)]
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


def sample_auc(held_out: HeldOutRegions) -> float:
    """Return the area under the ROC curve of the probability of a region, sample by sample."""
    metrics = require("sklearn.metrics")
    inside = flags(held_out.regions, len(held_out.usable))[held_out.usable]
    return float(
        metrics.roc_auc_score(inside, region_probability(held_out.probabilities)[held_out.usable])
    )


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
