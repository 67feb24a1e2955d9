"""MESSENGER's orbit about Mercury, as a Kepler ellipse that keeps its plane while Mercury moves on.

Seen from the Sun the plane turns once a Mercury year: crossings wander from dawn to noon, dusk and
midnight, which is the natural drift of everything measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.boundaries.frames import mercury_orbit
from pipelines.boundaries.mercury import MERCURY_RADIUS

Values = NDArray[np.float64]

#: km3 s-2 (Mazarico et al. 2014, J. Geophys. Res. Planets 119, 2417).
_MERCURY_GM = 22031.87

#: First Mercury years in orbit (Solomon et al. 2007, Space Sci. Rev. 131, 3): altitudes in km,
#: inclination and latitude of the periapsis in degrees.
LOWEST, HIGHEST = 200.0, 15300.0
_INCLINATION, _PERIAPSIS_LATITUDE = 82.5, 65.0


@dataclass(frozen=True)
class Ellipse:
    """An orbit in a plane that is fixed among the stars.

    Attributes
    ----------
    lowest, highest
        Altitudes, km.
    node
        Longitude of the ascending node in the plane of Mercury's orbit, from the direction that
        `pipelines.boundaries.frames.mercury_orbit` counts from, radians.
    passage
        A time at the periapsis, seconds since 1970.
    """

    lowest: float = LOWEST
    highest: float = HIGHEST
    node: float = 0.0
    passage: float = 0.0

    @property
    def axis(self) -> float:
        """Semi-major axis, km."""
        return MERCURY_RADIUS + 0.5 * (self.lowest + self.highest)

    @property
    def period(self) -> float:
        """Seconds of a revolution."""
        return float(2 * np.pi * np.sqrt(self.axis**3 / _MERCURY_GM))


def positions(orbit: Ellipse, seconds: Values) -> Values:
    """Return where the spacecraft is.

    Parameters
    ----------
    orbit
        The ellipse.
    seconds
        Since 1970, shape (n,).

    Returns
    -------
    position
        MSO, km, shape (n, 3).
    """
    eccentricity = 1.0 - (MERCURY_RADIUS + orbit.lowest) / orbit.axis
    mean = 2 * np.pi * (((seconds - orbit.passage) / orbit.period + 0.5) % 1.0 - 0.5)
    eccentric = mean + eccentricity * np.sin(mean)
    for _ in range(12):
        error = eccentric - eccentricity * np.sin(eccentric) - mean
        eccentric = eccentric - error / (1.0 - eccentricity * np.cos(eccentric))
    along = orbit.axis * (np.cos(eccentric) - eccentricity)
    across = orbit.axis * np.sqrt(1.0 - eccentricity**2) * np.sin(eccentric)
    # The periapsis is past its northernmost point: it goes down over the pole, as MESSENGER did.
    tilt = np.radians(_INCLINATION)
    argument = np.pi - np.arcsin(np.sin(np.radians(_PERIAPSIS_LATITUDE)) / np.sin(tilt))
    x = along * np.cos(argument) - across * np.sin(argument)
    y = along * np.sin(argument) + across * np.cos(argument)
    inertial_x = x * np.cos(orbit.node) - y * np.cos(tilt) * np.sin(orbit.node)
    inertial_y = x * np.sin(orbit.node) + y * np.cos(tilt) * np.cos(orbit.node)
    # MSO has x towards the Sun, which stands opposite to Mercury's heliocentric longitude.
    coarse = np.arange(seconds[0], seconds[-1] + 3600.0, 600.0)
    motion = mercury_orbit(coarse.astype("datetime64[s]"))
    longitude = np.interp(seconds, coarse, np.unwrap(motion.longitude)) + np.pi
    cosine, sine = np.cos(longitude), np.sin(longitude)
    return np.column_stack(
        [
            cosine * inertial_x + sine * inertial_y,
            cosine * inertial_y - sine * inertial_x,
            y * np.sin(tilt),
        ]
    )
