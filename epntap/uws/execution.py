"""What a worker does with a job of any kind, around the work itself.

An attempt takes the job, watches it while the work is done, and writes its end, unless meanwhile
the job was aborted, destroyed, or given to another worker: then what it did leaves no trace.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psycopg2

from epntap.database import Database
from epntap.errors import UserError
from epntap.queue import PhaseListener
from epntap.results import ResultsError, ResultStore
from epntap.tap.errors import RequestError, too_slow
from epntap.uws import storage
from epntap.uws.jobs import Job, JobFailure, JobResult, Phase
from epntap.worker.running import is_passing
from epntap.worker.task import TaskRetry, WorkContext

log = logging.getLogger(__name__)

#: How often it is looked whether the worker is to stop.
_LOOK_SECONDS = 0.5

#: How often an attempt asks whether it still counts; an abort is heard of at once.
_FENCE_SECONDS = 10.0

#: Ends the work, from another thread; told why, if there is somebody to be told.
Stop = Callable[[UserError | None], None]


@dataclass(frozen=True, slots=True)
class JobAttempt:
    """A worker's attempt at a job, as the work sees it.

    Attributes
    ----------
    job
        As it was when it was taken.
    store
        Where its files are, and its results are to be put.
    """

    job: Job
    store: ResultStore
    _watch: _Watch

    def key(self, name: str) -> str:
        """Return where a file of this attempt belongs; no other attempt has the same."""
        return f"{_folder(self.job)}/{name}"

    def stopped_by(self, stop: Stop) -> None:
        """Have something called when the work is to end early; at once, if that is so already.

        The work then raises, whatever it likes.
        """
        self._watch.stopped_by(stop)


#: The work: makes the results, in the store. What it raises becomes the error of the job.
JobWork = Callable[[JobAttempt], Sequence[JobResult]]


def execute(
    context: WorkContext,
    store: ResultStore,
    job_id: str,
    work: JobWork,
    *,
    late: Callable[[float], UserError] = too_slow,
) -> None:
    """Carry a job out.

    Parameters
    ----------
    context
        Of the task.
    store
        Where files of jobs are.
    job_id
        Which job; nothing happens if it has ended or is gone.
    work
        What makes its results.
    late
        Makes the error of a job whose time, in seconds, is over.

    Raises
    ------
    TaskRetry
        If the worker is to stop: the job is given back.
    Exception
        If the database went away, as whatever it shows itself; the job is to be tried again.
    """
    with _Watch(context, job_id, late) as watch:
        with context.database.publisher() as connection:
            job = storage.take(connection, job_id, context.worker)
            connection.commit()
        if job is None:
            return
        watch.begin(job)
        attempt = JobAttempt(job, store, watch)
        try:
            results = work(attempt)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job has to hear of it
            _failed(context, attempt, watch, error)
        else:
            _succeeded(context, attempt, results)


def give_up(database: Database, store: ResultStore, job_id: str, reason: str) -> None:
    """End a job that no worker could carry out; nothing happens if it has ended otherwise."""
    failure = JobFailure(f"the job could not be carried out: {reason}", transient=True)
    with database.publisher() as connection:
        ended = storage.give_up(connection, job_id, failure)
        connection.commit()
    if ended:
        # Everything: there are no results.
        store.remove(job_id)


def _succeeded(context: WorkContext, attempt: JobAttempt, results: Sequence[JobResult]) -> None:
    with context.database.publisher() as connection:
        counted = storage.complete(connection, attempt.job.job_id, attempt.job.attempt, results)
        connection.commit()
    if counted:
        _clean(attempt, keep=_folder(attempt.job))
    else:
        attempt.store.remove(_folder(attempt.job))


def _failed(context: WorkContext, attempt: JobAttempt, watch: _Watch, error: Exception) -> None:
    """Write down why a job has failed, or see to it that it is tried again."""
    job = attempt.job
    if watch.ended_elsewhere:
        attempt.store.remove(_folder(job))
        return
    if context.stopping.is_set():
        with context.database.publisher() as connection:
            storage.give_back(connection, job.job_id, job.attempt)
            connection.commit()
        raise TaskRetry(0.0, "the worker was stopped") from error
    if watch.late is None and is_passing(error):
        raise error
    with context.database.publisher() as connection:
        counted = storage.fail(connection, job.job_id, job.attempt, _failure(watch, error))
        connection.commit()
    if counted:
        _clean(attempt)


def _failure(watch: _Watch, error: Exception) -> JobFailure:
    if watch.late is not None:
        return JobFailure(str(watch.late))
    if isinstance(error, ResultsError):
        # Where the files are is of no concern to clients.
        log.error("the result of a job cannot be stored: %s", error)
        return JobFailure("the service has no room for the result at the moment", transient=True)
    if isinstance(error, UserError):
        transient = isinstance(error, RequestError) and error.status == 503
        return JobFailure(str(error), transient=transient)
    log.error("a job failed for a reason that is a defect of ours", exc_info=error)
    return JobFailure("the service could not carry the job out: this is an error of the service")


def _clean(attempt: JobAttempt, keep: str | None = None) -> None:
    """Remove files that are of no use once the job has ended."""
    for one in attempt.job.inputs:
        attempt.store.remove(one.key)
    for earlier in range(1, attempt.job.attempt + 1):
        folder = f"{attempt.job.job_id}/{earlier}"
        if folder != keep:
            attempt.store.remove(folder)


def _folder(job: Job) -> str:
    return f"{job.job_id}/{job.attempt}"


class _Watch:
    """Looks, in a thread of its own, whether an attempt is aborted, late, or to be left."""

    def __init__(
        self, context: WorkContext, job_id: str, late: Callable[[float], UserError]
    ) -> None:
        self._too_late = late
        self._database = context.database
        self._phases: PhaseListener = context.phases
        self._stopping = context.stopping
        self._job_id = job_id
        self._changed = threading.Condition()
        self._job: Job | None = None
        self._stop: Stop | None = None
        self._stopped = False
        self._doubtful = False
        self._over = False
        self._thread: threading.Thread | None = None
        #: Whether the job was aborted or destroyed, or another attempt counts.
        self.ended_elsewhere = False
        #: What the client is told when the time of the job was over.
        self.late: UserError | None = None

    def __enter__(self) -> Self:
        # Before the job is taken, so that no abort is missed.
        self._phases.subscribe(self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._phases.unsubscribe(self._hear)
        with self._changed:
            self._over = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def begin(self, job: Job) -> None:
        """Watch a job that was taken now."""
        self._job = job
        self._thread = threading.Thread(target=self._run, name=f"watch {job.job_id}", daemon=True)
        self._thread.start()

    def stopped_by(self, stop: Stop) -> None:
        """Remember how the work is ended."""
        with self._changed:
            self._stop = stop
            if not self._stopped:
                return
        stop(self.late)

    def _hear(self, payload: str | None) -> None:
        if payload is not None and payload != f"{self._job_id} {Phase.ABORTED}":
            return
        with self._changed:
            if payload is None:
                # The listener was deaf for a while.
                self._doubtful = True
            else:
                self.ended_elsewhere = True
            self._changed.notify()

    def _run(self) -> None:
        job = self._job
        if job is None:
            raise RuntimeError("a watch begins when the job is taken")
        now = time.monotonic()
        deadline = now + job.execution_seconds
        ask = now + _FENCE_SECONDS
        while True:
            with self._changed:
                if not (self.ended_elsewhere or self._doubtful or self._over):
                    self._changed.wait(min(_LOOK_SECONDS, max(0.0, deadline - now)))
                if self._over:
                    return
                doubtful, self._doubtful = self._doubtful, False
            now = time.monotonic()
            if (doubtful or now >= ask) and not self.ended_elsewhere:
                ask = now + _FENCE_SECONDS
                self.ended_elsewhere = not self._counts(job)
            if now >= deadline:
                self.late = self._too_late(job.execution_seconds)
            if self.ended_elsewhere or self.late is not None or self._stopping.is_set():
                self._end_work()
                return

    def _counts(self, job: Job) -> bool:
        """Ask whether the attempt still counts; a database that is away has not ended it."""
        try:
            with self._database.publisher() as connection:
                return storage.held(connection, job.job_id, job.attempt)
        except (UserError, psycopg2.Error) as error:
            log.info("job %s cannot be looked at just now: %s", job.job_id, error)
            return True

    def _end_work(self) -> None:
        with self._changed:
            self._stopped = True
            stop = self._stop
        if stop is not None:
            stop(self.late)
