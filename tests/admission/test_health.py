"""What availability tells while the database takes its time."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from epntap.database import DatabaseBusyError
from epntap.errors import DatabaseUnavailableError
from epntap.tap import health
from epntap.tap.health import Health


class Questions:
    """A database that answers when it is let."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = 0
        self.error: Exception | None = None

    def __call__(self) -> None:
        self.asked += 1
        assert self.may_answer.wait(60)
        if self.error is not None:
            raise self.error


@pytest.fixture
def questions():
    made = Questions()
    yield made
    made.may_answer.set()


@pytest.fixture
def threads():
    with ThreadPoolExecutor(1) as made:
        yield made


def test_the_first_answer_waits_for_the_database_and_later_ones_do_not(questions, threads):
    async def scenario() -> None:
        asked = Health(questions, threads)
        questions.error = DatabaseUnavailableError("gone")
        assert await asked.problem() == "gone"
        questions.error = None
        questions.may_answer.clear()
        begin = time.monotonic()
        answers = await asyncio.gather(*(asked.problem() for _ in range(20)))
        assert time.monotonic() - begin < 30
        assert set(answers) == {"gone"}
        # All of them asked one question, and its answer is there for the next.
        questions.may_answer.set()
        await asyncio.to_thread(threads.submit(lambda: None).result)
        assert questions.asked == 2
        await asyncio.sleep(0)
        assert await asked.problem() is None

    asyncio.run(scenario())


def test_an_old_answer_is_not_repeated_when_there_is_a_new_one(questions, threads, monkeypatch):
    monkeypatch.setattr(health, "_NEW_SECONDS", 0.0)
    monkeypatch.setattr(health, "_OLD_SECONDS", 0.0)
    monkeypatch.setattr(health, "_LONGER_SECONDS", 60.0)

    async def scenario() -> None:
        asked = Health(questions, threads)
        assert await asked.problem() is None
        questions.error = DatabaseUnavailableError("gone")
        assert await asked.problem() == "gone"

    asyncio.run(scenario())


def test_a_database_that_stays_silent_is_said_to_be(questions, threads, monkeypatch):
    monkeypatch.setattr(health, "_SILENT_SECONDS", 0.05)

    async def scenario() -> None:
        asked = Health(questions, threads)
        assert await asked.problem() is None
        questions.may_answer.clear()
        await asked.problem()
        await asyncio.sleep(0.1)
        assert "has not answered for" in (await asked.problem() or "")
        questions.may_answer.set()

    asyncio.run(scenario())


def test_much_to_do_is_no_reason_to_be_unavailable(questions, threads):
    questions.error = DatabaseBusyError("all connections are in use")
    assert asyncio.run(Health(questions, threads).problem()) is None
