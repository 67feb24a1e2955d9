"""Simulated solar wind without coronal mass ejections: streams, sectors, turbulence.

What a detector must not take for an ejection is here: stream interaction regions with their
compressed fields, cold and dense plasma sheets at sector boundaries, and waves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.icme.structure import Structure, draw_unrest, fine_structure
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
    regions
        Stream interaction regions: first sample, interface, one past the last.
    structure
        The fluctuations that are in the channels, when they are those of `structure.py`.
    """

    speed: Values
    density: Values
    temperature: Values
    field: Values
    regions: list[tuple[int, int, int]]
    structure: Structure | None = None


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
        slow_speed=random.uniform(305, 350),
        density=random.uniform(1.9, 4.3),
        field=random.uniform(3.2, 4.3),
        heat=random.uniform(1.15, 1.6),
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


def sudden_changes(random: np.random.Generator, samples: int, hours: float) -> Values:
    """Return a process that jumps and decays: unit variance, zero mean.

    Boundaries of flux tubes pass a spacecraft a few times an hour (Bruno et al. 2001, Planet.
    Space Sci. 49, 1201; Borovsky 2008, J. Geophys. Res. 113, A08110); the large ones matter here.

    Parameters
    ----------
    random
        Source of randomness.
    samples
        Length of the result.
    hours
        Time after which a jump has decayed to 1/e.
    """
    signal = require("scipy.signal")
    often = 0.08  # jumps a sample
    jumps = (random.random(samples) < often) * random.laplace(size=samples)
    decay = np.exp(-1 / (hours * SAMPLES_PER_HOUR))
    deviation = np.sqrt(2 * often / (1 - decay**2))
    return np.asarray(signal.lfilter([1.0], [1.0, -decay], jumps) / deviation)


def magnetic_holes(random: np.random.Generator, samples: int) -> Values:
    """Return factors below 1 where short dips of the field pass, a few a day, shape (n,).

    Turner et al. (1977, J. Geophys. Res. 82, 1921) count 1.5 deep ones a day in much finer data;
    means over ten minutes see shallower ones.
    """
    factor = np.ones(samples)
    count = random.poisson(samples / (24 * SAMPLES_PER_HOUR) * 2.0)
    for place in random.integers(0, samples, count):
        depth = min(0.05 + random.exponential(0.18), 0.9)
        factor[place : place + int(random.integers(1, 4))] *= 1 - depth
    return factor


def _turbulence(random: np.random.Generator, samples: int) -> Values:
    """Sum processes of several correlation times into a steep, roughly f^-5/3 spectrum."""
    parts = ((0.3, 0.35), (1.0, 0.5), (3.0, 0.55), (10.0, 0.57))
    return sum(
        (weight * ornstein_uhlenbeck(random, samples, hours) for hours, weight in parts),
        start=np.zeros(samples),
    )


@dataclass
class LargeScale:
    """What the wind is like without fluctuations; arrays have shape (n,).

    Attributes
    ----------
    climate
        Long-term state.
    speed
        km/s.
    polarity
        1 where the field points away from the Sun, else -1.
    density, field, heating
        Factors by compressions, rarefactions and plasma sheets.
    regions
        As in `Wind`.
    """

    climate: Climate
    speed: Values
    polarity: Values
    density: Values
    field: Values
    heating: Values
    regions: list[tuple[int, int, int]]


def large_scale(random: np.random.Generator, samples: int) -> LargeScale:
    """Return streams, interaction regions and sectors; see `ambient_wind`."""
    climate = draw_climate(random)
    hours = np.arange(samples) / SAMPLES_PER_HOUR
    speed = climate.slow_speed * np.exp(0.09 * ornstein_uhlenbeck(random, samples, 30.0))
    squeeze_density, squeeze_field, heating = (np.ones(samples) for _ in range(3))
    polarity = np.ones(samples)
    regions = []
    for stream in _draw_streams(random, hours[-1]):
        edges = _add_stream(random, hours, stream, speed, squeeze_density, squeeze_field, heating)
        if edges is not None:
            regions.append(edges)
    for crossing in _draw_sector_boundaries(random, hours[-1]):
        polarity[hours >= crossing] *= -1
        _add_plasma_sheet(random, hours, crossing, squeeze_density, squeeze_field, heating)
    return LargeScale(
        climate, speed, polarity, squeeze_density, squeeze_field, heating, sorted(regions)
    )


