"""What the login that uploads tables may do: make temporary tables of its own, and read."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2 import errors

from epntap.database import Database


@pytest.fixture
def uploader(database: Database) -> Iterator[psycopg2.extensions.connection]:
    with database.uploader() as connection:
        yield connection


def test_one_connection_does_not_see_the_tables_of_another(database):
    with database.uploader() as one, database.uploader() as two:
        with one.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ WRITE")
            cursor.execute("CREATE TEMPORARY TABLE secret (a int)")
            cursor.execute("INSERT INTO pg_temp.secret VALUES (42)")
        one.commit()
        try:
            with database.owner() as owner, owner.cursor() as cursor:
                cursor.execute(
                    "SELECT relnamespace::regnamespace::text FROM pg_catalog.pg_class"
                    " WHERE relname = 'secret'"
                )
                (namespace,) = cursor.fetchone()
            with two.cursor() as cursor, pytest.raises(psycopg2.Error):
                cursor.execute(f"SELECT * FROM {namespace}.secret")
            two.rollback()
            with two.cursor() as cursor, pytest.raises(errors.UndefinedTable):
                cursor.execute("SELECT * FROM pg_temp.secret")
        finally:
            with one.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ WRITE")
                cursor.execute("DROP TABLE pg_temp.secret")
            one.commit()


DENIED = [
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM pg_catalog.pg_roles",
    "SELECT * FROM information_schema.tables",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_sleep(0)",
    "SELECT set_config('role', 'epntap_owner', false)",
    "SELECT current_setting('data_directory')",
    "SELECT lo_create(0)",
    "SELECT pg_advisory_lock(1)",
    "SET ROLE epntap_owner",
    "SET ROLE epntap_publisher",
    "CREATE TABLE public.t (a int)",
    "CREATE TABLE epntap.t (a int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DO $$ BEGIN PERFORM 1; END $$",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "COPY (SELECT 1) TO '/tmp/epntap-must-not-exist'",
    "SELECT * FROM epntap.catalogue",
    "SELECT * FROM epntap.installation",
    "UPDATE epntap.generation SET value = 0",
    "DELETE FROM tap_schema.columns",
    "CREATE EXTENSION hstore",
    "CREATE ROLE another",
]


@pytest.mark.parametrize("statement", DENIED)
def test_the_uploader_is_denied_what_the_reader_is_denied(uploader, statement):
    with uploader.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ WRITE")
        with pytest.raises(errors.InsufficientPrivilege):
            cursor.execute(statement)
    uploader.rollback()


def test_the_transactions_of_the_uploader_are_read_only_unless_it_says_otherwise(uploader):
    with uploader.cursor() as cursor, pytest.raises(errors.ReadOnlySqlTransaction):
        cursor.execute("CREATE TEMPORARY TABLE t (a int)")
    uploader.rollback()


def test_the_uploader_reads_what_the_reader_reads(uploader):
    with uploader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tap_schema.columns")
        assert cursor.fetchone()[0] > 0
