"""A COPY that runs while the next rows are being made."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType
from typing import Any

from psycopg2 import sql

from epntap.publish.encoding import HEADER, TRAILER

#: Pieces that wait for the server at most: the memory that a load needs does not grow.
_WAITING = 2

#: Bytes that are handed to libpq at a time.
_SEND_BYTES = 2**18


class _AbandonedError(Exception):
    """The rows will not come to an end: the COPY has to fail."""


class CopyStream:
    """Rows on their way into a table, in a thread of its own.

    Use as a context: on leaving it, all rows are in the table, or the error that the server met is
    raised. If the body raises, the COPY fails and the transaction with it.

    Parameters
    ----------
    cursor
        Of a connection that nobody else uses meanwhile.
    statement
        A binary COPY from standard input.
    """

    def __init__(self, cursor: Any, statement: sql.Composable) -> None:
        self._cursor = cursor
        self._statement = statement
        self._pieces: deque[memoryview] = deque([memoryview(HEADER)])
        self._changed = threading.Condition()
        self._is_complete = False
        self._is_abandoned = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._copy, name="copy", daemon=True)

    def __enter__(self) -> CopyStream:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            if kind is None:
                self._pieces.append(memoryview(TRAILER))
                self._is_complete = True
            else:
                self._pieces.clear()
                self._is_abandoned = True
            self._changed.notify_all()
        self._thread.join()
        if kind is None and self._failure is not None:
            raise self._failure

    def send(self, piece: memoryview) -> None:
        """Hand over encoded rows; waits while enough of them are on their way.

        Raises
        ------
        psycopg2.Error
            If the server has refused the rows before.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._pieces) < _WAITING or self._failure is not None
            )
            if self._failure is not None:
                raise self._failure
            if len(piece):
                self._pieces.append(piece)
                self._changed.notify_all()

    def read(self, size: int) -> bytes:
        """Return the next bytes, as a file would; called by psycopg2 in the other thread."""
        with self._changed:
            self._changed.wait_for(
                lambda: bool(self._pieces) or self._is_complete or self._is_abandoned
            )
            if self._is_abandoned:
                raise _AbandonedError("the rows did not come to an end")
            if not self._pieces:
                return b""
            piece = self._pieces[0]
            if len(piece) <= size:
                self._pieces.popleft()
                self._changed.notify_all()
            else:
                self._pieces[0] = piece[size:]
        return bytes(piece[:size])

    def _copy(self) -> None:
        try:
            self._cursor.copy_expert(self._statement, self, size=_SEND_BYTES)
        except BaseException as error:  # noqa: BLE001  # raised again where the rows are made
            with self._changed:
                self._failure = error
                self._changed.notify_all()
