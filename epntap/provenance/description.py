"""The schema ``provenance`` as TAP_SCHEMA describes it: ``schema/provenance.yaml``."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from psycopg2.extras import execute_values
from pydantic import BaseModel, ConfigDict

from epntap.resources import provenance_file
from epntap.tables import TEXT_DATATYPES, Column, ForeignKey, Relation, Schema, Table
from epntap.yamlfile import read_yaml


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _ColumnEntry(_Model):
    name: str
    datatype: str
    description: str
    ucd: str | None = None
    unit: str | None = None
    utype: str | None = None
    xtype: str | None = None
    principal: bool = False
    indexed: bool = False


class _JoinEntry(_Model):
    target: str
    columns: dict[str, str]
    description: str


class _TableEntry(_Model):
    name: str
    description: str
    columns: list[_ColumnEntry]
    utype: str | None = None
    joins: list[_JoinEntry] = []


class _SchemaEntry(_Model):
    name: str
    description: str
    index: int
    tables: list[_TableEntry]


@dataclass(frozen=True, slots=True)
class DescribedSchema:
    """A schema of the service's own.

    Attributes
    ----------
    schema
        With its tables, whose relations have their names.
    index
        Its place among the schemas of TAP_SCHEMA.
    """

    schema: Schema
    index: int


@functools.cache
def read_provenance_schema() -> DescribedSchema:
    """Read the description; it travels with the package."""
    entry = _SchemaEntry.model_validate(read_yaml(provenance_file()).content)
    tables = tuple(_table(entry.name, table) for table in entry.tables)
    return DescribedSchema(Schema(entry.name, tables, entry.description.strip()), entry.index)


def _table(schema: str, entry: _TableEntry) -> Table:
    return Table(
        schema=schema,
        name=entry.name,
        columns=tuple(_column(column) for column in entry.columns),
        relation=Relation(schema, entry.name),
        utype=entry.utype,
        description=entry.description,
        foreign_keys=tuple(
            ForeignKey(f"{schema}.{join.target}", tuple(join.columns.items()), join.description)
            for join in entry.joins
        ),
    )


def _column(entry: _ColumnEntry) -> Column:
    return Column(
        name=entry.name,
        datatype=entry.datatype,
        arraysize="*" if entry.datatype in TEXT_DATATYPES else None,
        xtype=entry.xtype,
        unit=entry.unit,
        ucd=entry.ucd,
        utype=entry.utype,
        description=entry.description,
        indexed=entry.indexed,
        principal=entry.principal,
    )


def describe_provenance(cursor: Any) -> None:
    """Write what TAP_SCHEMA says of the schema; keys of catalogues that point to it stay.

    Parameters
    ----------
    cursor
        Of the owner, in a transaction.
    """
    described = read_provenance_schema()
    schema = described.schema
    before = _described(cursor, schema.name)
    cursor.execute(
        "INSERT INTO epntap.tap_schemas (schema_name, description, schema_index)"
        " VALUES (%s, %s, %s) ON CONFLICT (schema_name) DO UPDATE"
        " SET description = excluded.description, schema_index = excluded.schema_index",
        (schema.name, schema.description, described.index),
    )
    names = [table.qualified_name for table in schema.tables]
    cursor.execute(
        "DELETE FROM epntap.tap_tables WHERE schema_name = %s AND NOT table_name = ANY (%s)",
        (schema.name, names),
    )
    execute_values(
        cursor,
        "INSERT INTO epntap.tap_tables (schema_name, table_name, table_type, utype, description,"
        " table_index, relation_schema, relation_name) VALUES %s"
        " ON CONFLICT (table_name) DO UPDATE SET utype = excluded.utype,"
        " description = excluded.description, table_index = excluded.table_index",
        [
            (
                schema.name,
                table.qualified_name,
                "view",
                table.utype,
                table.description,
                index,
                table.relation.schema,
                table.relation.name,
            )
            for index, table in enumerate(schema.tables, start=1)
        ],
    )
    cursor.execute("DELETE FROM epntap.tap_columns WHERE table_name = ANY (%s)", (names,))
    for table in schema.tables:
        _insert_columns(cursor, table)
    cursor.execute("DELETE FROM epntap.tap_keys WHERE from_table = ANY (%s)", (names,))
    for table in schema.tables:
        _insert_keys(cursor, table)
    # Of a schema that is new here no service that is running can know anything wrong.
    if any(before) and _described(cursor, schema.name) != before:
        cursor.execute("SELECT epntap.bump_generation()")


def _described(cursor: Any, schema: str) -> list[Any]:
    """Return what TAP_SCHEMA says of a schema, to be compared."""
    found: list[Any] = []
    for query in (
        "SELECT s FROM epntap.tap_schemas AS s WHERE schema_name = %s",
        "SELECT t FROM epntap.tap_tables AS t WHERE schema_name = %s ORDER BY table_name",
        "SELECT c FROM epntap.tap_columns AS c JOIN epntap.tap_tables USING (table_name)"
        " WHERE schema_name = %s ORDER BY table_name, column_name",
        "SELECT k, l FROM epntap.tap_keys AS k JOIN epntap.tap_key_columns AS l USING (key_id)"
        " JOIN epntap.tap_tables AS t ON t.table_name = k.from_table"
        " WHERE t.schema_name = %s ORDER BY key_id, l.from_column",
    ):
        cursor.execute(query, (schema,))
        found.append(cursor.fetchall())
    return found


def _insert_columns(cursor: Any, table: Table) -> None:
    execute_values(
        cursor,
        "INSERT INTO epntap.tap_columns (table_name, column_name, datatype, arraysize, xtype,"
        " description, utype, unit, ucd, indexed, principal, std, column_index) VALUES %s",
        [
            (
                table.qualified_name,
                column.name,
                column.datatype,
                column.arraysize,
                column.xtype,
                column.description,
                column.utype,
                column.unit,
                column.ucd,
                int(column.indexed),
                int(column.principal),
                int(column.std),
                index,
            )
            for index, column in enumerate(table.columns, start=1)
        ],
    )


def _insert_keys(cursor: Any, table: Table) -> None:
    for number, key in enumerate(table.foreign_keys, start=1):
        key_id = f"{table.schema}_{table.name}_{number}"
        cursor.execute(
            "INSERT INTO epntap.tap_keys (key_id, from_table, target_table, description)"
            " VALUES (%s, %s, %s, %s)",
            (key_id, table.qualified_name, key.target, key.description),
        )
        execute_values(
            cursor,
            "INSERT INTO epntap.tap_key_columns (key_id, from_column, target_column) VALUES %s",
            [(key_id, here, there) for here, there in key.columns],
        )
