"""Quantities derived from the moments of the solar wind, in the units that data sets use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

#: CODATA 2018 (exact since the SI of 2019, but for the mass and the permeability).
BOLTZMANN = 1.380649e-23
PROTON_MASS = 1.67262192369e-27
VACUUM_PERMEABILITY = 1.25663706212e-6

#: Speed at which the expected temperature changes its law, km/s (Lopez 1987).
_LOPEZ_BREAK = 500.0


def plasma_beta(density: Values, temperature: Values, field: Values) -> Values:
    """Return the proton plasma beta, n k T / (B^2 / 2 mu0).

    Parameters
    ----------
    density
        Proton density, cm-3.
    temperature
        Proton temperature, K.
    field
        Magnetic field magnitude, nT.
    """
    thermal = density * 1e6 * BOLTZMANN * temperature
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(thermal / ((field * 1e-9) ** 2 / (2 * VACUUM_PERMEABILITY)))


def dynamic_pressure(density: Values, speed: Values) -> Values:
    """Return the dynamic pressure of the protons, m_p n V^2, in nPa.

    Parameters
    ----------
    density
        Proton density, cm-3.
    speed
        Bulk speed, km/s.
    """
    return np.asarray(PROTON_MASS * density * 1e6 * (speed * 1e3) ** 2 * 1e9)


def expected_temperature(speed: Values) -> Values:
    """Return the proton temperature, K, that wind of this speed (km/s) usually has at 1 AU.

    Lopez (1987, J. Geophys. Res. 92, 11189): (0.031 V - 5.1)^2 10^3 K below 500 km/s and
    (0.51 V - 142) 10^3 K above. Interplanetary coronal mass ejections are colder than that by
    a factor of two or more (Richardson & Cane 1995, J. Geophys. Res. 100, 23397).
    """
    slow = (0.031 * speed - 5.1) ** 2
    fast = 0.51 * speed - 142.0
    return np.asarray(1e3 * np.where(speed < _LOPEZ_BREAK, slow, fast))


def temperature_ratio(temperature: Values, speed: Values) -> Values:
    """Return temperature over expected temperature, both in K; see `expected_temperature`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(temperature / expected_temperature(speed))


def thermal_speed_to_temperature(speed: Values) -> Values:
    """Return m_p w^2 / 2 k in K for a most probable thermal speed w of protons in km/s."""
    return np.asarray(PROTON_MASS * (speed * 1e3) ** 2 / (2 * BOLTZMANN))
