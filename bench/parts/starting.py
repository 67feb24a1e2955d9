"""From the command to the first answer."""

from __future__ import annotations

import statistics
import time
import urllib.request
from collections.abc import Iterator

from bench.asking import encoded
from bench.errors import BenchError
from bench.figures import Figure
from bench.service import Home
from bench.stage import Stage
from bench.startup import FLOOR, cpu_of

#: Starts that are measured at least: one takes a second, and their times vary.
_STARTS = 5

#: Seconds that a trivial job may take before it is given up.
_JOB_SECONDS = 60.0


def measure_start(stage: Stage) -> Iterator[Figure]:
    """Yield the seconds from ``epntap serve`` to its first answers."""
    home = stage.with_events()
    starts = max(_STARTS, stage.plan.repeats)
    with home.opened():
        _started(home, 1)
        found = _started(home, starts)
        cpu = min(cpu for _, cpu in found)
        floor = min(cpu_of(FLOOR)[0] for _ in range(starts))
        yield Figure(
            "start",
            "serve to first answer, database running",
            statistics.median(seconds for seconds, _ in found),
            "s",
            1.5,
            detail=f"{cpu:.2f} s CPU; numpy, psycopg2, starlette and uvicorn alone {floor:.2f} s",
        )
        yield _first_job(home)
    seconds = statistics.median(seconds for seconds, _ in _started(home, starts))
    yield Figure("start", "the same, embedded database to be started as well", seconds, "s")


def _started(home: Home, count: int) -> list[tuple[float, float]]:
    """Return the seconds and the CPU seconds of some starts."""
    found = []
    for _ in range(count):
        with home.serving() as ours:
            found.append((ours.started, ours.cpu))
    return found


def _first_job(home: Home) -> Figure:
    """Return how much longer the first asynchronous job takes than later ones."""
    with home.serving() as ours:
        times = [_job(ours.url) for _ in range(6)]
    later = 1000 * statistics.median(times[1:])
    detail = f"just after the first answer; later ones {later:.0f} ms"
    return Figure("start", "first asynchronous job", 1000 * times[0], "ms", detail=detail)


def _job(url: str) -> float:
    """Return the seconds of a trivial job, from its creation until its phase is COMPLETED."""
    start = time.perf_counter()
    query = encoded("SELECT TOP 1 table_name FROM TAP_SCHEMA.tables", "csv", 1)
    with urllib.request.urlopen(f"{url}/async", f"{query}&PHASE=RUN".encode()) as answer:
        job = answer.url
    while time.perf_counter() - start < _JOB_SECONDS:
        with urllib.request.urlopen(f"{job}/phase") as answer:
            phase = answer.read().decode()
        if phase == "COMPLETED":
            return time.perf_counter() - start
        if phase not in ("PENDING", "QUEUED", "EXECUTING"):
            raise BenchError(f"a trivial job ended as {phase}")
        time.sleep(0.002)
    raise BenchError(f"a trivial job was not done after {_JOB_SECONDS:.0f} s")
