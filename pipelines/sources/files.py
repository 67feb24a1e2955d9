"""In-situ measurements in files: CSV, plain or compressed with gzip, ECSV and VOTable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.errors import SourceError
from pipelines.sources.cleaning import Cleaning
from pipelines.sources.grid import cadences_of, to_grid
from pipelines.sources.insitu import CHANNELS, KM_PER_AU, POSITION, InSituSeries
from pipelines.sources.spacecraft import Spacecraft, guess_spacecraft
from pipelines.sources.spikes import FIELD_JUMPS, PLASMA_JUMPS, find_spikes
from pipelines.sources.tables import Table, read_table
from pipelines.sources.units import check_units, own_unit, parse_unit, to_own_unit

Values = NDArray[np.float64]

#: Values outside cannot be solar wind between 0.3 and 2 AU. Bounds are wide: the fastest shocks
#: reach 2,500 km/s and 150 nT at 1 AU.
_BOUNDS: dict[str, tuple[float, float]] = {
    "bx": (-1000.0, 1000.0),
    "by": (-1000.0, 1000.0),
    "bz": (-1000.0, 1000.0),
    "bt": (0.0, 1000.0),
    "vt": (100.0, 4000.0),
    "np": (0.0, 2000.0),
    "tp": (100.0, 1e8),
}

#: Nearer to the Sun than this the bounds of field and density grow as the inverse square of the
#: distance (Parker 1958, Astrophys. J. 128, 664), AU.
_BOUNDS_HOLD_FROM = 0.3

#: What a column is likely to hold when a value is out of bounds.
_UNIT_HINTS = {
    "vt": "speeds must be in km/s",
    "np": "densities must be in cm-3",
    "tp": "temperatures must be in K (1 eV = 11,605 K)",
}


def read_insitu(path: Path, spacecraft: Spacecraft | None = None) -> InSituSeries:
    """Read a file of solar-wind measurements and put it on the regular grid.

    The file has the columns ``time`` (ISO 8601, UTC), ``bx, by, bz`` and, unless it is to be
    computed from them, ``bt`` (nT), ``vt`` (km/s), ``np`` (cm-3), ``tp`` (K); and may have the
    position ``x_heeq, y_heeq, z_heeq`` in km, or the same names ending in ``_au`` in AU. Other
    columns are not looked at. Units that the file states are converted
    (`pipelines.sources.tables`). Empty cells, ``nan``, numbers beyond 1e30 and impossible numbers
    written with nines only are missing values. Rows are sorted by time, rows that repeat another
    one are left out, and spikes become gaps (`pipelines.sources.spikes`); all of it is counted in
    `InSituSeries.cleaning` and told.

    Parameters
    ----------
    path
        The file, ``.csv``, ``.csv.gz``, ``.ecsv``, ``.vot``, ``.votable`` or ``.xml``.
    spacecraft
        Who measured; guessed from the file's name when not given.

    Raises
    ------
    SourceError
        If the file cannot be read, lacks a column, holds a cell that is not what the column
        promises (the message names line and column), is in another unit than it says, or has two
        rows of one time that contradict one another.
    """
    craft = spacecraft or guess_spacecraft(path.name)
    table = read_table(path)
    _check_columns(table)
    rows = _rows(table, craft)
    order = np.argsort(rows.times, kind="stable")
    unordered = int((np.diff(rows.times) < np.timedelta64(0)).sum())
    kept = _without_repetitions(table, rows, order)
    times = rows.times[kept]
    columns = {name: values[kept] for name, values in rows.columns.items()}
    cleaning = replace(
        rows.cleaning,
        unordered=unordered,
        repeated=len(order) - len(kept),
        cadences=cadences_of(times),
    )
    columns, cleaning = without_spikes(times, columns, cleaning)
    if rows.position:
        columns |= {name: values[kept] for name, values in rows.position.items()}
        cleaning = replace(cleaning, position=path.name)
    cleaning.tell(path.name)
    start, data = to_grid(times, pd.DataFrame(columns)[[*CHANNELS, *rows.position]])
    simulated = craft.name == "simulation"
    return InSituSeries(craft, start, data, path.name, craft.instruments, simulated, cleaning)


def without_spikes(
    times: NDArray[np.datetime64], columns: dict[str, Values], cleaning: Cleaning
) -> tuple[dict[str, Values], Cleaning]:
    """Return the channels with gaps for spikes, and the account with their numbers.

    Parameters
    ----------
    times
        Ascending, shape (n,).
    columns
        Channels, shape (n,) each; not all need be there.
    cleaning
        What was done before.
    """
    cleaned = {name: values.copy() for name, values in columns.items()}
    counts = []
    for jumps in (FIELD_JUMPS, PLASMA_JUMPS):
        spikes = find_spikes(times, columns, jumps)
        counts.append(int(spikes.sum()))
        for name in jumps.keys() & cleaned.keys():
            cleaned[name][spikes] = np.nan
    return cleaned, replace(
        cleaning,
        spikes_field=cleaning.spikes_field + counts[0],
        spikes_plasma=cleaning.spikes_plasma + counts[1],
    )


@dataclass(frozen=True)
class _Rows:
    """The rows of a file in its order, as numbers in our units."""

    times: NDArray[np.datetime64]
    columns: dict[str, Values]
    position: dict[str, Values]
    cleaning: Cleaning


def _check_columns(table: Table) -> None:
    present = set(table.frame.columns)
    missing = [name for name in ("time", *CHANNELS) if name not in present and name != "bt"]
    if missing:
        raise SourceError(
            f"{table.path} has no column {', '.join(missing)}",
            hint="a channel that was not measured is a column of empty cells",
        )
    if table.frame.empty:
        raise SourceError(f"{table.path} has a header but no rows")


def _rows(table: Table, craft: Spacecraft) -> _Rows:
    times = _times(table)
    present = [name for name in CHANNELS if name in table.frame.columns]
    columns = {name: _in_own_unit(table, name) for name in present}
    if "bt" not in columns:
        columns["bt"] = np.sqrt(columns["bx"] ** 2 + columns["by"] ** 2 + columns["bz"] ** 2)
    fills = sum(int((~np.isnan(values) & _is_huge(values)).sum()) for values in columns.values())
    columns = {name: np.where(_is_huge(values), np.nan, values) for name, values in columns.items()}
    for name in columns:
        columns[name], count = _without_nines(name, columns[name], craft)
        fills += count
    _check_magnitude(table.path, columns)
    check_units(str(table.path), {name: columns[name] for name in ("bt", "vt", "np", "tp")})
    for name, values in columns.items():
        _check_bounds(table, name, values, craft)
    cleaning = Cleaning(
        samples=len(times),
        fill_values=fills,
        converted=_converted(table, present),
        missing=tuple(name for name in CHANNELS if np.isnan(columns[name]).all()),
    )
    return _Rows(times, columns, _position(table), cleaning)


def _times(table: Table) -> NDArray[np.datetime64]:
    texts = table.frame["time"].astype(str)
    parsed = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True)
    wrong = np.flatnonzero(parsed.isna())
    if wrong.size:
        raise SourceError(
            f"{table.place(wrong[0])}, column time: {texts.iloc[wrong[0]]!r} is not a time",
            hint="write times as 2019-05-10T17:10:00, in UTC",
        )
    return np.asarray(parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[us]"))


def _without_repetitions(table: Table, rows: _Rows, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of the rows to keep, in order of time.

    Raises
    ------
    SourceError
        If two rows of one time differ: nothing tells which of them is right, and the mean of a
        right and a wrong one would be a third, wrong one.
    """
    times = rows.times[order]
    same = np.flatnonzero(times[1:] == times[:-1]) + 1
    if not same.size:
        return order
    values = np.column_stack(list((rows.columns | rows.position).values()))[order]
    one, other = values[same - 1], values[same]
    equal = ((one == other) | (np.isnan(one) & np.isnan(other))).all(axis=1)
    if not equal.all():
        row = int(order[same[~equal][0]])
        raise SourceError(
            f"{table.place(row)}, column time: {table.frame['time'].iloc[row]} repeats the time "
            f"before it with other values ({int((~equal).sum())} such rows)",
            hint="keep one row for each time: the file does not tell which is right",
        )
    return np.delete(order, same)


