"""Reading TAP_SCHEMA into the types that the layers above talk in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.tables import (
    Column,
    CoordinateSystem,
    ForeignKey,
    Relation,
    Schema,
    Table,
    TableSet,
    TimeSystem,
)

_TABLESET = """
SELECT (SELECT value FROM epntap.generation),
       (SELECT pg_catalog.json_agg(s ORDER BY s.schema_index NULLS LAST, s.schema_name)
          FROM epntap.tap_schemas s),
       (SELECT pg_catalog.json_agg(t ORDER BY t.table_index NULLS LAST, t.table_name)
          FROM epntap.tap_tables t),
       (SELECT pg_catalog.json_agg(c ORDER BY c.table_name, c.column_index)
          FROM epntap.tap_columns c),
       (SELECT pg_catalog.json_agg(k ORDER BY k.key_id) FROM epntap.tap_keys k),
       (SELECT pg_catalog.json_agg(p ORDER BY p.key_id, p.from_column)
          FROM epntap.tap_key_columns p),
       udf.geometry_backend()
"""


def load_tableset(connection: Connection) -> TableSet:
    """Read everything that can be queried, as one statement sees it.

    Parameters
    ----------
    connection
        Of any login.

    Returns
    -------
    TableSet
        Schemas, tables and columns in the order of their indexes. Column names are without the
        quotes that TAP_SCHEMA has around reserved words.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TABLESET)
        row = cursor.fetchone()
    if row is None:
        raise AssertionError("a SELECT without FROM has one row")
    generation, schemas, tables, columns, keys, key_columns, geometry = row
    columns_of: dict[str, list[Column]] = defaultdict(list)
    for record in columns or ():
        columns_of[record["table_name"]].append(_column(record))
    keys_of = _foreign_keys(keys or (), key_columns or ())
    tables_of: dict[str, list[Table]] = defaultdict(list)
    for record in tables or ():
        tables_of[record["schema_name"]].append(
            _table(
                record,
                tuple(columns_of[record["table_name"]]),
                tuple(keys_of[record["table_name"]]),
            )
        )
    return TableSet(
        schemas=tuple(
            Schema(
                name=record["schema_name"],
                tables=tuple(tables_of[record["schema_name"]]),
                description=record["description"],
                utype=record["utype"],
            )
            for record in schemas or ()
        ),
        generation=generation,
        geometry=geometry,
    )


def read_generation(connection: Connection) -> int:
    """Read the number of the database's state; a `TableSet` of another number is out of date."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM epntap.generation")
        row = cursor.fetchone()
    if row is None:
        raise AssertionError("the table epntap.generation has one row")
    return int(row[0])


def encode_system(system: TimeSystem | CoordinateSystem | None) -> dict[str, Any] | None:
    """Write a column's system as ``epntap.tap_columns.system`` keeps it."""
    match system:
        case None:
            return None
        case TimeSystem():
            return {
                "timesys": {
                    "timescale": system.timescale,
                    "refposition": system.refposition,
                    "timeorigin": system.timeorigin,
                }
            }
        case CoordinateSystem():
            return {"coosys": {"system": system.system, "epoch": system.epoch}}


def decode_system(value: Mapping[str, Any] | None) -> TimeSystem | CoordinateSystem | None:
    """Read what `encode_system` wrote.

    Raises
    ------
    ValueError
        If it is something else.
    """
    match value:
        case None:
            return None
        case {"timesys": dict(fields)}:
            return TimeSystem(**fields)
        case {"coosys": dict(fields)}:
            return CoordinateSystem(**fields)
    raise ValueError(f"epntap.tap_columns.system: neither timesys nor coosys: {value!r}")


def _foreign_keys(
    keys: Iterable[Mapping[str, Any]], key_columns: Iterable[Mapping[str, Any]]
) -> dict[str, list[ForeignKey]]:
    """Return the foreign keys by the table that they are of."""
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for record in key_columns:
        pair = (_without_quotes(record["from_column"]), _without_quotes(record["target_column"]))
        pairs[record["key_id"]].append(pair)
    found: dict[str, list[ForeignKey]] = defaultdict(list)
    for record in keys:
        key = ForeignKey(
            record["target_table"], tuple(pairs[record["key_id"]]), record["description"]
        )
        found[record["from_table"]].append(key)
    return found


def _table(
    record: Mapping[str, Any], columns: tuple[Column, ...], keys: tuple[ForeignKey, ...]
) -> Table:
    return Table(
        schema=record["schema_name"],
        name=record["table_name"].removeprefix(record["schema_name"] + "."),
        columns=columns,
        relation=Relation(record["relation_schema"], record["relation_name"]),
        utype=record["utype"],
        description=record["description"],
        foreign_keys=keys,
    )


def _column(record: Mapping[str, Any]) -> Column:
    return Column(
        name=_without_quotes(record["column_name"]),
        datatype=record["datatype"],
        arraysize=record["arraysize"],
        xtype=record["xtype"],
        unit=record["unit"],
        ucd=record["ucd"],
        utype=record["utype"],
        description=record["description"],
        system=decode_system(record["system"]),
        indexed=bool(record["indexed"]),
        principal=bool(record["principal"]),
        std=bool(record["std"]),
    )


def _without_quotes(name: str) -> str:
    """Return the identifier that an ADQL delimited identifier stands for."""
    if len(name) > 1 and name[0] == name[-1] == '"':
        return name[1:-1].replace('""', '"')
    return name
