"""Hearing of changes of phase."""

from __future__ import annotations

import queue
import secrets
from collections.abc import Iterator

import pytest

from epntap.database import Database
from epntap.queue import PhaseListener


class Ear:
    """A subscriber that waits for what it hears."""

    def __init__(self) -> None:
        self.heard: queue.Queue[str | None] = queue.Queue()

    def hear(self, payload: str | None) -> None:
        self.heard.put(payload)

    def next(self) -> str | None:
        return self.heard.get(timeout=60)

    def until(self, payload: str | None) -> list[str | None]:
        """What was heard before this; other tests may have jobs, too."""
        before = []
        while (heard := self.next()) != payload:
            before.append(heard)
        return before


@pytest.fixture
def listener(database: Database) -> Iterator[PhaseListener]:
    made = PhaseListener(database)
    yield made
    made.close()


@pytest.fixture
def job(database: Database) -> Iterator[str]:
    """The id of a job that is PENDING."""
    job_id = secrets.token_hex(8)
    with database.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO epntap.job (job_id, service, execution_seconds, destruction)"
            " VALUES (%s, 'test', 1, now() + interval '1 day')",
            (job_id,),
        )
    yield job_id
    with database.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM epntap.job WHERE job_id = %s", (job_id,))


def advance(database: Database, job: str, *phases: str, commit: bool = True) -> None:
    with database.publisher() as connection:
        for phase in phases:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE epntap.job SET phase = %s WHERE job_id = %s", (phase, job))
        if commit:
            connection.commit()


def test_a_subscriber_is_told_to_look_and_then_of_every_phase(
    database: Database, listener: PhaseListener, job: str
) -> None:
    ear = Ear()
    listener.subscribe(ear.hear)
    assert ear.next() is None
    advance(database, job, "QUEUED")
    advance(database, job, "EXECUTING", "COMPLETED")
    ear.until(f"{job} QUEUED")
    assert [heard for heard in ear.until(f"{job} COMPLETED") if job in str(heard)] == [
        f"{job} EXECUTING"
    ]


def test_nothing_is_told_of_what_was_rolled_back_or_did_not_change(
    database: Database, listener: PhaseListener, job: str
) -> None:
    ear = Ear()
    listener.subscribe(ear.hear)
    ear.until(None)
    advance(database, job, "QUEUED", commit=False)
    advance(database, job, "PENDING")
    advance(database, job, "ABORTED")
    assert not [heard for heard in ear.until(f"{job} ABORTED") if job in str(heard)]


def test_after_a_broken_connection_subscribers_are_told_to_look_again(
    database: Database, listener: PhaseListener, job: str
) -> None:
    ear = Ear()
    listener.subscribe(ear.hear)
    ear.until(None)
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'epntap phases' AND usename = current_user"
        )
        assert cursor.rowcount >= 1
    ear.until(None)
    advance(database, job, "QUEUED")
    ear.until(f"{job} QUEUED")


def test_one_subscriber_that_fails_does_not_keep_others_from_hearing(
    database: Database, listener: PhaseListener, job: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(payload: str | None) -> None:
        raise RuntimeError("a defect")

    ear = Ear()
    listener.subscribe(fail)
    listener.subscribe(ear.hear)
    advance(database, job, "QUEUED")
    # It may be told of the phase, or to look because the listening began later.
    ear.next()
    advance(database, job, "EXECUTING")
    ear.until(f"{job} EXECUTING")
    assert "a subscriber of phases failed" in caplog.text


def test_who_unsubscribed_hears_nothing_more(
    database: Database, listener: PhaseListener, job: str
) -> None:
    gone, there = Ear(), Ear()
    with listener.subscribed(gone.hear):
        listener.subscribe(there.hear)
        gone.until(None)
    there.until(None)
    advance(database, job, "QUEUED")
    there.until(f"{job} QUEUED")
    assert gone.heard.empty()


def test_a_closed_listener_takes_no_subscribers(database: Database) -> None:
    listener = PhaseListener(database)
    listener.close()
    listener.close()
    with pytest.raises(RuntimeError, match="closed"):
        listener.subscribe(lambda _payload: None)
