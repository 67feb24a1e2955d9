"""From intervals of crossings to a class for every second, and back."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.mercury_boundaries.lists import KINDS, Crossings
from pipelines.signals.events import runs

Classes = NDArray[np.int8]

#: Answers of the detector, in the order of its logits.
CLASSES: Final = ("solar_wind", "bow_shock", "magnetosheath", "magnetopause", "magnetosphere")
SOLAR_WIND, BOW_SHOCK, SHEATH, MAGNETOPAUSE, MAGNETOSPHERE = range(5)

#: A second about which nothing is known.
UNKNOWN: Final = -1

#: The class of each number of `type_num`; 0 is unknown.
_FROM_TYPE = np.array([UNKNOWN, MAGNETOSPHERE, SHEATH, SOLAR_WIND, BOW_SHOCK, MAGNETOPAUSE])

#: Class of each kind of interval, and of what comes after it.
_DURING = (BOW_SHOCK, MAGNETOPAUSE, MAGNETOPAUSE, BOW_SHOCK)
_AFTER = (SHEATH, MAGNETOSPHERE, SHEATH, SOLAR_WIND)
_BEFORE = (SOLAR_WIND, SHEATH, MAGNETOSPHERE, SHEATH)

#: Seconds around an interval at the edge of a list over which the neighbouring region is taken to
#: last, and between two intervals of which one does not follow from the other.
_REACH = 600

#: Longest region between two intervals, seconds: wind far from the planet.
_LONGEST_GAP = 20 * 3600


def classes_of_types(types: NDArray[np.int8]) -> Classes:
    """Return the classes of the numbers of `type_num`, shape (n,)."""
    return _FROM_TYPE[np.clip(types, 0, 5)].astype(np.int8)


def classes_of(crossings: Crossings, first: int, samples: int) -> Classes:
    """Return the class of each second that a list of intervals implies.

    Between two intervals lies the region that the first leads into, if the second comes out of it.
    Where they contradict each other, and far from all of them, nothing is known.

    Parameters
    ----------
    crossings
        In order of time.
    first, samples
        Of the series, seconds since 1970.

    Returns
    -------
    classes
        Numbers of `CLASSES` or `UNKNOWN`, shape (n,).
    """
    classes = np.full(samples, UNKNOWN, dtype=np.int8)
    start = np.floor(crossings.start - first).astype(np.int64)
    end = np.maximum(np.ceil(crossings.end - first).astype(np.int64), start + 1)
    for number, kind in enumerate(crossings.kind):
        before, after = _BEFORE[kind], _AFTER[kind]
        low = start[number] - _REACH
        if number > 0:
            agrees = _AFTER[crossings.kind[number - 1]] == before
            gap = start[number] - end[number - 1]
            low = end[number - 1] if agrees and gap < _LONGEST_GAP else max(low, end[number - 1])
        _fill(classes, low, start[number], before)
        _fill(classes, end[number], end[number] + _REACH, after)
    for low, high, kind in zip(start, end, crossings.kind, strict=True):
        _fill(classes, low, high, _DURING[kind])
    return classes


def _fill(classes: Classes, low: int, high: int, value: int) -> None:
    classes[max(low, 0) : max(high, 0)] = value


def crossings_from_classes(classes: Classes, first: int) -> Crossings:
    """Return the intervals that the classes of a labelled series show.

    An interval is inbound when what comes before it lies further out than what comes after;
    intervals with the same region on both sides, or none, are left out.
    """
    start, end, kind = [], [], []
    for class_, names in ((BOW_SHOCK, ("bs_in", "bs_out")), (MAGNETOPAUSE, ("mp_in", "mp_out"))):
        for low, high in runs(classes == class_):
            before = classes[low - 1] if low > 0 else UNKNOWN
            after = classes[high] if high < len(classes) else UNKNOWN
            if UNKNOWN in (before, after) or before == after:
                continue
            start.append(first + int(low))
            end.append(first + int(high) - 1)
            kind.append(KINDS.index(names[0] if before < after else names[1]))
    order = np.argsort(start, kind="stable")
    return Crossings(
        np.array(start, dtype=np.float64)[order],
        np.array(end, dtype=np.float64)[order],
        np.array(kind, dtype=np.int64)[order],
    )


def crossings_from_regions(
    regions: NDArray[np.int8], distance: NDArray[np.float64], first: int
) -> Crossings:
    """Return intervals from the first to the last crossing of a boundary on a leg of an orbit.

    Parameters
    ----------
    regions
        1 magnetosphere, 2 sheath, 3 wind, shape (n,).
    distance
        From the planet, any unit, shape (n,): legs end at its lowest and highest points.
    first
        Time of the first sample.
    """
    falling = np.diff(distance) < 0
    turns = np.flatnonzero(falling[1:] != falling[:-1]) + 1
    edges = np.concatenate(([0], turns, [len(regions)]))
    start, end, kind = [], [], []
    for low, high in itertools.pairwise(edges):
        if high - low < 2:
            continue
        inbound = bool(distance[high - 1] < distance[low])
        for name, inside in (("bs", regions[low:high] < 3), ("mp", regions[low:high] < 2)):
            changes = np.flatnonzero(inside[1:] != inside[:-1])
            if changes.size == 0 or inside[0] == inside[-1]:
                continue  # touched without being passed
            start.append(first + int(low + changes[0]))
            end.append(first + int(low + changes[-1]) + 1)
            kind.append(KINDS.index(f"{name}_{'in' if inbound else 'out'}"))
    order = np.argsort(start, kind="stable")
    return Crossings(
        np.array(start, dtype=np.float64)[order],
        np.array(end, dtype=np.float64)[order],
        np.array(kind, dtype=np.int64)[order],
    )
