"""Scores of regions second by second, and of intervals of crossings against a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.mercury_boundaries.labels import CLASSES, UNKNOWN, Classes
from pipelines.mercury_boundaries.lists import KINDS, Crossings

#: Seconds that two intervals of one crossing may lie apart.
TOLERANCE: Final = 60.0

#: Seconds by which either edge may be wrong where edges count.
EDGE_TOLERANCE: Final = 300.0

#: Region classes: those that are no crossings.
REGIONS: Final = (0, 2, 4)


@dataclass(frozen=True)
class ClassScores:
    """How well classes were told apart.

    Attributes
    ----------
    accuracy
        Fraction of seconds that are right.
    macro_f1
        Mean of F1 over the classes that occur.
    per_class
        ``precision``, ``recall``, ``f1`` and ``seconds`` of each class by name.
    """

    accuracy: float
    macro_f1: float
    per_class: Mapping[str, Mapping[str, float]]


def score_classes(true: Classes, said: Classes, which: tuple[int, ...]) -> ClassScores:
    """Compare classes second by second, over seconds whose true class is one of some.

    Parameters
    ----------
    true, said
        Shape (n,).
    which
        Numbers of `labels.CLASSES`.
    """
    counted = np.isin(true, which)
    true, said = true[counted], said[counted]
    per_class, values = {}, []
    for number in which:
        mine, claimed = true == number, said == number
        both = int((mine & claimed).sum())
        recall = both / max(int(mine.sum()), 1)
        precision = both / max(int(claimed.sum()), 1)
        f1 = 2 * both / max(int(mine.sum() + claimed.sum()), 1)
        per_class[CLASSES[number]] = {
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "seconds": int(mine.sum()),
        }
        if mine.any():
            values.append(f1)
    accuracy = float((true == said).mean()) if len(true) else float("nan")
    return ClassScores(accuracy, float(np.mean(values)) if values else float("nan"), per_class)


@dataclass(frozen=True)
class CrossingScores:
    """How well intervals were found.

    Attributes
    ----------
    n_true, n_detected, n_found
        Numbers of true and detected intervals, and of pairs.
    errors
        Of both edges of the pairs, seconds, detected less true, shape (n_found, 2).
    """

    n_true: int
    n_detected: int
    n_found: int
    errors: NDArray[np.float64]

    @property
    def f1(self) -> float:
        """Twice the pairs over all intervals; NaN without any."""
        total = self.n_true + self.n_detected
        return 2 * self.n_found / total if total else float("nan")

    @property
    def n_close(self) -> int:
        """Number of pairs of which both edges agree within `EDGE_TOLERANCE`."""
        return int((np.abs(self.errors) <= EDGE_TOLERANCE).all(axis=1).sum())

    @property
    def edge_f1(self) -> float:
        """F1 if only pairs count of which both edges agree within `EDGE_TOLERANCE`."""
        total = self.n_true + self.n_detected
        return 2 * self.n_close / total if total else float("nan")

    @property
    def median_error(self) -> float:
        """Median of the absolute errors of the edges, s; NaN without pairs."""
        return float(np.median(np.abs(self.errors))) if self.n_found else float("nan")

    def __add__(self, other: CrossingScores) -> CrossingScores:
        """Pool two stretches."""
        return CrossingScores(
            self.n_true + other.n_true,
            self.n_detected + other.n_detected,
            self.n_found + other.n_found,
            np.concatenate([self.errors, other.errors]),
        )


def pair_crossings(
    true: Crossings, found: Crossings, tolerance: float = TOLERANCE
) -> NDArray[np.int64]:
    """Return which detection belongs to each true interval, -1 for none.

    Both are of one kind, and overlap or lie at most `tolerance` apart; pairs are made in order of
    the distance of the middles, and no interval belongs to two pairs.
    """
    partner = np.full(len(true), -1, dtype=np.int64)
    if len(true) == 0 or len(found) == 0:
        return partner
    rows, columns = _near(true, found, tolerance)
    same = true.kind[rows] == found.kind[columns]
    rows, columns = rows[same], columns[same]
    distance = np.abs(true.middle[rows] - found.middle[columns])
    taken = np.zeros(len(found), dtype=bool)
    for place in np.argsort(distance, kind="stable"):
        row, column = rows[place], columns[place]
        if partner[row] < 0 and not taken[column]:
            partner[row], taken[column] = column, True
    return partner


def _near(
    true: Crossings, found: Crossings, tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of all pairs of intervals that lie at most `tolerance` apart."""
    order = np.argsort(found.start, kind="stable")
    start, end = found.start[order], found.end[order]
    longest = float((end - start).max(initial=0.0))
    low = np.searchsorted(start, true.start - tolerance - longest, side="left")
    high = np.searchsorted(start, true.end + tolerance, side="right")
    count = high - low
    rows = np.repeat(np.arange(len(true)), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    columns = np.repeat(low, count) + within
    fits = end[columns] >= true.start[rows] - tolerance
    return rows[fits], order[columns[fits]]


def score_crossings(
    true: Crossings, found: Crossings, tolerance: float = TOLERANCE
) -> CrossingScores:
    """Compare two lists of intervals; see `pair_crossings`."""
    partner = pair_crossings(true, found, tolerance)
    paired = partner >= 0
    mine = partner[paired]
    errors = np.column_stack(
        [found.start[mine] - true.start[paired], found.end[mine] - true.end[paired]]
    )
    return CrossingScores(len(true), len(found), int(paired.sum()), errors)


def agreement(first: Crossings, second: Crossings, tolerance: float) -> float:
    """Return the fraction of the first list's crossings that the second list has too."""
    if len(first) == 0:
        return float("nan")
    return float((pair_crossings(first, second, tolerance) >= 0).mean())


def all_scores(
    true: Classes,
    said: Classes,
    regions: Classes,
    labels: Crossings,
    found: Crossings,
    tolerance: float = TOLERANCE,
) -> dict[str, Any]:
    """Return all scores as plain values.

    Parameters
    ----------
    true
        Class of each second by the labels, `labels.UNKNOWN` where they do not say.
    said
        By the detector.
    regions
        By the detector, if only the three regions may be named.
    labels, found
        Intervals.
    tolerance
        Of the intervals, s.

    Returns
    -------
    scores
        ``accuracy`` and ``macro_f1`` are of the three regions, over seconds that are labelled as
        one of them; ``accuracy_five`` and ``macro_f1_five`` of all five classes; ``per_class`` of
        the five, ``per_region`` of the three.
    """
    three = score_classes(true, regions, REGIONS)
    five = score_classes(true, said, tuple(range(len(CLASSES))))
    crossings = score_crossings(labels, found, tolerance)
    by_boundary = {
        name: score_crossings(
            labels.select(np.isin(labels.kind, kinds)),
            found.select(np.isin(found.kind, kinds)),
            tolerance,
        ).f1
        for name, kinds in (("bow_shock", (0, 3)), ("magnetopause", (1, 2)))
    }
    return {
        "accuracy": three.accuracy,
        "macro_f1": three.macro_f1,
        "per_region": {key: dict(value) for key, value in three.per_class.items()},
        "accuracy_five": five.accuracy,
        "macro_f1_five": five.macro_f1,
        "per_class": {key: dict(value) for key, value in five.per_class.items()},
        "crossing_f1": crossings.f1,
        "crossing_f1_bow_shock": by_boundary["bow_shock"],
        "crossing_f1_magnetopause": by_boundary["magnetopause"],
        "crossing_f1_edges": crossings.edge_f1,
        "tolerance_s": tolerance,
        "time_error_median_s": crossings.median_error,
        "n_true": crossings.n_true,
        "n_detected": crossings.n_detected,
        "n_found": crossings.n_found,
        "seconds": int((true != UNKNOWN).sum()),
    }


def kind_counts(crossings: Crossings) -> dict[str, int]:
    """Return how many intervals of each kind there are."""
    return {name: int((crossings.kind == number).sum()) for number, name in enumerate(KINDS)}
