"""Lists of crossings that others published, as far as simulations are compared with them.

- amanotk/mms-bowshock: 91 quasi-perpendicular shocks of MMS with averages on both sides
  (``# ID,quality,...`` in CSV).
- G. Nguyen et al. (2019), NSR2019: magnetopauses of many spacecraft, 2001 to 2016, with their
  place (CSV, gzipped).
- MMS magnetopause crossings, 2015 to 2018: ``EventId,DateStart,...``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.errors import SourceError

Values = NDArray[np.float64]

#: eV of one nPa shared by one particle per cm3: the elementary charge of CODATA 2018.
_EV_PER_NPA = 1e-9 / (1e6 * 1.602176634e-19)

#: Averages of both sides that are read of a shock: electrons' density, ions' pressure and velocity,
#: field.
_AVERAGED = ("Ne", "Pi", "Bx", "By", "Bz", "Uix", "Uiy", "Uiz")


def read_shocks(path: Path) -> pd.DataFrame:
    """Read averages on both sides of bow shocks.

    Returns
    -------
    shocks
        One row a shock: ``density``, ``field``, ``speed``, ``temperature`` upstream (cm-3, nT,
        km/s, eV); ``density_ratio, field_ratio`` and ``temperature_down``; ``theta_bn`` in degrees,
        0 to 90.

    Raises
    ------
    SourceError
        If it cannot be read, or a column is missing.
    """
    table = _table(
        path,
        [f"{name}{side}_avg" for name in _AVERAGED for side in (1, 2)]
        + ["Ne1_crct_avg", "theta_bn_avg"],
    )

    def size(name: str, side: int) -> Values:
        return np.linalg.norm([table[f"{name}{axis}{side}_avg"] for axis in "xyz"], axis=0)

    # Electrons, since the ion analyser misses a part of the cold beam upstream; there the authors'
    # corrected density: the moments themselves give ratios beyond 4, which no shock of a gas with
    # three degrees of freedom has.
    up, down = table["Ne1_crct_avg"].to_numpy(), table["Ne2_avg"].to_numpy()
    angle = table["theta_bn_avg"].to_numpy()
    return pd.DataFrame(
        {
            "density": up,
            "field": size("B", 1),
            "speed": size("Ui", 1),
            "temperature": _EV_PER_NPA * table["Pi1_avg"] / up,
            "density_ratio": down / up,
            "field_ratio": size("B", 2) / size("B", 1),
            "temperature_down": _EV_PER_NPA * table["Pi2_avg"] / down,
            "theta_bn": np.minimum(angle, 180 - angle),
        }
    )


def read_magnetopauses(path: Path) -> pd.DataFrame:
    """Read places of magnetopauses: ``R`` in Earth radii and ``theta`` in radians from the X axis.

    Pressure, field and Mach number of that list are averages that fill values have got into: they
    are left out.

    Raises
    ------
    SourceError
        If it cannot be read, or a column is missing.
    """
    return _table(path, ["R", "theta"])[["R", "theta"]]


def read_magnetopause_times(path: Path) -> NDArray[np.datetime64]:
    """Read times of magnetopause crossings of one spacecraft, in order.

    Raises
    ------
    SourceError
        If it cannot be read, a column is missing, or a time is none.
    """
    table = _table(path, ["DateStart"])
    try:
        times = pd.to_datetime(table["DateStart"], format="ISO8601")
    except ValueError as error:
        raise SourceError(
            f"{path}, column DateStart: {error}", hint="times are ISO 8601"
        ) from error
    return np.sort(times.to_numpy(dtype="datetime64[us]"))


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as CSV: {error}") from error
    table = table.rename(columns=lambda name: str(name).strip("# "))
    for name in columns:
        if name not in table:
            raise SourceError(
                f"{path} has no column {name!r}", hint=f"it has {list(table)[:8]} ..."
            )
    return table
