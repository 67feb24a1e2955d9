"""What the magnetometer sees in the wind, the sheath and the magnetosphere of Mercury, simulated.

Magnitudes follow the literature: interplanetary field and Parker angle by heliocentric distance
(James et al. 2017, J. Geophys. Res. 122, 7907), compression at the shock by the Rankine-Hugoniot
relations (at most four), fluctuations of about 0.3 of the field in the sheath, flux-transfer
events of seconds (Slavin et al. 2012, J. Geophys. Res. 117, A00M06), tail lobes of 40 to 60 nT.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.boundaries.mercury import (
    MEAN_PRESSURE,
    dipole_field,
    winslow2013_bow_shock,
    winslow2013_magnetopause,
)
from pipelines.boundaries.shocks import theta_bn
from pipelines.mercury_boundaries.random_series import turbulence, wander, wave

Values = NDArray[np.float64]

#: Interplanetary field at Mercury's mean distance, nT, and how it falls with distance.
_FIELD, _FALL, _MEAN_DISTANCE = 21.0, 1.8, 0.387

#: Sidereal rotation of the Sun, rad/s; wind speed km/s; astronomical unit, km.
_ROTATION, _WIND, _AU = 2.86e-6, 430.0, 1.495978707e8

#: Samples over which the wind's slow changes are smooth: what is faster is its turbulence.
_INERTIA: Final = 30.0

#: Samples a step of everything that changes slowly.
_COARSE: Final = 20


@dataclass(frozen=True)
class Conditions:
    """The wind over the spacecraft, in aberrated axes.

    Attributes
    ----------
    pressure
        Ram pressure, nPa, shape (n,).
    mach
        Alfvénic Mach number, shape (n,).
    field
        Interplanetary magnetic field without its turbulence, nT, shape (n, 3).
    parallel
        How nearly field and shock normal at the nose are parallel, 0 to 1, shape (n,).
    """

    pressure: Values
    mach: Values
    field: Values
    parallel: Values


def wind_conditions(distance: Values, random: np.random.Generator) -> Conditions:
    """Return wind that wanders about what is usual at a distance from the Sun.

    Parameters
    ----------
    distance
        AU, shape (n,).
    random
        Source of chance.
    """
    samples = len(distance)

    def slow(memory: float) -> Values:
        return wander(samples, memory, random, _INERTIA)

    pressure = (
        MEAN_PRESSURE
        * (_MEAN_DISTANCE / distance) ** 2
        * np.exp(0.30 * slow(1.0e5) + 0.25 * slow(3000.0) + 0.10 * slow(400.0))
    )
    mach = np.clip(6.0 * np.exp(0.25 * slow(20000.0)), 2.5, 14.0)
    strength = (
        _FIELD
        * (_MEAN_DISTANCE / distance) ** _FALL
        * np.exp(0.30 * slow(15000.0) + 0.05 * slow(500.0))
    )
    spiral = np.arctan(_ROTATION * distance * _AU / _WIND)
    sector = random.choice([-1.0, 1.0]) * np.sign(slow(60000.0) + random.choice([-1.5, 1.5]))
    turn = 0.45 * slow(6000.0) + 0.2 * slow(300.0)
    rise = 0.40 * slow(3000.0) + 0.2 * slow(200.0)
    angle = np.pi - spiral + turn
    field = (strength * sector)[:, None] * np.column_stack(
        [np.cos(rise) * np.cos(angle), np.cos(rise) * np.sin(angle), np.sin(rise)]
    )
    parallel = np.abs(field[:, 0]) / strength
    return Conditions(pressure, mach, field, parallel)


def field_along(
    place: Values,
    magnetopause: Values,
    bow_shock: Values,
    conditions: Conditions,
    random: np.random.Generator,
) -> Values:
    """Return the magnetic field along a path.

    Parameters
    ----------
    place
        Aberrated MSM, Mercury radii, shape (n, 3).
    magnetopause, bow_shock
        Shell factors: below 1 inside, shape (n,).
    conditions
        Of the wind.
    random
        Source of chance.

    Returns
    -------
    field
        Aberrated axes, nT, shape (n, 3).
    """
    samples = len(place)
    normal = _slowly(place, winslow2013_bow_shock().normal)
    angle = theta_bn(conditions.field, normal)
    wind = _wind(bow_shock, angle, conditions, random)
    sheath = _sheath(place, magnetopause, bow_shock, angle, normal, conditions, random)
    inner = _magnetosphere(place, magnetopause, conditions, random)
    # Boundaries have a thickness: a shock of seconds, a magnetopause of up to half a minute, both
    # as widths of the shell factor that the moving boundary sweeps over the spacecraft.
    behind = _blend(bow_shock, _ramp(bow_shock, 3.0 + 15.0 * (angle < 45)))
    within = _blend(magnetopause, _ramp(magnetopause, random.uniform(4.0, 25.0)))
    outer = wind + behind[:, None] * (sheath - wind)
    near = np.exp(-(((magnetopause - 1.0) / 0.08) ** 2)) * (place[:, 0] > -2.5)
    events = _flux_transfer_events(samples, near, normal, random)
    return np.asarray(outer + within[:, None] * (inner - outer) + events)


def _slowly(place: Values, question: Callable[[Values], Values]) -> Values:
    """Ask for vectors at every `_COARSE`-th place, and interpolate."""
    index = np.arange(0, len(place), _COARSE)
    answers = question(place[index])
    # In the direction of the open tail a surface has no normal: there it is across the axis.
    across = place[index] * np.array([0.0, 1.0, 1.0]) + np.array([0.0, 0.0, 1e-6])
    answers = np.where(np.isfinite(answers), answers, across)
    everywhere = np.arange(len(place))
    joined = np.column_stack([np.interp(everywhere, index, each) for each in answers.T])
    return np.asarray(joined / np.linalg.norm(joined, axis=1, keepdims=True))


def _ramp(shell: Values, seconds: Values | float) -> Values:
    """Return the width of a boundary in units of the shell factor, from its usual speed."""
    return np.maximum(0.0008 * seconds * np.ones(len(shell)), 1e-5)


def _blend(shell: Values, width: Values) -> Values:
    """Return 1 inside, 0 outside, with a smooth step."""
    return np.asarray(0.5 * (1.0 - np.tanh(np.clip((shell - 1.0) / width, -20, 20))))


def _wind(
    bow_shock: Values, angle: Values, conditions: Conditions, random: np.random.Generator
) -> Values:
    """Return interplanetary field with turbulence and, where the field leads to it, foreshock."""
    samples = len(bow_shock)
    strength = np.linalg.norm(conditions.field, axis=1)
    noise = turbulence(samples, random, (2.0, 8.0, 30.0, 120.0, 500.0))
    # Alfvénic: the strength of the field changes less than its direction.
    unit = conditions.field / strength[:, None]
    noise -= 0.7 * np.sum(noise * unit, axis=1, keepdims=True) * unit
    level = 0.125 * np.exp(0.95 * wander(samples, 2500.0, random))
    connected = 1.0 / (1.0 + np.exp((angle - 45.0) / 5.0))
    foreshock = connected * np.exp(-np.clip(bow_shock - 1.0, 0, None) / 0.35)
    low = wave(samples, random.uniform(5, 12), random)
    waves = np.column_stack([0.4 * low[:, 1], low[:, 0], low[:, 1]])
    whistler = turbulence(samples, random, (0.7, 1.5), 0.0)
    return np.asarray(
        conditions.field
        + strength[:, None]
        * (
            (level * 0.6)[:, None] * noise
            + (0.25 * foreshock)[:, None] * waves
            + (0.12 * foreshock)[:, None] * whistler
        )
    )


def _sheath(
    place: Values,
    magnetopause: Values,
    bow_shock: Values,
    angle: Values,
    normal: Values,
    conditions: Conditions,
    random: np.random.Generator,
) -> Values:
    """Return compressed, draped, turbulent field behind the shock."""
    samples = len(place)
    # The flow meets an oblique shock on the flanks: only its normal part is shocked.
    mach = conditions.mach * np.clip(normal[:, 0], 0.3, 1.0)
    jump = np.clip(4.0 * mach**2 / (mach**2 + 3.0), 1.2, 4.0)
    along = np.sum(conditions.field * normal, axis=1, keepdims=True) * normal
    depth = np.clip((1.0 - bow_shock) / np.clip(magnetopause - bow_shock, 0.05, None), 0, 1)
    pile_up = 1.0 + 0.5 * depth * np.clip(normal[:, 0], 0, 1)
    draped = along * (1.0 - 0.8 * depth[:, None]) + (jump * pile_up)[:, None] * (
        conditions.field - along
    )
    strength = np.linalg.norm(draped, axis=1)
    behind = np.clip(1.0 - bow_shock, 0, None)
    overshoot = 1.0 + 0.5 * (angle > 45) * np.exp(-behind / 0.012)
    level = 0.125 * np.exp(0.85 * wander(samples, 1500.0, random))
    level = level * (1.0 + 0.8 * (angle < 45)) * (0.6 + 0.6 * np.exp(-behind / 0.15))
    noise = turbulence(samples, random, (1.5, 5.0, 20.0, 60.0, 200.0), 0.2)
    mirror = np.clip(wander(samples, 6.0, random), -2.0, 1.0) * 0.6
    waves = wave(samples, random.uniform(3, 8), random)
    transverse = np.column_stack([waves[:, 0], waves[:, 1], 0.5 * waves[:, 0]])
    return np.asarray(
        draped * (overshoot + level * mirror)[:, None]
        + (strength * level)[:, None] * (0.75 * noise + 0.35 * transverse)
    )


def _magnetosphere(
    place: Values, magnetopause: Values, conditions: Conditions, random: np.random.Generator
) -> Values:
    """Return the dipole with the currents of magnetopause and tail, nearly without turbulence."""
    samples = len(place)
    distance = np.linalg.norm(place, axis=1)
    dipole = dipole_field(place / np.maximum(1.0, 0.4 / distance)[:, None])
    # Pressure balance at the nose: the field just inside doubles that of the dipole there.
    squeeze = (conditions.pressure / MEAN_PRESSURE) ** 0.5
    nose = winslow2013_magnetopause().standoff
    image = 190.0 / nose**3 * squeeze * np.exp(np.clip(place[:, 0] - nose, -6, 1) / 1.2)
    tail = np.clip(-(place[:, 0] + 0.6) / 0.8, 0, 1)
    lobe = 48.0 * squeeze * tail * np.clip(-place[:, 0] / 2.0, 1.0, None) ** -0.6
    sheet = np.tanh(place[:, 2] / (0.35 + 0.1 * wander(samples, 3000.0, random)).clip(0.15))
    field = dipole * (1.0 - 0.5 * tail)[:, None]
    field[:, 0] += lobe * sheet
    field[:, 1] += 0.25 * lobe * sheet * place[:, 1] / np.maximum(distance, 1.0)
    field[:, 2] += image
    strength = np.linalg.norm(field, axis=1)
    quiet = 0.012 + 0.10 * np.exp(-np.clip(1.0 - magnetopause, 0, None) / 0.06)
    quiet = quiet + 0.12 * tail * (1.0 - sheet**2)
    quiet = 0.7 * quiet * np.exp(0.8 * wander(samples, 1500.0, random))
    noise = turbulence(samples, random, (2.0, 10.0, 40.0, 150.0))
    level = np.minimum(strength, 80.0) * quiet
    # The cusp: depressed and disturbed field over the northern polar dayside.
    cusp = np.exp(-(((place[:, 0] - 0.55 * place[:, 2]) / 0.15) ** 2)) * (place[:, 2] > 0.4)
    depression = np.clip(0.15 * cusp * (1.0 + 0.5 * wander(samples, 20.0, random)), 0, 0.5)
    return np.asarray(field * (1.0 - depression)[:, None] + level[:, None] * noise)


def _flux_transfer_events(
    samples: int, near: Values, normal: Values, random: np.random.Generator
) -> Values:
    """Return bipolar signatures with a strong core, in showers near the magnetopause."""
    events = np.zeros((samples, 3))
    candidates = np.flatnonzero(near > 0.05)
    if candidates.size == 0:
        return events
    rate = 1.0 / 60.0 * np.exp(random.normal(0, 0.8))
    for _ in range(random.poisson(rate * float(near.sum()))):
        middle = int(random.choice(candidates))
        if random.random() > near[middle]:
            continue
        width = float(np.exp(random.normal(0.6, 0.4)))
        reach = int(6 * width) + 1
        index = np.arange(max(middle - reach, 0), min(middle + reach + 1, samples))
        t = (index - middle) / width
        size = 12.0 * np.exp(0.5 * random.normal())
        core = random.normal(size=3)
        core -= core @ normal[middle] * normal[middle]
        core /= np.linalg.norm(core)
        events[index] += size * (
            (1.65 * random.choice([-1, 1]) * t * np.exp(-0.5 * t**2))[:, None] * normal[middle]
            + (1.5 * np.exp(-0.5 * t**2))[:, None] * core
        )
    return events
