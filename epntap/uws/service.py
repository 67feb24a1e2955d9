"""What may be done with jobs, and when: the rules of UWS 1.1, without HTTP."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, Any, Protocol

from epntap.database import Database
from epntap.queue import Work, put
from epntap.results import ResultStore
from epntap.uws import storage
from epntap.uws.errors import IllegalChangeError, NotThereError, UnknownJobError
from epntap.uws.jobs import (
    Job,
    JobFilter,
    JobInput,
    JobReference,
    JobResult,
    NewJob,
    Pairs,
    Phase,
    replaced,
)
from epntap.uws.requests import Submission

#: Bytes of randomness in an identifier: knowing it is the only credential for a job.
_ID_BYTES = 16
_ID = re.compile(f"[0-9a-f]{{{2 * _ID_BYTES}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class JobLimits:
    """How long jobs of a kind run and live.

    Attributes
    ----------
    seconds, seconds_limit
        Time that a job may run, if its client asks for none, and at most.
    lifetime, lifetime_limit
        Time until a job is destroyed, if its client asks for none, and at most.
    upload_bytes
        Bytes of the files that come with a request.
    """

    seconds: int
    seconds_limit: int
    lifetime: timedelta
    lifetime_limit: timedelta
    upload_bytes: int

    def allowed_seconds(self, asked: int | None) -> int:
        """Return the time that a job may run; 0 asks for as much as there is."""
        if asked is None:
            return min(self.seconds, self.seconds_limit)
        return min(asked, self.seconds_limit) if asked else self.seconds_limit

    def allowed_destruction(self, asked: datetime | None) -> datetime:
        """Return when a job is destroyed."""
        now = datetime.now(UTC)
        if asked is None:
            return now + min(self.lifetime, self.lifetime_limit)
        return min(asked, now + self.lifetime_limit)


class JobKind(Protocol):
    """What one service does differently from others.

    Attributes
    ----------
    service
        Name of its job list in the table of jobs, e.g. ``tap``.
    limits
        Of its jobs.
    """

    service: str
    limits: JobLimits

    def check(self, parameters: Pairs, parts: Collection[str]) -> frozenset[str]:
        """Refuse parameters that no job can have.

        Parameters
        ----------
        parameters
            All that the job would have.
        parts
            Names of the files that came with them.

        Returns
        -------
        frozenset of str
            Which of the files belong to the job; the others are not kept.

        Raises
        ------
        UserError
            If the job cannot be made.
        """
        ...

    def work(self, job_id: str) -> Work:
        """Return the work of a job, for the queue."""
        ...


#: Raises if a client may not have one more job; called in the transaction that would make it, with
#: the name of the service and what the client is counted as.
Admission = Callable[[Any, str, str], None]


class JobService:
    """The jobs of one service. Its methods block: they belong into threads.

    Every method that names a job raises `UnknownJobError` if there is none.

    Parameters
    ----------
    database
        Where jobs are stored.
    store
        Where their files are.
    kind
        What is special about them.
    admit
        Refuses clients that have too many.
    """

    def __init__(
        self,
        database: Database,
        store: ResultStore,
        kind: JobKind,
        admit: Admission | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self.kind = kind
        self._admit = admit

    def welcome(self, client: str) -> None:
        """Refuse a client that could not have one more job, before its files are read.

        Raises
        ------
        UserError
            If it has too many.
        """
        if self._admit is not None:
            with self._database.publisher() as connection:
                self._admit(connection, self.kind.service, client)

    def create(self, asked: Submission, client: str) -> Job:
        """Make a job, and put it in line if that is asked for.

        Raises
        ------
        UserError
            If its kind cannot have such parameters, or the client has too many jobs.
        """
        kept = self.kind.check(asked.parameters, asked.parts)
        job_id = secrets.token_hex(_ID_BYTES)
        limits = self.kind.limits
        try:
            new = NewJob(
                job_id=job_id,
                service=self.kind.service,
                run_id=asked.run_id,
                parameters=_without(asked.parameters, kept),
                inputs=self._keep(job_id, asked.parts, kept),
                client=client,
                execution_seconds=limits.allowed_seconds(asked.execution_seconds),
                destruction=limits.allowed_destruction(asked.destruction),
            )
            with self._database.publisher() as connection:
                if self._admit is not None:
                    self._admit(connection, new.service, client)
                job = storage.insert(connection, new)
                if asked.run:
                    self._enqueue(connection, job)
                connection.commit()
        except BaseException:
            if kept:
                self._store.remove(job_id)
            raise
        return job

    def read(self, job_id: str) -> Job:
        """Return a job as it is now."""
        with self._database.publisher() as connection:
            return self._find(connection, job_id)

    def references(self, client: str, wanted: JobFilter) -> list[JobReference]:
        """Return the jobs that a client made, the newest first."""
        with self._database.publisher() as connection:
            return storage.references(connection, self.kind.service, client, wanted)

    def result(self, job_id: str, name: str) -> JobResult:
        """Return one of the results of a job.

        Raises
        ------
        NotThereError
            If there is none of that name, or none yet.
        """
        job = self.read(job_id)
        for result in job.results:
            if result.id == name:
                return result
        if job.error is not None:
            # Clients that ask for the result of a failed job show this instead of its error.
            raise NotThereError(f"job {job_id} has failed: {job.error.message}")
        raise NotThereError(f"job {job_id} has no result {name[:64]!r}, its phase is {job.phase}")

    def change_parameters(self, job_id: str, asked: Submission) -> None:
        """Give parameters other values, and add files, while the job has not been started.

        Raises
        ------
        IllegalChangeError
            If it has been.
        UserError
            If its kind cannot have such parameters.
        """
        added: tuple[JobInput, ...] = ()
        try:
            with self._database.publisher() as connection:
                job = self._find(connection, job_id, lock=True)
                _require(job, Phase.PENDING, what="parameters can be posted")
                parameters = replaced(job.parameters, asked.parameters)
                before = {one.name: one for one in job.inputs}
                kept = self.kind.check(parameters, {*before, *asked.parts})
                added = self._keep(job_id, asked.parts, kept)
                inputs = {
                    **{name: one for name, one in before.items() if name in kept},
                    **{one.name: one for one in added},
                }
                run_id = asked.run_id if asked.run_id is not None else job.run_id
                left = _without(parameters, kept)
                storage.set_parameters(connection, job_id, left, list(inputs.values()), run_id)
                connection.commit()
        except BaseException:
            self._forget(added)
            raise
        keys = {one.key for one in inputs.values()}
        self._forget(one for one in job.inputs if one.key not in keys)

    def set_execution_duration(self, job_id: str, seconds: int) -> None:
        """Set the time that a job may run, within the limit, before a worker has taken it.

        Raises
        ------
        IllegalChangeError
            If one has.
        """
        with self._database.publisher() as connection:
            job = self._find(connection, job_id, lock=True)
            _require(job, Phase.PENDING, Phase.QUEUED, what="the execution duration can be set")
            allowed = self.kind.limits.allowed_seconds(seconds)
            storage.set_execution_seconds(connection, job_id, allowed)
            connection.commit()

    def set_destruction(self, job_id: str, time: datetime) -> None:
        """Set when a job is destroyed, within the limit."""
        with self._database.publisher() as connection:
            self._find(connection, job_id, lock=True)
            allowed = self.kind.limits.allowed_destruction(time)
            storage.set_destruction(connection, job_id, allowed)
            connection.commit()

    def start(self, job_id: str) -> None:
        """Put a job in line.

        Raises
        ------
        IllegalChangeError
            If it has been already.
        """
        with self._database.publisher() as connection:
            job = self._find(connection, job_id, lock=True)
            _require(job, Phase.PENDING, what="a job can be started")
            self._enqueue(connection, job)
            connection.commit()

    def abort(self, job_id: str) -> None:
        """End a job; doing so again changes nothing.

        Raises
        ------
        IllegalChangeError
            If it has ended otherwise.
        """
        with self._database.publisher() as connection:
            job = self._find(connection, job_id, lock=True)
            if job.phase is Phase.ABORTED:
                return
            if not job.phase.active:
                raise IllegalChangeError(f"job {job_id} has ended: its phase is {job.phase}")
            storage.abort(connection, job_id)
            connection.commit()
        # A worker that reads them at this moment has them open, or finds out that it is stopped.
        self._forget(job.inputs)

    def delete(self, job_id: str) -> None:
        """Forget a job and its files; if it is being worked at, that ends."""
        with self._database.publisher() as connection:
            self._find(connection, job_id, lock=True)
            storage.delete(connection, job_id)
            connection.commit()
        self._store.remove(job_id)

    def _find(self, connection: Any, job_id: str, *, lock: bool = False) -> Job:
        job = None
        if _ID.fullmatch(job_id):
            job = storage.read(connection, self.kind.service, job_id, lock=lock)
        if job is None:
            raise UnknownJobError(job_id)
        return job

    def _enqueue(self, connection: Any, job: Job) -> None:
        storage.set_queued(connection, job.job_id)
        put(connection, self.kind.work(job.job_id))

    def _keep(
        self, job_id: str, parts: Mapping[str, IO[bytes]], kept: frozenset[str]
    ) -> tuple[JobInput, ...]:
        """Copy files that came with a request into the store."""
        inputs: list[JobInput] = []
        try:
            for name in sorted(kept & parts.keys()):
                key = f"{job_id}/in/{secrets.token_hex(4)}"
                with self._store.create(key) as writer:
                    parts[name].seek(0)
                    writer.copy(parts[name])
                inputs.append(JobInput(name, key, writer.size))
        except BaseException:
            self._forget(inputs)
            raise
        return tuple(inputs)

    def _forget(self, inputs: Iterable[JobInput]) -> None:
        for one in inputs:
            self._store.remove(one.key)


def _require(job: Job, *phases: Phase, what: str) -> None:
    if job.phase not in phases:
        wanted = " or ".join(phases)
        raise IllegalChangeError(f"{what} in phase {wanted} only, job {job.job_id} is {job.phase}")


def _without(parameters: Pairs, files: frozenset[str]) -> Pairs:
    """Return the parameters without those that are the files of the request."""
    return tuple((name, value) for name, value in parameters if name not in files)