def ambient_wind(random: np.random.Generator, samples: int) -> Wind:
    """Return solar wind with streams and sectors but without ejections.

    Its channels fluctuate independently of each other; see `fine_wind`.

    Parameters
    ----------
    random
        Source of randomness.
    samples
        Number of 10-minute samples.
    """
    large = large_scale(random, samples)
    climate, speed, polarity = large.climate, large.speed, large.polarity
    waves = _turbulence(random, samples) + 0.6 * sudden_changes(random, samples, 2.0)
    speed += 9.0 * waves * (speed / 400)
    # Mass flux: the denser the slower, n V^2 about constant; the rest is log-normal structure.
    density = climate.density * (400 / speed) ** 2 * large.density
    density *= np.exp(
        0.3 * ornstein_uhlenbeck(random, samples, 8.0)
        + 0.22 * sudden_changes(random, samples, 4.0)
        + 0.07 * ornstein_uhlenbeck(random, samples, 0.5)
    )
    temperature = climate.heat * expected_temperature(speed) * large.heating
    # Fast wind is as hot as expected on the whole; the scatter is that of slow wind.
    temperature *= np.clip(400 / speed, 0.6, 1.1) ** 0.6
    temperature *= np.exp(
        0.3 * ornstein_uhlenbeck(random, samples, 7.0)
        + 0.26 * sudden_changes(random, samples, 3.0)
        + 0.1 * ornstein_uhlenbeck(random, samples, 0.5)
    )
    magnitude = climate.field * large.field
    magnitude *= np.exp(
        0.28 * ornstein_uhlenbeck(random, samples, 9.0)
        + 0.07 * sudden_changes(random, samples, 3.0)
        + 0.05 * ornstein_uhlenbeck(random, samples, 0.5)
    )
    magnitude *= magnetic_holes(random, samples)
    field = _turn(random, _spiral(speed, polarity), speed) * magnitude[:, None]
    return Wind(speed, density, np.maximum(temperature, 4000.0), field, large.regions)


#: Fluctuations of the field's components over each other, RTN: least along the radius.
_ANISOTROPY = np.array([0.85, 1.1, 1.05])


def fine_wind(random: np.random.Generator, samples: int) -> Wind:
    """Return wind like `ambient_wind`, with the fine structure of real wind instead.

    Steps are heavy-tailed, come in bursts, and belong together in all channels; see
    `pipelines.icme.structure`.

    Parameters
    ----------
    random
        Source of randomness.
    samples
        Number of 10-minute samples.
    """
    large = large_scale(random, samples)
    structure = fine_structure(random, samples, draw_unrest(random))
    # Fast wind is more agitated in its speed and its directions.
    agitation = np.clip(large.speed / 380, 0.75, 1.7)
    speed = large.speed + structure.speed * agitation
    density = large.climate.density * (400 / speed) ** 2 * large.density
    density *= np.exp(0.2 * ornstein_uhlenbeck(random, samples, 30.0) + structure.density)
    temperature = large.climate.heat * expected_temperature(speed) * large.heating
    temperature *= np.clip(400 / speed, 0.6, 1.1) ** 0.6
    temperature *= np.exp(0.15 * ornstein_uhlenbeck(random, samples, 30.0) + structure.temperature)
    magnitude = large.climate.field * large.field * np.exp(structure.field)
    magnitude *= np.exp(0.1 * ornstein_uhlenbeck(random, samples, 30.0))
    magnitude *= magnetic_holes(random, samples)
    turned = _spiral(speed, large.polarity)
    turned = turned + agitation[:, None] * _ANISOTROPY * structure.turning
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    return Wind(
        speed,
        density,
        np.maximum(temperature, 4000.0),
        turned * magnitude[:, None],
        large.regions,
        structure,
    )


