"""Tasks that write down what happens to them, and a process that works at them.

As a program: ``noted_tasks.py WORKER_SECONDS CONCURRENCY QUEUE...`` with EPNTAP_HOME set.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Connection

from epntap.database import Database
from epntap.queue import Work
from epntap.settings import read_settings
from epntap.worker import TaskRetry, WorkContext, Worker

TABLES = """
CREATE SCHEMA IF NOT EXISTS worknotes;
CREATE TABLE IF NOT EXISTS worknotes.note (
    id bigserial, what text, event text, attempt integer, worker text, reason text,
    at timestamptz DEFAULT clock_timestamp());
CREATE TABLE IF NOT EXISTS worknotes.expected (what text PRIMARY KEY, queue text);
"""


@dataclass(frozen=True)
class Note:
    """Something that happened to work."""

    event: str
    attempt: int
    worker: str
    reason: str | None


def write(context: WorkContext, what: str, event: str, reason: str | None = None) -> None:
    with context.database.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO worknotes.note (what, event, attempt, worker, reason)"
            " VALUES (%s, %s, %s, %s, %s)",
            (what, event, context.attempt, context.worker, reason),
        )


def read(database: Database, what: str) -> list[Note]:
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT event, attempt, worker, reason FROM worknotes.note WHERE what = %s ORDER BY id",
            (what,),
        )
        return [Note(*row) for row in cursor]


class Noted:
    """What all have in common: the end of what was given up is written down."""

    name = "test.noted"
    attempts = 3

    def given_up(self, context: WorkContext, reason: str, what: str, **_: Any) -> None:
        write(context, what, "given up", reason)


class Quick(Noted):
    name = "test.quick"

    def run(self, context: WorkContext, what: str) -> None:
        write(context, what, "done")


class Patient(Noted):
    """Takes its time, and gives way when the worker stops."""

    name = "test.patient"

    def run(self, context: WorkContext, what: str, seconds: float) -> None:
        write(context, what, "began")
        if context.stopping.wait(seconds):
            raise TaskRetry(0, "told to stop")
        write(context, what, "done")


class Stubborn(Noted):
    """Takes its time, and does not listen; every second run is quick."""

    name = "test.stubborn"

    def run(self, context: WorkContext, what: str, seconds: float) -> None:
        write(context, what, "began")
        if context.attempt == 1:
            time.sleep(seconds)
        write(context, what, "done")


class Broken(Noted):
    name = "test.broken"

    def run(self, context: WorkContext, what: str) -> None:
        write(context, what, "began")
        raise ValueError(f"{what} cannot be done")


class Again(Noted):
    """Wants to be tried again until it is the given attempt."""

    name = "test.again"

    def run(self, context: WorkContext, what: str, until: int) -> None:
        write(context, what, "began")
        if context.attempt < until:
            raise TaskRetry(0, f"attempt {context.attempt} is not enough")
        write(context, what, "done")


class Leaving(Noted):
    """Ends its thread in a way that is no ordinary error."""

    name = "test.leaving"

    def run(self, context: WorkContext, what: str) -> None:
        write(context, what, "began")
        raise SystemExit(3)


class Expected(Noted):
    """Its table says what should be in line."""

    name = "test.expected"

    def run(self, context: WorkContext, what: str) -> None:
        with context.database.publisher() as connection, connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM worknotes.expected WHERE what = %s", (what,))
        write(context, what, "done")

    def orphans(self, connection: Connection) -> Iterable[Work]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT what, queue FROM worknotes.expected")
            return [Work(self.name, {"what": what}, queue=queue) for what, queue in cursor]


TASKS = (Quick(), Patient(), Stubborn(), Broken(), Again(), Leaving(), Expected())


def main(seconds: str, concurrency: str, *queues: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d %(message)s")
    settings = read_settings(worker_seconds=float(seconds))
    with Database.open(settings) as database:
        worker = Worker(database, settings, TASKS, queues=queues, concurrency=int(concurrency))
        print(worker.name, flush=True)
        worker.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
