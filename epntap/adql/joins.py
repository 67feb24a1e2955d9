"""FROM: tables, queries and joins of the tree, resolved."""

from __future__ import annotations

from epntap.adql import metadata
from epntap.adql.conditions import Conditions, comparable
from epntap.adql.context import GeometryBackend
from epntap.adql.conversion import common_kind, in_common, quote_name
from epntap.adql.errors import Fault
from epntap.adql.expressions import common_pg
from epntap.adql.scope import Named, QuerySource, Relation, Scope, TableSource, check_distinct
from epntap.adql.statement import Output, plain
from epntap.adql.tables import find_table
from epntap.adql.tree import (
    And,
    ColumnReference,
    Comparison,
    DerivedTable,
    Expression,
    Identifier,
    Join,
    Source,
    TableReference,
)
from epntap.adql.values import UNKNOWN, Value
from epntap.tables import TableSet


class Joins(Conditions):
    """The part of the resolver for FROM.

    Attributes
    ----------
    used
        Qualified names of the stored tables that were met, in order.
    common
        What WITH has named so far: name, its name in SQL, and its columns.
    """

    def __init__(self, tableset: TableSet, geometry: GeometryBackend) -> None:
        super().__init__(tableset, geometry)
        self.used: dict[str, None] = {}
        self.common: list[tuple[Identifier, str, tuple[Output, ...]]] = []
        self._aliases = 0

    def relations(self, sources: tuple[Source, ...]) -> tuple[Relation, ...]:
        """Resolve all of FROM.

        Raises
        ------
        Fault
            If a table or column is unknown, or two sources have the same name.
        """
        relations = tuple(self._relation(source) for source in sources)
        if len(relations) > 1:
            check_distinct(
                [
                    (source, node.at)
                    for relation, node in zip(relations, sources, strict=True)
                    for source in relation.ranges
                ]
            )
        return relations

    def _relation(self, source: Source) -> Relation:
        if isinstance(source, TableReference):
            return self._table(source)
        if isinstance(source, DerivedTable):
            query = self.subquery(source.query)
            alias = self._alias()
            sql = f"({query.render(plain)}) AS {alias}"
            columns = outer_columns(query.outputs, alias)
            return Relation(sql, (QuerySource(columns, source.alias, alias),))
        return self._join(source)

    def _alias(self) -> str:
        """Return a name for a source that no other source of the statement has."""
        self._aliases += 1
        return f"t{self._aliases}"

    def _table(self, node: TableReference) -> Relation:
        alias = self._alias()
        if len(node.parts) == 1:
            for name, sql_name, outputs in reversed(self.common):
                if name.matches(node.parts[0].name) and node.parts[0].matches(name.name):
                    columns = outer_columns(outputs, alias)
                    range_ = QuerySource(columns, node.alias or name, alias)
                    if node.sample is not None:
                        raise Fault(f"no sample can be taken of the query {name}", node.at)
                    return Relation(f"{sql_name} AS {alias}", (range_,))
        table = find_table(self.tableset, node)
        self.used[table.qualified_name] = None
        relation = table.relation
        sql = f"{quote_name(relation.schema)}.{quote_name(relation.name)} AS {alias}"
        if node.sample is not None:
            if relation.schema == "tap_schema":
                raise Fault(f"no sample can be taken of {table.qualified_name}", node.at)
            # Row by row: of whole pages, a small table would give all of its rows or none.
            sql += f" TABLESAMPLE BERNOULLI ({node.sample!r})"
        return Relation(sql, (TableSource(table, node.alias, alias),))

    def _join(self, node: Join) -> Relation:
        left, right = self._relation(node.left), self._relation(node.right)
        check_distinct([(source, node.at) for source in left.ranges + right.ranges])
        merged: tuple[Named, ...] = left.merged + right.merged
        hidden = left.hidden | right.hidden
        right_sql = f"({right.sql})" if isinstance(node.right, Join) else right.sql
        if node.kind == "CROSS":
            sql = f"{left.sql} CROSS JOIN {right_sql}"
            return Relation(sql, left.ranges + right.ranges, merged, hidden)
        if node.condition is not None:
            condition = self._on(node, left, right)
        else:
            names = node.using or _shared(left, right, node.at)
            pairs = [self._pair(name, left, right, node.at) for name in names]
            condition = " AND ".join(_equal(one, other, node.at) for one, other in pairs)
            new = tuple(_merge(node.kind, one, other, node.at) for one, other in pairs)
            gone = {named.name.lower() for named in new}
            kept = tuple(named for named in merged if named.name.lower() not in gone)
            merged = new + kept
            hidden |= {
                (source.sql_alias, named.name.lower())
                for source in left.ranges + right.ranges
                for named in source.columns()
                if named.name.lower() in gone
            }
        word = "JOIN" if node.kind == "INNER" else f"{node.kind} JOIN"
        sql = f"{left.sql} {word} {right_sql} ON ({condition})"
        return Relation(sql, left.ranges + right.ranges, merged, hidden)

    def _on(self, node: Join, left: Relation, right: Relation) -> str:
        """Resolve the condition of a join, which sees what is joined and the outer SELECTs."""
        assert node.condition is not None  # noqa: S101 - the caller has looked
        if node.kind == "FULL" and not _equates(node.condition, left, right):
            raise Fault(
                "the condition of a FULL JOIN must have an = between columns of the two sides",
                node.condition.at,
            )
        outer = self.scope
        self.scope = Scope((left, right), outer, no_aggregates="ON")
        condition = self.condition(node.condition)
        self.scope = outer
        return condition

    def _pair(
        self, name: Identifier, left: Relation, right: Relation, at: int
    ) -> tuple[Named, Named]:
        found = []
        for side, relation in (("left", left), ("right", right)):
            columns = relation.lookup(name)
            if len(columns) != 1:
                what = "has no column" if not columns else "has more than one column"
                raise Fault(f"the {side} side of the join {what} {name}", name.at or at)
            found.append(columns[0])
        return found[0], found[1]


