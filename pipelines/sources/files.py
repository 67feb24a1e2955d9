"""In-situ measurements in text files: CSV, plain or compressed with gzip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.errors import SourceError
from pipelines.sources.grid import to_grid
from pipelines.sources.insitu import CHANNELS, KM_PER_AU, POSITION, InSituSeries
from pipelines.sources.spacecraft import Spacecraft, guess_spacecraft

#: Values outside cannot be solar wind between 0.3 and 2 AU; a whole column outside is in another
#: unit. Bounds are wide: the fastest shocks reach 2,500 km/s and 150 nT at 1 AU.
_BOUNDS: dict[str, tuple[float, float]] = {
    "bx": (-1000.0, 1000.0),
    "by": (-1000.0, 1000.0),
    "bz": (-1000.0, 1000.0),
    "bt": (0.0, 1000.0),
    "vt": (100.0, 4000.0),
    "np": (0.0, 2000.0),
    "tp": (100.0, 1e8),
}

#: What a column is likely to hold when its median is out of bounds.
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
    columns are not looked at. Empty cells, ``nan``, numbers beyond 1e30 and impossible numbers
    written with nines only are missing values.

    Parameters
    ----------
    path
        The file, ``.csv`` or ``.csv.gz``.
    spacecraft
        Who measured; guessed from the file's name when not given.

    Raises
    ------
    SourceError
        If the file cannot be read, lacks a column, or holds a cell that is not what the column
        promises; the message names line and column.
    """
    craft = spacecraft or guess_spacecraft(path.name)
    raw = _read_text(path)
    times = _times(path, raw)
    columns = {name: _numbers(path, raw, name) for name in CHANNELS if name in raw.columns}
    if "bt" not in columns:
        columns["bt"] = np.sqrt(columns["bx"] ** 2 + columns["by"] ** 2 + columns["bz"] ** 2)
    for name, values in columns.items():
        columns[name] = _without_fill(path, name, values)
    _check_magnitude(path, columns)
    columns |= _position(path, raw)
    start, data = to_grid(times, pd.DataFrame(columns)[[*CHANNELS, *columns.keys() - CHANNELS]])
    simulated = craft.name == "simulation"
    return InSituSeries(craft, start, data, path.name, craft.instruments, simulated)


def _read_text(path: Path) -> pd.DataFrame:
    try:
        raw = pd.read_csv(path, na_values=["--"], skipinitialspace=True, low_memory=False)
    except FileNotFoundError:
        raise SourceError(f"{path} does not exist") from None
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(
            f"{path} cannot be read as CSV: {error}", hint="expected: .csv or .csv.gz with a header"
        ) from error
    raw.columns = [str(name).strip().lower() for name in raw.columns]
    required = {"time", *CHANNELS} - {"bt"}
    missing = [name for name in ("time", *CHANNELS) if name in required - set(raw.columns)]
    if missing:
        raise SourceError(
            f"{path} has no column {', '.join(missing)}",
            hint="a channel that was not measured is a column of empty cells",
        )
    if raw.empty:
        raise SourceError(f"{path} has a header but no rows")
    return raw


def _line(row: int) -> int:
    """Return the line of the file (from 1, the header included) of a row (from 0)."""
    return row + 2


def _times(path: Path, raw: pd.DataFrame) -> NDArray[np.datetime64]:
    raw = raw.astype({"time": str})
    parsed = pd.to_datetime(raw["time"], format="ISO8601", errors="coerce", utc=True)
    wrong = np.flatnonzero(parsed.isna())
    if wrong.size:
        raise SourceError(
            f"{path}, line {_line(wrong[0])}, column time: {raw['time'].iloc[wrong[0]]!r} "
            "is not a time",
            hint="write times as 2019-05-10T17:10:00, in UTC",
        )
    times = parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    steps = np.diff(times).astype(np.int64)
    back = np.flatnonzero(steps <= 0)
    if back.size:
        row = back[0] + 1
        kind = (
            "repeats the time before it"
            if steps[back[0]] == 0
            else "is earlier than the line before"
        )
        raise SourceError(
            f"{path}, line {_line(row)}, column time: {raw['time'].iloc[row]} {kind}",
            hint="sort the file by time and keep one row for each time",
        )
    return times


def _numbers(path: Path, raw: pd.DataFrame, name: str) -> NDArray[np.float64]:
    values = pd.to_numeric(raw[name], errors="coerce").to_numpy(dtype=np.float64, copy=True)
    wrong = np.flatnonzero(np.isnan(values) & raw[name].notna().to_numpy())
    if wrong.size:
        cell = raw[name].iloc[wrong[0]]
        raise SourceError(
            f"{path}, line {_line(wrong[0])}, column {name}: {cell!r} is not a number"
        )
    values[np.abs(values) >= 1e30] = np.nan
    return values


def _only_nines(value: float) -> bool:
    return set(f"{abs(value):.10g}".replace(".", "")) == {"9"}


def _without_fill(path: Path, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = _BOUNDS[name]
    outside = np.flatnonzero((values < low) | (values > high))
    fill = [row for row in outside if _only_nines(values[row])]
    cleaned = values.copy()
    cleaned[fill] = np.nan
    strange = np.setdiff1d(outside, fill)
    if strange.size:
        row = strange[0]
        raise SourceError(
            f"{path}, line {_line(row)}, column {name}: {values[row]:g} is impossible "
            f"(outside {low:g} to {high:g} {CHANNELS[name]}; {strange.size} such values)",
            hint=_UNIT_HINTS.get(name, "magnetic fields must be in nT")
            + "; a value that is missing is an empty cell",
        )
    return cleaned


def _check_magnitude(path: Path, columns: dict[str, NDArray[np.float64]]) -> None:
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


def _position(path: Path, raw: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    for suffix, scale in (("", 1.0), ("_km", 1.0), ("_au", KM_PER_AU)):
        names = [name + suffix for name in POSITION]
        given = [name for name in names if name in raw.columns]
        if given and len(given) < len(names):
            raise SourceError(f"{path} has {', '.join(given)} but not all of {', '.join(names)}")
        if given:
            values = [_numbers(path, raw, name) * scale for name in names]
            return dict(zip(POSITION, values, strict=True))
    return {}
