"""Runs that stand in line, done by workers of this process; schedules that put them there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from epntap.database import Database
from epntap.publish import DataFrameSource, drop, publish
from epntap.queue import put
from epntap.regenerate.beginning import begin, cancel
from epntap.regenerate.foreground import regenerate
from epntap.regenerate.schedule import DueTask, begin_due, list_scheduled, pause
from epntap.regenerate.status import read_status
from epntap.regenerate.tasks import regeneration_tasks
from epntap.settings import Settings
from epntap.worker import Worker

from .conftest import TestClock, ask, order, quiet, rows_of, stored

YEAR = "series:2024-01-01/2025-01-01/7"
NIGHTLY = "'0 3 * * *'"


@pytest.fixture
def working(database: Database, settings: Settings) -> Callable[..., object]:
    """Runs a worker while a block lasts."""

    @contextmanager
    def run(clock: TestClock | None = None, concurrency: int = 2) -> Iterator[Worker]:
        worker = Worker(
            database,
            settings.model_copy(update={"worker_seconds": 2.0}),
            regeneration_tasks(clock),
            concurrency=concurrency,
        )
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield worker
        finally:
            worker.stop()
            thread.join(60)
            assert not thread.is_alive()

    return run


def await_end(database: Database, run_id: str, seconds: float = 60.0) -> tuple[str, str | None]:
    """Wait for a run to end; return its state and reason."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ((state, reason, ended),) = ask(
            database, "SELECT state, reason, ended FROM epntap.run WHERE run_id = %s", run_id
        )
        if ended is not None:
            return state, reason
        time.sleep(0.05)
    raise AssertionError(f"run {run_id} is still {state} after {seconds} s")


def put_in_line(database: Database, catalogue, moment: datetime | None = None) -> str:
    with database.publisher() as connection:
        run = begin(
            connection, stored(catalogue), moment=moment or datetime(2025, 1, 1, tzinfo=UTC)
        )
        connection.commit()
    return run.run_id


def test_workers_publish_what_the_foreground_would(database, described, working):
    alone, shared = described(source=YEAR, chunk="3d"), described(source=YEAR, chunk="3d")
    regenerate(database, order(alone), quiet)
    run_id = put_in_line(database, shared)
    with working():
        assert await_end(database, run_id) == ("published", None)
    assert rows_of(database, shared) == rows_of(database, alone)
    chunks = ask(
        database,
        "SELECT count(*), sum(attempt), sum(row_count), count(DISTINCT batch) FROM epntap.chunk"
        " WHERE run_id = %s AND state = 'done'",
        run_id,
    )
    rows = len(rows_of(database, alone))
    # 122 chunks of three days, three of them in an item.
    assert chunks == [(122, 122, rows, 41)]


def test_a_chunk_that_fails_is_tried_again_and_then_fails_the_run(
    database, described, working, tmp_path
):
    weights = tmp_path / "weights.json"
    weights.write_text('{"threshold": 2.2}', encoding="utf-8")
    catalogue = described(
        source=YEAR, options=f"{{weights: {weights}}}", retries=1, retry_after="1s"
    )
    regenerate(database, order(catalogue), quiet)
    before = rows_of(database, catalogue)
    weights.write_text("{", encoding="utf-8")
    run_id = put_in_line(database, catalogue)
    with working():
        state, reason = await_end(database, run_id)
    assert state == "failed"
    assert reason is not None
    assert "weights weights.json cannot be used" in reason
    assert rows_of(database, catalogue) == before
    failed = "SELECT failures FROM epntap.chunk WHERE run_id = %s AND state = 'failed'"
    assert set(ask(database, failed, run_id)) == {(2,)}
    status = read_status(database)
    (here,) = [each for each in status.catalogues if each.name == catalogue.name]
    assert not here.is_good
    assert not status.is_good
    assert here.reason == reason


