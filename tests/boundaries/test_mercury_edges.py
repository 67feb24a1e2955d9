"""The second step: where crossings begin and end."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.mercury_boundaries.decide import passed
from pipelines.mercury_boundaries.edges import (
    CROSSING,
    EDGE_CHANNELS,
    EDGE_WINDOW,
    INSIDE,
    OUTSIDE,
    Passage,
    best_interval,
    edge_channels,
    passages_between,
    refine,
    untouched,
)
from pipelines.mercury_boundaries.features import BIN, Bins, bin_series
from pipelines.mercury_boundaries.series import MagSeries


def states_of(*runs):
    return np.concatenate([np.full(length, state, np.int8) for state, length in runs])


def stepping_bins(length=1200, low=560, high=640):
    """Bins of a field that doubles, falls back and doubles again between two edges."""
    random = np.random.default_rng(4)
    field = np.full((length, 3), [6.0, 8.0, 0.0])
    field[low : low + 20] *= 3
    field[high - 20 :] *= 3
    field += random.normal(0, 0.2, field.shape)
    return bin_series(MagSeries(0, np.repeat(field, BIN, axis=0).astype(np.float32), None))


def jump_answer(windows):
    """Call inside what is as strong as inside, crossing what lies before the last of the outside.

    Stands for a network that has learnt the definition of the lists.
    """
    answers = np.zeros((len(windows), 3, EDGE_WINDOW), np.float32)
    for window, answer in zip(windows, answers, strict=True):
        inner = window[EDGE_CHANNELS.index("level")] > 0
        known = window[EDGE_CHANNELS.index("mask")] > 0
        first = int(np.flatnonzero(inner & known)[0])
        last = int(np.flatnonzero(~inner & known)[-1]) + 1
        answer[OUTSIDE, :first] = 1
        answer[CROSSING, first:last] = 1
        answer[INSIDE, last:] = 1
    return answers


@pytest.mark.parametrize("inbound", [True, False], ids=["inbound", "outbound"])
def test_an_interval_goes_from_the_first_to_the_last_step_whatever_the_path_said(inbound):
    bins = stepping_bins()
    states = states_of((0, 590), (1, 25), (2, 585))
    if not inbound:
        turned = bins.field[::-1].copy()
        bins = Bins(
            bins.first, turned, bins.strength[::-1].copy(), bins.unrest[::-1].copy(),
            bins.unrest_of_strength[::-1].copy(), bins.known, bins.approach, None,
        )  # fmt: skip
        states = states_of((6, 585), (7, 25), (0, 590))
    refined = refine(states, bins, *passed(states), jump_answer, [(0.25, 0.25)])[0]
    (low, high), *others = passed(refined)[0]
    assert not others
    expected = (560, 620) if inbound else (580, 640)
    np.testing.assert_allclose((low, high), expected, atol=2)


def test_an_outbound_window_is_the_inbound_one_of_the_mirrored_time():
    bins = stepping_bins()
    mirrored = Bins(
        bins.first, bins.field[::-1], bins.strength[::-1], bins.unrest[::-1],
        bins.unrest_of_strength[::-1], bins.known[::-1], bins.approach[::-1], None,
    )  # fmt: skip
    there = edge_channels(bins, Passage(570, 630, 100, 1100, True, False))
    back = edge_channels(mirrored, Passage(570, 630, 100, 1100, False, False))
    assert there.shape == (len(EDGE_CHANNELS), EDGE_WINDOW)
    np.testing.assert_allclose(there, back, atol=1e-4)


def expected_overlap(crossing, least, low, high):
    """Return what naming bins is worth; F1 is largest where this is, if `least` is half of it."""
    return float((crossing[low:high] - least).sum())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), inbound=st.booleans(), least=st.sampled_from([0.15, 0.3, 0.6]))
def test_the_best_interval_is_that_of_trying_all(seed, inbound, least):
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(3), EDGE_WINDOW).T.astype(np.float32)
    middle = 2000
    floor = middle - int(random.integers(5, 20))
    ceiling = middle + int(random.integers(5, 20))
    passage = Passage(middle - 2, middle + 2, floor, ceiling, inbound, False)
    found = best_interval(probabilities, passage, least)
    crossing = probabilities[CROSSING] if inbound else probabilities[CROSSING, ::-1]
    part = crossing[floor - passage.first : ceiling - passage.first].astype(float)
    pairs = itertools.combinations(range(ceiling - floor + 1), 2)
    best = max(expected_overlap(part, least, *each) for each in pairs)
    low, high = found[0] - floor, found[1] - floor
    assert expected_overlap(part, least, low, high) == pytest.approx(best, abs=1e-6)
    assert floor <= found[0] < found[1] <= ceiling


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_naming_the_bins_above_half_of_the_best_f1_reaches_it(seed):
    random = np.random.default_rng(seed)
    middle, spread = random.uniform(40, 60), random.uniform(2, 12)
    edges = np.sort(random.normal(middle, spread, (400, 2)), axis=1).round().astype(int)
    time = np.arange(100)
    inside = (time >= edges[:, :1]) & (time < edges[:, 1:])
    probability = inside.mean(axis=0)

    def f1(low, high):
        named = (time >= low) & (time < high)
        return 2 * probability[named].sum() / (named.sum() + probability.sum())

    best = max(f1(*each) for each in itertools.combinations(range(0, 101, 2), 2))
    answer = np.zeros((3, EDGE_WINDOW), np.float32)
    half = EDGE_WINDOW // 2
    answer[CROSSING, half - 50 : half + 50] = probability
    passage = Passage(999, 1001, 950, 1050, True, False)
    low, high = best_interval(answer, passage, best / 2)
    assert f1(low - 950, high - 950) >= best - 0.01


def test_a_doubtful_interval_keeps_its_best_bin():
    answer = np.zeros((3, EDGE_WINDOW), np.float32)
    answer[CROSSING, EDGE_WINDOW // 2 + 7] = 0.1
    passage = Passage(999, 1001, 900, 1100, True, True)
    assert best_interval(answer, passage, 0.3) == (1007, 1008)


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=9, max_size=25),
    seed=st.integers(0, 1000),
)
def test_whatever_the_second_step_says_no_crossing_is_made_or_lost(lengths, seed):
    random = np.random.default_rng(seed)
    states = np.repeat(np.arange(len(lengths)) % 8, lengths).astype(np.int8)
    field = random.normal(0, 10, (len(states), 3)).astype(np.float32)
    bins = bin_series(MagSeries(0, np.repeat(field, BIN, axis=0), None))

    def anything(windows):
        return np.log(random.dirichlet(np.ones(3), (len(windows), EDGE_WINDOW))).transpose(0, 2, 1)

    before, kinds = passed(states)
    refined = refine(states, bins, before, kinds, anything, [(0.1, 0.3)])[0]
    after, same = passed(refined)
    np.testing.assert_array_equal(same, kinds)
    assert (after[:, 0] < after[:, 1]).all()


def test_boundaries_that_were_touched_become_the_region_around_them():
    states = states_of((0, 30), (1, 5), (0, 30), (1, 8), (2, 40))
    settled = untouched(states, passed(states)[0])
    np.testing.assert_array_equal(settled, states_of((0, 65), (1, 8), (2, 40)))


def test_rooms_of_neighbouring_crossings_leave_a_bin_between_them():
    states = states_of((0, 50), (1, 6), (2, 5), (3, 9), (4, 50))
    rooms = passages_between(states, *passed(states))
    assert rooms[0].ceiling < rooms[1].floor
    assert rooms[0].high <= rooms[0].ceiling
    assert rooms[1].floor <= rooms[1].low


def test_intervals_longer_than_a_window_are_left_as_they_are():
    states = states_of((0, 50), (1, EDGE_WINDOW), (2, 50))
    assert passages_between(states, *passed(states)) == []


def test_the_second_step_learns_where_the_field_steps():
    pytest.importorskip("torch")
    from pipelines.mercury_boundaries.edge_train import draw_window, fit_edges, known_crossings
    from pipelines.mercury_boundaries.train import Labelled

    random = np.random.default_rng(2)
    labelled = []
    for _ in range(12):
        low = int(random.integers(450, 600))
        high = low + int(random.integers(45, 150))
        classes = states_of((0, low), (1, high - low), (2, 1200 - high))
        labelled.append(Labelled(stepping_bins(1200, low, high), classes))
    known = known_crossings(labelled)
    assert len(known) == 12
    network = fit_edges([], known, seed=0, steps=25)
    import torch

    right, wrong = [], []
    for one in known:
        inputs, places, weights = draw_window(one, random)
        with torch.inference_mode():
            said = network(torch.from_numpy(inputs[None]))[0].numpy()
        right.append((said.argmax(axis=0) == places)[weights > 0].mean())
        wrong.append((places != OUTSIDE)[weights > 0].mean())
    assert np.mean(right) > 0.8
    assert 0.2 < np.mean(wrong) < 0.8
