"""Matching rules and scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.signals.events import runs
from pipelines.signals.matching import (
    EventScores,
    edge_errors,
    match_events,
    match_strictly,
    score_events,
    true_skill_statistic,
)

INTERVALS = st.lists(st.booleans(), min_size=1, max_size=60).map(
    lambda values: runs(np.array(values, dtype=bool))
)
NONE = np.empty((0, 2), dtype=np.int64)


def intervals(*pairs):
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def test_half_of_an_event_is_found_by_any_overlap_but_not_by_the_published_rule():
    true, detected = intervals((0, 100)), intervals((50, 100))
    assert match_events(true, detected).found.all()
    published = match_events(true, detected, 0.51)
    assert not published.found.any()
    assert not published.false_alarms.any(), "it overlaps, so it is no false alarm either"


def test_fifty_one_of_a_hundred_samples_are_enough():
    assert match_events(intervals((0, 100)), intervals((49, 200)), 0.51).found.all()


def test_a_detection_that_touches_nothing_is_a_false_alarm():
    matching = match_events(intervals((0, 10)), intervals((10, 20)))
    assert matching.false_alarms.tolist() == [True]
    assert not matching.found.any()


def test_one_long_detection_finds_two_events_loosely_but_none_strictly():
    true, detected = intervals((0, 10), (20, 30)), intervals((0, 30))
    assert match_events(true, detected, 0.51).found.tolist() == [True, True]
    strict = match_strictly(true, detected)
    assert not strict.found.any()
    assert strict.false_alarms.tolist() == [True]


def test_scores_of_a_small_example():
    true = intervals((0, 10), (20, 30), (40, 50), (60, 70))
    detected = intervals((2, 10), (25, 35), (80, 90))
    scores = score_events(match_events(true, detected))
    assert scores == EventScores(n_true=4, n_detected=3, n_found=2, n_false=1)
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.recall == pytest.approx(1 / 2)
    assert scores.f1 == pytest.approx(4 / 7)


def test_edge_errors_are_means_over_found_events():
    true, detected = intervals((0, 10), (20, 30), (50, 60)), intervals((2, 10), (17, 36))
    errors = edge_errors(true, detected, match_events(true, detected))
    assert errors.start == pytest.approx(2.5)
    assert errors.end == pytest.approx(3.0)


def test_skill_is_recall_less_false_alarm_rate_of_samples():
    usable = np.ones(100, dtype=bool)
    assert true_skill_statistic(intervals((0, 20)), intervals((10, 30)), usable) == pytest.approx(
        10 / 20 - 10 / 80
    )


def test_skill_is_undefined_without_true_samples():
    assert np.isnan(true_skill_statistic(NONE, intervals((0, 5)), np.ones(10, dtype=bool)))


def test_nothing_detected_scores_zero_and_not_a_division_by_zero():
    scores = score_events(match_events(intervals((0, 5)), NONE))
    assert (scores.precision, scores.recall, scores.f1) == (0, 0, 0)
    assert np.isnan(
        edge_errors(intervals((0, 5)), NONE, match_events(intervals((0, 5)), NONE)).start
    )


def test_strict_matching_refuses_a_limit_that_allows_two_partners():
    with pytest.raises(ValueError, match="unique"):
        match_strictly(intervals((0, 5)), intervals((0, 5)), 0.4)


@given(INTERVALS)
def test_the_truth_itself_is_a_perfect_detection_under_every_rule(true):
    for matching in (
        match_events(true, true),
        match_events(true, true, 0.51),
        match_strictly(true, true),
    ):
        assert matching.found.all()
        assert not matching.false_alarms.any()


@given(INTERVALS, INTERVALS)
def test_a_stricter_rule_never_finds_more(true, detected):
    loose = score_events(match_events(true, detected))
    published = score_events(match_events(true, detected, 0.51))
    strict = score_events(match_strictly(true, detected))
    assert strict.n_found <= published.n_found <= loose.n_found
    assert loose.n_false == published.n_false <= strict.n_false
    assert 0 <= strict.f1 <= 1


@given(INTERVALS, INTERVALS)
def test_strict_partners_are_unique_and_swapping_the_lists_changes_nothing(true, detected):
    forth, back = match_strictly(true, detected), match_strictly(detected, true)
    partners = forth.partner[forth.found]
    assert len(set(partners.tolist())) == len(partners)
    assert score_events(forth).n_found == score_events(back).n_found


@given(INTERVALS, INTERVALS)
def test_any_overlap_is_what_shared_samples_say(true, detected):
    matching = match_events(true, detected)
    covered = {sample for first, end in detected for sample in range(first, end)}
    for (first, end), found in zip(true, matching.found, strict=True):
        assert found == bool(covered & set(range(first, end)))
