"""Simulated orbits are like MESSENGER's, and what the network sees of them is what was measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")

from pipelines.boundaries.mercury import MERCURY_RADIUS, dipole_field
from pipelines.mercury_boundaries.features import (
    BIN,
    CHANNELS,
    FAR,
    bin_classes,
    bin_series,
    bins_to_nearest,
    channels,
    vary,
)
from pipelines.mercury_boundaries.labels import BOW_SHOCK, MAGNETOSPHERE, SOLAR_WIND, UNKNOWN
from pipelines.mercury_boundaries.orbit import Ellipse, positions
from pipelines.mercury_boundaries.prior import learn_prior
from pipelines.mercury_boundaries.series import MagSeries
from pipelines.mercury_boundaries.simulate import simulate


def test_the_ellipse_has_the_altitudes_period_and_latitude_of_messenger():
    orbit = Ellipse(passage=1.325e9)
    seconds = 1.325e9 + np.arange(-21770, 21770, 10.0)
    place = positions(orbit, seconds)
    altitude = np.linalg.norm(place, axis=1) - MERCURY_RADIUS
    assert orbit.period / 3600 == pytest.approx(12.1, abs=0.1)
    assert altitude.min() == pytest.approx(200, abs=2)
    assert altitude.max() == pytest.approx(15300, abs=20)
    lowest = place[altitude.argmin()]
    assert np.degrees(np.arcsin(lowest[2] / np.linalg.norm(lowest))) == pytest.approx(65, abs=0.5)


def test_the_plane_of_the_orbit_turns_once_a_mercury_year():
    orbit = Ellipse(passage=1.325e9)
    passages = 1.325e9 + orbit.period * np.arange(0, 176)
    place = np.array([positions(orbit, np.array([each]))[0] for each in passages])
    longitude = np.unwrap(np.arctan2(place[:, 1], place[:, 0]))
    turned = np.degrees(longitude[-1] - longitude[0])
    assert abs(turned) == pytest.approx(360 * 175 * orbit.period / (87.969 * 86400), abs=8)


def test_the_same_seed_gives_the_same_orbits_and_another_one_others():
    first, again = (simulate(orbits=0.2, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.series.field, again.series.field)
    other = simulate(orbits=0.2, seed=4)
    assert not np.array_equal(first.series.field, other.series.field, equal_nan=True)


def test_regions_of_simulated_orbits_have_the_fields_that_were_measured(simulated_orbits):
    strength = np.linalg.norm(simulated_orbits.series.field, axis=1)
    medians = [
        float(np.nanmedian(strength[simulated_orbits.regions == each])) for each in (1, 2, 3)
    ]
    assert 30 < medians[0] < 120
    assert 25 < medians[1] < 100
    assert 8 < medians[2] < 35
    assert np.nanmax(strength) > 300


def test_legs_of_simulated_orbits_have_crossings_in_order(simulated_orbits):
    crossings = simulated_orbits.crossings
    assert len(crossings) >= 12
    # Where the shock stands beyond the highest point, an orbit may miss it on one leg.
    steps = np.diff(crossings.kind) % 4
    assert (steps != 0).all()
    assert (steps == 1).mean() > 0.7
    assert (crossings.end > crossings.start).all()
    classes = simulated_orbits.classes
    assert set(np.unique(classes)) == {0, 1, 2, 3, 4}


def test_multiple_crossings_come_about(simulated_orbits):
    changes = np.count_nonzero(np.diff(simulated_orbits.regions))
    assert changes > 2 * len(simulated_orbits.crossings)


# What the network sees --------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(low=st.integers(0, 5000), length=st.integers(5, 3000))
def test_a_bin_is_the_same_in_any_excerpt_that_holds_its_samples(simulated_orbits, low, length):
    series = simulated_orbits.series
    series = series.between(series.first, series.first + 9000)
    whole = bin_series(series)
    part = bin_series(series.between(series.first + low, series.first + low + length))
    inner = slice(1, len(part) - 1)
    offset = part.first - whole.first
    other = whole.slice(offset, offset + len(part))
    for name in ("field", "strength", "unrest", "unrest_of_strength", "known", "place"):
        np.testing.assert_array_equal(getattr(part, name)[inner], getattr(other, name)[inner])


def test_gaps_are_left_out_of_bins_and_empty_bins_are_unknown():
    field = np.full((3 * BIN, 3), [3.0, 4.0, 0.0], np.float32)
    field[1] = np.nan
    field[BIN : 2 * BIN] = np.nan
    bins = bin_series(MagSeries(10 * BIN, field, None))
    assert list(bins.known) == [True, False, True]
    np.testing.assert_allclose(bins.strength, [5, 0, 5])
    np.testing.assert_allclose(bins.unrest, 0, atol=1e-5)
    rows = channels(bins)
    assert rows.shape == (len(CHANNELS), 3)
    assert not rows[:, 1].any()
    assert not rows[CHANNELS.index("position_mask")].any()
    assert list(rows[CHANNELS.index("field_mask")]) == [1, 0, 1]


def test_a_crossing_of_one_second_is_the_class_of_its_bin():
    classes = np.full(3 * BIN, SOLAR_WIND, np.int8)
    classes[BIN + 2] = BOW_SHOCK
    classes[2 * BIN :] = UNKNOWN
    assert list(bin_classes(classes, 0)) == [SOLAR_WIND, BOW_SHOCK, UNKNOWN]


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_the_way_to_the_nearest_is_that_of_looking_everywhere(given_flags):
    flags = np.array(given_flags)
    there = np.flatnonzero(flags)
    expected = [
        min([abs(each - place) for each in there], default=FAR) for place in range(len(flags))
    ]
    np.testing.assert_array_equal(bins_to_nearest(flags), expected)


def test_variation_leaves_the_dipole_a_dipole():
    random = np.random.default_rng(6)
    place = random.normal(size=(50, 3)) + 0.3
    place *= 1.5 / np.linalg.norm(place, axis=1, keepdims=True)
    field = dipole_field(place).astype(np.float32)
    bins = bin_series(MagSeries(0, np.repeat(field, BIN, axis=0), None))
    from dataclasses import replace

    bins = replace(bins, field=field, place=place.astype(np.float32))
    along = CHANNELS.index("along_dipole")
    for _ in range(8):
        np.testing.assert_allclose(channels(vary(bins, random))[along], 1.0, atol=1e-3)


def test_the_prior_says_what_was_counted_and_nothing_where_no_strong_field_is_near():
    field = np.full((4000 * BIN, 3), 10.0, np.float32)
    field[: 10 * BIN] = 300.0
    bins = bin_series(MagSeries(0, field, None))
    classes = np.full(len(bins), SOLAR_WIND, np.int8)
    classes[:900] = MAGNETOSPHERE
    prior = learn_prior([(bins, classes)])
    said = prior(np.full((5, len(bins)), 0.2, np.float32), bins)
    np.testing.assert_allclose(said.sum(axis=0), 1.0, rtol=1e-5)
    assert said[MAGNETOSPHERE, 100] > 2 * said[SOLAR_WIND, 100]
    assert said[SOLAR_WIND, 3000] > 2 * said[MAGNETOSPHERE, 3000]
    far = bin_series(MagSeries(0, field[20 * BIN :], None))
    even = prior(np.full((5, len(far)), 0.2, np.float32), far)
    np.testing.assert_allclose(even, 0.2, rtol=1e-5)
