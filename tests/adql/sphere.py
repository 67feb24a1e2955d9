"""Shapes on the sphere by other means than the service has: for comparison.

Points in polygons by the gnomonic projection, in which great circles are straight lines; areas by
L'Huilier's theorem; distances by cross products of numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def vector(long: float, lat: float) -> Vector:
    long, lat = np.radians([long, lat])
    return np.array([np.cos(lat) * np.cos(long), np.cos(lat) * np.sin(long), np.sin(lat)])


def position(v: Vector) -> tuple[float, float]:
    return float(np.degrees(np.arctan2(v[1], v[0]))), float(
        np.degrees(np.arctan2(v[2], np.hypot(v[0], v[1])))
    )


def distance(one: Vector, other: Vector) -> float:
    """Great-circle distance in degrees."""
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(one, other)), np.dot(one, other))))


def around(centre: tuple[float, float], bearing: float, length: float) -> tuple[float, float]:
    """The position at a distance (degrees) from a centre in a direction (degrees, from north)."""
    c = vector(*centre)
    north = np.array([0.0, 0.0, 1.0])
    east = np.cross(north, c)
    if np.linalg.norm(east) < 1e-9:
        east = np.array([0.0, 1.0, 0.0])
    east /= np.linalg.norm(east)
    north = np.cross(c, east)
    b, r = np.radians(bearing), np.radians(length)
    return position(np.cos(r) * c + np.sin(r) * (np.cos(b) * north + np.sin(b) * east))


@dataclass(frozen=True)
class Polygon:
    """A polygon that every ray from a centre leaves once, within 80 degrees of it."""

    centre: tuple[float, float]
    bearings: tuple[float, ...]
    lengths: tuple[float, ...]

    @property
    def vertices(self) -> list[tuple[float, float]]:
        return [around(self.centre, b, r) for b, r in zip(self.bearings, self.lengths, strict=True)]

    @property
    def array(self) -> list[float]:
        return [number for vertex in self.vertices for number in vertex]

    def edges(self) -> list[tuple[Vector, Vector]]:
        return self._edges

    @cached_property
    def _edges(self) -> list[tuple[Vector, Vector]]:
        vectors = [vector(*vertex) for vertex in self.vertices]
        return list(zip(vectors, vectors[1:] + vectors[:1], strict=True))

    def contains(self, p: Vector) -> bool:
        c = vector(*self.centre)
        if np.dot(p, c) <= 0:
            return False
        basis = np.linalg.svd(c[None, :])[2][1:]

        def flat(v: Vector) -> Vector:
            return basis @ v / np.dot(v, c)

        x, y = flat(p)
        inside = False
        for a, b in self.edges():
            (ax, ay), (bx, by) = flat(a), flat(b)
            if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
                inside = not inside
        return inside

    def edge_distance(self, p: Vector) -> float:
        """Distance in degrees to the nearest edge."""
        nearest = 180.0
        for a, b in self.edges():
            nearest = min(nearest, distance(p, a), distance(p, b))
            normal = np.cross(a, b)
            size = np.linalg.norm(normal)
            if size == 0:
                continue
            normal /= size
            foot = p - np.dot(p, normal) * normal
            if np.linalg.norm(foot) > 0:
                foot /= np.linalg.norm(foot)
                if abs(distance(a, foot) + distance(foot, b) - distance(a, b)) < 1e-9:
                    nearest = min(nearest, distance(p, foot))
        return nearest

    def area(self) -> float:
        """Area in square degrees."""
        c = vector(*self.centre)
        total = 0.0
        for u, v in self.edges():
            a, b, s = (np.radians(distance(*pair)) for pair in ((c, u), (u, v), (v, c)))
            half = (a + b + s) / 2
            product = np.prod(np.tan(np.clip([half, half - a, half - b, half - s], 0, None) / 2))
            total += 4 * np.arctan(np.sqrt(product))
        return float(np.degrees(np.degrees(total)))

    def centre_of_mass(self, depth: int = 6) -> Vector:
        """Direction of the centre of mass, by cutting triangles into four, `depth` times."""
        c = vector(*self.centre)
        triangles = np.array([[c, a, b] for a, b in self.edges()])
        for _ in range(depth):
            a, b, d = triangles[:, 0], triangles[:, 1], triangles[:, 2]
            ab, bd, da = (
                (u + v) / np.linalg.norm(u + v, axis=1)[:, None]
                for u, v in ((a, b), (b, d), (d, a))
            )
            triangles = np.concatenate(
                [np.stack(t, axis=1) for t in ((a, ab, da), (ab, b, bd), (da, bd, d), (ab, bd, da))]
            )
        weights = np.linalg.norm(
            np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]),
            axis=1,
        )
        total = (weights[:, None] * triangles.mean(axis=1)).sum(axis=0)
        return np.asarray(total / np.linalg.norm(total))


LONGITUDES = st.one_of(
    st.sampled_from([0.0, 359.9999999, 180.0, -180.0, 360.0, 90.0]), st.floats(-400, 800)
)
LATITUDES = st.one_of(st.sampled_from([90.0, -90.0, 0.0, 89.9999, -89.5]), st.floats(-90, 90))
POSITIONS = st.tuples(LONGITUDES, LATITUDES)
RADII = st.one_of(st.sampled_from([0.0, 180.0, 90.0, 1e-6]), st.floats(0, 180))


@st.composite
def polygons(draw: st.DrawFn, largest: float = 80) -> Polygon:
    count = draw(st.integers(3, 8))
    # Gaps below 180 degrees, so that the centre is inside.
    gaps = [draw(st.floats(0.6, 1.0)) for _ in range(count)]
    bearings = np.cumsum(gaps) / sum(gaps) * 360 + draw(st.floats(0, 360))
    size = draw(st.sampled_from([largest, largest / 4, 1.0, 1e-3]))
    lengths = [draw(st.floats(0.2, 1.0)) * size for _ in range(count)]
    if draw(st.booleans()):
        bearings = bearings[::-1]
    return Polygon(draw(POSITIONS), tuple(map(float, bearings)), tuple(lengths))
