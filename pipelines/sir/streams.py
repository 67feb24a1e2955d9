"""What follows an interaction region: the fast stream, its end, and its return after a rotation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.signals.events import Intervals
from pipelines.sources.insitu import SAMPLES_PER_HOUR
from pipelines.sources.plasma import BOLTZMANN, VACUUM_PERMEABILITY

Values = NDArray[np.float64]

#: Electrons of the solar wind at 1 AU have nearly the same temperature always, K (Newbury et al.
#: 1998, J. Geophys. Res. 103, 9553); it is not among the measurements.
ELECTRON_TEMPERATURE = 141_000.0

#: Mean synodic rotation of the Sun, days, and the Julian Date at which Carrington's first one
#: began (Meeus 1998, Astronomical Algorithms, chapter 29).
CARRINGTON_DAYS, CARRINGTON_FIRST = 27.2752316, 2_398_140.2270

#: A stream that lasts longer than this after its interface is taken to end there, in samples.
LONGEST_STREAM = 10 * 24 * SAMPLES_PER_HOUR

#: A region returns when its interface comes one rotation later, give or take this many days.
RETURN_TOLERANCE = 1.5


def total_pressure(density: Values, temperature: Values, field: Values) -> Values:
    """Return the sum of magnetic and thermal pressure, nPa.

    The quantity of Jian et al. (2006, Sol. Phys. 239, 337), of protons and of electrons of
    `ELECTRON_TEMPERATURE`; it is largest at the stream interface.

    Parameters
    ----------
    density
        Protons, cm-3.
    temperature
        Protons, K.
    field
        Magnitude, nT.
    """
    thermal = density * 1e6 * BOLTZMANN * (temperature + ELECTRON_TEMPERATURE)
    return np.asarray((thermal + (field * 1e-9) ** 2 / (2 * VACUUM_PERMEABILITY)) * 1e9)


def hourly_mean(values: Values, hours: int) -> Values:
    """Return the centred mean over so many hours, NaN where less than half is known.

    Each window is added up by itself, so that an excerpt of a series has the same means.
    """
    half = hours * SAMPLES_PER_HOUR // 2
    known = np.pad(np.isfinite(values).astype(np.float64), half)
    padded = np.pad(np.nan_to_num(values), half)
    total, count = np.zeros(len(values)), np.zeros(len(values))
    for offset in range(2 * half + 1):
        total += padded[offset : offset + len(values)]
        count += known[offset : offset + len(values)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(count > half, total / count, np.nan))


def stream_end(speed: Values, start: int, interface: int, end: int, next_start: int) -> int:
    """Return where the fast stream behind a region ends.

    The stream ends where the speed, as a mean over six hours, has lost half of its rise, and at the
    latest where the next region starts or after `LONGEST_STREAM`. Lists differ in this; half of the
    rise needs no absolute threshold and so serves at any phase of the solar cycle.

    Parameters
    ----------
    speed
        Means over six hours, km/s, shape (n,).
    start, interface, end
        Samples of the region.
    next_start
        Where the next region starts, n if there is none.
    """
    last = min(next_start, interface + LONGEST_STREAM, len(speed))
    stream = speed[interface:last]
    before = speed[start : interface + 1]
    if not np.isfinite(stream).any() or not np.isfinite(before).any():
        return end
    low, high = float(np.nanmin(before)), float(np.nanmax(stream))
    peak = int(np.nanargmax(stream))
    slow = np.flatnonzero(stream[peak:] < 0.5 * (low + high))
    fallen = interface + peak + int(slow[0]) if slow.size else last
    return max(fallen, end)


def julian_date(times: NDArray[np.datetime64]) -> Values:
    """Return Julian Dates of times in UTC, shape (n,)."""
    days = times.astype("datetime64[us]").astype(np.int64) / 86_400e6
    return np.asarray(days + 2_440_587.5)


def carrington(
    times: NDArray[np.datetime64], longitude: Values
) -> tuple[NDArray[np.int64], Values]:
    """Return Carrington rotation and longitude below a spacecraft.

    Parameters
    ----------
    times
        UTC, shape (n,).
    longitude
        Of the spacecraft in HEEQ, degrees, shape (n,).

    Returns
    -------
    rotation
        Number of the rotation of the meridian below the spacecraft.
    below
        Carrington longitude of that meridian, degrees, 0 to 360.
    """
    turned = (julian_date(times) - CARRINGTON_FIRST) / CARRINGTON_DAYS - longitude / 360.0
    rotation = np.floor(turned).astype(np.int64)
    return rotation, np.asarray(360.0 * (1.0 - (turned - rotation)) % 360.0)


def recurrence_group(key: str, rotation: int, longitude: float) -> str:
    """Return the name that the regions of one stream share over the rotations.

    A sector of 30 degrees of Carrington longitude, over six rotations: regions that come back after
    a rotation within a day mostly share it. It is a function of time and place alone, so that a
    region has the same group whatever else is known; `returns_of` links neighbours exactly.
    """
    return f"SIR_{key}_CR{rotation // 6 * 6:04d}_L{int(longitude // 30) * 30:03d}"


def returns_of(interfaces: NDArray[np.datetime64], wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each wanted region the one that came a rotation earlier, -1 if none did.

    Parameters
    ----------
    interfaces
        Times of all interfaces, ascending, UTC, shape (n,).
    wanted
        Which regions are asked about, shape (n,).
    """
    days = interfaces.astype("datetime64[us]").astype(np.int64) / 86_400e6
    earlier = []
    for day in days[wanted]:
        off = np.abs(day - CARRINGTON_DAYS - days)
        nearest = int(off.argmin())
        earlier.append(nearest if off[nearest] <= RETURN_TOLERANCE else -1)
    return np.array(earlier, dtype=np.int64)


def next_starts(intervals: Intervals, samples: int) -> NDArray[np.int64]:
    """Return for each region where the next one starts, `samples` after the last."""
    return np.append(intervals[1:, 0], samples).astype(np.int64)
