"""Lists of true ejections: intervals, the columns of ICMECAT, or catalogues of AMDA."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.errors import LabelError, SourceError
from pipelines.signals.events import REGION_COLUMNS, TRUTH_COLUMNS, Intervals, overlaps
from pipelines.sources.amda import PREFIX, fetch_events
from pipelines.sources.insitu import InSituSeries
from pipelines.sources.spacecraft import find_spacecraft

#: How lists call the three times. An interval list has no time for the obstacle.
_SPELLINGS = (
    ("icme_start_time", "mo_start_time", "mo_end_time"),
    ("icme_start_time", "mo_start_time", "icme_end_time"),
    ("start", "mo_start", "end"),
    ("begin", "mo_begin", "end"),
)

#: Codes of labels, rows of `pipelines.icme.model.ALLOWED`: the network's answers background,
#: sheath, obstacle, slow and fast side of a stream interface; then what leaves several open.
BACKGROUND, SHEATH, OBSTACLE, SLOW_SIDE, FAST_SIDE = 0, 1, 2, 3, 4
NO_EJECTION, EJECTION, INTERACTION = 5, 6, 7

#: Codes that say that there is an event.
EVENTS = (SHEATH, OBSTACLE, SLOW_SIDE, FAST_SIDE, EJECTION, INTERACTION)


def read_labels(path: Path | str, spacecraft: str | None = None) -> pd.DataFrame:
    """Read a list of ejections.

    Understood are lists of intervals (``start,end`` or ``begin,end``, optionally ``mo_start``) and
    lists with the columns of ICMECAT; of the latter only the rows whose ``sc_insitu`` is the
    spacecraft are taken.

    Parameters
    ----------
    path
        CSV file, or ``amda:NAME`` for a catalogue or timetable of AMDA.
    spacecraft
        Whose events to take from a list of several spacecraft.

    Returns
    -------
    labels
        Columns `TRUTH_COLUMNS`, UTC, in order of time; the middle one may be NaT. It is also where
        a list puts it outside of its event, as ICMECAT v2.2 does for Wind on 1998-03-04.

    Raises
    ------
    LabelError
        If the file cannot be read, lacks columns, or has a row that ends before it starts.
    """
    table = _read_table(path)
    if "sc_insitu" in table.columns and spacecraft is not None:
        table = table[_same_spacecraft(table["sc_insitu"], spacecraft)]
    names = next((each for each in _SPELLINGS if {each[0], each[2]} <= set(table.columns)), None)
    if names is None:
        raise LabelError(
            f"{path} has the columns {', '.join(table.columns)}",
            hint="a list of ejections has start,end or icme_start_time,mo_start_time,mo_end_time",
        )
    labels = pd.DataFrame(
        {
            column: _times(path, table, name) if name in table.columns else pd.NaT
            for column, name in zip(TRUTH_COLUMNS, names, strict=True)
        }
    ).astype("datetime64[us]")
    return _in_order(path, labels, TRUTH_COLUMNS)


def _read_table(path: Path | str) -> pd.DataFrame:
    if str(path).startswith(PREFIX):
        return fetch_events(str(path).removeprefix(PREFIX))
    try:
        table = pd.read_csv(path, dtype=str)
    except FileNotFoundError:
        raise LabelError(f"{path} does not exist") from None
    except (OSError, ValueError) as error:
        raise LabelError(f"{path} cannot be read as CSV: {error}") from error
    table.columns = [str(name).strip().lower() for name in table.columns]
    return table


def _same_spacecraft(names: pd.Series, spacecraft: str) -> NDArray[np.bool_]:
    wanted = find_spacecraft(spacecraft).name

    def same(name: str) -> bool:
        try:
            return find_spacecraft(name).name == wanted
        except SourceError:  # a spacecraft of the list that no source here serves
            return False

    return np.array([same(str(name)) for name in names], dtype=bool)


def _times(path: Path | str, table: pd.DataFrame, name: str) -> pd.Series:
    times = pd.to_datetime(table[name], format="mixed", errors="coerce", utc=True)
    wrong = times.isna() & table[name].notna()
    if wrong.any():
        line = int(table.index[wrong][0]) + 2
        raise LabelError(
            f"{path}, line {line}, column {name}: {table[name][wrong].iloc[0]!r} is no time"
        )
    return times.dt.tz_localize(None)


def _in_order(
    path: Path | str, labels: pd.DataFrame, columns: tuple[str, str, str]
) -> pd.DataFrame:
    """Check that events start before they end, forget middles outside of them, and sort."""
    start, middle, end = (labels[name] for name in columns)
    wrong = start.isna() | end.isna() | (end <= start)
    if wrong.any():
        line = int(labels.index[wrong][0]) + 2
        raise LabelError(
            f"{path}, line {line}: the event from {start[wrong].iloc[0]} to {end[wrong].iloc[0]} "
            "is not in order",
            hint="an event must start before it ends",
        )
    labels[columns[1]] = middle.where(middle.between(start, end))
    return labels.sort_values(columns[0]).reset_index(drop=True)


#: How lists of interaction regions call the three times. The interface is where the total pressure
#: is highest (Jian et al. 2006, Sol. Phys. 239, 337), so that time stands for it too.
_REGION_SPELLINGS = (
    REGION_COLUMNS,
    ("sir_start", "pmax_time", "sir_end"),
    ("sir_start_time", "hss_start_time", "sir_end_time"),
    ("start", "interface", "end"),
)


def read_regions(path: Path | str) -> pd.DataFrame:
    """Read a list of stream interaction regions.

    Understood are the columns of HELIO4CAST SIRCAT, of the list of Allen et al. (2021) and
    ``start,interface,end``. Regions that overlap, as two in SIRCAT do, stay as they are; an
    interface outside of its region counts as unknown.

    Parameters
    ----------
    path
        CSV file of one spacecraft, or ``amda:NAME`` as for `read_labels`.

    Returns
    -------
    regions
        Columns `REGION_COLUMNS`, UTC, in order of time.

    Raises
    ------
    LabelError
        If the file cannot be read, lacks columns, or has a region that ends before it starts.
    """
    table = _read_table(path)
    names = next(
        (each for each in _REGION_SPELLINGS if {each[0], each[2]} <= set(table.columns)), None
    )
    if names is None:
        raise LabelError(
            f"{path} has the columns {', '.join(table.columns)}",
            hint="a list of interaction regions has sir_start_time,interface_time,sir_end_time",
        )
    regions = pd.DataFrame(
        {
            column: _times(path, table, name) if name in table.columns else pd.NaT
            for column, name in zip(REGION_COLUMNS, names, strict=True)
        }
    ).astype("datetime64[us]")
    return _in_order(path, regions, REGION_COLUMNS)


def add_obstacles(labels: pd.DataFrame, catalogue: pd.DataFrame) -> pd.DataFrame:
    """Fill unknown starts of obstacles from the catalogued event that overlaps most.

    Parameters
    ----------
    labels, catalogue
        Columns `TRUTH_COLUMNS`.

    Returns
    -------
    labels
        A copy; what no catalogued event overlaps stays NaT.
    """
    filled = labels.copy()
    if len(labels) == 0 or len(catalogue) == 0:
        return filled
    shared = overlaps(_microseconds(labels), _microseconds(catalogue))
    best = shared.argmax(axis=1)
    known = catalogue["mo_start_time"].to_numpy()[best]
    start, end = (labels[name].to_numpy() for name in ("icme_start_time", "mo_end_time"))
    fitting = (shared.max(axis=1) > 0) & (known < end) & labels["mo_start_time"].isna().to_numpy()
    filled.loc[fitting, "mo_start_time"] = np.maximum(known, start)[fitting]
    return filled


def _microseconds(labels: pd.DataFrame) -> Intervals:
    columns = labels[["icme_start_time", "mo_end_time"]].to_numpy(dtype="datetime64[us]")
    return columns.astype(np.int64)


def label_intervals(labels: pd.DataFrame, series: InSituSeries) -> Intervals:
    """Return the events that touch a series, in samples, shape (n, 2).

    Events are not cut off where the series begins or ends, only left out when wholly outside.
    """
    start = series.index_of(labels["icme_start_time"].to_numpy(dtype="datetime64[us]"))
    end = series.index_of(labels["mo_end_time"].to_numpy(dtype="datetime64[us]"))
    intervals = np.column_stack([start, np.maximum(end, start + 1)])
    return intervals[(intervals[:, 1] > 0) & (intervals[:, 0] < len(series))]


def label_classes(labels: pd.DataFrame, series: InSituSeries) -> NDArray[np.int64]:
    """Return the class of each sample; where no obstacle start is known all is obstacle."""
    classes = np.zeros(len(series), dtype=np.int64)
    known = labels["mo_start_time"].fillna(labels["icme_start_time"])
    times = (labels["icme_start_time"], known, labels["mo_end_time"])
    numbers = [series.index_of(each.to_numpy(dtype="datetime64[us]")) for each in times]
    for start, obstacle, end in np.clip(np.column_stack(numbers), 0, len(series)):
        classes[start:obstacle] = SHEATH
        classes[obstacle:end] = OBSTACLE
    return classes


def label_regions(
    ejections: pd.DataFrame, regions: pd.DataFrame | None, series: InSituSeries, *, complete: bool
) -> NDArray[np.int64]:
    """Return the code of each sample from a list of ejections and one of interaction regions.

    Where both lists claim a sample it belongs to the ejection.

    Parameters
    ----------
    ejections
        Columns `TRUTH_COLUMNS`.
    regions
        Columns `pipelines.signals.events.REGION_COLUMNS`; `None` when there is no list.
    series
        What the lists are about.
    complete
        Whether wind outside of the regions listed is known to be without any.
    """
    codes = np.full(len(series), BACKGROUND if complete else NO_EJECTION, dtype=np.int64)
    if regions is not None:
        filled = regions.assign(interface_time=regions[REGION_COLUMNS[1]].fillna(pd.Timestamp(0)))
        start, interface, end = (
            series.index_of(filled[name].to_numpy(dtype="datetime64[us]"))
            for name in REGION_COLUMNS
        )
        inside = (interface > start) & (interface < end) & regions[REGION_COLUMNS[1]].notna()
        for first, middle, last, known in zip(start, interface, end, inside, strict=True):
            low, high = np.clip([first, last], 0, len(series))
            codes[low:high] = INTERACTION
            if known:
                divide = int(np.clip(middle, low, high))
                codes[low:divide], codes[divide:high] = SLOW_SIDE, FAST_SIDE
    parts = label_classes(ejections, series)
    return np.where(parts > BACKGROUND, parts, codes)
