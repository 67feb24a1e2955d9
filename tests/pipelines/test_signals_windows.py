"""Windows over a long series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.signals.windows import cut_windows, overlap_average, window_starts


@given(first=st.integers(0, 10**7), samples=st.integers(1, 300), overlap=st.integers(1, 4))
def test_every_sample_lies_in_length_over_step_windows(first, samples, overlap):
    step = 8
    length = step * overlap
    starts = window_starts(first, samples, length, step)
    for sample in (0, samples // 2, samples - 1):
        assert ((starts <= sample) & (sample < starts + length)).sum() == overlap
    assert ((starts + first) % step == 0).all()


def test_a_length_that_is_no_multiple_of_the_step_is_refused():
    with pytest.raises(ValueError, match="moved by"):
        window_starts(0, 10, 10, 3)


@settings(max_examples=30)
@given(
    first=st.integers(0, 1000),
    samples=st.integers(1, 200),
    batch=st.integers(1, 20),
)
def test_averaging_an_answer_that_repeats_its_input_gives_the_input(first, samples, batch):
    channels = np.random.default_rng(samples).normal(size=(2, samples)).astype(np.float32)
    average = overlap_average(channels, first, 32, 16, lambda windows: windows, batch=batch)
    assert average == pytest.approx(channels, abs=1e-5)


def test_windows_beyond_the_series_are_zero():
    channels = np.ones((1, 4), dtype=np.float32)
    windows = cut_windows(channels, np.array([-2, 2]), 4)
    assert windows[:, 0].tolist() == [[0, 0, 1, 1], [1, 1, 0, 0]]


def test_a_sample_gets_the_same_answer_in_a_longer_series():
    values = np.random.default_rng(1).normal(size=(1, 400)).astype(np.float32)

    def answer(windows):
        return windows - windows.mean(axis=2, keepdims=True)

    whole = overlap_average(values, 1000, 32, 16, answer)
    part = overlap_average(values[:, 100:300], 1100, 32, 16, answer)
    assert part[:, 40:-40] == pytest.approx(whole[:, 140:260], abs=1e-6)
