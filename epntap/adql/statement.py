"""The resolved query, and the SQL that is made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from epntap.adql import metadata
from epntap.adql.conversion import in_common, quote_name
from epntap.adql.values import TEXTS, UNKNOWN, Kind, Value, describe, result_type
from epntap.tables import Column

#: Makes SQL of the value of an output column, given its index.
Renderer = Callable[[int, Value], str]


class Output(NamedTuple):
    """A column that a query gives.

    Attributes
    ----------
    name
        As it can be referred to.
    label
        As it is called in SQL and in results: the name, made unique.
    value
        Its expression; for a set operation that of the left operand, of the common kind.
    """

    name: str
    label: str
    value: Value


@dataclass(frozen=True, slots=True)
class Wired:
    """How output columns leave the database.

    Attributes
    ----------
    columns
        The FIELDs of the result.
    types
        PostgreSQL types that they are sent as.
    casts
        Whether any column, other than a literal, has another type in the query.
    """

    columns: tuple[Column, ...]
    types: tuple[str, ...]
    casts: bool


class Outputs(tuple[Output, ...]):
    """The columns that a query gives, with how they leave the database once that was asked for.

    Those of a whole table are made once for many queries.
    """

    @cached_property
    def wired(self) -> Wired:
        """What becomes of them in the outermost query."""
        columns = tuple([describe(value, label) for _, label, value in self])
        types = tuple([result_type(column) for column in columns])
        casts = any(
            value.pg != target and value.constant is None
            for (_, _, value), target in zip(self, types, strict=True)
        )
        return Wired(columns, types, casts)


@dataclass(frozen=True, slots=True)
class SortKey:
    """What to sort by: SQL, and the ordinal of an output if it is one.

    NULLs come where PostgreSQL has them by default, as if they were the largest values.
    """

    sql: str
    descending: bool
    ordinal: int | None = None

    def render(self, *, by_ordinal: bool) -> str:
        """Return SQL, which is the ordinal where that is wanted and there is one."""
        key = str(self.ordinal) if by_ordinal and self.ordinal is not None else self.sql
        return f"{key} DESC" if self.descending else key


@dataclass(frozen=True, slots=True)
class ResolvedSelect:
    """One SELECT; `tail` is its SQL from FROM on, without what orders and cuts its rows."""

    outputs: tuple[Output, ...]
    tail: str
    distinct: bool
    top: int | None

    def render(self, column: Renderer) -> str:
        """Return SQL without what orders and cuts the rows."""
        items = ", ".join(
            [
                f"{column(index, value)} AS {quote_name(label)}"
                for index, (_, label, value) in enumerate(self.outputs)
            ]
        )
        return f"SELECT {'DISTINCT ' if self.distinct else ''}{items}{self.tail}"


@dataclass(frozen=True, slots=True)
class ResolvedSet:
    """Two queries combined; `types` are the kinds and PostgreSQL types of its columns.

    The outputs are those of the left operand, except that text is ``unicodeChar`` if that of
    either operand is.
    """

    outputs: tuple[Output, ...]
    operator: str
    left: Body
    right: Body
    types: tuple[tuple[Kind, str, int], ...]

    def __post_init__(self) -> None:
        """Let both operands say what text the outputs are."""
        combined = zip(self.outputs, self.left.outputs, self.right.outputs, strict=True)
        outputs = tuple(
            Output(output.name, output.label, _either(output.value, [one.value, other.value]))
            for output, one, other in combined
        )
        object.__setattr__(self, "outputs", outputs)

    def render(self, column: Renderer) -> str:
        """Return SQL; `column` has no say, for the operands must agree among themselves."""
        return f"{self._operand(self.left)} {self.operator} {self._operand(self.right)}"

    def _operand(self, operand: Body) -> str:
        def common(index: int, value: Value) -> str:
            return in_common(value, *self.types[index])

        if isinstance(operand, ResolvedSet):
            return f"({self._converted(operand, common)})"
        if isinstance(operand, Resolved):
            return f"({operand.render(common)})"
        sql = operand.render(common)
        return f"({sql}{cut(operand.top, None)})"

    def _converted(self, operand: ResolvedSet, common: Renderer) -> str:
        fits = all(
            output.value.pg == pg
            for output, (_, pg, _) in zip(operand.outputs, self.types, strict=True)
        )
        return operand.render(common) if fits else wrapped(operand, common)


def _either(value: Value, operands: list[Value]) -> Value:
    if value.kind not in TEXTS:
        return value
    return value._replace(about=metadata.text_of(value.about, operands))


@dataclass(frozen=True, slots=True)
class Resolved:
    """A whole query: its rows, their order, and the queries that WITH names."""

    body: Body
    order: tuple[SortKey, ...] = ()
    offset: int | None = None
    common: tuple[str, ...] = ()

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The columns of the result."""
        return self.body.outputs

    def render(self, column: Renderer, limit: int | None = None, *, by_ordinal: bool = True) -> str:
        """Return SQL of the query, of at most `limit` rows.

        Outputs are sorted by their ordinals, unless `column` changes them in ways that would
        change the order.
        """
        top = self.body.top if isinstance(self.body, ResolvedSelect) else None
        if limit is not None:
            top = limit if top is None else min(top, limit)
        return f"{self._head()}{self._rows(column)}{self._order(by_ordinal)}{cut(top, self.offset)}"

    def _head(self) -> str:
        return f"WITH {', '.join(self.common)} " if self.common else ""

    def _rows(self, column: Renderer) -> str:
        if isinstance(self.body, Resolved):
            return f"({self.body.render(column)})"
        return self.body.render(column)

    def _order(self, by_ordinal: bool) -> str:
        if not self.order:
            return ""
        return f" ORDER BY {', '.join([key.render(by_ordinal=by_ordinal) for key in self.order])}"

    def sorts_outputs(self) -> bool:
        """Whether what is sorted or compared are the outputs, so that no cast may touch them."""
        return not isinstance(self.body, ResolvedSelect) or self.body.distinct


