"""Workers that are killed, frozen, or lose their database in the middle of their work."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import noted_tasks
import pytest
from tests_support import postmaster_pid
from worker_harness import (
    LOST_SECONDS,
    Process,
    Thread,
    answers,
    events,
    eventually,
    in_line,
    make_notes,
    order,
)

from epntap.database import Database
from epntap.queue import Work
from epntap.settings import Settings
from epntap.worker import Worker

Start = Callable[..., Thread]
StartProcess = Callable[..., Process]


def patient(what: str, line: str, seconds: float) -> Work:
    return Work("test.patient", {"what": what, "seconds": seconds}, queue=line)


def stubborn(what: str, line: str, seconds: float) -> Work:
    return Work("test.stubborn", {"what": what, "seconds": seconds}, queue=line)


def test_work_of_a_killed_worker_is_taken_by_another(
    notes: Database, start: Start, start_process: StartProcess, line: str
) -> None:
    killed = start_process(line)
    order(notes, stubborn(line, line, 600))
    eventually(lambda: events(notes, line) == ["began"], "it has begun")
    killed.kill()
    other = start(line)
    eventually(lambda: "done" in events(notes, line), "another one does it")
    assert [(note.event, note.attempt, note.worker) for note in noted_tasks.read(notes, line)] == [
        ("began", 1, killed.name),
        ("began", 2, other.worker.name),
        ("done", 2, other.worker.name),
    ]
    eventually(lambda: in_line(notes, line) == 0, "the queue is empty")


def test_work_that_every_worker_dies_of_is_given_up(
    notes: Database, start: Start, start_process: StartProcess, line: str
) -> None:
    # Somebody else sees to what the killed ones leave.
    start(f"{line}-other")
    order(notes, patient(line, line, 600))
    for times in range(1, 4):
        victim = start_process(line)
        eventually(lambda n=times: len(events(notes, line)) == n, "it has begun")  # type: ignore[misc]
        victim.kill()
    start(line)
    eventually(lambda: "given up" in events(notes, line), "it is given up")
    found = noted_tasks.read(notes, line)
    assert [note.event for note in found] == ["began", "began", "began", "given up"]
    assert found[-1].reason == "tried 3 times without an end: the worker was lost"
    eventually(lambda: in_line(notes, line) == 0, "the queue is empty")


def test_what_a_frozen_worker_says_when_it_thaws_changes_nothing(
    notes: Database, start: Start, start_process: StartProcess, line: str
) -> None:
    """As one that was cut off from the network, it comes back when another has its work."""
    frozen = start_process(line)
    order(notes, stubborn(line, line, LOST_SECONDS))
    eventually(lambda: events(notes, line) == ["began"], "it has begun")
    os.kill(frozen.process.pid, signal.SIGSTOP)
    start(f"{line}-other")
    eventually(lambda: status(notes, line) == "todo", "it is in line again")
    os.kill(frozen.process.pid, signal.SIGCONT)
    # The thawed worker registers anew, and takes the work as anybody might.
    eventually(lambda: in_line(notes, line) == 0, "the work ends")
    second = [note.event for note in noted_tasks.read(notes, line) if note.attempt == 2]
    assert second == ["began", "done"]


def status(database: Database, queue: str) -> str:
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT status::text FROM procrastinate.procrastinate_jobs WHERE queue_name = %s",
            (queue,),
        )
        row = cursor.fetchone()
        return "" if row is None else str(row[0])


@pytest.fixture
def own(new_home: Callable[[], Path], settings: Settings) -> Iterator[tuple[Settings, Database]]:
    """A database that may be killed."""
    here = settings.model_copy(update={"home": new_home(), "worker_seconds": LOST_SECONDS})
    with Database.open(here) as database:
        make_notes(database)
        yield here, database


def test_everything_ends_although_the_database_is_killed_again_and_again(
    own: tuple[Settings, Database],
) -> None:
    settings, database = own
    quick = [f"quick {n}" for n in range(60)]
    slow = [f"slow {n}" for n in range(6)]
    # In one transaction: all of it is in line, or none.
    order(
        database,
        *(patient(what, "default", 1.0) for what in slow[:3]),
        *(Work("test.quick", {"what": what}) for what in quick),
        *(patient(what, "default", 1.0) for what in slow[3:]),
    )
    workers = [
        Thread(Worker(database, settings, noted_tasks.TASKS, concurrency=2)) for _ in range(2)
    ]
    try:
        for number in (1, 2):
            eventually(
                lambda n=number: sum(events(database, what) != [] for what in slow) >= n,  # type: ignore[misc]
                "slow work has begun",
            )
            os.kill(postmaster_pid(settings), signal.SIGKILL)
            eventually(lambda: answers(database), "the database is there again")
        eventually(lambda: in_line(database, "default") == 0, "the queue is empty")
    finally:
        for worker in workers:
            worker.stop()
    for what in (*quick, *slow):
        assert events(database, what)[-1] in ("done", "given up"), what
