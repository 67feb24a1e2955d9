"""Function calls, aggregates and geometry of the tree, resolved against the registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from epntap.adql import metadata
from epntap.adql.conversion import as_kind, cast_sql, quoted_number, settled, timestamp
from epntap.adql.errors import Fault, nearest
from epntap.adql.expressions import Values
from epntap.adql.features import REGISTRY
from epntap.adql.registry import Accepts, Carries, Function, Parameter
from epntap.adql.tree import (
    AggregateCall,
    Expression,
    FunctionCall,
    GeometryCall,
    Number,
    Sign,
    String,
)
from epntap.adql.values import (
    INTEGERS,
    NOTHING,
    NUMBERS,
    PG_TYPES,
    SHAPES,
    TEXTS,
    UNKNOWN,
    Kind,
    Value,
    named,
)
from epntap.tables import Column

_COUNT = Column(name="", datatype="", ucd="meta.number")


class Calls(Values):
    """The part of the resolver for everything that is called."""

    def _function(self, node: FunctionCall) -> Value:
        name = node.name.upper()
        if name == "COALESCE":
            return self.coalesce(node.arguments, node.at)
        if name == "IN_UNIT":
            return self.in_unit(node.arguments, node.at)
        signatures = REGISTRY.get(name)
        if signatures is None:
            names = [signature[0].name for signature in REGISTRY.values()]
            raise Fault(f"there is no function {node.name}", node.at, nearest(node.name, names))
        fitting = [entry for entry in signatures if len(entry.parameters) == len(node.arguments)]
        if not fitting:
            forms = " or ".join(entry.form for entry in signatures)
            raise Fault(
                f"{signatures[0].name} does not take {len(node.arguments)} arguments",
                node.at,
                f"it is {forms}",
            )
        if fitting[0].aggregate:
            return self._in_aggregate(node, lambda: self._call(fitting[0], node))
        return self._overloaded(fitting, node)

    def _overloaded(self, signatures: list[Function], node: FunctionCall) -> Value:
        """Call the first signature that the arguments fit."""
        values = [self.value(argument) for argument in node.arguments]
        for signature in signatures[:-1]:
            try:
                return _apply(signature, values, node)
            except Fault:
                continue
        return _apply(signatures[-1], values, node)

    def _call(self, function: Function, node: FunctionCall) -> Value:
        return _apply(function, [self.value(argument) for argument in node.arguments], node)

    def _geometry(self, node: GeometryCall) -> Value:
        arguments = tuple(self.value(argument) for argument in node.arguments)
        return self.geometry.call(node, arguments)

    def _in_aggregate(
        self, node: AggregateCall | FunctionCall, resolve: Callable[[], Value]
    ) -> Value:
        """Resolve a set function under the rules for where it may stand and what it may use."""
        scope = self.scope
        if scope.no_aggregates is not None:
            raise Fault(
                f"{node.name} cannot stand in {scope.no_aggregates}",
                node.at,
                "conditions on groups stand in HAVING" if scope.no_aggregates == "WHERE" else None,
            )
        if scope.in_aggregate:
            raise Fault(f"{node.name} cannot stand inside another set function", node.at)
        if scope.aggregated is None:
            scope.aggregated = node.at
        scope.in_aggregate = True
        scope.levels.clear()
        value = resolve()
        scope.in_aggregate = False
        if scope.levels == {"outer"}:
            raise Fault(f"{node.name} must use a column of its own query", node.at)
        return value

    def _aggregate(self, node: AggregateCall) -> Value:
        return self._in_aggregate(node, lambda: self._set_function(node))

    def _set_function(self, node: AggregateCall) -> Value:
        if node.argument is None:
            return Value("count(*)", Kind.LONG, PG_TYPES[Kind.LONG], _COUNT)
        argument = self.value(node.argument)
        at = node.argument.at
        distinct = "DISTINCT " if node.distinct else ""
        if node.name == "COUNT":
            sql = f"count({distinct}{settled(argument).sql})"
            return Value(sql, Kind.LONG, PG_TYPES[Kind.LONG], _COUNT)
        if node.name in ("MIN", "MAX"):
            return _extreme(node, settled(argument), distinct, at)
        return _sum_or_mean(node, argument, distinct, at)

    value_resolvers: ClassVar[dict[type, Callable[[Any, Any], Value]]] = {
        **Values.value_resolvers,
        FunctionCall: _function,
        GeometryCall: _geometry,
        AggregateCall: _aggregate,
    }


def _extreme(node: AggregateCall, argument: Value, distinct: str, at: int) -> Value:
    if argument.kind not in NUMBERS | TEXTS | {Kind.TIMESTAMP, Kind.NULL}:
        raise Fault(f"{named(argument.kind)} has no {node.name}", at)
    # min and max of a smallint or a real are of that type, of timestamp(3) they are timestamp.
    pg = PG_TYPES[argument.kind]
    about = metadata.statistic(node.name, argument)
    return Value(f"{node.name.lower()}({distinct}{argument.sql})", argument.kind, pg, about)


def _sum_or_mean(node: AggregateCall, argument: Value, distinct: str, at: int) -> Value:
    """Resolve SUM and AVG: sums of whole numbers are BIGINT, all else DOUBLE PRECISION."""
    if argument.kind is Kind.NULL:
        argument = as_kind(argument, Kind.DOUBLE, at)
    if argument.kind not in NUMBERS:
        raise Fault(f"{node.name} needs numbers, this is {named(argument.kind)}", at)
    about = metadata.statistic(node.name, argument)
    if node.name == "SUM" and argument.kind in INTEGERS:
        sql = f"sum({distinct}{argument.sql})"
        if argument.kind is Kind.LONG:
            sql = f"({sql})::bigint"  # PostgreSQL sums bigints as numeric
        return Value(sql, Kind.LONG, PG_TYPES[Kind.LONG], about)
    sql = f"{node.name.lower()}({distinct}{cast_sql(argument, 'double precision')})"
    return Value(sql, Kind.DOUBLE, PG_TYPES[Kind.DOUBLE], about)


def _apply(function: Function, values: list[Value], node: FunctionCall) -> Value:
    """Return a call of one signature.

    Raises
    ------
    Fault
        If an argument does not fit.
    """
    arguments = [
        _argument(parameter, value, argument, f"argument {number} of {function.name}")
        for number, (parameter, value, argument) in enumerate(
            zip(function.parameters, values, node.arguments, strict=True), start=1
        )
    ]
    if function.builder is not None:
        return function.builder(node, tuple(arguments))
    sql = function.sql.format(*(argument.sql for argument in arguments))
    kind = function.returns or arguments[0].kind
    about = metadata.about(function.unit, function.ucd)
    if function.carries is Carries.MAGNITUDE and arguments:
        about = metadata.magnitude(arguments[0])
    if function.condition:
        return Value(f"({sql})::integer", kind, PG_TYPES[kind], about, condition=sql)
    pg = PG_TYPES[kind] if function.array is None else f"{function.array}[]"
    return Value(sql, kind, pg, about or NOTHING)


def _argument(parameter: Parameter, value: Value, node: Expression, what: str) -> Value:
    if parameter.literal and not _is_literal(node):
        raise Fault(f"{what} must be a literal", node.at)
    accepts = parameter.accepts
    if isinstance(accepts, Kind):
        return as_kind(value, accepts, node.at, what)
    if accepts is Accepts.NUMBER:
        if value.kind in NUMBERS:
            return value
        return as_kind(value, Kind.DOUBLE, node.at, what)
    if accepts is Accepts.SHAPE:
        if value.kind not in SHAPES:
            raise Fault(f"{what} must be a shape, it is {named(value.kind)}", node.at)
        return value
    if accepts is Accepts.INTERVAL:
        return _interval(value, node, what)
    if isinstance(value.constant, String):
        return timestamp(value.constant.value, node.at)
    if value.pg == UNKNOWN or value.kind is Kind.NULL:
        return as_kind(value, Kind.TIMESTAMP, node.at)
    if value.kind not in TEXTS and value.kind is not Kind.TIMESTAMP:
        raise Fault(f"{what} must be a timestamp, it is {named(value.kind)}", node.at)
    return value


def _interval(value: Value, node: Expression, what: str) -> Value:
    """Return an interval as an array of double precision (DALI 1.1, section 3.3.4)."""
    pg = "double precision[]"
    if isinstance(value.constant, String):
        bounds = [quoted_number(bound, node.at).sql for bound in value.constant.value.split()]
        if len(bounds) != 2:
            raise Fault(f"{what} must be two numbers", node.at, "it is written as '1.5 2.5'")
        return Value(f"ARRAY[{', '.join(bounds)}]::{pg}", Kind.ARRAY, pg)
    if value.kind is Kind.NULL:
        return Value(f"NULL::{pg}", Kind.ARRAY, pg)
    if value.kind is not Kind.ARRAY:
        raise Fault(f"{what} must be an interval, it is {named(value.kind)}", node.at)
    return Value(cast_sql(value, pg), Kind.ARRAY, pg)


def _is_literal(node: Expression) -> bool:
    if isinstance(node, Sign):
        return isinstance(node.operand, Number)
    return isinstance(node, Number | String)
