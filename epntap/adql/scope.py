"""Which columns a name can mean: the sources of FROM and the queries around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from epntap.adql.conversion import quote_name
from epntap.adql.errors import Fault, nearest
from epntap.adql.tree import ColumnReference, Identifier
from epntap.adql.values import Value, column_value
from epntap.tables import Column, Table


class Named(NamedTuple):
    """A column that a source shows: its name and its value."""

    name: str
    value: Value


class TableSource:
    """A stored table in FROM.

    Parameters
    ----------
    table
        The table.
    alias
        Its alias, or ``None``: then it is known by its own name, with or without schema.
    sql_alias
        The name that the SQL has for it; unique in the whole statement.
    """

    def __init__(self, table: Table, alias: Identifier | None, sql_alias: str) -> None:
        self.sql_alias = sql_alias
        self.alias = alias
        self.table = table
        self._name = alias or Identifier(table.name)
        self._schema = None if alias else Identifier(table.schema)

    def answers(self, qualifier: tuple[Identifier, ...]) -> bool:
        """Whether the source is the one that stands before the dot of a column."""
        return _answers(qualifier, self._name, self._schema)

    @property
    def exposed(self) -> tuple[str, str]:
        """Schema (empty for an alias) and name, to find sources that cannot be told apart."""
        schema = self._schema.name if self._schema else ""
        return schema.lower(), _folded(self._name)

    def lookup(self, name: Identifier) -> list[Named]:
        """Return the column of that name, if there is one."""
        column = self.table.column(name.name) or self.table.column(f'"{name.name}"')
        if column is None or not name.matches(column.name.strip('"')):
            return []
        return [_named(column, self.sql_alias)]

    def columns(self) -> Iterator[Named]:
        """Yield all columns, in the order of ``*``."""
        return iter(all_named(self.table, self.sql_alias))


def _named(column: Column, sql_alias: str) -> Named:
    name = column.name
    if '"' in name:
        # TAP_SCHEMA keeps the quotes of a name that needs them; the relation does not.
        name = name.strip('"')
        return Named(name, column_value(f"{sql_alias}.{quote_name(name)}", column))
    return Named(name, column_value(f'{sql_alias}."{name}"', column))


# ``SELECT *`` is the most common query of all, and most tables are known as t1.
@lru_cache(maxsize=64)
def all_named(table: Table, sql_alias: str) -> tuple[Named, ...]:
    """Return all columns of a table that a statement has under a name."""
    return tuple([_named(column, sql_alias) for column in table.columns])


class QuerySource:
    """A query in FROM, or one that WITH has named.

    Parameters
    ----------
    columns
        What the query gives, in order, with values that refer to `sql_alias`.
    alias
        The name that it is known by.
    sql_alias
        The name that the SQL has for it.
    """

    def __init__(self, columns: tuple[Named, ...], alias: Identifier, sql_alias: str) -> None:
        self.sql_alias = sql_alias
        self.alias: Identifier | None = alias
        self._columns = columns
        self._name = alias

    def answers(self, qualifier: tuple[Identifier, ...]) -> bool:
        """Whether the source is the one that stands before the dot of a column."""
        return _answers(qualifier, self._name, None)

    @property
    def exposed(self) -> tuple[str, str]:
        """Schema (always empty) and name."""
        return "", _folded(self._name)

    def lookup(self, name: Identifier) -> list[Named]:
        """Return the columns of that name; there may be several."""
        return [column for column in self._columns if name.matches(column.name)]

    def columns(self) -> Iterator[Named]:
        """Yield all columns, in the order of ``*``."""
        return iter(self._columns)


Range = TableSource | QuerySource


@dataclass(frozen=True, slots=True)
class Relation:
    """A source of FROM with everything that is joined to it.

    Attributes
    ----------
    sql
        What stands in FROM.
    ranges
        The tables and queries that are joined.
    merged
        Columns that NATURAL or USING made one, in front of ``*``.
    hidden
        The columns (range, lower-cased name) that went into `merged`.
    """

    sql: str
    ranges: tuple[Range, ...]
    merged: tuple[Named, ...] = ()
    hidden: frozenset[tuple[str, str]] = frozenset()

    def lookup(self, name: Identifier) -> list[Named]:
        """Return the columns that an unqualified name can mean."""
        if len(self.ranges) == 1:
            return self.ranges[0].lookup(name)
        found = [column for column in self.merged if name.matches(column.name)]
        for source in self.ranges:
            for column in source.lookup(name):
                if (source.sql_alias, column.name.lower()) not in self.hidden:
                    found.append(column)
        return found

    def columns(self) -> Iterator[Named]:
        """Yield all columns, in the order of ``*``: merged ones first."""
        yield from self.merged
        for source in self.ranges:
            if not self.hidden:
                yield from source.columns()
                continue
            for column in source.columns():
                if (source.sql_alias, column.name.lower()) not in self.hidden:
                    yield column


@dataclass(slots=True)
class Scope:
    """The names that one SELECT can use, and what was used while it was resolved.

    Attributes
    ----------
    relations
        What stands in FROM.
    parent
        The SELECT around this one.
    no_aggregates
        The clause in which set functions are not allowed at the moment, or ``None``.
    in_aggregate
        Whether the argument of a set function is being resolved.
    aggregated
        Place of the first set function that was met.
    ungrouped
        Columns met outside set functions and outside expressions of GROUP BY.
    groups
        SQL of the expressions of GROUP BY.
    levels
        Inside a set function, whether a column of this SELECT (and whether one of a SELECT
        around it) was met.
    """

    relations: tuple[Relation, ...]
    parent: Scope | None
    no_aggregates: str | None = None
    in_aggregate: bool = False
    aggregated: int | None = None
    ungrouped: list[tuple[tuple[Identifier, ...], int]] = field(default_factory=list)
    groups: frozenset[str] = frozenset()
    levels: set[str] = field(default_factory=set)

    def column(self, reference: ColumnReference) -> Value:
        """Return the column that a reference means, here or in a SELECT around this one.

        Raises
        ------
        Fault
            If there is none, or more than one.
        """
        scope: Scope | None = self
        while scope is not None:
            found = scope._found(reference)
            if len(found) == 1:
                self._note(scope, found[0].value.sql, reference)
                return found[0].value
            if len(found) > 1:
                written = ".".join(map(str, reference.parts))
                raise Fault(
                    f"the column {written} is ambiguous: more than one table has it",
                    reference.at,
                    f"write the name of the table before it: table.{reference.parts[-1]}",
                )
            scope = scope.parent
        raise self._unknown(reference)

    def _found(self, reference: ColumnReference) -> list[Named]:
        *qualifier, name = reference.parts
        if not qualifier:
            if len(self.relations) == 1:
                return self.relations[0].lookup(name)
            return [named for relation in self.relations for named in relation.lookup(name)]
        return [
            named
            for relation in self.relations
            for source in relation.ranges
            if source.answers(tuple(qualifier))
            for named in source.lookup(name)
        ]

    def _note(self, owner: Scope, sql: str, reference: ColumnReference) -> None:
        """Remember a use of a column for the rules of GROUP BY."""
        scope: Scope | None = self
        while scope is not None:
            if scope.in_aggregate:
                scope.levels.add("own" if owner is scope else "outer")
            if scope is owner:
                break
            scope = scope.parent
        if not owner.in_aggregate and sql not in owner.groups:
            owner.ungrouped.append((reference.parts, reference.at))

    def star(self, qualifier: tuple[Identifier, ...], at: int) -> list[Named]:
        """Return the columns of ``*`` or ``table.*``.

        Raises
        ------
        Fault
            If no table of that name is in FROM.
        """
        if not qualifier:
            columns: list[Named] = []
            for relation in self.relations:
                columns.extend(relation.columns())
            return columns
        sources = [
            source
            for relation in self.relations
            for source in relation.ranges
            if source.answers(qualifier)
        ]
        if len(sources) != 1:
            raise self._unknown_range(qualifier, at, len(sources))
        return list(sources[0].columns())

    def note_star(self, columns: Iterable[Named], at: int) -> None:
        """Remember that ``*`` uses columns, for the rules of GROUP BY; the first one will do."""
        if self.ungrouped:
            return
        for named in columns:
            if named.value.sql not in self.groups:
                self.ungrouped.append(((Identifier(named.name),), at))
                return

    def owns(self, reference: ColumnReference) -> bool:
        """Whether a reference is one column of this SELECT itself."""
        return len(self._found(reference)) == 1

    def only_table(self) -> TableSource | None:
        """Return the stored table that is all there is in FROM, if one is."""
        if len(self.relations) != 1 or len(self.relations[0].ranges) != 1:
            return None
        source = self.relations[0].ranges[0]
        return source if isinstance(source, TableSource) else None

    def has(self, name: Identifier) -> bool:
        """Whether an unqualified name is a column of this SELECT itself."""
        return any(relation.lookup(name) for relation in self.relations)

    def check_grouping(self, *, grouped: bool) -> None:
        """Check that a query of groups uses no column of single rows.

        Raises
        ------
        Fault
            If it does.
        """
        if not self.ungrouped or not (grouped or self.aggregated is not None):
            return
        parts, at = self.ungrouped[0]
        name = ".".join(map(str, parts))
        raise Fault(
            f"the column {name} is neither in GROUP BY nor in a set function",
            at,
            f"add it to GROUP BY, or write e.g. MAX({name})",
        )

    def _ranges(self) -> Iterator[Range]:
        scope: Scope | None = self
        while scope is not None:
            for relation in scope.relations:
                yield from relation.ranges
            scope = scope.parent

    def _unknown_range(self, qualifier: tuple[Identifier, ...], at: int, count: int) -> Fault:
        written = ".".join(map(str, qualifier))
        if count > 1:
            return Fault(f"the table name {written} is ambiguous", at, "give the tables aliases")
        names = [source.exposed[1] for source in self._ranges()]
        hint = nearest(qualifier[-1].name, names) or f"FROM has {', '.join(names[:10])}"
        return Fault(f"no table {written} is in FROM", at, hint)

    def _unknown(self, reference: ColumnReference) -> Fault:
        *qualifier, name = reference.parts
        ranges = [
            source for source in self._ranges() if not qualifier or source.answers(tuple(qualifier))
        ]
        if not ranges:
            return self._unknown_range(tuple(qualifier), reference.at, 0)
        names = [named.name for source in ranges for named in source.columns()]
        where = f" in {'.'.join(map(str, qualifier))}" if qualifier else ""
        return Fault(f"there is no column {name}{where}", reference.at, nearest(name.name, names))


def check_distinct(ranges: list[tuple[Range, int]]) -> None:
    """Check that the sources of one FROM can be told apart.

    Raises
    ------
    Fault
        If two have the same name.
    """
    seen: set[tuple[str, str]] = set()
    for source, at in ranges:
        if source.exposed in seen:
            raise Fault(
                f"the table name {source.exposed[1]} stands twice in FROM",
                at,
                "give one of them an alias",
            )
        seen.add(source.exposed)


def _answers(
    qualifier: tuple[Identifier, ...], name: Identifier, schema: Identifier | None
) -> bool:
    if not _same(qualifier[-1], name):
        return False
    if len(qualifier) == 1:
        return True
    return len(qualifier) == 2 and schema is not None and qualifier[0].matches(schema.name)


def _same(one: Identifier, other: Identifier) -> bool:
    """Whether two identifiers of a query mean the same: with case only if both are delimited."""
    if one.delimited and other.delimited:
        return one.name == other.name
    return one.name.lower() == other.name.lower()


def _folded(name: Identifier) -> str:
    return name.name if name.delimited else name.name.lower()
