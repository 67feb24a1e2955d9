"""Choosing the rule for crossings, and their confidence, on orbits set aside from training."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.earth_boundaries.crossings import (
    CrossingRule,
    Crossings,
    find_crossings,
    true_crossings,
)
from pipelines.earth_boundaries.matching import CrossingScores, pair, score_crossings
from pipelines.earth_boundaries.parameters import CrossingParameters
from pipelines.earth_boundaries.regions import REGIONS, UNKNOWN
from pipelines.earth_boundaries.scores import RegionScores, score_regions
from pipelines.signals.calibration import fit_calibration

Values = NDArray[np.float64]

#: Seconds that a crossing may be off: the published protocol.
TOLERANCE = 180.0

_SMOOTHING, _LEAST = (1, 3, 5), (0.0, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class Answered:
    """Probabilities for a series whose regions are known.

    Attributes
    ----------
    probabilities
        Shape (4, n), NaN in gaps.
    regions
        True ones; unknown where nothing was measured, shape (n,).
    """

    probabilities: Values
    regions: NDArray[np.int64]


def answered(probabilities: Values, regions: NDArray[np.int64]) -> Answered:
    """Return answers beside the truth, which is unknown where nothing was measured."""
    measured = np.isfinite(probabilities[0])
    return Answered(probabilities, np.where(measured, regions, UNKNOWN))


def kind_of(crossings: Crossings) -> NDArray[np.int64]:
    """Return a number for boundary and direction of each crossing."""
    return np.asarray(2 * crossings.boundary + crossings.inward, dtype=np.int64)


def score_rule(
    several: Sequence[Answered], rule: CrossingRule, tolerance: float = TOLERANCE
) -> CrossingScores:
    """Score the crossings that a rule finds against those between true regions."""
    total = CrossingScores(0, 0, np.empty(0))
    for each in several:
        true, found = true_crossings(each.regions), find_crossings(each.probabilities, rule)
        total = total + score_crossings(
            60 * true.time, kind_of(true), 60 * found.time, kind_of(found), tolerance
        )
    return total


def score_answers(several: Sequence[Answered]) -> RegionScores:
    """Score the most likely regions of all series together."""
    true = np.concatenate([each.regions for each in several])
    named = [np.nan_to_num(each.probabilities).argmax(axis=0) for each in several]
    return score_regions(true, np.concatenate(named), REGIONS)


def choose(several: Sequence[Answered], **notes: Any) -> CrossingParameters:
    """Return the rule with the best F1, and the calibration of the confidence under it.

    Parameters
    ----------
    several
        Answers for series that the networks did not learn from.
    **notes
        Kept with the rule.
    """
    rules = [CrossingRule(*each) for each in itertools.product(_SMOOTHING, _LEAST)]
    scores = [score_rule(several, rule).f1 for rule in rules]
    best = rules[int(np.argmax(scores))]
    evidence, real = [], []
    for each in several:
        found, true = find_crossings(each.probabilities, best), true_crossings(each.regions)
        right = np.zeros(len(found), dtype=bool)
        for kind in np.unique(kind_of(found)):
            mine = np.flatnonzero(kind_of(found) == kind)
            other = 60 * true.time[kind_of(true) == kind]
            right[mine[pair(other, 60 * found.time[mine], TOLERANCE)[:, 1]]] = True
        evidence.append(found.evidence)
        real.append(right)
    calibration = fit_calibration(np.concatenate(evidence), np.concatenate(real))
    return CrossingParameters(best, calibration, {**notes, "f1": max(scores)})
