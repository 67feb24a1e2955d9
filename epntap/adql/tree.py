"""What a query says: the nodes that the parser makes.

Every node knows its place in the text (`at`, an offset), which does not count when nodes are
compared. Chains of ``AND``, ``OR``, ``+ -``, ``* /`` and ``||`` are flat nodes, so that a query of
ten thousand terms is no deeper than one of two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


def _place() -> int:
    return field(compare=False, default=0, kw_only=True)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A name; delimited ones (in double quotes) are compared with case."""

    name: str
    delimited: bool = False
    at: int = _place()

    def matches(self, name: str) -> bool:
        """Whether the identifier means the given name."""
        return name == self.name if self.delimited else name.lower() == self.name.lower()

    def __str__(self) -> str:
        return f'"{self.name}"' if self.delimited else self.name


@dataclass(frozen=True, slots=True)
class Number:
    """An unsigned number; a sign is a `Sign` around it."""

    value: int | float
    at: int = _place()


@dataclass(frozen=True, slots=True)
class String:
    """A string literal without its quotes."""

    value: str
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Null:
    """The literal ``NULL``."""

    at: int = _place()


@dataclass(frozen=True, slots=True)
class ColumnReference:
    """A column: ``column``, ``table.column`` or ``schema.table.column``."""

    parts: tuple[Identifier, ...]
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Sign:
    """A unary ``+`` or ``-``."""

    operator: str
    operand: Expression
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A chain of one precedence, ``first op operand op operand``, from left to right."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Strings joined by ``||``."""

    operands: tuple[Expression, ...]
    at: int = _place()


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function of the language or one defined by the service; the name as written."""

    name: str
    arguments: tuple[Expression, ...]
    at: int = _place()


@dataclass(frozen=True, slots=True)
class AggregateCall:
    """``COUNT(*)`` (without an argument) or a set function of an expression."""

    name: str
    argument: Expression | None
    distinct: bool = False
    at: int = _place()


@dataclass(frozen=True, slots=True)
class GeometryCall:
    """A constructor or function of geometry.

    Attributes
    ----------
    name
        In upper case.
    frame
        The deprecated first argument of a constructor, or ``None``; it has no meaning.
    """

    name: str
    frame: str | None
    arguments: tuple[Expression, ...]
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Cast:
    """``CAST(operand AS target)``; the target in upper case, its length where one is given."""

    operand: Expression
    target: str
    length: int | None = None
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Case:
    """``CASE``, searched (no operand: branches start with conditions) or simple."""

    operand: Expression | None
    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None
    at: int = _place()


@dataclass(frozen=True, slots=True)
class ScalarQuery:
    """A query in brackets as a value."""

    query: Query
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values and one of ``= <> < > <= >=``."""

    operator: str
    left: Expression
    right: Expression
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Between:
    """``value [NOT] BETWEEN low AND high``."""

    value: Expression
    low: Expression
    high: Expression
    negated: bool = False
    at: int = _place()


@dataclass(frozen=True, slots=True)
class InList:
    """``value [NOT] IN (item, …)``."""

    value: Expression
    items: tuple[Expression, ...]
    negated: bool = False
    at: int = _place()


@dataclass(frozen=True, slots=True)
class InQuery:
    """``value [NOT] IN (query)``."""

    value: Expression
    query: Query
    negated: bool = False
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Like:
    """``value [NOT] LIKE pattern``, or ``ILIKE``."""

    value: Expression
    pattern: Expression
    negated: bool = False
    ignore_case: bool = False
    at: int = _place()


@dataclass(frozen=True, slots=True)
class IsNull:
    """``value IS [NOT] NULL``."""

    value: Expression
    negated: bool = False
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Exists:
    """``EXISTS (query)``."""

    query: Query
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Not:
    """A condition turned round."""

    operand: Expression
    at: int = _place()


@dataclass(frozen=True, slots=True)
class And:
    """Two or more conditions that must all hold."""

    operands: tuple[Expression, ...]
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more conditions of which one must hold."""

    operands: tuple[Expression, ...]
    at: int = _place()


Expression: TypeAlias = (
    Number
    | String
    | Null
    | ColumnReference
    | Sign
    | Arithmetic
    | Concatenation
    | FunctionCall
    | AggregateCall
    | GeometryCall
    | Cast
    | Case
    | ScalarQuery
    | Comparison
    | Between
    | InList
    | InQuery
    | Like
    | IsNull
    | Exists
    | Not
    | And
    | Or
)


@dataclass(frozen=True, slots=True)
class Star:
    """``*`` or ``table.*`` in a select list."""

    qualifier: tuple[Identifier, ...] = ()
    at: int = _place()


@dataclass(frozen=True, slots=True)
class SelectItem:
    """An expression of a select list and its alias."""

    expression: Expression
    alias: Identifier | None = None
    at: int = _place()


@dataclass(frozen=True, slots=True)
class TableReference:
    """A table by name: ``table`` or ``schema.table``; `sample` is the part to read, in percent."""

    parts: tuple[Identifier, ...]
    alias: Identifier | None = None
    sample: float | None = None
    at: int = _place()


@dataclass(frozen=True, slots=True)
class DerivedTable:
    """A query in FROM, with the alias that it must have."""

    query: Query
    alias: Identifier
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Join:
    """Two sources joined.

    Attributes
    ----------
    kind
        ``INNER``, ``LEFT``, ``RIGHT`` or ``FULL``.
    condition, using
        One of them is given unless the join is natural.
    """

    kind: str
    left: Source
    right: Source
    natural: bool = False
    condition: Expression | None = None
    using: tuple[Identifier, ...] = ()
    at: int = _place()


Source: TypeAlias = TableReference | DerivedTable | Join


@dataclass(frozen=True, slots=True)
class Select:
    """One SELECT, without what orders its rows."""

    items: tuple[Star | SelectItem, ...]
    sources: tuple[Source, ...]
    distinct: bool = False
    top: int | None = None
    where: Expression | None = None
    group: tuple[Expression, ...] = ()
    having: Expression | None = None
    at: int = _place()


@dataclass(frozen=True, slots=True)
class SetOperation:
    """``UNION``, ``EXCEPT`` or ``INTERSECT`` of two queries."""

    operator: str
    all: bool
    left: Body
    right: Body
    at: int = _place()


@dataclass(frozen=True, slots=True)
class OrderItem:
    """An expression, alias or ordinal to sort by."""

    expression: Expression
    descending: bool = False
    at: int = _place()


@dataclass(frozen=True, slots=True)
class CommonTable:
    """A named query of WITH; `columns` rename its columns when they are given."""

    name: Identifier
    columns: tuple[Identifier, ...]
    query: Query
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query: its rows, their order, and the named queries it may use."""

    body: Body
    order: tuple[OrderItem, ...] = ()
    offset: int | None = None
    common: tuple[CommonTable, ...] = ()
    at: int = _place()


Body: TypeAlias = Select | SetOperation | Query
