"""The simulated orbit: wind, boundaries, foreshock, plasmas, and the truth that belongs to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")

from pipelines.boundaries.earth import (
    EARTH_RADIUS,
    dynamic_pressure,
    jelinek2012_bow_shock,
    shue1998,
)
from pipelines.boundaries.frames import aberrate, aberration_angle
from pipelines.earth_boundaries.foreshock import connection, foreshock_strength
from pipelines.earth_boundaries.moments import CHANNELS, FIELD
from pipelines.earth_boundaries.orbit import orbit_gse, period
from pipelines.earth_boundaries.plasmas import compression
from pipelines.earth_boundaries.regions import (
    FORESHOCK,
    MAGNETOSHEATH,
    MAGNETOSPHERE,
    REGIONS,
    SOLAR_WIND,
)
from pipelines.earth_boundaries.shells import EARTH_SPEED, driven_shells, usual_shells
from pipelines.earth_boundaries.simulate import main, simulate
from pipelines.earth_boundaries.upstream import red_noise, simulate_upstream, smooth_noise


@pytest.fixture(scope="module")
def orbit():
    return simulate(days=6, seed=11)


def test_the_orbit_of_cluster_takes_57_hours_between_4_and_20_radii():
    assert period() / 3600 == pytest.approx(57, abs=0.2)
    times = np.datetime64("2003-02-01", "us") + np.arange(4 * 1440) * np.timedelta64(60, "s")
    distance = np.linalg.norm(orbit_gse(times), axis=1)
    assert distance.min() == pytest.approx(4.0, abs=0.05)
    assert distance.max() == pytest.approx(19.6, abs=0.05)


@pytest.mark.parametrize(("month", "x", "y"), [("02", 1, 0), ("05", 0, -1), ("08", -1, 0)])
def test_the_apogee_is_at_noon_in_february_at_dawn_in_may_and_at_midnight_in_august(month, x, y):
    begin = np.datetime64(f"2003-{month}-17", "us")
    position = orbit_gse(begin + np.arange(3500) * np.timedelta64(60, "s"))
    apogee = position[np.linalg.norm(position, axis=1).argmax()] / 19.6
    np.testing.assert_allclose(apogee, [x, y, 0], atol=0.12)


def test_wind_has_the_means_of_the_solar_wind():
    wind = simulate_upstream(np.random.default_rng(0), 200 * 1440)
    assert np.median(wind.speed) == pytest.approx(420, abs=40)
    assert np.median(wind.density) == pytest.approx(5.5, abs=2)
    size = np.linalg.norm(wind.field, axis=1)
    assert np.median(size) == pytest.approx(5.3, abs=1)
    # Parker's spiral: field along (-1, 1) or (1, -1) in GSE's x and y.
    assert np.corrcoef(wind.field[:, 0], wind.field[:, 1])[0, 1] < -0.5
    assert np.median(wind.magnetosonic_mach()) == pytest.approx(6, abs=2)


@pytest.mark.parametrize("noise", [red_noise, smooth_noise])
def test_noise_has_unit_variance_and_forgets(noise):
    values = noise(np.random.default_rng(2), 400_000, 20.0)
    assert values.std() == pytest.approx(1, abs=0.05)
    assert abs(np.corrcoef(values[:-400], values[400:])[0, 1]) < 0.1


@given(mach=st.floats(1.05, 50))
def test_a_shock_compresses_by_more_than_1_and_less_than_4(mach):
    ratio = float(compression(np.array([mach]))[0])
    assert 1 < ratio < 4


def test_a_strong_shock_compresses_nearly_fourfold():
    assert compression(np.array([100.0]))[0] == pytest.approx(4, abs=0.01)


@settings(max_examples=50, deadline=None)
@given(
    density=st.floats(0.5, 60),
    speed=st.floats(280, 800),
    bz=st.floats(-20, 20),
    mach=st.floats(1.2, 20),
    angle=st.floats(0, 2.4),
)
def test_the_bow_shock_is_outside_of_the_magnetopause_in_any_wind(density, speed, bz, mach, angle):
    place = 12 * np.array([[np.cos(angle), np.sin(angle), 0.0]])
    arrays = (np.array([each]) for each in (density, speed, bz, mach))
    shells = driven_shells(place, *arrays)
    # The farther out a boundary, the smaller the shell factor of a point.
    assert shells.bow_shock[0] < shells.magnetopause[0]


def test_all_points_together_have_the_shell_factors_of_each_models_surface():
    random = np.random.default_rng(8)
    place = random.normal(0, 10, (40, 3))
    density, speed = random.uniform(2, 20, 40), random.uniform(300, 700, 40)
    bz = random.uniform(-10, 10, 40)
    shells = driven_shells(place, density, speed, bz, np.full(40, 6.0))
    apparent = aberrate(place, aberration_angle(np.full(40, EARTH_SPEED)))
    for number in range(40):
        pressure = dynamic_pressure(float(density[number]), float(speed[number]), 0.04)
        inner = shue1998(pressure, float(bz[number])).shell_factor(apparent[number])
        outer = jelinek2012_bow_shock(pressure).shell_factor(apparent[number])
        assert shells.magnetopause[number] == pytest.approx(float(inner), rel=1e-9)
        assert shells.bow_shock[number] == pytest.approx(min(float(outer), float(inner) / 1.1))


def test_a_point_on_the_models_noses_has_shell_factors_of_one_but_for_aberration():
    nose = jelinek2012_bow_shock(2.056).standoff
    assert nose == pytest.approx(13.46, abs=0.01)
    shells = usual_shells(np.array([[nose, 0.0, 0.0]]))
    assert shells.bow_shock[0] == pytest.approx(1, abs=0.01)


def test_radial_field_connects_to_the_nose_and_makes_a_foreshock():
    surface = jelinek2012_bow_shock(2.056)
    place = np.array([[16.0, 0.0, 0.0]])
    distance, angle = connection(place, np.array([[5.0, 0.0, 0.0]]), surface, np.ones(1))
    assert distance[0] == pytest.approx(16 - 13.46, abs=0.5)
    assert angle[0] == pytest.approx(0, abs=3)
    assert foreshock_strength(distance, angle)[0] > 0.7


def test_a_field_across_the_flow_does_not_connect_ahead_of_the_nose():
    surface = jelinek2012_bow_shock(2.056)
    distance, angle = connection(
        np.array([[16.0, 0.0, 0.0]]), np.array([[0.0, 5.0, 0.0]]), surface, np.ones(1)
    )
    assert np.isnan(distance[0])
    assert np.isnan(angle[0])
    assert foreshock_strength(distance, angle)[0] == 0.0


def test_the_same_seed_gives_the_same_orbit_and_another_one_another():
    first, again, other = (simulate(days=0.5, seed=seed) for seed in (11, 11, 12))
    extent = first.series.extent
    assert again.series.digest(extent) == first.series.digest(extent)
    np.testing.assert_array_equal(again.regions, first.regions)
    assert other.series.digest(extent) != first.series.digest(extent)


def test_an_orbit_passes_all_regions_and_is_labelled_as_simulated(orbit):
    assert set(orbit.regions.tolist()) == {0, 1, 2, 3}
    assert orbit.series.simulated
    assert orbit.series.spacecraft == "simulation"
    assert list(orbit.series.data.columns) == list(CHANNELS)


def test_plasmas_of_the_regions_are_in_the_right_relations(orbit):
    def median(name, region):
        return float(np.nanmedian(orbit.series.channel(name)[orbit.regions == region]))

    size = np.linalg.norm(orbit.series.vectors(FIELD), axis=1)
    assert median("n", MAGNETOSHEATH) > 2 * median("n", SOLAR_WIND)
    assert median("t", MAGNETOSHEATH) > 5 * median("t", SOLAR_WIND)
    assert median("t", FORESHOCK) > 2 * median("t", SOLAR_WIND)
    assert median("vx", MAGNETOSHEATH) > 0.7 * median("vx", SOLAR_WIND)
    assert median("n", MAGNETOSPHERE) < 0.3 * median("n", MAGNETOSHEATH)
    sheath, wind = (np.nanmedian(size[orbit.regions == each]) for each in (2, 0))
    assert sheath > 2 * wind


def test_regions_lie_where_they_are_around_the_earth(orbit):
    distance = np.linalg.norm(orbit.series.radii, axis=1)
    assert distance[orbit.regions == MAGNETOSPHERE].min() < 5
    assert distance[orbit.regions == SOLAR_WIND].min() > 9
    assert (orbit.regions[distance < 6] == MAGNETOSPHERE).all()


def test_intervals_of_regions_join_and_cover_the_orbit(orbit):
    table = orbit.intervals()
    assert (table.start.iloc[1:].to_numpy() == table.stop.iloc[:-1].to_numpy()).all()
    assert (table.region.iloc[1:].to_numpy() != table.region.iloc[:-1].to_numpy()).all()
    minutes = (table.stop - table.start).dt.total_seconds().sum() / 60
    assert minutes == len(orbit.series)
    assert set(table.region) <= set(REGIONS)


def test_the_command_writes_an_orbit_that_can_be_read_again(tmp_path, monkeypatch):
    from pipelines.earth_boundaries.files import read_moments

    output, labels = tmp_path / "simulation.csv", tmp_path / "regions.csv"
    monkeypatch.setattr(
        "sys.argv",
        [
            "simulate",
            "--days",
            "1",
            "--seed",
            "3",
            "--output",
            str(output),
            "--labels",
            str(labels),
        ],
    )
    assert main() == 0
    back, made = read_moments(output), simulate(days=1, seed=3)
    assert back.simulated
    assert back.start == made.series.start
    np.testing.assert_allclose(
        back.data.to_numpy(), made.series.data.to_numpy(), rtol=1e-9, atol=1e-9
    )
    assert np.linalg.norm(back.vectors(("x", "y", "z")), axis=1).max() < 20 * EARTH_RADIUS
    assert len(labels.read_text().splitlines()) == len(made.intervals()) + 1
