"""What makes queries on a new version fast: keys, indexes, statistics."""

from __future__ import annotations

from typing import Any

from psycopg2 import sql

from epntap.catalogue import Catalogue
from epntap.catalogue.indexes import PERIOD, Index, is_usual
from epntap.publish.contents import Contents
from epntap.publish.relations import identifier
from epntap.tables import Column, Relation

#: Statistics target of columns without an index: 6,000 rows are looked at, of any table.
_COARSE_TARGET = 20


def watched_columns(catalogue: Catalogue) -> tuple[str, ...]:
    """Return the columns whose different values decide whether they get an index."""
    return tuple(
        index.columns[0]
        for index in catalogue.indexes
        if index.method == "gin" and is_usual(index, catalogue.description.indexes)
    )


def finish_table(cursor: Any, catalogue: Catalogue, relation: Relation, contents: Contents) -> None:
    """Give the table its primary key, indexes and statistics.

    Parameters
    ----------
    contents
        What the columns hold: those without a value get no index, and lists of few different words
        none that was not asked for.
    """
    cursor.execute(
        "SELECT FROM pg_catalog.pg_index WHERE indrelid = %s::regclass AND indisprimary",
        (f'"{relation.schema}"."{relation.name}"',),
    )
    if cursor.rowcount == 0:
        add_key(cursor, relation)
    made = [index for index in catalogue.indexes if _pays(index, catalogue, contents)]
    for index in made:
        _create(cursor, catalogue, relation, index)
    _analyse(cursor, catalogue, relation, made)


def add_key(cursor: Any, relation: Relation) -> None:
    """Make ``granule_uid`` the primary key.

    Raises
    ------
    psycopg2.errors.UniqueViolation
        If two rows have the same.
    """
    cursor.execute(
        sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (granule_uid)").format(identifier(relation))
    )


def _pays(index: Index, catalogue: Catalogue, contents: Contents) -> bool:
    if not all(map(contents.has_values, index.columns)):
        return False
    if index.method == "gin" and is_usual(index, catalogue.description.indexes):
        return contents.is_varied(index.columns[0])
    return True


def _create(cursor: Any, catalogue: Catalogue, relation: Relation, index: Index) -> None:
    cursor.execute(
        sql.SQL("CREATE INDEX ON {} USING {} ({})").format(
            identifier(relation),
            sql.SQL(index.method),
            sql.SQL(", ").join(_keys(index, catalogue)),
        )
    )


def _keys(index: Index, catalogue: Catalogue) -> list[sql.Composable]:
    """Return what an index is over.

    The expressions are those that `epntap.adql` writes, so that the planner knows them again.
    """
    columns = [catalogue.column(name) for name in index.columns]
    names = [sql.Identifier(column.name) for column in columns]
    if index.method == "gin":
        return [sql.SQL("string_to_array(lower({}), '#')").format(name) for name in names]
    if index.method != "gist":
        return list(names)
    if index.columns == ["s_region"]:
        return [_region(columns[0])]
    function = "udf.period({}, {})" if tuple(index.columns) == PERIOD else "udf.position({}, {})"
    return [sql.SQL(function).format(*map(_double, columns))]


def _double(column: Column) -> sql.Composable:
    name = sql.Identifier(column.name)
    return name if column.datatype == "double" else sql.SQL("{}::double precision").format(name)


def _region(column: Column) -> sql.Composable:
    if column.xtype == "adql:REGION":
        return sql.SQL("udf.region_box(s_region)")
    if column.xtype == "point":
        return sql.SQL("udf.position((s_region)[1], (s_region)[2])")
    return sql.SQL("udf.shape_box(s_region)")


def _analyse(cursor: Any, catalogue: Catalogue, relation: Relation, made: list[Index]) -> None:
    """Give the planner statistics: fine ones of the columns that indexes can be chosen for.

    Most of the time that ANALYZE takes goes into sorting samples of long texts that hardly any
    query compares; a small sample shows as well that they all differ.
    """
    for name, target in catalogue.description.statistics.items():
        cursor.execute(
            sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS {}").format(
                identifier(relation), sql.Identifier(name), sql.Literal(target)
            )
        )
    cursor.execute("SHOW default_statistics_target")
    coarse = min(int(cursor.fetchone()[0]), _COARSE_TARGET)
    cursor.execute("SET LOCAL default_statistics_target = %s", (coarse,))
    cursor.execute(sql.SQL("ANALYZE {}").format(identifier(relation)))
    cursor.execute("RESET default_statistics_target")
    compared = dict.fromkeys(
        name for index in made if index.method == "btree" for name in index.columns
    )
    if compared:
        cursor.execute(
            sql.SQL("ANALYZE {} ({})").format(
                identifier(relation), sql.SQL(", ").join(map(sql.Identifier, compared))
            )
        )
