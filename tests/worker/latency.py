"""How quickly work is taken: ``python tests/worker/latency.py``, on a database of its own.

Prints the median time from putting work in line (its commit included) to the first line of its
task, and how many pieces of work a second one worker takes from a line of the given length.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

from epntap.database import Database
from epntap.queue import Work, put
from epntap.settings import Settings
from epntap.worker import WorkContext, Worker


class Stopwatch:
    """Notes when work begins."""

    name = "test.stopwatch"
    attempts = 1

    def __init__(self) -> None:
        self.began: dict[int, float] = {}
        self.noted = threading.Event()

    def run(self, context: WorkContext, number: int) -> None:
        self.began[number] = time.perf_counter()
        self.noted.set()

    def given_up(self, context: WorkContext, reason: str, number: int) -> None:
        raise AssertionError(reason)


def latency(database: Database, task: Stopwatch, times: int) -> list[float]:
    """Seconds from before `put` to the task, one at a time."""
    found = []
    for number in range(times):
        task.noted.clear()
        with database.publisher() as connection:
            begin = time.perf_counter()
            with connection:
                put(connection, Work(task.name, {"number": number}))
        assert task.noted.wait(60)
        found.append(task.began[number] - begin)
        time.sleep(0.01)
    return found


def rate(database: Database, task: Stopwatch, length: int) -> float:
    """Work that is taken in a second from a line of that length, each with a lock of its own."""
    task.began.clear()
    with database.publisher() as connection, connection:
        for number in range(length):
            put(connection, Work(task.name, {"number": number}, lock=f"latency {number}"))
    while len(task.began) < length:
        time.sleep(0.005)
    return (length - 1) / (max(task.began.values()) - min(task.began.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--length", type=int, nargs="*", default=[1000, 5000])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        settings = Settings(home=Path(folder))
        with Database.open(settings) as database:
            task = Stopwatch()
            worker = Worker(database, settings, [task])
            thread = threading.Thread(target=worker.run)
            thread.start()
            seconds = sorted(latency(database, task, given.times))
            print(
                f"put to task: median {statistics.median(seconds) * 1e3:.1f} ms, "
                f"95 % within {seconds[int(0.95 * len(seconds))] * 1e3:.1f} ms"
            )
            for length in given.length:
                print(f"line of {length}: {rate(database, task, length):.0f} a second")
            worker.stop()
            thread.join()


if __name__ == "__main__":
    main()
