"""Tables of PostgreSQL by name; imports no pandas, unlike what fills them."""

from __future__ import annotations

from typing import Any

from psycopg2 import sql

from epntap.tables import Relation


def identifier(relation: Relation) -> sql.Identifier:
    """Return the quoted name of a relation."""
    return sql.Identifier(relation.schema, relation.name)


def columns_of_relation(cursor: Any, relation: Relation) -> frozenset[str]:
    """Return the names of the columns that a table has in the database."""
    cursor.execute(
        "SELECT a.attname FROM pg_catalog.pg_attribute AS a"
        " JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid"
        " JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace"
        " WHERE s.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped",
        (relation.schema, relation.name),
    )
    return frozenset(row[0] for row in cursor.fetchall())


def indexed_columns(cursor: Any, relation: Relation) -> frozenset[str]:
    """Return the names of the columns that an index of the table is over, itself or in a form."""
    cursor.execute(
        "SELECT a.attname FROM pg_catalog.pg_index AS i"
        " JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid"
        " JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace"
        " JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0"
        " WHERE s.nspname = %s AND c.relname = %s AND (a.attnum = ANY (i.indkey)"
        # What an index is over besides whole columns stands in the record of dependences.
        " OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.objid = i.indexrelid"
        " AND d.classid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid"
        " AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid = a.attnum))",
        (relation.schema, relation.name),
    )
    return frozenset(row[0] for row in cursor.fetchall())
