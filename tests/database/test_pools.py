from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from psycopg2.extensions import connection as Connection

from epntap.database import Database, DatabaseBusyError
from epntap.database.pools import Pool


@pytest.fixture
def pool(database: Database) -> Iterator[Pool]:
    made = Pool(lambda: psycopg2.connect(**database.reader_conninfo), size=2, wait_seconds=0.2)
    yield made
    made.close()


def process(connection: Connection) -> int:
    return connection.info.backend_pid


def terminate(database: Database, pid: int) -> None:
    """End a session of the publisher from outside; a role may end its own sessions."""
    with database.publisher() as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_catalog.pg_terminate_backend(%s, 5000)", (pid,))
        assert cursor.fetchone() == (True,)


def test_a_connection_is_kept_and_handed_out_again(pool: Pool) -> None:
    with pool.connection() as first:
        pid = process(first)
    with pool.connection() as second:
        assert process(second) == pid


def test_what_was_not_committed_is_rolled_back(database: Database) -> None:
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE pg_temp.t (a int)")
        pid = process(connection)
    with database.publisher() as connection:
        assert process(connection) == pid
        assert connection.info.transaction_status == TRANSACTION_STATUS_IDLE
        with connection.cursor() as cursor, pytest.raises(psycopg2.errors.UndefinedTable):
            cursor.execute("SELECT * FROM pg_temp.t")


def test_a_failed_statement_does_not_cost_the_connection(pool: Pool) -> None:
    with pool.connection() as connection, connection.cursor() as cursor:
        pid = process(connection)
        with pytest.raises(psycopg2.errors.DivisionByZero):
            cursor.execute("SELECT 1/0")
    with pool.connection() as connection:
        assert process(connection) == pid


def test_when_all_are_in_use_one_waits_shortly_and_is_told(pool: Pool) -> None:
    with pool.connection(), pool.connection():
        assert pool.lent == 2
        begin = time.monotonic()
        with (
            pytest.raises(DatabaseBusyError, match="all 2 database connections"),
            pool.connection(),
        ):
            pytest.fail("there are only two")
        assert 0.15 < time.monotonic() - begin < 5
    assert pool.lent == 0


def test_one_that_comes_free_in_time_is_given_to_who_waits(database: Database) -> None:
    pool = Pool(lambda: psycopg2.connect(**database.reader_conninfo), size=1, wait_seconds=20)
    got = threading.Event()

    def wait() -> None:
        with pool.connection():
            got.set()

    with pool.connection():
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not got.wait(0.1)
    waiting.join(20)
    assert got.is_set()
    pool.close()


def test_a_session_that_the_server_ended_while_idle_is_replaced_unnoticed(
    database: Database,
) -> None:
    pool = Pool(lambda: psycopg2.connect(**database.publisher_conninfo), size=1, wait_seconds=1)
    with pool.connection() as connection:
        ended = process(connection)
    terminate(database, ended)
    with pool.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert process(connection) != ended
    pool.close()


def test_a_connection_that_breaks_in_use_is_thrown_away(database: Database) -> None:
    pool = Pool(lambda: psycopg2.connect(**database.publisher_conninfo), size=1, wait_seconds=1)
    with pool.connection() as connection, connection.cursor() as cursor:
        terminate(database, process(connection))
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("SELECT 1")
    with pool.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    pool.close()


def test_a_connection_given_back_in_the_middle_of_a_statement_is_thrown_away(
    database: Database,
) -> None:
    def opener() -> Connection:
        connection = psycopg2.connect(**database.publisher_conninfo, async_=1)
        while connection.poll() != psycopg2.extensions.POLL_OK:
            time.sleep(0.001)
        return connection

    pool = Pool(opener, size=1, wait_seconds=1)
    with pool.connection() as connection:
        abandoned = connection
        connection.cursor().execute("SELECT pg_catalog.pg_sleep(30)")
    assert abandoned.closed
    pool.close()
