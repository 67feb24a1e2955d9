"""The tables of the queue: made, upgraded, and given to the publisher alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from procrastinate.schema import SchemaManager
from psycopg2.extensions import connection as Connection

from epntap.database import Database, MigrationError
from epntap.database.procrastinate import install_queue
from epntap.database.roles import Roles
from epntap.queue import Work, put
from epntap.queue.items import WorkerCard
from epntap.queue.taking import Queue
from epntap.settings import Settings


@pytest.fixture
def opened(copy_home: Callable[[], Path]) -> Iterator[Database]:
    with Database.open(Settings(home=copy_home())) as database:
        yield database


@pytest.fixture
def owner(opened: Database) -> Iterator[Connection]:
    with opened.owner() as connection:
        yield connection


def objects(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """What is in the schema, without what only differs by how it came there."""
    found = {}
    with connection, connection.cursor() as cursor:
        for kind, statement in {
            "columns": "SELECT table_name, column_name, data_type, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_schema = 'procrastinate' ORDER BY 1, 2",
            "indexes": "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE schemaname = 'procrastinate' ORDER BY 1",
            "functions": "SELECT p.oid::regprocedure::text, p.proconfig::text FROM pg_proc p"
            " JOIN pg_namespace n ON n.oid = p.pronamespace"
            " WHERE n.nspname = 'procrastinate' ORDER BY 1",
            "triggers": "SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'procrastinate' AND NOT tgisinternal ORDER BY 1",
        }.items():
            cursor.execute(statement)
            found[kind] = cursor.fetchall()
    return found


def test_work_goes_through_the_queue_on_both_kinds_of_servers(both: Database) -> None:
    with both.publisher() as connection, connection:
        number = put(connection, Work("one", {"n": 1}, queue="both"))
    card = WorkerCard("both", "here", 1, ("both",), 1)
    queue = Queue(both.open_publisher("test"), card, statement_seconds=30)
    try:
        worker = queue.register()
        item = queue.take(worker)
        assert item is not None
        assert item.number == number
        assert queue.again(item.number, worker, seconds=0, reason="", counted=True)
        item = queue.take(worker)
        assert item is not None
        assert item.attempt == 2
        assert queue.finish(item.number, worker)
        queue.unregister(worker)
    finally:
        queue.close()


def test_nothing_of_the_queue_is_in_the_schema_public(owner: Connection) -> None:
    with owner.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public'"
        )
        assert cursor.fetchone() == (0,)


def test_installing_again_changes_nothing(opened: Database, owner: Connection) -> None:
    before = objects(owner)
    with opened.publisher() as connection, connection:
        put(connection, Work("one", queue="kept"))
    install_queue(owner, Roles(owner.info.dbname))
    assert objects(owner) == before
    with opened.publisher() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT queue_name FROM procrastinate.procrastinate_jobs")
        assert cursor.fetchall() == [("kept",)]


@pytest.mark.parametrize("version", ["02.00.03", "03.00.00", "03.02.00"])
def test_a_database_of_an_earlier_version_is_brought_up_to_date_with_its_work(
    opened: Database, owner: Connection, version: str
) -> None:
    fresh = objects(owner)
    make_as_of(owner, version)
    with owner, owner.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = procrastinate, pg_catalog")
        cursor.execute(
            "INSERT INTO procrastinate.procrastinate_jobs (queue_name, task_name, args)"
            " VALUES ('old', 'one', '{\"arguments\": {\"n\": 1}}')"
        )
    assert objects(owner) != fresh
    install_queue(owner, Roles(owner.info.dbname))
    upgraded = objects(owner)
    assert {kind: upgraded[kind] for kind in ("columns", "functions", "triggers")} == {
        kind: fresh[kind] for kind in ("columns", "functions", "triggers")
    }
    card = WorkerCard("upgraded", "here", 1, ("old",), 1)
    queue = Queue(opened.open_publisher("test"), card, statement_seconds=30)
    try:
        item = queue.take(queue.register())
        assert item is not None
        assert item.arguments == {"n": 1}
    finally:
        queue.close()


def make_as_of(owner: Connection, version: str) -> None:
    """Put in place of the queue the one of an earlier version, made by the package's own files."""
    with owner, owner.cursor() as cursor:
        cursor.execute("DROP SCHEMA procrastinate CASCADE")
        cursor.execute("DELETE FROM epntap.queue_step")
        cursor.execute("CREATE SCHEMA procrastinate")
    for path in sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql")):
        if path.name < f"{version}_99":
            with owner, owner.cursor() as cursor:
                cursor.execute("SET LOCAL search_path = procrastinate, pg_catalog")
                cursor.execute(path.read_text())
                cursor.execute("INSERT INTO epntap.queue_step (name) VALUES (%s)", (path.name,))


def test_a_queue_of_a_newer_version_is_refused(owner: Connection) -> None:
    with owner, owner.cursor() as cursor:
        cursor.execute("INSERT INTO epntap.queue_step (name) VALUES ('99.00.00_01_pre_more.sql')")
    with pytest.raises(MigrationError, match=r"99.00.00_01_pre_more.sql .* does not know"):
        install_queue(owner, Roles(owner.info.dbname))


def test_a_schema_of_that_name_that_is_somebody_elses_is_left_alone(owner: Connection) -> None:
    with owner, owner.cursor() as cursor:
        cursor.execute("DROP SCHEMA procrastinate CASCADE")
        cursor.execute("DELETE FROM epntap.queue_step")
        cursor.execute("CREATE SCHEMA procrastinate")
        cursor.execute("CREATE TABLE procrastinate.precious AS SELECT 1 AS a")
    with pytest.raises(MigrationError, match="already exists"):
        install_queue(owner, Roles(owner.info.dbname))
    with owner.cursor() as cursor:
        cursor.execute("SELECT a FROM procrastinate.precious")
        assert cursor.fetchall() == [(1,)]
