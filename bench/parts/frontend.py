"""From ADQL to SQL, without a database behind it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

from bench.asking import small_queries
from bench.figures import Figure
from bench.sources import shared_file
from bench.stage import Stage
from epntap.adql import translate
from epntap.allocator import collect_rarely
from epntap.database import load_tableset

_ELEMENTS = 10_000


def measure_front_end(stage: Stage) -> Iterator[Figure]:
    """Yield CPU time of translations, in a process that is set up as a server is."""
    collect_rarely()
    queries = small_queries(str(shared_file("queries.json")))
    with stage.with_events().opened() as database, database.reader() as connection:
        tables = load_tableset(connection)
    medians = {
        name: 1000 * _cpu(partial(translate, query, tables, limit=20_001), 200)
        for name, query in queries.items()
    }
    listed = ", ".join(f"{name} {found:.2f}" for name, found in medians.items())
    typical = statistics.median(medians.values())
    yield Figure("frontend", "translation, typical query", typical, "ms", 0.3, detail=listed)
    listed = ", ".join(str(number) for number in range(_ELEMENTS))
    long = f"SELECT granule_uid FROM bench.epn_core WHERE processing_level IN ({listed})"
    found = 1000 * _cpu(partial(translate, long, tables, limit=20_001), 5)
    yield Figure("frontend", "translation, IN of 10,000 elements", found, "ms", 50)


def _cpu(work: Callable[[], object], count: int) -> float:
    """Return the median CPU time of a piece of work, in s, its first time apart."""
    work()
    times = []
    for _ in range(count):
        start = time.thread_time()
        work()
        times.append(time.thread_time() - start)
    return statistics.median(times)
