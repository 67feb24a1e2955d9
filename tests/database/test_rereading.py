"""What is read again, how often, and what is not."""

from __future__ import annotations

from collections.abc import Callable

import psycopg2
import psycopg2.errors
import pytest

from epntap.database.rereading import again


def failing(*errors: Exception) -> tuple[Callable[[], str], list[int]]:
    """A reading that meets these errors one after the other, and the count of its tries."""
    tries: list[int] = []
    waiting = list(errors)

    def read() -> str:
        tries.append(1)
        if waiting:
            raise waiting.pop(0)
        return "read"

    return read, tries


LOST = psycopg2.OperationalError("server closed the connection unexpectedly")


def test_a_version_that_is_dropped_meanwhile_is_looked_up_again() -> None:
    read, tries = failing(psycopg2.errors.UndefinedTable(), psycopg2.errors.SerializationFailure())
    assert again(read) == "read"
    assert len(tries) == 3


def test_an_error_that_does_not_pass_is_believed_in_the_end() -> None:
    read, tries = failing(*[psycopg2.errors.UndefinedTable() for _ in range(9)])
    with pytest.raises(psycopg2.errors.UndefinedTable):
        again(read)
    assert len(tries) == 5


def test_a_connection_that_is_lost_is_replaced_once() -> None:
    read, tries = failing(LOST)
    assert again(read) == "read"
    assert len(tries) == 2
    read, tries = failing(LOST, LOST)
    with pytest.raises(psycopg2.OperationalError, match="unexpectedly"):
        again(read)
    assert len(tries) == 2


def test_what_the_server_refuses_with_a_reason_is_not_asked_again(database) -> None:
    def read() -> None:
        with database.reader() as connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 50")
            tries.append(1)
            cursor.execute("SELECT count(*) FROM generate_series(1, 1000000000)")

    tries: list[int] = []
    with pytest.raises(psycopg2.errors.QueryCanceled):
        again(read)
    assert len(tries) == 1
