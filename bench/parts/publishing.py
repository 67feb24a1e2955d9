"""Publishing: rows checked, loaded, indexed and visible."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from bench.errors import BenchError
from bench.figures import Figure, ratio
from bench.machine import Watch
from bench.sources import EVENTS_YAML, events
from bench.stage import Stage


def measure_publishing(stage: Stage) -> Iterator[Figure]:
    """Yield seconds for 100,000 rows, and against DaCHS."""
    stage.with_events()
    with stage.home.opened():  # so that the database runs, as it does beside a service
        first, again = [], []
        for _ in range(stage.plan.repeats):
            stage.home.command("drop", "bench", "--yes")
            first.append(publish_watched(stage, EVENTS_YAML, events())[0])
            again.append(publish_watched(stage, EVENTS_YAML, events())[0])
        seconds = min(first)
        detail = "start of the process, checks, indexes, statistics"
        yield Figure("publish", "100,000 x 60 rows, visible", seconds, "s", 3, detail=detail)
        detail = "every row is compared with the one before"
        yield Figure("publish", "the same as a new version", min(again), "s", detail=detail)
        yield _against_dachs(stage, seconds)


def _against_dachs(stage: Stage, seconds: float) -> Figure:
    try:
        theirs = stage.peer().import_seconds()
        remark = f"{seconds:.1f} s; dachs imp {theirs:.1f} s"
    except BenchError as error:
        theirs, remark = None, str(error)
    what = "100,000 x 60 rows, against dachs imp"
    return Figure("publish", what, ratio(seconds, theirs), "x DaCHS", 1 / 6, detail=remark)


def publish_watched(stage: Stage, description: Path, rows: Path) -> tuple[float, float]:
    """Publish a file; return the seconds that it took and the peak of its memory in MB."""
    start = time.perf_counter()
    process = stage.home.begin("publish", str(description), str(rows))
    with Watch([process.pid]) as watch:
        status = process.wait()
    if status:
        raise BenchError(f"epntap publish {rows.name} ended with status {status}")
    return time.perf_counter() - start, watch.peak
