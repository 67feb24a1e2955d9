"""What makes queries on a new version fast: keys, indexes, statistics."""

from __future__ import annotations

from typing import Any

from psycopg2 import sql

from epntap.catalogue import Catalogue
from epntap.publish.relations import identifier
from epntap.tables import Relation

#: Statistics target of columns without an index: 6,000 rows are looked at, of any table.
_COARSE_TARGET = 20


def finish_table(cursor: Any, catalogue: Catalogue, relation: Relation) -> None:
    """Give the table its primary key, indexes and statistics."""
    cursor.execute(
        "SELECT FROM pg_catalog.pg_index WHERE indrelid = %s::regclass AND indisprimary",
        (f'"{relation.schema}"."{relation.name}"',),
    )
    if cursor.rowcount == 0:
        add_key(cursor, relation)
    for name in catalogue.indexes:
        cursor.execute(
            sql.SQL("CREATE INDEX ON {} ({})").format(identifier(relation), sql.Identifier(name))
        )
    cursor.execute(
        sql.SQL("CREATE INDEX ON {} USING spgist (udf.span(time_min, time_max))").format(
            identifier(relation)
        )
    )
    for expression in _geometry_indexes(catalogue):
        cursor.execute(
            sql.SQL("CREATE INDEX ON {} USING gist ({})").format(
                identifier(relation), sql.SQL(expression)
            )
        )
    _analyse(cursor, catalogue, relation)


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


def _analyse(cursor: Any, catalogue: Catalogue, relation: Relation) -> None:
    """Give the planner statistics: fine ones of the columns that indexes can be chosen for.

    Most of the time that ANALYZE takes goes into sorting samples of long texts that hardly any
    query compares; a small sample shows as well that they all differ.
    """
    cursor.execute("SHOW default_statistics_target")
    coarse = min(int(cursor.fetchone()[0]), _COARSE_TARGET)
    cursor.execute("SET LOCAL default_statistics_target = %s", (coarse,))
    cursor.execute(sql.SQL("ANALYZE {}").format(identifier(relation)))
    cursor.execute("RESET default_statistics_target")
    cursor.execute(
        sql.SQL("ANALYZE {} ({})").format(
            identifier(relation), sql.SQL(", ").join(map(sql.Identifier, catalogue.indexes))
        )
    )


def _geometry_indexes(catalogue: Catalogue) -> list[str]:
    """Return the expressions by which queries search on the sphere.

    They are those that `epntap.adql.geometry` writes, so that the planner knows them again.
    """
    if catalogue.frame not in ("celestial", "body"):
        return []
    columns = {column.name: column for column in catalogue.columns}
    expressions = []
    if {"c1min", "c2min"} <= set(columns):
        c1, c2 = (
            f"{name}::double precision" if columns[name].datatype == "float" else name
            for name in ("c1min", "c2min")
        )
        expressions.append(f"udf.position({c1}, {c2})")
    region = columns.get("s_region")
    if region is not None and region.xtype == "adql:REGION":
        expressions.append("udf.region_box(s_region)")
    elif region is not None and region.xtype == "point":
        expressions.append("udf.position((s_region)[1], (s_region)[2])")
    elif region is not None:
        expressions.append("udf.shape_box(s_region)")
    return expressions
