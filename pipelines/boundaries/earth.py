"""Average boundaries of the Earth's magnetosphere; lengths in Earth radii.

References
----------
- J.-H. Shue et al. (1998), J. Geophys. Res. 103, 17691, equations 10 and 11.
- K. Jelínek, Z. Němeček, J. Šafránková (2012), J. Geophys. Res. 117, A05208, table 2.
- M. H. Farris, C. T. Russell (1994), J. Geophys. Res. 99, 17681, equation 10.
"""

from __future__ import annotations

from math import log, tanh

from pipelines.boundaries.shapes import JelinekSurface, ShueSurface

#: Kilometres; IAU 2015 resolution B3, nominal equatorial radius.
EARTH_RADIUS = 6378.1

#: nPa of one proton per cm3 at 1 km/s: the proton's mass in CODATA 2018, 1.67262192e-27 kg.
_PROTON_PRESSURE = 1.67262192e-6

#: Nose (R_E), stretch and exponent of pressure: Jelínek et al. (2012).
_JELINEK_BOW_SHOCK = (15.02, 1.17, 6.55)
_JELINEK_MAGNETOPAUSE = (12.82, 1.54, 5.26)


def dynamic_pressure(density: float, speed: float, alphas: float = 0.0) -> float:
    """Return the dynamic pressure of solar wind in nPa.

    Parameters
    ----------
    density
        Of protons, cm-3.
    speed
        km/s.
    alphas
        Number of alpha particles to one proton; 0.04 is usual and adds 16 per cent.
    """
    return _PROTON_PRESSURE * (1.0 + 4.0 * alphas) * density * speed**2


def shue1998(pressure: float, bz: float) -> ShueSurface:
    """Return the magnetopause of Shue et al. (1998).

    Parameters
    ----------
    pressure
        Dynamic pressure of the solar wind, nPa, positive.
    bz
        Northward component of the interplanetary field in GSM, nT.

    Raises
    ------
    ValueError
        If the pressure is not positive.
    """
    _positive(pressure)
    nose = (10.22 + 1.29 * tanh(0.184 * (bz + 8.14))) * pressure ** (-1 / 6.6)
    return ShueSurface(nose, (0.58 - 0.007 * bz) * (1.0 + 0.024 * log(pressure)))


def jelinek2012_bow_shock(pressure: float) -> JelinekSurface:
    """Return the bow shock of Jelínek et al. (2012) for a dynamic pressure in nPa.

    Raises
    ------
    ValueError
        If the pressure is not positive.
    """
    return _jelinek(pressure, *_JELINEK_BOW_SHOCK)


def jelinek2012_magnetopause(pressure: float) -> JelinekSurface:
    """Return the magnetopause of Jelínek et al. (2012) for a dynamic pressure in nPa.

    Raises
    ------
    ValueError
        If the pressure is not positive.
    """
    return _jelinek(pressure, *_JELINEK_MAGNETOPAUSE)


def farris_russell_standoff(magnetopause: float, mach: float, gamma: float = 5 / 3) -> float:
    """Return the stand-off distance of a bow shock before an obstacle (Farris & Russell 1994).

    Unlike the older formula with the density jump it goes to infinity where the flow is no longer
    faster than the waves.

    Parameters
    ----------
    magnetopause
        Stand-off distance of the obstacle, any unit.
    mach
        Magnetosonic Mach number upstream, above 1.
    gamma
        Ratio of specific heats.

    Raises
    ------
    ValueError
        If the flow is not supersonic.
    """
    if mach <= 1:
        raise ValueError(f"at a Mach number of {mach:g} there is no shock")
    jump = ((gamma - 1.0) * mach**2 + 2.0) / ((gamma + 1.0) * (mach**2 - 1.0))
    return magnetopause * (1.0 + 1.1 * jump)


def _jelinek(pressure: float, nose: float, stretch: float, exponent: float) -> JelinekSurface:
    _positive(pressure)
    return JelinekSurface(nose * pressure ** (-1 / exponent), stretch)


def _positive(pressure: float) -> None:
    if not pressure > 0:
        raise ValueError(f"a dynamic pressure of {pressure:g} nPa holds no boundary")
