"""Small queries of others while a large download runs."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Iterator

from bench.asking import KeepAlive, download
from bench.figures import Figure
from bench.stage import Stage

_ROWS = 1_000_000
_QUERY = "SELECT TOP 10 * FROM bench.epn_core"

#: Small queries that the download must last for.
_FEWEST = 10


def measure_neighbours(stage: Stage) -> Iterator[Figure]:
    """Yield the median of a small query during a download as multiples of the idle one."""
    stage.with_events()
    name = stage.with_sky(_ROWS)
    large = f"SELECT * FROM {name}.epn_core"
    with stage.home.serving() as ours:
        client = KeepAlive(ours.url)
        idle = [client.milliseconds(_QUERY) for _ in range(stage.plan.asks + 5)][5:]
        thread = threading.Thread(target=download, args=(ours.url, large, "votable/b2", 2 * _ROWS))
        thread.start()
        busy = []
        while thread.is_alive():
            busy.append(client.milliseconds(_QUERY))
        thread.join()
        client.close()
    one, other = statistics.median(busy), statistics.median(idle)
    detail = f"{other:.1f} ms idle, {one:.1f} ms (at most {max(busy):.0f}) during {len(busy)} asks"
    value = one / other if len(busy) >= _FEWEST else None
    what = "TOP 10 of others while a download of 1,000,000 rows runs, median"
    yield Figure("neighbours", what, value, "x idle", 3, detail=detail)
