"""Expressions: tokens to tree by recursive descent with operator precedence."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

from epntap.adql.cursor import QUERY_DEPTH, Cursor
from epntap.adql.errors import Fault
from epntap.adql.lexer import DELIMITED, INTEGER, NAME, REAL, STRING
from epntap.adql.tree import (
    AggregateCall,
    And,
    Arithmetic,
    Between,
    Body,
    Case,
    Cast,
    ColumnReference,
    Comparison,
    Concatenation,
    Exists,
    Expression,
    FunctionCall,
    GeometryCall,
    Identifier,
    InList,
    InQuery,
    IsNull,
    Like,
    Not,
    Null,
    Number,
    Or,
    Query,
    ScalarQuery,
    Sign,
    String,
)
from epntap.adql.words import AGGREGATE_WORDS, FUNCTION_WORDS, GEOMETRY_WORDS

#: Terms of one arithmetic or string chain; PostgreSQL nests them, and refuses some thousands.
MAX_TERMS = 1000

#: Binding power of the operators; those of one power are one chain.
_OR, _AND, _NOT, _PREDICATE, _CONCATENATE, _ADD, _MULTIPLY = range(1, 8)
_POWER = {
    "OR": _OR,
    "AND": _AND,
    **dict.fromkeys(("=", "<>", "!=", "<", ">", "<=", ">="), _PREDICATE),
    **dict.fromkeys(("NOT", "BETWEEN", "IN", "LIKE", "ILIKE", "IS"), _PREDICATE),
    "||": _CONCATENATE,
    "+": _ADD,
    "-": _ADD,
    "*": _MULTIPLY,
    "/": _MULTIPLY,
}

_COMPARISONS = frozenset({"=", "<>", "!=", "<", ">", "<=", ">="})
_LITERALS = frozenset({INTEGER, REAL, STRING})
_BEHIND_ITEM = frozenset({",", ")"})

#: So many digits may be beyond 64 bits.
_SURE_DIGITS = 19

_SET_OPERATORS = frozenset({"UNION", "EXCEPT", "INTERSECT"})

#: Constructors whose first argument may be the name of a frame (deprecated in ADQL 2.1, 4.2.6).
_FRAMED = frozenset({"BOX", "CIRCLE", "POINT", "POLYGON"})

#: Words that a CAST may name, with the word that must follow.
_CAST_TARGETS = {
    **dict.fromkeys(("INTEGER", "SMALLINT", "BIGINT", "REAL", "CHAR", "VARCHAR", "TIMESTAMP")),
    **dict.fromkeys(("POINT", "CIRCLE", "POLYGON")),
    "DOUBLE": "PRECISION",
}


class Expressions(Cursor, ABC):
    """The part of the parser that reads expressions, values and conditions alike.

    Values and conditions share one grammar; the resolver tells them apart, which lets it say
    "this is a condition, not a value" where a grammar could only say "unexpected sign".
    """

    @abstractmethod
    def query(self) -> Query:
        """Parse a query that stands in brackets; the cursor is on its first token."""

    @abstractmethod
    def set_expression(self, left: Body | None = None) -> Query:
        """Parse a query whose first operand may have been parsed already."""

    def expression(self, power: int = 0) -> Expression:
        """Parse an expression whose operators bind tighter than `power`."""
        left = self._prefix()
        while True:
            operator = self.kinds[self.place]
            binding = _POWER.get(operator, 0)
            if binding <= power:
                return left
            left = _INFIX[binding](self, left, operator)

    # Operators between operands ---------------------------------------------------------------

    def _chain(self, left: Expression, operator: str) -> Expression:
        """Parse ``AND``, ``OR`` or ``||`` and all that follow of the same."""
        at = self.at
        operands = [left]
        power = _POWER[operator]
        while self.accept(operator):
            operands.append(self.expression(power))
        if operator == "AND":
            return And(tuple(operands), at=at)
        if operator == "OR":
            return Or(tuple(operands), at=at)
        self._check_terms(len(operands))
        return Concatenation(tuple(operands), at=at)

    def _arithmetic(self, left: Expression, operator: str) -> Expression:
        at = self.at
        power = _POWER[operator]
        rest: list[tuple[str, Expression]] = []
        while _POWER.get(operator) == power:
            self.place += 1
            rest.append((operator, self.expression(power)))
            operator = self.kinds[self.place]
        self._check_terms(len(rest) + 1)
        return Arithmetic(left, tuple(rest), at=at)

    def _check_terms(self, count: int) -> None:
        if count > MAX_TERMS:
            raise Fault(f"{count} terms in a row; {MAX_TERMS} are allowed", self.at)

    def _predicate(self, left: Expression, operator: str) -> Expression:
        at = self.at
        if operator in _COMPARISONS:
            self.place += 1
            right = self.expression(_PREDICATE)
            return Comparison("<>" if operator == "!=" else operator, left, right, at=at)
        if operator == "IS":
            self.place += 1
            negated = self.accept("NOT")
            self.expect("NULL")
            return IsNull(left, negated, at=at)
        negated = self.accept("NOT")
        if self.accept("BETWEEN"):
            low = self.expression(_PREDICATE)
            self.expect("AND")
            return Between(left, low, self.expression(_PREDICATE), negated, at=at)
        if self.accept("LIKE"):
            return Like(left, self.expression(_PREDICATE), negated, at=at)
        if self.accept("ILIKE"):
            return Like(left, self.expression(_PREDICATE), negated, ignore_case=True, at=at)
        if self.accept("IN"):
            return self._in(left, negated, at)
        raise self.unexpected("BETWEEN, IN, LIKE or ILIKE")

    def _in(self, left: Expression, negated: bool, at: int) -> Expression:
        """Parse what stands behind IN: a list of values or a query."""
        if self.kind != "(":
            raise self.unexpected("( and a list of values or a query")
        if self.ahead() in ("SELECT", "WITH"):
            return InQuery(left, self._bracketed_query(), negated, at=at)
        self.place += 1
        self.enter()
        items = [self.expression()]
        if isinstance(items[0], ScalarQuery) and self.kind in (*_SET_OPERATORS, ")"):
            query = self.set_expression(items[0].query)
            self.expect(")")
            self.leave()
            return InQuery(left, query, negated, at=at)
        self._literals(items)
        while self.accept(","):
            items.append(self.expression())
            self._literals(items)
        self._close(", or )")
        self.leave()
        return InList(left, tuple(items), negated, at=at)

    def _literals(self, items: list[Expression]) -> None:
        """Parse the values that follow in a list as long as they are bare literals.

        There may be ten thousands of them, so that each takes no more than is needed.
        """
        kinds, texts, starts, place = self.kinds, self.texts, self.starts, self.place
        while kinds[place] == ",":
            kind = kinds[place + 1]
            # Of these kinds none is the last token: behind each there is one more.
            if kind not in _LITERALS or kinds[place + 2] not in _BEHIND_ITEM:
                break
            place += 1
            text, at = texts[place], starts[place]
            if kind == INTEGER and len(text) < _SURE_DIGITS:
                items.append(Number(int(text), at=at))
            elif kind == STRING:
                items.append(String(text, at=at))
            else:
                items.append(_number(text, at))
            place += 1
        self.place = place

    # Operands ---------------------------------------------------------------------------------

    def _prefix(self) -> Expression:
        """Parse one operand with the operators before it."""
        place = self.place
        kind = self.kinds[place]
        at = self.starts[place]
        if kind in (NAME, DELIMITED):
            return self._reference()
        if kind in (INTEGER, REAL):
            self.place += 1
            return _number(self.texts[place], at)
        if kind == STRING:
            return self._string(at)
        if kind == "(":
            return self._brackets()
        reader = _OPERANDS.get(kind)
        if reader is not None:
            return reader(self, kind, at)
        raise self.unexpected("a value", name_wanted=True)

    def _string(self, at: int) -> Expression:
        """Parse a string; strings that follow one another are one (SQL-92, 5.3)."""
        parts = [self.expect(STRING)]
        while self.kind == STRING:
            parts.append(self.expect(STRING))
        return String("".join(parts), at=at)

    def _sign(self, kind: str, at: int) -> Expression:
        self.place += 1
        self.enter()
        operand = self.expression(_MULTIPLY)
        self.leave()
        return Sign(kind, operand, at=at)

    def _not(self, _kind: str, at: int) -> Expression:
        self.place += 1
        self.enter()
        operand = self.expression(_NOT)
        self.leave()
        return Not(operand, at=at)

    def _null(self, _kind: str, at: int) -> Expression:
        self.place += 1
        return Null(at=at)

    def _exists(self, _kind: str, at: int) -> Expression:
        self.place += 1
        return Exists(self._bracketed_query(), at=at)

    def _bracketed_query(self) -> Query:
        self.expect("(")
        with self.deeper(QUERY_DEPTH):
            query = self.query()
        self._close(")")
        return query

    def _brackets(self) -> Expression:
        """Parse ``( expression )`` or ``( query )``; a query may itself start with brackets."""
        at = self.at
        if self.ahead() in ("SELECT", "WITH"):
            return ScalarQuery(self._bracketed_query(), at=at)
        self.place += 1
        self.enter()
        inner = self.expression()
        if isinstance(inner, ScalarQuery) and self.kind in _SET_OPERATORS:
            inner = ScalarQuery(self.set_expression(inner.query), at=at)
        self._close(")")
        self.leave()
        return inner

    def _close(self, wanted: str) -> None:
        if not self.accept(")"):
            raise self.unexpected(wanted)

    def _reference(self) -> Expression:
        """Parse a column, or a function defined by the service."""
        first = self.identifier()
        if self.kind == "(":
            if first.delimited:
                raise Fault("the name of a function cannot be in double quotes", first.at)
            return FunctionCall(first.name, self._arguments(), at=first.at)
        parts: list[Identifier] = [first]
        while self.accept("."):
            parts.append(self.identifier("the name of a column"))
        if self.kind == "(":
            raise Fault(
                "the name of a function has no schema before it",
                first.at,
                "only the functions that the service declares can be called",
            )
        return ColumnReference(tuple(parts), at=first.at)

    def _arguments(self) -> tuple[Expression, ...]:
        self.expect("(")
        self.enter()
        arguments: list[Expression] = []
        if self.kind != ")":
            arguments.append(self.expression())
            while self.accept(","):
                arguments.append(self.expression())
        self._close(", or )")
        self.leave()
        return tuple(arguments)

    def _function(self, kind: str, at: int) -> Expression:
        self.place += 1
        return FunctionCall(kind, self._arguments(), at=at)

    def _aggregate(self, kind: str, at: int) -> Expression:
        self.place += 1
        self.expect("(")
        self.enter()
        if kind == "COUNT" and self.accept("*"):
            call = AggregateCall(kind, None, at=at)
        else:
            distinct = self.accept("DISTINCT")
            if not distinct:
                self.accept("ALL")
            call = AggregateCall(kind, self.expression(), distinct, at=at)
        self._close(")")
        self.leave()
        return call

    def _geometry(self, kind: str, at: int) -> Expression:
        self.place += 1
        arguments = self._arguments()
        frame = None
        if kind in _FRAMED and len(arguments) > 1 and isinstance(arguments[0], String):
            frame = arguments[0].value
            arguments = arguments[1:]
        return GeometryCall(kind, frame, arguments, at=at)

    def _case(self, _kind: str, at: int) -> Expression:
        self.place += 1
        self.enter()
        operand = None if self.kind == "WHEN" else self.expression()
        branches: list[tuple[Expression, Expression]] = []
        while self.accept("WHEN"):
            when = self.expression()
            self.expect("THEN")
            branches.append((when, self.expression()))
        if not branches:
            raise self.unexpected("WHEN")
        otherwise = self.expression() if self.accept("ELSE") else None
        self.expect("END")
        self.leave()
        return Case(operand, tuple(branches), otherwise, at=at)

    def _cast(self, _kind: str, at: int) -> Expression:
        self.place += 1
        self.expect("(")
        self.enter()
        operand = self.expression()
        self.expect("AS")
        target = self.kind
        if target not in _CAST_TARGETS:
            raise self.unexpected(", ".join([*_CAST_TARGETS][:-1]) + " or DOUBLE PRECISION")
        self.place += 1
        follower = _CAST_TARGETS[target]
        if follower is not None:
            self.expect(follower)
        length = self._length() if target in ("CHAR", "VARCHAR") else None
        self._close(")")
        self.leave()
        return Cast(operand, target, length, at=at)

    def _length(self) -> int | None:
        if not self.accept("("):
            return None
        at = self.at
        length = int(self.expect(INTEGER)[:9])
        self._close(")")
        if not 1 <= length <= MAX_LENGTH:
            raise Fault(f"a length is between 1 and {MAX_LENGTH}", at)
        return length


#: Characters that PostgreSQL's varchar(n) can declare.
MAX_LENGTH = 10_485_760

_INFIX: dict[int, Callable[[Expressions, Expression, str], Expression]] = {
    _OR: Expressions._chain,
    _AND: Expressions._chain,
    _PREDICATE: Expressions._predicate,
    _CONCATENATE: Expressions._chain,
    _ADD: Expressions._arithmetic,
    _MULTIPLY: Expressions._arithmetic,
}

_OPERANDS: dict[str, Callable[[Expressions, str, int], Expression]] = {
    "+": Expressions._sign,
    "-": Expressions._sign,
    "NOT": Expressions._not,
    "NULL": Expressions._null,
    "EXISTS": Expressions._exists,
    "CASE": Expressions._case,
    "CAST": Expressions._cast,
    **dict.fromkeys(sorted(FUNCTION_WORDS), Expressions._function),
    **dict.fromkeys(sorted(AGGREGATE_WORDS), Expressions._aggregate),
    **dict.fromkeys(sorted(GEOMETRY_WORDS), Expressions._geometry),
}


def _number(text: str, at: int) -> Number:
    """Read a number; whole ones beyond 64 bits become real ones."""
    if text.isdigit() and len(text) <= 19 and int(text) < 2**63:
        return Number(int(text), at=at)
    value = float(text)
    mantissa = text.lower().partition("e")[0]
    if math.isinf(value) or (value == 0.0 and mantissa.strip("0.")):
        raise Fault("this number is beyond the range of double precision", at)
    return Number(value, at=at)
