"""What the time from the strongest field says of the region, where the position is unknown.

Once an orbit the planet's own field exceeds everything else. A spacecraft that met it four hours
ago is not in the magnetosphere, however strong and quiet the field is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.mercury_boundaries.features import BIN, FAR, Bins
from pipelines.mercury_boundaries.labels import CLASSES, Classes

Probabilities = NDArray[np.float32]

#: Bins a step of the table: ten minutes.
_STEP: Final = 600 // BIN
_STEPS: Final = FAR // _STEP + 1

#: How much a class may be favoured or disfavoured at most, as a logarithm.
_MOST: Final = 5.0

#: Counts that are added to each class at each step, in bins: what was never seen is rare.
_ADDED: Final = 30.0

#: Steps over which counts are added up: crossings are too few to be counted in ten minutes.
_SMOOTH: Final = 5


@dataclass(frozen=True)
class ApproachPrior:
    """How much likelier each class is at a time from the strong field than anywhere.

    Attributes
    ----------
    logarithms
        Of the ratios, one row for each step of ten minutes, one column a class.
    """

    logarithms: tuple[tuple[float, ...], ...]

    def __call__(self, probabilities: Probabilities, bins: Bins) -> Probabilities:
        """Return probabilities that take the time from the strong field into account.

        Parameters
        ----------
        probabilities
            Of the classes, shape (classes, n).
        bins
            Of the series.
        """
        table = np.exp(np.array(self.logarithms, dtype=np.float32)).T
        step = np.minimum((bins.approach / _STEP).astype(np.int64), _STEPS - 1)
        weighed = probabilities * table[:, step]
        return np.asarray(weighed / weighed.sum(axis=0), dtype=np.float32)


def learn_prior(orbits: Sequence[tuple[Bins, Classes]]) -> ApproachPrior:
    """Count how often each class is met at each time from the strong field.

    Parameters
    ----------
    orbits
        Bins with the class of each bin; unknown ones do not count.
    """
    counts = np.full((_STEPS, len(CLASSES)), _ADDED)
    for bins, classes in orbits:
        known = (classes >= 0) & bins.known
        step = np.minimum((bins.approach[known] / _STEP).astype(np.int64), _STEPS - 1)
        np.add.at(counts, (step, classes[known].astype(np.int64)), 1.0)
    smooth = np.stack([np.convolve(each, np.ones(_SMOOTH), "same") for each in counts.T], axis=1)
    there = smooth / smooth.sum(axis=1, keepdims=True)
    anywhere = counts.sum(axis=0) / counts.sum()
    logarithms = np.clip(np.log(there / anywhere), -_MOST, _MOST)
    logarithms[-1] = 0.0  # no strong field within reach: a gap, about which nothing was learnt
    return ApproachPrior(tuple(tuple(float(each) for each in row) for row in logarithms))
