"""Single mounds out of the maps of a connected part: each pixel goes to one of the middles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

#: Middles nearer to a higher one than this part of its distance to the edge are the same mound.
_SAME = 0.6

#: So are those without a neck between them: where the distance to the edge falls nowhere below this
#: part of the smaller one's. Two circles whose middles are three quarters of both radii apart have
#: a neck of 0.66; the rim of a vent, which may have several peaks, has none.
_NECK = 0.85

#: Part of a mound's pixels, those most like a vent, whose mean tells whether it has one.
_VENT_PART = 0.05


@dataclass(frozen=True)
class Instance:
    """One object in a window.

    Attributes
    ----------
    mask
        Its pixels, shape of the window.
    row, col
        Its middle: the mean of its pixels' centres.
    mound, centre, vent
        Mean probability of its pixels, height of the map of middles within it, and mean of the
        pixels most like a vent; 0 to 1.
    softness
        Width of its edge in pixels: how far apart the lines are where the probability is one and
        three quarters.
    """

    mask: Flags
    row: float
    col: float
    mound: float
    centre: float
    vent: float
    softness: float

    @property
    def area(self) -> int:
        """Pixels."""
        return int(self.mask.sum())


def separate(maps: Bytes, part: Flags, *, centre: float, least: int) -> list[Instance]:
    """Separate the mounds of a connected part.

    Middles are the peaks of their map; a pixel goes to the middle that is nearest in units of the
    middle's distance to the edge of the part, so that large mounds reach further than small ones.

    Parameters
    ----------
    maps
        Probabilities of mound, middle and vent, 255 for 1, shape (3, rows, cols).
    part
        Pixels of the connected part.
    centre
        Least height of a peak.
    least
        Least area of a mound in pixels.

    Returns
    -------
    instances
        In the order of their first pixels.
    """
    inside = ndimage.binary_fill_holes(part)
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    heat = ndimage.gaussian_filter(maps[1] / 255.0, 1.0)
    peaks = _peaks(heat, inside, depth, centre)
    rows, cols = np.nonzero(inside)
    nearest = np.full(len(rows), np.inf)
    mine = np.zeros(len(rows), dtype=np.int32)
    for number, (row, col) in enumerate(peaks, start=1):
        away = np.hypot(rows - row, cols - col) / max(depth[row, col], 1.0)
        mine[away < nearest] = number
        np.minimum(nearest, away, out=nearest)
    owner = np.zeros(inside.shape, dtype=np.int32)
    owner[rows, cols] = mine
    made = []
    for number in range(1, len(peaks) + 1):
        mask = _largest(owner == number)
        if mask.sum() >= least:
            made.append(_instance(mask, maps, heat))
    return sorted(made, key=lambda each: int(np.flatnonzero(each.mask)[0]))


def _peaks(heat: Values, inside: Flags, depth: Values, least: float) -> list[tuple[int, int]]:
    """Return the middles, the highest first; at least one."""
    top = (heat == ndimage.maximum_filter(heat, 5)) & inside & (heat >= least)
    places = np.argwhere(top)
    if len(places) == 0:
        best = int(np.argmax(np.where(inside, depth, -1.0)))
        row, col = divmod(best, inside.shape[1])
        return [(row, col)]
    order = np.argsort(-heat[top], kind="stable")
    kept: list[tuple[int, int]] = []
    for row, col in places[order]:
        place = (int(row), int(col))
        if not any(_same(depth, place, other) for other in kept):
            kept.append(place)
    return kept


def _same(depth: Values, place: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two middles are of one mound."""
    away = float(np.hypot(place[0] - other[0], place[1] - other[1]))
    if away <= _SAME * max(depth[other], 3.0):
        return True
    steps = np.linspace(0.0, 1.0, int(2.0 * away) + 2)
    rows, cols = (
        np.round(a + (b - a) * steps).astype(int) for a, b in zip(place, other, strict=True)
    )
    return bool(depth[rows, cols].min() >= _NECK * min(depth[place], depth[other]))


def _largest(mask: Flags) -> Flags:
    labels, count = ndimage.label(mask)
    if count <= 1:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == np.argmax(sizes))


def _instance(mask: Flags, maps: Bytes, heat: Values) -> Instance:
    rows, cols = np.nonzero(mask)
    vents = np.sort(maps[2][mask])[::-1] / 255.0
    most = max(3, round(_VENT_PART * len(vents)))
    near = ndimage.binary_dilation(mask, iterations=3)
    quarters = [float((near & (maps[0] >= 255.0 * level)).sum()) for level in (0.25, 0.75)]
    around = 2.0 * np.sqrt(np.pi * len(rows))
    return Instance(
        mask=mask,
        row=float(rows.mean()) + 0.5,
        col=float(cols.mean()) + 0.5,
        mound=float(maps[0][mask].mean()) / 255.0,
        centre=float(heat[mask].max()),
        vent=float(vents[:most].mean()),
        softness=(quarters[0] - quarters[1]) / around,
    )
