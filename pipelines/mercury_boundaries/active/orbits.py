"""A few numbers that tell what an orbit is like, from its own field alone.

The measurements are robust ones over parts of space that are named by the mean boundaries of
Winslow et al. (2013), so that no region need be known.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.boundaries.frames import mercury_orbit
from pipelines.boundaries.mercury import (
    MERCURY_RADIUS,
    dipole_field,
    winslow2013_bow_shock,
    winslow2013_magnetopause,
)
from pipelines.mercury_boundaries.series import MagSeries, aberrated_msm

Values = NDArray[np.float64]

#: What is measured, in order. Strengths, ratios and unrest are logarithms; the north component of
#: the wind's field is a mean, and what the field deep inside has over the dipole medians, in nT.
MEASURES: Final = (
    "wind_strength",
    "wind_unrest",
    "wind_north",
    "sheath_strength",
    "sheath_unrest",
    "inner_over_dipole",
    "disturbed_outside",
    "inner_excess_x",
    "inner_excess_y",
    "inner_excess_z",
)

#: Where the spacecraft is by ephemeris: distance from the Sun and the direction of the periapsis.
PLACES: Final = ("sun_distance", "periapsis_day", "periapsis_dusk")

#: Seconds that are averaged before anything else, by the clock.
_CELL: Final = 20

#: Fewest averages of a part of the orbit for a measurement: ten minutes.
_FEWEST: Final = 30


@dataclass(frozen=True)
class OrbitSummary:
    """Numbers that tell of one orbit.

    Attributes
    ----------
    start, stop
        Seconds since 1970, UTC.
    measures
        Values of `MEASURES`, NaN where there is too little of a part, shape (10,).
    place
        Values of `PLACES`, shape (3,).
    """

    start: float
    stop: float
    measures: Values
    place: Values


def summarise(series: MagSeries) -> OrbitSummary | None:
    """Measure the orbit around a periapsis.

    Parameters
    ----------
    series
        Of that orbit alone (`around_periapsis`), with position.

    Returns
    -------
    summary
        `None` where the position or the field is unknown throughout.
    """
    if series.position is None or len(series) == 0:
        return None
    field, place = aberrated_msm(series)
    values = _averages(np.column_stack([field, place]), series.first)
    known = np.isfinite(values).all(axis=1)
    if not known.any():
        return None
    values = values[known]
    measured = series.first + np.flatnonzero(np.isfinite(field).all(axis=1))[[0, -1]]
    radius = np.linalg.norm(values[:, 3:], axis=1)
    lowest = values[radius.argmin(), 3:]
    middle = np.array([series.first + len(series) // 2]).astype("datetime64[s]")
    distance = float(mercury_orbit(middle).distance[0])
    direction = lowest[:2] / max(float(np.hypot(*lowest[:2])), 1e-6)
    return OrbitSummary(
        float(measured[0]),
        float(measured[1] + 1),
        _measures(values[:, :3], values[:, 3:]),
        np.array([distance, *direction]),
    )


def _averages(values: Values, first: int) -> Values:
    """Return means over cells by the clock, NaN where a cell has no sample, shape (n, ...)."""
    low, high = first // _CELL, -(-(first + len(values)) // _CELL)
    cells = np.full(((high - low) * _CELL, values.shape[1]), np.nan)
    start = first - low * _CELL
    cells[start : start + len(values)] = values
    cells = cells.reshape(high - low, _CELL, -1)
    known = np.isfinite(cells).all(axis=2)
    total = np.where(known[:, :, None], cells, 0.0).sum(axis=1)
    count = known.sum(axis=1)[:, None]
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _measures(field: Values, place: Values) -> Values:
    """Return the values of `MEASURES`."""
    magnetopause = winslow2013_magnetopause().shell_factor(place)
    bow_shock = winslow2013_bow_shock().shell_factor(place)
    strength = np.linalg.norm(field, axis=1)
    steps = np.linalg.norm(np.diff(field, axis=0, prepend=field[:1]), axis=1)
    outside = bow_shock > 1.25
    wind = outside & (magnetopause > 1.5)
    sheath = (bow_shock < 0.9) & (magnetopause > 1.15)
    inner = (magnetopause < 0.6) & (np.linalg.norm(place, axis=1) > 0.8)
    dipole = dipole_field(place)
    size = np.linalg.norm(dipole, axis=1)
    usual = _median(strength[wind])
    return np.array(
        [
            np.log(usual),
            np.log(_median(steps[wind]) / usual),
            float(field[wind, 2].mean()) if wind.sum() >= _FEWEST else np.nan,
            np.log(_median(strength[sheath]) / usual),
            np.log(_median(steps[sheath]) / usual),
            np.log(_median(strength[inner] / size[inner])),
            # How much of the space outside of the usual shock has a field that is shocked.
            _share(strength[outside] > 2.0 * usual),
            *(_median(excess) for excess in (field - dipole)[inner].T),
        ]
    )


def _median(values: Values) -> float:
    return float(np.median(values)) if len(values) >= _FEWEST else float("nan")


def _share(flags: NDArray[np.bool_]) -> float:
    return float(np.sqrt(flags.mean())) if len(flags) >= _FEWEST else float("nan")


#: Seconds on either side of a periapsis that belong to the summary of its orbit: all of an orbit of
#: 8 hours, all but the wind of one of 12.
REACH: Final = 4 * 3600

#: Seconds between places that a periapsis is sought in, by the clock; and the distance from the
#: planet's centre below which it lies, Mercury radii.
_GRID: Final = 60
_LOW: Final = 2.5

#: Seconds from a periapsis beyond which samples belong to no orbit: half of one of 12 hours, and
#: some.
HALF: Final = 6 * 3600 + 1800


def periapses(series: MagSeries) -> list[int]:
    """Return the times at which a series is nearest to the planet.

    Each is found from the places within two minutes of it, so that it is the same in whatever
    excerpt it stands.

    Returns
    -------
    seconds
        Since 1970; empty without position.
    """
    if series.position is None or len(series) < 3 * _GRID:
        return []
    start = -series.first % _GRID
    place = series.position[start::_GRID].astype(np.float64) / MERCURY_RADIUS
    distance = np.linalg.norm(place, axis=1)
    with np.errstate(invalid="ignore"):
        lowest = (
            (distance[1:-1] < _LOW)
            & (distance[1:-1] < distance[:-2])
            & (distance[1:-1] <= distance[2:])
        )
    near = [start + _GRID * (int(each) + 1) for each in np.flatnonzero(lowest)]
    return [series.first + _lowest(series.position, each) for each in near]


def _lowest(position: NDArray[np.float32], near: int) -> int:
    """Return the index of the lowest place within a minute of one."""
    low = max(near - _GRID, 0)
    distance = np.linalg.norm(position[low : near + _GRID].astype(np.float64), axis=1)
    return low + int(np.where(np.isfinite(distance), distance, np.inf).argmin())


def around_periapsis(series: MagSeries, periapsis: int) -> MagSeries:
    """Return the samples of a series that the summary of an orbit is made of."""
    return series.between(periapsis - REACH, periapsis + REACH)


@dataclass(frozen=True)
class OrbitExtent:
    """An orbit within a longer series.

    Attributes
    ----------
    name
        As ``orbit_id`` of the catalogue: spacecraft and minute of the periapsis.
    periapsis
        Seconds since 1970.
    first, last
        Where it begins, and where the next one does.
    """

    name: str
    periapsis: int
    first: int
    last: int


def divide(series: MagSeries) -> list[OrbitExtent]:
    """Divide a series into orbits, each from the middle between two periapses to the next.

    Samples further than `HALF` from every periapsis belong to none.
    """
    times = periapses(series)
    end = series.first + len(series)
    extents = []
    for number, time in enumerate(times):
        before = times[number - 1] if number else time - 4 * HALF
        after = times[number + 1] if number + 1 < len(times) else time + 4 * HALF
        first = max((before + time) // 2, time - HALF, series.first)
        last = min((time + after) // 2, time + HALF, end)
        extents.append(OrbitExtent(orbit_name(time, series.simulated), time, first, last))
    return extents


def orbit_name(periapsis: int, simulated: bool) -> str:
    """Return the name of the orbit that has its periapsis in a minute."""
    stamp = str(np.datetime64(periapsis // 60 * 60, "s")).replace("-", "").replace(":", "")
    return f"{'SIM' if simulated else 'MESS'}_ORBIT_{stamp[:13]}"


def values_kept(path: Path) -> dict[str, Any]:
    """Read what was learnt about the measures and kept.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        If the file is not there, or is not of the measures that there are now.
    """
    values: dict[str, Any] = json.loads(path.read_text())
    if values["measures"] != list(MEASURES):
        raise ValueError(f"it is of the measures {values['measures']}")
    return values