def outer_columns(outputs: tuple[Output, ...], alias: str) -> tuple[Named, ...]:
    """Return the columns that a query in FROM shows to what is around it."""
    return tuple(
        Named(output.name, _outer_value(output, f"{alias}.{quote_name(output.label)}"))
        for output in outputs
    )


def _outer_value(output: Output, sql: str) -> Value:
    value = output.value
    pg = "text" if value.pg == UNKNOWN else value.pg
    return Value(sql, value.kind, pg, value.about, value.bare)


def _shared(left: Relation, right: Relation, at: int) -> tuple[Identifier, ...]:
    """Return the columns that NATURAL joins by."""
    names = {named.name.lower() for named in right.columns()}
    shared = dict.fromkeys(
        named.name.lower() for named in left.columns() if named.name.lower() in names
    )
    if not shared:
        raise Fault("the tables of this NATURAL JOIN have no column in common", at, "use ON")
    return tuple(Identifier(name, at=at) for name in shared)


def _equal(left: Named, right: Named, at: int) -> str:
    one, other = comparable(left.value, right.value, at, at)
    return f"{one} = {other}"


def _merge(kind: str, left: Named, right: Named, at: int) -> Named:
    """Return the column that NATURAL or USING makes of two (SQL-92, 7.5)."""
    if kind in ("INNER", "LEFT"):
        return left
    if kind == "RIGHT":
        return Named(left.name, right.value)
    values = [left.value, right.value]
    common = common_kind(values, at, f"the columns {left.name}")
    pg = common_pg(common, values)
    parts = ", ".join(in_common(value, common, pg, at) for value in values)
    bare = left.value.bare and left.value.kind is common
    about = metadata.text_of(left.value.about, values)
    return Named(left.name, Value(f"COALESCE({parts})", common, pg, about, bare))


def _equates(condition: Expression, left: Relation, right: Relation) -> bool:
    """Whether an ``=`` that must hold connects a column of each side.

    PostgreSQL joins in full only by equality.
    """
    terms = condition.operands if isinstance(condition, And) else (condition,)
    return any(
        isinstance(term, Comparison)
        and term.operator == "="
        and isinstance(term.left, ColumnReference)
        and isinstance(term.right, ColumnReference)
        and (
            (_has(left, term.left) and _has(right, term.right))
            or (_has(left, term.right) and _has(right, term.left))
        )
        for term in terms
    )


def _has(relation: Relation, reference: ColumnReference) -> bool:
    return Scope((relation,), None).owns(reference)
