"""The choice of the rule of path, by what each makes of labelled orbits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.mercury_boundaries.decide import PassageRule, Stretch, decide_all, passed
from pipelines.mercury_boundaries.edges import EdgeAnswer, refine
from pipelines.mercury_boundaries.evaluate import score_crossings
from pipelines.mercury_boundaries.labels import CLASSES, UNKNOWN
from pipelines.mercury_boundaries.passages import Passages, make_passages
from pipelines.mercury_boundaries.truth import Truth

#: Rules that are tried.
_TURN: Final = (2.0, 5.0)
_BACK: Final = (4.0,)
_MORE: Final = (0.0, 0.7)
_LEAST: Final = (0.15, 0.2, 0.25, 0.3)

#: The part of a rule that only the second step uses, when it is not told.
_NO_EDGES: Final = {"least_bow_shock": 0.25, "least_magnetopause": 0.25}


@dataclass(frozen=True)
class Answered:
    """What networks said of an orbit.

    Attributes
    ----------
    probabilities
        Of the first step, shape (classes, bins).
    edges
        The second step; `None` for without.
    """

    probabilities: NDArray[np.float32]
    edges: EdgeAnswer | None = None


def candidate_rules() -> list[PassageRule]:
    """Return all rules that are tried."""
    return [
        PassageRule(*each) for each in itertools.product(_TURN, _BACK, _MORE, _MORE, _LEAST, _LEAST)
    ]


def passages_of(
    truths: Sequence[Truth], row: Sequence[Answered], rule: PassageRule
) -> list[Passages]:
    """Return what a rule makes of the answers for some orbits."""
    return passages_by_rule(truths, row, [rule])[0]


def passages_by_rule(
    truths: Sequence[Truth], row: Sequence[Answered], rules: Sequence[PassageRule]
) -> list[list[Passages]]:
    """Return what each of several rules makes of the answers for some orbits."""
    paths = list(dict.fromkeys(replace(each, **_NO_EDGES) for each in rules))
    stretches = [
        Stretch(said.probabilities, truth.bins.known, truth.bins.first)
        for truth, said in zip(truths, row, strict=True)
    ]
    states = decide_all(stretches * len(paths), [each for each in paths for _ in stretches])
    found: dict[tuple[PassageRule, int], Passages] = {}
    for number, path in enumerate(paths):
        mine = [each for each in rules if replace(each, **_NO_EDGES) == path]
        least = [(each.least_bow_shock, each.least_magnetopause) for each in mine]
        for orbit, (truth, said) in enumerate(zip(truths, row, strict=True)):
            coarse = states[number * len(stretches) + orbit]
            refined = (
                [coarse] * len(mine)
                if said.edges is None
                else refine(coarse, truth.bins, *passed(coarse), said.edges, least)
            )
            for rule, one in zip(mine, refined, strict=True):
                found[rule, orbit] = make_passages(one, said.probabilities, truth.bins)
    return [[found[rule, orbit] for orbit in range(len(truths))] for rule in rules]


@dataclass(frozen=True)
class OrbitValues:
    """What one rule makes of one orbit: counts from which scores of several orbits follow.

    Attributes
    ----------
    confusion
        Seconds by true and said class, shape (5, 5).
    n_true, n_detected, n_found, n_close
        Intervals; found ones, and those of them with both edges right.
    """

    confusion: NDArray[np.int64]
    n_true: int
    n_detected: int
    n_found: int
    n_close: int


def _values(truth: Truth, passages: Passages) -> OrbitValues:
    said = passages.classes(truth.bins, truth.first, len(truth.classes))
    known = truth.classes != UNKNOWN
    number = truth.classes[known].astype(np.int64) * len(CLASSES) + said[known]
    counts = np.bincount(number, minlength=len(CLASSES) ** 2)
    pairs = score_crossings(truth.crossings, passages.crossings)
    return OrbitValues(
        counts.reshape(len(CLASSES), len(CLASSES)),
        pairs.n_true,
        pairs.n_detected,
        pairs.n_found,
        pairs.n_close,
    )


def rule_table(truths: Sequence[Truth], row: Sequence[Answered]) -> list[list[OrbitValues]]:
    """Return for each candidate rule what it makes of each orbit."""
    return [
        [_values(truth, each) for truth, each in zip(truths, found, strict=True)]
        for found in passages_by_rule(truths, row, candidate_rules())
    ]


def choose_rule(table: Sequence[Sequence[OrbitValues]], orbits: Sequence[int]) -> PassageRule:
    """Return the rule with the largest sum of macro-F1 of five classes and both F1 of intervals.

    Edges have to count: intervals that are much too long are found most easily.

    Parameters
    ----------
    table
        Of `rule_table`.
    orbits
        Those that count.
    """
    goodness = []
    for values in table:
        confusion = sum(values[number].confusion for number in orbits)
        hits = np.diag(confusion)
        f1 = 2 * hits / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1)
        total = sum(values[number].n_true + values[number].n_detected for number in orbits)
        found = sum(values[number].n_found + values[number].n_close for number in orbits)
        goodness.append(float(f1.mean()) + 2 * found / max(total, 1))
    return candidate_rules()[int(np.argmax(goodness))]
