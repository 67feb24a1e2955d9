"""Intervals of crossings from the states of a passage, and what is asked of every second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.mercury_boundaries.decide import (
    CROSSING_STATES,
    PassageRule,
    States,
    classes_of_states,
    decide,
)
from pipelines.mercury_boundaries.evaluate import REGIONS
from pipelines.mercury_boundaries.features import BIN, Bins
from pipelines.mercury_boundaries.labels import BOW_SHOCK, MAGNETOPAUSE, Classes
from pipelines.mercury_boundaries.lists import Crossings

Probabilities = NDArray[np.float32]

#: Bins. What lasts longer is no crossing: the longest interval of PyMess's 16,144 lasts 3.9 hours.
LONGEST: Final = 5 * 3600 // BIN


@dataclass(frozen=True)
class Passages:
    """What was found in a series.

    Attributes
    ----------
    states
        Of each bin, shape (n,).
    probabilities
        Of the classes, shape (classes, n).
    crossings
        Intervals, in order of time.
    intervals
        The same in bins, half-open, shape (m, 2).
    score
        Raw score of each interval, 0 to 1: how sure the network is of the boundary at its best bin,
        and of the regions before and after it, whichever is least, shape (m,).
    """

    states: States
    probabilities: Probabilities
    crossings: Crossings
    intervals: NDArray[np.int64]
    score: NDArray[np.float64]

    def classes(self, bins: Bins, first: int, samples: int) -> Classes:
        """Return the class of each second of a series, shape (n,)."""
        return seconds_of(classes_of_states(self.states), bins, first, samples)

    def regions(self, bins: Bins, first: int, samples: int) -> Classes:
        """Return the class of each second if only regions may be named: the likelier in crossings.

        Parameters
        ----------
        bins
            Of the series.
        first, samples
            Of the series.
        """
        classes = classes_of_states(self.states)
        best = np.array(REGIONS, np.int8)[self.probabilities[list(REGIONS)].argmax(axis=0)]
        crossing = (classes == BOW_SHOCK) | (classes == MAGNETOPAUSE)
        return seconds_of(np.where(crossing, best, classes).astype(np.int8), bins, first, samples)


def seconds_of(classes: Classes, bins: Bins, first: int, samples: int) -> Classes:
    """Return the classes of seconds from those of bins."""
    offset = first - bins.first * BIN
    return np.repeat(classes, BIN)[offset : offset + samples]


def find_passages(probabilities: Probabilities, bins: Bins, rule: PassageRule) -> Passages:
    """Decide on the states of bins and return the crossings between them.

    Intervals count where what lies before and after them are different regions; a boundary that
    was touched and not passed is none.
    """
    return make_passages(decide(probabilities, bins.known, bins.first, rule), probabilities, bins)


def make_passages(states: States, probabilities: Probabilities, bins: Bins) -> Passages:
    """Return the crossings between states that were decided on."""
    intervals, kinds = passed(states)
    starts = (bins.first + intervals[:, 0]) * float(BIN)
    ends = (bins.first + intervals[:, 1]) * float(BIN) - 1.0
    return Passages(
        states,
        probabilities,
        Crossings(starts, ends, kinds),
        intervals,
        _scores(probabilities, states, intervals),
    )


def passed(states: States) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return runs of crossing states that lead from one region to the next, and their kinds.

    Runs at the ends of the series, and longer ones than `LONGEST`, are left out.
    """
    edges = np.flatnonzero(np.diff(states)) + 1
    starts = edges[:-1] if len(edges) else edges
    ends = edges[1:] if len(edges) else edges
    state = states[starts] if len(starts) else np.empty(0, np.int8)
    crossing = np.isin(state, list(CROSSING_STATES))
    before = states[starts - 1] if len(starts) else state
    after = states[np.minimum(ends, len(states) - 1)] if len(ends) else state
    through = (before == (state - 1) % 8) & (after == (state + 1) % 8)
    kept = crossing & through & (ends - starts <= LONGEST)
    kinds = np.array([CROSSING_STATES[int(each)] for each in state[kept]], dtype=np.int64)
    return np.column_stack([starts[kept], ends[kept]]).astype(np.int64), kinds


def _scores(
    probabilities: Probabilities, states: States, intervals: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the raw score of each interval; see `Passages`."""
    classes = classes_of_states(states)
    side = 300 // BIN
    scores = []
    for low, high in intervals:
        boundary = float(probabilities[classes[low], low:high].max())
        before = probabilities[classes[low - 1], max(low - side, 0) : low].mean()
        after = probabilities[classes[high], high : high + side].mean()
        scores.append(min(0.5 + 0.5 * boundary, float(before), float(after)))
    return np.array(scores, dtype=np.float64)
