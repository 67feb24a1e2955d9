"""Ion energy spectra as an electrostatic analyser sees them, averaged over all directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

#: CODATA 2018: kg, J/eV.
_PROTON_MASS, _ELECTRON_VOLT = 1.67262192369e-27, 1.602176634e-19

#: Resolution dE/E of the ion spectrometers of MMS, full width at half maximum (Pollock et al.
#: 2016, Space Sci. Rev. 199, 331, table 1).
ENERGY_RESOLUTION = 0.13


def energy_table(low: float = 10.0, high: float = 30_000.0, count: int = 32) -> Values:
    """Return logarithmic energies, eV, ascending: 10 eV to 30 keV (Pollock et al. 2016)."""
    return np.asarray(np.geomspace(low, high, count))


def maxwellian_flux(energy: Values, density: Values, speed: Values, temperature: Values) -> Values:
    """Return the energy flux of drifting Maxwellian protons, averaged over all directions.

    A Maxwellian of thermal speed w that drifts with V has the mean over directions
    n / (pi^1.5 w^3) exp(-(v - V)^2 / w^2) (1 - exp(-4 v V / w^2)) w^2 / (4 v V), and the
    differential energy flux is v^4 / 2 times that.

    Parameters
    ----------
    energy
        eV, shape (k,).
    density, speed, temperature
        cm-3, km/s, eV; shapes that broadcast, say (n,).

    Returns
    -------
    flux
        eV/(cm2 s sr eV), shape (n, k).
    """
    density, speed, temperature = (
        np.asarray(each, dtype=np.float64)[..., None] for each in (density, speed, temperature)
    )
    v = 100.0 * np.sqrt(2 * energy * _ELECTRON_VOLT / _PROTON_MASS)
    w = 100.0 * np.sqrt(2 * temperature * _ELECTRON_VOLT / _PROTON_MASS)
    drift = 1e5 * np.maximum(speed, 1e-3)
    ratio = 4 * v * drift / w**2
    mean = np.exp(-(((v - drift) / w) ** 2)) * -np.expm1(-ratio) / ratio
    return np.asarray(0.5 * v**4 * density * mean / (np.pi**1.5 * w**3))


def power_law_flux(energy: Values, level: Values, index: Values, lowest: Values) -> Values:
    """Return a tail ``level (E / 10 keV)^-index`` above `lowest` eV, shape (n, k)."""
    level, index, lowest = (np.asarray(each)[..., None] for each in (level, index, lowest))
    return np.asarray(level * (energy / 1e4) ** -index / (1 + (lowest / energy) ** 4))
