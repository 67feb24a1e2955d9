"""One worker, or two, on a database that is well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import noted_tasks
from worker_harness import Thread, events, eventually, in_line, order

from epntap.database import Database
from epntap.queue import URGENT, Work

Start = Callable[..., Thread]


def quick(what: str, line: str, **more: object) -> Work:
    return Work("test.quick", {"what": what}, queue=line, **more)  # type: ignore[arg-type]


def patient(what: str, line: str, seconds: float, **more: object) -> Work:
    arguments = {"what": what, "seconds": seconds}
    return Work("test.patient", arguments, queue=line, **more)  # type: ignore[arg-type]


def test_work_is_done_and_leaves_the_queue(notes: Database, start: Start, line: str) -> None:
    start(line)
    order(notes, quick(f"{line} a", line))
    eventually(lambda: events(notes, f"{line} a") == ["done"], "the work is done")
    eventually(lambda: in_line(notes, line) == 0, "the queue is empty")


def test_a_worker_leaves_lines_alone_that_it_does_not_serve(
    notes: Database, start: Start, line: str
) -> None:
    other = f"{line}-gpu"
    start(line)
    order(notes, quick(f"{line} there", other), quick(f"{line} here", line))
    eventually(lambda: events(notes, f"{line} here") == ["done"], "its own is done")
    assert events(notes, f"{line} there") == []
    start(other)
    eventually(lambda: events(notes, f"{line} there") == ["done"], "the other one does it")


def test_higher_priority_comes_first(notes: Database, start: Start, line: str) -> None:
    order(
        notes,
        *(quick(f"{line} {name}", line, priority=n) for n, name in enumerate(("low", "high"))),
    )
    start(line, concurrency=1)
    eventually(lambda: events(notes, f"{line} low") == ["done"], "both are done")
    with notes.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT what FROM worknotes.note WHERE what LIKE %s ORDER BY id", (f"{line} %",)
        )
        assert [what for (what,) in cursor] == [f"{line} high", f"{line} low"]


def test_long_runs_leave_the_reserved_place_to_urgent_work(
    notes: Database, start: Start, line: str
) -> None:
    runs = [f"{line} run {n}" for n in range(3)]
    order(notes, *(patient(what, line, 60) for what in runs))
    start(line, concurrency=2, reserved=1)
    eventually(lambda: events(notes, runs[0]) != [], "one run has begun")
    for n in range(2):
        urgent = f"{line} urgent {n}"
        order(notes, quick(urgent, line, priority=URGENT))
        eventually(lambda what=urgent: events(notes, what) == ["done"], "the query is answered")  # type: ignore[misc]
    assert [events(notes, what) for what in runs[1:]] == [[], []]


def test_work_for_later_waits_for_its_time(notes: Database, start: Start, line: str) -> None:
    start(line)
    at = datetime.now(UTC) + timedelta(seconds=2)
    order(notes, quick(f"{line} later", line, at=at), quick(f"{line} now", line))
    eventually(lambda: events(notes, f"{line} later") == ["done"], "its time comes")
    with notes.publisher() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT at FROM worknotes.note WHERE what = %s", (f"{line} later",))
        assert cursor.fetchone()[0] >= at


def test_two_workers_never_do_work_of_one_lock_at_the_same_time(
    notes: Database, start: Start, line: str
) -> None:
    start(line, concurrency=4)
    start(line, concurrency=4)
    whats = [f"{line} {n}" for n in range(8)]
    order(notes, *(patient(what, line, 0.1, lock=line) for what in whats))
    eventually(lambda: all("done" in events(notes, what) for what in whats), "all are done")
    with notes.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT event FROM worknotes.note WHERE what LIKE %s ORDER BY id", (f"{line} %",)
        )
        assert [event for (event,) in cursor] == ["began", "done"] * 8


def test_workers_share_what_is_in_line_and_each_work_is_done_once(
    notes: Database, start: Start, line: str
) -> None:
    for _ in range(2):
        start(line, concurrency=3)
    whats = [f"{line} {n}" for n in range(100)]
    order(notes, *(quick(what, line) for what in whats))
    eventually(lambda: in_line(notes, line) == 0, "all are done")
    assert [events(notes, what) for what in whats] == [["done"]] * 100


def test_an_error_is_given_up_at_once_with_its_reason(
    notes: Database, start: Start, line: str
) -> None:
    start(line)
    order(notes, Work("test.broken", {"what": line}, queue=line))
    eventually(lambda: len(events(notes, line)) == 2, "it is given up")
    began, end = noted_tasks.read(notes, line)
    assert (began.event, began.attempt) == ("began", 1)
    assert end.event == "given up"
    assert end.reason == f"ValueError: {line} cannot be done"
    eventually(lambda: in_line(notes, line) == 0, "the queue is empty")


def test_what_wants_another_attempt_gets_it(notes: Database, start: Start, line: str) -> None:
    start(line)
    order(notes, Work("test.again", {"what": line, "until": 3}, queue=line))
    eventually(lambda: "done" in events(notes, line), "the third attempt is enough")
    assert [note.attempt for note in noted_tasks.read(notes, line)] == [1, 2, 3, 3]


def test_what_never_has_enough_attempts_is_given_up_with_its_last_reason(
    notes: Database, start: Start, line: str
) -> None:
    start(line)
    order(notes, Work("test.again", {"what": line, "until": 9}, queue=line))
    eventually(lambda: "given up" in events(notes, line), "it is given up")
    found = noted_tasks.read(notes, line)
    assert [note.event for note in found] == ["began", "began", "began", "given up"]
    assert found[-1].reason == "attempt 3 is not enough"


def test_a_task_that_ends_its_thread_keeps_no_place(
    notes: Database, start: Start, line: str
) -> None:
    start(line, concurrency=1)
    order(notes, Work("test.leaving", {"what": line}, queue=line), quick(f"{line} next", line))
    eventually(lambda: events(notes, f"{line} next") == ["done"], "the next one has its turn")
    eventually(lambda: "given up" in events(notes, line), "it is given up")
    assert events(notes, line) == ["began", "began", "began", "given up"]


def test_work_that_a_worker_does_not_know_is_left_for_others(
    notes: Database, start: Start, line: str
) -> None:
    start(line)
    order(notes, Work("test.of-a-newer-version", {"what": line}, queue=line))
    order(notes, quick(f"{line} known", line))
    eventually(lambda: events(notes, f"{line} known") == ["done"], "what it knows is done")
    with notes.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT status::text, args FROM procrastinate.procrastinate_jobs"
            " WHERE task_name = 'test.of-a-newer-version' AND queue_name = %s", (line,)
        )  # fmt: skip
        [(status, args)] = cursor.fetchall()
    assert status == "todo"
    assert args == {
        "arguments": {"what": line}, "returned": 1, "reason": "a worker did not know the task"
    }  # fmt: skip


def test_a_stopped_worker_gives_back_what_gives_way_and_that_is_no_attempt(
    notes: Database, start: Start, line: str
) -> None:
    order(notes, patient(line, line, 600))
    for times in range(1, 6):
        # More often than the task has attempts.
        worker = start(line)
        eventually(lambda n=times: len(events(notes, line)) == n, "it has begun")  # type: ignore[misc]
        worker.stop()
    found = noted_tasks.read(notes, line)
    assert [(note.event, note.attempt) for note in found] == [("began", n) for n in range(1, 6)]
    assert len({note.worker for note in found}) == 5
    assert in_line(notes, line) == 1


def test_a_stopped_worker_gives_back_what_does_not_give_way(
    notes: Database, start: Start, line: str
) -> None:
    order(notes, Work("test.stubborn", {"what": line, "seconds": 3.0}, queue=line))
    first = start(line)
    eventually(lambda: events(notes, line) == ["began"], "it has begun")
    first.stop(grace_seconds=0.1)
    second = start(line)
    eventually(lambda: in_line(notes, line) == 0, "another one does it")
    notes_of_second = [n for n in noted_tasks.read(notes, line) if n.worker == second.worker.name]
    assert [(note.event, note.attempt) for note in notes_of_second] == [("began", 2), ("done", 2)]


def test_a_stopping_worker_lets_short_work_end(notes: Database, start: Start, line: str) -> None:
    order(notes, Work("test.stubborn", {"what": line, "seconds": 0.3}, queue=line))
    worker = start(line)
    eventually(lambda: events(notes, line) == ["began"], "it has begun")
    worker.stop(grace_seconds=60)
    assert events(notes, line) == ["began", "done"]
    assert in_line(notes, line) == 0


def test_what_is_missing_in_line_is_put_there(notes: Database, start: Start, line: str) -> None:
    with notes.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO worknotes.expected VALUES (%s, %s)", (line, line))
    start(line)
    eventually(lambda: events(notes, line) == ["done"], "it is found and done")


def test_what_is_in_line_or_running_is_not_put_there_twice(
    notes: Database, start: Start, line: str
) -> None:
    with notes.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO worknotes.expected VALUES (%s, %s)", (line, "nobody's"))
    order(notes, Work("test.expected", {"what": line}, queue="nobody's"))
    for _ in range(2):
        # Each looks when it starts.
        start(line).stop()
    assert in_line(notes, "nobody's") == 1
    with notes.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM worknotes.expected WHERE what = %s", (line,))


def test_workers_can_be_seen_while_they_work(notes: Database, start: Start, line: str) -> None:
    def seen() -> list[tuple[list[str], int]]:
        with notes.publisher() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT queues, concurrency FROM epntap.worker WHERE name = %s",
                (worker.worker.name,),
            )
            return cursor.fetchall()

    worker = start(line, f"{line}-gpu", concurrency=3)
    eventually(lambda: seen() == [([line, f"{line}-gpu"], 3)], "it is listed")
    worker.stop()
    assert seen() == []


def test_a_worker_can_be_stopped_twice_and_before_it_has_begun(start: Start, line: str) -> None:
    worker = start(line)
    for _ in range(2):
        worker.stop()
        assert not worker.thread.is_alive()
