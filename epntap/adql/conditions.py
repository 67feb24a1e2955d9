"""Conditions: comparisons and what combines them, resolved to SQL truth values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from epntap.adql.calls import Calls
from epntap.adql.conversion import (
    number_sql,
    quote_string,
    quoted_number,
    settled,
    timestamp,
)
from epntap.adql.errors import Fault
from epntap.adql.tree import (
    And,
    Between,
    Comparison,
    Exists,
    Expression,
    InList,
    InQuery,
    IsNull,
    Like,
    Not,
    Number,
    Or,
    String,
)
from epntap.adql.values import NUMBERS, SHAPES, TEXTS, UNKNOWN, Kind, Value, named


class Conditions(Calls):
    """The part of the resolver for expressions that are conditions."""

    def condition(self, node: Expression) -> str:
        """Resolve an expression that must be a condition; the SQL stands in brackets.

        Raises
        ------
        Fault
            If it is a value, or anything in it is wrong.
        """
        resolver = _RESOLVERS.get(type(node))
        if resolver is None:
            value = self.value(node)
            hint = "compare the result with 1 or 0" if value.condition else None
            raise Fault("a value stands where a condition is wanted", node.at, hint)
        sql: str = resolver(self, node)
        return sql

    def _and(self, node: And) -> str:
        return f"({' AND '.join([self.condition(operand) for operand in node.operands])})"

    def _or(self, node: Or) -> str:
        return f"({' OR '.join([self.condition(operand) for operand in node.operands])})"

    def _not(self, node: Not) -> str:
        return f"(NOT {self.condition(node.operand)})"

    def _comparison(self, node: Comparison) -> str:
        left, right = self.value(node.left), self.value(node.right)
        if node.operator in ("=", "<>"):
            predicate = _predicate(left, right) or _predicate(right, left)
            if predicate is not None:
                condition, wanted = predicate
                positive = wanted == (node.operator == "=")
                return f"({condition})" if positive else f"(NOT ({condition}))"
        one, other = comparable(left, right, node.left.at, node.right.at)
        sql = f"({one} {node.operator} {other})"
        if left.parts and node.operator in ("<", "<="):
            return self._narrowed(left, other, sql)
        if right.parts and node.operator in (">", ">="):
            return self._narrowed(right, one, sql)
        return sql

    def _narrowed(self, distance: Value, limit: str, sql: str) -> str:
        """Return an upper limit of a distance with a condition that indexes serve before it."""
        coarse = self.geometry.near(distance.parts, limit)
        return f"({coarse} AND {sql})" if coarse else sql

    def cases(self, operand: Expression, whens: list[Expression]) -> tuple[str, list[str]]:
        """Resolve the operand of a simple CASE and the values that it is compared with."""
        value = settled(self.value(operand))
        return value.sql, [self._alike(value, when, operand.at) for when in whens]

    def _alike(self, value: Value, node: Expression, at: int) -> str:
        """Resolve what a value is compared with, where the value itself stands only once."""
        one, other = comparable(value, self.value(node), at, node.at)
        if one != value.sql:
            raise Fault("the values here are of different types", node.at, "convert with CAST")
        return other

    def _between(self, node: Between) -> str:
        value, low, high = self.value(node.value), self.value(node.low), self.value(node.high)
        at = node.value.at
        lower, low_sql = comparable(value, low, at, node.low.at)
        upper, high_sql = comparable(value, high, at, node.high.at)
        negated = "NOT " if node.negated else ""
        if lower == upper:
            sql = f"({lower} {negated}BETWEEN {low_sql} AND {high_sql})"
            return self._narrowed(value, high_sql, sql) if value.parts and not negated else sql
        if value.constant is None:
            raise Fault("the limits of BETWEEN are of different types", node.low.at)
        return f"({negated}({lower} >= {low_sql} AND {upper} <= {high_sql}))"

    def _in_list(self, node: InList) -> str:
        value = self.value(node.value)
        if value.pg == UNKNOWN:
            value = settled(value)
        items = _plain_items(value, node.items)
        if items is None:
            items = [self._alike(value, item, node.value.at) for item in node.items]
        negated = "NOT " if node.negated else ""
        return f"({value.sql} {negated}IN ({', '.join(items)}))"

    def _in_query(self, node: InQuery) -> str:
        value = self.value(node.value)
        query = self.subquery(node.query)
        if len(query.outputs) != 1:
            raise Fault(
                f"the query of IN gives one column, this one {len(query.outputs)}", node.query.at
            )
        output = settled(query.outputs[0].value)
        # Literals have been given a type by the query; only their kind counts here.
        left, _ = comparable(
            settled(value) if value.constant is None else value,
            Value("x", output.kind, output.pg),
            node.value.at,
            node.query.at,
        )
        negated = "NOT " if node.negated else ""
        nothing = output.kind is Kind.NULL and value.pg != UNKNOWN

        def column(_index: int, item: Value) -> str:
            # A column of NULLs has no type of its own, PostgreSQL would take it for text.
            return f"({item.sql})::{value.pg}" if nothing else settled(item).sql

        return f"({left} {negated}IN ({query.render(column)}))"

    def _like(self, node: Like) -> str:
        value = self._text(node.value, "what LIKE compares")
        pattern = self._text(node.pattern, "the pattern of LIKE")
        operator = "ILIKE" if node.ignore_case else "LIKE"
        negated = "NOT " if node.negated else ""
        # ADQL knows no escape character, PostgreSQL takes \ for one.
        if isinstance(pattern.constant, String):
            sql = quote_string(pattern.constant.value.replace("\\", "\\\\"))
        else:
            sql = f"{pattern.sql} ESCAPE ''"
        return f"({value.sql} {negated}{operator} {sql})"

    def _text(self, node: Expression, what: str) -> Value:
        value = self.value(node)
        if value.kind not in TEXTS and value.kind is not Kind.NULL:
            raise Fault(f"{what} must be text, it is {named(value.kind)}", node.at)
        return settled(value)

    def _is_null(self, node: IsNull) -> str:
        value = settled(self.value(node.value))
        return f"({value.sql} IS {'NOT ' if node.negated else ''}NULL)"

    def _exists(self, node: Exists) -> str:
        query = self.subquery(node.query)
        return f"(EXISTS ({query.render(lambda _, item: settled(item).sql)}))"


_RESOLVERS: dict[type, Callable[[Any, Any], str]] = {
    And: Conditions._and,
    Or: Conditions._or,
    Not: Conditions._not,
    Comparison: Conditions._comparison,
    Between: Conditions._between,
    InList: Conditions._in_list,
    InQuery: Conditions._in_query,
    Like: Conditions._like,
    IsNull: Conditions._is_null,
    Exists: Conditions._exists,
}


def _predicate(call: Value, other: Value) -> tuple[str, bool] | None:
    """Return the truth value of a function that says 1 or 0, and which of them is wanted."""
    if call.condition is None or not isinstance(other.constant, Number):
        return None
    if other.constant.value not in (0, 1):
        return None
    return call.condition, other.constant.value == 1


def _plain_items(value: Value, items: tuple[Expression, ...]) -> list[str] | None:
    """Return SQL of a list that is all numbers or all strings, without a look at each kind.

    Lists of ten thousand identifiers are common.
    """
    if value.kind in NUMBERS:
        numbers = [number_sql(item.value) for item in items if type(item) is Number]
        return numbers if len(numbers) == len(items) else None
    if value.kind in TEXTS:
        strings = [quote_string(item.value) for item in items if type(item) is String]
        return strings if len(strings) == len(items) else None
    return None


def comparable(left: Value, right: Value, left_at: int, right_at: int) -> tuple[str, str]:
    """Return SQL of two values such that PostgreSQL can compare them as ADQL means it.

    A literal string beside a number is that number, beside a timestamp a timestamp.

    Raises
    ------
    Fault
        If values of their kinds cannot be compared.
    """
    if left.kind in NUMBERS and right.kind in NUMBERS:
        return left.sql, right.sql
    for value, at in ((left, left_at), (right, right_at)):
        if value.kind not in _ORDERED:
            raise Fault(
                f"{named(value.kind)} cannot be compared",
                at,
                "compare distances or use CONTAINS" if value.kind in SHAPES else None,
            )
    left = _like_other(left, right, left_at)
    right = _like_other(right, left, right_at)
    families = {_ORDERED[left.kind], _ORDERED[right.kind]} - {"NULL"}
    if len(families) > 1:
        hint = "CAST(… AS TIMESTAMP) makes a timestamp of text" if "time" in families else None
        raise Fault(
            f"{named(left.kind)} cannot be compared with {named(right.kind)}", right_at, hint
        )
    return _typed_null(left, right).sql, _typed_null(right, left).sql


#: Kinds that have an order, and which can be compared with which.
_ORDERED = {
    **dict.fromkeys(NUMBERS, "number"),
    **dict.fromkeys(TEXTS, "text"),
    Kind.TIMESTAMP: "time",
    Kind.NULL: "NULL",
}


def _like_other(value: Value, other: Value, at: int) -> Value:
    """Read a literal string as what it is compared with."""
    if not isinstance(value.constant, String):
        return value
    if other.kind in NUMBERS:
        return quoted_number(value.constant.value, at)
    if other.kind is Kind.TIMESTAMP:
        return timestamp(value.constant.value, at)
    return value


def _typed_null(value: Value, other: Value) -> Value:
    """Give a NULL that has become text the type of what it is compared with."""
    if value.kind is not Kind.NULL or value.pg == UNKNOWN or other.pg == UNKNOWN:
        return value
    if other.kind is Kind.NULL or other.kind in TEXTS:
        return value
    return Value(f"({value.sql})::{other.pg}", other.kind, other.pg)
