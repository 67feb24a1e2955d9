"""What all parts of the resolver share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from epntap.adql.errors import Fault
from epntap.adql.scope import Scope
from epntap.adql.statement import Resolved
from epntap.adql.tree import Cast, Expression, GeometryCall, Query
from epntap.adql.values import Value
from epntap.tables import TableSet

#: Characters of SQL that a query may become. What stands in GROUP BY or ORDER BY by its ordinal is
#: repeated there, so that a short query of nested groups could otherwise become a long one.
MAX_SQL = 4 << 20


def check_size(sql: str, at: int) -> None:
    """Check that translated SQL does not grow without bounds.

    Raises
    ------
    Fault
        If it is longer than `MAX_SQL`.
    """
    if len(sql) > MAX_SQL:
        raise Fault(f"the query becomes more than {MAX_SQL} characters of SQL", at)


class GeometryBackend(Protocol):
    """How a database computes geometry: what makes SQL of constructors and functions."""

    def call(self, node: GeometryCall, arguments: tuple[Value, ...]) -> Value:
        """Return the value of a geometry constructor or function.

        A predicate such as CONTAINS returns a value with a `condition`.

        Raises
        ------
        Fault
            If the arguments do not fit.
        """

    def cast(self, node: Cast, operand: Value) -> Value:
        """Return the value of a CAST to POINT, CIRCLE or POLYGON.

        Raises
        ------
        Fault
            If the operand is not text that spells one.
        """

    def near(self, points: tuple[str, ...], radius: str) -> str:
        """Return a condition for indexes that two points within a distance meet, or nothing."""


class Context(ABC):
    """The tables, the scope, and the way from any part of the resolver to the others.

    Parameters
    ----------
    tableset
        What queries may name.
    geometry
        Who makes SQL of geometry.
    """

    def __init__(self, tableset: TableSet, geometry: GeometryBackend) -> None:
        self.tableset = tableset
        self.geometry = geometry
        self.scope = Scope((), None)

    @abstractmethod
    def value(self, node: Expression) -> Value:
        """Resolve an expression that must be a value."""

    @abstractmethod
    def condition(self, node: Expression) -> str:
        """Resolve an expression that must be a condition; return SQL that stands in brackets."""

    @abstractmethod
    def cases(self, operand: Expression, whens: list[Expression]) -> tuple[str, list[str]]:
        """Resolve a value and those that it is compared with; return SQL of each."""

    @abstractmethod
    def subquery(self, query: Query) -> Resolved:
        """Resolve a query inside the present one."""
