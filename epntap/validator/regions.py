"""Contours on the sphere: STC-S and DALI forms read, and which way round they go."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Numbers that a shape has; a polygon has pairs, three at least (TAP 1.0, section 6).
_SIZES = {"position": 2, "point": 2, "circle": 3, "box": 4, "ellipse": 5, "positioninterval": 4}
_COMPOUND = frozenset({"union", "intersection", "not"})
_TOKEN = re.compile(r"\s*(?:([()])|([^\s()]+))")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")

#: Words between the shape and its numbers: frame, reference position, flavour.
_MOST_WORDS = 3

#: Area in steradians below which a polygon has none: rounding of doubles, times its vertices.
_NO_AREA_SR = 1e-15


class RegionError(ValueError):
    """A text is not a contour."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape of a contour.

    Attributes
    ----------
    kind
        ``polygon``, ``circle``, ``position``, ``point``, ``box``, ``ellipse``,
        ``positioninterval``.
    numbers
        Longitudes and latitudes (and radius) in degrees.
    """

    kind: str
    numbers: tuple[float, ...]


def read_stcs(text: str) -> list[Shape]:
    """Read an STC-S region such as ``Polygon ICRS 10 5 20 5 20 15`` (TAP 1.0, section 6).

    Raises
    ------
    RegionError
        If it is not one, or a coordinate is none of a sphere.
    """
    tokens = list(_tokens(text))
    shapes, rest = _read_region(tokens)
    if rest:
        raise RegionError(f"{rest[0]!r} stands behind the end of the region")
    return shapes


def read_dali(kind: str, text: str) -> Shape:
    """Read the numbers of a DALI point, circle or polygon (DALI 1.1, section 3.3).

    Raises
    ------
    RegionError
        If they are not numbers, not as many as the shape needs, or none of a sphere.
    """
    words = text.replace(",", " ").split()
    return _shape(kind, _numbers(words))


def signed_area(vertices: tuple[float, ...]) -> float:
    """Return the area that a polygon of great circles encloses.

    Positive where the vertices go counter-clockwise seen from outside of the sphere, north up.

    Parameters
    ----------
    vertices
        ``lon1, lat1, lon2, lat2, ...`` in degrees, closed implicitly.

    Returns
    -------
    float
        In steradians, -2 pi to 2 pi: the smaller of the two parts of the sphere.

    Notes
    -----
    The sum of the solid angles of the triangles that the first vertex makes with each edge
    (van Oosterom & Strackee 1983, IEEE Trans. Biomed. Eng. 30, 125), modulo the whole sphere.
    """
    points = [
        _unit_vector(lon, lat) for lon, lat in zip(vertices[::2], vertices[1::2], strict=True)
    ]
    total = math.fsum(
        _triangle(points[0], points[i], points[i + 1]) for i in range(1, len(points) - 1)
    )
    return math.remainder(total, 4.0 * math.pi)


def is_flat(vertices: tuple[float, ...]) -> bool:
    """Tell whether a polygon encloses nothing."""
    return abs(signed_area(vertices)) < _NO_AREA_SR * len(vertices)


_Vector = tuple[float, float, float]


def _unit_vector(lon_deg: float, lat_deg: float) -> _Vector:
    lon, lat = math.radians(lon_deg), math.radians(lat_deg)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def _dot(a: _Vector, b: _Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _triangle(a: _Vector, b: _Vector, c: _Vector) -> float:
    cross = (
        b[1] * c[2] - b[2] * c[1],
        b[2] * c[0] - b[0] * c[2],
        b[0] * c[1] - b[1] * c[0],
    )
    return 2.0 * math.atan2(_dot(a, cross), 1.0 + _dot(a, b) + _dot(b, c) + _dot(c, a))


def _tokens(text: str) -> Iterator[str]:
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:  # cannot be: the pattern takes whatever is not blank
            raise RegionError(f"{stripped[position:]!r} cannot be read")
        yield match[1] or match[2]
        position = match.end()


def _read_region(tokens: list[str]) -> tuple[list[Shape], list[str]]:
    if not tokens:
        raise RegionError("a shape is missing")
    kind, rest = tokens[0].lower(), tokens[1:]
    rest = _without_words(rest)
    if kind in _COMPOUND:
        return _read_compound(kind, rest)
    count = 0
    while count < len(rest) and _NUMBER.fullmatch(rest[count]):
        count += 1
    if kind != "polygon" and kind not in _SIZES:
        raise RegionError(f"{tokens[0]!r} is not a shape of STC-S")
    return [_shape(kind, _numbers(rest[:count]))], rest[count:]


def _without_words(tokens: list[str]) -> list[str]:
    for _ in range(_MOST_WORDS):
        if tokens and re.fullmatch(r"[A-Za-z]\w*", tokens[0]):
            tokens = tokens[1:]
    return tokens


def _read_compound(kind: str, tokens: list[str]) -> tuple[list[Shape], list[str]]:
    if not tokens or tokens[0] != "(":
        raise RegionError(f"'(' is missing behind {kind!r}")
    shapes: list[Shape] = []
    rest = tokens[1:]
    while rest and rest[0] != ")":
        inner, rest = _read_region(rest)
        shapes.extend(inner)
    if not rest:
        raise RegionError(f"')' is missing at the end of {kind!r}")
    if not shapes:
        raise RegionError(f"{kind!r} has no shape")
    return shapes, rest[1:]


def _numbers(words: list[str]) -> tuple[float, ...]:
    for word in words:
        if _NUMBER.fullmatch(word) is None:
            raise RegionError(f"{word!r} is not a number")
    return tuple(float(word) for word in words)


def _shape(kind: str, numbers: tuple[float, ...]) -> Shape:
    if kind == "polygon":
        if len(numbers) < 6 or len(numbers) % 2:
            raise RegionError(
                f"a polygon has {len(numbers)} numbers; it needs pairs, three at least"
            )
    elif len(numbers) != _SIZES[kind]:
        raise RegionError(f"a {kind} has {len(numbers)} numbers, not {_SIZES[kind]}")
    pairs = len(numbers) // 2 if kind == "polygon" else 1
    for lon, lat in zip(numbers[: 2 * pairs : 2], numbers[1 : 2 * pairs : 2], strict=True):
        if not -90.0 <= lat <= 90.0:
            raise RegionError(f"latitude {lat:g} is outside of -90..90")
        if not -180.0 <= lon <= 360.0:
            raise RegionError(f"longitude {lon:g} is outside of 0..360")
    if kind == "circle" and not 0.0 <= numbers[2] <= 180.0:
        raise RegionError(f"radius {numbers[2]:g} is outside of 0..180")
    return Shape(kind, numbers)
