"""Intervals of crossings from the states of a passage, and what is asked of every second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.mercury_boundaries.decide import (
    PassageRule,
    States,
    classes_of_states,
    decide,
    passed,
)
from pipelines.mercury_boundaries.edges import EdgeAnswer, refine
from pipelines.mercury_boundaries.evaluate import REGIONS
from pipelines.mercury_boundaries.features import BIN, Bins
from pipelines.mercury_boundaries.labels import BOW_SHOCK, MAGNETOPAUSE, Classes
from pipelines.mercury_boundaries.lists import Crossings

Probabilities = NDArray[np.float32]


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


def find_passages(
    probabilities: Probabilities, bins: Bins, rule: PassageRule, edges: EdgeAnswer | None = None
) -> Passages:
    """Decide on the states of bins and return the crossings between them.

    Intervals count where what lies before and after them are different regions; a boundary that
    was touched and not passed is none.

    Parameters
    ----------
    probabilities, bins, rule
        As for `decide.decide`.
    edges
        Answers of the second step; without it intervals are those of the path.
    """
    states = decide(probabilities, bins.known, bins.first, rule)
    if edges is not None:
        least = [(rule.least_bow_shock, rule.least_magnetopause)]
        states = refine(states, bins, *passed(states), edges, least)[0]
    return make_passages(states, probabilities, bins)


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