def test_a_source_that_comes_back_is_found_by_the_next_try(database, described, working, tmp_path):
    file = tmp_path / "late.csv"
    catalogue = described(
        source=str(file), span="{from: 2024-01-01, to: 2024-02-01}", retries=5, retry_after="1s"
    )
    run_id = put_in_line(database, catalogue)
    with working():
        deadline = time.monotonic() + 30
        tried = "SELECT max(failures) FROM epntap.chunk WHERE run_id = %s"
        while ask(database, tried, run_id) in ([(None,)], [(0,)]) and time.monotonic() < deadline:
            time.sleep(0.05)
        file.write_text(
            "time,value\n2024-01-05T01:00,0\n2024-01-05T02:00,9\n2024-01-05T03:00,0\n",
            encoding="utf-8",
        )
        assert await_end(database, run_id) == ("published", None)
    assert [row[0] for row in rows_of(database, catalogue)] == ["crossing_20240105T02"]


def test_a_cancelled_run_is_left_by_its_workers(database, described, working):
    catalogue = described(source=YEAR, chunk="5d", options="{pause: 0.2}")
    run_id = put_in_line(database, catalogue)
    with working():
        done = "SELECT count(*) FROM epntap.chunk WHERE run_id = %s AND state = 'done'"
        while ask(database, done, run_id) < [(2,)]:
            time.sleep(0.02)
        assert cancel(database, catalogue.name) == run_id
        assert await_end(database, run_id) == ("failed", "cancelled by hand")
        time.sleep(0.5)
        (count,) = ask(database, done, run_id)
        time.sleep(1.0)
        assert ask(database, done, run_id) == [count]
    assert count < (74,)


def test_a_worker_that_stops_gives_back_what_it_has(database, described, working):
    catalogue = described(source=YEAR, chunk="5d", options="{pause: 0.05}")
    run_id = put_in_line(database, catalogue)
    done = "SELECT count(*) FROM epntap.chunk WHERE run_id = %s AND state = 'done'"
    with working():
        while ask(database, done, run_id) < [(5,)]:
            time.sleep(0.02)
    ((before,),) = ask(database, done, run_id)
    assert before < 74
    with working():
        assert await_end(database, run_id) == ("published", None)
    counts = "SELECT count(*), count(DISTINCT key), bool_or(reused) FROM epntap.chunk"
    assert ask(database, counts + " WHERE run_id = %s", run_id) == [(74, 74, False)]


def test_what_got_lost_from_the_line_is_put_there_again(database, described, working):
    catalogue = described(source=YEAR)
    run_id = put_in_line(database, catalogue)
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate.procrastinate_jobs WHERE args->'arguments'->>'run_id' = %s",
            (run_id,),
        )
        assert cursor.rowcount == 1
        connection.commit()
    with working():
        assert await_end(database, run_id) == ("published", None)


def test_schedules_follow_what_is_published(database, described):
    catalogue = described(source=YEAR, schedule=NIGHTLY)
    clock = TestClock(datetime(2024, 5, 5, 12, tzinfo=UTC))

    def mine():
        return [
            each for each in list_scheduled(database, clock) if each.catalogue == catalogue.name
        ]

    assert mine() == []
    regenerate(database, order(catalogue), quiet)
    (found,) = mine()
    assert (found.schedule, found.due) == ("0 3 * * *", datetime(2024, 5, 6, 3, tzinfo=UTC))
    assert found.last_state == "published"
    other = described(name=catalogue.name, source=YEAR, schedule="'0 0 1 * *'")
    regenerate(database, order(other), quiet)
    (found,) = mine()
    assert found.due == datetime(2024, 6, 1, tzinfo=UTC)
    by_hand = described(name=catalogue.name, source=YEAR)
    frame = regenerate(database, order(by_hand), quiet)
    assert frame.state == "published"
    assert mine() == []
    regenerate(database, order(catalogue), quiet)
    assert len(mine()) == 1
    parts = "SELECT count(*) > 0 FROM epntap.part WHERE catalogue = %s"
    assert ask(database, parts, catalogue.name) == [(True,)]
    drop(database, catalogue.name)
    assert mine() == []
    assert ask(database, parts, catalogue.name) == [(False,)]


