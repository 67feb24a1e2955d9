"""Catalogues of 10^5 to 10^7 rows: memory to publish them, and the same queries on each."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator

from bench.asking import KeepAlive
from bench.figures import Figure, ratio
from bench.parts.publishing import publish_watched
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
    """Yield how much more the largest catalogue takes: memory to publish, an interval, a cone."""
    names = [stage.sky_name(rows) for rows in stage.plan.sizes]
    yield _memory(stage)
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


def _memory(stage: Stage) -> Figure:
    """Publish the catalogues that are not there yet, and compare the peaks of the process."""
    found: dict[int, tuple[float, float]] = {}
    with stage.home.opened():
        for rows in stage.plan.sizes:
            if not stage.has_sky(rows):
                description, path = stage.sky_files(rows)
                found[rows] = publish_watched(stage, description, path)
                stage.note_sky(rows)
                path.unlink()
    smallest, largest = stage.plan.sizes[0], stage.plan.sizes[-1]
    peaks = [found[rows][1] if rows in found else None for rows in (largest, smallest)]
    detail = ", ".join(
        f"{rows:.0e} rows {seconds:.0f} s, peak {peak:.0f} MB"
        for rows, (seconds, peak) in found.items()
    )
    what = f"memory of publishing, from {smallest:.0e} to {largest:.0e} rows"
    return Figure("growth", what, ratio(*peaks), "x", 1.5, detail=detail or "published before")


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
