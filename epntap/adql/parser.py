"""Queries: tokens to tree."""

from __future__ import annotations

from epntap.adql.cursor import QUERY_DEPTH
from epntap.adql.errors import Fault
from epntap.adql.grammar import Expressions
from epntap.adql.lexer import END, INTEGER, REAL, tokenize
from epntap.adql.tree import (
    Body,
    CommonTable,
    DerivedTable,
    Expression,
    Identifier,
    Join,
    OrderItem,
    Query,
    Select,
    SelectItem,
    SetOperation,
    Source,
    Star,
    TableReference,
)

#: Tables of one FROM; the time that PostgreSQL plans grows steeply with them.
MAX_TABLES = 50

#: Operands of one chain of UNION, EXCEPT or INTERSECT.
MAX_OPERANDS = 100

#: Columns of a select list or keys of ORDER BY and GROUP BY; PostgreSQL has 1664 at most.
MAX_COLUMNS = 1600

_JOINS = frozenset({"INNER", "LEFT", "RIGHT", "FULL", "CROSS", "JOIN", "NATURAL"})
_SET_OPERATORS = frozenset({"UNION", "EXCEPT", "INTERSECT"})

#: Whole numbers of TOP and OFFSET have at most this many digits, which fits a bigint.
_MAX_DIGITS = 18


def parse(query: str) -> Query:
    """Parse a query.

    Raises
    ------
    Fault
        If it is not ADQL, or larger or deeper than is allowed.
    """
    parser = Parser(tokenize(query))
    tree = parser.query(outermost=True)
    parser.accept(";")
    if parser.kind != END:
        raise parser.unexpected("the end of the query")
    return tree


