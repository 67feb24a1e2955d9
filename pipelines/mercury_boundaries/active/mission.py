"""Simulated missions: orbits of one plane through Mercury's years, and changes put into them.

`pipelines.mercury_boundaries.simulate` makes stretches that have nothing to do with each other;
here the plane of the orbit stays among the stars while Mercury moves on, so that the season drifts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from pipelines.boundaries.frames import aberrate, mercury_orbit, mso_to_msm, straighten
from pipelines.boundaries.mercury import MERCURY_RADIUS
from pipelines.mercury_boundaries.labels import (
    UNKNOWN,
    classes_of,
    classes_of_types,
    crossings_from_regions,
)
from pipelines.mercury_boundaries.orbit import HIGHEST, LOWEST, Ellipse, positions
from pipelines.mercury_boundaries.series import MagSeries, slow_angle
from pipelines.mercury_boundaries.simulate import Simulation, boundaries
from pipelines.mercury_boundaries.surroundings import Conditions, field_along, wind_conditions

#: Orbits between two that are simulated, so that 300 of 12 h span 3.4 Mercury years.
EVERY: Final = 2

#: Ejections from the Sun: chance that one passes during an orbit. 61 in the 1270 days to September
#: 2014, about a day each (Winslow et al. 2015, J. Geophys. Res. Space Phys. 120, 6101).
_EJECTIONS: Final = 61 / 1270

#: Noise of the magnetometer, nT.
_NOISE: Final = 0.03

#: Seconds around the periapsis that are simulated; beyond lies little but the wind.
LENGTH: Final = 8 * 3600

#: Seconds between places of the ellipse; in between it is straight to a quarter of a kilometre.
_STEP: Final = 20


@dataclass(frozen=True)
class Change:
    """What becomes different from one orbit to the next.

    Attributes
    ----------
    name
        For tables.
    strength, pressure
        Factors of the interplanetary field and of the ram pressure.
    offset
        Added to what the magnetometer measures, MSO, nT.
    days
        By which time leaps ahead, as in a gap of the data: another season.
    """

    name: str = "none"
    strength: float = 1.0
    pressure: float = 1.0
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    days: float = 0.0


@dataclass(frozen=True)
class Mission:
    """Which orbits are simulated.

    Attributes
    ----------
    seed
        Of everything random, the plane of the orbit among it.
    orbits
        How many.
    start
        Day of the first.
    every
        Revolutions from one to the next.
    still
        Whether the season stands still: all orbits have the time of the first, so that only chance
        makes them different.
    changes
        Changes, each with the number of the orbit from which on it holds.
    """

    seed: int
    orbits: int = 300
    start: str = "2011-03-24"
    every: int = EVERY
    still: bool = False
    changes: tuple[tuple[int, Change], ...] = field(default_factory=tuple)

    @property
    def ellipse(self) -> Ellipse:
        """The orbit, with a periapsis half a revolution after the start."""
        random = np.random.default_rng([self.seed, 0])
        first = int(np.datetime64(self.start, "s").astype(np.int64))
        first += int(random.uniform(0, 88 * 86400))
        plane = Ellipse(LOWEST * random.uniform(1.0, 2.2), HIGHEST, random.uniform(0, 2 * np.pi))
        return replace(plane, passage=first + 0.5 * plane.period)

    def change(self, number: int) -> Change:
        """Return what holds in an orbit, all changes until then together."""
        held = Change()
        for since, each in self.changes:
            if number >= since:
                held = Change(
                    each.name,
                    held.strength * each.strength,
                    held.pressure * each.pressure,
                    (
                        held.offset[0] + each.offset[0],
                        held.offset[1] + each.offset[1],
                        held.offset[2] + each.offset[2],
                    ),
                    held.days + each.days,
                )
        return held


def simulate_orbit(mission: Mission, number: int) -> Simulation:
    """Simulate one orbit of a mission, eight hours around its periapsis, at one second.

    Parameters
    ----------
    mission
        To which it belongs.
    number
        Of the orbit, from 0. It has the same chance in missions of one seed, with changes or
        without.
    """
    random = np.random.default_rng([mission.seed, 1 + number])
    change, ellipse = mission.change(number), mission.ellipse
    turns = 0 if mission.still else number * mission.every
    leap = round(change.days * 86400 / ellipse.period)
    first = round(ellipse.passage + (turns + leap) * ellipse.period) - LENGTH // 2
    seconds = first + np.arange(LENGTH, dtype=np.float64)
    knots = first + np.arange(0, LENGTH + _STEP, _STEP, dtype=np.float64)
    position = np.column_stack(
        [np.interp(seconds, knots, each) for each in positions(ellipse, knots).T]
    )
    empty = np.zeros((len(seconds), 3), np.float32)
    angle = slow_angle(MagSeries(first, empty, position.astype(np.float32)))
    place = aberrate(mso_to_msm(position) / MERCURY_RADIUS, angle)
    hours = knots[:: 3600 // _STEP]
    distance = np.interp(seconds, hours, mercury_orbit(hours.astype("datetime64[s]")).distance)
    wind = changed(wind_conditions(distance, random), change, random)
    magnetopause, bow_shock = boundaries(place, wind, random)
    regions = np.where(magnetopause < 1, 1, np.where(bow_shock < 1, 2, 3)).astype(np.int8)
    field_there = straighten(field_along(place, magnetopause, bow_shock, wind, random), angle)
    noise = _NOISE * random.standard_normal((len(seconds), 3))
    series = MagSeries(
        first,
        (field_there + noise + np.array(change.offset)).astype(np.float32),
        position.astype(np.float32),
        simulated=True,
        description=f"simulated orbit {number} of the mission of seed {mission.seed}",
    )
    crossings = crossings_from_regions(regions, np.linalg.norm(place, axis=1), first)
    classes = classes_of(crossings, first, len(series))
    classes = np.where(classes == UNKNOWN, classes_of_types(regions), classes).astype(np.int8)
    return Simulation(series, regions, crossings, classes, wind)


def changed(wind: Conditions, change: Change, random: np.random.Generator) -> Conditions:
    """Return the wind with a change, and with an ejection from the Sun if chance wants one.

    An ejection has a field that is stronger by a factor of about 2.2, which lowers the Alfvénic
    Mach number, and half as much again of pressure.
    """
    strength, pressure = change.strength, change.pressure
    factor, comes = float(np.exp(random.normal(np.log(2.2), 0.3))), random.random() < _EJECTIONS
    if comes:
        strength, pressure = strength * factor, pressure * 1.5
    # M_A = v / v_A: as the root of the pressure over the strength of the field.
    mach = np.clip(wind.mach * np.sqrt(pressure) / strength, 1.8, 20.0)
    return replace(wind, field=wind.field * strength, pressure=wind.pressure * pressure, mach=mach)
