"""Values: columns, literals, arithmetic, casts and cases of the tree, resolved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from epntap.adql import metadata
from epntap.adql.context import Context, check_size
from epntap.adql.conversion import (
    as_kind,
    cast_sql,
    common_kind,
    in_common,
    null,
    number,
    quoted_number,
    settled,
    string,
    text_sql,
    timestamp,
)
from epntap.adql.errors import Fault
from epntap.adql.tree import (
    Arithmetic,
    Case,
    Cast,
    ColumnReference,
    Concatenation,
    Expression,
    Null,
    Number,
    ScalarQuery,
    Sign,
    String,
)
from epntap.adql.units import conversion_factor
from epntap.adql.values import (
    INTEGERS,
    NOTHING,
    NUMBERS,
    PG_TYPES,
    TEXTS,
    Kind,
    Value,
    named,
)

_CAST_KINDS = {
    "INTEGER": Kind.INT,
    "SMALLINT": Kind.SHORT,
    "BIGINT": Kind.LONG,
    "REAL": Kind.FLOAT,
    "DOUBLE": Kind.DOUBLE,
    "CHAR": Kind.TEXT,
    "VARCHAR": Kind.TEXT,
    "TIMESTAMP": Kind.TIMESTAMP,
}


class Values(Context):
    """The part of the resolver for expressions that are values."""

    def value(self, node: Expression) -> Value:
        """Resolve an expression that must be a value.

        Raises
        ------
        Fault
            If it is a condition, or anything in it is wrong.
        """
        resolver = self.value_resolvers.get(type(node))
        if resolver is None:
            raise Fault(
                "a condition stands where a value is wanted",
                node.at,
                "CASE WHEN condition THEN 1 ELSE 0 END makes a value of it",
            )
        ungrouped = self.scope.ungrouped
        before = len(ungrouped)
        value: Value = resolver(self, node)
        check_size(value.sql, node.at)
        if before != len(ungrouped) and value.sql in self.scope.groups:
            del ungrouped[before:]
        return value

    def number_value(self, node: Expression, what: str) -> Value:
        """Resolve an expression that must be a number.

        Raises
        ------
        Fault
            If it is none.
        """
        value = self.value(node)
        if value.kind is Kind.NULL:
            return as_kind(value, Kind.DOUBLE, node.at)
        if isinstance(value.constant, String):
            return quoted_number(value.constant.value, node.at)
        if value.kind not in NUMBERS:
            raise Fault(f"{what} must be a number, it is {named(value.kind)}", node.at)
        return value

    def _number(self, node: Number) -> Value:
        return number(node.value, node)

    def _string(self, node: String) -> Value:
        return string(node)

    def _null(self, node: Null) -> Value:
        return null(node)

    def _column(self, node: ColumnReference) -> Value:
        return self.scope.column(node)

    def _scalar(self, node: ScalarQuery) -> Value:
        query = self.subquery(node.query)
        if len(query.outputs) != 1:
            raise Fault(
                f"a query that is used as a value gives one column, this one {len(query.outputs)}",
                node.at,
            )
        output = settled(query.outputs[0].value)

        def column(_index: int, value: Value) -> str:
            return settled(value).sql

        return Value(f"({query.render(column)})", output.kind, output.pg, output.about, output.bare)

    def _sign(self, node: Sign) -> Value:
        operand = self.number_value(node.operand, "what follows a sign")
        if node.operator == "+":
            return operand
        if isinstance(operand.constant, Number):
            return number(-operand.constant.value)
        about = metadata.about(operand.about.unit, operand.about.ucd)
        return Value(f"(- {operand.sql})", operand.kind, operand.pg, about)

    def _arithmetic(self, node: Arithmetic) -> Value:
        """Resolve a chain of + and -, or of * and /, in the order in which it is written."""
        left = self.number_value(node.first, "the left side of an arithmetic sign")
        parts: list[str] = []
        for operator, operand in node.rest:
            right = self.number_value(operand, f"the right side of {operator}")
            kind = _arithmetic_kind(left.kind, right.kind)
            # PostgreSQL would compute two smallints as a smallint, and overflow.
            short = left.kind is Kind.SHORT and right.kind is Kind.SHORT
            right_sql = cast_sql(right, "integer") if short else right.sql
            if not parts:
                parts.append(left.sql)
            parts += [operator, right_sql]
            about = _COMBINED[operator](operator, left, right)
            both = left.constant is not None and right.constant is not None
            constant = left.constant if both else None
            left = Value("", kind, PG_TYPES[kind], about, constant=constant)
        return Value(f"({' '.join(parts)})", left.kind, left.pg, left.about)

    def _concatenation(self, node: Concatenation) -> Value:
        values = [self.value(operand) for operand in node.operands]
        parts = [
            text_sql(value, operand.at)
            for value, operand in zip(values, node.operands, strict=True)
        ]
        about = metadata.text_of(NOTHING, values)
        return Value(f"({' || '.join(parts)})", Kind.TEXT, "text", about)

    def _case(self, node: Case) -> Value:
        """Resolve CASE: all results in one kind, NULL where no branch holds."""
        nodes = [result for _, result in node.branches]
        if node.otherwise is not None:
            nodes.append(node.otherwise)
        operand: str | None = None
        if node.operand is None:
            conditions = [self.condition(when) for when, _ in node.branches]
        else:
            operand, conditions = self.cases(node.operand, [when for when, _ in node.branches])
        results, value = self.unified(nodes, node.at, "the results of CASE")
        sql = " ".join(
            f"WHEN {condition} THEN {result}"
            for condition, result in zip(conditions, results, strict=False)
        )
        start = "" if operand is None else f"{operand} "
        otherwise = f" ELSE {results[-1]}" if node.otherwise is not None else ""
        return Value(f"(CASE {start}{sql}{otherwise} END)", value.kind, value.pg, value.about)

    def coalesce(self, arguments: tuple[Expression, ...], at: int) -> Value:
        """Resolve COALESCE.

        Raises
        ------
        Fault
            If it has no argument, or they are of kinds that have nothing in common.
        """
        if not arguments:
            raise Fault("COALESCE needs at least one argument", at)
        parts, value = self.unified(list(arguments), at, "the arguments of COALESCE")
        return Value(f"COALESCE({', '.join(parts)})", value.kind, value.pg, value.about)

    def unified(self, nodes: list[Expression], at: int, what: str) -> tuple[list[str], Value]:
        """Resolve expressions into one kind.

        Returns
        -------
        tuple
            Their SQL, and a value with the kind and metadata that a choice among them has.

        Raises
        ------
        Fault
            If they have no kind in common.
        """
        values = [self.value(node) for node in nodes]
        kind = common_kind(values, at, what)
        pg = common_pg(kind, values)
        parts = [
            in_common(value, kind, pg, node.at) for value, node in zip(values, nodes, strict=True)
        ]
        return parts, Value("", kind, pg, metadata.agreed(values))

    def in_unit(self, arguments: tuple[Expression, ...], at: int) -> Value:
        """Resolve ``IN_UNIT(expression, 'unit')`` to a multiplication.

        Raises
        ------
        Fault
            If the expression has no unit, or the units do not go together.
        """
        if len(arguments) != 2 or not isinstance(arguments[1], String):
            raise Fault("IN_UNIT takes an expression and a literal unit", at)
        value = self.number_value(arguments[0], "argument 1 of IN_UNIT")
        if not value.about.unit:
            raise Fault("the unit of argument 1 of IN_UNIT is not known", arguments[0].at)
        target = arguments[1].value
        factor = conversion_factor(value.about.unit, target, arguments[1].at)
        known = metadata.magnitude(value)
        sql = f"({cast_sql(value, 'double precision')} * {factor!r}::double precision)"
        about = metadata.about(target, known.ucd, known.description)
        return Value(sql, Kind.DOUBLE, PG_TYPES[Kind.DOUBLE], about)

    def _cast(self, node: Cast) -> Value:
        operand = self.value(node.operand)
        kind = _CAST_KINDS.get(node.target)
        if kind is None:
            return self.geometry.cast(node, operand)
        if kind is Kind.TEXT:
            sql = _sized_text(text_sql(operand, node.operand.at), node)
            about = metadata.about(None, operand.about.ucd, operand.about.description)
            about = metadata.text_of(about, [operand])
            return Value(f"({sql})", kind, "text", about)
        return _cast_to(operand, kind, node)

    value_resolvers: ClassVar[dict[type, Callable[[Any, Any], Value]]] = {
        Number: _number,
        String: _string,
        Null: _null,
        ColumnReference: _column,
        ScalarQuery: _scalar,
        Sign: _sign,
        Arithmetic: _arithmetic,
        Concatenation: _concatenation,
        Case: _case,
        Cast: _cast,
    }


def _sized_text(sql: str, node: Cast) -> str:
    """Return text of the length that CAST names; CHAR without one is CHAR(1) (SQL-92, 6.1).

    PostgreSQL's own ``character`` would lose its blanks again where it meets text.
    """
    if node.target == "CHAR":
        return f"rpad({sql}, {node.length or 1})"
    return sql if node.length is None else f"(({sql})::varchar({node.length}))::text"


def _cast_to(operand: Value, kind: Kind, node: Cast) -> Value:
    """Convert to a number or a timestamp; text is read when the query runs, literals now."""
    pg = PG_TYPES[kind]
    at = node.operand.at
    if operand.kind is Kind.NULL:
        return as_kind(operand, kind, at)
    if isinstance(operand.constant, String):
        if kind is Kind.TIMESTAMP:
            return timestamp(operand.constant.value, at)
        operand = quoted_number(operand.constant.value, at)
    of_time = kind is Kind.TIMESTAMP
    allowed = operand.kind in TEXTS or (
        operand.kind is Kind.TIMESTAMP if of_time else operand.kind in NUMBERS
    )
    if not allowed:
        raise Fault(f"{named(operand.kind)} cannot be cast to {node.target}", at)
    if isinstance(operand.constant, Number):
        _check_range(operand.constant.value, kind, at)
    about = NOTHING if operand.kind in TEXTS else metadata.magnitude(operand)
    return Value(cast_sql(operand, pg), kind, pg, about)


def _check_range(value: int | float, kind: Kind, at: int) -> None:
    """Refuse literals that PostgreSQL would refuse when it folds the cast."""
    bits = {Kind.SHORT: 15, Kind.INT: 31, Kind.LONG: 63}.get(kind)
    if bits is not None and not -(2**bits) <= round(value) < 2**bits:
        raise Fault(f"{value} is beyond the range of {kind.value}", at)
    if kind is Kind.FLOAT and value and not 1.2e-38 < abs(value) < 3.4e38:
        raise Fault(f"{value} is beyond the range of {kind.value}", at)


def common_pg(kind: Kind, values: list[Value]) -> str:
    """Return the PostgreSQL type in which values of a common kind stand together."""
    if kind in PG_TYPES and kind not in (Kind.POINT, Kind.CIRCLE, Kind.POLYGON):
        return PG_TYPES[kind]
    return next(value.pg for value in values if value.kind is kind)


def _arithmetic_kind(left: Kind, right: Kind) -> Kind:
    if left in INTEGERS and right in INTEGERS:
        return Kind.LONG if Kind.LONG in (left, right) else Kind.INT
    return Kind.FLOAT if left is Kind.FLOAT and right is Kind.FLOAT else Kind.DOUBLE


_COMBINED: dict[str, Callable[[str, Value, Value], Any]] = {
    "+": metadata.sum_or_difference,
    "-": metadata.sum_or_difference,
    "*": lambda _, left, right: metadata.product(left, right),
    "/": lambda _, left, right: metadata.quotient(left, right),
}
