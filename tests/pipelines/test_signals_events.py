"""From probabilities to events."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.signals.events import EventRule, find_events, flags, merge_close, overlaps, runs

PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=80)
RULES = st.builds(
    lambda low, rise, merge, shortest: EventRule(low, min(low + rise, 0.99), merge, shortest),
    st.floats(0.05, 0.9),
    st.floats(0, 0.5),
    st.integers(0, 6),
    st.integers(1, 6),
)


def found(probability, **changes):
    rule = EventRule(**({"low": 0.4, "high": 0.7, "merge": 2, "shortest": 2} | changes))
    return find_events(np.array(probability), rule).tolist()


def test_an_event_reaches_as_far_as_the_lower_threshold():
    assert found([0.1, 0.5, 0.9, 0.5, 0.1]) == [[1, 4]]


def test_a_run_that_never_rises_above_the_upper_threshold_is_no_event():
    assert found([0.1, 0.5, 0.6, 0.5, 0.1]) == []


def test_runs_closer_than_the_merging_distance_are_one_event():
    probability = [0.9, 0.9, 0.1, 0.9, 0.9]
    assert found(probability, merge=2) == [[0, 5]]
    assert found(probability, merge=1) == [[0, 2], [3, 5]]


def test_short_events_are_dropped():
    assert found([0.1, 0.9, 0.1, 0.1, 0.1], shortest=2) == []


def test_no_event_crosses_a_stretch_without_data():
    probability = np.array([0.9, 0.9, 0.9, 0.9, 0.9, 0.9])
    usable = np.array([True, True, False, False, True, True])
    rule = EventRule(0.4, 0.7, merge=10, shortest=1)
    assert find_events(probability, rule, usable).tolist() == [[0, 2], [4, 6]]


@given(PROBABILITIES, RULES, st.data())
def test_events_are_disjoint_ascending_long_enough_and_on_usable_samples(values, rule, data):
    usable = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    )
    probability = np.array(values)
    events = find_events(probability, rule, usable)
    assert (events[1:, 0] >= events[:-1, 1]).all()
    for first, end in events:
        assert end - first >= rule.shortest
        assert usable[first:end].all()
        assert probability[first:end].max() > rule.high
        assert probability[first] > rule.low
        assert probability[end - 1] > rule.low


@given(st.lists(st.booleans(), max_size=60))
def test_runs_and_flags_are_inverse(values):
    array = np.array(values, dtype=bool)
    assert (flags(runs(array), len(array)) == array).all()


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 8))
def test_merging_keeps_all_samples_and_leaves_only_wide_gaps(values, gap):
    array = np.array(values, dtype=bool)
    merged = merge_close(runs(array), gap)
    assert flags(merged, len(array))[array].all()
    assert (merged[1:, 0] - merged[:-1, 1] >= max(gap, 1)).all()


def test_overlaps_count_shared_samples():
    first, second = np.array([[0, 10], [20, 30]]), np.array([[5, 25], [40, 50]])
    assert overlaps(first, second).tolist() == [[5, 0], [5, 0]]
