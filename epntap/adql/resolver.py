"""Queries of the tree, resolved: select lists, grouping, order, set operations, WITH."""

from __future__ import annotations

from functools import lru_cache

from epntap.adql import naming
from epntap.adql.context import check_size
from epntap.adql.conversion import common_kind, keyed
from epntap.adql.errors import Fault
from epntap.adql.expressions import common_pg
from epntap.adql.joins import Joins
from epntap.adql.parser import MAX_COLUMNS
from epntap.adql.scope import Named, Scope, all_named
from epntap.adql.spans import span_conditions
from epntap.adql.statement import (
    Body,
    Output,
    Outputs,
    Resolved,
    ResolvedSelect,
    ResolvedSet,
    SortKey,
    plain,
)
from epntap.adql.tree import (
    ColumnReference,
    CommonTable,
    Expression,
    Number,
    OrderItem,
    Query,
    Select,
    SelectItem,
    SetOperation,
    Star,
)
from epntap.adql.values import Kind, Value
from epntap.tables import Table

#: An item of a select list behind the expansion of ``*``, with its place.
_Item = tuple[SelectItem | Named, int]


class Resolver(Joins):
    """Resolves one query against the tables that there are."""

    def resolve(self, query: Query) -> Resolved:
        """Resolve the outermost query.

        Raises
        ------
        Fault
            If a name is unknown or ambiguous, or types or grouping are wrong.
        """
        clauses = tuple(self._common_table(table) for table in query.common)
        resolved = self.subquery(query)
        return Resolved(resolved.body, resolved.order, resolved.offset, clauses)

    def subquery(self, query: Query) -> Resolved:
        """Resolve a query; columns of the SELECTs around it can be used in it."""
        if isinstance(query.body, Select):
            return self._select(query.body, query.order, query.offset)
        body = self._body(query.body)
        order = tuple(_sort_by_output(item, body.outputs) for item in query.order)
        return Resolved(body, order, query.offset)

    def _common_table(self, node: CommonTable) -> str:
        """Resolve a named query; those after it can use it, itself cannot."""
        if any(node.name.matches(name.name) for name, _, _ in self.common):
            raise Fault(f"WITH names {node.name} twice", node.at)
        query = self.subquery(node.query)
        outputs = query.outputs
        if node.columns and len(node.columns) != len(outputs):
            raise Fault(
                f"{node.name} names {len(node.columns)} columns, its query gives {len(outputs)}",
                node.at,
            )
        if node.columns:
            outputs = tuple(
                Output(column.name, output.label, output.value)
                for column, output in zip(node.columns, outputs, strict=True)
            )
        sql_name = f"w{len(self.common) + 1}"
        self.common.append((node.name, sql_name, outputs))
        return f"{sql_name} AS ({query.render(plain)})"

    # Set operations ---------------------------------------------------------------------------

    def _body(self, node: Select | SetOperation | Query) -> Body:
        if isinstance(node, Query):
            return self.subquery(node)
        if isinstance(node, Select):
            return self._select(node, (), None).body
        left, right = self._body(node.left), self._body(node.right)
        if len(left.outputs) != len(right.outputs):
            raise Fault(
                f"the queries that {node.operator} combines give {len(left.outputs)} "
                f"and {len(right.outputs)} columns",
                node.at,
            )
        pairs = [
            _combined(one, other, node)
            for one, other in zip(left.outputs, right.outputs, strict=True)
        ]
        outputs = tuple(output for output, _ in pairs)
        types = tuple((kind, pg, node.at) for _, (kind, pg) in pairs)
        operator = f"{node.operator} ALL" if node.all else node.operator
        return ResolvedSet(outputs, operator, left, right, types)

    # SELECT -----------------------------------------------------------------------------------

    def _select(self, node: Select, order: tuple[OrderItem, ...], offset: int | None) -> Resolved:
        outer = self.scope
        relations = self.relations(node.sources)
        scope = self.scope = Scope(relations, outer)
        tail = [" FROM ", ", ".join([relation.sql for relation in relations])]
        if node.where is not None:
            scope.no_aggregates = "WHERE"
            conditions = [self.condition(node.where), *span_conditions(node.where, self.value)]
            tail += [" WHERE ", " AND ".join(conditions)]
        items = self._expanded(node)
        grouped: dict[int, Value] = {}
        if node.group:
            scope.no_aggregates = "GROUP BY"
            tail += [" GROUP BY ", ", ".join(self._groups(node, items, grouped))]
        scope.no_aggregates = None
        scope.ungrouped.clear()
        outputs = self._whole_table(node) or self._outputs(items, grouped)
        if node.having is not None:
            tail += [" HAVING ", self.condition(node.having)]
        keys = tuple(self._sort_key(item, outputs, distinct=node.distinct) for item in order)
        scope.check_grouping(grouped=bool(node.group) or node.having is not None)
        self.scope = outer
        sql = "".join(tail)
        check_size(sql, node.at)
        body = ResolvedSelect(outputs, sql, node.distinct, node.top)
        return Resolved(body, keys, offset)

    def _expanded(self, node: Select) -> list[_Item]:
        """Return the select list with the columns of ``*`` in place of it."""
        items: list[_Item] = []
        for item in node.items:
            if isinstance(item, Star):
                items.extend((named, item.at) for named in self.scope.star(item.qualifier, item.at))
            else:
                items.append((item, item.at))
        if len(items) > MAX_COLUMNS:
            raise Fault(
                f"the query selects {len(items)} columns; {MAX_COLUMNS} are allowed", node.at
            )
        return items

    def _whole_table(self, node: Select) -> Outputs | None:
        """Return the outputs of ``SELECT *`` from one table; ``None`` if it is another query."""
        source = self.scope.only_table()
        star = node.items[0]
        if source is None or len(node.items) != 1 or not isinstance(star, Star):
            return None
        self.scope.note_star(source.columns(), star.at)
        return _outputs_of(source.table, source.sql_alias)

    def _outputs(self, items: list[_Item], grouped: dict[int, Value]) -> tuple[Output, ...]:
        labels = naming.Labels()
        unique = labels.unique
        outputs: list[Output] = []
        for number, (item, at) in enumerate(items, start=1):
            if isinstance(item, Named):
                self.scope.note_star((item,), at)
                outputs.append(Output(item.name, unique(item.name), item.value))
                continue
            known = grouped.get(id(item))
            value = self.value(item.expression) if known is None else known
            name = naming.output_name(item, value, number)
            outputs.append(Output(name, unique(name), value))
        return tuple(outputs)

    # GROUP BY and ORDER BY --------------------------------------------------------------------

    def _groups(self, node: Select, items: list[_Item], grouped: dict[int, Value]) -> list[str]:
        """Resolve GROUP BY: expressions, columns before aliases, ordinals.

        An item of the select list that is meant by its alias or ordinal is put into `grouped` by
        its identity, and not resolved a second time: in nested queries that would add up.
        """
        keys: list[str] = []
        groups: set[str] = set()
        for key in node.group:
            value = self._group(key, items, grouped)
            keys.append(keyed(value))
            if value.constant is None:
                groups.add(value.sql)
        self.scope.groups = frozenset(groups)
        return keys

    def _group(self, key: Expression, items: list[_Item], grouped: dict[int, Value]) -> Value:
        item: SelectItem | Named | None = None
        if isinstance(key, Number):
            item = items[_ordinal(key, len(items)) - 1][0]
        elif isinstance(key, ColumnReference) and len(key.parts) == 1:
            name = key.parts[0]
            if not self.scope.has(name):
                item = next(
                    (
                        candidate
                        for candidate, _ in items
                        if isinstance(candidate, SelectItem)
                        and candidate.alias is not None
                        and name.matches(candidate.alias.name)
                    ),
                    None,
                )
        if isinstance(item, Named):
            return item.value
        if item is None:
            return self.value(key)
        if id(item) not in grouped:
            grouped[id(item)] = self.value(item.expression)
        return grouped[id(item)]

    def _sort_key(self, item: OrderItem, outputs: tuple[Output, ...], *, distinct: bool) -> SortKey:
        """Resolve a key of ORDER BY: an ordinal, an output, or an expression of FROM."""
        node = item.expression
        index: int | None = None
        if isinstance(node, Number):
            index = _ordinal(node, len(outputs)) - 1
        elif isinstance(node, ColumnReference) and len(node.parts) == 1:
            index = _output_named(node, outputs)
        if index is None:
            value = self.value(node)
            index = next(
                (place for place, output in enumerate(outputs) if output.value.sql == value.sql),
                None,
            )
        else:
            value = outputs[index].value
        if not distinct:
            ordinal = None if index is None else index + 1
            return SortKey(keyed(value), item.descending, ordinal)
        if index is None:
            raise Fault("SELECT DISTINCT can only be sorted by what it selects", item.at)
        return SortKey(str(index + 1), item.descending)


