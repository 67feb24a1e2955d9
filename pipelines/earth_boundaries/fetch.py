"""Moments and field from CDAWeb, fetched with speasy and put on the grid of minutes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.earth_boundaries.instruments import Mission
from pipelines.earth_boundaries.moments import (
    CADENCE,
    CHANNELS,
    FIELD,
    POSITION,
    VELOCITY,
    MomentSeries,
    to_minutes,
)
from pipelines.errors import NoDataError, SourceError, require

Values = NDArray[np.float64]

#: Minutes over which a position is interpolated: orbits of some data sets have a point in several.
_POSITION_GAP = 30


def fetch_moments(
    mission: Mission, start: np.datetime64, stop: np.datetime64, *, progress: Progress = silent
) -> MomentSeries:
    """Fetch the measurements of a spacecraft.

    Parameters
    ----------
    mission
        Who measured.
    start, stop
        UTC; `stop` is not included.
    progress
        Told after each variable.

    Raises
    ------
    SourceError
        If the service fails or the spacecraft is simulated.
    NoDataError
        If it has neither field nor plasma of this time.
    MissingDependencyError
        If speasy is not installed.
    """
    if not mission.field:
        raise SourceError(f"{mission.name} has no data sets", hint="give a real spacecraft")
    speasy = require("speasy", extra="insitu")
    wanted: tuple[tuple[tuple[str, ...], str], ...] = (
        (FIELD, mission.field),
        (("n",), mission.density),
        (VELOCITY, mission.velocity),
        (POSITION, mission.position),
        *(((f"t{number}",), name) for number, name in enumerate(mission.temperature)),
    )
    parts = []
    for number, (names, product) in enumerate(wanted):
        if not product:
            continue  # this spacecraft has no such instrument
        times, values = _variable(speasy, product, start, stop)
        progress(f"fetching {mission.name} from CDAWeb", number + 1, len(wanted))
        if len(times):
            parts.append(_gridded(times, values[:, : len(names)], names))
    if not any({"bx", "n"} & set(part.columns) for part in parts):
        raise NoDataError(f"CDAWeb has no data of {mission.name} from {start} to {stop}")
    joined = pd.concat(parts, axis=1).sort_index()
    data = joined.reindex(pd.date_range(joined.index[0], joined.index[-1], freq="min"))
    begin = np.datetime64(data.index[0].to_datetime64(), "us")
    return MomentSeries(
        spacecraft=mission.name,
        instrument=mission.instruments,
        start=begin,
        data=_channels(mission, data),
        description=f"CDAWeb {mission.name} from {start} to {stop}",
    )


def _channels(mission: Mission, data: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a series in its units."""
    table = pd.DataFrame(index=data.index)
    for name in CHANNELS:
        table[name] = data.get(name, np.nan)
    heat = [f"t{number}" for number in range(len(mission.temperature))]
    if heat and set(heat) <= set(data.columns):
        weighted = data[heat].to_numpy() @ np.array(mission.weights)
        table["t"] = weighted * mission.electronvolts
    place = list(POSITION)
    table[place] = table[place].interpolate(limit=_POSITION_GAP, limit_area="inside")
    return table.reset_index(drop=True)


def _gridded(times: NDArray[np.datetime64], values: Values, names: tuple[str, ...]) -> pd.DataFrame:
    start, data = to_minutes(times, pd.DataFrame(values, columns=list(names)))
    index = start + np.arange(len(data)) * CADENCE
    data.index = pd.DatetimeIndex(index)
    return data


def _variable(
    speasy: Any, product: str, start: np.datetime64, stop: np.datetime64
) -> tuple[NDArray[np.datetime64], Values]:
    """Fetch one variable; times (n,) and values (n, k), NaN where filled."""
    try:
        variable = speasy.get_data(product, str(start), str(stop))
    except Exception as error:
        # A remote service and its client may fail in any way; all of it is news to the user.
        raise SourceError(
            f"CDAWeb did not deliver {product} from {start} to {stop}: {error}",
            hint="is there a network, and does CDAWeb still have this data set?",
        ) from error
    if variable is None or len(variable.time) == 0:
        return np.empty(0, dtype="datetime64[us]"), np.empty((0, 3))
    cleaned = variable.replace_fillval_by_nan(inplace=False, convert_to_float=True)
    values = np.asarray(cleaned.values, dtype=np.float64).reshape(len(cleaned.time), -1)
    values[np.abs(values) >= 1e30] = np.nan
    return np.asarray(cleaned.time).astype("datetime64[us]"), values


def fetch_position(
    mission: Mission, start: np.datetime64, stop: np.datetime64
) -> tuple[NDArray[np.datetime64], Values]:
    """Fetch where a spacecraft was.

    Returns
    -------
    times
        UTC, shape (n,); n may be 0.
    position
        GSE, km, shape (n, 3); without gaps.

    Raises
    ------
    SourceError
        If the service fails.
    MissingDependencyError
        If speasy is not installed.
    """
    speasy = require("speasy", extra="insitu")
    times, values = _variable(speasy, mission.position, start, stop)
    known = np.isfinite(values[:, :3]).all(axis=1)
    return times[known], values[known, :3]
