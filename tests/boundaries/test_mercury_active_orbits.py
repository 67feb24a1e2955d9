"""Orbits as active learning and drift see them: simulated missions, summaries, extents."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")

from pipelines.mercury_boundaries.active.mission import LENGTH, Change, Mission, simulate_orbit
from pipelines.mercury_boundaries.active.orbits import (
    HALF,
    MEASURES,
    around_periapsis,
    divide,
    periapses,
    summarise,
)
from pipelines.mercury_boundaries.active.prepare import prepared_mission
from pipelines.mercury_boundaries.catalogue import build_frame
from pipelines.mercury_boundaries.lists import KINDS, Crossings
from pipelines.mercury_boundaries.passages import Passages

MISSION = Mission(7)


def measure(name):
    return MEASURES.index(name)


@pytest.fixture(scope="module")
def orbit():
    return simulate_orbit(MISSION, 3)


def changed(**values):
    return summarise(
        simulate_orbit(Mission(7, changes=((0, Change("it", **values)),)), 3).series
    ).measures


def test_a_simulated_orbit_stands_around_its_periapsis_and_is_the_same_each_time(orbit):
    again = simulate_orbit(MISSION, 3)
    assert np.array_equal(again.series.field, orbit.series.field)
    assert len(orbit.series) == LENGTH
    assert orbit.series.simulated
    (lowest,) = periapses(orbit.series)
    assert abs(lowest - (orbit.series.first + LENGTH // 2)) <= 60


def test_the_season_goes_on_from_orbit_to_orbit_unless_it_stands_still():
    places = [summarise(simulate_orbit(MISSION, each).series).place for each in (0, 20)]
    assert np.linalg.norm(places[1][1:] - places[0][1:]) > 0.5
    still = Mission(7, still=True)
    places = [summarise(simulate_orbit(still, each).series).place for each in (0, 20)]
    assert np.allclose(places[0], places[1])


def test_a_change_holds_from_its_orbit_on_and_changes_add_up():
    mission = Mission(
        7, changes=((3, Change("a", strength=2.0)), (5, Change("b", strength=1.5, days=4.0)))
    )
    assert mission.change(2) == Change()
    assert mission.change(4).strength == 2.0
    assert mission.change(9).strength == 3.0
    assert mission.change(9).days == 4.0


def test_an_offset_of_the_magnetometer_is_seen_deep_inside(orbit):
    before = summarise(orbit.series).measures
    after = changed(offset=(3.0, -2.0, 1.5))
    inside = [measure(f"inner_excess_{axis}") for axis in "xyz"]
    assert (after - before)[inside] == pytest.approx([3.0, -2.0, 1.5], abs=0.6)


def test_a_stronger_wind_is_seen_outside(orbit):
    before = summarise(orbit.series).measures
    after = changed(strength=2.0)
    place = measure("wind_strength")
    assert after[place] - before[place] == pytest.approx(np.log(2), abs=0.25)


def test_a_leap_in_time_is_another_season(orbit):
    other = Mission(7, still=True, changes=((0, Change("leap", days=22.0)),))
    first = summarise(simulate_orbit(Mission(7, still=True), 3).series).place
    second = summarise(simulate_orbit(other, 3).series).place
    # A quarter of Mercury's year.
    assert abs(second[0] - first[0]) > 0.01
    assert first[1:] @ second[1:] < 0.6


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=st.integers(4 * 3600 + 180, 11 * 3600), after=st.integers(4 * 3600 + 180, 11 * 3600))
def test_an_orbit_is_the_same_in_whatever_excerpt_it_stands(simulated_orbits, before, after):
    series = simulated_orbits.series
    time = periapses(series)[1]
    part = series.between(time - before, time + after)
    assert time in periapses(part)
    mine, other = (summarise(around_periapsis(each, time)) for each in (part, series))
    assert np.array_equal(mine.measures, other.measures, equal_nan=True)
    assert np.array_equal(mine.place, other.place)
    assert (mine.start, mine.stop) == (other.start, other.stop)


def test_a_series_is_divided_into_orbits_that_touch(simulated_orbits):
    extents = divide(simulated_orbits.series)
    assert len(extents) == 4
    for first, second in itertools.pairwise(extents):
        assert first.last == second.first
    for each in extents:
        assert each.first < each.periapsis < each.last
        assert each.last - each.first <= 2 * HALF


def test_orbits_have_the_names_of_the_catalogue(simulated_orbits):
    series = simulated_orbits.series
    extents = divide(series)
    middle = np.array([each.periapsis - 3000.0 for each in extents])
    crossings = Crossings(middle, middle + 60.0, np.zeros(len(middle), dtype=np.int64))
    count = len(crossings)
    passages = Passages(
        np.zeros(0, np.int8), np.zeros((5, 0), np.float32), crossings,
        np.zeros((count, 2), np.int64), np.ones(count),
    )  # fmt: skip
    frame = build_frame(
        series, passages, np.ones(count), np.ones(count, bool), model="m", version="v", digest="d"
    )
    assert list(frame.orbit_id) == [each.name for each in extents]
    assert frame.drift_label.str.fullmatch(r"D[0-7]|new").all()
    assert len(KINDS) == 4


def test_without_position_there_are_no_orbits(simulated_orbits):
    series = simulated_orbits.series.without_position()
    assert periapses(series) == []
    assert divide(series) == []
    assert summarise(series) is None


def test_an_orbit_without_field_has_no_summary(orbit):
    empty = replace(orbit.series, field=np.full_like(orbit.series.field, np.nan))
    assert summarise(empty) is None


def test_prepared_orbits_are_read_back_as_they_were_kept(tmp_path):
    made = prepared_mission(MISSION, [0, 5], cache=tmp_path)
    (path,) = tmp_path.glob("*.npz")
    written = path.stat().st_mtime_ns
    kept = prepared_mission(MISSION, [0, 5], cache=tmp_path)
    assert path.stat().st_mtime_ns == written
    for one, other in zip(made, kept, strict=True):
        assert np.array_equal(one.cells.features, other.cells.features)
        assert np.array_equal(one.cells.classes, other.cells.classes)
        assert np.array_equal(one.rolling, other.rolling)
        assert np.array_equal(one.summary.measures, other.summary.measures, equal_nan=True)
        assert one.summary.start == other.summary.start
