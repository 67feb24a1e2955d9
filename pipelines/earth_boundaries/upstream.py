"""Simulated solar wind upstream of the Earth: what drives the boundaries and fills the sheath.

Means and spreads are those of the wind at 1 AU (Wilson et al. 2018, ApJS 236, 41, table 2); each
quantity is a sum of random processes that forget over hours and over minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Values = NDArray[np.float64]

#: Angular speed of the Sun's rotation, rad/s, and the astronomical unit, km: Parker's spiral.
_ROTATION, _AU = 2.86e-6, 1.495978707e8

#: m_p in kg, mu_0, k_B per eV in J: CODATA 2018.
_PROTON_MASS, _MU0, _EV = 1.67262192369e-27, 1.25663706212e-6, 1.602176634e-19

#: Share of alpha particles by number in the dynamic pressure.
ALPHAS = 0.04

#: Electrons of the solar wind, eV (Newbury et al. 1998, J. Geophys. Res. 103, 9553).
_ELECTRONS = 12.2


@dataclass(frozen=True)
class Upstream:
    """Solar wind at n times.

    Attributes
    ----------
    density, speed, temperature
        cm-3, km/s, eV, shape (n,).
    field
        nT in GSE, shape (n, 3).
    """

    density: Values
    speed: Values
    temperature: Values
    field: Values

    def magnetosonic_mach(self) -> Values:
        """Return speed over that of fast waves across the field, shape (n,)."""
        mass = _PROTON_MASS * self.density * 1e6
        magnetic = (np.linalg.norm(self.field, axis=1) * 1e-9) ** 2 / (_MU0 * mass)
        sound = 5 / 3 * (self.temperature + _ELECTRONS) * _EV / _PROTON_MASS
        return np.asarray(self.speed * 1e3 / np.sqrt(magnetic + sound))


def red_noise(random: np.random.Generator, count: int, memory: float) -> Values:
    """Return an Ornstein-Uhlenbeck process of unit variance, shape (n,).

    Parameters
    ----------
    random
        Where numbers come from.
    count
        Length.
    memory
        Samples over which it forgets.
    """
    keep = np.exp(-1 / memory)
    fresh = random.standard_normal(count) * np.sqrt(1 - keep**2)
    fresh[0] = random.standard_normal()
    return np.asarray(lfilter([1.0], [1.0, -keep], fresh))


def smooth_noise(random: np.random.Generator, count: int, memory: float) -> Values:
    """Return smooth noise of about unit variance: an Ornstein-Uhlenbeck process, filtered again.

    Its derivative is bounded, so that a boundary that follows it has a speed.
    """
    keep = np.exp(-1 / memory)
    once = red_noise(random, count + int(10 * memory), memory)
    twice = lfilter([1 - keep], [1.0, -keep], once)[-count:]
    # A process that forgets with e^-1/tau, filtered by the same, keeps half of its variance.
    return np.asarray(twice * np.sqrt(2.0))


def simulate_upstream(random: np.random.Generator, minutes: int) -> Upstream:
    """Simulate solar wind, one sample a minute."""
    hour = 60.0
    speed = 420 + 85 * red_noise(random, minutes, 45 * hour) + 6 * red_noise(random, minutes, 40)
    speed = np.clip(speed, 280, 800)
    # Momentum flux varies less than density: N V^2 is about constant.
    slow = red_noise(random, minutes, 8 * hour)
    quick = red_noise(random, minutes, 25.0)
    density = 6.0 * (420 / speed) ** 2 * np.exp(0.40 * slow + 0.10 * quick)
    jumps = _steps(random, minutes, 7 * hour, 0.22)
    density = density * np.exp(jumps)
    temperature = 9.0 * (speed / 420) ** 2.5 * np.exp(0.3 * red_noise(random, minutes, 3 * hour))
    return Upstream(density, speed, temperature, _field(random, speed, minutes))


def _field(random: np.random.Generator, speed: Values, minutes: int) -> Values:
    """Return Parker's spiral with sectors, turned about by waves and discontinuities, GSE, nT."""
    hour = 60.0
    size = 5.3 * np.exp(0.33 * red_noise(random, minutes, 10 * hour))
    spiral = np.arctan(_ROTATION * _AU / speed)
    sector = np.where(np.sin(2 * np.pi * (np.arange(minutes) / (9.5 * 1440) + random.random())) > 0,
                      1.0, -1.0)  # fmt: skip
    turn = 0.45 * red_noise(random, minutes, 4 * hour) + 0.10 * red_noise(random, minutes, 4.0)
    turn = turn + _steps(random, minutes, 2.5 * hour, 0.35)
    rise = 0.38 * red_noise(random, minutes, 2 * hour) + 0.09 * red_noise(random, minutes, 4.0)
    rise = rise + _steps(random, minutes, 2.5 * hour, 0.25)
    angle = spiral + turn
    return (sector * size)[:, None] * np.column_stack(
        [-np.cos(rise) * np.cos(angle), np.cos(rise) * np.sin(angle), np.sin(rise)]
    )


def _steps(random: np.random.Generator, count: int, every: float, size: float) -> Values:
    """Return a function that jumps at random times to random heights, shape (n,)."""
    jumps = random.random(count) < 1 / every
    heights = size * random.standard_normal(int(jumps.sum()) + 1)
    return np.asarray(heights[np.cumsum(jumps)])
