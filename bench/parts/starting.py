"""From the command to the first answer."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from bench.figures import Figure
from bench.stage import Stage


def measure_start(stage: Stage) -> Iterator[Figure]:
    """Yield the seconds from ``epntap serve`` to its first answer to a query."""
    home = stage.with_events()
    with home.opened():
        times = []
        for _ in range(stage.plan.repeats):
            with home.serving() as ours:
                times.append(ours.started)
    value = statistics.median(times)
    yield Figure("start", "serve to first answer, database running", value, "s", 1.5)
    times = []
    for _ in range(stage.plan.repeats):
        with home.serving() as ours:
            times.append(ours.started)
    value = statistics.median(times)
    yield Figure("start", "the same, embedded database to be started as well", value, "s")
