"""In-situ measurements from NASA's CDAWeb, fetched with speasy."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import NoDataError, SourceError, require
from pipelines.sources.grid import to_grid
from pipelines.sources.insitu import CHANNELS, InSituSeries
from pipelines.sources.plasma import BOLTZMANN, PROTON_MASS
from pipelines.sources.spacecraft import Spacecraft

Values = NDArray[np.float64]

#: A request for longer than this is made in pieces, so that memory stays bounded.
_PIECE = np.timedelta64(30, "D")


@dataclass(frozen=True, slots=True)
class Products:
    """Which variables of which data sets hold the channels of a spacecraft.

    Attributes
    ----------
    field
        Vector of the magnetic field, nT; a fourth component is ignored.
    field_frame
        ``RTN`` or ``GSE``. GSE is turned to RTN-like axes by changing the signs of x and y: near
        the Earth the difference that remains is the 7.25 degrees of the Sun's tilt at most.
    speed, density, temperature
        km/s, cm-3, K.
    thermal_speed
        Whether `temperature` holds the most probable thermal speed in km/s instead.
    """

    field: str
    field_frame: str
    speed: str
    density: str
    temperature: str
    thermal_speed: bool = False


#: Data sets as CDAWeb names them: ``cda/DATASET/VARIABLE``.
PRODUCTS: Mapping[str, Products] = MappingProxyType(
    {
        "Wind": Products(
            field="cda/WI_H0_MFI/BGSE",
            field_frame="GSE",
            speed="cda/WI_H1_SWE/Proton_V_nonlin",
            density="cda/WI_H1_SWE/Proton_Np_nonlin",
            temperature="cda/WI_H1_SWE/Proton_W_nonlin",
            thermal_speed=True,
        ),
        "ACE": Products(
            field="cda/AC_H0_MFI/BGSEc",
            field_frame="GSE",
            speed="cda/AC_H0_SWE/Vp",
            density="cda/AC_H0_SWE/Np",
            temperature="cda/AC_H0_SWE/Tpr",
        ),
        "STEREO-A": Products(
            field="cda/STA_L1_MAG_RTN/BFIELD",
            field_frame="RTN",
            speed="cda/STA_L2_PLA_1DMAX_1MIN/proton_bulk_speed",
            density="cda/STA_L2_PLA_1DMAX_1MIN/proton_number_density",
            temperature="cda/STA_L2_PLA_1DMAX_1MIN/proton_temperature",
        ),
        "STEREO-B": Products(
            field="cda/STB_L1_MAG_RTN/BFIELD",
            field_frame="RTN",
            speed="cda/STB_L2_PLA_1DMAX_1MIN/proton_bulk_speed",
            density="cda/STB_L2_PLA_1DMAX_1MIN/proton_number_density",
            temperature="cda/STB_L2_PLA_1DMAX_1MIN/proton_temperature",
        ),
    }
)


def fetch_insitu(
    spacecraft: Spacecraft,
    start: np.datetime64,
    stop: np.datetime64,
    *,
    progress: Progress = silent,
) -> InSituSeries:
    """Fetch the measurements of a spacecraft and put them on the regular grid.

    Parameters
    ----------
    spacecraft
        One of those in `PRODUCTS`.
    start, stop
        UTC; `stop` is not included.
    progress
        Told after each piece of a month.

    Raises
    ------
    SourceError
        If no data sets are known for the spacecraft, the service fails, or it has no data.
    MissingDependencyError
        If speasy is not installed.
    """
    if spacecraft.name not in PRODUCTS:
        raise SourceError(
            f"no CDAWeb data sets are known for {spacecraft.name}",
            hint=f"there are some for {', '.join(PRODUCTS)}",
        )
    if start >= stop:
        raise SourceError(f"the time span from {start} to {stop} is empty")
    speasy = require("speasy", extra="insitu")
    products = PRODUCTS[spacecraft.name]
    edges = [*np.arange(start, stop, _PIECE), stop]
    pieces = []
    for number, (first, last) in enumerate(itertools.pairwise(edges)):
        pieces.append(_fetch_piece(speasy, products, first, last))
        progress(f"fetching {spacecraft.name} from CDAWeb", number + 1, len(edges) - 1)
    frames = [piece for piece in pieces if len(piece)]
    if not frames:
        raise NoDataError(f"CDAWeb has no data of {spacecraft.name} from {start} to {stop}")
    joined = pd.concat(frames).groupby(level=0).mean()
    first_bin, data = to_grid(joined.index.to_numpy(dtype="datetime64[us]"), joined)
    return InSituSeries(
        spacecraft=spacecraft,
        start=first_bin,
        data=data[list(CHANNELS)],
        description=f"CDAWeb {spacecraft.name} from {start} to {stop}",
        instrument=spacecraft.instruments,
    )


def _fetch_piece(
    speasy: Any, products: Products, start: np.datetime64, stop: np.datetime64
) -> pd.DataFrame:
    """Return one row a bin of the grid; field and plasma have cadences of their own."""
    times, vectors = _variable(speasy, products.field, start, stop)
    field = pd.DataFrame(_to_rtn(vectors, products.field_frame), columns=["bx", "by", "bz"])
    field["bt"] = np.sqrt((field**2).sum(axis=1, min_count=3))
    parts = [_gridded(times, field)]
    for channel in ("vt", "np", "tp"):
        product = {"vt": products.speed, "np": products.density, "tp": products.temperature}[
            channel
        ]
        times, values = _variable(speasy, product, start, stop)
        column = values[:, 0]
        if channel == "tp" and products.thermal_speed:
            column = thermal_speed_to_temperature(column)
        parts.append(_gridded(times, pd.DataFrame({channel: column})))
    return pd.concat(parts, axis=1)


def _to_rtn(vectors: Values, frame: str) -> Values:
    """Return three components in RTN-like axes; a set without data has none of any width."""
    if vectors.shape[1] < 3:
        return np.empty((0, 3))
    return vectors[:, :3] * (np.array([-1.0, -1.0, 1.0]) if frame == "GSE" else 1.0)


def thermal_speed_to_temperature(speed: Values) -> Values:
    """Return m_p w^2 / 2 k in K for a most probable thermal speed w in km/s."""
    return np.asarray(PROTON_MASS * (speed * 1e3) ** 2 / (2 * BOLTZMANN))


def _gridded(times: NDArray[np.datetime64], values: pd.DataFrame) -> pd.DataFrame:
    if len(times) == 0:
        return pd.DataFrame(columns=values.columns, dtype=float, index=pd.DatetimeIndex([]))
    start, data = to_grid(times, values)
    step = pd.Timedelta(minutes=10)
    data.index = pd.date_range(pd.Timestamp(start), periods=len(data), freq=step, unit="us")
    return data


def _variable(
    speasy: Any, product: str, start: np.datetime64, stop: np.datetime64
) -> tuple[NDArray[np.datetime64], Values]:
    """Fetch one variable; ascending times (n,) and values (n, k) with NaN where filled."""
    try:
        variable = speasy.get_data(product, str(start), str(stop))
    except Exception as error:
        # Anything may come out of a remote service and its client: a network failure, a data set
        # that was renamed, a reply that is no CDF. All of them are news to the user.
        raise SourceError(
            f"CDAWeb did not deliver {product} from {start} to {stop}: {error}",
            hint="is there a network, and does CDAWeb still have this data set?",
        ) from error
    if variable is None or len(variable.time) == 0:
        return np.empty(0, dtype="datetime64[us]"), np.empty((0, 1))
    cleaned = variable.replace_fillval_by_nan(inplace=False, convert_to_float=True)
    values = np.asarray(cleaned.values, dtype=np.float64).reshape(len(cleaned.time), -1)
    values[np.abs(values) >= 1e30] = np.nan
    times = np.asarray(cleaned.time).astype("datetime64[us]")
    order = np.argsort(times, kind="stable")
    return times[order], values[order]
