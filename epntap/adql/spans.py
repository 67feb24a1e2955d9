"""Intervals of time in WHERE, said once more in words that an index serves.

Clients look for what happened in an interval by ``time_max >= a AND time_min <= b``. Each of these
is true for about half of a table, so that an index of either column is of no use. Together they are
a rectangle among the points (time_min, time_max), which the index of `udf.period` finds at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from epntap.adql.tree import (
    And,
    ColumnReference,
    Comparison,
    Expression,
    Number,
    String,
)
from epntap.adql.values import Kind, Value

#: Columns that the index is over (EPN-TAP 2.0, section 2.1.2), with which of them stands where.
_FIRST, _LAST = "time_min", "time_max"

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class _Limit:
    """A comparison of a time column with a literal.

    Attributes
    ----------
    owner
        SQL of the table that the column belongs to, with the dot behind it.
    column
        `_FIRST` or `_LAST`.
    is_lower
        Whether the column is above the literal.
    value
        The literal.
    """

    owner: str
    column: str
    is_lower: bool
    value: float


def span_conditions(where: Expression, resolve: Callable[[Expression], Value]) -> list[str]:
    """Return what the conditions of a query imply of the times that rows cover.

    Parameters
    ----------
    where
        The condition of WHERE.
    resolve
        Returns the value of a column.

    Returns
    -------
    list of str
        SQL of one condition for each table of which both a lower and an upper limit are given, of
        different columns; for limits of the same column its own index is enough. A row that meets
        `where` meets them, whatever its values: they may be joined to it by AND.
    """
    lower: dict[str, _Limit] = {}
    upper: dict[str, _Limit] = {}
    for limit in _limits(where, resolve):
        (lower if limit.is_lower else upper).setdefault(limit.owner, limit)
    return [
        _within(owner, limit, upper[owner])
        for owner, limit in lower.items()
        if owner in upper and upper[owner].column != limit.column
    ]


def _within(owner: str, above: _Limit, below: _Limit) -> str:
    """Return that a row's point lies right of or over one limit, and under or left of another."""
    corners = {_FIRST: ["-Infinity", "Infinity"], _LAST: ["-Infinity", "Infinity"]}
    corners[above.column][0] = repr(above.value)
    corners[below.column][1] = repr(below.value)
    low, high = (
        f"point('{first}'::float8, '{last}'::float8)"
        for first, last in zip(corners[_FIRST], corners[_LAST], strict=True)
    )
    return f'(udf.period({owner}"{_FIRST}", {owner}"{_LAST}") <@ box({high}, {low}))'


def _limits(node: Expression, resolve: Callable[[Expression], Value]) -> Iterator[_Limit]:
    """Yield the limits that hold for every row that meets a condition."""
    if isinstance(node, And):
        for operand in node.operands:
            yield from _limits(operand, resolve)
    elif isinstance(node, Comparison) and node.operator in _MIRRORED:
        yield from _limit(node.left, node.operator, node.right, resolve)
        yield from _limit(node.right, _MIRRORED[node.operator], node.left, resolve)


def _limit(
    left: Expression, operator: str, right: Expression, resolve: Callable[[Expression], Value]
) -> Iterator[_Limit]:
    number = _number(right)
    if number is None or not isinstance(left, ColumnReference):
        return
    if left.parts[-1].name.lower() not in (_FIRST, _LAST):
        return
    value = resolve(left)
    owner, _, quoted = value.sql.rpartition(".")
    column = quoted.strip('"')
    if value.kind is Kind.DOUBLE and owner and column in (_FIRST, _LAST):
        yield _Limit(f"{owner}.", column, operator in (">", ">="), number)


def _number(node: Expression) -> float | None:
    """Return the value of a literal, which clients put in quotes now and then."""
    if not isinstance(node, Number | String):
        return None
    try:
        number = float(node.value)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
