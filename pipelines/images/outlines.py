"""Outlines of objects: from masks, to places on a body, to the text of an s_region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.images.errors import OutlineError
from pipelines.images.georeference import Georeference

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Footprint:
    """Where on the body an object lies.

    Attributes
    ----------
    longitude, latitude
        Vertices of its outline, degrees east (0 to 360) and planetocentric, counter-clockwise as
        seen from outside of the body, the first not repeated; shape (n,).
    """

    longitude: Values
    latitude: Values

    @property
    def ranges(self) -> tuple[float, float, float, float]:
        """West and east end of the longitudes, least and largest latitude.

        West is larger than east where the outline crosses longitude 0.
        """
        relative = self._relative
        west, east = self.longitude[0] + relative.min(), self.longitude[0] + relative.max()
        return west % 360.0, east % 360.0, float(self.latitude.min()), float(self.latitude.max())

    @property
    def _relative(self) -> Values:
        """Longitudes as differences from the first, -180 to 180."""
        return np.mod(self.longitude - self.longitude[0] + 180.0, 360.0) - 180.0

    @property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of the middle of the ranges."""
        relative = self._relative
        middle = self.longitude[0] + (relative.min() + relative.max()) / 2.0
        return middle % 360.0, float(self.latitude.min() + self.latitude.max()) / 2.0

    @property
    def stcs(self) -> str:
        """The outline as STC-S, with eight decimals: a millimetre on the Moon."""
        numbers = np.stack([self.longitude, self.latitude], axis=1).ravel()
        return "Polygon UNKNOWNFrame " + " ".join(f"{each:.8f}" for each in numbers)


def signed_area(x: Values, y: Values) -> float:
    """Return the area of a polygon; positive if it runs counter-clockwise (x right, y up)."""
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2.0


def footprint(outline: Values, georeference: Georeference) -> Footprint:
    """Return where an outline lies on the body.

    Parameters
    ----------
    outline
        Rows and columns of its vertices, shape (n, 2), in either direction.
    georeference
        Of the image.

    Raises
    ------
    OutlineError
        If it encloses nothing.
    """
    longitude, latitude = georeference.lonlat(outline[:, 0], outline[:, 1])
    relative = np.mod(longitude - longitude[0] + 180.0, 360.0) - 180.0
    area = signed_area(relative, latitude)
    if len(outline) < 3 or area == 0.0:
        raise OutlineError("an outline of no area has no footprint")
    if area < 0.0:
        longitude, latitude = longitude[::-1], latitude[::-1]
    return Footprint(longitude, latitude)


def hull(mask: Flags) -> Values:
    """Return the convex hull of the pixels of a mask, with their corners.

    Parameters
    ----------
    mask
        Shape (rows, cols).

    Returns
    -------
    outline
        Rows and columns of the vertices, shape (n, 2).

    Raises
    ------
    OutlineError
        If the mask is empty.
    """
    rows, cols = np.nonzero(mask)
    if len(rows) == 0:
        raise OutlineError("an empty mask has no outline")
    # The hull of all is the hull of the first and last pixel of each row.
    lines, first = np.unique(rows, return_index=True)
    last = np.append(first[1:], len(rows)) - 1
    left, right = cols[first], cols[last] + 1
    corners = np.concatenate(
        [np.stack([lines + down, side], axis=1) for down in (0, 1) for side in (left, right)]
    ).astype(np.float64)
    found = require("scipy.spatial").ConvexHull(corners)
    return np.asarray(corners[found.vertices])


def simplified(outline: Values, most: int) -> Values:
    """Return a convex outline with fewer vertices, around the same ground.

    Vertices whose loss adds least are taken away first: the neighbouring edges are prolonged to
    meet, so that the outline never becomes smaller.

    Parameters
    ----------
    outline
        Convex, shape (n, 2).
    most
        Vertices that may be left, at least 4.
    """
    points = [np.asarray(point, float) for point in outline]
    while len(points) > max(most, 4):
        costs = [_cost(points, edge) for edge in range(len(points))]
        edge = int(np.argmin([cost for cost, _ in costs]))
        met = costs[edge][1]
        if met is None:
            break
        following = (edge + 1) % len(points)
        points[edge] = met
        del points[following]
    return np.array(points)


def _cost(points: list[Values], edge: int) -> tuple[float, Values | None]:
    """Return the area that is gained when an edge gives way to the meeting of its neighbours."""
    count = len(points)
    a, b = points[edge - 1], points[edge]
    c, d = points[(edge + 1) % count], points[(edge + 2) % count]
    first, second = b - a, c - d
    cross = first[0] * second[1] - first[1] * second[0]
    if abs(cross) < 1e-12:
        return np.inf, None
    offset = d - a
    along = (offset[0] * second[1] - offset[1] * second[0]) / cross
    back = (offset[0] * first[1] - offset[1] * first[0]) / cross
    if along < 1.0 or back < 1.0:
        return np.inf, None  # they meet behind the edge
    met = a + along * first
    gain = abs((c - b)[0] * (met - b)[1] - (c - b)[1] * (met - b)[0]) / 2.0
    return float(gain), np.asarray(met)
