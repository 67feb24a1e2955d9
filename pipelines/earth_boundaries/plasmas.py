"""What a spacecraft measures in each region, simulated: jump at the shock, sheath, magnetosphere.

All functions take and give arrays of n samples: density cm-3, velocity km/s in GSE, temperature of
the ions in eV, field in nT in GSE.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.earth_boundaries.upstream import Upstream, red_noise

Values = NDArray[np.float64]

#: Ratio of specific heats.
_GAMMA = 5 / 3

#: Kinetic energy of a proton of 1 km/s, eV.
_EV = 5.2197e-3

#: Share of the shock's heat that ions get.
_ION_SHARE = 0.8

#: Field of the dipole on the equator at one Earth radius, nT (Alken et al. 2021, IGRF-13).
_DIPOLE = 29_800.0


@dataclass(frozen=True)
class Plasma:
    """Moments and field of n samples.

    Attributes
    ----------
    density, temperature
        cm-3 and eV, shape (n,).
    velocity, field
        km/s and nT, shape (n, 3).
    """

    density: Values
    velocity: Values
    temperature: Values
    field: Values

    def where(self, chosen: NDArray[np.bool_], other: Plasma) -> Plasma:
        """Return this plasma where `chosen`, the other elsewhere."""
        rows = chosen[:, None]
        return Plasma(
            np.where(chosen, self.density, other.density),
            np.where(rows, self.velocity, other.velocity),
            np.where(chosen, self.temperature, other.temperature),
            np.where(rows, self.field, other.field),
        )


def solar_wind(wind: Upstream, strength: Values, random: np.random.Generator) -> Plasma:
    """Return what is measured in the wind, with waves and warm ions where there is foreshock.

    Parameters
    ----------
    wind
        Undisturbed.
    strength
        Of the foreshock, 0 to 1, shape (n,).
    random
        Of the waves.
    """
    count = len(strength)
    size = np.linalg.norm(wind.field, axis=1, keepdims=True)
    waves = np.column_stack([red_noise(random, count, 1.6) for _ in range(3)])
    field = wind.field + (0.02 + 0.45 * strength)[:, None] * size * waves
    ripple = red_noise(random, count, 2.0)
    density = wind.density * (1 - 0.08 * strength) * np.exp((0.02 + 0.12 * strength) * ripple)
    side = np.column_stack([red_noise(random, count, 2.0) for _ in range(3)])
    velocity = (3 + 22 * strength)[:, None] * side
    velocity[:, 0] -= wind.speed * (1 - 0.06 * strength)
    velocity[:, 1] += 29.8  # the Earth moves towards -y
    warm = strength * 160 * np.exp(0.4 * red_noise(random, count, 12.0))
    return Plasma(density, velocity, wind.temperature + warm, field)


def compression(mach: Values) -> Values:
    """Return the ratio of densities at a perpendicular shock of a Mach number, at most 4."""
    square = np.maximum(mach, 1.05) ** 2
    return np.asarray((_GAMMA + 1) * square / ((_GAMMA - 1) * square + 2))


def magnetosheath(
    wind: Upstream,
    normal: Values,
    depth: Values,
    parallel: NDArray[np.bool_],
    random: np.random.Generator,
) -> Plasma:
    """Return shocked wind that flows around the magnetosphere.

    Parameters
    ----------
    wind
        Upstream.
    normal
        Of the bow shock, outward, shape (n, 3).
    depth
        0 at the shock, 1 at the magnetopause, shape (n,).
    parallel
        Whether the shock nearby is quasi-parallel: more turbulence, shape (n,).
    random
        Of the turbulence.
    """
    count = len(depth)
    cosine = np.clip(normal[:, 0], 0.2, 1.0)
    ratio = compression(wind.magnetosonic_mach() * cosine)
    flow = np.zeros((count, 3))
    flow[:, 0] = -wind.speed
    along = np.sum(flow * normal, axis=1, keepdims=True) * normal
    velocity = flow - along + along / ratio[:, None]
    # Towards the magnetopause the flow turns until it is tangential, and rests at the nose.
    velocity = velocity - depth[:, None] * along / ratio[:, None]
    velocity[:, 1] += 29.8
    lost = _EV * np.sum(along**2, axis=1) * (1 - 1 / ratio**2)
    temperature = wind.temperature + _ION_SHARE * 0.4 * lost * (1 + 0.2 * depth)
    through = np.sum(wind.field * normal, axis=1, keepdims=True) * normal
    field = (wind.field - through) * (ratio * (1 + 0.5 * depth))[:, None]
    field = field + through * (1 - 0.7 * depth)[:, None]
    size = np.linalg.norm(field, axis=1, keepdims=True)
    unrest = np.where(parallel, 0.35, 0.18) * np.exp(0.3 * red_noise(random, count, 240.0))
    turbulence = np.column_stack([red_noise(random, count, 5.0) for _ in range(3)])
    field = field + unrest[:, None] * size * turbulence
    mirror = red_noise(random, count, 4.0)
    velocity = velocity + 28 * np.column_stack([red_noise(random, count, 6.0) for _ in range(3)])
    return Plasma(
        wind.density * ratio * (1 + 0.2 * depth * cosine**2) * np.exp(0.6 * unrest * mirror),
        velocity,
        temperature * np.exp(0.08 * red_noise(random, count, 8.0)),
        field,
    )


def magnetosphere(position: Values, axis: Values, random: np.random.Generator) -> Plasma:
    """Return what is measured inside: dipole, tail, hot plasma, cold plasma near the Earth.

    Between the equator and the lobes density and temperature fall; the cusp is not simulated.

    Parameters
    ----------
    position
        GSE, Earth radii, shape (n, 3).
    axis
        Northern end of the dipole axis in GSE, shape (n, 3).
    random
        Of the variations.
    """
    count = len(position)
    distance = np.linalg.norm(position, axis=1)
    unit = position / distance[:, None]
    along = np.sum(unit * axis, axis=1, keepdims=True)
    field = _DIPOLE / distance[:, None] ** 3 * (axis - 3 * along * unit)
    height = np.sum(position * axis, axis=1)
    tail = np.clip(-(position[:, 0] + 5) / 6, 0, 1)
    field[:, 0] += tail * 22 * np.tanh(height / 2.5)
    field[:, 2] += 18 * np.clip((position[:, 0] - 2) / 6, 0, 1) + 2 * tail
    field = field * (1 + 0.02 * red_noise(random, count, 20.0))[:, None]
    lobe = 1 / (1 + np.exp(-(np.abs(height) - 6.5 - 1.2 * red_noise(random, count, 480.0)) / 0.6))
    slow, quick = red_noise(random, count, 360.0), red_noise(random, count, 8.0)
    density = 0.45 * np.exp(0.5 * slow + 0.15 * quick - 1.9 * lobe)
    heat = 4000 * np.exp(0.35 * red_noise(random, count, 360.0) + 0.1 * quick - 2.3 * lobe)
    cold = 1 / (1 + np.exp((distance - 4.8) / 0.25))
    density = density + 25 * cold
    heat = heat * (1 - 0.97 * cold)
    calm = np.column_stack([red_noise(random, count, 12.0) for _ in range(3)])
    velocity = (18 + 22 * tail * (1 - lobe))[:, None] * calm
    return Plasma(density, velocity, heat, field)
