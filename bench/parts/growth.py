"""The same queries on catalogues of 10^5 to 10^7 rows."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator

from bench.asking import KeepAlive
from bench.figures import Figure
from bench.stage import Stage

_INTERVAL = (
    "SELECT TOP 100 * FROM {name}.epn_core WHERE time_max >= {start:.3f} AND"
    " time_min <= {stop:.3f} AND 1=ivo_hashlist_has(dataproduct_type, 'ev')"
)
_CONE = (
    "SELECT TOP 100 * FROM {name}.epn_core WHERE"
    " 1=CONTAINS(POINT(c1min, c2min), CIRCLE({ra:.3f}, {dec:.3f}, 2.5))"
)


def measure_growth(stage: Stage) -> Iterator[Figure]:
    """Yield how much slower an interval and a cone are in the largest catalogue."""
    names = [stage.with_sky(rows) for rows in stage.plan.sizes]
    with stage.home.serving() as ours:
        client = KeepAlive(ours.url)
        for what, query in (("interval of a week", _INTERVAL), ("cone of 2.5 deg", _CONE)):
            medians = _medians(client, query, names, stage.plan.asks)
            listed = ", ".join(
                f"{found:.1f} ms of {rows:.0e}"
                for found, rows in zip(medians, stage.plan.sizes, strict=True)
            )
            smallest, largest = stage.plan.sizes[0], stage.plan.sizes[-1]
            yield Figure(
                "growth",
                f"{what}, TOP 100, from {smallest:.0e} to {largest:.0e} rows",
                medians[-1] / medians[0],
                "x",
                2,
                detail=listed,
            )
        client.close()


def _medians(client: KeepAlive, query: str, names: list[str], count: int) -> list[float]:
    """Ask the catalogues in turns, each time somewhere else."""
    chance = random.Random(5)
    times: list[list[float]] = [[] for _ in names]
    for _ in range(count + 3):
        start = chance.uniform(2_450_000, 2_460_000)
        place = {"ra": chance.uniform(0, 360), "dec": chance.uniform(-60, 60)}
        for found, name in zip(times, names, strict=True):
            text = query.format(name=name, start=start, stop=start + 7, **place)
            found.append(client.milliseconds(text))
    return [statistics.median(found[3:]) for found in times]
