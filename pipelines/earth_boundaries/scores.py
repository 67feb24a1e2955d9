"""How well regions are named: accuracy, F1 of each region, and their mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RegionScore:
    """How well one region is named.

    Attributes
    ----------
    precision, recall, f1
        Between 0 and 1; 0 where there is nothing to divide by.
    support
        How many samples are truly of the region.
    """

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class RegionScores:
    """How well regions are named.

    Attributes
    ----------
    names
        Of the regions.
    confusion
        Counts of true (rows) against named (columns) regions.
    """

    names: tuple[str, ...]
    confusion: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Fraction of the samples that are named as they are."""
        return float(np.trace(self.confusion) / max(self.confusion.sum(), 1))

    @property
    def per_class(self) -> dict[str, RegionScore]:
        """Scores of each region that occurs in the truth or the answer."""
        right = np.diag(self.confusion)
        named, true = self.confusion.sum(axis=0), self.confusion.sum(axis=1)
        return {
            name: RegionScore(
                precision=float(hit / max(total, 1)),
                recall=float(hit / max(support, 1)),
                f1=float(2 * hit / max(total + support, 1)),
                support=int(support),
            )
            for name, hit, total, support in zip(self.names, right, named, true, strict=True)
            if total + support
        }

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the regions that truly occur; NaN without samples."""
        scores = [each.f1 for each in self.per_class.values() if each.support]
        return float(np.mean(scores)) if scores else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """Return ``accuracy``, ``macro_f1``, ``per_class`` and ``confusion`` as JSON has them."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "per_class": {
                name: {
                    "precision": each.precision,
                    "recall": each.recall,
                    "f1": each.f1,
                    "support": each.support,
                }
                for name, each in self.per_class.items()
            },
            "confusion": self.confusion.tolist(),
        }


def score_regions(
    true: NDArray[np.int64], named: NDArray[np.int64], names: Sequence[str]
) -> RegionScores:
    """Compare regions sample by sample; those whose truth is not known (below 0) are left out.

    Parameters
    ----------
    true, named
        Numbers of regions, shape (n,).
    names
        Of the regions.
    """
    known = true >= 0
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (true[known], named[known]), 1)
    return RegionScores(tuple(names), confusion)
