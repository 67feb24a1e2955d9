"""Average boundaries of Mercury's magnetosphere; lengths in Mercury radii, about the dipole.

The models live in aberrated MSM: x towards the apparent source of the solar wind, origin at the
dipole, which lies north of the planet's centre.

References
----------
- R. M. Winslow et al. (2013), J. Geophys. Res. Space Phys. 118, 2213: both boundaries.
- B. J. Anderson et al. (2012), J. Geophys. Res. 117, E00L12: dipole, 190 nT R_M**3, 479 km north.
"""

from __future__ import annotations

from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.boundaries.shapes import ConicSurface, ShueSurface

Values = NDArray[np.float64]

#: Kilometres; IAU 2015 (Archinal et al. 2018), mean radius.
MERCURY_RADIUS: Final = 2439.7

#: Kilometres from the planet's centre to the dipole, northward (Anderson et al. 2012).
DIPOLE_OFFSET: Final = 479.0

#: nT at one radius on the equator of the dipole; the field points north there.
DIPOLE_MOMENT: Final = 190.0

#: Winslow et al. (2013): stand-off of the magnetopause at 1 nPa, exponent, flaring; and the mean
#: ram pressure of the solar wind over MESSENGER's mission, nPa.
_MAGNETOPAUSE_NOSE, _PRESSURE_EXPONENT, _FLARING = 2.15, -1 / 6.02, 0.5
MEAN_PRESSURE: Final = 14.3

#: Winslow et al. (2013), fit to the midpoints of bow shock crossings: focus, semilatus rectum,
#: eccentricity.
_BOW_SHOCK = (0.5, 2.75, 1.04)

#: Winslow et al. (2013), abstract: stand-off distances at two Alfvénic Mach numbers.
_MACH_LOW, _STANDOFF_LOW = 4.12, 2.29
_MACH_HIGH, _STANDOFF_HIGH = 11.8, 1.89


def winslow2013_magnetopause(pressure: float = MEAN_PRESSURE) -> ShueSurface:
    """Return the magnetopause for a ram pressure in nPa; 1.35 R_M to 1.55 R_M in usual wind.

    Raises
    ------
    ValueError
        If the pressure is not positive.
    """
    if not pressure > 0:
        raise ValueError(f"a ram pressure of {pressure:g} nPa holds no magnetopause")
    return ShueSurface(_MAGNETOPAUSE_NOSE * pressure**_PRESSURE_EXPONENT, _FLARING)


def winslow2013_bow_shock(mach: float | None = None) -> ConicSurface:
    """Return the bow shock, the average one or that of an Alfvénic Mach number.

    The published dependence is given by two stand-off distances; between and beyond them the
    logarithm of the distance is taken to be linear in that of the Mach number, and the surface is
    scaled about its focus so that its nose stands there.

    Raises
    ------
    ValueError
        If the Mach number is not above 1.
    """
    focus, parameter, eccentricity = _BOW_SHOCK
    if mach is None:
        return ConicSurface(focus, parameter, eccentricity)
    if mach <= 1:
        raise ValueError(f"at a Mach number of {mach:g} there is no shock")
    slope = log(_STANDOFF_HIGH / _STANDOFF_LOW) / log(_MACH_HIGH / _MACH_LOW)
    nose = _STANDOFF_LOW * (mach / _MACH_LOW) ** slope
    return ConicSurface(focus, (nose - focus) * (1.0 + eccentricity), eccentricity)


def dipole_field(position: Values) -> Values:
    """Return the field of Mercury's dipole in nT.

    Parameters
    ----------
    position
        MSM (origin at the dipole, z along its axis) in Mercury radii, shape (..., 3), not zero.

    Returns
    -------
    field
        Shape (..., 3).
    """
    position = np.asarray(position, dtype=np.float64)
    distance = np.linalg.norm(position, axis=-1, keepdims=True)
    along = position[..., 2:3]
    axis = np.array([0.0, 0.0, 1.0])
    # The moment points south (190 nT R_M**3, negative), so that the field on the equator is north.
    return np.asarray(-DIPOLE_MOMENT * (3.0 * along * position / distance**5 - axis / distance**3))
