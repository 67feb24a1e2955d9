"""Simulated windows of MMS in the six regions, with labels.

Each window is a sum of drifting Maxwellians and power-law tails whose parameters are drawn from
ranges that the literature gives for the region, seen through an analyser with counting noise and
penetrating radiation. No labelled window enters, so weights that learnt from these windows carry
the licence of this project alone; but that real windows lie within the ranges was looked at in
quantiles (`README.md` says what that means for the scores).

Ranges: solar wind, Wilson et al. (2018, ApJS 236, 41); foreshock, Eastwood et al. (2005, Space Sci.
Rev. 118, 41); magnetosheath, Dimmock & Nykyri (2013, J. Geophys. Res. 118, 4963) and Phan et al.
(1994, J. Geophys. Res. 99, 121); plasma sheet, Baumjohann et al. (1989, J. Geophys. Res. 94, 6597);
lobe, Svenes et al. (2008, Ann. Geophys. 26, 2845); widened, since orbits and times of activity
differ from one study to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.earth_boundaries.regions import WINDOW_REGIONS
from pipelines.earth_boundaries.spectra import (
    energy_table,
    maxwellian_flux,
    power_law_flux,
)
from pipelines.earth_boundaries.windows import STEPS, Windows

Values = NDArray[np.float64]

#: Energy of a proton of 1 km/s, eV.
_EV_PER_KM2_S2 = 5.2197e-3

#: Steps over which fluctuations of a window stay alike.
_MEMORY = 4.0


@dataclass(frozen=True)
class _Population:
    """Protons (or what the analyser takes for them) of n windows; all arrays have shape (n,)."""

    density: Values
    speed: Values
    temperature: Values


@dataclass(frozen=True)
class _State:
    """What n windows of a region have on average.

    `tail` is level at 10 keV (eV/(cm2 s sr eV)), index and lowest energy (eV) of a power law;
    `unrest` and `ripple` are relative fluctuations of the field and of the flux; `shielding` scales
    the penetrating radiation.
    """

    populations: tuple[_Population, ...]
    tail: tuple[Values, Values, Values]
    field: Values
    unrest: Values
    ripple: Values
    x: Values


def _log(random: np.random.Generator, low: float, high: float, count: int) -> Values:
    return np.exp(random.uniform(np.log(low), np.log(high), count))


def _no_tail(count: int) -> tuple[Values, Values, Values]:
    return np.zeros(count), np.ones(count), np.full(count, 1e3)


def _stream(random: np.random.Generator, count: int) -> tuple[_Population, _Population]:
    """Return protons and alpha particles of the solar wind.

    An alpha particle of the same speed has twice the energy per charge of a proton, so that it
    looks like a proton that is faster by the root of two.
    """
    density, speed = _log(random, 1.5, 25, count), _log(random, 290, 750, count)
    heat = _log(random, 4, 30, count) * (speed / 420) ** 1.5
    share = _log(random, 0.005, 0.06, count)
    alphas = _Population(share * density, np.sqrt(2) * speed, 2 * heat)
    return _Population(density, speed, heat), alphas


def _solar_wind(random: np.random.Generator, count: int) -> _State:
    return _State(
        populations=_stream(random, count),
        tail=_no_tail(count),
        field=_log(random, 1.5, 16, count),
        unrest=_log(random, 0.004, 0.08, count),
        ripple=_log(random, 0.01, 0.08, count),
        x=random.uniform(-2, 26, count),
    )


def _foreshock(random: np.random.Generator, count: int) -> _State:
    # Backstreaming ions, from a beam of a few keV to a diffuse tail up to the end of the scale.
    proton, alphas = _stream(random, count)
    returned = _Population(
        proton.density * _log(random, 0.002, 0.05, count),
        proton.speed * random.uniform(1.0, 2.2, count),
        _log(random, 200, 2500, count),
    )
    level = 10 ** random.uniform(4.3, 6.0, count)
    tail = (level, random.uniform(-0.2, 1.5, count), _log(random, 1500, 4000, count))
    return _State(
        populations=(proton, alphas, returned),
        tail=tail,
        field=_log(random, 1.5, 14, count),
        unrest=_log(random, 0.04, 0.4, count),
        ripple=_log(random, 0.02, 0.2, count),
        x=random.uniform(-4, 24, count),
    )


def _magnetosheath(random: np.random.Generator, count: int) -> _State:
    density, speed = _log(random, 4, 80, count), random.uniform(40, 420, count)
    heat = _log(random, 70, 700, count)
    hot = _Population(
        density * _log(random, 0.005, 0.15, count), speed, heat * random.uniform(3, 7, count)
    )
    tail = (
        10 ** random.uniform(3.5, 6.3, count),
        random.uniform(0.3, 2.5, count),
        np.full(count, 5000.0),
    )
    return _State(
        populations=(_Population(density, speed, heat), hot),
        tail=tail,
        field=_log(random, 3, 60, count),
        unrest=_log(random, 0.03, 0.5, count),
        ripple=_log(random, 0.05, 0.35, count),
        x=random.uniform(-18, 12, count),
    )


def _magnetosphere(random: np.random.Generator, count: int) -> _State:
    density, heat = _log(random, 0.08, 1.5, count), _log(random, 1800, 9000, count)
    hot = _Population(density * random.uniform(0.05, 0.4, count), np.full(count, 50.0), heat * 2.5)
    # Cold ions of the plasmasphere or of the ionosphere, seen when the plasma moves.
    present = random.random(count) < 0.4
    cold = _Population(
        present * _log(random, 0.03, 5, count),
        random.uniform(10, 120, count),
        _log(random, 2, 60, count),
    )
    x = np.where(
        random.random(count) < 0.85,
        random.uniform(-7, 11, count),
        random.uniform(-13, -6, count),
    )
    return _State(
        populations=(_Population(density, random.uniform(5, 120, count), heat), hot, cold),
        tail=_no_tail(count),
        field=_log(random, 16, 120, count),
        unrest=_log(random, 0.002, 0.06, count),
        ripple=_log(random, 0.02, 0.15, count),
        x=x,
    )


def _plasma_sheet(random: np.random.Generator, count: int) -> _State:
    density, heat = _log(random, 0.05, 1.2, count), _log(random, 1500, 10_000, count)
    hot = _Population(density * random.uniform(0.02, 0.4, count), np.full(count, 80.0), heat * 2.5)
    x = np.where(
        random.random(count) < 0.9,
        random.uniform(-29, -9, count),
        random.uniform(-10, 3, count),
    )
    return _State(
        populations=(_Population(density, _log(random, 5, 400, count), heat), hot),
        tail=_no_tail(count),
        field=_log(random, 0.8, 32, count),
        unrest=_log(random, 0.008, 0.6, count),
        ripple=_log(random, 0.03, 0.2, count),
        x=x,
    )


def _lobe(random: np.random.Generator, count: int) -> _State:
    density, heat = _log(random, 0.0004, 0.03, count), _log(random, 60, 1500, count)
    present = random.random(count) < 0.3
    outflow = _Population(
        present * _log(random, 0.005, 0.1, count),
        random.uniform(30, 150, count),
        _log(random, 2, 40, count),
    )
    return _State(
        populations=(_Population(density, random.uniform(10, 200, count), heat), outflow),
        tail=_no_tail(count),
        field=_log(random, 9, 45, count),
        unrest=_log(random, 0.0015, 0.04, count),
        ripple=_log(random, 0.02, 0.2, count),
        x=random.uniform(-29, -6, count),
    )


_STATES: tuple[Callable[[np.random.Generator, int], _State], ...] = (
    _solar_wind,
    _foreshock,
    _magnetosheath,
    _magnetosphere,
    _plasma_sheet,
    _lobe,
)


def simulate_windows(each: int, *, seed: int) -> Windows:
    """Simulate windows.

    Parameters
    ----------
    each
        How many of each region.
    seed
        The same seed gives the same windows.
    """
    random = np.random.default_rng(seed)
    parts = [_observe(_STATES[code](random, each), random) for code in range(len(_STATES))]
    labels = np.repeat(np.arange(len(WINDOW_REGIONS)), each)
    arrays = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    flux, field, temperature, x = arrays
    return Windows(flux, field, temperature, x, labels)


def _observe(state: _State, random: np.random.Generator) -> tuple[Values, Values, Values, Values]:
    """Return flux, field, temperature and X of windows as an instrument tells them."""
    count = len(state.field)
    energy = energy_table(low=float(_log(random, 8, 12, 1)[0]))
    mean = power_law_flux(energy, *state.tail)
    for each in state.populations:
        mean = mean + maxwellian_flux(energy, each.density, each.speed, each.temperature)
    ripple = _fluctuation(random, count, state.ripple)
    # Penetrating radiation looks like the same energy flux at all energies, or slowly falling.
    radiation = (
        10 ** random.uniform(2.3, 4.3, count)[:, None]
        * (energy / 1e3) ** -random.uniform(0.0, 0.15, count)[:, None]
    )
    expected = mean[:, None, :] * np.exp(ripple)[:, :, None] + radiation[:, None, :]
    unit = 10 ** random.uniform(2.3, 3.6, count)[:, None, None]
    gain = np.exp(random.normal(0, 0.25, count))[:, None, None]
    counts = np.minimum(expected / unit, 1e15)
    flux = random.poisson(counts) * unit * gain
    temperature = _measured_temperature(state, random)[:, None] * np.exp(0.5 * ripple)
    field = state.field[:, None] * np.exp(_fluctuation(random, count, state.unrest))
    drift = random.normal(0, 0.02, count)[:, None] * np.linspace(0, 1, STEPS)
    x = state.x[:, None] + drift
    x[random.random(count) < 0.05] = np.nan
    return flux, field, temperature, x


def _measured_temperature(state: _State, random: np.random.Generator) -> Values:
    """Return the temperature of all populations together, eV, as moments of the spectrum have it.

    A cold beam looks warmer than it is, by some per cent of its energy, since the analyser resolves
    energies and angles no finer.
    """
    count = len(state.field)
    density = sum(each.density for each in state.populations)
    drift = sum(each.density * each.speed for each in state.populations) / density
    heat = sum(
        each.density * (each.temperature + 2 * _EV_PER_KM2_S2 * (each.speed - drift) ** 2 / 3)
        for each in state.populations
    )
    blur = random.uniform(0.01, 0.05, count) * _EV_PER_KM2_S2 * drift**2
    return np.asarray((heat / density + blur) * np.exp(random.normal(0, 0.1, count)))


def _fluctuation(random: np.random.Generator, count: int, size: Values) -> Values:
    """Return fluctuations of a relative size that are alike over a few steps, shape (n, 40)."""
    keep = np.exp(-1 / _MEMORY)
    values = np.empty((count, STEPS))
    values[:, 0] = random.standard_normal(count)
    for step in range(1, STEPS):
        fresh = random.standard_normal(count)
        values[:, step] = keep * values[:, step - 1] + np.sqrt(1 - keep**2) * fresh
    return size[:, None] * values
