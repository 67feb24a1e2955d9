"""Lines of one's own, and workers for them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import noted_tasks
import pytest
from worker_harness import LOST_SECONDS, Process, Thread, make_notes

from epntap.database import Database
from epntap.settings import Settings
from epntap.worker import Worker

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def notes(database: Database) -> Database:
    """The session's database with the tables of the tasks of these tests."""
    make_notes(database)
    return database


@pytest.fixture
def line() -> str:
    """Name of a queue that nobody else serves."""
    return f"line{next(_numbers)}"


@pytest.fixture
def start(settings: Settings, notes: Database) -> Iterator[Callable[..., Thread]]:
    """A function that starts a worker on the session's database; all are stopped."""
    started: list[Thread] = []

    def go(*queues: str, concurrency: int = 2, reserved: int = 0) -> Thread:
        here = settings.model_copy(update={"worker_seconds": LOST_SECONDS})
        worker = Worker(
            notes,
            here,
            noted_tasks.TASKS,
            queues=queues,
            concurrency=concurrency,
            reserved=reserved,
        )
        started.append(Thread(worker))
        return started[-1]

    yield go
    for one in started:
        one.stop()


@pytest.fixture
def start_process(settings: Settings, notes: Database) -> Iterator[Callable[..., Process]]:
    """A function that starts a worker as a process of its own; what is left over is killed."""
    started: list[Process] = []

    def go(*queues: str, concurrency: int = 2, home: Path | None = None) -> Process:
        started.append(Process(settings, home or settings.home, concurrency, queues))
        return started[-1]

    yield go
    for one in started:
        one.end()
