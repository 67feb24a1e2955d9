"""A simulated orbit like Cluster's at one minute, with the regions and crossings that are true.

The solar wind moves both boundaries (`shells`), and they breathe besides, so that a spacecraft
crosses them once or many times on a pass. Samples are made every 15 s and averaged over minutes, as
an instrument's would be. ``python -m pipelines.earth_boundaries.simulate --days 10 --seed 1
--output orbit.csv --labels regions.csv`` writes an orbit with its regions.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d

from pipelines.boundaries.earth import EARTH_RADIUS
from pipelines.boundaries.frames import aberrate, aberration_angle, dipole_axis_gse, gse_to_gsm
from pipelines.contract import Progress, silent
from pipelines.earth_boundaries.foreshock import connection, foreshock_strength
from pipelines.earth_boundaries.moments import CADENCE, CHANNELS, FIELD, VELOCITY, MomentSeries
from pipelines.earth_boundaries.orbit import orbit_gse
from pipelines.earth_boundaries.plasmas import Plasma, magnetosheath, magnetosphere, solar_wind
from pipelines.earth_boundaries.regions import (
    FORESHOCK,
    MAGNETOSHEATH,
    MAGNETOSPHERE,
    REGIONS,
    SOLAR_WIND,
)
from pipelines.earth_boundaries.shells import (
    EARTH_SPEED,
    Shells,
    driven_shells,
    usual_surfaces,
)
from pipelines.earth_boundaries.upstream import (
    Upstream,
    red_noise,
    simulate_upstream,
    smooth_noise,
)

Values = NDArray[np.float64]

#: Samples in a minute.
_FINE = 4

#: Relative motion of magnetopause and bow shock that the wind does not explain, over hours and over
#: minutes. Of a bow shock at 13 Earth radii the last is 0.4 of them. The first was set so that
#: magnetopauses scatter about the model nearly as far as measured ones do (`realism`).
_SLOW_PAUSE, _SLOW_SHOCK, _QUICK = 0.09, 0.07, 0.03
_SLOW_MEMORY, _QUICK_MEMORY = 240.0 * _FINE, 9.0 * _FINE

#: Strength from which on wind is called foreshock.
_FORESHOCK = 0.25

#: Excursions into another region shorter than half of this many minutes are not counted.
_SHORTEST = 5


@dataclass(frozen=True)
class Simulation:
    """A simulated orbit and its truth.

    Attributes
    ----------
    series
        What is measured.
    regions
        Number of `regions.REGIONS` of each minute, shape (n,).
    """

    series: MomentSeries
    regions: NDArray[np.int64]

    def intervals(self) -> pd.DataFrame:
        """Return the regions as intervals: columns ``start, stop, region``."""
        edges = np.flatnonzero(np.diff(self.regions)) + 1
        firsts = np.concatenate(([0], edges))
        lasts = np.concatenate((edges, [len(self.regions)]))
        time = self.series.time
        ends = np.concatenate((time, [time[-1] + CADENCE]))
        return pd.DataFrame(
            {
                "start": ends[firsts],
                "stop": ends[lasts],
                "region": [REGIONS[code] for code in self.regions[firsts]],
            }
        )


def simulate(
    *,
    start: str | np.datetime64 = "2003-02-01",
    days: float = 10.0,
    seed: int = 1,
    progress: Progress = silent,
) -> Simulation:
    """Simulate an orbit.

    Parameters
    ----------
    start
        UTC. From December to May the orbit reaches the solar wind.
    days
        How long.
    seed
        The same seed gives the same orbit to the last digit.
    progress
        Told how the work goes on.
    """
    random = np.random.default_rng(seed)
    minutes = round(days * 1440)
    begin = np.datetime64(start, "m").astype("datetime64[us]")
    times = begin + np.arange(minutes) * CADENCE
    position = orbit_gse(times, phase=float(random.random()))
    wind = simulate_upstream(random, minutes)
    progress("simulating the solar wind", 1, 3)
    shells = _moving_shells(position, times, wind, random)
    outside = (shells.bow_shock > 1).reshape(minutes, _FINE).any(axis=1)
    strength = _foreshock(position, wind, shells, outside)
    progress("simulating the boundaries", 2, 3)
    plasma, codes = _measured(position, times, wind, shells, strength, random)
    progress("simulating the plasmas", 3, 3)
    regions = _regions(codes, strength)
    series = MomentSeries(
        spacecraft="simulation",
        instrument="simulation",
        start=begin,
        data=_table(plasma, position, random),
        description=f"simulated orbit of {days:g} days from {begin}, seed {seed}",
        simulated=True,
    )
    return Simulation(series, regions)


def _finer(values: Values) -> Values:
    """Return values of minutes at the middles of 15-s samples, interpolated; axis 0 is time."""
    count = len(values)
    middles = (np.arange(count * _FINE) + 0.5) / _FINE - 0.5
    columns = values.reshape(count, -1)
    finer = [np.interp(middles, np.arange(count), column) for column in columns.T]
    return np.asarray(np.column_stack(finer).reshape(-1, *values.shape[1:]))


def _moving_shells(
    position: Values, times: NDArray[np.datetime64], wind: Upstream, random: np.random.Generator
) -> Shells:
    """Return shell factors every 15 s in boundaries that the wind moves and that breathe."""
    bz = gse_to_gsm(wind.field, times)[:, 2]
    steady = uniform_filter1d(bz, 15)  # the magnetopause erodes in a quarter of an hour
    driven = driven_shells(position, wind.density, wind.speed, steady, wind.magnetosonic_mach())
    count = len(position) * _FINE
    moved = []
    for shell, slow in ((driven.magnetopause, _SLOW_PAUSE), (driven.bow_shock, _SLOW_SHOCK)):
        motion = slow * red_noise(random, count, _SLOW_MEMORY)
        motion = motion + _QUICK * smooth_noise(random, count, _QUICK_MEMORY)
        moved.append(np.exp(np.log(_finer(shell)) + motion))
    # The shock stays outside of the magnetopause, wherever both have moved to.
    return Shells(moved[0], np.minimum(moved[1], moved[0] / 1.05))


def _foreshock(
    position: Values, wind: Upstream, shells: Shells, outside: NDArray[np.bool_]
) -> Values:
    """Return the strength of the foreshock of each minute, 0 where not outside."""
    strength = np.zeros(len(position))
    if not outside.any():
        return strength
    _, shock = usual_surfaces()
    angle = aberration_angle(np.full(int(outside.sum()), EARTH_SPEED))
    place = aberrate(position[outside], angle)
    field = aberrate(uniform_filter1d(wind.field, 3, axis=0)[outside], angle)
    now = shells.bow_shock.reshape(-1, _FINE).max(axis=1)[outside]
    scale = now / shock.shell_factor(place)
    strength[outside] = foreshock_strength(*connection(place, field, shock, scale))
    return np.asarray(uniform_filter1d(strength, 5))


def _measured(
    position: Values,
    times: NDArray[np.datetime64],
    wind: Upstream,
    shells: Shells,
    strength: Values,
    random: np.random.Generator,
) -> tuple[Plasma, NDArray[np.int64]]:
    """Return plasma and region (foreshock counts as wind) of each 15-s sample."""
    finer = Upstream(*(_finer(each) for each in (wind.density, wind.speed, wind.temperature)),
                     field=_finer(wind.field))  # fmt: skip
    place = _finer(position)
    _, shock = usual_surfaces()
    apparent = aberrate(place, aberration_angle(np.full(len(place), EARTH_SPEED)))
    normal = shock.normal(apparent)
    width = np.maximum(shells.magnetopause / shells.bow_shock - 1, 1e-3)
    depth = np.clip(1 - (shells.magnetopause - 1) / width, 0, 1)
    cosine = np.abs(np.sum(finer.field * normal, axis=1))
    parallel = cosine > np.cos(np.pi / 4) * np.linalg.norm(finer.field, axis=1)
    sheath = magnetosheath(finer, normal, depth, parallel, random)
    inner = magnetosphere(place, np.repeat(dipole_axis_gse(times), _FINE, axis=0), random)
    outer = solar_wind(finer, _finer(strength), random)
    beyond, within = shells.bow_shock > 1, shells.magnetopause < 1
    codes = np.where(beyond, SOLAR_WIND, np.where(within, MAGNETOSPHERE, MAGNETOSHEATH))
    return outer.where(beyond, inner.where(within, sheath)), codes


def _regions(codes: NDArray[np.int64], strength: Values) -> NDArray[np.int64]:
    """Return the region of each minute: most of its samples, without short excursions."""
    fine = codes.reshape(-1, _FINE)
    minute = np.sort(fine, axis=1)[:, _FINE // 2].astype(np.int64)
    calm = np.where((minute == SOLAR_WIND) & (strength > _FORESHOCK), FORESHOCK, minute)
    # Codes go from the outside inwards, so that a median lets no region appear that was not there.
    filtered: NDArray[np.int64] = median_filter(calm, size=_SHORTEST, mode="nearest")
    return filtered


def _table(plasma: Plasma, position: Values, random: np.random.Generator) -> pd.DataFrame:
    """Return the means of minutes with the errors of instruments."""

    def mean(values: Values) -> Values:
        return np.asarray(values.reshape(len(position), _FINE, -1).mean(axis=1))

    density = mean(plasma.density)[:, 0]
    # Temperatures are second moments: samples count by their density.
    temperature = mean(plasma.density * plasma.temperature)[:, 0] / density
    count = len(position)
    columns = {
        **dict(zip(FIELD, mean(plasma.field).T, strict=True)),
        "n": density * np.exp(0.04 * random.standard_normal(count)),
        **dict(
            zip(VELOCITY, (mean(plasma.velocity) + random.normal(0, 5, (count, 3))).T, strict=True)
        ),
        "t": temperature * np.exp(0.05 * random.standard_normal(count)),
        **dict(zip(("x", "y", "z"), (position * EARTH_RADIUS).T, strict=True)),
    }
    table = pd.DataFrame(columns)[list(CHANNELS)]
    _lose(table, random)
    return table


def _lose(table: pd.DataFrame, random: np.random.Generator) -> None:
    """Put gaps into the plasma, and shorter ones into everything, once in a few days."""
    plasma = ["n", *VELOCITY, "t"]
    for names, length in ((plasma, 90), ([*FIELD, *plasma], 25)):
        for _ in range(random.poisson(len(table) / 4320)):
            first = int(random.integers(len(table)))
            table.loc[first : first + int(random.integers(3, length)), names] = np.nan


def main() -> int:
    """Read the command line and write an orbit with its regions."""
    parser = argparse.ArgumentParser(description="A simulated orbit with its true regions.")
    parser.add_argument("--start", default="2003-02-01")
    parser.add_argument("--days", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True, help="measurements, CSV")
    parser.add_argument("--labels", type=Path, required=True, help="true regions, CSV")
    arguments = parser.parse_args()
    made = simulate(start=arguments.start, days=arguments.days, seed=arguments.seed)
    table = made.series.data.copy()
    table.insert(0, "time", made.series.time)
    table.to_csv(arguments.output, index=False, date_format="%Y-%m-%dT%H:%M:%S")
    made.intervals().to_csv(arguments.labels, index=False, date_format="%Y-%m-%dT%H:%M:%S")
    return 0


if __name__ == "__main__":
    sys.exit(main())
