"""Simulated solar wind with coronal mass ejections, and the truth about where they are.

Ambient wind comes from `pipelines.icme.wind`; this module sends ejections through it. Sizes are
drawn from the quartiles of the Wind events in HELIO4CAST ICMECAT v2.2 (Möstl et al. 2020, ApJ
903, 92). The same seed, start and length give the same series.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import PipelineError
from pipelines.icme.ejections import Ejection, draw_by_quartiles, draw_ejection
from pipelines.icme.ropes import rope_field
from pipelines.icme.shock import fast_speed, mach_for_speed_jump, shock_jump
from pipelines.icme.structure import Structure
from pipelines.icme.wind import Wind, ambient_wind, fine_wind, ornstein_uhlenbeck
from pipelines.signals.events import REGION_COLUMNS, TRUTH_COLUMNS
from pipelines.sources.insitu import CADENCE, SAMPLES_PER_HOUR, InSituSeries
from pipelines.sources.plasma import expected_temperature
from pipelines.sources.spacecraft import find_spacecraft

Values = NDArray[np.float64]

VERSION = "2.0"

#: Shocks of smaller jumps than this are waves, km/s.
_SMALLEST_SHOCK = 25.0

#: Hours of quiet wind between two ejections, at least.
_QUIET_HOURS = 8.0


@dataclass(frozen=True)
class Simulation:
    """A simulated series and what is in it.

    Attributes
    ----------
    series
        What the spacecraft 'simulation' measured.
    truth
        One row an ejection, columns `pipelines.signals.events.TRUTH_COLUMNS`.
    regions
        One row a stream interaction region, columns `pipelines.signals.events.REGION_COLUMNS`.
    """

    series: InSituSeries
    truth: pd.DataFrame
    regions: pd.DataFrame


def simulate(
    *,
    start: str | np.datetime64 = "2024-01-01",
    days: float = 365.0,
    seed: int = 1,
    ejections_per_year: float | None = None,
    gaps: bool = True,
    fine: bool = False,
    progress: Progress = silent,
) -> Simulation:
    """Simulate solar wind at the Lagrange point L1.

    Parameters
    ----------
    start
        Time of the first sample, UTC; moved down to a multiple of the cadence.
    days
        Length of the series.
    seed
        Seed of all randomness.
    ejections_per_year
        Mean rate; drawn between solar minimum (12) and maximum (45) when not given.
    gaps
        Whether the telemetry loses samples, about one in a hundred.
    fine
        Whether fluctuations have the fine structure of real wind. The networks that are shipped
        learnt from wind without.
    progress
        Told after each ejection.

    Raises
    ------
    PipelineError
        If the start is no time or the series would be shorter than three days.
    """
    first = _start(start)
    samples = round(days * 24 * SAMPLES_PER_HOUR)
    if samples < 3 * 24 * SAMPLES_PER_HOUR:
        raise PipelineError(
            f"a simulation of {days:g} days is too short for an ejection to pass",
            hint="simulate at least 3 days",
        )
    random = np.random.default_rng(seed)
    wind = fine_wind(random, samples) if fine else ambient_wind(random, samples)
    rate = ejections_per_year if ejections_per_year is not None else random.uniform(12, 45)
    intervals = []
    planned = _plan(random, samples, rate)
    for number, (begin, ejection) in enumerate(planned):
        intervals.append(_pass_over(random, wind, begin, ejection))
        progress("simulating ejections", number + 1, len(planned))
    data = _measure(random, wind, gaps)
    series = InSituSeries(
        spacecraft=find_spacecraft("simulation"),
        start=first,
        data=data,
        description=f"simulated solar wind, seed {seed}, {days:g} days from {first}",
        instrument=f"simulation {VERSION}",
        simulated=True,
    )
    times = series.time_of(np.array(intervals, dtype=np.int64).reshape(-1, 3))
    edges = series.time_of(np.array(wind.regions, dtype=np.int64).reshape(-1, 3))
    return Simulation(
        series,
        pd.DataFrame(times, columns=list(TRUTH_COLUMNS)),
        pd.DataFrame(edges, columns=list(REGION_COLUMNS)),
    )


#: Length of the pieces that an endless simulated source is made of, days.
_PIECE_DAYS = 365

#: Seeds of consecutive pieces are this far apart, beyond any seed that a person would choose.
_SEED_STEP = 1_000_003


def simulated_wind(
    began: np.datetime64,
    first: np.datetime64,
    last: np.datetime64,
    *,
    seed: int = 1,
    progress: Progress = silent,
) -> InSituSeries:
    """Return an excerpt of simulated wind that has blown since `began`.

    It is made of years with seeds of their own, of which only those needed are simulated. So the
    wind at a time depends on `began` and the seed alone, not on the excerpt or on how far the
    source has got: a source that grows does not change what it held.

    Parameters
    ----------
    began
        Time of the first sample of all, UTC, a multiple of the cadence.
    first, last
        Ends of the excerpt, UTC; the last is not included.
    seed
        Seed of the first year.
    progress
        Told after each ejection of a year.
    """
    piece = np.timedelta64(_PIECE_DAYS, "D")
    numbers = range(int((first - began) // piece), int(-((began - last) // piece)))
    years = [
        simulate(
            start=began + number * piece,
            days=_PIECE_DAYS,
            seed=seed + _SEED_STEP * number,
            progress=progress,
        ).series
        for number in numbers
    ]
    data = pd.concat([year.data for year in years], ignore_index=True)
    description = f"simulated solar wind, seed {seed}, from {began.astype('datetime64[m]')}"
    whole = replace(years[0], data=data, description=description)
    return whole.between(first, last)


def _start(start: str | np.datetime64) -> np.datetime64:
    try:
        first = np.datetime64(str(start), "us")
    except ValueError as error:
        raise PipelineError(
            f"{start!r} is not a time", hint="write it as 2024-01-01T00:00:00, in UTC"
        ) from error
    step = CADENCE.astype("timedelta64[us]").astype(np.int64)
    return np.datetime64(int(first.astype(np.int64) // step * step), "us")


def _plan(random: np.random.Generator, samples: int, rate: float) -> list[tuple[int, Ejection]]:
    """Draw when ejections begin: at random, but one after the other and wholly in the series."""
    mean_wait = 365.25 * 24 * SAMPLES_PER_HOUR / rate
    planned: list[tuple[int, Ejection]] = []
    begin = int(random.exponential(mean_wait)) + SAMPLES_PER_HOUR
    while True:
        ejection = draw_ejection(random)
        length = round((ejection.sheath_hours + ejection.obstacle_hours) * SAMPLES_PER_HOUR)
        if begin + length + 6 * SAMPLES_PER_HOUR >= samples:
            return planned
        planned.append((begin, ejection))
        quiet = max(random.exponential(mean_wait) - length, _QUIET_HOURS * SAMPLES_PER_HOUR)
        begin += length + int(quiet)


def _pass_over(
    random: np.random.Generator, wind: Wind, begin: int, ejection: Ejection
) -> tuple[int, int, int]:
    """Change the wind where an ejection passes; return start, obstacle start and end."""
    obstacle = begin + round(ejection.sheath_hours * SAMPLES_PER_HOUR)
    end = obstacle + round(ejection.obstacle_hours * SAMPLES_PER_HOUR)
    ahead = slice(max(begin - 6 * SAMPLES_PER_HOUR, 0), max(begin, 1))
    ambient_density = float(np.median(wind.density[ahead]))
    shift = _speed_shift(wind, ahead, ejection)
    if obstacle > begin:
        _put_sheath(random, wind, slice(begin, obstacle), ahead, ejection, shift)
    _put_obstacle(random, wind, slice(obstacle, end), ambient_density, ejection, shift)
    _relax_speed(wind, end, ejection.speed + shift - ejection.expansion)
    return begin, obstacle, end


def _speed_shift(wind: Wind, ahead: slice, ejection: Ejection) -> float:
    """Return what makes an ejection with a sheath faster than the wind that it ploughs into.

    Speeds are drawn for all ejections alike; without this shift most of those with a sheath would
    be overtaken by the wind in front of them, which then could not pile up.
    """
    front = ejection.speed + ejection.expansion
    wanted = float(np.median(wind.speed[ahead])) + (30.0 if ejection.sheath_hours > 0 else -20.0)
    return max(wanted - front, 0.0)


def _put_sheath(
    random: np.random.Generator,
    wind: Wind,
    sheath: slice,
    ahead: slice,
    ejection: Ejection,
    shift: float,
) -> None:
    """Compress, heat and stir the wind between the shock and the obstacle."""
    samples = sheath.stop - sheath.start
    upstream = [float(np.median(each[ahead])) for each in (wind.speed, wind.density)]
    upstream_heat = float(np.median(wind.temperature[ahead]))
    upstream_field = float(np.median(np.linalg.norm(wind.field[ahead], axis=1)))
    front = ejection.speed + ejection.expansion + shift
    rise = np.hypot(max(front - upstream[0], 0.0), _SMALLEST_SHOCK)
    jump = shock_jump(
        mach_for_speed_jump(rise, fast_speed(upstream[1], upstream_heat, upstream_field))
    )
    along = np.linspace(0, 1, samples)
    wind.speed[sheath] = upstream[0] + rise + (front - upstream[0] - rise) * along
    wind.speed[sheath] += 8.0 * ornstein_uhlenbeck(random, samples, 1.0)
    # Behind the shock the gas keeps piling up in front of the obstacle or thins out.
    pile = np.exp(random.normal(0.0, 0.35) * along)
    wind.density[sheath] *= jump.compression * pile
    wind.temperature[sheath] = np.maximum(
        wind.temperature[sheath] * jump.temperature, expected_temperature(wind.speed[sheath])
    ) * np.exp(-0.4 * along)
    magnitude = np.linalg.norm(wind.field[sheath], axis=1)
    magnitude *= jump.compression * (1 + random.uniform(0, 0.5) * along)
    stirred = wind.field[sheath] / np.linalg.norm(wind.field[sheath], axis=1, keepdims=True)
    stirred += 0.9 * np.column_stack([ornstein_uhlenbeck(random, samples, 0.6) for _ in range(3)])
    stirred /= np.linalg.norm(stirred, axis=1, keepdims=True)
    magnitude *= np.exp(0.22 * ornstein_uhlenbeck(random, samples, 0.8))
    wind.field[sheath] = stirred * magnitude[:, None]


def _put_obstacle(
    random: np.random.Generator,
    wind: Wind,
    obstacle: slice,
    ambient_density: float,
    ejection: Ejection,
    shift: float,
) -> None:
    """Put cold, declining, strongly and smoothly magnetised plasma in place of the wind."""
    samples = obstacle.stop - obstacle.start
    along = np.linspace(0, 1, samples)
    speed = ejection.speed + shift + ejection.expansion * (1 - 2 * along)
    noise = _obstacle_noise(random, wind.structure, obstacle)
    speed += noise[0]
    density = ambient_density * ejection.density_ratio * np.exp(noise[1])
    temperature = ejection.coldness * expected_temperature(speed)
    temperature *= np.exp(noise[2])
    field = (
        _smooth_field(random, samples)
        if ejection.rope is None
        else rope_field(ejection.rope, samples)
    )
    field *= (1 + ejection.asymmetry * (1 - 2 * along))[:, None]
    field *= ejection.field / np.mean(np.linalg.norm(field, axis=1))
    if wind.structure is not None:
        field *= np.exp(0.4 * wind.structure.field[obstacle])[:, None]
    waves = _obstacle_waves(random, wind.structure, obstacle)
    field += random.uniform(0.03, 0.25) * ejection.field * waves
    weight = _edges(random, samples)
    wind.speed[obstacle] += weight * (speed - wind.speed[obstacle])
    wind.density[obstacle] *= (density / wind.density[obstacle]) ** weight
    wind.temperature[obstacle] *= (
        np.maximum(temperature, 4000.0) / wind.temperature[obstacle]
    ) ** weight
    wind.field[obstacle] += weight[:, None] * (field - wind.field[obstacle])


def _obstacle_noise(
    random: np.random.Generator, structure: Structure | None, obstacle: slice
) -> tuple[Values, Values, Values]:
    """Return fluctuations of the speed, km/s, and of the logarithms of density and temperature."""
    if structure is not None:
        return (
            0.6 * structure.speed[obstacle],
            structure.density[obstacle],
            structure.temperature[obstacle],
        )
    samples = obstacle.stop - obstacle.start
    return (
        5.0 * ornstein_uhlenbeck(random, samples, 2.0),
        0.35 * ornstein_uhlenbeck(random, samples, 4.0),
        0.3 * ornstein_uhlenbeck(random, samples, 3.0),
    )


def _obstacle_waves(
    random: np.random.Generator, structure: Structure | None, obstacle: slice
) -> Values:
    """Return waves of the field, about one in size, shape (n, 3)."""
    if structure is not None:
        return 0.6 * structure.turning[obstacle]
    samples = obstacle.stop - obstacle.start
    return np.column_stack([ornstein_uhlenbeck(random, samples, 0.7) for _ in range(3)])


def _smooth_field(random: np.random.Generator, samples: int) -> Values:
    """Return the field of ejecta without rope structure: slow changes about a direction."""
    direction = random.standard_normal(3)
    direction /= np.linalg.norm(direction)
    wander = [ornstein_uhlenbeck(random, samples, 10.0) for _ in range(3)]
    field = direction + 0.5 * np.column_stack(wander)
    return np.asarray(field / np.linalg.norm(field, axis=1, keepdims=True))


def _edges(random: np.random.Generator, samples: int) -> Values:
    """Return how much of the obstacle is mixed in: 1 inside, less within an hour of its edges."""
    ramp = random.uniform(0.2, 1.5) * SAMPLES_PER_HOUR
    number = np.arange(samples)
    return np.minimum(1.0, (np.minimum(number, number[::-1]) + 1) / ramp)


def _relax_speed(wind: Wind, end: int, speed_at_end: float) -> None:
    """Let the speed return to that of the wind within half a day: there is no jump at the back."""
    length = min(12 * SAMPLES_PER_HOUR, len(wind.speed) - end)
    excess = speed_at_end - wind.speed[min(end, len(wind.speed) - 1)]
    fading = np.exp(-np.arange(length) / (4.0 * SAMPLES_PER_HOUR))
    wind.speed[end : end + length] += excess * fading


def _shortening(random: np.random.Generator, wind: Wind) -> Values:
    """Return by how much a mean vector is shorter than the mean magnitude, factors, shape (n,).

    Directions vary within ten minutes, more so where the field is restless.
    """
    normal = random.standard_normal(len(wind.speed))
    if wind.structure is None:
        return np.asarray(1 - np.abs(0.03 * normal))
    varied = 0.01 * wind.structure.level * np.exp(1.3 * normal)
    return np.asarray(np.exp(-np.minimum(varied, 1.0)))


def _measure(random: np.random.Generator, wind: Wind, gaps: bool) -> pd.DataFrame:
    """Return what the instruments see: rounded, in their units, with lost samples."""
    magnitude = np.linalg.norm(wind.field, axis=1)
    vector = wind.field * _shortening(random, wind)[:, None]
    data = pd.DataFrame(
        {
            "bx": vector[:, 0].round(3),
            "by": vector[:, 1].round(3),
            "bz": vector[:, 2].round(3),
            "bt": np.maximum(magnitude, 0.1).round(3),
            "vt": np.clip(wind.speed, 240.0, 2500.0).round(2),
            "np": np.maximum(wind.density, 0.05).round(3),
            "tp": np.maximum(wind.temperature, 4000.0).round(1),
        }
    )
    if gaps:
        for _ in range(random.poisson(len(data) / 2500)):
            first = int(random.integers(len(data)))
            length = int(np.clip(draw_by_quartiles(random, 4, 12, 40), 1, 400))
            data.iloc[first : first + length, :] = np.nan
    return data
