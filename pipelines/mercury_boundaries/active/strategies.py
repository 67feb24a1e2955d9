"""Which orbits to label next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Values = NDArray[np.float64]

#: Takes what is known of every orbit of the pool and returns the numbers of those to label.
Strategy = Callable[["Pool", int, np.random.Generator], list[int]]


class Pool:
    """What is known of the orbits from which some are chosen.

    Parameters
    ----------
    uncertainty
        Mean entropy of each orbit, bits, shape (n,).
    drifts
        Drift of each, shape (n,).
    labelled
        Numbers of those that have labels.
    """

    def __init__(self, uncertainty: Values, drifts: Labels, labelled: Sequence[int]) -> None:
        self.uncertainty = np.asarray(uncertainty, dtype=np.float64)
        self.drifts = np.asarray(drifts)
        self.labelled = list(labelled)
        self.free = np.ones(len(self.uncertainty), dtype=bool)
        self.free[self.labelled] = False


def choose_at_random(pool: Pool, count: int, random: np.random.Generator) -> list[int]:
    """Return orbits that chance picks."""
    free = np.flatnonzero(pool.free)
    return [int(each) for each in random.choice(free, min(count, len(free)), replace=False)]


def choose_by_entropy(pool: Pool, count: int, random: np.random.Generator) -> list[int]:
    """Return the most uncertain orbits (Julka et al. 2022)."""
    order = np.argsort(-pool.uncertainty, kind="stable")
    return [int(each) for each in order if pool.free[each]][:count]


def choose_within_drifts(pool: Pool, count: int, random: np.random.Generator) -> list[int]:
    """Return the most uncertain orbits of each drift, drifts with the smallest part labelled first.

    Julka et al. (2023) take a fixed number from each drift; here a drift is served by its size, so
    that any number of orbits can be asked for at any time.
    """
    chosen: list[int] = []
    free = pool.free.copy()
    names, sizes = np.unique(pool.drifts, return_counts=True)
    taken = {int(name): 0 for name in names}
    for each in pool.labelled:
        taken[int(pool.drifts[each])] += 1
    while len(chosen) < count and free.any():
        open_drifts = [
            (taken[int(name)] / size, -int(size), int(name))
            for name, size in zip(names, sizes, strict=True)
            if free[pool.drifts == name].any()
        ]
        drift = min(open_drifts)[2]
        candidates = np.flatnonzero(free & (pool.drifts == drift))
        best = int(candidates[np.argmax(pool.uncertainty[candidates])])
        chosen.append(best)
        free[best] = False
        taken[drift] += 1
    return chosen


#: Strategies by name.
STRATEGIES: Final[dict[str, Strategy]] = {
    "random": choose_at_random,
    "entropy": choose_by_entropy,
    "within drifts": choose_within_drifts,
}
