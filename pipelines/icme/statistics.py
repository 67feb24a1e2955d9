"""The statistics of ICMECAT, measured in detected events under the names that it gives them.

Möstl et al. (2020, ApJ 903, 92) and the header of HELIO4CAST ICMECAT v2.2 define them: over the
whole event (``icme_``), the obstacle (``mo_``) and the sheath (``sheath_``), means, largest
and lowest values and standard deviations of samples, gaps left out. Not among them are what the
catalogue names otherwise: the times, the spacecraft and its own identifier.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import NativeColumn
from pipelines.sources.insitu import KM_PER_AU, SAMPLES_PER_HOUR, InSituSeries
from pipelines.sources.ranges import place_at, reduce_known

Values = NDArray[np.float64]

#: Parts of an event as columns name them, and as people do.
_PARTS: Mapping[str, str] = {
    "icme": "the event",
    "mo": "the magnetic obstacle",
    "sheath": "the sheath",
}

#: Measured quantities by the word that columns have for them: channel, unit, name.
_QUANTITIES: Mapping[str, tuple[str, str, str]] = {
    "b": ("bt", "nT", "magnetic field strength"),
    "bz": ("bz", "nT", "northward field component"),
    "by": ("by", "nT", "eastward (RTN T) field component"),
    "speed_": ("vt", "km/s", "proton speed"),
    "pdyn_": ("pdyn", "nPa", "proton dynamic pressure"),
    "density_": ("np", "cm**-3", "proton density"),
    "temperature_": ("tp", "K", "proton temperature"),
}

_STATISTICS: Mapping[str, tuple[object, str]] = {
    "max": (np.max, "Largest"),
    "min": (np.min, "Lowest"),
    "mean": (np.mean, "Mean"),
    "std": (np.std, "Standard deviation of the"),
}

#: What ICMECAT has of each part: word of the quantity and its statistics.
_MEASURED: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "icme": (("b", ("max", "mean", "std")), ("speed_", ("mean", "std"))),
    "mo": (
        ("b", ("max", "mean", "std")),
        ("bz", ("mean", "min", "std")),
        ("by", ("mean", "std")),
        ("speed_", ("mean", "std")),
        ("pdyn_", ("mean", "std")),
        ("density_", ("mean", "std")),
        ("temperature_", ("mean", "std")),
    ),
    "sheath": (
        ("speed_", ("mean", "std")),
        ("density_", ("mean", "std")),
        ("pdyn_", ("mean", "std")),
    ),
}

#: Speeds at the ends of an obstacle are those of the nearest sample within so many.
_NEAREST = SAMPLES_PER_HOUR


def _moments() -> tuple[NativeColumn, ...]:
    columns = []
    for part, measured in _MEASURED.items():
        for word, statistics in measured:
            _, unit, quantity = _QUANTITIES[word]
            for statistic in statistics:
                text = f"{_STATISTICS[statistic][1]} {quantity} of {_PARTS[part]}"
                columns.append(NativeColumn(f"{part}_{word}{statistic}", "float64", unit, text))
    return tuple(columns)


#: Columns of ICMECAT that come from measurements and position.
ICMECAT_COLUMNS: tuple[NativeColumn, ...] = (
    NativeColumn(
        "mo_sc_heliodistance", "float64", "AU", "Distance from the Sun at the obstacle's start"
    ),
    NativeColumn(
        "mo_sc_long_heeq", "float64", "deg", "HEEQ longitude at the obstacle's start, -180 to 180"
    ),
    NativeColumn("mo_sc_lat_heeq", "float64", "deg", "HEEQ latitude at the obstacle's start"),
    NativeColumn("icme_duration", "float64", "h", "Duration of the event"),
    NativeColumn("mo_duration", "float64", "h", "Duration of the magnetic obstacle"),
    *_moments(),
    NativeColumn(
        "mo_expansion_speed",
        "float64",
        "km/s",
        "Half the difference of proton speeds at the start and end of the magnetic obstacle",
    ),
)


def icmecat_statistics(
    series: InSituSeries, channels: Mapping[str, Values], first: int, obstacle: int, end: int
) -> dict[str, float]:
    """Measure an event as ICMECAT does.

    Parameters
    ----------
    series
        What the event is in; for its position.
    channels
        Those of `pipelines.sources.insitu.CHANNELS` and ``pdyn``, shape (n,) each, NaN in gaps.
    first, end
        First sample of the event and one past its last.
    obstacle
        First sample of the obstacle; -1 when none stands out: then its columns and those of the
        sheath are NaN, and so are those of the sheath of an event that has none.

    Returns
    -------
    statistics
        A value for each of `ICMECAT_COLUMNS`.
    """
    nothing = slice(0, 0)
    parts = {
        "icme": slice(first, end),
        "mo": slice(obstacle, end) if obstacle >= 0 else nothing,
        "sheath": slice(first, obstacle) if obstacle > first else nothing,
    }
    values: dict[str, float] = {
        "icme_duration": (end - first) / SAMPLES_PER_HOUR,
        "mo_duration": (end - obstacle) / SAMPLES_PER_HOUR if obstacle >= 0 else np.nan,
        **_place(series, obstacle),
        "mo_expansion_speed": _decrease(channels["vt"], obstacle, end),
    }
    for part, measured in _MEASURED.items():
        for word, statistics in measured:
            samples = channels[_QUANTITIES[word][0]][parts[part]]
            for statistic in statistics:
                name = f"{part}_{word}{statistic}"
                values[name] = reduce_known(_STATISTICS[statistic][0], samples)
    return values


def _place(series: InSituSeries, obstacle: int) -> dict[str, float]:
    x, y, z = place_at(series, obstacle) if obstacle >= 0 else np.full(3, np.nan)
    distance = float(np.sqrt(x * x + y * y + z * z))
    return {
        "mo_sc_heliodistance": distance / KM_PER_AU,
        "mo_sc_long_heeq": float(np.degrees(np.arctan2(y, x))),
        "mo_sc_lat_heeq": float(np.degrees(np.arcsin(z / distance))),
    }


def _decrease(speed: Values, obstacle: int, end: int) -> float:
    """Return half of what an obstacle loses in speed from start to end; NaN in longer gaps.

    The header of ICMECAT speaks of the difference; its values are half of it (for the 45 events
    that were compared, and so in the notebook that its authors make it with).
    """
    if obstacle < 0:
        return float("nan")
    inside = speed[obstacle:end]
    known = np.flatnonzero(np.isfinite(inside))
    if not known.size or known[0] >= _NEAREST or known[-1] < len(inside) - _NEAREST:
        return float("nan")
    return float(inside[known[0]] - inside[known[-1]]) / 2
