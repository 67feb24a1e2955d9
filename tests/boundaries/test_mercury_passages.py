"""Labels, paths through the regions, intervals and scores, without any network."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.mercury_boundaries.decide import (
    BLOCK,
    LONGEST,
    REACH,
    STATE_CLASSES,
    PassageRule,
    Stretch,
    classes_of_states,
    decide,
    decide_all,
    passed,
)
from pipelines.mercury_boundaries.evaluate import (
    agreement,
    pair_crossings,
    score_classes,
    score_crossings,
)
from pipelines.mercury_boundaries.features import BIN
from pipelines.mercury_boundaries.labels import (
    CLASSES,
    UNKNOWN,
    classes_of,
    classes_of_types,
    crossings_from_classes,
    crossings_from_regions,
)
from pipelines.mercury_boundaries.lists import Crossings

RULE = PassageRule(turn=5.0, back=4.0, bow_shock=0.0, magnetopause=0.0)


def crossings(*rows):
    start, end, kind = zip(*rows, strict=True) if rows else ((), (), ())
    return Crossings(np.array(start, float), np.array(end, float), np.array(kind, np.int64))


def orbit_states(lengths):
    return np.repeat(np.arange(len(lengths)) % 8, lengths).astype(np.int8)


def sure_of(states, confidence=0.9):
    probabilities = np.full((5, len(states)), (1 - confidence) / 4, np.float32)
    probabilities[classes_of_states(states), np.arange(len(states))] = confidence
    return probabilities


def test_the_numbers_of_the_orbits_have_the_meaning_of_the_manifest():
    said = classes_of_types(np.array([0, 1, 2, 3, 4, 5], np.int8))
    assert said[0] == UNKNOWN
    assert [CLASSES[each] for each in said[1:]] == [
        "magnetosphere",
        "magnetosheath",
        "solar_wind",
        "bow_shock",
        "magnetopause",
    ]


def test_a_list_of_an_orbit_names_every_second_between_its_intervals():
    listed = crossings((1000, 1010, 0), (2000, 2030, 1), (5000, 5010, 2), (6000, 6040, 3))
    said = classes_of(listed, 300, 6500)
    at = {second: CLASSES[said[second - 300]] for second in (990, 1500, 3000, 5500, 6500)}
    assert at == {
        990: "solar_wind",
        1500: "magnetosheath",
        3000: "magnetosphere",
        5500: "magnetosheath",
        6500: "solar_wind",
    }
    assert CLASSES[said[1005 - 300]] == "bow_shock"
    assert CLASSES[said[5005 - 300]] == "magnetopause"
    assert said[0] == UNKNOWN
    assert said[6700 - 300] == UNKNOWN


def test_between_intervals_that_contradict_each_other_nothing_is_known():
    listed = crossings((1000, 1010, 0), (9000, 9010, 0))  # two entries without an exit
    said = classes_of(listed, 0, 10000)
    assert said[5000] == UNKNOWN
    assert CLASSES[said[1300]] == "magnetosheath"
    assert CLASSES[said[8900]] == "solar_wind"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(2, 300), min_size=9, max_size=33))
def test_intervals_come_back_from_the_classes_of_an_orbit(lengths):
    states = orbit_states(lengths)
    found = crossings_from_classes(classes_of_states(states), 500)
    edges = np.cumsum([0, *lengths])
    expected = [
        (500 + edges[place], 500 + edges[place + 1] - 1, {1: 0, 3: 1, 5: 2, 7: 3}[place % 8])
        for place in range(1, len(lengths) - 1)
        if place % 2
    ]
    assert list(zip(found.start, found.end, found.kind, strict=True)) == expected


def test_legs_of_an_orbit_have_one_interval_of_each_boundary_from_first_to_last_crossing():
    distance = np.abs(np.arange(-100, 101)).astype(float)
    regions = np.where(distance > 60, 3, np.where(distance > 20, 2, 1)).astype(np.int8)
    regions[30:33] = 2  # a partial crossing well before the true one
    found = crossings_from_regions(regions, distance, 0)
    assert list(found.kind) == [0, 1, 2, 3]
    assert (found.start[0], found.end[0]) == (29, 40)
    assert (found.start[1], found.end[1]) == (79, 80)


def test_an_orbit_that_only_touches_the_sheath_has_no_passage():
    distance = np.abs(np.arange(-50, 51)).astype(float)
    regions = np.full(101, 3, np.int8)
    regions[20:25] = 2
    assert len(crossings_from_regions(regions, distance, 0)) == 0


# Paths ------------------------------------------------------------------------------------------


@settings(max_examples=4, deadline=None)
@given(
    lengths=st.lists(st.integers(12, 400), min_size=9, max_size=17),
    first=st.integers(0, 3 * BLOCK),
)
def test_the_path_is_found_where_the_evidence_is_clear(lengths, first):
    states = orbit_states(lengths)
    found = decide(sure_of(states), np.ones(len(states), bool), first, RULE)
    np.testing.assert_array_equal(found, states)


def test_single_doubtful_bins_make_no_crossing():
    states = orbit_states([300, 30, 300, 30, 300])
    probabilities = sure_of(states)
    probabilities[:, 100] = [0.1, 0.8, 0.05, 0.03, 0.02]  # a flash of bow shock in the wind
    found = decide(probabilities, np.ones(len(states), bool), 7, RULE)
    np.testing.assert_array_equal(found, states)


def test_a_gap_is_bridged_by_the_order_of_the_regions():
    states = orbit_states([300, 30, 300, 30, 300])
    known = np.ones(len(states), bool)
    known[310:320] = False
    found = decide(sure_of(states), known, 7, RULE)
    np.testing.assert_array_equal(found[:300], states[:300])
    np.testing.assert_array_equal(found[330:], states[330:])


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 1000), cut=st.integers(1, 3 * BLOCK))
def test_the_path_of_a_part_is_that_of_the_whole_a_block_away_from_the_cut(seed, cut):
    random = np.random.default_rng(seed)
    total = 4 * BLOCK + 100
    probabilities = random.dirichlet(np.full(5, 0.5), total).T.astype(np.float32)
    known = random.random(total) > 0.01
    first = int(random.integers(0, BLOCK))
    whole = decide(probabilities, known, first, RULE)
    part = decide(probabilities[:, cut:], known[cut:], first + cut, RULE)
    safe = BLOCK + REACH
    np.testing.assert_array_equal(part[safe:], whole[cut:][safe:])


def test_several_series_at_once_have_the_paths_of_each_alone():
    random = np.random.default_rng(5)
    stretches = [
        Stretch(
            random.dirichlet(np.full(5, 0.5), length).T.astype(np.float32),
            random.random(length) > 0.05,
            int(random.integers(0, 10**6)),
        )
        for length in (100, 6000, 17000)
    ]
    together = decide_all(stretches, [RULE] * len(stretches))
    other = decide_all(stretches, [RULE, PassageRule(1.0, 1.0, 0.5, 0.5), RULE])
    np.testing.assert_array_equal(other[2], together[2])
    assert not np.array_equal(other[1], together[1])
    for one, states in zip(stretches, together, strict=True):
        np.testing.assert_array_equal(states, decide(one.probabilities, one.known, one.first, RULE))


def test_every_step_of_a_path_is_one_that_a_spacecraft_can_take():
    random = np.random.default_rng(8)
    probabilities = random.dirichlet(np.full(5, 0.4), 2 * BLOCK).T.astype(np.float32)
    states = decide(probabilities, np.ones(2 * BLOCK, bool), 0, RULE)
    inside = states[: BLOCK - 1], states[1:BLOCK]
    steps = {(int(a), int(b)) for a, b in zip(*inside, strict=True) if a != b}
    allowed = {(state, (state + 1) % 8) for state in range(8)}
    allowed |= {(1, 0), (3, 2), (5, 4), (7, 6), (2, 7)}
    assert steps <= allowed
    assert len(steps) > 5


# Intervals and scores ---------------------------------------------------------------------------


def test_only_boundaries_that_were_passed_are_intervals():
    states = np.repeat([0, 1, 0, 1, 2, 3, 2, 3, 4], 10).astype(np.int8)
    intervals, kinds = passed(states)
    np.testing.assert_array_equal(intervals, [[30, 40], [70, 80]])
    np.testing.assert_array_equal(kinds, [0, 1])


def test_runs_at_the_ends_of_the_data_and_endless_ones_are_left_out():
    states = np.repeat([1, 2, 3], 10).astype(np.int8)
    assert len(passed(states)[0]) == 0
    states = np.repeat([0, 1, 2], [10, LONGEST + 1, 10]).astype(np.int8)
    assert len(passed(states)[0]) == 0
    assert len(passed(np.zeros(50, np.int8))[0]) == 0


def test_pairs_are_of_one_kind_near_each_other_and_belong_to_nobody_else():
    true = crossings((100, 110, 0), (1000, 1100, 1), (5000, 5010, 2))
    found = crossings((150, 160, 0), (120, 130, 0), (1050, 1060, 2), (5100, 5110, 2))
    np.testing.assert_array_equal(pair_crossings(true, found, 60.0), [1, -1, -1])
    np.testing.assert_array_equal(pair_crossings(true, found, 90.0), [1, -1, 3])
    assert agreement(true, found, 90.0) == pytest.approx(2 / 3)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10000))
def test_near_intervals_are_those_of_looking_at_all_pairs(seed):
    random = np.random.default_rng(seed)

    def some(count):
        start = random.uniform(0, 5000, count)
        return Crossings(
            start, start + random.exponential(100, count), random.integers(0, 2, count)
        )

    true, found = some(int(random.integers(1, 30))), some(int(random.integers(1, 30)))
    partner = pair_crossings(true, found, 50.0)
    chosen = partner[partner >= 0]
    assert len(set(chosen)) == len(chosen)
    for row in range(len(true)):
        fits = [
            each
            for each in range(len(found))
            if found.kind[each] == true.kind[row]
            and found.start[each] - true.end[row] <= 50
            and true.start[row] - found.end[each] <= 50
        ]
        if partner[row] >= 0:
            assert partner[row] in fits
        else:  # whatever would have fitted went to a nearer one
            assert set(fits) <= set(chosen)


def test_scores_of_intervals_count_each_once_and_measure_both_edges():
    true = crossings((100, 110, 0), (1000, 1100, 1))
    found = crossings((104, 108, 0), (105, 109, 0), (990, 1130, 1))
    scores = score_crossings(true, found)
    assert (scores.n_true, scores.n_detected, scores.n_found) == (2, 3, 2)
    assert scores.f1 == pytest.approx(0.8)
    assert scores.median_error == pytest.approx(np.median([4, 2, 10, 30]))
    assert score_crossings(crossings(), found).f1 == 0
    assert np.isnan(score_crossings(crossings(), crossings()).f1)


def test_scores_of_classes_agree_with_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(2)
    true = random.integers(-1, 5, 5000).astype(np.int8)
    said = np.where(random.random(5000) < 0.7, true, random.integers(0, 5, 5000)).astype(np.int8)
    known = true >= 0
    scores = score_classes(true, said, (0, 1, 2, 3, 4))
    expected = metrics.f1_score(true[known], said[known], average="macro", labels=range(5))
    assert scores.macro_f1 == pytest.approx(expected)
    assert scores.accuracy == pytest.approx((true[known] == said[known]).mean())
    recall = metrics.recall_score(true[known], said[known], average=None, labels=range(5))
    for number, name in enumerate(CLASSES):
        assert scores.per_class[name]["recall"] == pytest.approx(recall[number])


def test_states_show_each_region_on_both_legs():
    assert STATE_CLASSES == (0, 1, 2, 3, 4, 3, 2, 1)
    assert BLOCK * BIN == 3 * 3600
