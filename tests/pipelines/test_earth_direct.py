"""The direct detector of bow shocks that serves as baseline."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from pipelines.earth_boundaries.direct import (
    WINDOW,
    DirectNetwork,
    Hours,
    fit_direct,
    hours_of,
    peaks,
    score_in_hours,
    similarities,
)
from pipelines.earth_boundaries.simulate import simulate


def made_hours(crossings, minutes=600) -> Hours:
    """Return a series whose field jumps at crossings; the other inputs are noise."""
    random = np.random.default_rng(1)
    inputs = random.normal(0, 0.1, (10, minutes)).astype(np.float32)
    side = np.searchsorted(crossings, np.arange(minutes) + 0.5) % 2
    inputs[0] += side
    times = np.array(crossings, dtype=np.float64)
    hour = np.arange(minutes) // 60
    return Hours(inputs, times, np.isin(hour, np.unique(times // 60)))


def test_the_label_falls_linearly_from_the_crossing_to_ten_minutes_from_it():
    label = made_hours([100, 115]).similarity
    assert label[99] == label[100] == pytest.approx(0.95)
    assert label[95] == pytest.approx(0.55)
    assert label[89] == 0.0
    # Between two crossings the nearer one counts.
    assert label[107] == pytest.approx(1 - 7.5 / 10)
    assert label[200] == 0.0


def test_without_a_crossing_the_label_is_zero():
    assert (made_hours([]).similarity == 0).all()


def test_only_hours_with_a_bow_shock_are_chosen():
    orbit = simulate(days=2, seed=21)
    hours = hours_of(orbit.series, orbit.regions)
    assert len(hours.crossings) >= 2
    for number in range(len(hours.chosen) // 60):
        held = ((hours.crossings >= 60 * number) & (hours.crossings < 60 * number + 60)).any()
        assert (hours.chosen[60 * number : 60 * number + 60] == held).all()


def test_convolutions_see_nothing_of_the_time_after():
    network = DirectNetwork().eval()
    window = torch.randn(1, 10, WINDOW)
    changed = window.clone()
    changed[..., 20:] += 1.0
    x, y = window, changed
    for layer in network.layers:
        x = torch.relu(layer(torch.nn.functional.pad(x, (2, 0))))
        y = torch.relu(layer(torch.nn.functional.pad(y, (2, 0))))
    torch.testing.assert_close(x[..., :20], y[..., :20])
    assert not torch.allclose(x[..., 20:], y[..., 20:])


def test_peaks_need_prominence():
    similarity = np.zeros(60)
    similarity[20], similarity[40] = 0.5, 0.15
    np.testing.assert_array_equal(peaks(similarity), [20.5])


def test_detections_in_other_hours_count_only_when_all_hours_do():
    hours = made_hours([100])
    found = np.array([101.0, 400.0])
    published = score_in_hours(found, hours, 180.0, all_hours=False)
    everything = score_in_hours(found, hours, 180.0, all_hours=True)
    assert (published.precision, published.recall) == (1.0, 1.0)
    assert (everything.precision, everything.recall) == (0.5, 1.0)


def test_training_moves_the_answers_towards_the_labels():
    learnt = made_hours(list(range(45, 600, 55)))
    torch.manual_seed(3)
    before = similarities(DirectNetwork().eval(), learnt)
    after = similarities(fit_direct([learnt], seed=3, steps=40), learnt)
    label = learnt.similarity
    assert np.mean((after - label) ** 2) < 0.8 * np.mean((before - label) ** 2)
    assert ((after >= 0) & (after <= 1)).all()
