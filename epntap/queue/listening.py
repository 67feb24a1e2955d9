"""Hearing of changes of phase as they are committed, instead of asking again and again."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterator

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.database import Database
from epntap.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)

#: Called with ``"job_id phase"``, or with ``None``: anything may have changed, look again.
PhaseCallback = Callable[[str | None], None]

#: What the trigger of epntap.job calls its notifications (sql/migrations).
_CHANNEL = "epntap_job"

#: Pauses before attempts to reconnect, in seconds; the last one for as long as it takes.
_PAUSES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)

#: After so long without a word the server is asked whether it is still there.
_QUESTION_SECONDS = 15.0


class PhaseListener:
    """Tells subscribers of every change of a job's phase; one connection serves a whole process.

    The connection is opened with the first subscriber. When it breaks it is opened again. Whenever
    it has been opened everybody is told to look again, for what was missed.

    Parameters
    ----------
    database
        Open; it outlives the listener.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._callbacks: tuple[PhaseCallback, ...] = ()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._wake_read, self._wake_write = os.pipe()

    def subscribe(self, callback: PhaseCallback) -> None:
        """Have a function called for every change.

        It is called in the listener's thread and must return at once: set an event, or put the
        payload into a queue.
        """
        with self._guard:
            if self._closed.is_set():
                raise RuntimeError("the listener is closed")
            self._callbacks = (*self._callbacks, callback)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="phases", daemon=True)
                self._thread.start()

    def unsubscribe(self, callback: PhaseCallback) -> None:
        """Have it called no more; nothing happens if it never was."""
        with self._guard:
            # By equality and not identity: a bound method is a new object each time it is named.
            self._callbacks = tuple(each for each in self._callbacks if each != callback)

    @contextlib.contextmanager
    def subscribed(self, callback: PhaseCallback) -> Iterator[None]:
        """Have a function called within the block."""
        self.subscribe(callback)
        try:
            yield
        finally:
            self.unsubscribe(callback)

    def close(self) -> None:
        """End the thread and its connection."""
        with self._guard:
            if self._closed.is_set():
                return
            self._closed.set()
            thread = self._thread
        os.write(self._wake_write, b"x")
        if thread is not None:
            thread.join()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _run(self) -> None:
        failures = 0
        while not self._closed.is_set():
            began = time.monotonic()
            try:
                connection = self._listen()
                try:
                    self._tell(None)
                    self._hear(connection)
                finally:
                    connection.close()
            except (DatabaseUnavailableError, psycopg2.Error) as error:
                # What broke after a long time is no sign that it will break at once again.
                failures = failures + 1 if time.monotonic() < began + _PAUSES[-1] else 1
                pause = _PAUSES[min(failures, len(_PAUSES)) - 1]
                log.log(
                    logging.WARNING if failures == 1 else logging.DEBUG,
                    "listening for phases is interrupted, trying again: %s",
                    " ".join(str(error).split()),
                )
                self._closed.wait(pause)

    def _listen(self) -> Connection:
        connection = self._database.open_publisher("epntap phases")
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("LISTEN {}").format(sql.Identifier(_CHANNEL)))
        except BaseException:
            connection.close()
            raise
        return connection

    def _hear(self, connection: Connection) -> None:
        """Pass on notifications until `close`, or until the connection breaks."""
        while not self._closed.is_set():
            ready, _, _ = select.select(
                [connection.fileno(), self._wake_read], [], [], _QUESTION_SECONDS
            )
            if not ready:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
            connection.poll()
            while connection.notifies:
                self._tell(connection.notifies.pop(0).payload)

    def _tell(self, payload: str | None) -> None:
        for callback in self._callbacks:
            try:
                callback(payload)
            except Exception:
                # One subscriber's defect must not keep the others from hearing.
                log.exception("a subscriber of phases failed")
