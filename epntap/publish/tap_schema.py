"""A catalogue's rows in TAP_SCHEMA (TAP 1.1, section 4)."""

from __future__ import annotations

from typing import Any

from psycopg2 import sql
from psycopg2.extras import Json, execute_values

from epntap.catalogue import Catalogue
from epntap.database import encode_system
from epntap.epncore.standard import AddedColumn
from epntap.publish.relations import columns_of_relation, indexed_columns
from epntap.tables import Relation

#: TAP_SCHEMA itself comes first; catalogues follow in the order of their names.
_SCHEMA_INDEX = 100


def describe(cursor: Any, catalogue: Catalogue, relation: Relation) -> None:
    """Replace what TAP_SCHEMA says of a catalogue, and where its rows are."""
    forget(cursor, catalogue.name)
    name, table = catalogue.name, f"{catalogue.name}.epn_core"
    text = " ".join(catalogue.description.description.split())
    cursor.execute(
        "INSERT INTO epntap.tap_schemas (schema_name, description, schema_index, catalogue)"
        " VALUES (%s, %s, %s, %s)",
        (name, f"{catalogue.description.title}: {text}", _SCHEMA_INDEX, name),
    )
    cursor.execute(
        "INSERT INTO epntap.tap_tables (schema_name, table_name, table_type, utype, description,"
        " table_index, catalogue, relation_schema, relation_name)"
        " VALUES (%s, %s, 'table', %s, %s, 1, %s, %s, %s)",
        (name, table, catalogue.utype, text, name, relation.schema, relation.name),
    )
    indexed = indexed_columns(cursor, relation)
    # A version that is older than what the service adds today has none of it.
    there = columns_of_relation(cursor, relation)
    absent = {added.column.name for added in catalogue.standard.added} - there
    execute_values(
        cursor,
        "INSERT INTO epntap.tap_columns (table_name, column_name, datatype, arraysize, xtype,"
        " description, utype, unit, ucd, indexed, principal, std, column_index, catalogue,"
        " system) VALUES %s",
        [
            (
                table,
                column.name,
                column.datatype,
                column.arraysize,
                column.xtype,
                column.description,
                column.utype,
                column.unit,
                column.ucd,
                int(column.name in indexed),
                int(column.principal),
                int(column.std),
                index,
                name,
                Json(encode_system(column.system)) if column.system else None,
            )
            for index, column in enumerate(catalogue.columns, start=1)
            if column.name not in absent
        ],
    )
    for added in catalogue.standard.added:
        if added.column.name in there:
            _join(cursor, name, table, added)


def _join(cursor: Any, name: str, table: str, added: AddedColumn) -> None:
    """Tell how the table joins the one that a column refers to."""
    key = f"{name}_{added.column.name}"
    cursor.execute(
        "INSERT INTO epntap.tap_keys (key_id, from_table, target_table, description, catalogue)"
        " VALUES (%s, %s, %s, %s, %s)",
        (key, table, added.target_table, added.column.description, name),
    )
    cursor.execute(
        "INSERT INTO epntap.tap_key_columns (key_id, from_column, target_column, catalogue)"
        " VALUES (%s, %s, %s, %s)",
        (key, added.column.name, added.target_column, name),
    )


def forget(cursor: Any, name: str) -> None:
    """Delete what TAP_SCHEMA says of a catalogue."""
    for table in ("tap_key_columns", "tap_keys", "tap_columns", "tap_tables", "tap_schemas"):
        cursor.execute(
            sql.SQL("DELETE FROM {} WHERE catalogue = %s").format(sql.Identifier("epntap", table)),
            (name,),
        )
