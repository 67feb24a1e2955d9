"""Geometry in queries: what reaches a back end, what rows it finds, and by which index."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import psycopg2.extensions
import pytest

from epntap.adql import AdqlError, translate
from epntap.adql.tree import Cast, GeometryCall
from epntap.adql.values import Kind, Value
from epntap.tables import Column, Relation, Schema, Table, TableSet


class Plane:
    """Geometry of a plane in a few words, to see what reaches a back end."""

    def call(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        parts = ", ".join(argument.sql for argument in arguments)
        if node.name == "CONTAINS":
            sql = f"inside({parts})"
            return Value(f"({sql})::integer", Kind.INT, "integer", condition=sql)
        if node.name == "DISTANCE":
            return Value(f"distance({parts})", Kind.DOUBLE, "double precision")
        return Value(f"{node.name.lower()}({parts})", Kind.POINT, "double precision[]")

    def cast(self, node: Cast, operand: Value) -> Value:
        return Value(f"read({operand.sql})", Kind.POINT, "double precision[]")

    def near(self, points: tuple[str, ...], radius: str) -> str:
        return f"near({', '.join(points)}, {radius})"


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        (
            "1 = CONTAINS(POINT('ICRS', 1, 2), CIRCLE(1, 2, 3))",
            "(inside(point(1, 2), circle(1, 2, 3)))",
        ),
        ("CONTAINS(POINT(1, 2), POINT(3, 4)) = 0", "(NOT (inside(point(1, 2), point(3, 4))))"),
        ("CONTAINS(POINT(1, 2), POINT(3, 4)) <> 1", "(NOT (inside(point(1, 2), point(3, 4))))"),
        (
            "CONTAINS(POINT(1, 2), POINT(3, 4)) > 0",
            "((inside(point(1, 2), point(3, 4)))::integer > 0)",
        ),
        ("DISTANCE(POINT(1, 2), POINT(3, 4)) < 5", "(distance(point(1, 2), point(3, 4)) < 5)"),
    ],
)
def test_a_geometry_predicate_becomes_a_condition(tableset: TableSet, condition: str, sql: str):
    query = f"SELECT granule_uid FROM icme.epn_core WHERE {condition}"
    assert translate(query, tableset, geometry=Plane()).sql.endswith(f" WHERE {sql}")


def test_a_geometry_leaves_as_an_array_with_its_xtype(tableset: TableSet):
    query = "SELECT POINT(c1min, c1max) AS p, CAST('1 2' AS POINT) AS q FROM icme.epn_core"
    for column in translate(query, tableset, geometry=Plane()).columns:
        assert (column.datatype, column.arraysize, column.xtype) == ("double", "2", "point")


def test_geometries_are_not_compared(tableset: TableSet):
    query = "SELECT 1 FROM icme.epn_core WHERE POINT(1, 2) = POINT(1, 2)"
    with pytest.raises(AdqlError, match="cannot be compared"):
        translate(query, tableset, geometry=Plane())


# --- In the database ------------------------------------------------------------------------------

#: Rows of icme.epn_core: a at (10, 20) with a circle of 1 degree about (10, 10), b at (350, 359.5),
#: which is no position, C at (-12.5, NULL).
WHERE = "SELECT granule_uid FROM icme.epn_core WHERE {}"


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("1 = CONTAINS(POINT(c1min, c1max), CIRCLE(10, 20.5, 1))", "a"),
        ("1 = CONTAINS(POINT('UNKNOWNFrame', c1min, c1max), CIRCLE('', 370, 20.5, 1))", "a"),
        ("CONTAINS(POINT(c1min, c1max), CIRCLE(10, 22, 1)) = 1", ""),
        ("0 = CONTAINS(POINT(c1min, c1max), CIRCLE(10, 22, 1))", "a"),
        ("NOT 1 = CONTAINS(POINT(c1min, c1max), CIRCLE(10, 22, 1))", "a"),
        ("CONTAINS(POINT(c1min, c1max), CIRCLE(10, 20.5, 1)) > 0", "a"),
        ("1 = CONTAINS(CIRCLE(c1min, c1max, 1), CIRCLE(10, 20.5, 2))", "a"),
        ("1 = CONTAINS(POINT(10, 20), CIRCLE(c1min, c1max, 1))", "a"),
        ("1 = CONTAINS(POINT(c1min, 0), BOX('ICRS', 350, 0, 30, 2))", "bC"),
        ("1 = CONTAINS(POINT(c1min, 0), POLYGON(340, -1, 355, -1, 355, 1, 340, 1))", "bC"),
        ("1 = CONTAINS(POINT(10.5, 10), s_region)", "a"),
        ("1 = CONTAINS(POINT(11.5, 10), s_region)", ""),
        ("0 = CONTAINS(POINT(11.5, 10), s_region)", "a"),
        ("1 = CONTAINS(s_region, CIRCLE(10, 10, 2))", "a"),
        ("1 = INTERSECTS(s_region, CIRCLE(13, 10, 2))", "a"),
        ("1 = INTERSECTS(POLYGON('UNKNOWNFrame', 11.1, 0, 20, 0, 11.1, 20), s_region)", ""),
        ("1 = INTERSECTS(POLYGON('UNKNOWNFrame', 10.9, 0, 20, 0, 10.9, 20), s_region)", "a"),
        ("1 = INTERSECTS(s_region, POINT(10, 10))", "a"),
        ("1 = INTERSECTS(s_region, REGION('Polygon ICRS 5 5 15 5 15 15 5 15'))", "a"),
        ("1 = CONTAINS(CENTROID(s_region), CIRCLE(10, 10, 0.001))", "a"),
        ("1 = INTERSECTS(CIRCLE(c1min, 0, 1), CIRCLE(349, 0, 1))", "bC"),
        ("DISTANCE(c1min, c1max, 10, 21) < 1.5", "a"),
        ("DISTANCE(c1min, c1max, 10, 21) < 0.5", ""),
        ("2 >= DISTANCE(POINT(c1min, c1max), POINT(10, 21))", "a"),
        ("DISTANCE(POINT(0, 0), POINT(c1min, 0)) BETWEEN 9.9 AND 12.6", "abC"),
        ("DISTANCE(c1min, 0, 0, 0) > 12", "C"),
        ("AREA(s_region) BETWEEN 3.141 AND 3.142", "a"),
        ("COORD1(CENTROID(s_region)) = 10", "a"),
        ("COORDSYS(s_region) = 'ICRS'", "a"),
        ("1 = CONTAINS(CAST(NULL AS POINT), CIRCLE(1, 2, 3))", ""),
        ("1 = CONTAINS(CAST('10 ' || '10' AS POINT), s_region)", "a"),
    ],
)
def test_conditions_of_geometry_find_rows(run, condition: str, found: str):
    assert sorted(row[0][0] for row in run(WHERE.format(condition))) == sorted(found)


def test_geometries_come_out_as_arrays(run):
    query = (
        "SELECT TOP 1 POINT(c1min, c1max) AS p, CIRCLE(POINT(1, 2), 3) AS c,"
        " POLYGON(POINT(0, 0), POINT(1, 0), POINT(1, c1min)) AS g, CAST('1 2 3' AS CIRCLE) AS d,"
        " CENTROID(REGION('Circle ICRS 5 6 7')) AS m, DISTANCE(0, 0, 0, 90) AS r, s_region,"
        " POINT(c1min, time_max) AS n FROM icme.epn_core WHERE granule_uid = 'a'"
    )
    (row,) = run(query)
    assert row == (
        [10, 20],
        [1, 2, 3],
        [0, 0, 1, 0, 1, 10],
        [1, 2, 3],
        [5, 6],
        90,
        "Circle ICRS 10 10 1",
        [10, 2455198],
    )


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("POINT(10, 91)", "a latitude is between -90 and 90"),
        ("POINT(1, 2, 3)", "POINT takes two numbers"),
        ("POINT('ICRS', target_name, 2)", "a longitude must be a number"),
        ("CIRCLE(1, 2, -1)", "a radius"),
        ("CIRCLE(1, 2, 181)", "a radius"),
        ("CIRCLE(CIRCLE(1, 2, 3), 1)", "must be a point"),
        ("POLYGON(1, 2, 3, 4)", "three"),
        ("POLYGON(1, 2, 3, 4, 5, 6, 7)", "three"),
        ("POLYGON(POINT(1, 2), POINT(3, 4))", "three points"),
        ("POLYGON(POINT(1, 2), 3, 4)", "must be a point"),
        ("BOX(1, 2, 180, 1)", "a box is from 0 to below 180"),
        ("REGION(s_region)", "one literal string"),
        ("REGION('Union ICRS (Circle 1 2 3)')", "is not a region"),
        ("REGION('Circle ICRS 1 2')", "a circle has 3 numbers"),
        ("REGION('Polygon ICRS 1 2 3 4 5 95')", "latitude"),
        ("CAST('1 2' AS CIRCLE)", "a circle has 3 numbers"),
        ("CAST('a b' AS POINT)", "is not a POINT"),
        ("CAST(c1min AS POINT)", "cannot be cast"),
        ("CONTAINS(POINT(1, 2), target_name)", "must be a shape"),
        ("CONTAINS(POINT(1, 2))", "two shapes"),
        ("DISTANCE(POINT(1, 2), CIRCLE(1, 2, 3))", "must be a point"),
        ("DISTANCE(1, 2, 3)", "two points, or four numbers"),
        ("AREA(c1min)", "must be a shape"),
        ("COORD1(s_region)", "must be a point"),
    ],
)
def test_geometry_that_makes_no_sense_is_refused(tableset: TableSet, expression: str, message: str):
    with pytest.raises(AdqlError) as caught:
        translate(f"SELECT {expression} FROM icme.epn_core", tableset)
    assert message in str(caught.value)


def test_random_positions_are_tested_as_they_are_drawn(tableset: TableSet):
    sql = translate(
        WHERE.format("1 = CONTAINS(POINT(360 * RAND(), 0), CIRCLE(c1min, 0, 1))"), tableset
    ).sql
    assert sql.count("random()") == 1


@pytest.fixture(scope="module")
def sky(server: str) -> Iterator[psycopg2.extensions.connection]:
    """A database with positions and circles all over the sphere, indexed as publications are."""
    connection = psycopg2.connect(server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.25)")
        cursor.execute(
            "CREATE TEMPORARY TABLE sky AS SELECT n::text AS granule_uid, 720 * random() - 180 AS"
            " c1min, degrees(asin(2 * random() - 1)) AS c2min FROM generate_series(1, 20000) AS n"
        )
        cursor.execute("ALTER TABLE sky ADD s_region text")
        cursor.execute(
            "UPDATE sky SET s_region = format('Circle ICRS %s %s %s', c1min, c2min, 1 + random())"
        )
        cursor.execute("CREATE INDEX ON sky USING gist (udf.position(c1min, c2min))")
        cursor.execute("CREATE INDEX ON sky USING gist (udf.region_box(s_region))")
        cursor.execute("ANALYZE sky")
    yield connection
    connection.close()


SKY = TableSet(
    (
        Schema(
            "sky",
            (
                Table(
                    "sky",
                    "epn_core",
                    (
                        Column("granule_uid", "char", "*"),
                        Column("c1min", "double", unit="deg"),
                        Column("c2min", "double", unit="deg"),
                        Column("s_region", "char", "*", xtype="adql:REGION"),
                    ),
                    Relation("pg_temp", "sky"),
                ),
            ),
        ),
    )
)

SEARCHES = [
    "1 = CONTAINS(POINT('', c1min, c2min), CIRCLE({long}, {lat}, 3))",
    "DISTANCE(c1min, c2min, {long}, {lat}) < 3",
    "DISTANCE(POINT({long}, {lat}), POINT(c1min, c2min)) <= 3",
    "1 = CONTAINS(POINT(c1min, c2min), BOX({long}, {lat}, 4, 3))",
    "1 = INTERSECTS(CIRCLE(c1min, c2min, 0.5), CIRCLE({long}, {lat}, 3))",
    "1 = CONTAINS(POINT({long}, {lat}), s_region)",
    "1 = INTERSECTS(s_region, CIRCLE({long}, {lat}, 3))",
    "1 = INTERSECTS(BOX({long}, {lat}, 4, 3), s_region)",
    "1 = CONTAINS(s_region, BOX({long}, {lat}, 7, 8))",
]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize(("long", "lat"), [(10, 20), (0.5, -45), (359.9, 0), (77, 89.5), (0, -90)])
def test_an_index_is_used_and_finds_what_a_scan_finds(database, sky, search, long, lat):
    condition = search.format(long=long, lat=lat)
    query = f"SELECT granule_uid FROM sky.epn_core WHERE {condition}"
    sql = translate(query, SKY).sql
    with sky.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(line for (line,) in cursor)
        assert "Index Scan" in plan
        assert "Seq Scan" not in plan
        cursor.execute(sql)
        found = sorted(cursor.fetchall())
        assert found
        everything = translate(query.replace(condition, "RAND() < 2 AND " + condition), SKY).sql
        cursor.execute("SET enable_indexscan = off; SET enable_bitmapscan = off")
        cursor.execute(everything)
        assert sorted(cursor.fetchall()) == found
        cursor.execute("RESET enable_indexscan; RESET enable_bitmapscan")


def test_a_search_around_every_row_of_a_query_uses_the_index(database, sky):
    query = (
        "SELECT a.granule_uid, b.granule_uid FROM (SELECT TOP 20 * FROM sky.epn_core) AS a"
        " JOIN sky.epn_core AS b ON DISTANCE(a.c1min, a.c2min, b.c1min, b.c2min) < 1"
    )
    with sky.cursor() as cursor:
        cursor.execute(f"EXPLAIN {translate(query, SKY).sql}")
        assert "Index Scan" in "\n".join(line for (line,) in cursor)
