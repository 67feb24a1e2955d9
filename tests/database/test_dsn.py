"""A server that somebody else runs, given by its connection string."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from epntap.database import Database, load_tableset, read_generation
from epntap.database.embedded import EmbeddedServer
from epntap.errors import DatabaseUnavailableError
from epntap.settings import Settings


@pytest.fixture(scope="module")
def server(new_home: Callable[[], Path]) -> Iterator[EmbeddedServer]:
    """A server of our own that plays the foreign one."""
    attached = EmbeddedServer.attach(Settings(home=new_home()))
    yield attached
    attached.close()


@pytest.fixture
def as_superuser(server: EmbeddedServer) -> Iterator[Callable[[str], None]]:
    connection = psycopg2.connect(**server.superuser)
    connection.autocommit = True

    def execute(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    yield execute
    connection.close()


def uri(server: EmbeddedServer, user: str, password: str, database: str) -> str:
    conninfo = server.superuser
    host = conninfo["host"].replace("/", "%2F")
    return f"postgresql://{user}:{password}@{host}:{conninfo['port']}/{database}"


def test_a_superusers_database_is_hardened_and_both_dsn_forms_are_the_same_installation(
    server: EmbeddedServer, as_superuser: Callable[[str], None], tmp_path: Path
) -> None:
    as_superuser("CREATE ROLE strong SUPERUSER LOGIN PASSWORD 'p1'")
    as_superuser("CREATE DATABASE one")
    with (
        Database.open(Settings(home=tmp_path, dsn=uri(server, "strong", "p1", "one"))) as database,
        database.reader() as connection,
        connection.cursor() as cursor,
    ):
        assert connection.info.user == "one_reader"
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT pg_sleep(0)")
    keywords = f"host={server.superuser['host']} port={server.superuser['port']}"
    # Another machine: it knows the DSN and nothing else.
    other = Settings(home=tmp_path / "other", dsn=f"{keywords} dbname=one user=strong password=p1")
    with Database.open(other) as database, database.publisher() as connection:
        assert load_tableset(connection).table("tap_schema.tables") is not None
    assert not any(tmp_path.iterdir())


def test_an_owner_who_is_no_superuser_suffices_and_the_administrator_is_told_of_hardening(
    server: EmbeddedServer,
    as_superuser: Callable[[str], None],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    as_superuser("CREATE ROLE modest LOGIN CREATEROLE PASSWORD 'p2'")
    as_superuser("CREATE DATABASE two OWNER modest")
    settings = Settings(home=tmp_path, dsn=uri(server, "modest", "p2", "two"))
    with caplog.at_level(logging.WARNING), Database.open(settings) as database:
        with database.reader() as connection:
            assert read_generation(connection) == 1
        with database.publisher() as connection, connection, connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA published")
    warnings = [record.getMessage() for record in caplog.records if "harden" in record.getMessage()]
    assert len(warnings) == 1
    assert "harden.sql" in warnings[0]
    caplog.clear()
    with caplog.at_level(logging.WARNING), Database.open(settings):
        assert not caplog.records


def test_a_changed_owner_password_changes_those_of_publisher_and_reader(
    server: EmbeddedServer, as_superuser: Callable[[str], None], tmp_path: Path
) -> None:
    as_superuser("CREATE ROLE rotating LOGIN CREATEROLE PASSWORD 'old'")
    as_superuser("CREATE DATABASE three OWNER rotating")
    with Database.open(Settings(home=tmp_path, dsn=uri(server, "rotating", "old", "three"))) as old:
        before = old.reader_conninfo
    as_superuser("ALTER ROLE rotating PASSWORD 'new'")
    with Database.open(Settings(home=tmp_path, dsn=uri(server, "rotating", "new", "three"))) as new:
        with new.reader() as connection:
            assert read_generation(connection) == 1
        assert new.reader_conninfo["password"] != before["password"]
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(**before)


def test_a_login_without_the_right_to_make_roles_is_told_so(
    server: EmbeddedServer, as_superuser: Callable[[str], None], tmp_path: Path
) -> None:
    as_superuser("CREATE ROLE weak LOGIN PASSWORD 'p4'")
    as_superuser("CREATE DATABASE four OWNER weak")
    with pytest.raises(DatabaseUnavailableError, match="may not manage the roles") as error:
        Database.open(Settings(home=tmp_path, dsn=uri(server, "weak", "p4", "four")))
    assert "CREATEROLE" in str(error.value)


def test_a_login_that_does_not_own_the_database_is_told_so(
    server: EmbeddedServer, as_superuser: Callable[[str], None], tmp_path: Path
) -> None:
    as_superuser("CREATE ROLE guest LOGIN CREATEROLE PASSWORD 'p5'")
    as_superuser("CREATE DATABASE five")
    with pytest.raises(DatabaseUnavailableError, match=r"permission denied.*make it the owner"):
        Database.open(Settings(home=tmp_path, dsn=uri(server, "guest", "p5", "five")))


def test_an_existing_role_with_more_rights_is_not_used(
    server: EmbeddedServer, as_superuser: Callable[[str], None], tmp_path: Path
) -> None:
    as_superuser("CREATE ROLE careful SUPERUSER LOGIN PASSWORD 'p6'")
    as_superuser("CREATE DATABASE six OWNER careful")
    as_superuser("CREATE ROLE six_reader LOGIN CREATEDB")
    with pytest.raises(DatabaseUnavailableError, match="six_reader exists and is not a plain"):
        Database.open(Settings(home=tmp_path, dsn=uri(server, "careful", "p6", "six")))


def test_queries_go_where_the_query_dsn_says_as_the_reader(
    server: EmbeddedServer, as_superuser: Callable[[str], None], tmp_path: Path
) -> None:
    as_superuser("CREATE ROLE split SUPERUSER LOGIN PASSWORD 'p7'")
    as_superuser("CREATE DATABASE seven OWNER split")
    host = server.superuser["host"]
    settings = Settings(
        home=tmp_path,
        dsn=uri(server, "split", "p7", "seven"),
        query_dsn=f"host={host} application_name=replica",
    )
    with Database.open(settings) as database, database.reader() as connection:
        assert connection.info.user == "seven_reader"
        assert connection.info.dbname == "seven"
        assert connection.info.dsn_parameters["application_name"] == "replica"


def test_a_wrong_password_is_one_clear_line_without_the_password(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    with pytest.raises(DatabaseUnavailableError, match="password authentication failed") as error:
        Database.open(Settings(home=tmp_path, dsn=uri(server, "postgres", "sesame", "postgres")))
    assert "\n" not in str(error.value)
    assert "sesame" not in str(error.value)


def test_a_server_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(DatabaseUnavailableError, match=r"does not answer.*refused") as error:
        Database.open(Settings(home=tmp_path, dsn=f"postgresql://a:b@127.0.0.1:{port}/c"))
    assert "\n" not in str(error.value)


def test_a_server_that_never_answers_is_given_up_within_five_seconds(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        begin = time.monotonic()
        with pytest.raises(DatabaseUnavailableError, match="timeout"):
            Database.open(Settings(home=tmp_path, dsn=f"postgresql://a:b@127.0.0.1:{port}/c"))
        assert time.monotonic() - begin < 5


@pytest.mark.parametrize("dsn", ["postgresql://host:port/x", "hello", "host='"])
def test_a_string_that_is_no_dsn_is_said_to_be_none(dsn: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError) as error:
        Database.open(Settings(home=tmp_path, dsn=dsn))
    assert "\n" not in str(error.value)
