"""Geometry by the extension pg_sphere: its exact tests of polygons, in compiled code.

Shapes remain DALI arrays and the coarse tests for indexes remain those of every PostgreSQL, so that
a catalogue is searched by either back end, whichever was there when it was published. Distances
and circles among themselves also remain: they are single expressions, which are as fast, and exact
to the last digits where pg_sphere takes 1e-9 rad for nothing.
"""

from __future__ import annotations

from epntap.adql.geometry import Geometry, coordinates, is_repeatable, is_stored
from epntap.adql.values import Kind, Value


class PgSphere(Geometry):
    """What a database with pg_sphere computes, with the functions of ``sql/pgsphere``.

    pg_sphere is asked about polygons that are written in the query, which PostgreSQL converts once.
    To convert a polygon of every row takes longer than the portable test of it.
    """

    def within(self, part: Value, whole: Value) -> str:
        """Return the exact test whether a shape is inside another."""
        return _either("within", part, whole, super().within(part, whole))

    def meet(self, one: Value, other: Value) -> str:
        """Return the exact test whether two shapes, neither a point, have a point in common."""
        return _either("meet", one, other, super().meet(one, other))


def _either(test: str, one: Value, other: Value, portable: str) -> str:
    """Return a test by pg_sphere of what it can represent, and the portable one of all else."""
    # Only a polygon without area is within a point, and pg_sphere has none such.
    if Kind.POLYGON not in (one.kind, other.kind) or other.kind is Kind.POINT:
        return portable
    shapes = [_sphere(one), _sphere(other)]
    if not all(shapes) or not is_repeatable(one.sql, other.sql):
        return portable
    # A point that pg_sphere has not is none. Without a question about it, PostgreSQL decides while
    # it plans, and only the one test is left for the rows.
    asked = [
        shape
        for shape, value in zip(shapes, (one, other), strict=True)
        if value.kind is not Kind.POINT
    ]
    missing = " OR ".join(f"{shape} IS NULL" for shape in asked)
    exact = f"udf.sphere_{test}({', '.join(shapes)})"
    return f"(CASE WHEN {missing} THEN {portable} ELSE {exact} END)"


def _sphere(value: Value) -> str:
    """Return SQL of a shape as pg_sphere has it, empty where making it would take too long."""
    if value.kind in (Kind.POINT, Kind.CIRCLE):
        return f"udf.sphere_{value.kind.name.lower()}({', '.join(coordinates(value))})"
    if value.kind is Kind.POLYGON and not is_stored(value.sql):
        return f"udf.sphere_polygon({value.sql})"
    return ""
