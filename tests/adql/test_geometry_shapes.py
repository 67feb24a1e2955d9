"""Shapes in SQL against shapes in numpy: random ones, ones at poles and longitude 0, degenerate."""

from __future__ import annotations

import numpy as np
import psycopg2.extensions
import pytest
from adql.sphere import (
    LATITUDES,
    LONGITUDES,
    POSITIONS,
    RADII,
    Polygon,
    around,
    distance,
    polygons,
    vector,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: Degrees from an edge within which rounding decides.
EDGE = 1e-9

more = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def ask(database: psycopg2.extensions.connection, sql: str, *arguments: object):
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", arguments)
        return cursor.fetchone()[0]


def within(database, part: list[float], whole: list[float]) -> bool:
    sql = "udf.shape_within(udf.prepared(%s::float8[]), udf.prepared(%s::float8[]))"
    return ask(database, sql, part, whole)


def meet(database, one: list[float], other: list[float]) -> bool:
    sql = "udf.shapes_meet(udf.prepared(%s::float8[]), udf.prepared(%s::float8[]))"
    answer = ask(database, sql, one, other)
    assert ask(database, sql, other, one) is answer
    return answer


@given(POSITIONS, POSITIONS)
@more
def test_separation_is_the_great_circle_distance(database, one, other):
    found = ask(database, "udf.separation(%s, %s, %s, %s)", *one, *other)
    assert found == pytest.approx(distance(vector(*one), vector(*other)), abs=1e-12)
    back = ask(database, "udf.separation(%s, %s, %s, %s)", *other, *one)
    assert found == pytest.approx(back, abs=1e-12)


@given(POSITIONS, st.floats(0, 360), st.floats(1e-9, 179.9999999))
@more
def test_separation_finds_the_length_of_an_arc_again(database, start, bearing, length):
    end = around(start, bearing, length)
    found = ask(database, "udf.separation(%s, %s, %s, %s)", *start, *end)
    # Coordinates of a position are degrees of 360 with 16 digits.
    assert found == pytest.approx(length, abs=3e-12)


@given(LONGITUDES, LATITUDES, st.integers(-3, 3))
@more
def test_a_position_is_the_same_at_every_turn(database, long, lat, turns):
    moved = round(long) + 360 * turns
    assert ask(database, "udf.separation(%s, %s, %s, %s)", round(long), lat, moved, lat) == 0
    point = ask(database, "(udf.position(%s, %s))[0]", moved, lat)
    assert 0 <= point <= 360


@given(POSITIONS, RADII, POSITIONS)
@more
def test_the_box_of_a_cone_holds_what_is_in_the_cone(database, centre, radius, point):
    near = around(centre, point[0], min(radius, 180) * abs(point[1]) / 90)
    for candidate in (point, near):
        inside = ask(database, "udf.separation(%s, %s, %s, %s) <= %s", *candidate, *centre, radius)
        found = ask(
            database,
            "coalesce(udf.position(%s, %s) <@ b, false)"
            " OR coalesce(udf.position(%s, %s) <@ udf.box_wrapped(b), false)"
            " FROM udf.cone_box(%s, %s, %s) AS b",
            *candidate,
            *candidate,
            *centre,
            radius,
        )
        assert found or not inside


@given(polygons(), POSITIONS, st.floats(0, 360), st.floats(0, 90))
@more
def test_a_polygon_contains_what_its_plane_projection_contains(
    database, polygon: Polygon, far, bearing, length
):
    size = max(polygon.lengths)
    for point in (far, around(polygon.centre, bearing, length / 60 * size), polygon.centre):
        p = vector(*point)
        if polygon.edge_distance(p) > EDGE:
            assert within(database, list(point), polygon.array) is polygon.contains(p)


@given(polygons())
@more
def test_vertices_belong_to_a_polygon_and_so_do_points_on_edges(database, polygon: Polygon):
    for a, b in polygon.edges():
        middle = (a + b) / np.linalg.norm(a + b)
        for v in (a, middle):
            inside = ask(
                database,
                "udf.polygon_has(udf.polygon_vectors(%s::float8[]), %s, %s, %s)",
                polygon.array,
                *map(float, v),
            )
            # Vertices are numbers in degrees: as vectors they are within 1e-14 of where they were.
            assert inside or polygon.edge_distance(v) > 1e-13


@given(polygons())
@more
def test_the_area_is_that_of_the_triangles_and_does_not_depend_on_the_direction(
    database, polygon: Polygon
):
    area = ask(database, "udf.adql_area(%s::float8[])", polygon.array)
    assert area == pytest.approx(polygon.area(), rel=1e-7, abs=1e-13)
    backwards = [number for vertex in reversed(polygon.vertices) for number in vertex]
    assert ask(database, "udf.adql_area(%s::float8[])", backwards) == pytest.approx(area, rel=1e-9)


@given(polygons())
@settings(more, max_examples=20)
def test_the_centroid_is_the_centre_of_mass(database, polygon: Polygon):
    found = ask(database, "udf.adql_centroid(%s::float8[])", polygon.array)
    expected = polygon.centre_of_mass()
    assert distance(vector(*found), expected) < 1e-3 * max(polygon.lengths)


@given(polygons(), POSITIONS, RADII)
@more
def test_circles_and_polygons_meet_as_far_as_the_nearest_edge(
    database, polygon: Polygon, centre, radius
):
    c = vector(*centre)
    edge = polygon.edge_distance(c)
    inside = polygon.contains(c)
    if min(abs(edge - radius), edge) < EDGE:
        return
    circle = [*centre, radius]
    assert meet(database, circle, polygon.array) is (inside or edge <= radius)
    assert within(database, circle, polygon.array) is (inside and edge >= radius)
    antipode = -c
    far = polygon.edge_distance(antipode)
    if min(abs(far - (180 - radius)), far) > EDGE:
        wholly = radius == 180 or (not polygon.contains(antipode) and far >= 180 - radius)
        assert within(database, polygon.array, circle) is wholly


@given(polygons(), polygons(), st.floats(0, 360), st.floats(0, 2))
@settings(more, max_examples=20)
def test_polygons_that_meet_share_a_point_and_one_within_another_all_of_them(
    database, one: Polygon, other: Polygon, bearing, step
):
    moved = Polygon(
        around(one.centre, bearing, step * max(one.lengths)), other.bearings, other.lengths
    )
    # Points of the edges of one polygon as the other one has them: inside, and far from its edges.
    of_one = [_placed(p, moved) for edge in one.edges() for p in _along(*edge)]
    of_moved = [_placed(p, one) for edge in moved.edges() for p in _along(*edge)]
    shared = any(inside or edge < EDGE for inside, edge in of_one + of_moved)
    clear = any(inside and edge > EDGE for inside, edge in of_one + of_moved)
    crossing = any(_cross(e, f) for e in one.edges() for f in moved.edges())
    answer = meet(database, one.array, moved.array)
    if clear or crossing:
        assert answer
    if answer:
        assert shared or crossing
    if within(database, one.array, moved.array):
        assert all(inside or edge <= EDGE for inside, edge in of_one)
        assert answer


def _placed(p, polygon: Polygon) -> tuple[bool, float]:
    """Whether a point is inside a polygon, and its distance from the edges in degrees."""
    return polygon.contains(p), polygon.edge_distance(p)


def _along(a, b):
    for share in np.linspace(0, 1, 8):
        v = (1 - share) * a + share * b
        yield v / np.linalg.norm(v)


def _cross(one, other) -> bool:
    """Whether two arcs cross: the line that both planes share goes through both."""
    line = np.cross(np.cross(*one), np.cross(*other))
    if np.linalg.norm(line) < 1e-12:
        return False
    line /= np.linalg.norm(line)
    return any(
        all(
            distance(a, x) + distance(x, b) - distance(a, b) < 1e-10
            and min(distance(a, x), distance(x, b)) > EDGE
            for a, b in (one, other)
        )
        for x in (line, -line)
    )


@given(polygons(), POSITIONS)
@more
def test_the_box_of_a_shape_holds_the_boxes_of_what_it_meets(database, polygon: Polygon, point):
    for other in ([*point], [*polygon.centre], polygon.array):
        if meet(database, polygon.array, other):
            assert ask(
                database,
                "a && b OR a && udf.box_turned(b, 360) OR a && udf.box_turned(b, -360)"
                " FROM (SELECT udf.shape_box(%s::float8[]), udf.shape_box(%s::float8[]))"
                " AS q (a, b)",
                polygon.array,
                other,
            )


WEST_OF_0 = [350.0, -10, 10, -10, 10, 10, 350, 10]
HEMISPHERE = [0.0, 0, 90, 0, 180, 0, 270, 0]


@pytest.mark.parametrize(
    ("point", "shape", "inside"),
    [
        ([0.0, 0], WEST_OF_0, True),
        ([360.0, 0], WEST_OF_0, True),
        ([-5.0, 0], WEST_OF_0, True),
        ([180.0, 0], WEST_OF_0, False),
        ([350.0, 3], WEST_OF_0, True),
        ([349.999999, 3], WEST_OF_0, False),
        # A cap around each pole, written as a polygon.
        ([17.0, 90], [0.0, 80, 90, 80, 180, 80, 270, 80], True),
        ([17.0, -90], [0.0, 80, 90, 80, 180, 80, 270, 80], False),
        ([17.0, -90], [0.0, -80, 90, -80, 180, -80, 270, -80], True),
        # Of two hemispheres the one on the left.
        ([5.0, 1e-6], HEMISPHERE, True),
        ([5.0, -1e-6], HEMISPHERE, False),
        ([45.0, 0], HEMISPHERE, True),
        # An octant, its corners and edges.
        ([0.0, 90], [0.0, 0, 90, 0, 0, 90], True),
        ([123.0, 90], [0.0, 0, 90, 0, 0, 90], True),
        ([45.0, 0], [0.0, 0, 90, 0, 0, 90], True),
        ([91.0, 0], [0.0, 0, 90, 0, 0, 90], False),
        # Repeated vertices, a closed ring, points and lines for polygons.
        ([1.0, 1.5], [0.0, 0, 0, 0, 10, 0, 10, 10, 10, 10, 0, 0], False),
        ([5.0, 1], [0.0, 0, 0, 0, 10, 0, 10, 10, 10, 10, 0, 0], True),
        ([3.0, 4], [3.0, 4, 3, 4, 3, 4], True),
        ([3.0, 4.001], [3.0, 4, 3, 4, 3, 4], False),
        ([15.0, 0], [10.0, 0, 20, 0, 30, 0], True),
        ([25.0, 0], [10.0, 0, 20, 0, 30, 0], True),
        ([15.0, 0.001], [10.0, 0, 20, 0, 30, 0], False),
        ([35.0, 0], [10.0, 0, 20, 0, 30, 0], False),
        # Circles of no size and of all sizes.
        ([10.0, 20], [10.0, 20, 0], True),
        ([370.0, 20], [10.0, 20, 0], True),
        ([10.0, 20.0000001], [10.0, 20, 0], False),
        ([190.0, -20], [10.0, 20, 180], True),
        ([190.0, -19.98], [10.0, 20, 179.99], True),
        ([190.0, -20], [10.0, 20, 179.99], False),
        ([77.0, 90], [10.0, 90, 0], True),
    ],
)
def test_special_shapes_contain_what_they_should(database, point, shape, inside):
    assert within(database, point, shape) is inside
    assert meet(database, point, shape) is inside


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        ([0.0, 0, 90, 0, 0, 90], 90 * 90 / (np.pi / 2)),
        (HEMISPHERE, 2 * np.pi * (180 / np.pi) ** 2),
        ([12.0, 34, 180], 4 * np.pi * (180 / np.pi) ** 2),
        ([12.0, 34, 90], 2 * np.pi * (180 / np.pi) ** 2),
        ([12.0, 34, 1e-4], np.pi * 1e-8),
        ([12.0, 34], 0),
        ([10.0, 0, 20, 0, 30, 0], 0),
        ([3.0, 4, 3, 4, 3, 4], 0),
    ],
)
def test_special_shapes_have_their_areas(database, shape, area):
    found = ask(database, "udf.adql_area(%s::float8[])", shape)
    assert found == pytest.approx(area, rel=1e-11, abs=1e-10)


