"""Memory of the server, and how soon a result begins, whatever its size."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench.asking import KeepAlive, download, median_in_turns
from bench.figures import Figure
from bench.machine import Watch, resident
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
        yield from _first_bytes(stage, ours.url, query)
        yield from _streams(ours.url, ours.processes(), query, idle)
        time.sleep(_REST_SECONDS)
        after = resident(ours.processes()) - idle
        yield Figure("memory", "resident memory after the downloads, above idle", after, "MB", 20)


def _streams(url: str, pids: list[int], query: str, idle: float) -> Iterator[Figure]:
    for streams in (1, _STREAMS):
        with Watch(pids) as watch, ThreadPoolExecutor(streams) as threads:
            done = [
                threads.submit(download, url, query, "votable/b2", 2 * _ROWS)
                for _ in range(streams)
            ]
            seconds = max(each.result().seconds for each in done)
        yield Figure(
            "memory",
            f"memory above idle, {streams} download{'s' * (streams > 1)} of 1,000,000 rows",
            (watch.peak - idle) / streams,
            "MB a stream",
            40,
            detail=f"peak {watch.peak:.0f} MB, {seconds:.1f} s, server CPU {watch.cpu:.1f} s",
        )


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
