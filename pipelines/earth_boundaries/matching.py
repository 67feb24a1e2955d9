"""Which crossings match which true ones: one to one, nearest first, within a tolerance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class CrossingScores:
    """How good crossings are.

    Attributes
    ----------
    n_true, n_found, n_matched
        Numbers of true crossings, of those found, and of pairs.
    errors
        Time of those found less that of their partners, s, shape (n_matched,).
    """

    n_true: int
    n_found: int
    errors: Values

    @property
    def n_matched(self) -> int:
        """Number of pairs."""
        return len(self.errors)

    @property
    def precision(self) -> float:
        """Matched over found, 0 when nothing was."""
        return self.n_matched / max(self.n_found, 1)

    @property
    def recall(self) -> float:
        """Matched over true, 0 when there are none."""
        return self.n_matched / max(self.n_true, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.n_matched / max(self.n_true + self.n_found, 1)

    @property
    def time_error_median(self) -> float:
        """Median of the absolute errors, s; NaN without pairs."""
        return float(np.median(np.abs(self.errors))) if self.n_matched else float("nan")

    def __add__(self, other: CrossingScores) -> CrossingScores:
        """Pool two sets."""
        return CrossingScores(
            self.n_true + other.n_true,
            self.n_found + other.n_found,
            np.concatenate([self.errors, other.errors]),
        )


def pair(true: Values, found: Values, tolerance: float) -> NDArray[np.int64]:
    """Return pairs of true and found times, nearest first; each time is in one pair at most.

    Parameters
    ----------
    true, found
        Times, s, shapes (n,) and (m,).
    tolerance
        Largest distance of a pair, s.

    Returns
    -------
    pairs
        Numbers of true and found times, shape (k, 2).
    """
    distance = np.abs(true[:, None] - found[None, :])
    rows, columns = np.nonzero(distance <= tolerance)
    order = np.argsort(distance[rows, columns], kind="stable")
    pairs: list[tuple[int, int]] = []
    taken_true, taken_found = set[int](), set[int]()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in taken_true and column not in taken_found:
            pairs.append((row, column))
            taken_true.add(row)
            taken_found.add(column)
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def score_crossings(
    true: Values, true_kind: NDArray[np.int64], found: Values, found_kind: NDArray[np.int64],
    tolerance: float,
) -> CrossingScores:  # fmt: skip
    """Match crossings of the same kind.

    Parameters
    ----------
    true, found
        Times, s, shapes (n,) and (m,).
    true_kind, found_kind
        Only crossings of equal kind match, e.g. boundary and direction.
    tolerance
        s.
    """
    total = CrossingScores(0, 0, np.empty(0))
    for kind in np.union1d(true_kind, found_kind):
        mine, theirs = true[true_kind == kind], found[found_kind == kind]
        pairs = pair(mine, theirs, tolerance)
        errors = theirs[pairs[:, 1]] - mine[pairs[:, 0]]
        total = total + CrossingScores(len(mine), len(theirs), errors)
    return total
