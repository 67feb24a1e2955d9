"""Putting work in line, in the transaction of whoever asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg2 import errors
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

#: One row of the table of work: the function takes many at a time, we give it one. The arguments
#: travel in an envelope, beside what the queue itself notes about the work.
_DEFER = """
    SELECT pg_catalog.unnest(procrastinate.procrastinate_defer_jobs_v1(ARRAY[ROW(
        %(queue)s, %(task)s, %(priority)s, %(lock)s, %(queueing_lock)s,
        pg_catalog.jsonb_build_object('arguments', %(arguments)s::jsonb), %(at)s
    )::procrastinate.procrastinate_job_to_defer_v1]))
"""

#: Priority of work that somebody waits for, and from which on it may take a reserved place.
URGENT = 10

#: Name of the index that keeps a queueing lock unique.
QUEUEING_LOCK = "procrastinate_jobs_queueing_lock_idx_v1"


@dataclass(frozen=True, slots=True)
class Work:
    """Something that a worker is to do.

    Attributes
    ----------
    task
        Name of the task, e.g. ``tap.query``.
    arguments
        What the task is called with: plain JSON values.
    queue
        The line that it stands in; a worker serves the lines that it was told to.
    lock
        Of several works with the same lock one runs at a time, in their order.
    queueing_lock
        Of several works with the same queueing lock one stands in line; a running one does not
        count.
    priority
        Higher comes first.
    at
        Not before this time (aware).
    """

    task: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    queue: str = "default"
    lock: str | None = None
    queueing_lock: str | None = None
    priority: int = 0
    at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse a time of which nobody can say when it is."""
        if self.at is not None and self.at.tzinfo is None:
            raise ValueError(f"work for {self.task}: the time {self.at} has no time zone")


def put(connection: Connection, work: Work) -> int | None:
    """Put work in line, in the caller's transaction; workers see it, and wake, on its commit.

    Parameters
    ----------
    connection
        Of the publisher.
    work
        What is to be done.

    Returns
    -------
    int or None
        Its number in the queue; ``None`` when other work with the same queueing lock stands in
        line already, so that this was dropped.
    """
    parameters = {
        "queue": work.queue,
        "task": work.task,
        "priority": work.priority,
        "lock": work.lock,
        "queueing_lock": work.queueing_lock,
        "arguments": Json(dict(work.arguments)),
        "at": work.at,
    }
    with connection.cursor() as cursor:
        if work.queueing_lock is None:
            cursor.execute(_DEFER, parameters)
        else:
            # The refusal must not end the caller's transaction.
            cursor.execute("SAVEPOINT epntap_put")
            try:
                cursor.execute(_DEFER, parameters)
            except errors.UniqueViolation as error:
                if error.diag.constraint_name != QUEUEING_LOCK:
                    raise
                cursor.execute("ROLLBACK TO SAVEPOINT epntap_put")
                return None
        row = cursor.fetchone()
        if work.queueing_lock is not None:
            cursor.execute("RELEASE SAVEPOINT epntap_put")
    if row is None:  # pragma: no cover - the function returns one number for one row
        raise RuntimeError("the queue took work and gave it no number")
    return int(row[0])