def _numbers(table: Table, name: str) -> Values:
    raw = table.frame[name]
    values = pd.to_numeric(raw, errors="coerce").to_numpy(dtype=np.float64, copy=True)
    wrong = np.flatnonzero(np.isnan(values) & raw.notna().to_numpy())
    if wrong.size:
        cell = raw.iloc[wrong[0]]
        raise SourceError(f"{table.place(wrong[0])}, column {name}: {cell!r} is not a number")
    return values


def _is_huge(values: Values) -> NDArray[np.bool_]:
    """Return where a number is the fill value -1e31 of CDF, or beyond anything measured."""
    return np.asarray(np.abs(values) >= 1e30)


def _in_own_unit(table: Table, name: str) -> Values:
    values = _numbers(table, name)
    stated = table.units.get(name, "")
    if not stated:
        return values
    filled = _is_huge(values)
    try:
        converted = to_own_unit(name, np.where(filled, np.nan, values), stated)
    except SourceError as error:
        raise SourceError(f"{table.path}: column {name}: {error}") from error
    return np.where(filled, values, converted)


def _converted(table: Table, names: list[str]) -> tuple[str, ...]:
    stated = {name: table.units[name] for name in names if table.units.get(name)}
    return tuple(
        f"{name} from {unit}"
        for name, unit in stated.items()
        if parse_unit(unit) != parse_unit(own_unit(name))
    )


