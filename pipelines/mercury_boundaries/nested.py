"""Scores of orbits by networks and rules that never saw them, and the confidence in intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.mercury_boundaries.decide import PassageRule
from pipelines.mercury_boundaries.evaluate import TOLERANCE, all_scores, pair_crossings
from pipelines.mercury_boundaries.labels import CLASSES
from pipelines.mercury_boundaries.passages import Passages
from pipelines.mercury_boundaries.protocol import fold_of
from pipelines.mercury_boundaries.rules import Answered, choose_rule, passages_of, rule_table
from pipelines.mercury_boundaries.truth import Truth, join_crossings
from pipelines.signals.calibration import Calibration, fit_calibration


@dataclass(frozen=True)
class Nested:
    """Scores of orbits under rules that the other groups of orbits chose.

    Attributes
    ----------
    ensemble
        Scores of the mean of all networks.
    per_seed
        Scores of each network alone.
    passages
        What the ensemble found in each orbit.
    rule
        What all orbits together choose.
    """

    ensemble: dict[str, Any]
    per_seed: tuple[dict[str, Any], ...]
    passages: tuple[Passages, ...]
    rule: PassageRule


def nested_scores(
    truths: Sequence[Truth],
    table: Sequence[Sequence[Answered]],
    together: Sequence[Answered],
    *,
    folds: int,
    progress: Progress = silent,
) -> Nested:
    """Score every group of orbits with the rule that the other groups choose.

    Parameters
    ----------
    truths
        Of the orbits.
    table
        Answers of each seed for each orbit.
    together
        Those of all seeds for each orbit.
    folds
        Groups, as in `protocol.cross_validate`.
    progress
        Told at each step.
    """
    values = rule_table(truths, together)
    progress("trying rules", 1, 2)
    group = [fold_of(number, len(truths), folds) for number in range(len(truths))]
    rules = [
        choose_rule(values, [number for number, mine in enumerate(group) if mine != fold])
        for fold in range(folds)
    ]

    def passages(row: Sequence[Answered]) -> list[Passages]:
        found = []
        for fold in range(folds):
            mine = [number for number, each in enumerate(group) if each == fold]
            found += passages_of(
                [truths[each] for each in mine], [row[each] for each in mine], rules[fold]
            )
        return found

    ensemble = passages(together)
    per_seed = tuple(pooled_scores(truths, passages(row)) for row in table)
    progress("trying rules", 2, 2)
    rule = choose_rule(values, range(len(truths)))
    return Nested(pooled_scores(truths, ensemble), per_seed, tuple(ensemble), rule)


def pooled_scores(truths: Sequence[Truth], found: Sequence[Passages]) -> dict[str, Any]:
    """Return the scores of `evaluate.all_scores` for several orbits together."""
    pairs = list(zip(truths, found, strict=True))
    return all_scores(
        np.concatenate([each.classes for each in truths]),
        np.concatenate([p.classes(t.bins, t.first, len(t.classes)) for t, p in pairs]),
        np.concatenate([p.regions(t.bins, t.first, len(t.classes)) for t, p in pairs]),
        join_crossings([each.crossings for each in truths]),
        join_crossings([each.crossings for each in found]),
        TOLERANCE,
    )


def calibrate(truths: Sequence[Truth], found: Sequence[Passages]) -> Calibration:
    """Fit the confidence of intervals to how often such intervals are labelled."""
    raw, real = [np.empty(0)], [np.empty(0, dtype=bool)]
    for truth, passages in zip(truths, found, strict=True):
        partner = pair_crossings(truth.crossings, passages.crossings)
        hit = np.zeros(len(passages.crossings), dtype=bool)
        hit[partner[partner >= 0]] = True
        raw.append(passages.score)
        real.append(hit)
    return fit_calibration(np.concatenate(raw), np.concatenate(real))


def summary(nested: Nested) -> dict[str, Any]:
    """Return the scores to keep beside the weights: ensemble, mean and deviation over seeds."""
    names = (
        "accuracy",
        "macro_f1",
        "accuracy_five",
        "macro_f1_five",
        "crossing_f1",
        "crossing_f1_edges",
        "crossing_f1_bow_shock",
        "crossing_f1_magnetopause",
        "time_error_median_s",
    )
    spread = {
        name: [
            float(np.mean([each[name] for each in nested.per_seed])),
            float(np.std([each[name] for each in nested.per_seed])),
        ]
        for name in names
    }
    recall = {
        name: [
            float(np.mean([each["per_class"][name]["recall"] for each in nested.per_seed])),
            float(np.std([each["per_class"][name]["recall"] for each in nested.per_seed])),
        ]
        for name in CLASSES
    }
    return {
        "ensemble": nested.ensemble,
        "seeds": len(nested.per_seed),
        "mean_and_sd": spread,
        "recall_mean_and_sd": recall,
    }
