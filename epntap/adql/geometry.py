"""Geometry on the sphere: ADQL's constructors, predicates and measures as SQL (ADQL 2.1, 4.2).

A value of geometry is a DALI array of degrees. What is put together in the query itself also has
its coordinates one by one (`Value.parts`), so that a search by position is a condition on two
columns. Every predicate is the exact test, and before it a coarse one that an index serves; the
second follows from the first, so that it changes no result, NULL and NOT included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from epntap.adql import metadata
from epntap.adql.conversion import as_kind, number_sql, quote_string
from epntap.adql.errors import Fault
from epntap.adql.regions import (
    check_coordinate,
    check_radius,
    check_size,
    read_region,
    read_shape,
)
from epntap.adql.tree import Cast, Expression, GeometryCall, Number, String
from epntap.adql.values import GEOMETRIES, PG_TYPES, TEXTS, UNKNOWN, Kind, Value, named
from epntap.tables import Column, CoordinateSystem

_ARRAY = PG_TYPES[Kind.POINT]
_DEGREES = metadata.about("deg")
_LENGTHS = {Kind.POINT: 2, Kind.CIRCLE: 3}


class Geometry:
    """What every PostgreSQL can compute, with the functions of ``sql/geometry``."""

    def call(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        """Return the value of a constructor, predicate or function.

        CONTAINS and INTERSECTS have a `condition`, DISTANCE has the coordinates of its points.

        Raises
        ------
        Fault
            If the arguments do not fit.
        """
        value: Value = self._calls[node.name](self, node, arguments)
        return value

    def cast(self, node: Cast, operand: Value) -> Value:
        """Return the value of a CAST to POINT, CIRCLE or POLYGON.

        Raises
        ------
        Fault
            If the operand is neither text nor such a shape already, or no such shape is spelt.
        """
        kind = Kind[node.target]
        at = node.operand.at
        if operand.kind is kind:
            return operand
        if operand.kind is Kind.NULL:
            return Value(f"NULL::{_ARRAY}", kind, _ARRAY)
        if isinstance(operand.constant, String):
            return _constant(kind, read_shape(operand.constant.value, kind, at))
        if operand.kind is not Kind.TEXT:
            raise Fault(f"{named(operand.kind)} cannot be cast to {node.target}", at)
        size = str(_LENGTHS.get(kind, "NULL::integer"))
        return Value(f"udf.dali_shape({operand.sql}, {size})", kind, _ARRAY, _DEGREES)

    def near(self, points: tuple[str, ...], radius: str) -> str:
        """Return a condition for indexes that two points within a distance meet.

        Parameters
        ----------
        points
            Coordinates of the two, as SQL.
        radius
            The distance in degrees, as SQL.

        Returns
        -------
        str
            The condition, empty where no index can help.
        """
        if not is_repeatable(*points, radius):
            return ""
        one, other = points[:2], points[2:]
        # In a join both may be columns: the index of either table will do.
        pairs = ((one, other), (other, one))
        cones = [self._in_cone(*pair, radius) for pair in pairs if is_stored(*pair[0])]
        return " AND ".join(cones)

    # Constructors -----------------------------------------------------------------------------

    def _point(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        if len(arguments) != 2:
            raise _count(node, "two numbers")
        parts = _position(node.arguments, arguments)
        return Value(
            f"udf.adql_point({', '.join(parts)})", Kind.POINT, _ARRAY, _DEGREES, parts=parts
        )

    def _circle(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        if len(arguments) == 2:
            centre = coordinates(_as_point(arguments[0], node.arguments[0]))
        elif len(arguments) == 3:
            centre = _position(node.arguments, arguments)
        else:
            raise _count(node, "a centre, two numbers or a point, and a radius")
        radius = arguments[-1]
        if isinstance(radius.constant, Number):
            check_radius(radius.constant.value, node.arguments[-1].at)
        parts = (*centre, _number(radius, node.arguments[-1], "a radius"))
        sql = f"udf.adql_circle({', '.join(parts)})"
        return Value(sql, Kind.CIRCLE, _ARRAY, _DEGREES, parts=parts)

    def _polygon(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        vertices: list[str] = []
        if arguments and arguments[0].kind is Kind.POINT:
            if len(arguments) < 3:
                raise _count(node, "three points or more")
            for value, argument in zip(arguments, node.arguments, strict=True):
                vertices += coordinates(_as_point(value, argument))
        else:
            if len(arguments) < 6 or len(arguments) % 2:
                raise _count(node, "three points or more, or three pairs of numbers or more")
            for index in range(0, len(arguments), 2):
                pair = slice(index, index + 2)
                vertices += _position(node.arguments[pair], arguments[pair])
        sql = f"udf.adql_polygon(ARRAY[{', '.join(vertices)}])"
        return Value(sql, Kind.POLYGON, _ARRAY, _DEGREES)

    def _box(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        if len(arguments) == 3:
            centre = coordinates(_as_point(arguments[0], node.arguments[0]))
        elif len(arguments) == 4:
            centre = _position(node.arguments, arguments)
        else:
            raise _count(node, "a centre, two numbers or a point, a width and a height")
        sizes = []
        for value, argument in zip(arguments[-2:], node.arguments[-2:], strict=True):
            if isinstance(value.constant, Number):
                check_size(value.constant.value, argument.at)
            sizes.append(_number(value, argument, "the size of a box"))
        sql = f"udf.adql_box({', '.join([*centre, *sizes])})"
        return Value(sql, Kind.POLYGON, _ARRAY, _DEGREES)

    def _region(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        if len(arguments) != 1 or not isinstance(arguments[0].constant, String):
            raise _count(node, "one literal string")
        kind, numbers = read_region(arguments[0].constant.value, node.arguments[0].at)
        if kind is not None:
            return _constant(kind, numbers)
        sql = f"udf.adql_box({', '.join(map(number_sql, numbers))})"
        return Value(sql, Kind.POLYGON, _ARRAY, _DEGREES)

    # Predicates -------------------------------------------------------------------------------

    def _contains(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        one, other = _two_shapes(node, arguments)
        return _truth(self._within(one, other))

    def _intersects(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        one, other = _two_shapes(node, arguments)
        if one.kind is Kind.POINT:
            return _truth(self._within(one, other))
        if other.kind is Kind.POINT:
            return _truth(self._within(other, one))
        if one.kind is Kind.CIRCLE and other.kind is Kind.CIRCLE:
            return _truth(self._circles_meet(coordinates(one), coordinates(other)))
        exact = self.meet(one, other)
        return _truth(_both(self._boxes(one, other), exact))

    def _within(self, part: Value, whole: Value) -> str:
        """Return the condition that a shape is inside another."""
        if part.kind is Kind.POINT and whole.kind is Kind.CIRCLE:
            point, circle = coordinates(part), coordinates(whole)
            exact = f"{_separation(point, circle[:2])} <= {circle[2]}"
            return _both(self.near((*point, *circle[:2]), circle[2]), exact)
        exact = self.within(part, whole)
        if part.kind is Kind.POINT and is_stored(part.sql) and is_repeatable(part.sql, whole.sql):
            return _both(self._in_box(coordinates(part), _box_of(whole)), exact)
        return _both(self._boxes(part, whole), exact)

    def _circles_meet(self, one: tuple[str, ...], other: tuple[str, ...]) -> str:
        radius = f"({one[2]} + {other[2]})"
        exact = f"{_separation(one[:2], other[:2])} <= {radius}"
        return _both(self.near((*one[:2], *other[:2]), radius), exact)

    def within(self, part: Value, whole: Value) -> str:
        """Return the exact test whether a shape is inside another."""
        return f"udf.shape_within({_prepared(part)}, {_prepared(whole)})"

    def meet(self, one: Value, other: Value) -> str:
        """Return the exact test whether two shapes, neither a point, have a point in common."""
        return f"udf.shapes_meet({_prepared(one)}, {_prepared(other)})"

    def _in_cone(self, point: tuple[str, ...], centre: tuple[str, ...], radius: str) -> str:
        return self._in_box(point, f"udf.cone_box({', '.join([*centre, radius])})")

    def _in_box(self, point: tuple[str, ...], box: str) -> str:
        position = f"udf.position({', '.join(point)})"
        return f"({position} <@ {box} OR {position} <@ udf.box_wrapped({box}))"

    def _boxes(self, one: Value, other: Value) -> str:
        """Return a condition for indexes over columns of shapes that shapes which meet fulfil."""
        if not is_repeatable(one.sql, other.sql):
            return ""
        if not one.bare:
            one, other = other, one
        if not one.bare:
            return ""
        column, box = _box_of(one), _box_of(other)
        turned = [box, f"udf.box_turned({box}, 360)", f"udf.box_turned({box}, -360)"]
        return f"({' OR '.join(f'{column} && {area}' for area in turned)})"

    # Measures ---------------------------------------------------------------------------------

    def _distance(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        if len(arguments) == 2:
            pairs = zip(arguments, node.arguments, strict=True)
            one, other = (coordinates(_as_point(value, argument)) for value, argument in pairs)
        elif len(arguments) == 4:
            one = _position(node.arguments[:2], arguments[:2])
            other = _position(node.arguments[2:], arguments[2:])
        else:
            raise _count(node, "two points, or four numbers")
        about = metadata.about("deg", "pos.angDistance")
        parts = (*one, *other)
        sql = _separation(one, other)
        return Value(sql, Kind.DOUBLE, PG_TYPES[Kind.DOUBLE], about, parts=parts)

    def _area(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        about = metadata.about("deg**2", "phys.angArea")
        sql = f"udf.adql_area({_shape(_one_shape(node, arguments))})"
        return Value(sql, Kind.DOUBLE, PG_TYPES[Kind.DOUBLE], about)

    def _centroid(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        sql = f"udf.adql_centroid({_shape(_one_shape(node, arguments))})"
        return Value(sql, Kind.POINT, _ARRAY, _DEGREES)

    def _coordinate(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        if len(arguments) != 1:
            raise _count(node, "one point")
        point = coordinates(_as_point(arguments[0], node.arguments[0]))
        sql = point[0 if node.name == "COORD1" else 1]
        return Value(sql, Kind.DOUBLE, PG_TYPES[Kind.DOUBLE], _DEGREES)

    def _coordsys(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        shape = _one_shape(node, arguments)
        system = shape.about.system
        name = system.system if isinstance(system, CoordinateSystem) else "UNKNOWN"
        sql = f"CASE WHEN {shape.sql} IS NOT NULL THEN {quote_string(name)}::text END"
        return Value(f"({sql})", Kind.TEXT, "text")

    _calls: ClassVar[dict[str, Callable[[Any, GeometryCall, tuple[Value, ...]], Value]]] = {
        "POINT": _point,
        "CIRCLE": _circle,
        "POLYGON": _polygon,
        "BOX": _box,
        "REGION": _region,
        "CONTAINS": _contains,
        "INTERSECTS": _intersects,
        "DISTANCE": _distance,
        "AREA": _area,
        "CENTROID": _centroid,
        "COORD1": _coordinate,
        "COORD2": _coordinate,
        "COORDSYS": _coordsys,
    }


def _count(node: GeometryCall, wanted: str) -> Fault:
    return Fault(f"{node.name} takes {wanted}", node.at)


def _number(value: Value, node: Expression, what: str) -> str:
    return as_kind(value, Kind.DOUBLE, node.at, what).sql


def _position(nodes: tuple[Expression, ...], values: tuple[Value, ...]) -> tuple[str, ...]:
    """Return a longitude and a latitude as SQL; literals are checked."""
    for index, (node, value) in enumerate(zip(nodes[:2], values[:2], strict=True)):
        if isinstance(value.constant, Number):
            check_coordinate(value.constant.value, latitude=index == 1, at=node.at)
    return (
        _number(values[0], nodes[0], "a longitude"),
        _number(values[1], nodes[1], "a latitude"),
    )


def _as_point(value: Value, node: Expression) -> Value:
    if value.kind is Kind.NULL:
        return Value(f"NULL::{_ARRAY}", Kind.POINT, _ARRAY)
    if value.kind is not Kind.POINT:
        raise Fault(f"this must be a point, it is {named(value.kind)}", node.at)
    return value


def _constant(kind: Kind, numbers: tuple[float, ...]) -> Value:
    """Return a shape of literal numbers."""
    parts = tuple(number_sql(number) for number in numbers)
    array = f"(ARRAY[{', '.join(parts)}])"
    return Value(array, kind, _ARRAY, _DEGREES, parts=parts if kind in _LENGTHS else ())


def coordinates(value: Value) -> tuple[str, ...]:
    """Return the numbers of a point or circle, one by one, as SQL."""
    if value.parts:
        return value.parts
    array = value.sql if value.pg == _ARRAY else f"({value.sql})::{_ARRAY}"
    return tuple(f"({array})[{index + 1}]" for index in range(_LENGTHS[value.kind]))


def _one_shape(node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
    if len(arguments) != 1:
        raise _count(node, "one shape")
    return _checked(arguments[0], node.arguments[0])


def _two_shapes(node: GeometryCall, arguments: tuple[Value, ...]) -> tuple[Value, Value]:
    if len(arguments) != 2:
        raise _count(node, "two shapes")
    one, other = map(_checked, arguments, node.arguments)
    return one, other


def _checked(value: Value, node: Expression) -> Value:
    """Check that a value is a shape; text of a region column is one."""
    if value.kind is Kind.NULL:
        return Value(f"NULL::{_ARRAY}", Kind.POLYGON, _ARRAY)
    if value.kind not in GEOMETRIES:
        hint = "CAST('1 2 3' AS CIRCLE) makes a shape of text" if value.kind in TEXTS else None
        raise Fault(f"this must be a shape, it is {named(value.kind)}", node.at, hint)
    return value


def _shape(value: Value) -> str:
    """Return SQL of the DALI array that a shape is."""
    if value.kind is Kind.REGION:
        text = f"{value.sql}::text" if value.pg == UNKNOWN else value.sql
        return f"udf.region_shape({text})"
    return value.sql if value.pg == _ARRAY else f"({value.sql})::{_ARRAY}"


def _prepared(value: Value) -> str:
    """Return SQL of a shape as the exact tests take it; points and circles are ready for them."""
    return _shape(value) if value.kind in _LENGTHS else f"udf.prepared({_shape(value)})"


def _box_of(value: Value) -> str:
    """Return SQL of the longitudes and latitudes around a shape, as indexes have it."""
    if value.kind is Kind.REGION:
        return f"udf.region_box({value.sql})"
    return f"udf.shape_box({_shape(value)})"


def _separation(one: tuple[str, ...], other: tuple[str, ...]) -> str:
    return f"udf.separation({', '.join([*one, *other])})"


def is_stored(*expressions: str) -> bool:
    """Whether expressions use columns, whose names alone stand in double quotes."""
    return any('"' in sql for sql in expressions)


def is_repeatable(*expressions: str) -> bool:
    """Whether expressions may stand in the SQL twice and mean the same."""
    return not any("random()" in sql for sql in expressions)


def _both(coarse: str, exact: str) -> str:
    return f"({coarse} AND {exact})" if coarse else f"({exact})"


def _truth(condition: str) -> Value:
    about = Column(name="", datatype="")
    return Value(f"{condition}::integer", Kind.INT, "integer", about, condition=condition)
