"""Pools of connections: kept open between requests, handed out clean."""

from __future__ import annotations

import contextlib
import select
import threading
from collections.abc import Callable, Iterator

import psycopg2
from psycopg2.extensions import (
    TRANSACTION_STATUS_ACTIVE,
    TRANSACTION_STATUS_IDLE,
    TRANSACTION_STATUS_UNKNOWN,
)
from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.database.errors import DatabaseBusyError

#: A connection in one of these states has something under way, or none knows.
_UNUSABLE = (TRANSACTION_STATUS_ACTIVE, TRANSACTION_STATUS_UNKNOWN)


class Pool:
    """Connections of one login.

    Parameters
    ----------
    opener
        Opens a connection.
    size
        The most that are open at the same time.
    wait_seconds
        How long `connection` waits for a free one.
    """

    def __init__(self, opener: Callable[[], Connection], *, size: int, wait_seconds: float) -> None:
        self._opener = opener
        self._size = size
        self._wait_seconds = wait_seconds
        self._room = threading.Semaphore(size)
        self._lock = threading.Lock()
        # The latest first: the same few connections serve a quiet service, others stay unopened.
        self._idle: list[Connection] = []
        self._lent = 0
        self._closed = False

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection outside any transaction; what is not committed is rolled back.

        A connection that broke, or that is given back while a statement runs, is thrown away.

        Raises
        ------
        DatabaseBusyError
            If all are in use for as long as one may wait.
        DatabaseUnavailableError
            If a new one cannot be opened.
        """
        if not self._room.acquire(timeout=self._wait_seconds):
            raise DatabaseBusyError(
                f"all {self._size} database connections are in use",
                hint="try again in a moment",
            )
        try:
            connection = self._taken() or self._opener()
            with self._counted():
                try:
                    yield connection
                finally:
                    self._take_back(connection)
        finally:
            self._room.release()

    @property
    def lent(self) -> int:
        """How many connections are in use at this moment."""
        return self._lent

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._lent += 1
        try:
            yield
        finally:
            with self._lock:
                self._lent -= 1

    def _taken(self) -> Connection | None:
        """Take an idle connection that is alive, and close those before it that are not."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if not connection.closed and not _has_input(connection):
                return connection
            connection.close()

    def _take_back(self, connection: Connection) -> None:
        """Keep a connection for the next who asks, with nothing under way, or close it."""
        if _is_clean(connection):
            with self._lock:
                if not self._closed:
                    self._idle.append(connection)
                    return
        connection.close()


def _is_clean(connection: Connection) -> bool:
    """Roll back what is not committed; tell whether the connection can be used again."""
    if connection.closed or connection.info.transaction_status in _UNUSABLE:
        return False
    if connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
        try:
            connection.rollback()
        except psycopg2.Error:
            return False
    return True


def _has_input(connection: Connection) -> bool:
    """Tell whether there is something to read from a connection that is idle.

    That can only be the end of the stream or the server's farewell; so it is known, without asking
    the server, whether it has closed the connection meanwhile.
    """
    try:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0))
    except psycopg2.Error:
        return True
