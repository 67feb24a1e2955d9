"""Fine structure of the solar wind: steps that come in bursts and together in several channels.

Field, density, temperature and speed change by steps whose sizes are heavy-tailed, whose level
comes and goes over hours, and which belong together: where the field is weaker, the gas is denser
and hotter, so that the pressure balances (Burlaga & Ogilvie 1970, Sol. Phys. 15, 61). The numbers
here are medians, deviations and rank correlations of steps of Wind 2019 and of STEREO-B 2013-14;
no data are copied. `python -m pipelines.icme.realism` compares the result with the real wind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.sources.insitu import SAMPLES_PER_HOUR

Values = NDArray[np.float64]

#: Logarithms of field, density and temperature, and the speed.
_FIELD, _DENSITY, _TEMPERATURE, _SPEED = range(4)

#: Correlation of steps between those four.
_STEPS_TOGETHER = np.array(
    [
        [1.0, -0.42, -0.28, -0.04],
        [-0.42, 1.0, 0.18, 0.12],
        [-0.28, 0.18, 1.0, 0.16],
        [-0.04, 0.12, 0.16, 1.0],
    ]
)

#: Correlation of the levels of unrest (logarithms, over 6 hours) of the four and of directions.
_LEVELS_TOGETHER = np.array(
    [
        [1.0, 0.42, 0.40, 0.32, 0.55],
        [0.42, 1.0, 0.78, 0.60, 0.20],
        [0.40, 0.78, 1.0, 0.66, 0.28],
        [0.32, 0.60, 0.66, 1.0, 0.48],
        [0.55, 0.20, 0.28, 0.48, 1.0],
    ]
)

#: Deviations of the logarithms of those levels, and the hours that they last.
_LEVEL_DEVIATION = np.array([0.58, 0.58, 0.52, 0.62, 0.33])
_LEVEL_HOURS = np.array([7.0, 8.0, 8.0, 13.0, 10.0])

#: A step decays as a sum of exponentials: hours and shares. Together they fall about as slowly as
#: a power law, and give a spectrum near f^-5/3 from an hour to a day.
_DECAY_HOURS = (0.35, 2.0, 13.0)
_PLASMA_SHARES = (0.18, 0.27, 0.55)
_TURNING_SHARES = (0.40, 0.30, 0.30)


@dataclass(frozen=True, slots=True)
class Unrest:
    """How large the steps of a simulated spacecraft's wind are, as deviations in 10 minutes.

    Attributes
    ----------
    field, density, temperature
        Of the natural logarithms.
    speed
        km/s.
    turning
        Of the direction, in units of the field.
    """

    field: float
    density: float
    temperature: float
    speed: float
    turning: float


@dataclass(frozen=True)
class Structure:
    """Fluctuations with zero median; all arrays have shape (n,) but the last.

    Attributes
    ----------
    field, density, temperature
        To be added to natural logarithms.
    speed
        km/s.
    turning
        To be added to unit vectors of the field, shape (n, 3).
    level
        Unrest of the direction at a time over its usual one.
    """

    field: Values
    density: Values
    temperature: Values
    speed: Values
    turning: Values
    level: Values


def draw_unrest(random: np.random.Generator) -> Unrest:
    """Draw a level of unrest between those of Wind in 2019 and of STEREO-B in 2013-14.

    Part of the difference is the instruments': those of STEREO are noisier in the plasma.
    """
    plasma = random.uniform(-0.32, 0.32)
    return Unrest(
        field=0.056 * np.exp(random.normal(0.0, 0.08)),
        density=0.069 * np.exp(plasma + random.normal(0.0, 0.1)),
        temperature=0.098 * np.exp(plasma + random.normal(0.0, 0.1)),
        speed=3.5 * np.exp(0.7 * plasma + random.normal(0.0, 0.1)),
        turning=0.55 * np.exp(random.normal(0.0, 0.08)),
    )


def fine_structure(random: np.random.Generator, samples: int, unrest: Unrest) -> Structure:
    """Return fluctuations of wind that does not change otherwise.

    Parameters
    ----------
    random
        Source of randomness.
    samples
        Number of 10-minute samples.
    unrest
        Size of the steps.
    """
    levels = unrest_levels(random, samples)
    root = np.linalg.cholesky(_STEPS_TOGETHER)
    steps = random.standard_normal((samples, 4)) @ root.T
    steps *= _tails(random, samples)[:, None] * levels[:, :4]
    sizes = np.array([unrest.field, unrest.density, unrest.temperature, unrest.speed])
    four = decaying(steps * sizes, _PLASMA_SHARES)
    turns = random.standard_normal((samples, 3)) * _tails(random, samples)[:, None]
    turning = decaying(turns * levels[:, 4:] * unrest.turning, _TURNING_SHARES)
    return Structure(
        field=four[:, _FIELD],
        density=four[:, _DENSITY],
        temperature=four[:, _TEMPERATURE],
        speed=four[:, _SPEED],
        turning=turning,
        level=levels[:, 4],
    )


def unrest_levels(random: np.random.Generator, samples: int) -> Values:
    """Return factors of the size of steps of the four quantities and of directions.

    Returns
    -------
    levels
        Log-normal with median 1, shape (samples, 5).
    """
    signal = require("scipy.signal")
    root = np.linalg.cholesky(_LEVELS_TOGETHER)
    noise = random.standard_normal((samples, 5)) @ root.T
    levels = np.empty_like(noise)
    for column, hours in enumerate(_LEVEL_HOURS):
        decay = np.exp(-1 / (hours * SAMPLES_PER_HOUR))
        scaled = noise[:, column].copy()
        scaled[1:] *= np.sqrt(1 - decay**2)
        levels[:, column] = signal.lfilter([1.0], [1.0, -decay], scaled)
    return np.asarray(np.exp(_LEVEL_DEVIATION * levels))


def _tails(random: np.random.Generator, samples: int) -> Values:
    """Return factors of mean square 1 that make normal numbers Laplacian: rare large steps."""
    return np.sqrt(random.exponential(1.0, samples))


def decaying(steps: Values, shares: tuple[float, ...]) -> Values:
    """Return what steps (n, k) add up to while each decays; shares are of `_DECAY_HOURS`."""
    signal = require("scipy.signal")
    total = np.zeros_like(steps)
    for hours, share in zip(_DECAY_HOURS, shares, strict=True):
        decay = np.exp(-1 / (hours * SAMPLES_PER_HOUR))
        total += share * signal.lfilter([1.0], [1.0, -decay], steps, axis=0)
    return total
