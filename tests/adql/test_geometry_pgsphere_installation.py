"""How a database comes to compute geometry by pg_sphere, and what happens where it cannot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest

from epntap.adql import translate
from epntap.database import Database, load_tableset, read_generation
from epntap.database.pgsphere import create_extension
from epntap.settings import Settings

Create = Callable[[str], psycopg2.extensions.connection]

POLYGON = "POLYGON(350, -10, 10, -10, 10, 10, 350, 10)"


@pytest.fixture
def create(server: str) -> Iterator[Create]:
    """A function that makes a database and connects to it as superuser."""
    opened: list[psycopg2.extensions.connection] = []

    def make(name: str) -> psycopg2.extensions.connection:
        connection = psycopg2.connect(server)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        connection.close()
        opened.append(psycopg2.connect(server.replace("dbname=postgres", f"dbname={name}")))
        opened[-1].autocommit = True
        return opened[-1]

    yield make
    for connection in opened:
        connection.close()


def is_offered(connection: psycopg2.extensions.connection) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_available_extensions WHERE name = 'pg_sphere'")
        return bool(cursor.rowcount)


def skip_unless_offered(connection: psycopg2.extensions.connection) -> None:
    if not is_offered(connection):
        pytest.skip("this server does not offer pg_sphere")


def answer(database: Database) -> tuple[str, str, object]:
    """Which back end the reader is told of, the SQL for it of a query, and the query's answer."""
    with database.reader() as connection, connection.cursor() as cursor:
        tables = load_tableset(connection)
        query = (
            f"SELECT TOP 1 CONTAINS(POINT(1 + 0 * column_index, 2), {POLYGON}) AS a"
            " FROM TAP_SCHEMA.columns"
        )
        sql = translate(query, tables).sql
        cursor.execute(sql)
        (row,) = cursor.fetchall()
        return tables.geometry, sql, row[0]


def test_the_reader_of_a_server_with_pg_sphere_uses_it_and_without_it_again_portable_functions(
    server: str, create: Create, tmp_path: Path
):
    connection = create("with_sphere")
    skip_unless_offered(connection)
    settings = Settings(home=tmp_path, dsn=server.replace("dbname=postgres", "dbname=with_sphere"))
    with Database.open(settings) as database:
        geometry, sql, inside = answer(database)
        assert (geometry, inside) == ("pg_sphere", 1)
        assert "udf.sphere_within" in sql
        with database.reader() as reader:
            before = read_generation(reader)
        # Nothing is tried again while nothing changes.
        with connection.cursor() as cursor:
            cursor.execute("SELECT installed FROM epntap.installation")
            installed = cursor.fetchone()
            Database.open(settings).close()
            cursor.execute("SELECT installed FROM epntap.installation")
            assert cursor.fetchone() == installed
            # An administrator takes it away, and somebody else may not even make it.
            cursor.execute(
                "DROP EXTENSION pg_sphere CASCADE; CREATE TYPE contrib.spoint AS (x int)"
            )
        Database.open(settings).close()
        geometry, sql, inside = answer(database)
        assert (geometry, inside) == ("portable", 1)
        assert "udf.sphere_within" not in sql
        with database.reader() as reader:
            assert read_generation(reader) == before + 1


def test_an_extension_whose_script_fails_is_one_line_of_the_log_and_no_error(
    create: Create, caplog: pytest.LogCaptureFixture
):
    connection = create("broken_sphere")
    skip_unless_offered(connection)
    connection.autocommit = False
    with caplog.at_level(logging.DEBUG, "epntap"), connection, connection.cursor() as cursor:
        # What the script makes first is there already.
        cursor.execute("CREATE SCHEMA contrib; CREATE TYPE contrib.spoint AS (x int)")
        assert create_extension(connection) is False
        cursor.execute("SELECT 'the transaction goes on'")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(
        'pg_sphere cannot be installed: type "spoint" already exists'
    )
    assert record.getMessage().endswith("searches by polygons are slower)")
    assert "\n" not in record.getMessage()


def test_an_owner_who_may_not_make_it_is_told_what_a_superuser_can_do(
    create: Create, caplog: pytest.LogCaptureFixture
):
    connection = create("modest_sphere")
    skip_unless_offered(connection)
    connection.autocommit = False
    with caplog.at_level(logging.DEBUG, "epntap"), connection, connection.cursor() as cursor:
        cursor.execute("CREATE ROLE modest; CREATE SCHEMA contrib AUTHORIZATION modest")
        cursor.execute("SET LOCAL ROLE modest")
        assert create_extension(connection) is False
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert "permission denied to create extension" in record.getMessage()
    assert "CREATE EXTENSION pg_sphere WITH SCHEMA contrib" in record.getMessage()


def test_an_extension_in_another_schema_is_left_alone(
    create: Create, caplog: pytest.LogCaptureFixture
):
    connection = create("other_sphere")
    skip_unless_offered(connection)
    connection.autocommit = False
    with caplog.at_level(logging.DEBUG, "epntap"), connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA contrib; CREATE EXTENSION pg_sphere WITH SCHEMA public")
        assert create_extension(connection) is False
    (record,) = caplog.records
    assert "ALTER EXTENSION pg_sphere SET SCHEMA contrib" in record.getMessage()


def test_a_server_that_does_not_offer_it_is_not_worth_a_line(
    create: Create, caplog: pytest.LogCaptureFixture
):
    connection = create("no_sphere")
    connection.autocommit = False
    if is_offered(connection):
        pytest.skip("this server offers pg_sphere")
    with caplog.at_level(logging.DEBUG, "epntap"), connection:
        assert create_extension(connection) is False
    (record,) = caplog.records
    assert record.levelno == logging.DEBUG
