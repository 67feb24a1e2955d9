"""Fine structure of simulated wind: its steps are heavy-tailed, in bursts, and belong together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("scipy")

from pipelines.icme.simulate import simulate
from pipelines.icme.structure import Unrest, draw_unrest, fine_structure, unrest_levels

UNREST = Unrest(field=0.05, density=0.07, temperature=0.1, speed=4.0, turning=0.5)
DAYS = 300 * 144


@pytest.fixture(scope="module")
def structure():
    return fine_structure(np.random.default_rng(7), DAYS, UNREST)


def steps_of(*channels: np.ndarray) -> np.ndarray:
    return np.diff(np.column_stack(channels), axis=0)


def test_the_same_generator_gives_the_same_structure(structure):
    again = fine_structure(np.random.default_rng(7), DAYS, UNREST)
    assert (again.field == structure.field).all()
    assert (again.turning == structure.turning).all()


def test_denser_and_hotter_gas_goes_with_weaker_field(structure):
    steps = steps_of(structure.field, structure.density, structure.temperature)
    low, high = np.quantile(steps, [0.02, 0.98], axis=0)
    together = np.corrcoef(np.clip(steps, low, high).T)
    assert together[0, 1] < -0.2
    assert together[0, 2] < -0.1
    assert together[1, 2] > 0.05


def test_steps_are_heavy_tailed_and_their_level_lasts_for_hours(structure):
    steps = steps_of(structure.field)[:, 0]
    assert pd.Series(steps).kurt() > 3
    level = np.log(steps[: len(steps) // 36 * 36].reshape(-1, 36).std(axis=1))
    assert np.corrcoef(level[1:], level[:-1])[0, 1] > 0.2
    assert 0.3 < level.std() < 1.0


def test_fluctuations_grow_with_the_lag_but_stay_bounded(structure):
    deviations = [np.std(structure.field[lag:] - structure.field[:-lag]) for lag in (1, 6, 36)]
    assert deviations[0] < deviations[1] < deviations[2]
    assert abs(np.median(structure.field)) < 0.05
    halves = [half.std() for half in np.array_split(structure.field, 2)]
    assert halves[0] == pytest.approx(halves[1], rel=0.3)


def test_sizes_follow_the_unrest_that_is_asked_for():
    twice = Unrest(*(2 * getattr(UNREST, name) for name in UNREST.__slots__))
    one, two = (
        fine_structure(np.random.default_rng(3), 5000, unrest) for unrest in (UNREST, twice)
    )
    for name in ("field", "density", "temperature", "speed", "turning"):
        assert getattr(two, name) == pytest.approx(2 * getattr(one, name)), name


def test_levels_are_positive_with_median_one():
    levels = unrest_levels(np.random.default_rng(5), DAYS)
    assert (levels > 0).all()
    assert np.median(levels, axis=0) == pytest.approx(np.ones(5), abs=0.15)


def test_fine_wind_has_the_same_streams_but_other_fluctuations_than_plain_wind():
    plain, fine = (simulate(seed=5, days=40, fine=each) for each in (False, True))
    assert plain.regions.equals(fine.regions)
    assert plain.series.sha256() != fine.series.sha256()
    steps = [
        np.log(np.abs(np.diff(np.log(each.series.channel("np")))) + 1e-3) for each in (plain, fine)
    ]
    spreads = [np.nanquantile(each, 0.9) - np.nanquantile(each, 0.1) for each in steps]
    assert spreads[1] > spreads[0]


def test_drawn_unrest_is_positive_and_differs():
    drawn = [draw_unrest(np.random.default_rng(seed)) for seed in range(20)]
    assert all(each.field > 0 and each.speed > 0 for each in drawn)
    assert len({each.density for each in drawn}) == 20


def test_steps_of_simulated_wind_are_of_the_size_of_real_ones(real_data):
    from pipelines.icme.source import open_source

    real = open_source(real_data / "insitu_stereob_2013_2014_10min.csv.gz")
    simulated = [simulate(seed=seed, fine=True).series for seed in (301, 302)]

    def size(series, name: str) -> float:
        values = series.channel(name)
        steps = np.diff(values if name == "vt" else np.log(np.maximum(values, 0.05)))
        return float(np.subtract(*np.nanquantile(steps, [0.75, 0.25])))

    for name in ("bt", "np", "tp", "vt"):
        ratio = np.mean([size(each, name) for each in simulated]) / size(real, name)
        # Half to double: Wind's steps of density are half as large as those of STEREO-B.
        assert 0.5 < ratio < 2, name