def test_what_is_due_begins_once_however_many_look(database, described):
    catalogue = described(source=YEAR, schedule=NIGHTLY)
    regenerate(database, order(catalogue), quiet)
    clock = TestClock(datetime(2024, 5, 5, 12, tzinfo=UTC))
    assert begin_due(database, clock) == []
    # Three nights pass while nobody looks.
    clock.forward(days=3)
    barrier, begun = threading.Barrier(4), []

    def look() -> None:
        barrier.wait()
        begun.extend(begin_due(database, clock))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 1
    (found,) = [each for each in list_scheduled(database) if each.catalogue == catalogue.name]
    assert found.due == datetime(2024, 5, 9, 3, tzinfo=UTC)
    assert (found.last_run, found.last_state) == (begun[0], "waiting")
    # The next night comes while the run has not ended.
    clock.forward(days=1)
    assert begin_due(database, clock) == []
    (found,) = [each for each in list_scheduled(database) if each.catalogue == catalogue.name]
    assert f"passed over, run {begun[0]} was under way" in str(found.note)
    assert found.due == datetime(2024, 5, 10, 3, tzinfo=UTC)
    cancel(database, catalogue.name)


def test_a_paused_schedule_does_nothing_until_it_is_taken_up_again(database, described):
    catalogue = described(source=YEAR, schedule=NIGHTLY)
    regenerate(database, order(catalogue), quiet)
    clock = TestClock(datetime(2024, 5, 5, 12, tzinfo=UTC))
    begin_due(database, clock)
    pause(database, catalogue.name, paused=True)
    clock.forward(days=30)
    assert begin_due(database, clock) == []
    pause(database, catalogue.name, paused=False)
    assert begin_due(database, clock) == []
    clock.forward(days=1)
    assert len(begin_due(database, clock)) == 1
    cancel(database, catalogue.name)


def test_a_worker_begins_and_ends_what_is_due_by_itself(database, described, working):
    catalogue = described(
        source="'series:{start}/{stop}/7'", schedule=NIGHTLY,
        span="{from: 2024-01-01, to: now, delay: 1d}",
    )  # fmt: skip
    clock = TestClock(datetime(2024, 3, 1, 12, tzinfo=UTC))
    regenerate(database, order(catalogue, clock.now()), quiet)
    before = len(rows_of(database, catalogue))
    with working(clock):
        begin_due(database, clock)
        clock.forward(days=20)
        runs = (
            "SELECT run_id FROM epntap.run WHERE catalogue = %s AND kind = 'regeneration'"
            " ORDER BY started"
        )
        deadline = time.monotonic() + 60
        while len(found := ask(database, runs, catalogue.name)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert await_end(database, found[1][0]) == ("published", None)
    assert len(rows_of(database, catalogue)) > before


def test_a_description_that_is_republished_by_hand_keeps_its_schedule(database, described):
    catalogue = described(source=YEAR, schedule=NIGHTLY)
    regenerate(database, order(catalogue), quiet)
    import crossings

    frame = crossings.pipeline.run(YEAR).frame
    assert publish(database, catalogue, DataFrameSource(frame[:3], "three")).rows == 3
    assert [each.catalogue for each in list_scheduled(database)].count(catalogue.name) == 1
    outcome = regenerate(database, order(catalogue), quiet)
    # From three rows to some hundred is more than the factor of 2 that is allowed by itself.
    assert outcome.state == "refused"


def test_due_work_is_put_in_line_once(database, described):
    catalogue = described(source=YEAR, schedule=NIGHTLY)
    regenerate(database, order(catalogue), quiet)
    clock = TestClock(datetime(2024, 5, 5, 12, tzinfo=UTC))
    task = DueTask(clock)
    with database.publisher() as connection:
        assert [work.task for work in task.orphans(connection)] == ["regenerate.due"]
        begin_due(database, clock)
        connection.rollback()
        assert task.orphans(connection) == []
        clock.forward(days=1)
        (work,) = task.orphans(connection)
        assert put(connection, work) is not None
        connection.rollback()
