"""Calibrated confidence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.signals.calibration import Calibration, brier_score, fit_calibration

SCORES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40)


def test_the_calibration_that_made_the_data_is_found_again():
    random = np.random.default_rng(2)
    raw = random.uniform(0.02, 0.98, 5000)
    truth = Calibration(slope=0.6, intercept=-0.8)
    fitted = fit_calibration(raw, random.uniform(size=5000) < truth(raw))
    assert fitted.slope == pytest.approx(0.6, abs=0.06)
    assert fitted.intercept == pytest.approx(-0.8, abs=0.1)


def test_without_detections_scores_stay_what_they_are():
    fitted = fit_calibration(np.empty(0), np.empty(0, dtype=bool))
    assert fitted(np.array([0.2, 0.5, 0.9])) == pytest.approx([0.2, 0.5, 0.9])


def test_calibration_lowers_the_brier_score_of_overconfident_detections():
    random = np.random.default_rng(5)
    raw = np.clip(random.normal(0.9, 0.05, 400), 0, 0.999)
    real = random.uniform(size=400) < 0.6
    assert brier_score(fit_calibration(raw, real)(raw), real) < brier_score(raw, real) - 0.05


@given(SCORES)
def test_confidence_is_a_probability_and_never_falls_with_the_score(pairs):
    raw = np.array([score for score, _ in pairs], dtype=float)
    real = np.array([flag for _, flag in pairs], dtype=bool)
    confidence = fit_calibration(raw, real)(np.linspace(0, 1, 20))
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert (np.diff(confidence) >= 0).all()
