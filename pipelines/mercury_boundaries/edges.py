"""The second step: where an interval of crossings begins and ends.

The passage says which boundary is crossed about when. An author then looks at the field on both
sides, and calls crossing what lies between its first and its last step from one to the other. So
does this: every crossing is looked at in a window of its own, in which the field is told relative
to what it is outside and inside, and time runs inwards. Hence a small network suffices, and what it
learns in simulation holds for real orbits.

The network says how likely each bin lies in the interval. From that follows the interval with the
largest F1 that can be expected, which is longer than the most likely one (`best_interval`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.mercury_boundaries.decide import CROSSING_STATES, States
from pipelines.mercury_boundaries.features import Bins

Values = NDArray[np.float32]
Numbers = NDArray[np.float64]

#: Bins a window: 68 minutes. All but one in fifty intervals of the lists are shorter.
EDGE_WINDOW: Final = 1024

#: Bins beside an interval that count as its side, and bins next to it that do not: the interval is
#: not known better than that.
_SIDE, _NEXT = 150, 10

#: Least step of the logarithm of the strength from side to side that is divided by.
_LEAST_STEP: Final = 0.2

#: nT, added to fluctuations before the logarithm.
_QUIET: Final = 0.05

EDGE_CHANNELS: Final = (
    "level",
    "smooth_level",
    "over_outside",
    "over_inside",
    "unrest",
    "unrest_over_outside",
    "unrest_over_inside",
    "unrest_of_strength",
    "along_the_step",
    "beside_the_step",
    "turned_from_outside",
    "turned_from_inside",
    "is_magnetopause",
    "mask",
)

#: Maps windows (m, channels, `EDGE_WINDOW`) to probabilities (m, 3, `EDGE_WINDOW`).
EdgeAnswer = Callable[[Values], Values]

#: What a bin of the window may be.
OUTSIDE, CROSSING, INSIDE = range(3)


@dataclass(frozen=True)
class Passage:
    """A crossing as the path has it, in bins of a series.

    Attributes
    ----------
    low, high
        Of the interval, half-open.
    floor, ceiling
        How far it may reach at most, half-open.
    inbound
        Whether time runs inwards.
    magnetopause
        Whether it is one; a bow shock otherwise.
    """

    low: int
    high: int
    floor: int
    ceiling: int
    inbound: bool
    magnetopause: bool

    @property
    def first(self) -> int:
        """First bin of the window."""
        return (self.low + self.high) // 2 - EDGE_WINDOW // 2


def passages_between(
    states: States, intervals: NDArray[np.int64], kinds: NDArray[np.int64]
) -> list[Passage]:
    """Return crossings with the room that each has, those that are too long left out.

    It goes half the way to the neighbours, and not beyond the regions on both sides; a bin of each
    region remains whatever happens.

    Parameters
    ----------
    states
        Of a series, as `untouched` leaves them.
    intervals, kinds
        As `decide.passed` returns them, shape (m, 2) and (m,).
    """
    made = []
    half = EDGE_WINDOW // 2
    for number, ((start, end), kind) in enumerate(zip(intervals, kinds, strict=True)):
        low, high = int(start), int(end)
        if high - low > EDGE_WINDOW - 2 * _NEXT:
            continue
        middle = (low + high) // 2
        floor, ceiling = max(middle - half, 1), min(middle + half, len(states) - 1)
        if number:
            floor = max(floor, (int(intervals[number - 1, 1]) + low) // 2 + 1)
        if number < len(intervals) - 1:
            ceiling = min(ceiling, (high + int(intervals[number + 1, 0])) // 2)
        other = np.flatnonzero(states[floor - 1 : low] != states[low - 1])
        floor += int(other[-1]) + 1 if len(other) else 0
        other = np.flatnonzero(states[high : ceiling + 1] != states[high])
        ceiling = high + int(other[0]) - 1 if len(other) else ceiling
        made.append(Passage(low, high, floor, ceiling, bool(kind in (0, 1)), bool(kind in (1, 2))))
    return made


def edge_channels(bins: Bins, passage: Passage) -> Values:
    """Return what the network sees of a crossing.

    Returns
    -------
    channels
        Shape (len(`EDGE_CHANNELS`), `EDGE_WINDOW`), 0 where nothing is known and beyond the room.
    """
    part = bins.slice(passage.floor, passage.ceiling)
    known = part.known
    field = part.field.astype(np.float64)
    strength = np.log(part.strength.astype(np.float64) + 1.0)
    size = np.maximum(part.strength.astype(np.float64), 1.0)
    unrest = np.log((part.unrest + _QUIET) / size)
    low, high = passage.low - passage.floor, passage.high - passage.floor
    before = _side(known, max(low - _NEXT - _SIDE, 0), low - _NEXT)
    after = _side(known, high + _NEXT, high + _NEXT + _SIDE)
    outer, inner = (before, after) if passage.inbound else (after, before)
    levels = [float(np.median(strength[each])) for each in (outer, inner)]
    fields = [field[each].mean(axis=0) for each in (outer, inner)]
    quiet = [float(np.median(unrest[each])) for each in (outer, inner)]
    step = levels[1] - levels[0]
    step = np.copysign(max(abs(step), _LEAST_STEP), step)
    level = (strength - levels[0]) / step
    way = fields[1] - fields[0]
    length = max(float(np.linalg.norm(way)), 2.0)
    apart = (field - fields[0]) / length
    along = apart @ (way / length)
    beside = np.linalg.norm(apart - along[:, None] * (way / length), axis=1)
    rows = np.stack(
        [
            np.clip(level, -2, 3) - 0.5,
            np.clip(_smooth(level), -2, 3) - 0.5,
            strength - levels[0],
            strength - levels[1],
            0.5 * unrest + 1.0,
            0.5 * (unrest - quiet[0]),
            0.5 * (unrest - quiet[1]),
            0.5 * np.log((part.unrest_of_strength + _QUIET) / size) + 1.0,
            np.clip(along, -2, 3) - 0.5,
            np.clip(beside, 0, 3),
            _cosine(field, fields[0]),
            _cosine(field, fields[1]),
            np.full(len(part), float(passage.magnetopause)),
            np.ones(len(part)),
        ]
    )
    rows[:, ~known] = 0.0
    window = np.zeros((len(EDGE_CHANNELS), EDGE_WINDOW), dtype=np.float32)
    start = passage.floor - passage.first
    window[:, start : start + len(part)] = rows
    return np.ascontiguousarray(window if passage.inbound else window[:, ::-1])


def _side(known: NDArray[np.bool_], low: int, high: int) -> NDArray[np.int64]:
    """Return the known bins of a side; all that are known where it has none."""
    there = np.flatnonzero(known[max(low, 0) : max(high, 0)]) + max(low, 0)
    if len(there):
        return there
    anywhere = np.flatnonzero(known)
    return anywhere if len(anywhere) else np.arange(len(known))


def _smooth(values: Numbers) -> Numbers:
    return np.convolve(values, np.ones(7) / 7, "same")[: len(values)]


def _cosine(field: Numbers, mean: Numbers) -> Numbers:
    lengths = np.linalg.norm(field, axis=1) * np.linalg.norm(mean)
    return np.asarray(field @ mean / np.maximum(lengths, 1e-3))


def best_interval(probabilities: Values, passage: Passage, least: float) -> tuple[int, int]:
    """Return the interval with the largest expected F1, in bins of the series, half-open.

    It is the run of bins over which the probability of the crossing exceeds `least` by the largest
    sum. F1 over the bins of all crossings is largest in expectation if those bins are named whose
    probability is above half of the F1 that is reached so (Lipton et al. 2014); an interval has no
    holes, hence a sum over a run. The most likely interval, which stands for a probability of about
    a half, is too short wherever its edges are in doubt.

    Parameters
    ----------
    probabilities
        Of `OUTSIDE`, `CROSSING` and `INSIDE`, shape (3, `EDGE_WINDOW`), time running inwards.
    passage
        What the window is of.
    least
        Probability from which on a bin is worth naming.
    """
    crossing = probabilities[CROSSING].astype(np.float64)
    crossing = crossing if passage.inbound else crossing[::-1]
    start = passage.floor - passage.first
    worth = crossing[start : start + passage.ceiling - passage.floor] - least
    # sums[t]: all bins before t.
    sums = np.concatenate([[0.0], np.cumsum(worth)])
    end = int((sums[1:] - np.minimum.accumulate(sums)[:-1]).argmax()) + 1
    first = int(sums[:end].argmin())
    return passage.floor + first, passage.floor + end


def refine(
    states: States,
    bins: Bins,
    intervals: NDArray[np.int64],
    kinds: NDArray[np.int64],
    answer: EdgeAnswer,
    least: Sequence[tuple[float, float]],
) -> list[States]:
    """Return states whose crossings begin and end where the second step says.

    Boundaries that were touched and not passed become what lies on both sides of them.

    Parameters
    ----------
    states, bins
        Of a series.
    intervals, kinds
        As `decide.passed` returns them.
    answer
        Maps windows (m, channels, `EDGE_WINDOW`) to probabilities (m, 3, `EDGE_WINDOW`).
    least
        As for `best_interval`, for bow shock and magnetopause.

    Returns
    -------
    refined
        For each pair of `least`.
    """
    settled = untouched(states, intervals)
    found = passages_between(settled, intervals, kinds)
    # Each is asked alone: an answer does not depend on what else is in a series.
    said = [answer(edge_channels(bins, each)[None])[0] for each in found]
    return [moved(settled, found, said, each) for each in least]


def untouched(states: States, intervals: NDArray[np.int64]) -> States:
    """Return states in which boundaries that were touched and not passed are gone."""
    settled = states.copy()
    edges = np.flatnonzero(np.diff(states)) + 1
    through = {int(low) for low, _ in intervals}
    for low, high in itertools.pairwise(edges):
        crossing = int(states[low]) in CROSSING_STATES
        if crossing and int(low) not in through and states[low - 1] == states[high]:
            settled[low:high] = states[high]
    return settled


def moved(
    states: States, found: Sequence[Passage], said: Sequence[Values], least: tuple[float, float]
) -> States:
    """Return states with crossings moved to the intervals that are best."""
    refined = states.copy()
    for each, probabilities in zip(found, said, strict=True):
        low, high = best_interval(probabilities, each, least[int(each.magnetopause)])
        before, during, after = states[each.low - 1], states[each.low], states[each.high]
        refined[each.floor : each.ceiling] = np.repeat(
            np.array([before, during, after], dtype=np.int8),
            [low - each.floor, high - low, each.ceiling - high],
        )
    return refined
