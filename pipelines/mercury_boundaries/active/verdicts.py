"""What learning curves say: means, parts of the full score, and tests against chance.

Which strategy is tested, by what and with how many labelled orbits was decided before any of the
missions of the test had been simulated; the README tells it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.mercury_boundaries.active.comparison import FULL, TENTH, WITHIN, Curve

Values = NDArray[np.float64]

#: The strategy that is tested, with a tenth of the orbits labelled; all others are secondary.
PRIMARY: Final = WITHIN["two samples"]

#: What others are compared with.
RANDOM: Final = "random"


@dataclass(frozen=True)
class Verdict:
    """How a strategy does with a number of labelled orbits.

    Attributes
    ----------
    mean, deviation
        Of macro-F1 over the seeds.
    part_of_full, part_error
        Mean of its ratio to that of a classifier that learnt from all orbits, and half of the
        interval that holds the true mean with 95 per cent (Student).
    gain, gain_error
        Mean difference to choosing at random, and half of its interval; 0 for that itself.
    better
        Seeds in which it is better than random.
    p_value, p_wilcoxon
        One-sided, paired by seed: Student's test, and Wilcoxon's signed ranks; 1 without any
        difference, as for random itself.
    """

    mean: float
    deviation: float
    part_of_full: float
    part_error: float
    gain: float
    gain_error: float
    better: int
    p_value: float
    p_wilcoxon: float


def by_seed(curves: Sequence[Curve], strategy: str) -> dict[int, Values]:
    """Return the scores of a strategy for each seed, means over its first choices."""
    seeds = sorted({each.seed for each in curves})
    return {
        seed: np.mean(
            [each.f1 for each in curves if each.seed == seed and each.strategy == strategy], axis=0
        )
        for seed in seeds
    }


def verdict(curves: Sequence[Curve], strategy: str, size: int = TENTH) -> Verdict:
    """Judge a strategy by the seeds of a comparison."""
    statistics = require("scipy.stats")
    sizes = next(each.sizes for each in curves if each.strategy == strategy)
    place = sizes.index(size)
    mine, other, full = (
        np.array([values[where] for values in by_seed(curves, name).values()])
        for name, where in ((strategy, place), (RANDOM, place), (FULL, 0))
    )
    student = wilcoxon = 1.0
    if (mine != other).any():
        student = float(statistics.ttest_rel(mine, other, alternative="greater").pvalue)
        wilcoxon = float(statistics.wilcoxon(mine, other, alternative="greater").pvalue)
    return Verdict(
        float(mine.mean()),
        float(mine.std(ddof=1)),
        float((mine / full).mean()),
        half_interval(mine / full),
        float((mine - other).mean()),
        half_interval(mine - other),
        int((mine > other).sum()),
        student,
        wilcoxon,
    )


def half_interval(values: Values) -> float:
    """Return half of the interval that holds the mean with 95 per cent, by Student."""
    quantile = float(require("scipy.stats").t.ppf(0.975, len(values) - 1))
    return float(quantile * values.std(ddof=1) / np.sqrt(len(values)))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values adjusted for how many were asked for (Holm 1979, Scand. J. Stat. 6, 65).

    Parameters
    ----------
    p_values
        By name.

    Returns
    -------
    adjusted
        By name; where they are below a level, the chance that any of them is so by accident is
        below it, too.
    """
    adjusted, largest = {}, 0.0
    for number, name in enumerate(sorted(p_values, key=lambda each: p_values[each])):
        largest = max(largest, min(1.0, (len(p_values) - number) * p_values[name]))
        adjusted[name] = largest
    return adjusted


def strategies_of(curves: Sequence[Curve]) -> list[str]:
    """Return the strategies of curves in the order in which they were compared, without `FULL`."""
    names: Mapping[str, None] = {each.strategy: None for each in curves if each.strategy != FULL}
    return list(names)


def secondary_of(curves: Sequence[Curve]) -> list[str]:
    """Return the strategies that are neither random nor primary."""
    return [each for each in strategies_of(curves) if each not in (RANDOM, PRIMARY)]
