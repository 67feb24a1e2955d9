"""Hourly values of the OMNI collection: field, speed and density near the Earth, no temperature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.errors import SourceError
from pipelines.sources.cleaning import Cadence, Cleaning
from pipelines.sources.insitu import CADENCE, CHANNELS, SAMPLES_PER_HOUR, InSituSeries
from pipelines.sources.spacecraft import find_spacecraft

#: Channels that the hourly file has, by the file's names; all others were not handed on with it.
OMNI_COLUMNS = {"bt": "b", "bz": "bz", "vt": "v", "np": "n"}

#: What stands for a missing value in the hourly files as NASA hands them out (format of OMNI 2).
OMNI_FILLS = {"b": 999.9, "bz": 999.9, "v": 9999.0, "n": 999.9}


def read_omni(path: Path) -> InSituSeries:
    """Read hourly OMNI values and bring them to the cadence of the other series.

    The file has the columns ``ts`` (start of the hour, ISO 8601), ``b, bz`` (nT, GSM), ``v`` (km/s)
    and ``n`` (cm-3). Between the middles of measured hours values are interpolated linearly; an
    hour without measurement, or with the fill value of OMNI, is a gap. Channels that the file
    does not have are gaps throughout, so that such a series serves for training, which uses masks,
    but not as a catalogue's source.
    OMNI joins Wind, ACE and IMP 8, shifted to the bow shock (King & Papitashvili 2005, J. Geophys.
    Res. 110, A02104); the series is given to Wind, whose lists of ejections apply within an hour.

    Parameters
    ----------
    path
        The file, ``.csv`` or ``.csv.gz``.

    Raises
    ------
    SourceError
        If it cannot be read, lacks a column, or its hours are not consecutive.
    """
    raw = _read_columns(path)
    hours = _hours(path, raw["ts"])
    seconds = (hours[0] + np.arange(len(hours) * SAMPLES_PER_HOUR) / SAMPLES_PER_HOUR) * 3600
    middle = seconds + CADENCE.astype("timedelta64[s]").astype(np.int64) / 2
    missing = np.full(len(middle), np.nan)
    channels = {
        name: _finer(path, raw, OMNI_COLUMNS[name], hours, middle)
        if name in OMNI_COLUMNS
        else missing
        for name in CHANNELS
    }
    start = np.datetime64(int(hours[0]), "h").astype("datetime64[us]")
    craft = find_spacecraft("Wind")
    filled = sum(int(_is_fill(raw, name).sum()) for name in OMNI_COLUMNS.values())
    cleaning = Cleaning(
        samples=len(raw),
        fill_values=filled,
        cadences=(Cadence(3600.0, 1.0),),
        missing=tuple(name for name, values in channels.items() if np.isnan(values).all()),
    )
    cleaning.tell(path.name)
    data = pd.DataFrame(channels)
    return InSituSeries(craft, start, data, path.name, "OMNI", cleaning=cleaning)


def _is_fill(raw: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    """Return which cells of a column hold its fill value."""
    values = pd.to_numeric(raw[column], errors="coerce").to_numpy(dtype=np.float64)
    return np.asarray(values >= OMNI_FILLS[column] - 1e-6)


def _read_columns(path: Path) -> pd.DataFrame:
    try:
        raw = pd.read_csv(path)
    except FileNotFoundError:
        raise SourceError(f"{path} does not exist") from None
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(f"{path} cannot be read as CSV: {error}") from error
    missing = [name for name in ("ts", *OMNI_COLUMNS.values()) if name not in raw.columns]
    if missing or raw.empty:
        raise SourceError(
            f"{path} has no column {', '.join(missing)}" if missing else f"{path} has no rows",
            hint="an hourly OMNI file has the columns ts, b, bz, v, n",
        )
    return raw


def _hours(path: Path, times: pd.Series) -> NDArray[np.int64]:
    """Return the hours since 1970, which must follow one another."""
    parsed = pd.to_datetime(times, format="ISO8601", errors="coerce", utc=True)
    wrong = np.flatnonzero(parsed.isna())
    if wrong.size:
        line = int(wrong[0]) + 2
        raise SourceError(f"{path}, line {line}, column ts: {times.iloc[wrong[0]]!r} is not a time")
    seconds = parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[s]").astype(np.int64)
    jumps = np.flatnonzero(np.diff(seconds) != 3600)
    if jumps.size or seconds[0] % 3600:
        line = int(jumps[0]) + 3 if jumps.size else 2
        raise SourceError(
            f"{path}, line {line}, column ts: {times.iloc[line - 2]} is not the next full hour",
            hint="an hour that was not measured is a row of empty cells",
        )
    return np.asarray(seconds // 3600)


def _finer(
    path: Path,
    raw: pd.DataFrame,
    column: str,
    hours: NDArray[np.int64],
    middle: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Interpolate hourly means to samples, whose middles are given in seconds since 1970."""
    values = pd.to_numeric(raw[column], errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(np.isnan(values) & raw[column].notna().to_numpy())
    if wrong.size:
        cell = raw[column].iloc[wrong[0]]
        raise SourceError(
            f"{path}, line {int(wrong[0]) + 2}, column {column}: {cell!r} is not a number"
        )
    known = np.isfinite(values) & ~_is_fill(raw, column)
    if not known.any():
        return np.full(len(middle), np.nan)
    finer = np.asarray(np.interp(middle, hours[known] * 3600.0 + 1800.0, values[known]))
    finer[~np.repeat(known, SAMPLES_PER_HOUR)] = np.nan
    return finer
