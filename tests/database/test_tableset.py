from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from epntap.database import (
    Database,
    decode_system,
    encode_system,
    load_tableset,
    read_generation,
)
from epntap.tables import CoordinateSystem, Relation, TimeSystem

#: TAP 1.1, section 4: the columns of every table of TAP_SCHEMA, with their types.
STANDARD = {
    "schemas": "schema_name utype description schema_index:int",
    "tables": "schema_name table_name table_type utype description table_index:int",
    "columns": "table_name column_name datatype arraysize xtype size:int description utype unit ucd"
    " indexed:int principal:int std:int column_index:int",
    "keys": "key_id from_table target_table description utype",
    "key_columns": "key_id from_column target_column",
}


@pytest.fixture
def publisher(database: Database) -> Iterator[Connection]:
    """A connection whose changes are undone."""
    with database.publisher() as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("name", STANDARD)
def test_tap_schema_describes_itself_as_the_standard_has_it(database: Database, name: str) -> None:
    with database.reader() as connection:
        table = load_tableset(connection).table(f"TAP_SCHEMA.{name}")
        assert table is not None
        assert table.relation == Relation("tap_schema", name)
        expected = [
            (column, "int", None) if kind else (column, "char", "*")
            for column, _, kind in (item.partition(":") for item in STANDARD[name].split())
        ]
        assert [(c.name, c.datatype, c.arraysize) for c in table.columns] == expected
        assert all(column.std and column.description for column in table.columns)
        # The relation has just these columns, in this order and of these types.
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM tap_schema.{name} LIMIT 0")
            assert cursor.description is not None
            found = [(item.name, item.type_code) for item in cursor.description]
        assert found == [(column, 23 if kind == "int" else 25) for column, kind, _ in expected]


def test_a_reserved_column_name_is_stored_in_quotes_and_loaded_without(database: Database) -> None:
    with database.reader() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM tap_schema.columns WHERE column_name LIKE '%size%'"
            " AND table_name = 'TAP_SCHEMA.columns' AND datatype = 'int'"
        )
        assert cursor.fetchall() == [('"size"',)]
        table = load_tableset(connection).table("tap_schema.columns")
    assert table is not None
    assert table.column("SIZE") is not None


def test_every_key_joins_columns_that_exist(database: Database) -> None:
    with database.reader() as connection, connection.cursor() as cursor:
        tables = load_tableset(connection)
        cursor.execute(
            "SELECT from_table, from_column, target_table, target_column"
            "  FROM tap_schema.keys JOIN tap_schema.key_columns USING (key_id)"
        )
        rows = cursor.fetchall()
    assert len(rows) >= 5
    for from_table, from_column, target_table, target_column in rows:
        for table_name, column in ((from_table, from_column), (target_table, target_column)):
            table = tables.table(table_name)
            assert table is not None
            assert table.column(column) is not None


def test_a_table_is_loaded_with_everything_that_is_known_of_it(publisher: Connection) -> None:
    system = TimeSystem("UTC", "UNKNOWN")
    with publisher.cursor() as cursor:
        cursor.execute(
            "INSERT INTO epntap.tap_schemas (schema_name, utype, description, schema_index)"
            " VALUES ('later', NULL, NULL, 2), ('first', 'su', 'sd', 1)"
        )
        cursor.execute(
            "INSERT INTO epntap.tap_tables (schema_name, table_name, table_type, utype,"
            " description, relation_schema, relation_name)"
            " VALUES ('first', 'first.epn_core', 'table', 'tu', 'td', 'first', 'epn_core_v3')"
        )
        cursor.execute(
            "INSERT INTO epntap.tap_columns (table_name, column_name, datatype, arraysize, xtype,"
            " unit, ucd, utype, description, indexed, principal, std, column_index, system)"
            " VALUES ('first.epn_core', 'b', 'char', '*', 'timestamp', NULL, NULL, NULL, NULL,"
            "         0, 0, 0, 2, NULL),"
            "        ('first.epn_core', 'a', 'double', NULL, NULL, 'd', 'time', 'u', 'x',"
            "         1, 1, 1, 1, %s)",
            (Json(encode_system(system)),),
        )
        cursor.execute("SELECT epntap.bump_generation()")
        row = cursor.fetchone()
    tables = load_tableset(publisher)
    assert row == (tables.generation,)
    assert read_generation(publisher) == tables.generation
    # Other tests may have published something that they still use.
    ours = [name for name in (s.name for s in tables.schemas) if name in ("first", "later")]
    assert ours == ["first", "later"]
    assert tables.schemas[-1].name == "TAP_SCHEMA"
    schema = tables.schemas[0]
    assert (schema.utype, schema.description) == ("su", "sd")
    (table,) = schema.tables
    assert (table.qualified_name, table.utype, table.description) == ("first.epn_core", "tu", "td")
    assert table.relation == Relation("first", "epn_core_v3")
    first, second = table.columns
    assert (first.name, first.datatype, first.unit, first.ucd, first.utype, first.description) == (
        *("a", "double", "d", "time", "u", "x"),
    )
    assert first.system == system
    assert first.indexed
    assert first.principal
    assert first.std
    assert (second.name, second.arraysize, second.xtype, second.std) == (
        "b",
        "*",
        "timestamp",
        False,
    )
    assert tables.schemas[1].tables == ()


def test_a_catalogue_has_at_most_one_current_version(publisher: Connection) -> None:
    with publisher.cursor() as cursor:
        cursor.execute("INSERT INTO epntap.catalogue (name, description) VALUES ('c', '{}')")
        with pytest.raises(psycopg2.errors.UniqueViolation):
            cursor.execute(
                "INSERT INTO epntap.version (catalogue, version, relation, state)"
                " VALUES ('c', 1, 'v1', 'current'), ('c', 2, 'v2', 'current')"
            )


words = st.text(min_size=1)
systems = st.one_of(
    st.none(),
    st.builds(TimeSystem, words, words, words),
    st.builds(CoordinateSystem, words, st.none() | words),
)


@given(systems)
def test_a_system_survives_being_stored(system: TimeSystem | CoordinateSystem | None) -> None:
    assert decode_system(encode_system(system)) == system


@pytest.mark.parametrize("value", [{}, {"timesys": 1}, {"frame": {}}])
def test_a_system_of_no_known_kind_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="neither timesys nor coosys"):
        decode_system(value)
