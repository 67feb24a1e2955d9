"""Frames of positions and fields near Earth and Mercury, and the aberration of the solar wind.

GSE and MSO have x towards the Sun and z to the north of the planet's orbit; GSM turns GSE about x
until the dipole lies in the x-z plane; MSM is MSO with the origin at Mercury's dipole.

References
----------
- M. A. Hapgood (1992), Planet. Space Sci. 40, 711, sections 3 and 4, with the corrigendum of 1997:
  Greenwich sidereal time, ecliptic longitude of the Sun, GSE to GSM.
- P. Alken et al. (2021), Earth Planets Space 73, 49: IGRF-13, from which the dipole is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.boundaries.mercury import DIPOLE_OFFSET

Values = NDArray[np.float64]
Times = NDArray[np.datetime64]

#: First-degree coefficients of IGRF-13 in nT at these years: g(1,0), g(1,1), h(1,1).
_IGRF_YEARS: Final = tuple(range(1970, 2021, 5))
_IGRF: Final = (
    (-30220.0, -2068.0, 5737.0),
    (-30100.0, -2013.0, 5675.0),
    (-29992.0, -1956.0, 5604.0),
    (-29873.0, -1905.0, 5500.0),
    (-29775.0, -1848.0, 5406.0),
    (-29692.0, -1784.0, 5306.0),
    (-29619.4, -1728.2, 5186.1),
    (-29554.63, -1669.05, 5077.99),
    (-29496.57, -1586.42, 4944.26),
    (-29441.46, -1501.77, 4795.99),
    (-29404.8, -1450.9, 4652.5),
)

#: Mercury's orbit (JPL, Standish 1992, mean elements J2000): semi-major axis in AU, eccentricity,
#: sidereal period in days, and a perihelion passage. The standard gravitational parameter of the
#: Sun in km3 s-2 is nominal (IAU 2015 resolution B3), the astronomical unit in km IAU 2012.
MERCURY_AXIS: Final = 0.38709927
MERCURY_ECCENTRICITY: Final = 0.20563593
MERCURY_YEAR: Final = 87.9691
_LONGITUDE_J2000, _LONGITUDE_RATE = 252.25032350, 149472.67411175
_PERIHELION_J2000, _PERIHELION_RATE = 77.45779628, 0.16047689
_SUN_GM: Final = 1.3271244e11
AU: Final = 149597870.7

#: Usual speed of the solar wind, km/s, where no measurement is at hand.
USUAL_WIND: Final = 400.0


def rotate_about_z(vectors: Values, angle: Values | float) -> Values:
    """Return the components of vectors in axes that are turned about z.

    Parameters
    ----------
    vectors
        Shape (..., 3).
    angle
        By which the axes are turned from x towards y, radians; broadcast to (...,).
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([cosine * x + sine * y, cosine * y - sine * x, vectors[..., 2]], axis=-1)


def aberration_angle(orbital_speed: Values, wind_speed: float = USUAL_WIND) -> Values:
    """Return by how much the solar wind seems to come from ahead of the planet, radians.

    Parameters
    ----------
    orbital_speed
        Of the planet, km/s.
    wind_speed
        Radial speed of the solar wind, km/s.
    """
    return np.arctan2(np.asarray(orbital_speed, dtype=np.float64), wind_speed)


def aberrate(vectors: Values, angle: Values | float) -> Values:
    """Return vectors of a Sun-planet frame (GSE, MSO, MSM) in the aberrated frame.

    The planet moves towards -y, so that the wind seems to come from the side of -y: the aberrated
    x axis points there.
    """
    return rotate_about_z(vectors, -np.asarray(angle))


def straighten(vectors: Values, angle: Values | float) -> Values:
    """Undo `aberrate`."""
    return rotate_about_z(vectors, np.asarray(angle))


def mso_to_msm(position: Values) -> Values:
    """Move the origin of positions in km, shape (..., 3), from Mercury's centre to its dipole."""
    return np.asarray(position, dtype=np.float64) - np.array([0.0, 0.0, DIPOLE_OFFSET])


def msm_to_mso(position: Values) -> Values:
    """Undo `mso_to_msm`."""
    return np.asarray(position, dtype=np.float64) + np.array([0.0, 0.0, DIPOLE_OFFSET])


@dataclass(frozen=True)
class OrbitalMotion:
    """Where a planet is on its orbit.

    Attributes
    ----------
    distance
        From the Sun, AU, shape (n,).
    longitude
        In the plane of the orbit, from a fixed direction, radians, shape (n,).
    across, along
        Velocity across the direction to the Sun and away from it, km/s, shape (n,). The first is
        what aberrates radial wind.
    """

    distance: Values
    longitude: Values
    across: Values
    along: Values

    @property
    def speed(self) -> Values:
        """Magnitude of the velocity, km/s, shape (n,)."""
        return np.hypot(self.across, self.along)


