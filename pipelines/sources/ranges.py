"""What an event of any kind is described with: its place, and statistics that leave gaps out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import NativeColumn
from pipelines.sources.ephemeris import heeq_position
from pipelines.sources.grid import bridge_gaps
from pipelines.sources.insitu import KM_PER_AU, POSITION, InSituSeries

Values = NDArray[np.float64]

#: Where the spacecraft was during an event.
POSITION_COLUMNS: tuple[NativeColumn, ...] = (
    *(
        NativeColumn(f"{axis}_{side}", "float64", "km", f"{word} HEEQ {axis[0]} of the spacecraft")
        for axis in POSITION
        for side, word in (("min", "Smallest"), ("max", "Largest"))
    ),
    NativeColumn("sun_distance_min", "float64", "AU", "Smallest distance from the Sun"),
    NativeColumn("sun_distance_max", "float64", "AU", "Largest distance from the Sun"),
)


def reduce_known(function: Any, values: Values) -> float:
    """Return a function of the known values; NaN when there is none."""
    known = values[np.isfinite(values)]
    return float(function(known)) if known.size else float("nan")


def position_ranges(series: InSituSeries, first: int, end: int) -> dict[str, float]:
    """Return the values of `POSITION_COLUMNS` over an event; both ends of it are included.

    Parameters
    ----------
    series
        With positions of its own; what they leave open an ephemeris fills, if there is one.
    first, end
        First sample of the event and one past its last.
    """
    place = _places(series, first, end)
    if len(place) == 0:
        place = np.full((1, 3), np.nan)
    distance = np.linalg.norm(place, axis=1) / KM_PER_AU
    ranges: dict[str, float] = {}
    for axis, values in zip(POSITION, place.T, strict=True):
        ranges |= {f"{axis}_min": float(values.min()), f"{axis}_max": float(values.max())}
    return ranges | {
        "sun_distance_min": float(distance.min()),
        "sun_distance_max": float(distance.max()),
    }


def _places(series: InSituSeries, first: int, end: int) -> Values:
    """Return where the spacecraft was, km HEEQ, shape (k, 3); nothing when nothing tells."""
    if series.has_position:
        columns = [bridge_gaps(series.channel(name))[first:end] for name in POSITION]
        place = np.column_stack(columns)
        place = place[np.isfinite(place).all(axis=1)]
        if len(place):
            return place
    if not series.spacecraft.orbit:
        return np.empty((0, 3))
    return heeq_position(series.spacecraft, series.time_of(np.arange(first, end + 1)))


def place_at(series: InSituSeries, sample: int) -> Values:
    """Return where the spacecraft was at one sample, km HEEQ, shape (3,); NaN if nothing tells."""
    known = _places(series, sample, min(sample + 1, len(series)))
    return known[0] if len(known) else np.full(3, np.nan)
