"""Shapes that are spelt in a query: STC-S of REGION, the numbers of DALI in CAST."""

from __future__ import annotations

import re

from epntap.adql.errors import Fault
from epntap.adql.values import Kind

_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"

#: A name, words that name a frame or flavour, numbers (TAP 1.0, section 6). Commas are spaces.
_REGION = re.compile(
    rf"\s*(?P<name>[A-Za-z]+)(?P<words>(?:\s+[A-Za-z][\w.\-]*)*)"
    rf"(?P<numbers>(?:\s+{_NUMBER})+)(?:\s+unit\s+deg)?\s*",
    re.ASCII | re.IGNORECASE,
)
_NUMBERS = re.compile(rf"\s*{_NUMBER}(?:\s+{_NUMBER})*\s*", re.ASCII)

#: Shapes of STC-S that have a kind of ADQL, and a box.
_NAMES = {
    "position": Kind.POINT,
    "point": Kind.POINT,
    "circle": Kind.CIRCLE,
    "polygon": Kind.POLYGON,
    "box": None,
}

_SIZES = {Kind.POINT: 2, Kind.CIRCLE: 3, None: 4}


def read_region(text: str, at: int) -> tuple[Kind | None, tuple[float, ...]]:
    """Read a region such as ``Polygon ICRS 10 5 20 5 20 15``.

    Returns
    -------
    tuple
        Its kind, ``None`` for a box, and its numbers in degrees.

    Raises
    ------
    Fault
        If it is none, or a union, intersection or complement.
    """
    match = _REGION.fullmatch(text.replace(",", " "))
    name = match["name"].lower() if match else ""
    if match is None or name not in _NAMES:
        raise Fault(
            f"'{text[:40]}' is not a region",
            at,
            "regions are written as Circle ICRS 10 20 1; unions and complements are not known",
        )
    kind = _NAMES[name]
    numbers = tuple(map(float, match["numbers"].split()))
    check_shape(kind, numbers, at)
    return kind, numbers


def read_shape(text: str, kind: Kind, at: int) -> tuple[float, ...]:
    """Read a DALI point, circle or polygon (DALI 1.1, section 3.3).

    Raises
    ------
    Fault
        If the text is not numbers, or not as many as the shape has.
    """
    if not _NUMBERS.fullmatch(text):
        raise Fault(
            f"'{text[:40]}' is not a {kind.value}",
            at,
            "it is written as numbers in degrees with spaces between: longitude latitude …",
        )
    numbers = tuple(map(float, text.split()))
    check_shape(kind, numbers, at)
    return numbers


def check_shape(kind: Kind | None, numbers: tuple[float, ...], at: int) -> None:
    """Check that numbers can be a shape.

    Raises
    ------
    Fault
        If there are too few or too many, or a latitude or radius is out of range.
    """
    what = "box" if kind is None else kind.value.lower()
    if kind is Kind.POLYGON:
        if len(numbers) < 6 or len(numbers) % 2:
            raise Fault(f"a polygon has three pairs of numbers or more, not {len(numbers)}", at)
    elif len(numbers) != _SIZES[kind]:
        raise Fault(f"a {what} has {_SIZES[kind]} numbers, not {len(numbers)}", at)
    pairs = len(numbers) if kind is Kind.POLYGON else 2
    for index, number in enumerate(numbers):
        if index < pairs:
            check_coordinate(number, latitude=index % 2 == 1, at=at)
        elif kind is Kind.CIRCLE:
            check_radius(number, at)
        else:
            check_size(number, at)


def check_coordinate(number: float, *, latitude: bool, at: int) -> None:
    """Check a longitude, which may be of any turn, or a latitude.

    Raises
    ------
    Fault
        If it is none.
    """
    if latitude and not -90 <= number <= 90:
        raise Fault(f"a latitude is between -90 and 90 degrees, not {number:g}", at)
    if not abs(number) < 1e12:
        raise Fault(f"{number:g} is not a longitude", at)


def check_radius(number: float, at: int) -> None:
    """Check the radius of a circle.

    Raises
    ------
    Fault
        If it is none.
    """
    if not 0 <= number <= 180:
        raise Fault(f"a radius is between 0 and 180 degrees, not {number:g}", at)


def check_size(number: float, at: int) -> None:
    """Check the width or height of a box.

    Raises
    ------
    Fault
        If it is none.
    """
    if not 0 <= number < 180:
        raise Fault(f"a box is from 0 to below 180 degrees wide and high, not {number:g}", at)
