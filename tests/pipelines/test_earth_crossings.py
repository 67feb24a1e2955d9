"""Crossings from probabilities, their times, and how they are matched with true ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")

from pipelines.earth_boundaries.choose import answered, choose, score_rule
from pipelines.earth_boundaries.crossings import (
    REACH,
    CrossingRule,
    find_crossings,
    true_crossings,
)
from pipelines.earth_boundaries.matching import pair, score_crossings
from pipelines.earth_boundaries.scores import score_regions

PLAIN = CrossingRule(smoothing=3, least=0.3)


def certain(regions):
    """Return probabilities of 0.97 for the given regions."""
    probabilities = np.full((4, len(regions)), 0.01)
    probabilities[regions, np.arange(len(regions))] = 0.97
    return probabilities


def stretch(*lengths):
    """Return regions from pairs of region and length."""
    return np.concatenate([np.full(length, code) for code, length in lengths]).astype(np.int64)


def test_a_way_in_crosses_bow_shock_and_magnetopause_inward():
    regions = stretch((0, 50), (1, 20), (2, 60), (3, 70))
    found = find_crossings(certain(regions), PLAIN)
    assert found.boundary.tolist() == [0, 1]
    assert found.inward.tolist() == [True, True]
    assert found.edge.tolist() == [70, 130]
    np.testing.assert_allclose(found.time, [70, 130], atol=0.02)
    assert (found.evidence > 0.9).all()


def test_the_edge_of_the_foreshock_is_no_crossing():
    assert len(find_crossings(certain(stretch((0, 50), (1, 50), (0, 50))), PLAIN)) == 0


def test_a_single_minute_elsewhere_is_smoothed_away_and_several_are_not():
    assert len(find_crossings(certain(stretch((2, 50), (0, 1), (2, 50))), PLAIN)) == 0
    assert len(find_crossings(certain(stretch((2, 50), (0, 4), (2, 50))), PLAIN)) == 2


def test_a_jump_from_wind_to_magnetosphere_is_no_crossing_of_either():
    assert len(find_crossings(certain(stretch((0, 60), (3, 60))), PLAIN)) == 0


def test_the_time_is_where_the_probability_passes_one_half():
    probabilities = certain(stretch((0, 30), (2, 30)))
    probabilities[:, 29] = (0.6, 0.0, 0.4, 0.0)
    probabilities[:, 30] = (0.2, 0.0, 0.8, 0.0)
    found = find_crossings(probabilities, PLAIN)
    # Middles of the minutes are at 29.5 and 30.5; one half lies a quarter of the way between.
    assert found.time[0] == pytest.approx(29.75)
    assert found.uncertainty[0] == pytest.approx(1.0)


def test_no_crossing_is_found_in_a_long_gap_and_one_in_a_short():
    regions = stretch((0, 40), (2, 40))
    short, long = certain(regions), certain(regions)
    short[:, 38:42] = np.nan
    long[:, 30:50] = np.nan
    assert len(find_crossings(short, PLAIN)) == 1
    assert len(find_crossings(long, PLAIN)) == 0


def test_true_crossings_need_known_regions_on_both_sides():
    regions = stretch((0, 10), (2, 10), (-1, 5), (3, 10), (2, 10))
    true = true_crossings(regions)
    assert true.edge.tolist() == [10, 35]
    assert true.boundary.tolist() == [0, 1]
    assert true.inward.tolist() == [True, False]


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=2, max_size=14),
    codes=st.randoms(use_true_random=False),
    cut=st.integers(1, 200),
)
def test_crossings_far_from_a_cut_are_those_of_the_whole(lengths, codes, cut):
    regions = np.concatenate([np.full(each, codes.randrange(4)) for each in lengths])
    random = np.random.default_rng(len(regions))
    probabilities = random.dirichlet(np.ones(4), len(regions)).T * 0.4
    probabilities += 0.6 * certain(regions)
    whole = find_crossings(probabilities, CrossingRule(5, 0.2))
    part = find_crossings(probabilities[:, cut:], CrossingRule(5, 0.2))
    late = whole.take(whole.edge >= cut + REACH)
    same = part.take(part.edge >= REACH)
    np.testing.assert_array_equal(same.edge + cut, late.edge)
    np.testing.assert_allclose(same.time + cut, late.time, atol=1e-9)
    np.testing.assert_array_equal(same.evidence, late.evidence)


@settings(max_examples=80, deadline=None)
@given(
    true=st.lists(st.integers(0, 3000), max_size=12),
    found=st.lists(st.integers(0, 3000), max_size=12),
    tolerance=st.integers(0, 400),
)
def test_pairs_are_one_to_one_and_within_the_tolerance(true, found, tolerance):
    one, other = np.array(true, dtype=float), np.array(found, dtype=float)
    pairs = pair(one, other, tolerance)
    assert len(set(pairs[:, 0].tolist())) == len(pairs) == len(set(pairs[:, 1].tolist()))
    assert (np.abs(one[pairs[:, 0]] - other[pairs[:, 1]]) <= tolerance).all()
    # Greedy pairing leaves nothing that could still be paired.
    left = np.setdiff1d(np.arange(len(one)), pairs[:, 0])
    over = np.setdiff1d(np.arange(len(other)), pairs[:, 1])
    if len(left) and len(over):
        assert np.abs(one[left][:, None] - other[over]).min() > tolerance


def test_a_crossing_found_twice_counts_once():
    kinds = np.zeros(1, dtype=np.int64)
    scores = score_crossings(
        np.array([100.0]), kinds, np.array([90.0, 130.0]), np.zeros(2, dtype=np.int64), 180.0
    )
    assert (scores.n_matched, scores.precision, scores.recall) == (1, 0.5, 1.0)
    assert scores.f1 == pytest.approx(2 / 3)
    assert scores.time_error_median == 10.0


def test_crossings_of_other_kinds_do_not_match():
    scores = score_crossings(
        np.array([100.0]), np.array([0]), np.array([100.0]), np.array([1]), 180.0
    )
    assert scores.n_matched == 0
    assert scores.f1 == 0.0
    assert np.isnan(scores.time_error_median)


def test_the_rule_is_the_one_that_finds_most_and_its_confidence_is_calibrated():
    random = np.random.default_rng(3)
    regions = stretch(*[(code, 40) for code in (0, 2, 3, 2, 0, 1, 2, 3) * 6])
    probabilities = certain(regions)
    # Single minutes that are wrong: only smoothing helps against them.
    for minute in random.integers(5, len(regions) - 5, 60):
        probabilities[:, minute] = certain(np.array([random.integers(4)]))[:, 0]
    chosen = choose([answered(probabilities, regions)], orbits=1)
    assert chosen.rule.smoothing >= 3
    assert chosen.notes["f1"] > 0.9
    assert chosen.notes["orbits"] == 1
    assert score_rule([answered(probabilities, regions)], chosen.rule).f1 == chosen.notes["f1"]
    low, high = chosen.calibration(np.array([0.3, 0.95]))
    assert 0 <= low <= high <= 1


def test_scores_of_regions_leave_out_what_is_unknown():
    scores = score_regions(np.array([0, 0, 1, -1]), np.array([0, 1, 1, 2]), ("a", "b", "c"))
    assert scores.accuracy == pytest.approx(2 / 3)
    assert scores.per_class["a"].recall == 0.5
    assert scores.per_class["b"].precision == 0.5
    assert "c" not in scores.per_class
    assert scores.macro_f1 == pytest.approx(2 / 3)
