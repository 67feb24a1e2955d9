"""Scores of intervals at any cadence."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.signals.scores import Scored, in_one_row, mean_and_deviation, score_intervals

TRUE = np.array([[10, 30], [50, 70], [80, 90]])
FOUND = np.array([[12, 33], [50, 55], [95, 99]])
ALL = np.ones(100, dtype=bool)


def test_every_rule_counts_what_it_says():
    scores = score_intervals(TRUE, FOUND, ALL, samples_per_hour=1)
    assert (scores["n_true"], scores["n_detected"], scores["n_found"], scores["n_false"]) == (
        3,
        3,
        2,
        1,
    )
    assert scores["precision"] == scores["recall"] == pytest.approx(2 / 3)
    # Of the second event a quarter is covered: no hit where 51 % is asked for, no false alarm.
    assert scores["recall_51"] == pytest.approx(1 / 3)
    assert scores["f1_iou50"] == pytest.approx(1 / 3)
    assert scores["start_mae_h"] == pytest.approx((2 + 0) / 2)
    assert scores["end_mae_h"] == pytest.approx((3 + 15) / 2)


def test_errors_of_edges_are_in_hours_whatever_the_cadence():
    slow, fast = (score_intervals(TRUE, FOUND, ALL, samples_per_hour=rate) for rate in (1, 60))
    assert slow["end_mae_h"] == pytest.approx(60 * fast["end_mae_h"])
    assert slow["tss"] == fast["tss"]


def test_series_one_after_the_other_have_the_counts_of_both():
    one = Scored(TRUE, FOUND, ALL)
    reaching_out = Scored(np.array([[-5, 5], [90, 120]]), np.array([[0, 5]]), ALL)
    joined = in_one_row([one, reaching_out])
    assert joined.true.tolist() == [*TRUE.tolist(), [100, 105], [190, 200]]
    assert len(joined.usable) == 200
    scores = score_intervals(joined.true, joined.detected, joined.usable, samples_per_hour=1)
    assert (scores["n_true"], scores["n_found"]) == (5, 3)


def test_the_deviation_of_one_seed_is_nothing():
    assert mean_and_deviation([{"f1_any": 0.5}], "f1_any") == (0.5, 0.0)
    assert mean_and_deviation([{"f1_any": 0.5}, {"f1_any": 0.7}], "f1_any") == pytest.approx(
        (0.6, 0.2 / 2**0.5)
    )
