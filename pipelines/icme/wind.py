"""Simulated solar wind without coronal mass ejections: streams, sectors, turbulence.

What a detector must not take for an ejection is here: stream interaction regions with their
compressed fields, cold and dense plasma sheets at sector boundaries, and waves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.sources.insitu import SAMPLES_PER_HOUR
from pipelines.sources.plasma import expected_temperature

Values = NDArray[np.float64]

#: Sidereal rotation of the Sun, rad/s, and 1 AU in km: the Parker spiral is at 45 degrees for
#: 430 km/s (Parker 1958, ApJ 128, 664).
SOLAR_ROTATION = 2.86e-6
_AU_KM = 149_597_870.7

#: Synodic rotation of the Sun, hours: streams from a coronal hole come back after it.
SYNODIC_HOURS = 27.27 * 24


@dataclass
class Wind:
    """Channels of the wind while it is being put together; all arrays have shape (n,).

    Attributes
    ----------
    speed
        km/s.
    density
        cm-3.
    temperature
        K.
    field
        nT, shape (n, 3), RTN.
    """

    speed: Values
    density: Values
    temperature: Values
    field: Values


@dataclass(frozen=True, slots=True)
class Climate:
    """Long-term state of the wind, drawn once for a simulated spacecraft.

    Attributes
    ----------
    slow_speed
        Median speed of slow wind, km/s.
    density
        Density of wind of 400 km/s, cm-3.
    field
        Median field, nT.
    heat
        Median temperature over the expected one.
    """

    slow_speed: float
    density: float
    field: float
    heat: float


def draw_climate(random: np.random.Generator) -> Climate:
    """Draw a climate from the range that Wind and both STEREO saw at 0.96 to 1.09 AU."""
    return Climate(
        slow_speed=random.uniform(315, 365),
        density=random.uniform(2.6, 6.0),
        field=random.uniform(3.6, 5.0),
        heat=random.uniform(1.1, 1.6),
    )


def ornstein_uhlenbeck(random: np.random.Generator, samples: int, hours: float) -> Values:
    """Return a stationary Ornstein-Uhlenbeck process of unit variance and zero mean.

    Parameters
    ----------
    random
        Source of randomness.
    samples
        Length of the result.
    hours
        Correlation time.
    """
    signal = require("scipy.signal")
    decay = np.exp(-1 / (hours * SAMPLES_PER_HOUR))
    noise = random.standard_normal(samples)
    noise[1:] *= np.sqrt(1 - decay**2)
    return np.asarray(signal.lfilter([1.0], [1.0, -decay], noise))


def _turbulence(random: np.random.Generator, samples: int) -> Values:
    """Sum processes of several correlation times into a steep, roughly f^-5/3 spectrum."""
    parts = ((0.3, 0.35), (1.0, 0.5), (3.0, 0.55), (10.0, 0.57))
    return sum(
        (weight * ornstein_uhlenbeck(random, samples, hours) for hours, weight in parts),
        start=np.zeros(samples),
    )


def ambient_wind(random: np.random.Generator, samples: int) -> Wind:
    """Return solar wind with streams and sectors but without ejections.

    Parameters
    ----------
    random
        Source of randomness.
    samples
        Number of 10-minute samples.
    """
    climate = draw_climate(random)
    hours = np.arange(samples) / SAMPLES_PER_HOUR
    speed = climate.slow_speed * np.exp(0.09 * ornstein_uhlenbeck(random, samples, 30.0))
    squeeze_density, squeeze_field, heating = (np.ones(samples) for _ in range(3))
    polarity = np.ones(samples)
    for stream in _draw_streams(random, hours[-1]):
        _add_stream(random, hours, stream, speed, squeeze_density, squeeze_field, heating)
    for crossing in _draw_sector_boundaries(random, hours[-1]):
        polarity[hours >= crossing] *= -1
        _add_plasma_sheet(random, hours, crossing, squeeze_density, squeeze_field, heating)
    waves = _turbulence(random, samples)
    speed += 9.0 * waves * (speed / 400)
    # Mass flux: the denser the slower, n V^2 about constant; the rest is log-normal structure.
    density = climate.density * (400 / speed) ** 2 * squeeze_density
    density *= np.exp(
        0.32 * ornstein_uhlenbeck(random, samples, 8.0)
        + 0.15 * ornstein_uhlenbeck(random, samples, 0.8)
    )
    temperature = climate.heat * expected_temperature(speed) * heating
    temperature *= np.exp(
        0.36 * ornstein_uhlenbeck(random, samples, 7.0)
        + 0.2 * ornstein_uhlenbeck(random, samples, 0.8)
    )
    magnitude = climate.field * squeeze_field
    magnitude *= np.exp(
        0.31 * ornstein_uhlenbeck(random, samples, 9.0)
        + 0.09 * ornstein_uhlenbeck(random, samples, 0.7)
    )
    field = _turn(random, _spiral(speed, polarity), speed) * magnitude[:, None]
    return Wind(speed, density, np.maximum(temperature, 4000.0), field)


@dataclass(frozen=True, slots=True)
class _Stream:
    interface: float
    peak: float
    rise: float
    plateau: float
    decay: float


def _draw_streams(random: np.random.Generator, hours: float) -> list[_Stream]:
    """Draw coronal holes that live for some rotations; each sends a stream every rotation."""
    streams = []
    first_seen = -3 * SYNODIC_HOURS
    while first_seen < hours:
        first_seen += random.exponential(SYNODIC_HOURS / 1.1)
        peak, rise = random.uniform(450, 680), random.uniform(4, 10)
        plateau, decay = random.uniform(10, 50), random.uniform(25, 60)
        for rotation in range(1 + random.poisson(1.8)):
            jitter = random.normal(0, 12)
            streams.append(
                _Stream(
                    interface=first_seen + rotation * SYNODIC_HOURS + jitter,
                    peak=peak * random.uniform(0.9, 1.1),
                    rise=rise,
                    plateau=plateau,
                    decay=decay,
                )
            )
    return streams


def _add_stream(
    random: np.random.Generator,
    hours: Values,
    stream: _Stream,
    speed: Values,
    density: Values,
    field: Values,
    heating: Values,
) -> None:
    """Put a fast stream and the interaction region at its front into the channels."""
    since = hours - stream.interface
    shape = 0.5 * (1 + np.tanh(since / stream.rise))
    shape *= np.exp(-np.maximum(since - stream.plateau, 0) / stream.decay)
    speed += np.maximum(stream.peak - speed, 0) * shape
    strength = np.clip((stream.peak - 400) / 250, 0.2, 1.2)
    before = np.exp(-0.5 * ((since + stream.rise) / (1.2 * stream.rise)) ** 2)
    around = np.exp(-0.5 * (since / (1.5 * stream.rise)) ** 2)
    after = np.exp(-0.5 * ((since - stream.rise) / (1.5 * stream.rise)) ** 2)
    density *= 1 + random.uniform(1.0, 4.0) * strength * before
    density *= 1 - 0.35 * shape
    field *= 1 + random.uniform(0.8, 2.4) * strength * around
    heating *= 1 + random.uniform(0.4, 1.8) * strength * after


def _draw_sector_boundaries(random: np.random.Generator, hours: float) -> Values:
    """Draw the times of sector boundaries: two to four a rotation."""
    count = random.poisson(3.0 * hours / SYNODIC_HOURS)
    return np.sort(random.uniform(0, hours, count))


def _add_plasma_sheet(
    random: np.random.Generator,
    hours: Values,
    crossing: float,
    density: Values,
    field: Values,
    heating: Values,
) -> None:
    """Put the dense, cold, weakly magnetised sheet around a sector boundary into the channels."""
    width = random.uniform(1.5, 8.0)
    sheet = np.exp(-0.5 * ((hours - crossing) / width) ** 2)
    density *= 1 + random.uniform(0.3, 2.2) * sheet
    field *= 1 - random.uniform(0.05, 0.5) * sheet
    heating *= 1 - random.uniform(0.1, 0.6) * sheet


def _spiral(speed: Values, polarity: Values) -> Values:
    """Return unit vectors, shape (n, 3), RTN, along the Parker spiral at 1 AU."""
    angle = np.arctan(SOLAR_ROTATION * _AU_KM / speed)
    return np.asarray(
        polarity[:, None] * np.column_stack([np.cos(angle), -np.sin(angle), np.zeros_like(angle)])
    )


def _turn(random: np.random.Generator, direction: Values, speed: Values) -> Values:
    """Let waves turn unit vectors: more in fast wind, in episodes."""
    samples = len(speed)
    level = 0.75 * np.clip(speed / 450, 0.7, 1.4)
    level *= np.exp(0.35 * ornstein_uhlenbeck(random, samples, 12.0))
    waves = np.column_stack([_turbulence(random, samples) for _ in range(3)])
    turned = direction + level[:, None] * waves
    return np.asarray(turned / np.linalg.norm(turned, axis=1, keepdims=True))
