"""Queries of geometry by either back end: the same answers, and those that numpy gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg2
import psycopg2.extensions
import pytest
from adql.sphere import POSITIONS, Polygon, around, polygons, vector
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from epntap.adql import translate
from epntap.adql.geometry import Geometry
from epntap.adql.pgsphere import PgSphere
from epntap.database.migrations import read_functions
from epntap.resources import sql_folder
from epntap.tables import Column, Relation, Schema, Table, TableSet

BACK_ENDS = {"portable": Geometry(), "pg_sphere": PgSphere()}

#: Degrees from an edge of a polygon within which a back end may answer either way. pg_sphere takes
#: directions within 1e-9 rad (6e-8 degrees) for the same in every step of its tests.
EDGES = {"portable": 1e-9, "pg_sphere": 1e-6}

#: Distances and circles among themselves are computed alike, and to the last digits, by both.
ROUNDING = 1e-9

more = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

SKY = Table(
    "sky",
    "epn_core",
    (
        Column("c1min", "double", unit="deg"),
        Column("c2min", "double", unit="deg"),
        Column("radius", "double", unit="deg"),
        Column("s_region", "char", "*", xtype="adql:REGION"),
    ),
    Relation("pg_temp", "sky"),
)
TABLESET = TableSet((Schema("sky", (SKY,)),))

Ask = Callable[..., object]


@pytest.fixture(scope="module")
def place(server: str) -> Iterator[tuple[psycopg2.extensions.connection, str]]:
    """A database with the functions, and why it has no pg_sphere, or nothing."""
    connection = psycopg2.connect(server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE either")
    connection.close()
    connection = psycopg2.connect(server.replace("dbname=postgres", "dbname=either"))
    connection.autocommit = True
    missing = ""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA contrib; CREATE SCHEMA udf; SET check_function_bodies = off")
        files = list(read_functions())
        try:
            cursor.execute("CREATE EXTENSION pg_sphere WITH SCHEMA contrib")
            files += read_functions(sql_folder() / "pgsphere")
        except psycopg2.Error as error:
            missing = str(error).splitlines()[0]
        for file in files:
            cursor.execute(file.read_text(encoding="utf-8"))
        cursor.execute(
            "CREATE TEMPORARY TABLE sky (c1min float8, c2min float8, radius float8, s_region text);"
            "INSERT INTO sky DEFAULT VALUES; SET search_path TO pg_catalog"
        )
    yield connection, missing
    connection.close()


@pytest.fixture(params=BACK_ENDS)
def back_end(request: pytest.FixtureRequest, place) -> str:
    """The name of a back end, both in their turn."""
    if request.param == "pg_sphere" and place[1]:
        pytest.skip(f"no pg_sphere: {place[1]}")
    return str(request.param)


@pytest.fixture
def ask(place, back_end: str) -> Ask:
    """A function that gives the value of an expression of ADQL for a row of the table."""

    def answer(expression: str, c1=None, c2=None, radius=None, region=None) -> object:
        query = f"SELECT {expression} AS answer FROM sky.epn_core"
        sql = translate(query, TABLESET, geometry=BACK_ENDS[back_end]).sql
        with place[0].cursor() as cursor:
            cursor.execute(
                "UPDATE pg_temp.sky SET c1min = %s, c2min = %s, radius = %s, s_region = %s",
                (c1, c2, radius, region),
            )
            cursor.execute(sql)
            (row,) = cursor.fetchall()
        return row[0]

    return answer


def spelt(polygon: Polygon) -> str:
    return f"POLYGON({', '.join(map(repr, polygon.array))})"


@given(POSITIONS, st.floats(0, 360), st.floats(1e-6, 179.9), st.floats(1e-6, 179.9))
@more
def test_distances_and_cones_are_exact_to_the_last_digits(ask: Ask, one, bearing, length, radius):
    other = around(one, bearing, length)
    found = ask(f"DISTANCE(POINT(c1min, c2min), POINT({other[0]!r}, {other[1]!r}))", *one)
    assert found == pytest.approx(length, abs=ROUNDING)
    if abs(length - radius) > ROUNDING:
        cone = f"CIRCLE({other[0]!r}, {other[1]!r}, {radius!r})"
        assert ask(f"CONTAINS(POINT(c1min, c2min), {cone})", *one) == (length < radius)
    if abs(length - radius - 1) > ROUNDING:
        cone = f"CIRCLE({other[0]!r}, {other[1]!r}, 1)"
        meet = ask(f"INTERSECTS(CIRCLE(c1min, c2min, radius), {cone})", *one, radius)
        assert meet == (length < radius + 1)


@given(polygons(), POSITIONS, st.floats(0, 360), st.floats(0, 1.5))
@more
def test_polygons_contain_what_their_projection_contains(
    ask: Ask, back_end: str, polygon: Polygon, far, bearing, length
):
    near = around(polygon.centre, bearing, length * max(polygon.lengths))
    for point in (far, near, polygon.centre):
        p = vector(*point)
        if polygon.edge_distance(p) > EDGES[back_end]:
            inside = polygon.contains(p)
            assert ask(f"CONTAINS(POINT(c1min, c2min), {spelt(polygon)})", *point) == inside
            assert ask(f"INTERSECTS({spelt(polygon)}, POINT(c1min, c2min))", *point) == inside


@given(polygons(), POSITIONS, st.floats(1e-3, 179), st.floats(0, 360), st.floats(0, 2))
@more
def test_circles_meet_polygons_as_far_as_the_nearest_edge(
    ask: Ask, back_end: str, polygon: Polygon, far, radius, bearing, step
):
    near = around(polygon.centre, bearing, step * max(polygon.lengths))
    for centre in (far, near):
        c = vector(*centre)
        edge, inside = polygon.edge_distance(c), polygon.contains(c)
        circle = "CIRCLE(c1min, c2min, radius)"
        if min(abs(edge - radius), edge) > EDGES[back_end]:
            values = (*centre, radius)
            found = ask(f"INTERSECTS({circle}, {spelt(polygon)})", *values)
            assert found == (inside or edge <= radius)
            assert ask(f"INTERSECTS({spelt(polygon)}, {circle})", *values) == found
            found = ask(f"CONTAINS({circle}, {spelt(polygon)})", *values)
            assert found == (inside and edge >= radius)
        farthest = polygon.edge_distance(-c)
        if min(abs(farthest - (180 - radius)), farthest) > EDGES[back_end]:
            wholly = not polygon.contains(-c) and farthest >= 180 - radius
            assert ask(f"CONTAINS({spelt(polygon)}, {circle})", *centre, radius) == wholly


@given(polygons(), polygons(), st.floats(0, 360), st.floats(0, 2.5))
@more
def test_both_back_ends_say_the_same_of_two_polygons(place, one, other, bearing, step):
    if place[1]:
        pytest.skip(f"no pg_sphere: {place[1]}")
    moved = Polygon(
        around(one.centre, bearing, step * max(one.lengths)), other.bearings, other.lengths
    )
    gaps = [a.edge_distance(v) for a, b in ((one, moved), (moved, one)) for v, _ in b.edges()]
    assume(min(gaps) > EDGES["pg_sphere"])
    region = f"Polygon ICRS {' '.join(map(repr, one.array))}"
    with place[0].cursor() as cursor:
        cursor.execute("UPDATE pg_temp.sky SET s_region = %s", (region,))
        for first in (spelt(one), "s_region"):
            query = (
                f"SELECT INTERSECTS({first}, {spelt(moved)}) AS a,"
                f" CONTAINS({first}, {spelt(moved)}) AS b, CONTAINS({spelt(moved)}, {first}) AS c"
                " FROM sky.epn_core"
            )
            answers = set()
            for geometry in BACK_ENDS.values():
                cursor.execute(translate(query, TABLESET, geometry=geometry).sql)
                answers.update(cursor.fetchall())
            assert len(answers) == 1


WEST_OF_0 = "POLYGON(350, -10, 10, -10, 10, 10, 350, 10)"
HEMISPHERE = "POLYGON(0, 0, 90, 0, 180, 0, 270, 0)"


@pytest.mark.parametrize(
    ("point", "shape", "inside"),
    [
        ((0, 0), WEST_OF_0, 1),
        ((720, 0), WEST_OF_0, 1),
        ((-5, 0), WEST_OF_0, 1),
        ((180, 0), WEST_OF_0, 0),
        # On an edge and on a corner.
        ((350, 3), WEST_OF_0, 1),
        ((350, -10), WEST_OF_0, 1),
        # The other way round it is the same polygon.
        ((0, 0), "POLYGON(350, 10, 10, 10, 10, -10, 350, -10)", 1),
        # Caps around the poles.
        ((17, 90), "POLYGON(0, 80, 90, 80, 180, 80, 270, 80)", 1),
        ((17, -90), "POLYGON(0, 80, 90, 80, 180, 80, 270, 80)", 0),
        ((17, -90), "BOX(99, -89, 5, 5)", 1),
        # What pg_sphere has not: as large as a hemisphere, with repeated vertices, without area.
        ((5, 0.001), HEMISPHERE, 1),
        ((5, -0.001), HEMISPHERE, 0),
        ((5, 1), "POLYGON(0, 0, 0, 0, 10, 0, 10, 10, 10, 10, 0, 0)", 1),
        ((15, 0), "POLYGON(10, 0, 20, 0, 30, 0)", 1),
        ((15, 0.001), "POLYGON(10, 0, 20, 0, 30, 0)", 0),
        ((3, 4), "POLYGON(3, 4, 3, 4, 3, 4)", 1),
        ((3, 4.001), "BOX(3, 4, 0, 0)", 0),
        # A notch, so deep that the mean of the vertices is outside.
        ((5, 1), "POLYGON(0, 0, 5, 9.9, 10, 0, 5, 10)", 0),
        ((5, 9.95), "POLYGON(0, 0, 5, 9.9, 10, 0, 5, 10)", 1),
        # What is no position is nowhere.
        ((5, 91), WEST_OF_0, None),
        ((float("nan"), 0), WEST_OF_0, None),
        ((None, 0), WEST_OF_0, None),
        ((5, 5), "POLYGON(350, -10, 10, -10, 10, 10, 350, radius)", None),
    ],
)
def test_special_polygons_contain_what_they_should(ask: Ask, point, shape, inside):
    assert ask(f"CONTAINS(POINT(c1min, c2min), {shape})", *point) == inside


@pytest.mark.parametrize(
    ("radius", "answers"),
    [(170, (1, 0, 1)), (0, (1, 1, 0)), (-1, (0, 0, 0)), (None, (None, None, None))],
)
def test_circles_that_pg_sphere_has_not_are_tested_all_the_same(ask: Ask, radius, answers):
    circle = "CIRCLE(c1min, c2min, radius)"
    found = [
        ask(expression, 1, 2, radius)
        for expression in (
            f"INTERSECTS({circle}, {WEST_OF_0})",
            f"CONTAINS({circle}, {WEST_OF_0})",
            f"CONTAINS({WEST_OF_0}, {circle})",
        )
    ]
    assert found == list(answers)


@given(polygons(largest=90), st.sampled_from([1.0, 1e-3, 1e-6]), st.randoms(use_true_random=False))
@more
def test_no_polygon_ends_a_query(place, polygon: Polygon, scale, random):
    if place[1]:
        pytest.skip(f"no pg_sphere: {place[1]}")
    shuffled = list(zip(polygon.bearings, polygon.lengths, strict=True))
    random.shuffle(shuffled)
    bearings, lengths = zip(*shuffled, strict=True)
    for some in (bearings, polygon.bearings):
        candidate = Polygon(polygon.centre, some, tuple(length * scale for length in lengths))
        with place[0].cursor() as cursor:
            # The area of what pg_sphere made of it is that of the same polygon.
            cursor.execute(
                "SELECT degrees(degrees(contrib.area(udf.sphere_polygon(a)))), udf.adql_area(a)"
                " FROM (SELECT %s::float8[]) AS q (a)",
                (candidate.array,),
            )
            theirs, ours = cursor.fetchone()
        if theirs is not None and max(candidate.lengths) > 0.1:
            assert theirs == pytest.approx(ours, rel=1e-5)


@pytest.mark.parametrize("shape", [WEST_OF_0, "CIRCLE(10, 20, 1)", "BOX(359, 89, 3, 3)"])
def test_polygons_of_a_query_are_tested_by_pg_sphere_behind_the_index(place, shape: str):
    if place[1]:
        pytest.skip(f"no pg_sphere: {place[1]}")
    query = f"SELECT c1min FROM sky.epn_core WHERE 1 = CONTAINS(POINT(c1min, c2min), {shape})"
    sql = translate(query, TABLESET, geometry=PgSphere()).sql
    with place[0].cursor() as cursor:
        cursor.execute("CREATE INDEX around ON pg_temp.sky USING gist (udf.position(c1min, c2min))")
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(line for (line,) in cursor)
        cursor.execute("RESET enable_seqscan; DROP INDEX pg_temp.around")
    assert "Index Scan" in plan
    assert ("udf.sphere_within" in plan) is not shape.startswith("CIRCLE")
    # Converted while planning, with no choice left for the rows.
    assert "sphere_polygon" not in plan
    assert "shape_within" not in plan


def test_a_random_position_is_drawn_once(place):
    query = f"SELECT CONTAINS(POINT(360 * RAND(), 0), {WEST_OF_0}) AS a FROM sky.epn_core"
    assert translate(query, TABLESET, geometry=PgSphere()).sql.count("random()") == 1


def test_the_tableset_says_which_back_end_a_query_is_for():
    query = f"SELECT CONTAINS(POINT(c1min, c2min), {WEST_OF_0}) AS a FROM sky.epn_core"
    here = TableSet(TABLESET.schemas, geometry="pg_sphere")
    assert translate(query, here).sql == translate(query, TABLESET, geometry=PgSphere()).sql
    assert "sphere_" not in translate(query, TABLESET).sql
    assert translate(query, here, geometry=Geometry()).sql == translate(query, TABLESET).sql
