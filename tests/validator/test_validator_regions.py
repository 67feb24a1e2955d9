"""Contours and MOCs: what is read, what is refused, and which way round polygons go."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epntap.validator.moc import MocError, check_moc
from epntap.validator.regions import RegionError, is_flat, read_dali, read_stcs, signed_area


def rotation(lon: float, lat: float, twist: float) -> np.ndarray:
    """The matrix that takes the north pole to a place, after a turn about itself."""

    def about(axis: int, angle: float) -> np.ndarray:
        cos, sin = math.cos(angle), math.sin(angle)
        turn = np.eye(3)
        i, j = [k for k in range(3) if k != axis]
        turn[i, i], turn[i, j], turn[j, i], turn[j, j] = cos, -sin, sin, cos
        return turn

    # The second axis turns the other way in this order of rows.
    return about(2, math.radians(lon)) @ about(1, math.radians(lat - 90.0)) @ about(2, twist)


def polygon(lon: float, lat: float, radius: float, corners: int, twist: float) -> tuple[float, ...]:
    """A regular polygon around a place, counter-clockwise seen from outside; in degrees."""
    angles = 2.0 * math.pi * np.arange(corners) / corners
    r = math.radians(radius)
    around_pole = np.array(
        [math.sin(r) * np.cos(angles), math.sin(r) * np.sin(angles), np.full(corners, math.cos(r))]
    )
    x, y, z = rotation(lon, lat, twist) @ around_pole
    lons = np.degrees(np.arctan2(y, x)) % 360.0
    lats = np.degrees(np.arcsin(np.clip(z, -1.0, 1.0)))
    return tuple(float(each) for pair in zip(lons, lats, strict=True) for each in pair)


def regular_area(radius: float, corners: int) -> float:
    """Spherical excess of a regular polygon of a circumradius in degrees."""
    half = math.pi / corners
    base = 2.0 * math.atan(1.0 / (math.cos(math.radians(radius)) * math.tan(half)))
    return corners * base - (corners - 2) * math.pi


places = st.tuples(st.floats(0, 360), st.floats(-90, 90))


@given(places, st.floats(0.01, 80), st.integers(3, 12), st.floats(0, 6))
def test_the_area_of_a_polygon_is_right_wherever_it_is(place, radius, corners, twist):
    """Also across longitude 0 and around the poles."""
    vertices = polygon(*place, radius, corners, twist)
    assert signed_area(vertices) == pytest.approx(
        regular_area(radius, corners), rel=1e-7, abs=1e-12
    )
    assert not is_flat(vertices)


@given(places, st.floats(0.01, 80), st.integers(3, 12), st.floats(0, 6))
def test_a_polygon_backwards_has_the_negative_area(place, radius, corners, twist):
    vertices = polygon(*place, radius, corners, twist)
    pairs = list(zip(vertices[::2], vertices[1::2], strict=True))[::-1]
    backwards = tuple(each for pair in pairs for each in pair)
    assert signed_area(backwards) == pytest.approx(-signed_area(vertices), rel=1e-9, abs=1e-12)


def test_an_octant_is_an_eighth_of_the_sphere():
    assert signed_area((0.0, 0.0, 90.0, 0.0, 0.0, 90.0)) == pytest.approx(math.pi / 2)


def test_a_polygon_that_goes_there_and_back_is_flat():
    assert is_flat((10.0, 5.0, 20.0, 5.0, 10.0, 5.0))
    assert is_flat((10.0, 0.0, 20.0, 0.0, 30.0, 0.0))


numbers = st.floats(-90, 90, allow_subnormal=False)


@given(st.lists(st.tuples(numbers, numbers), min_size=3, max_size=8), st.sampled_from(
    ["Polygon", "POLYGON ICRS", "polygon UNKNOWNFrame GEOCENTER SPHERICAL2", "Polygon J2000"]
))  # fmt: skip
def test_a_polygon_is_read_as_it_was_written(vertices, shape):
    flat = tuple(each for pair in vertices for each in pair)
    (read,) = read_stcs(f"{shape} {' '.join(repr(each) for each in flat)} ")
    assert (read.kind, read.numbers) == ("polygon", flat)
    assert read_dali("polygon", " ".join(repr(each) for each in flat)).numbers == flat


def test_compound_regions_are_read_to_their_shapes():
    shapes = read_stcs(
        "Union ICRS (Circle 10 20 1 Intersection (Box 1 2 3 4 Not (Position 5 6)) "
        "Polygon 1 2 3 4 5 6)"
    )
    assert [shape.kind for shape in shapes] == ["circle", "box", "position", "polygon"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a shape is missing"),
        ("Circle ICRS 10 20", "a circle has 2 numbers, not 3"),
        ("Circle 10 20 1 1", "a circle has 4 numbers, not 3"),
        ("Polygon 1 2 3 4 5", "it needs pairs"),
        ("Blob 1 2", "'Blob' is not a shape"),
        ("Circle 10 99 1", "latitude 99"),
        ("Circle 400 9 1", "longitude 400"),
        ("Circle 40 9 -1", "radius -1"),
        ("Union (Circle 1 2 3", "')' is missing"),
        ("Union Circle 1 2 3", "'(' is missing"),
        ("Union ()", "has no shape"),
        ("Circle 1 2 3 and more", "behind the end"),
    ],
)
def test_what_is_no_contour_is_refused_with_the_reason(text, reason):
    with pytest.raises(RegionError) as caught:
        read_stcs(text)
    assert reason in str(caught.value)


def test_numbers_of_dali_shapes_are_counted():
    assert read_dali("circle", "10,20,1").numbers == (10.0, 20.0, 1.0)
    with pytest.raises(RegionError, match="a point has 3 numbers"):
        read_dali("point", "1 2 3")
    with pytest.raises(RegionError, match="'x' is not a number"):
        read_dali("point", "1 x")


@given(st.text(max_size=40))
def test_no_text_breaks_the_readers(text):
    for read in (read_stcs, check_moc, lambda each: read_dali("polygon", each)):
        with contextlib.suppress(RegionError, MocError):
            read(text)


@given(st.dictionaries(
    st.integers(0, 29), st.lists(st.integers(0, 11), min_size=1, max_size=4), min_size=1
))  # fmt: skip
def test_every_moc_of_cells_that_exist_is_accepted(orders):
    text = " ".join(f"{order}/{' '.join(map(str, cells))}" for order, cells in orders.items())
    check_moc(text)
    check_moc(text.replace(" ", ","))
    with pytest.raises(MocError, match="has no cell"):
        check_moc(f"{text} {min(orders)}/{12 * 4 ** min(orders)}")


@pytest.mark.parametrize("text", ["3/12-15 4/70 8/", "t61/1 s29/3", "t 20/5-7 s 3/1,2", "0/"])
def test_the_forms_of_moc_2_are_accepted(text):
    check_moc(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no order"),
        ("12", "has no order"),
        ("30/1", "deeper than 29"),
        ("3/5-4", "goes backwards"),
        ("3/1 x", "'x' is not part"),
        ("t62/1", "deeper than 61"),
        ('{"3": [1]}', "not part of a MOC"),
    ],
)
def test_what_is_no_moc_is_refused_with_the_reason(text, reason):
    with pytest.raises(MocError) as caught:
        check_moc(text)
    assert reason in str(caught.value)