def _bounds(name: str, craft: Spacecraft) -> tuple[float, float]:
    low, high = _BOUNDS[name]
    nearer = max(1.0, (_BOUNDS_HOLD_FROM / craft.perihelion) ** 2)
    return (low, high) if name in ("vt", "tp") else (low * nearer, high * nearer)


def _only_nines(value: float) -> bool:
    return set(f"{abs(value):.10g}".replace(".", "")) == {"9"}


def _without_nines(name: str, values: Values, craft: Spacecraft) -> tuple[Values, int]:
    """Return values without impossible ones that are written with nines only, and their number."""
    low, high = _bounds(name, craft)
    outside = np.flatnonzero((values < low) | (values > high))
    fill = [row for row in outside if _only_nines(values[row])]
    cleaned = values.copy()
    cleaned[fill] = np.nan
    return cleaned, len(fill)


def _check_bounds(table: Table, name: str, values: Values, craft: Spacecraft) -> None:
    low, high = _bounds(name, craft)
    strange = np.flatnonzero((values < low) | (values > high))
    if strange.size:
        row = strange[0]
        raise SourceError(
            f"{table.place(row)}, column {name}: {values[row]:g} is impossible "
            f"(outside {low:g} to {high:g} {CHANNELS[name]}; {strange.size} such values)",
            hint=_UNIT_HINTS.get(name, "magnetic fields must be in nT")
            + "; a value that is missing is an empty cell",
        )


def _check_magnitude(path: Path, columns: dict[str, Values]) -> None:
    """Check that the field's magnitude belongs to its components.

    The mean of a magnitude exceeds the magnitude of the mean vector, by up to a factor of a few
    in turbulent wind, hence the wide limits; they still tell a change of unit.
    """
    length = np.sqrt(columns["bx"] ** 2 + columns["by"] ** 2 + columns["bz"] ** 2)
    both = (length > 0) & ~np.isnan(columns["bt"])
    if not both.any():
        return
    ratio = float(np.median(columns["bt"][both] / length[both]))
    if not 0.5 < ratio < 2.0:
        raise SourceError(
            f"{path}: column bt is {ratio:.3g} times the length of (bx, by, bz)",
            hint="give all four in nT",
        )


def _position(table: Table) -> dict[str, Values]:
    for suffix, scale in (("", 1.0), ("_km", 1.0), ("_au", KM_PER_AU)):
        names = [name + suffix for name in POSITION]
        given = [name for name in names if name in table.frame.columns]
        if given and len(given) < len(names):
            raise SourceError(
                f"{table.path} has {', '.join(given)} but not all of {', '.join(names)}"
            )
        if given:
            columns = {}
            for name, own in zip(names, POSITION, strict=True):
                values = np.where(_is_huge(_numbers(table, name)), np.nan, _numbers(table, name))
                stated = table.units.get(name, "")
                columns[own] = to_own_unit(own, values, stated) if stated else values * scale
            return columns
    return {}