@dataclass(frozen=True, slots=True)
class _Stream:
    interface: float
    peak: float
    before: float
    after: float
    plateau: float
    decay: float


def _draw_streams(random: np.random.Generator, hours: float) -> list[_Stream]:
    """Draw coronal holes that live for some rotations; each sends a stream every rotation.

    The interaction region at its front lasts about a day and a half (Jian et al. 2006, Sol. Phys.
    239, 337), of which somewhat less than half comes before the interface.
    """
    streams = []
    first_seen = -3 * SYNODIC_HOURS
    while first_seen < hours:
        first_seen += random.exponential(SYNODIC_HOURS / 0.8)
        peak = random.uniform(410, 640)
        length, share = (36 * np.exp(0.4 * random.standard_normal()), random.uniform(0.25, 0.6))
        plateau, decay = random.uniform(10, 40), random.uniform(20, 50)
        for rotation in range(1 + random.poisson(1.8)):
            jitter = random.normal(0, 12)
            streams.append(
                _Stream(
                    interface=first_seen + rotation * SYNODIC_HOURS + jitter,
                    peak=peak * random.uniform(0.9, 1.1),
                    before=length * share * random.uniform(0.7, 1.3),
                    after=length * (1 - share) * random.uniform(0.7, 1.3),
                    plateau=plateau,
                    decay=decay,
                )
            )
    return sorted(streams, key=lambda stream: stream.interface)


#: Streams that speed the wind up by less than this have no interaction region to speak of, km/s.
_LEAST_RISE = 60.0


def _add_stream(
    random: np.random.Generator,
    hours: Values,
    stream: _Stream,
    speed: Values,
    density: Values,
    field: Values,
    heating: Values,
) -> tuple[int, int, int] | None:
    """Put a fast stream and the interaction region at its front into the channels.

    Slow wind is piled up before the interface, fast wind slowed down and heated behind it; some
    regions begin or end with a shock. Returns the samples where the region starts, where its
    interface is and where it ends; `None` if there is none within the series.
    """
    since = hours - stream.interface
    ahead = (since >= -stream.before - 6) & (since < -stream.before)
    upstream = float(np.median(speed[ahead])) if ahead.any() else float(np.median(speed))
    rise = max(stream.peak - upstream, 0.0)
    strength = float(np.clip(rise / 200, 0.0, 1.3))
    early = np.clip(1 + since / stream.before, 0, 1) ** random.uniform(0.3, 1.6)
    late = np.clip(1 - since / stream.after, 0, 1) ** random.uniform(0.3, 1.6)
    slow_side, fast_side = (since < 0) & (early > 0), (since >= 0) & (late > 0)
    squeezed = np.where(slow_side, early, np.where(fast_side, late, 0.0))
    # A fifth of the rise comes before the interface, most of it at and behind it.
    climb = 0.2 * early * (since < 0) + np.where(
        since >= 0, 0.2 + 0.8 * np.tanh(2.2 * since / stream.after), 0.0
    )
    climb *= np.exp(-np.maximum(since - stream.after - stream.plateau, 0) / stream.decay)
    speed += np.maximum(stream.peak - speed, 0) * climb
    width = random.uniform(0.3, 4.0)
    dense = 1 / (1 + np.exp(np.clip(since / width, -50, 50)))
    density *= 1 + random.uniform(0.8, 3.5) * strength * squeezed * dense
    density *= 1 - 0.25 * min(strength, 1.0) * climb
    field *= 1 + random.uniform(0.5, 2.0) * strength * squeezed
    heating *= 1 + random.uniform(0.1, 1.0) * strength * squeezed * (1 - 0.6 * dense)
    if rise < _LEAST_RISE:
        return None
    edges = np.array([-stream.before, 0.0, stream.after]) + stream.interface
    first, interface, end = (round(edge * SAMPLES_PER_HOUR) for edge in edges)
    return (first, interface, end) if first >= 0 and end < len(hours) else None


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
