"""100,000 rows of 60 columns in every format, in turns with psql COPY and with DaCHS."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.asking import Download, download
from bench.figures import Figure, ratio
from bench.limits import copy_seconds
from bench.sources import EVENT_ROWS
from bench.stage import Stage

_SELECT = "SELECT * FROM bench.epn_core"
_MAXREC = 2 * EVENT_ROWS


@dataclass(frozen=True, slots=True)
class _Format:
    """A format, what DaCHS calls it, the COPY that limits it, and the bars of both ratios."""

    name: str
    peer: str | None
    form: str
    of_copy: float | None
    of_dachs: float | None


_FORMATS = (
    _Format("votable/b2", "votable/b2", "binary", 0.5, 5.0),
    _Format("votable/td", "votable/td", "text", 0.8, 5.0),
    _Format("csv", "csv", "csv", 0.8, 5.0),
    _Format("fits", "fits", "binary", None, 4.0),
    _Format("json", "json", "text", None, 4.0),
    _Format("parquet", None, "binary", 0.25, None),
)


@dataclass
class _Times:
    """Seconds that were taken for a format: here, by COPY, and by DaCHS."""

    ours: list[Download] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)
    peer: list[Download] = field(default_factory=list)


def measure_downloads(stage: Stage) -> Iterator[Figure]:
    """Yield rows per second as parts of COPY's and multiples of DaCHS's."""
    times = {each.name: _Times() for each in _FORMATS}
    with stage.both() as (ours, peer):
        dsn = stage.home.dsn()
        for _ in range(stage.plan.repeats):
            for each in _FORMATS:
                found = times[each.name]
                found.ours.append(download(ours.url, _SELECT, each.name, _MAXREC))
                found.limit.append(copy_seconds(dsn, _SELECT, each.form))
                if peer and each.peer:
                    found.peer.append(download(peer.url, _SELECT, each.peer, _MAXREC))
    for each in _FORMATS:
        yield from _figures(stage, each, times[each.name])


def _figures(stage: Stage, each: _Format, found: _Times) -> Iterator[Figure]:
    mine, limit = _median(found.ours), statistics.median(found.limit)
    megabytes = found.ours[0].size / 1e6
    detail = f"{EVENT_ROWS / mine:.0f} rows/s, {mine:.2f} s, {megabytes:.0f} MB; "
    detail += f"COPY {each.form} {EVENT_ROWS / limit:.0f} rows/s"
    if each.of_copy is not None:
        unit = f"of COPY {each.form}"
        what = f"{each.name}, rows per second"
        value = limit / mine
        yield Figure("download", what, value, unit, each.of_copy, at_least=True, detail=detail)
    if each.of_dachs is not None:
        other = _median(found.peer) if found.peer else None
        rest = f"DaCHS {EVENT_ROWS / other:.0f} rows/s" if other else stage.peer_remark
        yield Figure(
            "download",
            f"{each.name}, against DaCHS",
            ratio(other, mine),
            "x DaCHS",
            each.of_dachs,
            at_least=True,
            detail=f"{EVENT_ROWS / mine:.0f} rows/s; {rest}",
        )


def _median(downloads: Sequence[Download]) -> float:
    return statistics.median(each.seconds for each in downloads)
