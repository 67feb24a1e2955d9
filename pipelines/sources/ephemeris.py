"""Where a spacecraft is in HEEQ when only its name and the date are known.

HEEQ (heliocentric Earth equatorial): Z is the Sun's axis of rotation, X lies in the solar equator
towards the meridian that faces the Earth (Fränz & Harper 2002, Planet. Space Sci. 50, 217).

How exact the positions are is part of what the README of the pipelines states; the tests hold
them against published positions:

- Earth: about 0.0001 AU (astropy's built-in ERFA ephemeris).
- Wind, ACE and DSCOVR: on the Sun-Earth line, 0.01 AU sunward of the Earth. Their halo orbits leave
  that point by up to 0.005 AU; Wind before 2004 also made excursions around the Earth of 0.02 AU.
- STEREO-A and -B: a fixed Kepler ellipse each, see `STEREO_ELEMENTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import SourceError
from pipelines.sources.insitu import KM_PER_AU
from pipelines.sources.spacecraft import Spacecraft

Vectors = NDArray[np.float64]

#: Orientation of the Sun's axis in the ecliptic of J2000: inclination of the solar equator and
#: longitude of its ascending node, degrees (Fränz & Harper 2002, section 3.2.2, after Seidelmann
#: et al. 1992: Carrington's 7.25 and 75.76).
SOLAR_INCLINATION = 7.25
SOLAR_NODE = 75.76

#: Obliquity of the ecliptic at J2000, degrees (IAU 2006: 84381.406 arcseconds).
OBLIQUITY_J2000 = 84381.406 / 3600

#: Distance of the Lagrange point L1 from the Earth over that of the Sun: (m_Earth / 3 M_Sun)^(1/3).
L1_FRACTION = (3.0034896e-6 / 3) ** (1 / 3)

_J2000 = np.datetime64("2000-01-01T12:00:00", "us")

#: Positions are computed daily and interpolated: the error of that is below 2e-5 AU.
_STEP_DAYS = 1.0


@dataclass(frozen=True, slots=True)
class KeplerElements:
    """A heliocentric Kepler orbit in the ecliptic of J2000.

    Attributes
    ----------
    semi_major_axis
        AU.
    eccentricity
        Dimensionless.
    inclination, node, perihelion_longitude, mean_longitude
        Degrees; the mean longitude at `J2000`, the longitude of perihelion counted along the
        ecliptic to the node and then along the orbit.
    mean_motion
        Degrees a day.
    """

    semi_major_axis: float
    eccentricity: float
    inclination: float
    node: float
    perihelion_longitude: float
    mean_longitude: float
    mean_motion: float


#: Fitted by least squares to the spacecraft positions of the 294 and 150 events of HELIO4CAST
#: ICMECAT v2.2 (Möstl et al. 2020, ApJ 903, 92). Residuals: STEREO-A median 0.0007 AU, 95 % below
#: 0.005 AU over 2007-2024 (0.01 AU from 2024, after it passed the Earth); STEREO-B median
#: 0.0002 AU, 95 % below 0.001 AU over 2008-2014 (0.005 AU in 2007, while it left the Earth).
STEREO_ELEMENTS: Mapping[str, KeplerElements] = MappingProxyType(
    {
        "STEREO-A": KeplerElements(
            semi_major_axis=0.961935,
            eccentricity=0.005677,
            inclination=0.12613,
            node=214.637,
            perihelion_longitude=305.947,
            mean_longitude=308.589,
            mean_motion=1.04482468,
        ),
        "STEREO-B": KeplerElements(
            semi_major_axis=1.042866,
            eccentricity=0.041466,
            inclination=0.29411,
            node=335.723,
            perihelion_longitude=123.414,
            mean_longitude=256.828,
            mean_motion=0.92537744,
        ),
    }
)


def heeq_position(spacecraft: Spacecraft, times: NDArray[np.datetime64]) -> Vectors:
    """Return the position of a spacecraft in HEEQ.

    Parameters
    ----------
    spacecraft
        Which; its `orbit` decides how.
    times
        UTC, shape (n,), ascending.

    Returns
    -------
    positions
        km, shape (n, 3).

    Raises
    ------
    SourceError
        If no orbit of the spacecraft is known.
    """
    if times.size == 0:
        return np.empty((0, 3))
    days = (times.astype("datetime64[us]") - _J2000) / np.timedelta64(1, "D")
    first = np.floor(days.min() / _STEP_DAYS) * _STEP_DAYS
    nodes = np.arange(first, days.max() + 2 * _STEP_DAYS, _STEP_DAYS)
    at_nodes = _position_on(spacecraft, nodes)
    return np.column_stack([np.interp(days, nodes, at_nodes[:, axis]) for axis in range(3)])


def _position_on(spacecraft: Spacecraft, days: NDArray[np.float64]) -> Vectors:
    earth = earth_ecliptic(days)
    if spacecraft.orbit == "L1":
        place = earth * (1 - L1_FRACTION)
    elif spacecraft.orbit in STEREO_ELEMENTS:
        place = kepler_position(STEREO_ELEMENTS[spacecraft.orbit], days)
    else:
        raise SourceError(
            f"no orbit of {spacecraft.name} is known",
            hint="give its position in the columns x_heeq, y_heeq, z_heeq (km)",
        )
    return ecliptic_to_heeq(place, earth) * KM_PER_AU


def earth_ecliptic(days: NDArray[np.float64]) -> Vectors:
    """Return the heliocentric position of the Earth in the ecliptic of J2000.

    Parameters
    ----------
    days
        UTC days since 2000-01-01T12:00, shape (n,).

    Returns
    -------
    position
        AU, shape (n, 3).
    """
    from astropy import units
    from astropy.coordinates import get_body_barycentric
    from astropy.time import Time

    # TDB less UTC as of 2017. Leap seconds since 1990, and those to come, shift the Earth by less
    # than 400 km; so no table of them is needed that a service would have to keep up to date.
    time = Time(2451545.0, days + 69.184 / 86400, format="jd", scale="tdb")
    barycentric = [get_body_barycentric(body, time, "builtin") for body in ("earth", "sun")]
    difference = (barycentric[0] - barycentric[1]).xyz.to_value(units.au)
    tilt = np.radians(OBLIQUITY_J2000)
    x, y, z = difference
    return np.column_stack(
        [x, np.cos(tilt) * y + np.sin(tilt) * z, -np.sin(tilt) * y + np.cos(tilt) * z]
    )


def kepler_position(elements: KeplerElements, days: NDArray[np.float64]) -> Vectors:
    """Return the position on a Kepler orbit, AU in the ecliptic of J2000, shape (n, 3).

    Parameters
    ----------
    elements
        The orbit.
    days
        Days since J2000, shape (n,).
    """
    e = elements.eccentricity
    longitude = elements.mean_longitude + elements.mean_motion * days
    mean_anomaly = np.radians(longitude - elements.perihelion_longitude)
    eccentric = mean_anomaly + e * np.sin(mean_anomaly)
    for _ in range(6):  # Newton's method: for e < 0.1 the error is below 1e-15 after four steps
        excess = eccentric - e * np.sin(eccentric) - mean_anomaly
        eccentric -= excess / (1 - e * np.cos(eccentric))
    along = elements.semi_major_axis * (np.cos(eccentric) - e)
    across = elements.semi_major_axis * np.sqrt(1 - e**2) * np.sin(eccentric)
    argument = np.radians(elements.perihelion_longitude - elements.node)
    u = along * np.cos(argument) - across * np.sin(argument)
    v = along * np.sin(argument) + across * np.cos(argument)
    node, tilt = np.radians(elements.node), np.radians(elements.inclination)
    return np.column_stack(
        [
            u * np.cos(node) - v * np.cos(tilt) * np.sin(node),
            u * np.sin(node) + v * np.cos(tilt) * np.cos(node),
            v * np.sin(tilt),
        ]
    )


def ecliptic_to_heeq(vectors: Vectors, earth: Vectors) -> Vectors:
    """Rotate heliocentric vectors from the ecliptic of J2000 to HEEQ; any unit, shape (n, 3).

    Parameters
    ----------
    vectors
        What to rotate.
    earth
        The Earth at the same times, in the same frame; only its direction counts.
    """
    tilt, node = np.radians(SOLAR_INCLINATION), np.radians(SOLAR_NODE)
    pole = _solar_pole(tilt, node)
    towards_earth = earth - np.outer(earth @ pole, pole)
    x_axis = towards_earth / np.linalg.norm(towards_earth, axis=1, keepdims=True)
    y_axis = np.cross(np.broadcast_to(pole, x_axis.shape), x_axis)
    return np.column_stack(
        [
            np.einsum("ij,ij->i", vectors, x_axis),
            np.einsum("ij,ij->i", vectors, y_axis),
            vectors @ pole,
        ]
    )


def to_heeq(vectors: Vectors, frame: str, times: NDArray[np.datetime64]) -> Vectors:
    """Turn the positions that data sets have into HEEQ.

    Parameters
    ----------
    vectors
        Shape (n, 3), km; in HGI distance in km, latitude and longitude in degrees.
    frame
        ``HEEQ``; ``HCI`` and ``HGI``, which count longitudes from the ascending node of the solar
        equator on the ecliptic (Fränz & Harper 2002, section 3.2.2; the ecliptics of different
        years move that node by less than 0.02 degrees); or ``GSE``, geocentric, with X to the Sun
        and Z to the north of the ecliptic (section 3.3.3; the ecliptic of J2000 is taken, which
        moves a place at L1 by 100 km).
    times
        UTC, shape (n,).

    Returns
    -------
    positions
        HEEQ, km, shape (n, 3).
    """
    if frame == "HEEQ":
        return vectors
    earth = earth_ecliptic((times.astype("datetime64[us]") - _J2000) / np.timedelta64(1, "D"))
    if frame == "GSE":
        place = earth * KM_PER_AU + _gse_to_ecliptic(vectors, earth)
    elif frame == "HCI":
        place = _hci_to_ecliptic(vectors)
    elif frame == "HGI":
        distance, latitude, longitude = vectors[:, 0], *np.radians(vectors[:, 1:]).T
        place = _hci_to_ecliptic(
            np.column_stack(
                [
                    distance * np.cos(latitude) * np.cos(longitude),
                    distance * np.cos(latitude) * np.sin(longitude),
                    distance * np.sin(latitude),
                ]
            )
        )
    else:
        raise SourceError(f"positions in {frame} are not understood")
    return ecliptic_to_heeq(place, earth)


def _gse_to_ecliptic(vectors: Vectors, earth: Vectors) -> Vectors:
    x_axis = -earth / np.linalg.norm(earth, axis=1, keepdims=True)
    y_axis = np.cross([0.0, 0.0, 1.0], x_axis)
    y_axis /= np.linalg.norm(y_axis, axis=1, keepdims=True)
    z_axis = np.cross(x_axis, y_axis)
    return np.asarray(vectors[:, :1] * x_axis + vectors[:, 1:2] * y_axis + vectors[:, 2:] * z_axis)


def _hci_to_ecliptic(vectors: Vectors) -> Vectors:
    tilt, node = np.radians(SOLAR_INCLINATION), np.radians(SOLAR_NODE)
    x_axis = np.array([np.cos(node), np.sin(node), 0.0])
    z_axis = _solar_pole(tilt, node)
    return np.asarray(vectors @ np.array([x_axis, np.cross(z_axis, x_axis), z_axis]))


def _solar_pole(tilt: float, node: float) -> Vectors:
    return np.array([np.sin(tilt) * np.sin(node), -np.sin(tilt) * np.cos(node), np.cos(tilt)])