def test_a_polygon_within_itself_and_one_beside_it(database):
    square, beside = [0.0, 0, 10, 0, 10, 10, 0, 10], [10.0, 0, 20, 0, 20, 10, 10, 10]
    assert within(database, square, square)
    assert meet(database, square, beside)
    assert not within(database, square, beside)


def test_an_edge_that_leaves_a_concave_polygon_and_comes_back_is_not_within_it(database):
    notched = [0.0, 0, 5, 5, 10, 0, 10, 10, 0, 10]
    assert not within(database, [0.0, 0, 10, 0, 5, 9], notched)


@pytest.mark.parametrize("lat", [91, -90.001, float("nan"), float("inf")])
def test_what_is_no_position_is_nowhere(database, lat):
    assert ask(database, "udf.position(1, %s)", lat) is None
    assert ask(database, "udf.separation(1, %s, 1, 1)", lat) is None
    assert ask(database, "udf.shape_box(ARRAY[1, %s::float8])", lat) is None
    assert within(database, [1.0, lat], [0.0, 0, 5]) is None
    assert within(database, [1.0, 1.0], [0.0, 0, 1, lat, 2, 2]) is None


@given(LONGITUDES, LATITUDES, st.floats(0, 100), st.floats(0, 100))
@more
def test_the_sides_of_a_box_are_at_right_angles_to_its_arms(database, long, lat, width, height):
    corners = ask(database, "udf.adql_box(%s, %s, %s, %s)", long, lat, width, height)
    v = [vector(*corners[i : i + 2]) for i in range(0, 8, 2)]
    c = vector(long, lat)
    for a, b, half in ((0, 1, height), (1, 2, width), (2, 3, height), (3, 0, width)):
        middle = v[a] + v[b]
        assert distance(middle / np.linalg.norm(middle), c) == pytest.approx(half / 2, abs=1e-9)
