"""The service's geometry against pg_sphere, where the server has that extension."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import pytest
from adql.sphere import POSITIONS, Polygon, around, distance, polygons, vector
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

#: Degrees within which pg_sphere takes things for equal: its EPSILON is 1e-9 rad.
EDGE = 1e-6

fewer = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def sphere(server: str) -> Iterator[psycopg2.extensions.connection]:
    """A database with the extension."""
    connection = psycopg2.connect(server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE sphere")
    connection.close()
    connection = psycopg2.connect(server.replace("dbname=postgres", "dbname=sphere"))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION pg_sphere")
    except psycopg2.Error as error:
        connection.close()
        pytest.skip(f"no pg_sphere: {str(error).splitlines()[0]}")
    yield connection
    connection.close()


def ask(connection, sql: str, *arguments: object):
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"SELECT {sql}", arguments)
        except psycopg2.errors.InternalError_ as error:
            # Not every polygon that we take is one to pg_sphere: about a hemisphere is its limit.
            if "polygon too large" not in str(error):
                raise
            reject()
        return cursor.fetchone()[0]


def spoint(point: tuple[float, float]) -> str:
    return f"({point[0] % 360!r}d, {point[1]!r}d)"


def spoly(polygon: Polygon) -> str:
    return "{" + ", ".join(map(spoint, polygon.vertices)) + "}"


def simple(polygon: Polygon) -> bool:
    """Whether pg_sphere takes the polygon: no two vertices that it cannot tell apart."""
    return min(distance(a, b) for a, b in polygon.edges()) > 10 * EDGE


@given(POSITIONS, POSITIONS)
@fewer
def test_distances_are_the_same(database, sphere, one, other):
    theirs = ask(sphere, "degrees(%s::spoint <-> %s::spoint)", spoint(one), spoint(other))
    ours = ask(database, "udf.separation(%s, %s, %s, %s)", *one, *other)
    # Theirs is computed by a cosine, which has no more digits near 0 and 180 degrees.
    assert ours == pytest.approx(theirs, abs=3e-6)


@given(polygons(largest=60), POSITIONS, st.floats(0, 360), st.floats(0, 1.5))
@fewer
def test_polygons_contain_the_same_points(database, sphere, polygon, far, bearing, step):
    near = around(polygon.centre, bearing, step * max(polygon.lengths))
    for point in (far, near):
        if simple(polygon) and polygon.edge_distance(vector(*point)) > EDGE:
            theirs = ask(sphere, "%s::spoint <@ %s::spoly", spoint(point), spoly(polygon))
            ours = ask(
                database,
                "udf.shape_within(%s::float8[], udf.prepared(%s::float8[]))",
                list(point),
                polygon.array,
            )
            assert ours is theirs


@given(polygons(largest=60), polygons(largest=60), st.floats(0, 360), st.floats(0, 2.5))
@fewer
def test_the_same_polygons_overlap(database, sphere, one, other, bearing, step):
    moved = Polygon(
        around(one.centre, bearing, step * max(one.lengths)), other.bearings, other.lengths
    )
    if not (simple(one) and simple(moved)):
        return
    gaps = [a.edge_distance(v) for a, b in ((one, moved), (moved, one)) for v, _ in b.edges()]
    if min(gaps) < EDGE:
        return
    prepared = "udf.prepared(%s::float8[]), udf.prepared(%s::float8[])"
    theirs = ask(sphere, "%s::spoly && %s::spoly", spoly(one), spoly(moved))
    assert ask(database, f"udf.shapes_meet({prepared})", one.array, moved.array) is theirs
    theirs = ask(sphere, "%s::spoly <@ %s::spoly", spoly(one), spoly(moved))
    assert ask(database, f"udf.shape_within({prepared})", one.array, moved.array) is theirs


@given(polygons(largest=60), POSITIONS, st.floats(1e-3, 60), st.floats(0, 360), st.floats(0, 2))
@fewer
def test_the_same_circles_and_polygons_overlap(
    database, sphere, polygon, far, radius, bearing, step
):
    near = around(polygon.centre, bearing, step * max(polygon.lengths))
    for centre in (far, near):
        edge = polygon.edge_distance(vector(*centre))
        if not simple(polygon) or min(abs(edge - radius), edge) < EDGE:
            continue
        circle = f"<{spoint(centre)}, {radius!r}d>"
        shapes = "%s::float8[], udf.prepared(%s::float8[])"
        arguments = ([*centre, radius], polygon.array)
        theirs = ask(sphere, "%s::scircle && %s::spoly", circle, spoly(polygon))
        assert ask(database, f"udf.shapes_meet({shapes})", *arguments) is theirs
        theirs = ask(sphere, "%s::scircle <@ %s::spoly", circle, spoly(polygon))
        assert ask(database, f"udf.shape_within({shapes})", *arguments) is theirs


@given(polygons(largest=60))
@fewer
def test_areas_are_the_same(database, sphere, polygon):
    if simple(polygon) and max(polygon.lengths) > 0.1:
        theirs = ask(sphere, "area(%s::spoly) * (180 / pi()) ^ 2", spoly(polygon))
        ours = ask(database, "udf.adql_area(%s::float8[])", polygon.array)
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-5)
