"""Workers in threads of a test and in processes of their own, and what they are asked to do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import noted_tasks
import psycopg2

from epntap.database import Database
from epntap.errors import DatabaseUnavailableError
from epntap.queue import Work, put
from epntap.settings import Settings
from epntap.worker import Worker

#: A worker of these tests is taken for lost after so long. Not less: on a machine that has much
#: else to do a worker that lives would be taken for lost.
LOST_SECONDS = 4.0


def make_notes(database: Database) -> None:
    with database.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute(noted_tasks.TABLES)


def order(database: Database, *works: Work) -> None:
    """Put work in line, all in one transaction."""
    with database.publisher() as connection, connection:
        for work in works:
            put(connection, work)


def eventually(holds: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
    """Wait until something holds; the time is only there so that a failure ends."""
    deadline = time.monotonic() + seconds
    while not _holds(holds):
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.02)


def _holds(holds: Callable[[], bool]) -> bool:
    """Ask; a database that is away, as some of these tests have it, says nothing yet."""
    try:
        return holds()
    except (DatabaseUnavailableError, psycopg2.OperationalError):
        return False


def events(database: Database, what: str) -> list[str]:
    return [note.event for note in noted_tasks.read(database, what)]


def in_line(database: Database, queue: str) -> int:
    """How much the queue still knows of a line."""
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE queue_name = %s", (queue,)
        )
        return int(cursor.fetchone()[0])


def answers(database: Database) -> bool:
    try:
        with database.publisher() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() == (1,)
    except (DatabaseUnavailableError, psycopg2.Error):
        return False


class Thread:
    """A worker in a thread of the test."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.thread = threading.Thread(target=worker.run)
        self.thread.start()

    def stop(self, grace_seconds: float = 5.0) -> None:
        self.worker.stop(grace_seconds)
        self.thread.join(60)
        assert not self.thread.is_alive()


class Process:
    """A worker in a process of its own."""

    def __init__(
        self, settings: Settings, home: Path, concurrency: int, queues: tuple[str, ...]
    ) -> None:
        folder = Path(noted_tasks.__file__).parent
        environment = {
            **os.environ,
            "EPNTAP_HOME": str(home),
            "PYTHONPATH": f"{folder.parents[1]}",
        }
        if settings.postgres_bin is not None:
            environment["EPNTAP_POSTGRES_BIN"] = str(settings.postgres_bin)
        words = [noted_tasks.__file__, str(LOST_SECONDS), str(concurrency), *queues]
        self.process = subprocess.Popen(
            [sys.executable, *words], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.name = self.process.stdout.readline().strip()
        assert self.name, "the worker did not start"

    def kill(self) -> None:
        """As a power cut would end it."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
