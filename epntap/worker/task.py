"""What a worker can be given to do."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.database import Database
from epntap.queue import PhaseListener, Work
from epntap.settings import Settings


@dataclass(frozen=True, slots=True)
class WorkContext:
    """What surrounds a task while it runs.

    Attributes
    ----------
    database, settings
        Of the worker's process.
    phases
        Its listener: how a task hears that its job was aborted.
    worker
        Name of the worker: ``host:pid:random``.
    attempt
        1 for the first; it grows whenever this work is taken again, for whatever reason. Work that
        `Sweeping` put in line anew begins at 1, so a task that refuses late writers counts in its
        own table.
    stopping
        Set when the worker stops, and when it lost the work to another (it was cut off for too
        long). A task that runs long looks at it now and then, and raises `TaskRetry`; that does
        not count as an attempt.
    job_id
        Number of the work in the queue.
    """

    database: Database
    settings: Settings
    phases: PhaseListener
    worker: str
    attempt: int
    stopping: threading.Event
    job_id: int


class TaskRetry(Exception):  # noqa: N818 - it asks for something, and need not be a failure
    """Raised by a task that is to be tried again.

    Parameters
    ----------
    seconds
        Not before so long from now.
    reason
        Why, for people; it is what `Task.given_up` is told when this was the last attempt.
    """

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.reason = reason


class Task(Protocol):
    """Something that workers can do, many at a time: it keeps nothing between two runs.

    A run may be broken off at any moment and begun again elsewhere, so it finds out from its own
    tables what is done already. It may end with

    - returning: the work is done;
    - `TaskRetry`: it is tried again, unless the attempts are used up;
    - an error of a database that does not answer: the same, after a pause that grows;
    - any other exception: that is logged with its trace, and the work is given up.
    """

    name: str
    """E.g. ``tap.query``; what `Work.task` says."""

    attempts: int
    """How often the work is tried in all: after `TaskRetry`, or when a worker was lost."""

    def run(self, context: WorkContext, *args: Any, **arguments: Any) -> None:
        """Do the work, in a thread of its own; called with the arguments of `Work` by keyword."""

    def given_up(self, context: WorkContext, reason: str, *args: Any, **arguments: Any) -> None:
        """Record in the task's own table that the work has failed, and why.

        It is called again later when the database does not answer.
        """


@runtime_checkable
class Reconciling(Protocol):
    """A task whose own tables tell what should be in line.

    Every now and then one of the workers compares them with the queue and puts in line again what
    is missing there.
    """

    def orphans(self, connection: Connection) -> Iterable[Work]:
        """Return the work for everything that is waiting or running by the task's own tables.

        Work that the queue holds (same task, same arguments) is no orphan; the worker sorts that
        out. So this is a plain SELECT of rows that are QUEUED or EXECUTING, made on the given
        connection alone: the queue is read in the same snapshot.
        """
        ...
