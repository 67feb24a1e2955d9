"""Scores, the choice of the event rule, and the printed table."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.icme.evaluate import (
    HeldOut,
    calibrate,
    candidate_rules,
    choose_rule,
    mean_and_deviation,
    nested_scores,
    score,
    score_held_out,
    split_in_time,
)
from pipelines.icme.report import table_row

TRUE = np.array([[200, 350], [700, 900], [1500, 1620]])


def held_out(noise: float = 0.0, samples: int = 2400) -> HeldOut:
    """Return probabilities that are 0.95 inside true events and low elsewhere."""
    random = np.random.default_rng(4)
    ejection = np.full(samples, 0.05)
    for first, end in TRUE:
        ejection[first:end] = 0.95
    ejection = np.clip(ejection + noise * random.standard_normal(samples), 0, 1)
    probabilities = np.stack([1 - ejection, np.zeros(samples), ejection]).astype(np.float32)
    return HeldOut(probabilities, TRUE, np.ones(samples, dtype=bool))


def test_a_perfect_detection_scores_one_everywhere():
    scores = score(TRUE, TRUE, np.ones(2400, dtype=bool))
    for key in ("precision", "recall", "f1_any", "f1_51", "f1_iou50", "tss"):
        assert scores[key] == 1, key
    assert (scores["start_mae_h"], scores["end_mae_h"]) == (0, 0)


def test_edge_errors_are_in_hours():
    scores = score(TRUE, TRUE + np.array([6, -12]), np.ones(2400, dtype=bool))
    assert (scores["start_mae_h"], scores["end_mae_h"]) == (1, 2)


def test_one_detection_that_swallows_everything_fools_overlap_but_not_the_other_scores():
    scores = score(TRUE, np.array([[0, 2400]]), np.ones(2400, dtype=bool))
    assert scores["f1_any"] == 1
    assert scores["f1_51"] == 1
    assert scores["f1_iou50"] == 0
    assert scores["tss"] == 0


def test_the_rule_chosen_on_clear_probabilities_finds_all_events():
    rule, value = choose_rule([held_out(noise=0.1)])
    assert value == pytest.approx(1)
    assert rule in candidate_rules()
    assert score_held_out(held_out(noise=0.1), rule)["f1_iou50"] == 1


def test_the_rule_is_chosen_by_all_series_together():
    rule, value = choose_rule([held_out(), held_out(noise=0.2)])
    again, same = choose_rule([held_out(noise=0.2), held_out()])
    assert (rule, value) == (again, same)


def test_parts_of_a_series_hold_each_event_once():
    parts = split_in_time(held_out(), 3)
    assert sum(len(part.true) for part in parts) == len(TRUE)
    assert sum(len(part.usable) for part in parts) == 2400
    assert all((part.true[:, 1] <= len(part.usable)).all() for part in parts)


def test_nested_scores_of_clear_probabilities_are_perfect():
    assert nested_scores([held_out(noise=0.05)], 3) == {"f1_any": 1, "f1_51": 1, "f1_iou50": 1}


def test_calibration_raises_the_confidence_when_all_detections_are_real():
    calibration = calibrate([held_out()], choose_rule([held_out()])[0])
    assert calibration(np.array([0.9]))[0] > 0.9


def test_mean_and_deviation_over_seeds():
    seeds = [{"f1": 0.5}, {"f1": 0.7}]
    assert mean_and_deviation(seeds, "f1") == pytest.approx((0.6, 0.1414), abs=1e-3)
    assert mean_and_deviation(seeds[:1], "f1") == (0.5, 0)


def test_a_line_of_the_table_has_a_cell_for_each_column():
    from pipelines.icme.report import _HEADER

    row = table_row("x", score(TRUE, TRUE, np.ones(2400, dtype=bool)))
    assert row.count("|") == _HEADER.splitlines()[0].count("|")
    assert "0.0 h" in row
