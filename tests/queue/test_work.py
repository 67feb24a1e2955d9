"""Putting work in line: in the caller's transaction, and with locks."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import psycopg2
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from epntap.database import Database
from epntap.queue import Work, put
from epntap.queue.items import WorkerCard
from epntap.queue.taking import Queue

_numbers = itertools.count(1)

#: What JSON can hold and PostgreSQL, whose text has no NUL, takes.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def line() -> str:
    return f"put{next(_numbers)}"


def waiting(connection: Connection, line: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT task_name FROM procrastinate.procrastinate_jobs WHERE queue_name = %s"
            " ORDER BY id",
            (line,),
        )
        return [name for (name,) in cursor]


def test_work_stands_in_line_when_its_transaction_is_committed(
    database: Database, line: str
) -> None:
    with database.publisher() as connection:
        number = put(connection, Work("one", queue=line))
        assert number is not None
        with database.publisher() as other:
            assert waiting(other, line) == []
        connection.commit()
        with database.publisher() as other:
            assert waiting(other, line) == ["one"]


def test_work_of_a_transaction_that_is_rolled_back_never_was_there(
    database: Database, line: str
) -> None:
    with database.publisher() as connection:
        put(connection, Work("one", queue=line))
        connection.rollback()
        assert waiting(connection, line) == []


def test_a_queueing_lock_drops_the_second_work_and_spares_the_transaction(
    database: Database, line: str
) -> None:
    with database.publisher() as connection, connection:
        assert put(connection, Work("one", queue=line, queueing_lock=line)) is not None
        assert put(connection, Work("two", queue=line, queueing_lock=line)) is None
        assert put(connection, Work("three", queue=line)) is not None
    with database.publisher() as connection:
        assert waiting(connection, line) == ["one", "three"]


def test_arguments_that_are_no_json_are_refused(database: Database, line: str) -> None:
    with database.publisher() as connection, pytest.raises(TypeError):
        put(connection, Work("one", {"when": object()}, queue=line))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Work("one", at=datetime(2030, 1, 1))
    assert Work("one", at=datetime(2030, 1, 1, tzinfo=UTC)).at is not None


@examples(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(texts, values, max_size=4), texts, st.integers(-1000, 1000))
def test_what_is_taken_is_what_was_put(
    database: Database, line: str, arguments: dict[str, object], task: str, priority: int
) -> None:
    card = WorkerCard(f"reader of {line}", "here", 1, (line,), 1)
    with database.publisher() as connection, connection:
        number = put(connection, Work(task[:100], arguments, queue=line, priority=priority))
    queue = Queue(database.open_publisher("test"), card, statement_seconds=30)
    try:
        worker = queue.register()
        item = queue.take(worker)
        assert item is not None
        assert (item.number, item.task, item.attempt) == (number, task[:100], 1)
        assert item.arguments == arguments
        assert queue.finish(item.number, worker)
        assert not queue.finish(item.number, worker)
        queue.unregister(worker)
    finally:
        queue.close()


@pytest.mark.parametrize("login", ["reader", "uploader"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM procrastinate.procrastinate_jobs",
        "SELECT procrastinate.procrastinate_cancel_job_v1(1, false, true)",
        "SELECT 'todo'::procrastinate.procrastinate_job_status",
    ],
)
def test_queries_of_clients_cannot_reach_the_queue(
    database: Database, login: str, statement: str
) -> None:
    with (
        getattr(database, login)() as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(statement)
