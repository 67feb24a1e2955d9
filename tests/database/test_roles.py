"""What the reader may and may not do, on every kind of server programs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import errors
from psycopg2.extensions import connection as Connection

from epntap.database import Database
from epntap.database.roles import Roles
from epntap.errors import DatabaseUnavailableError


@pytest.fixture(scope="module")
def published(both: Database) -> Database:
    """A published table, as the publisher makes it."""
    with both.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA roles_test")
        cursor.execute(
            "CREATE TABLE roles_test.events AS SELECT i AS id, 'event ' || i AS title,"
            " i / 7.0::float8 AS value, array[i, i + 1] AS pair, '2020-01-01'::timestamp(3) AS t"
            " FROM generate_series(1, 1000) i"
        )
        cursor.execute("CREATE INDEX ON roles_test.events (value)")
        cursor.execute("CREATE INDEX ON roles_test.events USING gist (contrib.cube(array[value]))")
        cursor.execute("ANALYZE roles_test.events")
        cursor.execute("GRANT USAGE ON SCHEMA roles_test TO epntap_reader")
        cursor.execute("GRANT SELECT ON roles_test.events TO epntap_reader")
        cursor.execute("CREATE TABLE roles_test.loading (secret int)")
    return both


@pytest.fixture
def reader(published: Database) -> Iterator[Connection]:
    with published.reader() as connection:
        yield connection


DENIED = [
    "SELECT * FROM pg_catalog.pg_authid",
    "SELECT * FROM pg_catalog.pg_roles",
    "SELECT * FROM pg_catalog.pg_shadow",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM pg_catalog.pg_stats",
    "SELECT * FROM pg_catalog.pg_proc",
    "SELECT * FROM pg_catalog.pg_settings",
    "SELECT * FROM pg_catalog.pg_database",
    "SELECT * FROM pg_catalog.pg_stat_activity",
    "SELECT * FROM pg_catalog.pg_largeobject_metadata",
    "SELECT subname FROM pg_catalog.pg_subscription",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM information_schema.enabled_roles",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT pg_stat_file('.')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_ls_logdir()",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_get(1)",
    "SELECT lo_open(1, 131072)",
    "SELECT lo_export(1, '/tmp/x')",
    "SELECT loread(0, 1)",
    "SELECT pg_sleep(0)",
    "SELECT pg_sleep_for('0 s')",
    "SELECT pg_sleep_until(now())",
    "SELECT set_config('role', 'epntap_owner', false)",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SELECT current_setting('data_directory')",
    "SELECT current_setting('server_version')",
    "SELECT version()",
    "SELECT current_database()",
    "SELECT pg_backend_pid()",
    "SELECT inet_server_addr()",
    "SELECT inet_client_addr()",
    "SELECT pg_postmaster_start_time()",
    "SELECT pg_terminate_backend(1)",
    "SELECT pg_cancel_backend(1)",
    "SELECT pg_reload_conf()",
    "SELECT pg_notify('a', 'b')",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_advisory_xact_lock(1)",
    "SELECT pg_try_advisory_lock(1)",
    "SELECT pg_switch_wal()",
    "SELECT pg_current_xact_id()",
    "SELECT txid_current()",
    "SELECT pg_export_snapshot()",
    "SELECT pg_get_viewdef(1)",
    "SELECT pg_get_functiondef(1)",
    "SELECT pg_relation_size(1)",
    "SELECT pg_database_size('epntap')",
    "SELECT pg_stat_get_activity(NULL)",
    "SELECT has_table_privilege('epntap.catalogue', 'select')",
    "SELECT to_regclass('pg_authid')",
    "SELECT lastval()",
    "SELECT query_to_xml('SELECT 1', true, true, '')",
    "SELECT table_to_xml('epntap.catalogue', true, true, '')",
    "SELECT database_to_xml(true, true, '')",
    "SELECT ts_stat('SELECT ''a''::tsvector')",
    "SET ROLE epntap_owner",
    "SET ROLE epntap_publisher",
    "SET SESSION AUTHORIZATION epntap_owner",
    "CREATE TEMP TABLE t (a int)",
    "CREATE TABLE t (a int)",
    "CREATE TABLE public.t (a int)",
    "CREATE TABLE roles_test.t (a int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION roles_test.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DO $$ BEGIN PERFORM 1; END $$",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "COPY (SELECT 1) TO '/tmp/epntap-must-not-exist'",
    "COPY roles_test.events FROM '/etc/passwd'",
    "COPY roles_test.events FROM PROGRAM 'id'",
    "INSERT INTO roles_test.events VALUES (1)",
    "DELETE FROM roles_test.events",
    "DROP TABLE roles_test.events",
    "SELECT * FROM roles_test.loading",
    "SELECT * FROM epntap.catalogue",
    "SELECT * FROM epntap.version",
    "SELECT * FROM epntap.migration",
    "SELECT * FROM epntap.installation",
    "SELECT epntap.bump_generation()",
    "UPDATE epntap.generation SET value = 0",
    "DELETE FROM tap_schema.columns",
    "CREATE EXTENSION hstore",
    "CREATE ROLE another",
    "LOAD 'auto_explain'",
]


@pytest.mark.parametrize("statement", DENIED)
def test_the_reader_is_denied(reader: Connection, statement: str) -> None:
    with reader.cursor() as cursor:
        # As one who has got rid of the read-only default, which is no protection by itself.
        cursor.execute("SET TRANSACTION READ WRITE")
        with pytest.raises(errors.InsufficientPrivilege):
            cursor.execute(statement)
    reader.rollback()


def test_the_reader_cannot_configure_the_server(published: Database) -> None:
    connection = psycopg2.connect(**published.reader_conninfo)
    connection.autocommit = True
    with connection.cursor() as cursor, pytest.raises(errors.InsufficientPrivilege):
        cursor.execute("ALTER SYSTEM SET jit = on")
    connection.close()


def test_the_reader_starts_in_a_read_only_transaction_with_limits(reader: Connection) -> None:
    expected = {
        "transaction_read_only": "on",
        "search_path": "pg_catalog",
        "statement_timeout": "1h",
        "idle_in_transaction_session_timeout": "1min",
        "lock_timeout": "5s",
        "temp_file_limit": "8GB",
        "client_connection_check_interval": "500ms",
    }
    found = {}
    with reader.cursor() as cursor:
        for name in expected:
            cursor.execute(f"SHOW {name}")
            row = cursor.fetchone()
            assert row is not None
            found[name] = row[0]
    assert found == expected


ALLOWED = [
    "SELECT count(*), avg(value), min(title), max(t), stddev(value) FROM roles_test.events",
    "SELECT a.id FROM roles_test.events a JOIN roles_test.events b USING (id)"
    " ORDER BY a.value DESC",
    "SELECT a.id FROM roles_test.events a LEFT JOIN roles_test.events b ON a.id = b.pair[2]",
    "SELECT title, count(*) FROM roles_test.events GROUP BY title HAVING count(*) > 0",
    "SELECT DISTINCT round(value::numeric, 1)::float8 FROM roles_test.events WHERE value < 12",
    "SELECT id FROM roles_test.events WHERE title LIKE 'event 1%' OR title ILIKE 'EVENT 2%'",
    "SELECT id FROM roles_test.events WHERE title ~ '^event'",
    "SELECT to_char(t, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS'), t + interval '1 day'"
    " FROM roles_test.events",
    "SELECT setseed(0.5)",
    "SELECT random(), sin(value), log(value), power(value, 2), mod(id, 3) FROM roles_test.events",
    "SELECT array_length(pair, 1), pair || 3, unnest(pair), array_to_string(pair, ' ')"
    " FROM roles_test.events",
    "SELECT array_agg(id), string_agg(title, ','), json_agg(id) FROM roles_test.events",
    "SELECT id::text, id::float8, value::int, '12'::bigint, title::varchar(3)"
    " FROM roles_test.events",
    "SELECT lower(title), upper(title), substring(title, 2), trim(title) FROM roles_test.events",
    "SELECT regexp_split_to_array(title, ' '), split_part(title, ' ', 2) FROM roles_test.events",
    "SELECT coalesce(NULL, value), CASE WHEN id > 3 THEN 1 ELSE 0 END FROM roles_test.events",
    "SELECT rank() OVER (ORDER BY value), lag(value) OVER (ORDER BY id) FROM roles_test.events",
    "WITH a AS (SELECT id FROM roles_test.events) SELECT * FROM a UNION SELECT 3 EXCEPT SELECT 4",
    "SELECT id FROM roles_test.events WHERE EXISTS (SELECT 1 FROM roles_test.events WHERE id = 3)",
    "SELECT contrib.cube_distance(contrib.cube(array[value]), contrib.cube(array[1.0::float8]))"
    " FROM roles_test.events",
    "SELECT extract(julian FROM t), date_trunc('day', t), now() FROM roles_test.events",
    "SELECT * FROM tap_schema.tables JOIN tap_schema.columns USING (table_name)",
    "SELECT value FROM epntap.generation",
]


@pytest.mark.parametrize("query", ALLOWED)
@pytest.mark.parametrize("copied", [False, True], ids=["select", "copy"])
def test_the_reader_runs_ordinary_queries(reader: Connection, query: str, copied: bool) -> None:
    with reader.cursor() as cursor:
        if copied:
            with Path("/dev/null").open("wb") as sink:
                cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT text)", sink)
            return
        cursor.execute(query)
        assert cursor.fetchone() is not None


def test_a_query_uses_indexes_and_statistics_though_the_reader_cannot_see_them(
    published: Database, reader: Connection
) -> None:
    with reader.cursor() as cursor:
        cursor.execute("EXPLAIN SELECT id FROM roles_test.events WHERE value BETWEEN 3 AND 3.5")
        plan = "\n".join(row[0] for row in cursor)
    assert "events_value_idx" in plan


def test_a_function_of_the_service_can_be_called_whatever_its_language(both: Database) -> None:
    with both.owner() as connection:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION udf.roles_test(i int) RETURNS int LANGUAGE plpgsql"
                " IMMUTABLE AS $$ BEGIN RETURN i + 1; END $$"
            )
            cursor.execute("GRANT EXECUTE ON FUNCTION udf.roles_test TO epntap_reader")
        connection.commit()
        with both.reader() as reading, reading.cursor() as cursor:
            cursor.execute("SELECT udf.roles_test(41)")
            assert cursor.fetchone() == (42,)
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION udf.roles_test")
        connection.commit()


def test_the_publisher_writes_the_state_but_not_the_record_of_the_installation(
    both: Database,
) -> None:
    with both.publisher() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO epntap.catalogue (name, description) VALUES ('a', '{}')")
        cursor.execute("SELECT pg_catalog.pg_notify('a', 'b'), pg_catalog.pg_advisory_xact_lock(1)")
        cursor.execute("SELECT * FROM pg_catalog.pg_class, information_schema.tables LIMIT 1")
        cursor.execute("CREATE TEMP TABLE t (a int)")
        connection.rollback()
        for statement in (
            "DELETE FROM epntap.migration",
            "SELECT * FROM epntap.installation",
            "CREATE TABLE epntap.mine (a int)",
            "SET ROLE epntap_owner",
            "CREATE ROLE another",
            "COPY (SELECT 1) TO PROGRAM 'cat'",
            "SELECT pg_catalog.pg_read_file('/etc/passwd')",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                cursor.execute(statement)
            connection.rollback()


def test_the_owner_can_dump_the_database(both: Database, programs: Path) -> None:
    dump = programs / "pg_dump"
    if not dump.exists():
        pytest.skip(f"no pg_dump in {programs}")
    with both.owner() as connection:
        owner = connection.info
        environment = {
            "PGHOST": owner.host,
            "PGPORT": str(owner.port),
            "PGUSER": owner.user,
            "PGPASSWORD": owner.password,
            "PGDATABASE": owner.dbname,
        }
        answer = subprocess.run(
            [dump, "--schema=epntap", "--schema=tap_schema"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
    assert answer.returncode == 0, answer.stderr
    assert "CREATE VIEW tap_schema.columns" in answer.stdout


def test_the_owner_is_no_superuser_and_makes_no_roles(both: Database) -> None:
    with both.owner() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False)
        for table in ("pg_authid", "pg_largeobject"):
            with pytest.raises(errors.InsufficientPrivilege):
                cursor.execute(f"SELECT * FROM pg_catalog.{table}")
            connection.rollback()


@pytest.mark.parametrize("other", ["postgres", "template1"])
def test_the_reader_cannot_enter_another_database(both: Database, other: str) -> None:
    with pytest.raises(psycopg2.OperationalError, match="permission denied"):
        psycopg2.connect(**{**both.reader_conninfo, "dbname": other})


def test_passwords_are_asked_for(both: Database) -> None:
    conninfo = {**both.reader_conninfo, "password": "guess"}
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(**conninfo)


def test_a_database_name_too_long_for_its_roles_is_refused() -> None:
    assert Roles("x" * 53).publisher
    with pytest.raises(DatabaseUnavailableError, match="too long"):
        Roles("x" * 54)
