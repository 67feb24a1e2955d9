"""The orbit of Cluster, simulated: polar, 4 by 19.6 Earth radii, fixed among the stars."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.boundaries.earth import EARTH_RADIUS

Values = NDArray[np.float64]

#: Perigee and apogee in Earth radii (Escoubet et al. 2001, Ann. Geophys. 19, 1197).
_PERIGEE, _APOGEE = 4.0, 19.6

#: Gravitational parameter of the Earth, km3/s2 (IERS Conventions 2010).
_EARTH_GM = 398_600.4418

#: Ecliptic longitude of the Sun when the apogee is at noon, in February, degrees.
_NOON_LONGITUDE = 327.0

#: Mean longitude of the Sun at J2000 and its daily motion, degrees (Hapgood 1992).
_SUN_J2000, _SUN_RATE = 280.46, 0.985647


def period() -> float:
    """Return the time of one revolution, s: 57 hours."""
    axis = 0.5 * (_PERIGEE + _APOGEE) * EARTH_RADIUS
    return float(2 * np.pi * np.sqrt(axis**3 / _EARTH_GM))


def orbit_gse(times: NDArray[np.datetime64], phase: float = 0.0) -> Values:
    """Return positions in GSE.

    The plane of the orbit stands upright on the ecliptic and is fixed among the stars, so that the
    apogee goes from noon in February through dawn and midnight (August) to dusk.

    Parameters
    ----------
    times
        UTC, shape (n,).
    phase
        Where on the orbit the spacecraft is at J2000, 0 to 1.

    Returns
    -------
    position
        Earth radii, shape (n, 3).
    """
    since = times.astype("datetime64[us]") - np.datetime64("2000-01-01T12:00", "us")
    seconds = since / np.timedelta64(1, "s")
    eccentricity = (_APOGEE - _PERIGEE) / (_APOGEE + _PERIGEE)
    mean = 2 * np.pi * ((seconds / period() + phase) % 1.0)
    eccentric = mean + eccentricity * np.sin(mean)
    for _ in range(10):  # Newton's method on Kepler's equation
        error = eccentric - eccentricity * np.sin(eccentric) - mean
        eccentric = eccentric - error / (1 - eccentricity * np.cos(eccentric))
    axis = 0.5 * (_PERIGEE + _APOGEE)
    towards_apogee = -axis * (np.cos(eccentric) - eccentricity)
    north = axis * np.sqrt(1 - eccentricity**2) * np.sin(eccentric)
    sun = _SUN_J2000 + _SUN_RATE * seconds / 86_400
    longitude = np.radians(_NOON_LONGITUDE - sun)
    return np.column_stack(
        [towards_apogee * np.cos(longitude), towards_apogee * np.sin(longitude), north]
    )
