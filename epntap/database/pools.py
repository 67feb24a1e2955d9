"""Pools of database connections: SQLAlchemy's, which is kept on purpose.

A well-kept library is preferred to code of our own here, though it costs the start some time.
"""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
from psycopg2.extensions import (
    TRANSACTION_STATUS_ACTIVE,
    TRANSACTION_STATUS_IDLE,
    TRANSACTION_STATUS_UNKNOWN,
)
from psycopg2.extensions import connection as Connection  # noqa: N812
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from epntap.database.errors import DatabaseBusyError


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
        self._size = size
        self._wait_seconds = wait_seconds
        self._pool = QueuePool(
            opener,  # type: ignore[arg-type]  # a psycopg2 connection is a DBAPI connection
            pool_size=size,
            max_overflow=0,
            timeout=wait_seconds,
            # A statement that was its own transaction left nothing to roll back: see `_reset`.
            reset_on_return=None,
            # The same few connections serve a quiet service; the others stay unopened.
            use_lifo=True,
        )
        event.listen(self._pool, "checkout", _refuse_dead)
        event.listen(self._pool, "reset", _reset)

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
        try:
            lent = self._pool.connect()
        except PoolTimeoutError:
            raise DatabaseBusyError(
                f"all {self._size} database connections are in use",
                hint="try again in a moment",
            ) from None
        connection: Connection = lent.dbapi_connection  # type: ignore[assignment]
        try:
            yield connection
        finally:
            if connection.closed or connection.info.transaction_status in (
                TRANSACTION_STATUS_ACTIVE,
                TRANSACTION_STATUS_UNKNOWN,
            ):
                lent.invalidate()
            else:
                lent.close()

    @property
    def lent(self) -> int:
        """How many connections are in use at this moment."""
        return self._pool.checkedout()

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they come back."""
        self._pool.dispose()


def _refuse_dead(connection: Connection, _record: Any, _proxy: Any) -> None:
    """Make the pool replace a connection that the server has closed meanwhile.

    An idle connection has nothing to read, unless it is the end of the stream or the server's
    farewell: that is known without asking the server.
    """
    if connection.closed or _has_input(connection):
        raise DisconnectionError


def _reset(connection: Connection, _record: Any, _state: Any) -> None:
    """Roll back what is not committed, without a round trip where there is nothing."""
    if connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
        connection.rollback()


def _has_input(connection: Connection) -> bool:
    try:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0))
    except psycopg2.Error:
        return True
