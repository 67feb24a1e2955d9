"""Attempts of workers at jobs: which one counts, and how each can end."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import psycopg2
import pytest

from epntap.database import Database
from epntap.errors import DatabaseUnavailableError, UserError
from epntap.queue import PhaseListener, Work
from epntap.results import DirectoryStore, ResultMissingError
from epntap.settings import Settings
from epntap.uws import JobKind, JobLimits, JobService, Phase, storage
from epntap.uws.execution import JobAttempt, execute, give_up
from epntap.uws.expiry import ExpiryTask, SweepTask, expire, sweep
from epntap.uws.jobs import JobResult, Pairs
from epntap.uws.requests import Submission
from epntap.worker.task import TaskRetry, WorkContext

_numbers = itertools.count(1)


class Kind:
    """Jobs that no worker of the service knows."""

    limits = JobLimits(60, 600, timedelta(days=1), timedelta(days=2), 1000)

    def __init__(self, service: str) -> None:
        self.service = service

    def check(self, parameters: Pairs, parts: Sequence[str]) -> frozenset[str]:
        return frozenset(parts)

    def work(self, job_id: str) -> Work:
        return Work("tests.none", {"job_id": job_id}, queue=f"line {self.service}")


@pytest.fixture
def store(tmp_path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "results")


@pytest.fixture
def service(database: Database, store: DirectoryStore) -> JobService:
    kind: JobKind = Kind(f"test{next(_numbers)}")
    return JobService(database, store, kind)


@pytest.fixture(scope="module")
def phases(database: Database) -> Iterator[PhaseListener]:
    listener = PhaseListener(database)
    yield listener
    listener.close()


@pytest.fixture
def context(database: Database, settings: Settings, phases: PhaseListener) -> WorkContext:
    return WorkContext(database, settings, phases, "host:1:a", 1, threading.Event(), 1)


@pytest.fixture
def job_id(service: JobService) -> str:
    return service.create(Submission((("A", "1"),), run=True), "192.0.2.1").job_id


def writes(text: bytes = b"done") -> Callable[[JobAttempt], list[JobResult]]:
    def work(attempt: JobAttempt) -> list[JobResult]:
        key = attempt.key("result.txt")
        with attempt.store.create(key) as writer:
            writer.write(text)
        return [JobResult("result", key, "text/plain", len(text))]

    return work


def content(service: JobService, store: DirectoryStore, job_id: str) -> bytes:
    with store.open(service.result(job_id, "result").key) as file:
        return file.read()


def until_stopped(
    entered: threading.Event | None = None,
) -> Callable[[JobAttempt], list[JobResult]]:
    """Work that goes on until it is stopped, and then fails as a query does."""

    def work(attempt: JobAttempt) -> list[JobResult]:
        stopped = threading.Event()
        attempt.stopped_by(lambda reason: stopped.set())
        if entered is not None:
            entered.set()
        assert stopped.wait(30), "nobody stopped the work"
        raise InterruptedError

    return work


def test_an_attempt_completes_its_job(service, store, context, job_id):
    execute(context, store, job_id, writes())
    job = service.read(job_id)
    assert (job.phase, job.attempt) == (Phase.COMPLETED, 1)
    assert content(service, store, job_id) == b"done"
    # Work that stands in line twice does nothing the second time.
    execute(context, store, job_id, writes(b"again"))
    assert content(service, store, job_id) == b"done"
    assert service.read(job_id).attempt == 1


def test_an_attempt_that_was_given_up_for_lost_cannot_overwrite_its_successor(
    service, store, context, job_id
):
    def overtaken(attempt: JobAttempt) -> list[JobResult]:
        results = writes(b"from the dead")(attempt)
        execute(replace(context, worker="host:2:b"), store, job_id, writes(b"second"))
        return results

    execute(context, store, job_id, overtaken)
    job = service.read(job_id)
    assert (job.phase, job.attempt) == (Phase.COMPLETED, 2)
    assert content(service, store, job_id) == b"second"
    assert [path.name for path in (store.path(job_id)).rglob("*.txt")] == ["result.txt"]


def test_a_failure_of_an_attempt_that_counts_no_more_is_not_written_down(
    service, store, context, job_id
):
    def overtaken(attempt: JobAttempt) -> list[JobResult]:
        execute(replace(context, worker="host:2:b"), store, job_id, writes(b"second"))
        raise UserError("too late")

    execute(context, store, job_id, overtaken)
    assert service.read(job_id).phase is Phase.COMPLETED
    assert content(service, store, job_id) == b"second"


def test_a_job_that_is_aborted_meanwhile_stays_aborted(service, store, context, job_id):
    def aborted(attempt: JobAttempt) -> list[JobResult]:
        service.abort(job_id)
        return writes()(attempt)

    execute(context, store, job_id, aborted)
    job = service.read(job_id)
    assert (job.phase, job.results) == (Phase.ABORTED, ())
    assert not list(store.path(job_id).rglob("*.txt"))


@pytest.mark.parametrize("end", ["abort", "delete"])
def test_the_work_is_stopped_when_its_job_ends_elsewhere(service, store, context, job_id, end):
    entered = threading.Event()
    thread = threading.Thread(target=execute, args=(context, store, job_id, until_stopped(entered)))
    thread.start()
    assert entered.wait(30)
    getattr(service, end)(job_id)
    thread.join(30)
    assert not thread.is_alive()
    if end == "abort":
        assert service.read(job_id).phase is Phase.ABORTED


def test_an_abort_between_two_looks_is_not_missed(service, store, context, job_id):
    def late(attempt: JobAttempt) -> list[JobResult]:
        service.abort(job_id)
        time.sleep(0.05)
        return until_stopped()(attempt)

    execute(context, store, job_id, late)
    assert service.read(job_id).phase is Phase.ABORTED


def test_work_that_takes_too_long_fails_its_job(service, store, context):
    job_id = service.create(Submission((), run=True, execution_seconds=1), "x").job_id
    execute(context, store, job_id, until_stopped())
    job = service.read(job_id)
    assert job.phase is Phase.ERROR
    assert "stopped after 1 s" in job.error.message


def test_a_worker_that_stops_gives_its_job_back(service, store, context, job_id):
    context.stopping.set()
    with pytest.raises(TaskRetry):
        execute(context, store, job_id, until_stopped())
    assert service.read(job_id).phase is Phase.QUEUED
    context.stopping.clear()
    execute(context, store, job_id, writes())
    job = service.read(job_id)
    assert (job.phase, job.attempt) == (Phase.COMPLETED, 2)
    assert [path.parent.name for path in store.path(job_id).rglob("*.txt")] == ["2"]


@pytest.mark.parametrize(
    "error", [DatabaseUnavailableError("away"), psycopg2.OperationalError("server closed")]
)
def test_a_job_whose_database_goes_away_is_tried_again(service, store, context, job_id, error):
    def cut_off(attempt: JobAttempt) -> list[JobResult]:
        writes(b"half")(attempt)
        raise error

    with pytest.raises(type(error)):
        execute(context, store, job_id, cut_off)
    assert service.read(job_id).phase is Phase.EXECUTING
    execute(context, store, job_id, writes(b"whole"))
    assert content(service, store, job_id) == b"whole"
    assert [path.parent.name for path in store.path(job_id).rglob("*.txt")] == ["2"]


def test_a_defect_of_ours_is_no_secret_but_its_details_are(service, store, context, job_id):
    def defective(attempt: JobAttempt) -> list[JobResult]:
        raise ZeroDivisionError("at /home/somebody/secret.py")

    execute(context, store, job_id, defective)
    job = service.read(job_id)
    assert job.phase is Phase.ERROR
    assert "error of the service" in job.error.message
    assert "secret" not in job.error.message


def test_a_job_that_no_worker_can_carry_out_ends_with_a_reason(service, store, database, job_id):
    give_up(database, store, job_id, "tried 3 times")
    job = service.read(job_id)
    assert (job.phase, job.error.transient) == (Phase.ERROR, True)
    assert "tried 3 times" in job.error.message
    give_up(database, store, job_id, "something else")
    assert service.read(job_id) == job


def test_jobs_that_wait_or_run_are_known_to_the_queue(service, store, database, context):
    ids = [service.create(Submission((), run=run), "x").job_id for run in (True, True, False)]
    execute(context, store, ids[0], writes())
    with database.publisher() as connection:
        assert storage.unfinished(connection, service.kind.service) == [ids[1]]


def test_expired_jobs_are_destroyed_with_their_files(service, store, database, context, job_id):
    execute(context, store, job_id, writes())
    kept = service.create(Submission(()), "x").job_id
    with database.publisher() as connection, connection.cursor() as cursor:
        assert not storage.has_expired(connection)
        cursor.execute(
            "UPDATE epntap.job SET destruction = clock_timestamp() WHERE job_id = %s", (job_id,)
        )
        connection.commit()
        assert [work.task for work in ExpiryTask().orphans(connection)] == ["jobs.expire"]
    assert expire(database, store) == 1
    assert not store.path(job_id).exists()
    with database.publisher() as connection:
        assert storage.known(connection, [job_id, kept]) == {kept}
        assert not list(ExpiryTask().orphans(connection))
        assert [work.task for work in SweepTask().orphans(connection)] == ["jobs.sweep"]


def test_files_without_a_job_are_removed_when_they_are_old(
    service, store, database, context, job_id
):
    execute(context, store, job_id, writes())
    with store.create("nobody/result") as writer:
        writer.write(b"left behind")
    assert sweep(database, store) == 0
    assert sweep(database, store, older_than=timedelta(0)) == 1
    assert content(service, store, job_id) == b"done"
    with pytest.raises(ResultMissingError):
        store.open("nobody/result")


def test_a_client_that_has_too_many_jobs_makes_none(database, store):
    def refuse(connection: object, service: str, client: str) -> None:
        raise UserError(f"{client} has too many jobs of {service}")

    full = JobService(database, store, Kind("full"), refuse)
    with pytest.raises(UserError, match="x has too many jobs of full"):
        full.create(Submission((), run=True), "x")
    with database.publisher() as connection:
        assert storage.unfinished(connection, "full") == []
