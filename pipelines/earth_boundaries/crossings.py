"""From probabilities of regions to crossings of boundaries, and from true regions likewise.

Everything about a crossing depends on minutes within `REACH` of it, so that the crossings of any
division of a series are those of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from pipelines.earth_boundaries.regions import MAGNETOSHEATH, MAGNETOSPHERE, UNKNOWN

Values = NDArray[np.float64]

#: The boundaries: name, and the first region (from the outside) that lies inside of it.
BOUNDARIES = (("bow_shock", MAGNETOSHEATH), ("magnetopause", MAGNETOSPHERE))

#: Minutes on either side over which the evidence for a crossing is averaged.
EVIDENCE = 5

#: Minutes around an edge in which the probability is looked at for time and uncertainty.
_NEAR = 4

#: Gaps of up to so many minutes are bridged linearly; no crossing is found in a longer one.
_BRIDGE = 5

#: Minutes on which a crossing depends at most, to either side.
REACH = 30


@dataclass(frozen=True, slots=True)
class CrossingRule:
    """How probabilities become crossings.

    Attributes
    ----------
    smoothing
        Minutes of the median filter, odd: shorter excursions are no crossings.
    least
        Evidence below which a crossing is dropped, 0 to 1.
    """

    smoothing: int
    least: float


@dataclass(frozen=True)
class Crossings:
    """Crossings in order of time.

    Attributes
    ----------
    edge
        First minute of a series after each crossing, shape (n,).
    time
        Of the crossing, minutes from the beginning of the series, shape (n,).
    uncertainty
        Half of the time in which the probability changes, minutes, shape (n,).
    boundary
        Number of `BOUNDARIES`, shape (n,).
    inward
        Whether the spacecraft goes towards the Earth, shape (n,).
    evidence
        Between 0 and 1, shape (n,).
    """

    edge: NDArray[np.int64]
    time: Values
    uncertainty: Values
    boundary: NDArray[np.int64]
    inward: NDArray[np.bool_]
    evidence: Values

    def __len__(self) -> int:
        return len(self.edge)

    def take(self, which: NDArray[np.bool_]) -> Crossings:
        """Return some of the crossings."""
        return Crossings(
            self.edge[which],
            self.time[which],
            self.uncertainty[which],
            self.boundary[which],
            self.inward[which],
            self.evidence[which],
        )


def _merge(several: list[Crossings]) -> Crossings:
    joined = Crossings(
        *(
            np.concatenate([getattr(each, name) for each in several])
            for name in ("edge", "time", "uncertainty", "boundary", "inward", "evidence")
        )
    )
    order = np.lexsort((joined.boundary, joined.edge))
    return joined.take(order)


def find_crossings(probabilities: Values, rule: CrossingRule) -> Crossings:
    """Find where a spacecraft changes from one side of a boundary to the other.

    Parameters
    ----------
    probabilities
        Of the regions, shape (4, n), NaN in gaps.
    rule
        What counts.
    """
    return _merge(
        [
            _of_boundary(probabilities, number, first, rule)
            for number, (_, first) in enumerate(BOUNDARIES)
        ]
    )


def true_crossings(regions: NDArray[np.int64]) -> Crossings:
    """Return the crossings between true regions; next to unknown ones there are none.

    Parameters
    ----------
    regions
        Shape (n,).
    """
    parts = []
    for number, (_, first) in enumerate(BOUNDARIES):
        inside = regions >= first
        changes = (np.diff(inside.astype(np.int8)) != 0) & (regions[1:] != UNKNOWN)
        edge = np.flatnonzero(changes & (regions[:-1] != UNKNOWN)) + 1
        parts.append(
            Crossings(
                edge.astype(np.int64),
                edge.astype(np.float64),
                np.full(len(edge), 0.5),
                np.full(len(edge), number, dtype=np.int64),
                inside[edge],
                np.ones(len(edge)),
            )
        )
    return _merge(parts)


def _of_boundary(probabilities: Values, number: int, first: int, rule: CrossingRule) -> Crossings:
    inside = _bridged(probabilities[first:].sum(axis=0))
    known = np.isfinite(inside)
    state = median_filter(np.where(known, inside > 0.5, False).astype(np.int8), rule.smoothing)
    # A median near a gap would count the gap as outside; there the state is what it is.
    near_gap = _near(~known, rule.smoothing // 2)
    state = np.where(near_gap, inside > 0.5, state).astype(np.int8)
    edge = np.flatnonzero((np.diff(state) != 0) & known[1:] & known[:-1]) + 1
    rows = [_measure(inside, probabilities, int(each), bool(state[each]), first) for each in edge]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    found = Crossings(
        edge.astype(np.int64),
        table[:, 0],
        table[:, 1],
        np.full(len(edge), number, dtype=np.int64),
        state[edge].astype(np.bool_),
        table[:, 2],
    )
    return found.take(found.evidence >= rule.least)


def _near(flags: NDArray[np.bool_], distance: int) -> NDArray[np.bool_]:
    padded = np.pad(flags.astype(np.int64), (distance + 1, distance))
    total = np.cumsum(padded)
    width = 2 * distance + 1
    return np.asarray((total[width:] - total[:-width]) > 0)


def _bridged(values: Values) -> Values:
    """Fill gaps of up to `_BRIDGE` minutes linearly."""
    known = np.flatnonzero(np.isfinite(values))
    filled = values.copy()
    length = np.diff(known)
    for place in np.flatnonzero((length > 1) & (length <= _BRIDGE + 1)):
        low, high = int(known[place]), int(known[place + 1])
        share = np.arange(1, high - low) / (high - low)
        filled[low + 1 : high] = values[low] + share * (values[high] - values[low])
    return filled


def _measure(
    inside: Values, probabilities: Values, edge: int, inward: bool, first: int
) -> tuple[float, float, float]:
    """Return time and uncertainty in minutes, and the evidence for a crossing at an edge.

    The middle of a minute is half a minute after its beginning. The time is where the probability
    to be inside passes one half nearest to the edge; the uncertainty half of the time between one
    sixth and five sixths, as of a normal distribution between minus and plus one standard
    deviation, at least half a minute.
    """
    low, high = max(edge - _NEAR, 0), min(edge + _NEAR, len(inside))
    near = inside[low:high]
    rising = near if inward else 1 - near
    sides = rising > 0.5
    turns = np.flatnonzero(sides[1:] & ~sides[:-1])
    time = float(edge)
    if turns.size:
        turn = int(turns[np.abs(turns + low + 1 - edge).argmin()])
        before, after = rising[turn], rising[turn + 1]
        time = low + turn + 0.5 + float((0.5 - before) / (after - before))
    doubtful = int(((rising > 1 / 6) & (rising < 5 / 6)).sum())
    return time, max(0.5 * doubtful, 0.5), _evidence(probabilities, edge, inward, first)


def _evidence(probabilities: Values, edge: int, inward: bool, first: int) -> float:
    """Return the smaller of the mean probabilities of the regions on either side of a boundary.

    Both are those of the regions that touch it: a jump from wind to magnetosphere is no evidence
    of a bow shock.
    """
    before = probabilities[:, max(edge - EVIDENCE, 0) : edge]
    after = probabilities[:, edge : edge + EVIDENCE]
    outer, inner = (before, after) if inward else (after, before)
    outside = outer[:first] if first == MAGNETOSHEATH else outer[first - 1 : first]
    sides = (outside.sum(axis=0), inner[first])
    means = [float(np.mean(each[np.isfinite(each)])) if np.isfinite(each).any() else 0.0
             for each in sides]  # fmt: skip
    return min(means)
