"""Memory of the server, and how soon a result begins, whatever its size."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.asking import KeepAlive, download, median_in_turns
from bench.figures import Figure
from bench.machine import Watch, resident
from bench.service import Running
from bench.stage import Stage

_ROWS = 1_000_000
_STREAMS = 4
_FORMATS = ("votable/b2", "votable/td", "csv", "json", "fits", "parquet")

#: Seconds after the last download before memory is looked at again.
_REST_SECONDS = 3.0


def measure_memory(stage: Stage) -> Iterator[Figure]:
    """Yield resident memory: idle, during downloads, after them; and times to the first byte."""
    stage.with_events()
    name = stage.with_sky(_ROWS)
    query = f"SELECT * FROM {name}.epn_core"
    with stage.home.serving() as ours:
        time.sleep(_REST_SECONDS)
        idle = resident(ours.processes())
        yield Figure("memory", "resident memory, idle after the start", idle, "MB", 120)
        # The first queries load what every query needs.
        median_in_turns([ours.url], "SELECT TOP 10 * FROM bench.epn_core", 5)
        for streams in (1, _STREAMS):
            yield _streamed(ours, query, idle, streams)
        after = _rested(ours) - idle
        yield Figure("memory", "resident memory after the downloads, above idle", after, "MB", 20)
        yield from _first_bytes(stage, ours.url, query)
        yield from _formats(ours, query, idle)


def _streamed(ours: Running, query: str, idle: float, streams: int) -> Figure:
    with Watch(ours.processes()) as watch:
        seconds = _fetch(ours.url, query, ["votable/b2"] * streams)
    return Figure(
        "memory",
        f"memory above idle, {streams} download{'s' * (streams > 1)} of 1,000,000 rows",
        (watch.peak - idle) / streams,
        "MB a stream",
        40,
        detail=f"peak {watch.peak:.0f} MB, {seconds:.1f} s, server CPU {watch.cpu:.1f} s",
    )


def _formats(ours: Running, query: str, idle: float) -> Iterator[Figure]:
    """Yield what stays when all formats were fetched, some of which load libraries, and again."""
    _fetch(ours.url, query, _FORMATS)
    first = _rested(ours)
    yield Figure("memory", "the same after all formats, above idle", first - idle, "MB")
    _fetch(ours.url, query, _FORMATS)
    growth = _rested(ours) - first
    yield Figure("memory", "growth when all are fetched once more", growth, "MB")


def _fetch(url: str, query: str, formats: Sequence[str]) -> float:
    """Fetch results at the same time; return the seconds of the last."""
    with ThreadPoolExecutor(len(formats)) as threads:
        done = [threads.submit(download, url, query, name, 2 * _ROWS) for name in formats]
        return max(each.result().seconds for each in done)


def _rested(ours: Running) -> float:
    """Return the resident memory, in MB, after a rest."""
    time.sleep(_REST_SECONDS)
    return resident(ours.processes())


def _first_bytes(stage: Stage, url: str, large: str) -> Iterator[Figure]:
    small = "SELECT * FROM bench.epn_core"
    for name in _FORMATS:
        times = {}
        for query in (small, large):
            client = KeepAlive(url)
            found = [
                client.first_byte(query, name, 2 * _ROWS) for _ in range(2 * stage.plan.repeats + 1)
            ]
            times[query] = statistics.median(found)
        yield Figure(
            "memory",
            f"first byte of a large result, {name}",
            max(times.values()),
            "ms",
            50,
            detail=f"{times[small]:.1f} ms of 100,000 rows, {times[large]:.1f} ms of 1,000,000",
        )
