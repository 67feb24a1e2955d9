"""Gaps: which are bridged and which stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.grid import bridge_gaps, gap_lengths

VALUES = st.lists(st.one_of(st.just(float("nan")), st.floats(-100, 100)), min_size=1, max_size=60)


def test_a_short_gap_is_bridged_by_a_straight_line_and_a_long_one_stays():
    values = np.array([1, np.nan, 3, np.nan, np.nan, np.nan, 7])
    assert bridge_gaps(values, longest=2) == pytest.approx(
        [1, 2, 3, np.nan, np.nan, np.nan, 7], nan_ok=True
    )


def test_ends_are_never_extrapolated():
    assert np.isnan(bridge_gaps(np.array([np.nan, 1.0, np.nan]))[[0, 2]]).all()


@given(VALUES, st.integers(0, 10))
def test_measured_values_are_never_changed(values, longest):
    array = np.array(values)
    bridged = bridge_gaps(array, longest)
    known = ~np.isnan(array)
    assert (bridged[known] == array[known]).all()


@given(VALUES, st.integers(0, 10))
def test_bridged_values_lie_between_their_neighbours(values, longest):
    array = np.array(values)
    bridged = bridge_gaps(array, longest)
    if (~np.isnan(array)).any():
        filled = bridged[~np.isnan(bridged)]
        assert filled.min() >= np.nanmin(array) - 1e-9
        assert filled.max() <= np.nanmax(array) + 1e-9


@given(st.lists(st.booleans(), max_size=50))
def test_gap_lengths_add_up(missing):
    lengths = gap_lengths(np.array(missing, dtype=bool))
    assert ((lengths > 0) == np.array(missing, dtype=bool)).all()
    assert sum(1 / n for n in lengths if n) == pytest.approx(
        sum(1 for i, m in enumerate(missing) if m and (i == 0 or not missing[i - 1]))
    )
