"""Moments and field of one spacecraft in CSV files, plain or compressed with gzip.

Columns, in any order: ``time`` (ISO 8601, UTC); ``bx, by, bz`` (nT); ``n`` (cm-3); ``vx, vy, vz``
(km/s); ``t`` (eV); ``x, y, z`` (km); vectors in GSE. The names of the published Cluster files
(``dens, tpar, tperp, vel_gse_x, b_gse_x``, ..., temperatures in MK) are understood too. Plasma,
field or place may be missing altogether, and empty cells are gaps.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.earth_boundaries.instruments import Mission, find_mission, missions
from pipelines.earth_boundaries.moments import CHANNELS, MomentSeries, joined, to_minutes
from pipelines.errors import SourceError

#: eV of a kelvin: k_B / e, CODATA 2018.
EV_PER_KELVIN = 8.617333262e-5

#: Names of the Cluster files of the IWF, and what they hold.
_OTHER_NAMES = {
    "dens": "n",
    **{f"vel_gse_{axis}": f"v{axis}" for axis in "xyz"},
    **{f"b_gse_{axis}": f"b{axis}" for axis in "xyz"},
    **{f"{axis}_gse": axis for axis in "xyz"},
}

#: Values outside are not what the column promises: nT, cm-3, km/s, eV, km.
_BOUNDS = {
    **dict.fromkeys(("bx", "by", "bz"), (-1e5, 1e5)),
    "n": (0.0, 1e5),
    **dict.fromkeys(("vx", "vy", "vz"), (-3e3, 3e3)),
    "t": (0.0, 1e6),
    **dict.fromkeys(("x", "y", "z"), (-3e6, 3e6)),
}


def read_moments(path: Path, spacecraft: str | None = None) -> MomentSeries:
    """Read a file and put it on the grid of minutes.

    Parameters
    ----------
    path
        The file.
    spacecraft
        Who measured; guessed from the file's name when not given, else "unknown".

    Raises
    ------
    SourceError
        If the file cannot be read, lacks time, or both field and plasma, or holds a cell that is
        not what its column promises.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read as CSV: {error}") from error
    table = table.rename(columns=lambda name: str(name).strip().lower())
    table = table.rename(columns=_OTHER_NAMES)
    if "t" not in table and {"tpar", "tperp"} <= set(table.columns):
        kelvins = (_numbers(path, table, "tpar") + 2 * _numbers(path, table, "tperp")) / 3 * 1e6
        table["t"] = kelvins * EV_PER_KELVIN
    times = _times(path, table)
    values = pd.DataFrame(
        {name: _numbers(path, table, name) if name in table else np.nan for name in CHANNELS},
        index=range(len(table)),
    )
    if values[["bx", "n"]].isna().all().all():
        raise SourceError(
            f"{path} has neither field nor plasma",
            hint=f"columns are time, {', '.join(CHANNELS)}",
        )
    start, data = to_minutes(times, values)
    craft = find_mission(spacecraft) if spacecraft else _guess(path)
    name = craft.name if craft else "unknown"
    return MomentSeries(
        spacecraft=name,
        instrument=craft.instruments if craft else "unknown",
        start=start,
        data=data,
        description=path.name,
        simulated=name == "simulation",
    )


def read_folder(folder: Path, spacecraft: str | None = None) -> MomentSeries:
    """Read all files of moments (``*.csv``, ``*.csv.gz``) of a folder as one series.

    Raises
    ------
    SourceError
        If there are none, one of them cannot be read, or they are of several spacecraft.
    """
    paths = sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")])
    if not paths:
        raise SourceError(f"{folder} has no files *.csv or *.csv.gz")
    return joined([read_moments(each, spacecraft) for each in paths], folder.name)


def _times(path: Path, table: pd.DataFrame) -> NDArray[np.datetime64]:
    if "time" not in table:
        raise SourceError(f"{path} has no column 'time'", hint=f"it has {', '.join(table.columns)}")
    if table.empty:
        raise SourceError(f"{path} has no rows")
    times = pd.to_datetime(table["time"], errors="coerce", utc=True, format="ISO8601")
    wrong = np.flatnonzero(times.isna())
    if wrong.size:
        cell = table["time"].iloc[wrong[0]]
        raise SourceError(
            f"{path}, line {wrong[0] + 2}, column time: {cell!r} is no time",
            hint="write it as 2003-02-01T12:00:00, in UTC",
        )
    return times.dt.tz_localize(None).to_numpy().astype("datetime64[us]")


def _numbers(path: Path, table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    given = table[name]
    values = pd.to_numeric(given, errors="coerce").to_numpy(dtype=np.float64)
    low, high = _BOUNDS.get(name, (-np.inf, np.inf))
    empty = given.isna().to_numpy() | (np.abs(values) >= 1e30)
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(~empty & ~((values >= low) & (values <= high)))
    if wrong.size:
        raise SourceError(
            f"{path}, line {wrong[0] + 2}, column {name}: {given.iloc[wrong[0]]!r} is not a number "
            f"between {low:g} and {high:g}",
            hint="nT, cm-3, km/s, eV and km are the units; leave cells without a value empty",
        )
    return np.where(empty, np.nan, values)


def _guess(path: Path) -> Mission | None:
    words = re.sub(r"[^a-z0-9]+", "", path.name.lower())
    found = [each for each in missions() if each.key in words]
    return found[0] if len(found) == 1 else None
