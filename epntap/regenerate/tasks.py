"""What workers are given to do for a run: cut it into chunks, do some of them, finish it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.errors import DatabaseUnavailableError, OverloadedError, UserError
from epntap.publish.acceptance import UnderWayError
from epntap.queue import Work
from epntap.regenerate.beginning import (
    CHUNKS,
    FINISH,
    PREPARE,
    expected_work,
    fail,
    prepare,
    work,
)
from epntap.regenerate.chunkstore import chunks_of_batch
from epntap.regenerate.clock import Clock
from epntap.regenerate.errors import LeaveError
from epntap.regenerate.method import Method
from epntap.regenerate.schedule import DueTask
from epntap.regenerate.storage import Regeneration, read_regeneration
from epntap.regenerate.working import ChunkFailedError, Doer, pause_after
from epntap.worker.task import Task, TaskRetry, WorkContext

log = logging.getLogger(__name__)

#: How often work is taken up again. What bounds it are the counts of each chunk and plan; this is
#: for a defect that neither sees.
_ATTEMPTS = 1000

#: Pause while somebody else publishes the catalogue, in seconds.
_PUBLISHING_PAUSE = 5.0


class _RunTask:
    """What all works of a run have in common."""

    name = ""
    attempts = _ATTEMPTS

    def given_up(self, context: WorkContext, reason: str, *_: Any, **arguments: Any) -> None:
        """Record that the run has failed; the catalogue stays as it is."""
        with context.database.publisher() as connection:
            fail(connection, arguments["run_id"], reason)
            connection.commit()

    def orphans(self, connection: Connection) -> Iterable[Work]:
        """Return what has to be done by this task for the runs that have not ended."""
        return [work for work in expected_work(connection) if work.task == self.name]

    def _again_or_fail(self, context: WorkContext, run: Regeneration, error: UserError) -> None:
        """Have work tried again that failed before any chunk was taken, as often as planned."""
        if context.attempt <= run.plan.retries:
            raise TaskRetry(pause_after(run.plan, context.attempt), str(error)) from error
        self.given_up(context, str(error), run_id=run.run_id)


class PrepareTask(_RunTask):
    """Cuts a run into chunks and puts these in line."""

    name = PREPARE

    def run(self, context: WorkContext, *_: Any, run_id: str) -> None:
        """Do it, unless it is done."""
        run = _read(context, run_id)
        if not run.is_active or run.cut:
            return
        try:
            prepare(context.database, run)
        except (DatabaseUnavailableError, OverloadedError):
            raise
        except UserError as error:
            self._again_or_fail(context, run, error)


class ChunksTask(_RunTask):
    """Does the chunks that share a place in line."""

    name = CHUNKS

    def run(self, context: WorkContext, *_: Any, run_id: str, batch: int) -> None:
        """Do those that are left."""
        run = _read(context, run_id)
        with context.database.publisher() as connection, connection.cursor() as cursor:
            chunks = chunks_of_batch(cursor, run_id, batch)
        if run.state != "running" or not chunks:
            return
        try:
            method = Method.of(run.plan, run.source, run.moment)
        except UserError as error:
            # Another worker may have the pipeline that this one lacks.
            self._again_or_fail(context, run, error)
            return
        go_on = _leaving(context)
        doer = Doer(
            database=context.database,
            run=run,
            method=method,
            worker=context.worker,
            progress=lambda _description, _done, _total: go_on(),
            last=work(FINISH, run_id, run.plan),
            retries=run.plan.retries,
        )
        try:
            doer.do(chunks, go_on=go_on)
        except LeaveError as error:
            raise TaskRetry(0.0, error.message) from error
        except ChunkFailedError as error:
            if error.pause is None:
                log.warning("run %s failed: %s", run_id, error.message)
                return
            raise TaskRetry(error.pause, error.message) from error


class FinishTask(_RunTask):
    """Publishes what a run found."""

    name = FINISH

    def run(self, context: WorkContext, *_: Any, run_id: str) -> None:
        """Do it, unless the run has ended."""
        # Publishing brings pandas along, which a server with a worker inside should not hold idle.
        from epntap.regenerate.finishing import finish_run

        run = _read(context, run_id)
        if not run.is_active:
            return
        try:
            outcome = finish_run(context.database, run, lambda _description, _done, _total: None)
        except UnderWayError as error:
            raise TaskRetry(_PUBLISHING_PAUSE, error.message) from error
        if outcome is not None and not outcome.is_good:
            log.warning("run %s was %s: %s", run_id, outcome.state, outcome.reason)


def _read(context: WorkContext, run_id: str) -> Regeneration:
    with context.database.publisher() as connection, connection.cursor() as cursor:
        return read_regeneration(cursor, run_id)


def _leaving(context: WorkContext) -> Callable[[], None]:
    """Return what ends the work when the worker has to leave."""

    def go_on() -> None:
        if context.stopping.is_set():
            raise LeaveError("the worker was stopped")

    return go_on


def regeneration_tasks(clock: Clock | None = None) -> tuple[Task, ...]:
    """Return all that workers do for regeneration.

    Parameters
    ----------
    clock
        What time it is; that of this machine when not given.
    """
    return (PrepareTask(), ChunksTask(), FinishTask(), DueTask(clock))
