"""What is ready for geometry: the way from the tree to whoever computes it."""

from __future__ import annotations

import pytest

from epntap.adql import AdqlError, translate
from epntap.adql.tree import Cast, GeometryCall
from epntap.adql.values import Kind, Value
from epntap.tables import TableSet


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