class Parser(Expressions):
    """Reads queries, from the top down."""

    def query(self, *, outermost: bool = False) -> Query:
        """Parse a query; only the outermost may start with WITH."""
        at = self.at
        if self.kind != "WITH":
            return self.set_expression()
        if not outermost:
            raise Fault("WITH can only stand at the start of the whole query", at)
        self.place += 1
        common = [self._common_table()]
        while self.accept(","):
            common.append(self._common_table())
        query = self.set_expression()
        return Query(query.body, query.order, query.offset, tuple(common), at=at)

    def _common_table(self) -> CommonTable:
        name = self.identifier("a name for the query")
        columns: list[Identifier] = []
        if self.accept("("):
            columns.append(self.identifier("the name of a column"))
            while self.accept(","):
                columns.append(self.identifier("the name of a column"))
            self._close(", or )")
        self.expect("AS")
        return CommonTable(name, tuple(columns), self._bracketed_query(), at=name.at)

    def set_expression(self, left: Body | None = None) -> Query:
        """Parse operands of UNION and EXCEPT and what orders the whole."""
        at = self.at
        body = self._intersection(left)
        count = 1
        while self.kind in ("UNION", "EXCEPT"):
            operator, place = self.kind, self.at
            self.place += 1
            every = self.accept("ALL")
            body = SetOperation(operator, every, body, self._intersection(None), at=place)
            count += 1
            self._check_operands(count)
        order = self._order() if self.kind == "ORDER" else ()
        offset = self._whole_number() if self.accept("OFFSET") else None
        if isinstance(body, Query) and not order and offset is None:
            return body
        return Query(body, order, offset, at=at)

    def _intersection(self, left: Body | None) -> Body:
        """Parse operands of INTERSECT, which binds tighter than UNION and EXCEPT."""
        body = self._operand() if left is None else left
        count = 1
        while self.kind == "INTERSECT":
            place = self.at
            self.place += 1
            every = self.accept("ALL")
            body = SetOperation("INTERSECT", every, body, self._operand(), at=place)
            count += 1
            self._check_operands(count)
        return body

    def _check_operands(self, count: int) -> None:
        if count > MAX_OPERANDS:
            raise Fault(f"more than {MAX_OPERANDS} queries are combined", self.at)

    def _operand(self) -> Body:
        if self.kind == "SELECT":
            return self._select()
        if self.kind == "(":
            return self._bracketed_query()
        raise self.unexpected("SELECT")

    def _select(self) -> Select:
        at = self.at
        self.expect("SELECT")
        distinct = self.accept("DISTINCT")
        if not distinct:
            self.accept("ALL")
        top = self._whole_number() if self.accept("TOP") else None
        items = [self._item()]
        while self.accept(","):
            items.append(self._item())
        self._check_columns(len(items))
        if self.kind != "FROM":
            raise self.unexpected("FROM")
        self.place += 1
        sources = [self._source()]
        while self.accept(","):
            sources.append(self._source())
        where = self.expression() if self.accept("WHERE") else None
        group: tuple[Expression, ...] = ()
        if self.accept("GROUP"):
            self.expect("BY")
            keys = [self.expression()]
            while self.accept(","):
                keys.append(self.expression())
            self._check_columns(len(keys))
            group = tuple(keys)
        having = self.expression() if self.accept("HAVING") else None
        return Select(tuple(items), tuple(sources), distinct, top, where, group, having, at=at)

    def _check_columns(self, count: int) -> None:
        if count > MAX_COLUMNS:
            raise Fault(f"a list has {count} expressions; {MAX_COLUMNS} are allowed", self.at)

    def _item(self) -> Star | SelectItem:
        at = self.at
        if self.accept("*"):
            return Star(at=at)
        qualifier = self._qualifier_of_star()
        if qualifier:
            return Star(qualifier, at=at)
        expression = self.expression()
        return SelectItem(expression, self._alias(), at=at)

    def _qualifier_of_star(self) -> tuple[Identifier, ...]:
        """Parse ``table.*`` or ``schema.table.*``, or nothing."""
        names = 0
        while self.ahead(2 * names) in ("name", "delimited") and self.ahead(2 * names + 1) == ".":
            names += 1
        if names == 0 or self.ahead(2 * names) != "*":
            return ()
        parts: list[Identifier] = []
        for _ in range(names):
            parts.append(self.identifier())
            self.expect(".")
        self.expect("*")
        return tuple(parts)

    def _alias(self) -> Identifier | None:
        if self.accept("AS"):
            return self.identifier("an alias")
        return self.identifier() if self.at_identifier() else None

    def _order(self) -> tuple[OrderItem, ...]:
        self.expect("ORDER")
        self.expect("BY")
        items = [self._order_item()]
        while self.accept(","):
            items.append(self._order_item())
        self._check_columns(len(items))
        return tuple(items)

    def _order_item(self) -> OrderItem:
        at = self.at
        expression = self.expression()
        descending = self.accept("DESC")
        if not descending:
            self.accept("ASC")
        return OrderItem(expression, descending, at=at)

    def _whole_number(self) -> int:
        at = self.at
        text = self.expect(INTEGER)
        if len(text.lstrip("0")) > _MAX_DIGITS:
            raise Fault("this number is too large", at)
        return int(text)

    # FROM -------------------------------------------------------------------------------------

    def _source(self) -> Source:
        """Parse one source of FROM with its joins."""
        return self._joins(self._primary_source())

    def _joins(self, left: Source) -> Source:
        count = 1
        while self.kind in _JOINS:
            left = self._join(left)
            count += 1
            if count > MAX_TABLES:
                raise Fault(f"more than {MAX_TABLES} tables are joined", self.at)
        return left

    def _join(self, left: Source) -> Source:
        at = self.at
        if self.accept("CROSS"):
            self.expect("JOIN")
            return Join("CROSS", left, self._primary_source(), at=at)
        natural = self.accept("NATURAL")
        kind = "INNER"
        if self.kind in ("LEFT", "RIGHT", "FULL"):
            kind = self.kind
            self.place += 1
            self.accept("OUTER")
        else:
            self.accept("INNER")
        if self.kind == "CROSS":
            raise Fault("no word stands before CROSS JOIN", self.at, "it has no condition either")
        self.expect("JOIN")
        right = self._primary_source()
        if natural:
            return Join(kind, left, right, natural=True, at=at)
        # "a JOIN b JOIN c ON .. ON ..": the inner condition comes first.
        if self.kind in _JOINS:
            with self.deeper(QUERY_DEPTH):
                right = self._joins(right)
        if self.accept("ON"):
            return Join(kind, left, right, condition=self.expression(), at=at)
        if self.accept("USING"):
            self.expect("(")
            using = [self.identifier("the name of a column")]
            while self.accept(","):
                using.append(self.identifier("the name of a column"))
            self._close(", or )")
            return Join(kind, left, right, using=tuple(using), at=at)
        raise self.unexpected("ON or USING")

    def _primary_source(self) -> Source:
        if self.kind == "(":
            inner = self._brackets_of_from()
            return self._derived(inner) if isinstance(inner, Query) else inner
        at = self.at
        parts = [self.identifier("the name of a table")]
        while self.accept("."):
            parts.append(self.identifier("the name of a table"))
        if self.kind == "(":
            raise Fault("functions cannot stand in FROM", at)
        sample = self._sample()
        alias = None if self._at_sample() else self._alias()
        return TableReference(tuple(parts), alias, sample or self._sample(), at=at)

    def _at_sample(self) -> bool:
        """Whether ``TABLESAMPLE (`` is at the cursor; the word is not reserved."""
        return self.ahead() == "(" and self.texts[self.place].upper() == "TABLESAMPLE"

    def _sample(self) -> float | None:
        """Parse ``TABLESAMPLE(percent)``, which may stand before or behind the alias."""
        if not self._at_sample():
            return None
        self.place += 2
        at = self.at
        kind = INTEGER if self.kind == INTEGER else REAL
        percent = float(self.expect(kind))
        if not 0 < percent <= 100:
            raise Fault("a sample is more than 0 and at most 100 percent", at)
        self._close(")")
        return percent

    def _derived(self, query: Query) -> DerivedTable:
        alias = self._alias()
        if alias is None:
            raise self.unexpected("an alias for the query in brackets")
        return DerivedTable(query, alias, at=query.at)

    def _brackets_of_from(self) -> Query | Source:
        """Parse what stands in brackets in FROM: a query or joined tables.

        Which it is shows only behind brackets that it may itself start with, so that they are
        parsed first.
        """
        self.expect("(")
        inner: Query | Source
        with self.deeper(QUERY_DEPTH):
            if self.kind in ("SELECT", "WITH"):
                inner = self.query()
            elif self.kind == "(":
                inner = self._brackets_of_from()
                if not isinstance(inner, Query):
                    inner = self._joins(inner)
                elif self.kind in _SET_OPERATORS or self.kind in ("ORDER", "OFFSET"):
                    inner = self.set_expression(inner)
                elif self.kind != ")":
                    inner = self._joins(self._derived(inner))
            else:
                inner = self._source()
        self._close(")")
        return inner
