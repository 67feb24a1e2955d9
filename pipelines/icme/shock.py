"""What a fast shock does to the solar wind (Rankine-Hugoniot, quasi-perpendicular, gamma = 5/3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.sources.plasma import BOLTZMANN, PROTON_MASS, VACUUM_PERMEABILITY

GAMMA = 5.0 / 3.0


@dataclass(frozen=True, slots=True)
class ShockJump:
    """Downstream over upstream values across a shock, in its own frame.

    Attributes
    ----------
    compression
        Of density, of the tangential field, and of upstream over downstream normal speed.
    pressure
        Of thermal pressure.
    temperature
        Of temperature.
    """

    compression: float
    pressure: float
    temperature: float


def shock_jump(mach: float) -> ShockJump:
    """Return the jump at a shock of that Mach number.

    The gas-dynamic Rankine-Hugoniot relations (Landau & Lifshitz, Fluid Mechanics, section 89),
    to which the magnetohydrodynamic ones tend when the Mach number is that of the fast mode.

    Raises
    ------
    ValueError
        If the Mach number is below 1: there is no such shock.
    """
    if mach < 1:
        raise ValueError(f"a shock has a Mach number of at least 1, not {mach:g}")
    square = mach**2
    compression = (GAMMA + 1) * square / ((GAMMA - 1) * square + 2)
    pressure = (2 * GAMMA * square - (GAMMA - 1)) / (GAMMA + 1)
    return ShockJump(compression, pressure, pressure / compression)


def fast_speed(density: float, temperature: float, field: float) -> float:
    """Return the speed of the fast mode across the field, sqrt(v_A^2 + c_s^2), in km/s.

    Parameters
    ----------
    density
        Protons, cm-3.
    temperature
        Protons, K; electrons are taken to be as hot.
    field
        nT.
    """
    mass_density = PROTON_MASS * density * 1e6
    alfven_squared = (field * 1e-9) ** 2 / (VACUUM_PERMEABILITY * mass_density)
    sound_squared = GAMMA * 2 * BOLTZMANN * temperature / PROTON_MASS
    return float(np.sqrt(alfven_squared + sound_squared) / 1e3)


def mach_for_speed_jump(jump: float, fast: float) -> float:
    """Return the Mach number of the shock that speeds the wind up by `jump` km/s.

    In the frame of the upstream wind the gas behind a shock of speed M c moves at
    M c (1 - 1/X) = 2 c (M - 1/M) / (gamma + 1), which is solved for M.

    Parameters
    ----------
    jump
        Speed behind the shock less speed ahead of it, km/s, not negative.
    fast
        Speed of the fast mode ahead of it, km/s.
    """
    half = (GAMMA + 1) * jump / (4 * fast)
    return float(half + np.sqrt(half**2 + 1))
