"""``/tap/async``: queries whose clients come back for the result (TAP 1.1, section 2.4)."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import IO, Any
from weakref import WeakKeyDictionary

from epntap.database import Database
from epntap.queue import URGENT, Work
from epntap.results import ResultMissingError, open_results
from epntap.settings import Settings
from epntap.tap.errors import QueryFailedError, RequestError
from epntap.tap.parameters import Parameters, QueryRequest, collect, query_request
from epntap.tap.query import QueryRun, TableSets, TransferBrokenError
from epntap.tap.uploads import InlineSource, UploadPolicy, declared_uploads
from epntap.uws import storage
from epntap.uws.execution import JobAttempt, execute, give_up
from epntap.uws.jobs import JobResult, Pairs
from epntap.uws.service import JobLimits
from epntap.worker.task import WorkContext

#: Name of the job list in the table of jobs.
SERVICE = "tap"

#: The one result of a query (TAP 1.1, section 2.4).
RESULT = "result"

_TASK = "tap.query"

#: A query whose worker was lost is tried again.
_ATTEMPTS = 3


class TapJobs:
    """What is special about the jobs of TAP, see `epntap.uws.service.JobKind`.

    Parameters
    ----------
    settings
        Limits.
    """

    def __init__(self, settings: Settings) -> None:
        self.service = SERVICE
        self.limits = JobLimits(
            seconds=settings.async_seconds,
            seconds_limit=settings.async_seconds_limit,
            lifetime=timedelta(days=settings.destruction_days),
            lifetime_limit=timedelta(days=settings.destruction_days_limit),
            upload_bytes=settings.upload_bytes,
        )
        self._remote = settings.upload_remote

    def check(self, parameters: Pairs, parts: Collection[str]) -> frozenset[str]:
        """Refuse what no query can have; a query itself may be wrong, and fails when it is run.

        Raises
        ------
        RequestError
            If a parameter is given twice that may be given once, or an upload is not well
            declared.
        """
        given = collect(parameters)
        # Only which parts are meant is of interest here, not what is in them.
        files: dict[str, IO[bytes]] = {name: io.BytesIO(name.encode()) for name in parts}
        uploads = declared_uploads(given.uploads, files, remote=self._remote)
        return frozenset(
            name
            for upload in uploads
            if isinstance(upload.source, InlineSource)
            for name, file in files.items()
            if file is upload.source.file
        )

    def work(self, job_id: str) -> Work:
        """Return the work of a query."""
        return _work(job_id)


def _work(job_id: str) -> Work:
    # The lock keeps two workers from the same job, should it stand in line twice.
    return Work(_TASK, {"job_id": job_id}, lock=f"job {job_id}", priority=URGENT)


class TapQueryTask:
    """The task ``tap.query``: runs the query of a job."""

    name = _TASK
    attempts = _ATTEMPTS

    def __init__(self) -> None:
        # What can be queried is read anew when it has changed, not for every query.
        self._tablesets: WeakKeyDictionary[Database, TableSets] = WeakKeyDictionary()

    def run(self, context: WorkContext, *_: Any, job_id: str, **__: Any) -> None:
        """Carry a job out."""
        tablesets = self._tablesets.setdefault(context.database, TableSets(context.database))

        def work(attempt: JobAttempt) -> Sequence[JobResult]:
            return _query(attempt, context.database, tablesets, context.settings)

        execute(context, open_results(context.settings), job_id, work)

    def given_up(self, context: WorkContext, reason: str, *_: Any, job_id: str, **__: Any) -> None:
        """End a job that could not be carried out."""
        give_up(context.database, open_results(context.settings), job_id, reason)

    def orphans(self, connection: Any) -> Iterable[Work]:
        """Return the work for every job that stands in line or is worked at."""
        return [_work(job_id) for job_id in storage.unfinished(connection, SERVICE)]


def _query(
    attempt: JobAttempt, database: Database, tablesets: TableSets, settings: Settings
) -> Sequence[JobResult]:
    """Run a query, and store its result as it comes: nothing of it is held in memory.

    Raises
    ------
    UserError
        If the query is wrong, or fails.
    Cancelled
        If it was stopped.
    """
    policy = UploadPolicy.of(settings)
    with ExitStack() as stack:
        request = _request(attempt, policy, settings, stack)
        key = attempt.key(f"{RESULT}.{request.format.extension}")
        writer = stack.enter_context(attempt.store.create(key))

        def send(piece: bytes, *, last: bool) -> None:
            writer.write(piece)

        # A result that is not whole is none: the run is to fail rather than say so at its end.
        whole = replace(request, format=replace(request.format, tells_status=False))
        run = QueryRun(database, tablesets, whole, send, uploads=policy)
        attempt.stopped_by(run.stop)
        try:
            run.run()
        except TransferBrokenError as error:
            raise QueryFailedError(str(error)) from error.__cause__
    return [JobResult(RESULT, key, request.format.mime, writer.size)]


def _request(
    attempt: JobAttempt, policy: UploadPolicy, settings: Settings, stack: ExitStack
) -> QueryRequest:
    """Return what a job asks for, with the files that came with it open."""
    given = collect(attempt.job.parameters)
    parts: dict[str, IO[bytes]] = {}
    for one in attempt.job.inputs:
        try:
            parts[one.name] = stack.enter_context(attempt.store.open(one.key))
        except ResultMissingError as error:
            raise RequestError(
                f"the uploaded file {one.name} is not there any more", hint="make a new job"
            ) from error
    return query_request(
        Parameters(given.values, given.uploads, parts),
        settings.maxrec,
        settings.maxrec_limit,
        remote_uploads=policy.remote,
    )