def mercury_orbit(times: Times) -> OrbitalMotion:
    """Return Mercury's motion from mean elements and Kepler's equation, to 1e-3 AU.

    Parameters
    ----------
    times
        UTC, shape (n,).
    """
    centuries = _days_since_j2000(times) / 36525.0
    longitude = _LONGITUDE_J2000 + _LONGITUDE_RATE * centuries
    perihelion = np.radians(_PERIHELION_J2000 + _PERIHELION_RATE * centuries)
    mean = (np.radians(longitude) - perihelion) % (2 * np.pi)
    eccentric = mean + MERCURY_ECCENTRICITY * np.sin(mean)
    for _ in range(8):  # Newton's method; four steps are enough at this eccentricity
        error = eccentric - MERCURY_ECCENTRICITY * np.sin(eccentric) - mean
        eccentric = eccentric - error / (1.0 - MERCURY_ECCENTRICITY * np.cos(eccentric))
    flattening = np.sqrt(1.0 - MERCURY_ECCENTRICITY**2)
    anomaly = np.arctan2(flattening * np.sin(eccentric), np.cos(eccentric) - MERCURY_ECCENTRICITY)
    distance = MERCURY_AXIS * (1.0 - MERCURY_ECCENTRICITY * np.cos(eccentric))
    unit = np.sqrt(_SUN_GM / (MERCURY_AXIS * AU)) / flattening
    return OrbitalMotion(
        distance=distance,
        longitude=perihelion + anomaly,
        across=unit * (1.0 + MERCURY_ECCENTRICITY * np.cos(anomaly)),
        along=unit * MERCURY_ECCENTRICITY * np.sin(anomaly),
    )


def dipole_axis(times: Times) -> Values:
    """Return the northern end of the Earth's dipole axis in geographic coordinates.

    Parameters
    ----------
    times
        UTC, shape (n,); before 1970 and after 2020 the nearest five years are continued.

    Returns
    -------
    axis
        Unit vectors, shape (n, 3).
    """
    years = 2000.0 + _days_since_j2000(times) / 365.25
    known = np.array(_IGRF)
    place = np.clip(np.searchsorted(_IGRF_YEARS, years, side="right") - 1, 0, len(_IGRF_YEARS) - 2)
    share = ((years - np.array(_IGRF_YEARS)[place]) / 5.0)[:, None]
    g10, g11, h11 = (known[place] * (1.0 - share) + known[place + 1] * share).T
    axis = -np.column_stack([g11, h11, g10])
    return np.asarray(axis / np.linalg.norm(axis, axis=1, keepdims=True))


def dipole_axis_gse(times: Times) -> Values:
    """Return the northern end of the Earth's dipole axis in GSE, unit vectors of shape (n, 3)."""
    days = _days_since_j2000(times)
    whole = np.floor(days - 0.5) + 0.5  # midnight
    hours = (days - whole) * 24.0
    centuries = whole / 36525.0
    sidereal = np.radians(100.461 + 36000.770 * centuries + 15.04107 * hours)
    obliquity = np.radians(23.439 - 0.013 * centuries)
    anomaly = np.radians(357.528 + 35999.050 * centuries + 0.04107 * hours)
    mean = 280.460 + 36000.772 * centuries + 0.04107 * hours
    sun = np.radians(
        mean + (1.915 - 0.0048 * centuries) * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly)
    )
    inertial = rotate_about_z(dipole_axis(times), -sidereal)
    x, y, z = inertial.T
    cosine, sine = np.cos(obliquity), np.sin(obliquity)
    ecliptic = np.column_stack([x, cosine * y + sine * z, cosine * z - sine * y])
    return rotate_about_z(ecliptic, sun)


def dipole_tilt(times: Times) -> Values:
    """Return by how much the Earth's dipole leans towards the Sun, radians, shape (n,)."""
    return np.asarray(np.arcsin(dipole_axis_gse(times)[:, 0]))


def gse_to_gsm(vectors: Values, times: Times) -> Values:
    """Return GSE vectors of shape (n, 3) in GSM."""
    return _turn_about_x(vectors, _roll(times))


def gsm_to_gse(vectors: Values, times: Times) -> Values:
    """Undo `gse_to_gsm`."""
    return _turn_about_x(vectors, -_roll(times))


def local_time(position: Values) -> Values:
    """Return local time in hours, 12 towards the Sun, of positions of shape (..., 3)."""
    position = np.asarray(position, dtype=np.float64)
    angle = np.arctan2(position[..., 1], position[..., 0])
    return np.asarray((12.0 + np.degrees(angle) / 15.0) % 24.0)


def _roll(times: Times) -> Values:
    axis = dipole_axis_gse(times)
    return np.asarray(np.arctan2(axis[:, 1], axis[:, 2]))


def _turn_about_x(vectors: Values, angle: Values) -> Values:
    x, y, z = np.asarray(vectors, dtype=np.float64).T
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.column_stack([x, cosine * y - sine * z, sine * y + cosine * z])


def _days_since_j2000(times: Times) -> Values:
    since = np.asarray(times, dtype="datetime64[us]") - np.datetime64("2000-01-01T12:00", "us")
    return np.asarray(since / np.timedelta64(1, "D"), dtype=np.float64)
