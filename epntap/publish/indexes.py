"""What makes queries on a new version fast: keys, indexes, statistics."""

from __future__ import annotations

from typing import Any

from psycopg2 import sql

from epntap.catalogue import Catalogue
from epntap.publish.relations import identifier
from epntap.tables import Relation


def finish_table(cursor: Any, catalogue: Catalogue, relation: Relation) -> None:
    """Give the table its primary key, indexes and statistics."""
    cursor.execute(
        sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (granule_uid)").format(identifier(relation))
    )
    for name in catalogue.indexes:
        cursor.execute(
            sql.SQL("CREATE INDEX ON {} ({})").format(identifier(relation), sql.Identifier(name))
        )
    for expression in _geometry_indexes(catalogue):
        cursor.execute(
            sql.SQL("CREATE INDEX ON {} USING gist ({})").format(
                identifier(relation), sql.SQL(expression)
            )
        )
    cursor.execute(sql.SQL("ANALYZE {}").format(identifier(relation)))


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
