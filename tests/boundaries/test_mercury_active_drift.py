"""Detectors of drift: blocks of orbits against those before, regimes, and the published network."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")

from pipelines.errors import WeightsError
from pipelines.mercury_boundaries.active.column import DriftLabels, drift_name, drift_of
from pipelines.mercury_boundaries.active.drift import (
    BLOCK,
    find_drifts,
    learn_expectation,
    load_drift_model,
    season_terms,
)
from pipelines.mercury_boundaries.active.injection import judge
from pipelines.mercury_boundaries.active.orbits import MEASURES, OrbitSummary
from pipelines.mercury_boundaries.series import MagSeries

COUNT = len(MEASURES)


@pytest.fixture(scope="module")
def model():
    return load_drift_model()


def usual(model, turns, distance=0.387):
    """Return orbits that are exactly what the season lets expect."""
    places = np.array([[distance, np.cos(turn), np.sin(turn)] for turn in turns])
    expected = season_terms(places) @ model.expectation.seasonal
    return [
        OrbitSummary(0.0, 1.0, measures, place)
        for measures, place in zip(expected, places, strict=True)
    ]


def noise(blocks, seed=0):
    return np.random.default_rng(seed).standard_normal((blocks * BLOCK, COUNT))


def test_a_sudden_change_is_found_in_its_block_and_its_end_leads_back():
    values = noise(9)
    values[3 * BLOCK : 6 * BLOCK, 2] += 6.0
    drifts = find_drifts(values, 40.0)
    assert list(np.flatnonzero(drifts.alarms)) == [3, 6]
    assert list(drifts.labels[::BLOCK]) == [0, 0, 0, 1, 1, 1, 0, 0, 0]


def test_a_change_within_a_block_is_found_by_the_end_of_the_next():
    values = noise(6)
    values[3 * BLOCK + 6 :, :] += 2.5
    drifts = find_drifts(values, 40.0)
    assert judge(drifts, 3 * BLOCK + 6, "it").found
    assert judge(drifts, 3 * BLOCK + 6, "it").false == 0


def test_without_change_blocks_give_few_alarms():
    drifts = find_drifts(noise(400, seed=4), 27.0)
    # Chi-squared with ten degrees of freedom exceeds 27 in 0.3 per cent of the cases; trimmed means
    # of short references scatter more.
    assert drifts.alarms.mean() < 0.04
    assert np.nanmedian(drifts.statistic) == pytest.approx(10.0, abs=3.0)


def test_a_single_ejection_in_a_block_is_no_drift():
    values = 0.1 * noise(6)
    values[3 * BLOCK + 2] += 40.0
    assert not find_drifts(values, 27.0).alarms.any()


@settings(max_examples=20, deadline=None)
@given(shift=st.floats(-50, 50), seed=st.integers(0, 99), extra=st.integers(0, BLOCK - 1))
def test_only_differences_between_orbits_count(shift, seed, extra):
    values = np.vstack([noise(5, seed), noise(1, seed + 1)[:extra]])
    values[2 * BLOCK :] *= 3.0
    one, other = find_drifts(values, 20.0), find_drifts(values + shift, 20.0)
    assert np.allclose(one.statistic, other.statistic, equal_nan=True)
    assert len(one.labels) == 5 * BLOCK + extra
    # Numbers are given in order of first appearance.
    _, first = np.unique(one.labels, return_index=True)
    assert list(one.labels[np.sort(first)]) == list(range(len(first)))


def test_what_the_season_does_is_no_departure_when_it_is_expected(model):
    orbits = usual(model, np.linspace(0, 2 * np.pi, 40))
    assert np.allclose(model.expectation.departures(orbits, season=True), 0.0, atol=1e-6)
    assert np.abs(model.expectation.departures(orbits, season=False)).max() > 2.0
    assert not model.drifts(orbits, season=True).alarms.any()
    assert model.drifts(orbits, season=False).alarms.any()


def test_measures_that_are_missing_are_no_departure(model):
    (orbit,) = usual(model, [1.0])
    gaps = OrbitSummary(0.0, 1.0, np.full(COUNT, np.nan), orbit.place)
    assert np.array_equal(model.expectation.departures([gaps], season=True), np.zeros((1, COUNT)))
    assert drift_of(gaps, model) is None
    assert drift_of(None, model) is None


def test_every_season_has_a_regime_and_an_extreme_orbit_has_none(model):
    orbits = usual(model, np.linspace(0, 2 * np.pi, 60))
    numbers = model.regimes.numbers(model.expectation, orbits)
    assert numbers.min() >= 0
    assert len(np.unique(numbers)) >= 4
    storm = orbits[0].measures + 8.0 * model.expectation.spread
    extreme = OrbitSummary(0.0, 1.0, storm, orbits[0].place)
    assert drift_of(extreme, model) == drift_name(-1) == "new"


@settings(max_examples=20, deadline=None)
@given(chosen=st.lists(st.integers(0, 29), min_size=1, max_size=8, unique=True))
def test_the_regime_of_an_orbit_does_not_depend_on_other_orbits(chosen):
    model = load_drift_model()
    orbits = usual(model, np.linspace(0, 6, 30))
    everything = model.regimes.numbers(model.expectation, orbits)
    some = model.regimes.numbers(model.expectation, [orbits[each] for each in chosen])
    assert np.array_equal(some, everything[chosen])


def test_an_expectation_needs_orbits_of_all_seasons(model):
    with pytest.raises(ValueError, match="do not tell what is usual"):
        learn_expectation(usual(model, np.linspace(0, 6, 20)))


def test_an_expectation_is_learnt_from_noisy_seasons(model):
    random = np.random.default_rng(3)
    turns = random.uniform(0, 2 * np.pi, 900)
    orbits = [
        OrbitSummary(
            0.0,
            1.0,
            each.measures + model.expectation.spread * random.normal(size=COUNT),
            each.place,
        )
        for turn, distance in zip(turns, random.uniform(0.31, 0.46, 900), strict=True)
        for each in usual(model, [turn], distance)
    ]
    learnt = learn_expectation(orbits)
    assert learnt.spread == pytest.approx(model.expectation.spread, rel=0.15)
    scores = learnt.scores(usual(model, np.linspace(0, 6, 50)), season=True)
    assert np.abs(scores).max() < 1.0


def test_a_model_is_read_as_it_was_written(model, tmp_path):
    path = tmp_path / "drift.json"
    model.write(path)
    again = load_drift_model(path)
    orbits = usual(model, np.linspace(0, 6, 50))
    assert np.array_equal(
        again.regimes.numbers(again.expectation, orbits),
        model.regimes.numbers(model.expectation, orbits),
    )
    assert again.threshold == model.threshold


def test_a_file_of_something_else_is_refused(model, tmp_path):
    path = tmp_path / "drift.json"
    with pytest.raises(WeightsError, match="holds no parameters of drift"):
        load_drift_model(path)
    model.write(path)
    values = json.loads(path.read_text()) | {"measures": ["temperature"]}
    path.write_text(json.dumps(values))
    with pytest.raises(WeightsError, match="temperature"):
        load_drift_model(path)


def test_labels_of_a_series_are_found_by_the_nearest_periapsis(simulated_orbits):
    series = simulated_orbits.series
    labels = DriftLabels(series)
    middle = series.first + len(series) // 2
    assert labels.at(middle) in {"new", *(f"D{number}" for number in range(8))}
    assert labels.at(series.first + 10**7) is None
    assert DriftLabels(series.without_position()).at(middle) is None
    assert DriftLabels(MagSeries(0, np.zeros((0, 3), np.float32), None)).at(0) is None


def test_judging_counts_delays_and_false_alarms():
    values = noise(7)
    values[2 * BLOCK : 3 * BLOCK] += 4.0
    values[5 * BLOCK :] += 4.0
    found = judge(find_drifts(values, 40.0), 4 * BLOCK + 3, "it")
    assert (found.quiet, found.false, found.delay) == (3, 2, 1)
    assert judge(find_drifts(noise(5), np.inf), 2 * BLOCK, "it").delay is None


def rolling(level, orbits, seed):
    """Return rolling means of orbits with a level of the north component."""
    random = np.random.default_rng(seed)
    cosine = np.cos(np.linspace(0, 6, 30))
    return [
        np.column_stack([level + 3.0 * random.standard_normal(30), cosine]).astype(np.float32)
        for _ in range(orbits)
    ]


@pytest.fixture(scope="module")
def gan():
    """The published network, knowing two levels that cannot be mistaken."""
    pytest.importorskip("torch")
    from pipelines.mercury_boundaries.active.gan import learn_known_drifts

    return learn_known_drifts([rolling(-60.0, 8, 1), rolling(0.0, 8, 2)])


def test_probabilities_of_the_network_are_those_of_known_drifts_and_of_none(gan):
    said = gan.posterior(rolling(-60.0, 4, 3))
    assert said.shape == (3,)
    assert said.sum() == pytest.approx(1.0, abs=1e-5)
    assert said.argmax() == 0


def test_another_level_of_the_field_is_another_drift_for_the_network(gan):
    from pipelines.mercury_boundaries.active.gan import find_drifts_by_gan

    orbits = rolling(60.0, 16, 4) + rolling(0.0, 16, 5)
    drifts = find_drifts_by_gan(orbits, 0.85, gan, seed=0)
    assert list(np.flatnonzero(drifts.alarms)) == [2]
    assert list(drifts.labels[: 2 * BLOCK]) == [2] * 2 * BLOCK
    assert set(drifts.labels[2 * BLOCK :]) in ({1}, {3})
    again = find_drifts_by_gan(orbits, 0.85, gan, seed=0)
    assert np.array_equal(again.statistic, drifts.statistic, equal_nan=True)
    # What is known beforehand is not changed by a sequence.
    assert len(gan.memory) == 2
