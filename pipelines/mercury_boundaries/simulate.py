"""Simulated magnetic field along MESSENGER's orbit, with the crossings that are in it.

Wind and boundaries wander; the spacecraft is in the magnetosphere, the sheath or the wind by where
the boundaries stand at that second. What each region looks like is in `surroundings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.boundaries.frames import aberrate, mercury_orbit, mso_to_msm, straighten
from pipelines.boundaries.mercury import (
    MEAN_PRESSURE,
    MERCURY_RADIUS,
    winslow2013_bow_shock,
    winslow2013_magnetopause,
)
from pipelines.contract import Progress, silent
from pipelines.mercury_boundaries.labels import (
    UNKNOWN,
    classes_of,
    classes_of_types,
    crossings_from_regions,
)
from pipelines.mercury_boundaries.lists import Crossings
from pipelines.mercury_boundaries.orbit import HIGHEST, LOWEST, Ellipse, positions
from pipelines.mercury_boundaries.random_series import wander
from pipelines.mercury_boundaries.series import MagSeries, slow_angle
from pipelines.mercury_boundaries.surroundings import Conditions, field_along, wind_conditions

Values = NDArray[np.float64]

#: Standard deviations of the logarithms of the shell factors besides what pressure and Mach number
#: do: over days, over tens of minutes, and over a minute. The sums are those of the 16,169
#: intervals of Sun (2023) in aberrated MSM against Winslow et al. (2013): 0.12 at the magnetopause
#: and 0.15 at the bow shock. Legs of one orbit, an hour or two apart, are correlated by 0.5, as are
#: legs of orbits that follow each other: half of the variance lasts for less than an hour, half for
#: longer than an orbit. (PyMess's list, which is not aberrated, gives 0.13 and 0.20.)
_MAGNETOPAUSE_SPREAD: Final = (0.05, 0.055, 0.03)
_BOW_SHOCK_SPREAD: Final = (0.05, 0.07, 0.022)

#: Memories of the first two, seconds, and the time over which a boundary moves smoothly.
_DAYS, _MINUTES, _INERTIA = 1.0e5, 2500.0, 20.0

#: The bow shock stands at least so much further out than the magnetopause.
_THINNEST_SHEATH: Final = 1.08

#: Scales that give the simulated intervals the medians of r / r_model of the same list, 1.05 and
#: 1.02: `realism` compares. The median of what is crossed lies above that of the shock.
_BOW_SHOCK_MEDIAN: Final = 1.0
_MAGNETOPAUSE_MEDIAN: Final = 1.02


@dataclass(frozen=True)
class Simulation:
    """A simulated stretch of the mission.

    Attributes
    ----------
    series
        What the magnetometer measured.
    regions
        Where the spacecraft truly was: 1 magnetosphere, 2 sheath, 3 wind, shape (n,).
    crossings
        Intervals from the first to the last crossing of a boundary on a leg of the orbit.
    classes
        What a list with these intervals makes of each second, numbers of `labels.CLASSES`.
    conditions
        Wind and shell factors.
    """

    series: MagSeries
    regions: NDArray[np.int8]
    crossings: Crossings
    classes: NDArray[np.int8]
    conditions: Conditions


def simulate(
    *,
    start: str | np.datetime64 = "2012-01-01",
    orbits: float = 2.0,
    seed: int = 1,
    progress: Progress = silent,
) -> Simulation:
    """Simulate orbits of MESSENGER at one second.

    Parameters
    ----------
    start
        Where on Mercury's year the simulation begins, UTC.
    orbits
        Revolutions.
    seed
        Of everything random, the plane of the orbit among it.
    progress
        Told at the end.
    """
    random = np.random.default_rng(seed)
    first = int(np.datetime64(start, "s").astype(np.int64))
    ellipse = Ellipse(
        LOWEST * random.uniform(1.0, 2.2),
        HIGHEST * random.choice([1.0, 1.0, 0.67]),
        random.uniform(0, 2 * np.pi),
        0.0,
    )
    ellipse = Ellipse(ellipse.lowest, ellipse.highest, ellipse.node, first + 0.5 * ellipse.period)
    samples = round(orbits * ellipse.period)
    seconds = first + np.arange(samples, dtype=np.float64)
    position = positions(ellipse, seconds)
    series = MagSeries(first, np.zeros((samples, 3), np.float32), position.astype(np.float32))
    angle = slow_angle(series)
    place = aberrate(mso_to_msm(position) / MERCURY_RADIUS, angle)
    distance = np.interp(
        seconds,
        seconds[::3600],
        mercury_orbit(seconds[::3600].astype("datetime64[s]")).distance,
    )
    conditions = wind_conditions(distance, random)
    magnetopause, bow_shock = boundaries(place, conditions, random)
    # Sharp in space, so that turning them into regions needs nothing but the sign.
    regions = np.where(magnetopause < 1, 1, np.where(bow_shock < 1, 2, 3)).astype(np.int8)
    field = field_along(place, magnetopause, bow_shock, conditions, random)
    measured = straighten(field, angle) + 0.02 * random.standard_normal((samples, 3))
    series = MagSeries(
        first,
        _lose(measured, random).astype(np.float32),
        position.astype(np.float32),
        simulated=True,
        description=f"{orbits:g} simulated orbits from {start}, seed {seed}",
    )
    crossings = crossings_from_regions(regions, np.linalg.norm(place, axis=1), first)
    progress("simulating", 1, 1)
    classes = classes_of(crossings, first, samples)
    # Far from all crossings a list says nothing; here it is known where the spacecraft was.
    classes = np.where(classes == UNKNOWN, classes_of_types(regions), classes).astype(np.int8)
    return Simulation(series, regions, crossings, classes, conditions)


def boundaries(
    place: Values, conditions: Conditions, random: np.random.Generator
) -> tuple[Values, Values]:
    """Return the distance to both boundaries as shell factors that move with wind and chance.

    Parameters
    ----------
    place
        Aberrated MSM, Mercury radii, shape (n, 3).
    conditions
        Of the wind; pressure and Mach number move the boundaries.
    random
        Source of chance.

    Returns
    -------
    magnetopause, bow_shock
        Below 1 inside, shape (n,).
    """
    samples = len(place)

    def moved(memory: float) -> Values:
        # A boundary has inertia: it goes to and fro within seconds, not within one.
        return wander(samples, memory, random, min(_INERTIA, memory / 5))

    average = winslow2013_magnetopause(MEAN_PRESSURE)
    inflation = (conditions.pressure / MEAN_PRESSURE) ** (-1 / 6.02)
    days, minutes, fast = _MAGNETOPAUSE_SPREAD
    slow = days * moved(_DAYS) + minutes * moved(_MINUTES)
    quick = moved(random.uniform(15, 60)) + moved(200.0)
    rate = np.exp(0.5 * wander(samples, 4000.0, random) - 0.1)
    inside = average.shell_factor(place) / (
        inflation * _MAGNETOPAUSE_MEDIAN * np.exp(slow + fast * rate * quick)
    )
    shock = winslow2013_bow_shock()
    nose = np.array([winslow2013_bow_shock(mach).standoff for mach in (4.0, 6.0, 8.0, 12.0)])
    scale = np.interp(conditions.mach, [4.0, 6.0, 8.0, 12.0], nose / nose[1])
    days, minutes, fast = _BOW_SHOCK_SPREAD
    slow = days * moved(_DAYS) + minutes * moved(_MINUTES)
    quick = moved(random.uniform(15, 90)) + moved(300.0)
    rate = np.exp(0.5 * wander(samples, 4000.0, random) - 0.1 + 0.5 * conditions.parallel)
    # The shock stands before its obstacle: it moves in and out with the magnetopause.
    outside = shock.shell_factor(place) / (
        inflation * scale * _BOW_SHOCK_MEDIAN * np.exp(slow + fast * rate * quick)
    )
    return inside, np.minimum(outside, inside / _THINNEST_SHEATH)


def _lose(field: Values, random: np.random.Generator) -> Values:
    """Take out a few samples, as in real data: short gaps and single spikes."""
    lost = field.copy()
    for _ in range(random.poisson(0.3 * len(field) / 43000)):
        start = random.integers(len(field))
        lost[start : start + random.integers(1, 120)] = np.nan
    for _ in range(random.poisson(0.3 * len(field) / 43000)):
        lost[random.integers(len(field))] *= 1.0 + random.exponential(2.0)
    return lost
