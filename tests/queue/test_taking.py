"""The queue as workers use it, statement by statement."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator

import pytest

from epntap.database import Database
from epntap.queue import Work, put, taking
from epntap.queue.items import WorkerCard, WorkerUnknownError
from epntap.queue.taking import Queue

_numbers = itertools.count(1)
OpenQueue = Callable[[], tuple[Queue, int]]


@pytest.fixture
def line() -> str:
    return f"take{next(_numbers)}"


@pytest.fixture
def opened(database: Database, line: str) -> Iterator[OpenQueue]:
    """A function that makes a worker on the line known: its queue and its number."""
    queues: list[Queue] = []

    def go() -> tuple[Queue, int]:
        card = WorkerCard(f"{line} {len(queues)}", "here", 1, (line,), 1)
        queues.append(Queue(database.open_publisher("test"), card, statement_seconds=30))
        return queues[-1], queues[-1].register()

    yield go
    for queue in queues:
        queue.close()


def order(database: Database, *works: Work) -> None:
    with database.publisher() as connection, connection:
        for work in works:
            put(connection, work)


def forget(database: Database, worker: int) -> None:
    """Let the heartbeat of a worker seem to be long ago."""
    with database.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate.procrastinate_workers"
            " SET last_heartbeat = now() - interval '1 day' WHERE id = %s",
            (worker,),
        )


def test_only_the_holder_can_end_work(database: Database, opened: OpenQueue, line: str) -> None:
    order(database, Work("one", queue=line))
    (holder, mine), (other, theirs) = opened(), opened()
    item = holder.take(mine)
    assert item is not None
    assert not other.finish(item.number, theirs)
    assert not other.again(item.number, theirs, seconds=0, reason="", counted=True)
    assert other.take(theirs) is None
    assert holder.finish(item.number, mine)


def test_work_of_a_lost_worker_is_recovered_and_its_late_end_ignored(
    database: Database, opened: OpenQueue, line: str
) -> None:
    order(database, Work("one", queue=line))
    (lost, its), (other, theirs) = opened(), opened()
    item = lost.take(its)
    assert item is not None
    assert other.recover(3600.0) == []
    forget(database, its)
    assert item.number in (other.recover(3600.0) or [])
    assert not lost.finish(item.number, its)
    again = other.take(theirs)
    assert again is not None
    assert (again.number, again.attempt, again.tries) == (item.number, 2, 2)
    assert again.reason == "the worker was lost"
    assert not lost.again(item.number, its, seconds=0, reason="late", counted=True)
    assert other.finish(again.number, theirs)


def test_a_lost_worker_is_told_so_by_its_next_heartbeat_or_by_taking_work(
    database: Database, opened: OpenQueue, line: str
) -> None:
    (lost, its), (other, _) = opened(), opened()
    order(database, Work("one", queue=line))
    forget(database, its)
    other.recover(3600.0)
    with pytest.raises(WorkerUnknownError):
        lost.beat(its, 0)
    with pytest.raises(WorkerUnknownError):
        lost.take(its)
    its = lost.register()
    assert lost.beat(its, 0) == frozenset()
    assert lost.take(its) is not None


def test_a_heartbeat_tells_what_the_worker_holds(
    database: Database, opened: OpenQueue, line: str
) -> None:
    order(database, Work("one", queue=line), Work("two", queue=line))
    queue, mine = opened()
    items = [queue.take(mine), queue.take(mine)]
    assert queue.beat(mine, 2) == {item.number for item in items if item is not None}
    for item in items:
        assert item is not None
        queue.finish(item.number, mine)
    assert queue.beat(mine, 0) == frozenset()


def test_attempts_that_do_not_count_are_kept_apart(
    database: Database, opened: OpenQueue, line: str
) -> None:
    order(database, Work("one", queue=line))
    queue, mine = opened()
    seen = []
    for counted in (False, True, False, False):
        item = queue.take(mine)
        assert item is not None
        seen.append((item.attempt, item.tries))
        queue.again(item.number, mine, seconds=0, reason="because", counted=counted)
    assert seen == [(1, 1), (2, 1), (3, 2), (4, 2)]


def test_work_that_comes_back_gives_way_to_work_with_its_queueing_lock(
    database: Database, opened: OpenQueue, line: str
) -> None:
    order(database, Work("one", {"n": 1}, queue=line, queueing_lock=line))
    (queue, mine), (lost, its) = opened(), opened()
    first = queue.take(mine)
    assert first is not None
    order(database, Work("one", {"n": 2}, queue=line, queueing_lock=line))
    assert queue.again(first.number, mine, seconds=0, reason="", counted=True)
    second = lost.take(its)
    assert second is not None
    assert second.arguments == {"n": 2}
    # The same when its worker is lost.
    order(database, Work("one", {"n": 3}, queue=line, queueing_lock=line))
    forget(database, its)
    assert second.number in (queue.recover(3600.0) or [])
    third = queue.take(mine)
    assert third is not None
    assert third.arguments == {"n": 3}
    queue.finish(third.number, mine)
    assert queue.take(mine) is None


def test_whoever_waits_is_woken_by_new_work_and_by_work_that_comes_back(
    database: Database, opened: OpenQueue, line: str
) -> None:
    (queue, _), (other, theirs) = opened(), opened()
    silence, _unused = os.pipe()

    def woken(change: Callable[[], object]) -> bool:
        done = threading.Event()
        waiter = threading.Thread(target=lambda: (queue.wait(silence, 600.0), done.set()))
        waiter.start()
        change()
        waiter.join(60)
        return done.is_set()

    assert woken(lambda: order(database, Work("one", queue=line)))
    item = other.take(theirs)
    assert item is not None
    assert woken(
        lambda: other.again(item.number, theirs, seconds=0, reason="because", counted=True)
    )
    os.close(silence)
    os.close(_unused)


def test_a_long_line_is_neither_sorted_nor_searched_for_each_lock(
    database: Database, opened: OpenQueue, line: str
) -> None:
    """Whatever the planner believes of a table that nobody has analysed since it was filled."""
    order(database, *(Work("one", queue=line, lock=f"{line} {n}") for n in range(3000)))
    queue, mine = opened()
    with queue._connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {taking._TAKE}", {"worker": mine, "queues": [line], "least": 0})
        plan = "\n".join(text for (text,) in cursor)
    with database.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate.procrastinate_jobs WHERE queue_name = %s", (line,)
        )
    assert "Index Scan using procrastinate_jobs_priority_idx_v1" in plan
    assert "Index Scan using epntap_jobs_lock" in plan
    assert "Sort" not in plan
