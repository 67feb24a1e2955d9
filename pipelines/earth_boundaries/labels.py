"""Lists of true regions or crossings that detections are scored against and learnt from.

Regions: CSV with ``start, stop, region`` (names of `regions.REGIONS`). Crossings: CSV with ``time``
and, if known, ``boundary`` and ``direction``; or lines ``C1 2001-01-14T22:02:09`` as in the list of
bow shocks of the four Cluster spacecraft.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.earth_boundaries.crossings import BOUNDARIES, true_crossings
from pipelines.earth_boundaries.instruments import find_mission
from pipelines.earth_boundaries.moments import CADENCE, MomentSeries
from pipelines.earth_boundaries.regions import REGIONS, UNKNOWN
from pipelines.errors import LabelError

Values = NDArray[np.float64]

#: A line of the Cluster list.
_LINE = re.compile(r"^(C[1-4])\s+(\d{4}-\d\d-\d\dT\S+)$")

#: Code of what a list does not tell.
ANY = -1


@dataclass(frozen=True)
class Truth:
    """What is true of a series.

    Attributes
    ----------
    regions
        Number of `regions.REGIONS` of each minute, `regions.UNKNOWN` where not told; ``None`` when
        the list is one of crossings.
    time
        Of the crossings, minutes from the beginning of the series, shape (n,).
    boundary
        Number of `crossings.BOUNDARIES`, or `ANY`, shape (n,).
    inward
        1 inward, 0 outward, or `ANY`, shape (n,).
    """

    regions: NDArray[np.int64] | None
    time: Values
    boundary: NDArray[np.int64]
    inward: NDArray[np.int64]


def read_truth(path: Path, series: MomentSeries) -> Truth:
    """Read a list and keep what lies in a series.

    Raises
    ------
    LabelError
        If the file is of none of the three kinds, or nothing of it lies in the series.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(f"{path} cannot be read: {error}") from error
    first = text.lstrip().partition("\n")[0].strip()
    truth = _cluster(path, text, series) if _LINE.match(first) else _table(path, series)
    if not len(truth.time) and (truth.regions is None or (truth.regions == UNKNOWN).all()):
        raise LabelError(f"nothing in {path} lies in {series.description}")
    return truth


def _table(path: Path, series: MomentSeries) -> Truth:
    try:
        table = pd.read_csv(path)
    except ValueError as error:
        raise LabelError(f"{path} cannot be read as CSV: {error}") from error
    table = table.rename(columns=lambda name: str(name).strip().lower())
    if {"start", "stop", "region"} <= set(table.columns):
        return _of_regions(_regions(path, table, series))
    time = "crossing_time" if "crossing_time" in table else "time"
    if time not in table:
        raise LabelError(
            f"{path} is a list of neither regions nor crossings",
            hint="columns are start, stop, region; or time and, if known, boundary, direction",
        )
    minutes = _minutes(path, table[time], series)
    boundary = _codes(path, table, "boundary", [name for name, _ in BOUNDARIES])
    inward = _codes(path, table, "direction", ["outward", "inward"])
    return _inside(minutes, boundary, inward, series)


def _cluster(path: Path, text: str, series: MomentSeries) -> Truth:
    """Return the bow shocks of the spacecraft that measured."""
    wanted = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _LINE.match(line.strip())
        if line.strip() and not match:
            raise LabelError(f"{path}, line {number}: {line!r} is not like C1 2001-01-14T22:02:09")
        if match and find_mission(match[1]).name == series.spacecraft:
            wanted.append(match[2])
    if not wanted:
        raise LabelError(
            f"{path} has no crossing of {series.spacecraft}",
            hint="say who measured with --spacecraft, e.g. 'Cluster 1'",
        )
    minutes = _minutes(path, pd.Series(wanted), series)
    none = np.full(len(minutes), ANY, dtype=np.int64)
    return _inside(minutes, np.zeros(len(minutes), dtype=np.int64), none, series)


def _inside(
    minutes: Values, boundary: NDArray[np.int64], inward: NDArray[np.int64], series: MomentSeries
) -> Truth:
    kept = (minutes >= 0) & (minutes < len(series))
    order = np.argsort(minutes[kept], kind="stable")
    return Truth(None, minutes[kept][order], boundary[kept][order], inward[kept][order])


def _of_regions(regions: NDArray[np.int64]) -> Truth:
    true = true_crossings(regions)
    return Truth(regions, true.time, true.boundary, true.inward.astype(np.int64))


def _regions(path: Path, table: pd.DataFrame, series: MomentSeries) -> NDArray[np.int64]:
    regions = np.full(len(series), UNKNOWN, dtype=np.int64)
    starts = _minutes(path, table["start"], series)
    stops = _minutes(path, table["stop"], series)
    codes = _codes(path, table, "region", list(REGIONS))
    for first, last, code in zip(starts, stops, codes, strict=True):
        low, high = (round(float(np.clip(each, 0, len(series)))) for each in (first, last))
        regions[low:high] = code
    return regions


def _minutes(path: Path, column: pd.Series, series: MomentSeries) -> Values:
    times = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    wrong = np.flatnonzero(times.isna())
    if wrong.size:
        raise LabelError(f"{path}: {column.iloc[wrong[0]]!r} is no time")
    plain = times.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return np.asarray((plain - series.start.astype("datetime64[us]")) / CADENCE)


def _codes(path: Path, table: pd.DataFrame, name: str, words: list[str]) -> NDArray[np.int64]:
    if name not in table:
        return np.full(len(table), ANY, dtype=np.int64)
    given = table[name].astype(str).str.strip()
    wrong = ~given.isin(words)
    if wrong.any():
        raise LabelError(
            f"{path}: {given[wrong].iloc[0]!r} is no {name}", hint=f"one of {', '.join(words)}"
        )
    return given.map({word: code for code, word in enumerate(words)}).to_numpy(dtype=np.int64)


def require_regions(truth: Truth, path: Path) -> NDArray[np.int64]:
    """Return the regions of a truth.

    Raises
    ------
    LabelError
        If the list is one of crossings.
    """
    if truth.regions is None:
        raise LabelError(
            f"{path} lists crossings, and regions are needed to learn from",
            hint="give a list with the columns start, stop, region",
        )
    return truth.regions