@lru_cache(maxsize=64)
def _outputs_of(table: Table, sql_alias: str) -> Outputs:
    labels = naming.Labels()
    return Outputs(
        [Output(name, labels.unique(name), value) for name, value in all_named(table, sql_alias)]
    )


def _combined(left: Output, right: Output, node: SetOperation) -> tuple[Output, tuple[Kind, str]]:
    """Return a column of a set operation: named and described by the left operand."""
    values = [left.value, right.value]
    kind = common_kind(values, node.at, f"the columns {left.name} of {node.operator}")
    pg = common_pg(kind, values)
    about = left.value.about
    bare = left.value.bare and left.value.kind is kind
    return Output(left.name, left.label, Value("", kind, pg, about, bare)), (kind, pg)


def _ordinal(node: Number, count: int) -> int:
    if not isinstance(node.value, int) or not 1 <= node.value <= count:
        raise Fault(f"there is no column {node.value}: the query selects {count}", node.at)
    return node.value


def _output_named(node: ColumnReference, outputs: tuple[Output, ...]) -> int | None:
    """Return the index of the output that a name means, or ``None``."""
    name = node.parts[0]
    found = [index for index, output in enumerate(outputs) if name.matches(output.name)]
    if not found:
        return None
    if len({outputs[index].value.sql for index in found}) > 1:
        raise Fault(f"the name {name} is ambiguous: two columns of the result have it", node.at)
    return found[0]


def _sort_by_output(item: OrderItem, outputs: tuple[Output, ...]) -> SortKey:
    """Resolve a key of ORDER BY behind a set operation, which has only its outputs."""
    node = item.expression
    index: int | None = None
    if isinstance(node, Number):
        index = _ordinal(node, len(outputs)) - 1
    elif isinstance(node, ColumnReference) and len(node.parts) == 1:
        found = [place for place, out in enumerate(outputs) if node.parts[0].matches(out.name)]
        index = found[0] if len(found) == 1 else None
    if index is None:
        raise Fault(
            "combined queries are sorted by a column of their result: its name or ordinal",
            item.at,
            "put the queries in FROM (…) AS q to sort by an expression",
        )
    return SortKey(str(index + 1), item.descending)