Body = ResolvedSelect | ResolvedSet | Resolved


def cut(top: int | None, offset: int | None) -> str:
    """Return LIMIT and OFFSET; TOP counts the rows behind the offset (ADQL 2.1, 4.8)."""
    sql = "" if top is None else f" LIMIT {top}"
    return sql if offset is None else f"{sql} OFFSET {offset}"


def plain(_index: int, value: Value) -> str:
    """Render a column inside a statement: as it is, but never of unknown type."""
    return f"{value.sql}::text" if value.pg == UNKNOWN else value.sql


def wrapped(body: Body, column: Renderer, limit: int | None = None) -> str:
    """Return a query around a query that converts its columns and leaves its rows as they are."""
    inner = body.render(plain, limit) if isinstance(body, Resolved) else body.render(plain)
    items = ", ".join(
        f"{column(index, value)} AS {quote_name(output.label)}"
        for index, output in enumerate(body.outputs)
        for value in [_outside(output)]
    )
    # PostgreSQL keeps the order of a subquery that sorts when nothing outside sorts, groups or
    # joins; it never merges such a subquery into the outer one.
    return f"SELECT {items} FROM ({inner}) AS q"


def _outside(output: Output) -> Value:
    value = output.value
    pg = "text" if value.pg == UNKNOWN else value.pg
    return Value(f"q.{quote_name(output.label)}", value.kind, pg, value.about, value.bare)


def wire_sql(value: Value, target: str) -> str:
    """Return SQL of a result column in the type that its FIELD declares."""
    if value.pg == target:
        return value.sql
    if value.kind is Kind.TIMESTAMP:
        return f"replace(({value.sql})::text, ' ', 'T')"
    if value.constant is not None:
        return f"{value.sql}::{target}"
    return f"({value.sql})::{target}"


def emit(query: Resolved, limit: int | None) -> tuple[str, tuple[Column, ...]]:
    """Return the SQL of the outermost query and the columns of its result.

    Parameters
    ----------
    limit
        Rows to fetch at most, or ``None``.
    """
    outputs = query.outputs
    wired = outputs.wired if isinstance(outputs, Outputs) else Outputs(outputs).wired
    types = wired.types

    def wire(index: int, value: Value) -> str:
        target = types[index]
        return value.sql if value.pg == target else wire_sql(value, target)

    if wired.casts and query.sorts_outputs():
        return wrapped(query, wire, limit), wired.columns
    return query.render(wire, limit, by_ordinal=not wired.casts), wired.columns
