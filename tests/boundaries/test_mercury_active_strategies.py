"""Strategies that choose orbits, and the classifier that they are compared with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("scipy")

from pipelines.mercury_boundaries.active.cells import CELL, cell_classes, cell_features
from pipelines.mercury_boundaries.active.classifier import (
    _mirrors,
    entropy,
    fit_classifier,
    macro_f1,
)
from pipelines.mercury_boundaries.active.comparison import (
    FULL,
    TENTH,
    Curve,
    compare_real,
    learning_curve,
    score,
)
from pipelines.mercury_boundaries.active.mission import Mission
from pipelines.mercury_boundaries.active.prepare import prepared_mission
from pipelines.mercury_boundaries.active.strategies import STRATEGIES, Pool
from pipelines.mercury_boundaries.active.verdicts import (
    by_seed,
    half_interval,
    holm,
    strategies_of,
    verdict,
)
from pipelines.mercury_boundaries.features import bin_series


@pytest.fixture(scope="module")
def orbits():
    return [each.cells for each in prepared_mission(Mission(7), range(0, 40, 8))]


@st.composite
def pools(draw):
    count = draw(st.integers(5, 30))
    random = np.random.default_rng(draw(st.integers(0, 999)))
    labelled = random.choice(count, draw(st.integers(0, 4)), replace=False)
    return Pool(random.random(count), random.integers(-1, 4, count), [int(x) for x in labelled])


@pytest.mark.parametrize("name", sorted(STRATEGIES))
@settings(max_examples=25, deadline=None)
@given(pool=pools(), count=st.integers(1, 12))
def test_a_strategy_chooses_orbits_once_that_have_no_labels(name, pool, count):
    chosen = STRATEGIES[name](pool, count, np.random.default_rng(1))
    assert len(chosen) == min(count, int(pool.free.sum()))
    assert len(set(chosen)) == len(chosen)
    assert not set(chosen) & set(pool.labelled)


@settings(max_examples=25, deadline=None)
@given(pool=pools(), count=st.integers(1, 12))
def test_by_entropy_no_orbit_that_is_left_is_less_certain(pool, count):
    chosen = STRATEGIES["entropy"](pool, count, np.random.default_rng(1))
    left = [each for each in np.flatnonzero(pool.free) if each not in chosen]
    if left:
        assert pool.uncertainty[left].max() <= pool.uncertainty[chosen].min()


def test_within_drifts_every_drift_is_served_by_its_size_and_the_least_certain_first():
    drifts = np.array([0] * 6 + [1] * 3 + [2] * 3)
    uncertainty = np.arange(12.0)
    chosen = STRATEGIES["within drifts"](Pool(uncertainty, drifts, []), 4, np.random.default_rng(0))
    assert sorted(drifts[chosen]) == [0, 0, 1, 2]
    assert set(chosen) == {5, 4, 8, 11}
    # What has labels already counts for its drift.
    chosen = STRATEGIES["within drifts"](
        Pool(uncertainty, drifts, [0, 1, 2]), 2, np.random.default_rng(0)
    )
    assert sorted(drifts[chosen]) == [1, 2]


def test_entropy_is_that_of_shannon_in_bits():
    assert entropy(np.full((2, 4), 0.25, np.float32)) == pytest.approx([2.0, 2.0])
    assert entropy(np.eye(5, dtype=np.float32)) == pytest.approx(np.zeros(5), abs=1e-9)


def test_macro_f1_is_one_for_the_truth_and_leaves_out_what_is_unknown():
    true = [np.array([0, 1, 2, 3, 4, -1], np.int8)]
    assert macro_f1(true, [np.array([0, 1, 2, 3, 4, 0], np.int8)]) == 1.0
    # One of two of class 0 is taken for 1: F1 of 2/3 and 2/3, the others perfect.
    true = [np.array([0, 0, 1, 2], np.int8)]
    assert macro_f1(true, [np.array([0, 1, 1, 2], np.int8)]) == pytest.approx((4 / 3 + 1) / 3)


def test_features_of_mirrored_orbits_have_the_signs_that_the_classifier_gives(simulated_orbits):
    bins = bin_series(simulated_orbits.series.between(
        simulated_orbits.series.first, simulated_orbits.series.first + 30_000
    ))  # fmt: skip
    features = cell_features(bins)
    signs = _mirrors(features.shape[1])
    for number, (field, place) in enumerate(
        [((1, 1, 1), (1, 1, 1)), ((1, -1, 1), (1, -1, 1)), ((-1, -1, 1), (1, 1, -1))]
    ):
        mirrored = replace(
            bins,
            field=bins.field * np.array(field, np.float32),
            place=bins.place * np.array(place, np.float32),
        )
        # The spread of components is the same; strength and unrest do not change.
        assert np.allclose(cell_features(mirrored), features * signs[number], atol=2e-3)


def test_a_cell_has_the_class_of_most_of_its_bins():
    classes = np.array([0] * 8 + [1] * 7 + [-1] * CELL + [4, 4] + [-1] * 13, np.int8)
    assert list(cell_classes(classes)) == [0, -1, 4]


def test_the_classifier_learns_from_a_few_orbits_and_better_from_more(orbits):
    few = score(fit_classifier(orbits[:1], 0, steps=150), orbits[4:])
    more = score(fit_classifier(orbits[:4], 0, steps=150), orbits[4:])
    assert more > few
    assert more > 0.45
    with pytest.raises(ValueError, match="no cell"):
        fit_classifier([replace(orbits[0], classes=np.full_like(orbits[0].classes, -1))], 0)


def test_a_learning_curve_has_a_score_for_every_size_and_is_the_same_each_time(orbits, monkeypatch):
    import pipelines.mercury_boundaries.active.comparison as comparison

    quick = comparison.fit_classifier
    monkeypatch.setattr(
        comparison, "fit_classifier", lambda known, seed, steps=0: quick(known, seed, 20)
    )
    curves = [
        learning_curve(
            orbits[:4], orbits[4:], STRATEGIES["random"], np.zeros(4, int), [0], (1, 2, 4), 3
        )
        for _ in range(2)
    ]
    assert len(curves[0]) == 3
    assert curves[0] == curves[1]
    real = compare_real(orbits[:3], np.zeros(3, dtype=int), folds=3, starts=1)
    assert {each.strategy for each in real} == {
        "random", "entropy", "entropy within regimes", FULL
    }  # fmt: skip


def curves_with(gain):
    sizes = (4, TENTH)
    random = np.random.default_rng(0)
    base = {seed: 0.7 + 0.01 * random.standard_normal() for seed in range(5)}
    return [
        Curve(name, seed, repeat, sizes if name != FULL else (220,), values)
        for seed, level in base.items()
        for repeat in range(2)
        for name, values in (
            ("random", (0.5, level)),
            ("better", (0.5, level + gain + 0.002 * random.standard_normal())),
            (FULL, (0.8,)),
        )
    ]


def test_a_verdict_is_paired_by_seed():
    better = verdict(curves_with(0.03), "better", TENTH)
    assert better.p_value < 0.001
    assert better.p_wilcoxon == pytest.approx(1 / 32)
    assert better.gain == pytest.approx(0.03, abs=0.005)
    assert better.part_of_full == pytest.approx(0.73 / 0.8, abs=0.01)
    assert verdict(curves_with(-0.03), "better", TENTH).p_value > 0.9
    assert by_seed(curves_with(0.0), FULL)[0] == pytest.approx([0.8])


def test_a_verdict_tells_how_sure_it_is():
    better = verdict(curves_with(0.03), "better", TENTH)
    assert better.better == 5
    # A standard deviation of 0.002 / sqrt(2) of each of five differences, 2.78 of its errors.
    assert 0.0005 < better.gain_error < 0.004
    assert half_interval(np.array([1.0, 3.0])) == pytest.approx(12.706, abs=0.01)
    assert strategies_of(curves_with(0.0)) == ["random", "better"]


def test_p_values_are_corrected_for_how_many_were_asked_for():
    adjusted = holm({"a": 0.04, "b": 0.01, "c": 0.03})
    assert adjusted == pytest.approx({"b": 0.03, "c": 0.06, "a": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_corrected_p_values_keep_their_order_and_are_no_smaller(values):
    given_ = {f"{number}": each for number, each in enumerate(values)}
    adjusted = holm(given_)
    for one in given_:
        assert given_[one] <= adjusted[one] <= 1
        for other in given_:
            if given_[one] < given_[other]:
                assert adjusted[one] <= adjusted[other]
