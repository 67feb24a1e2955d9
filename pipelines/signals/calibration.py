"""Calibrated confidence: what fraction of detections like this one is real."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

#: Keeps the logarithm of the odds finite.
_MARGIN = 1e-4


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic function of the log-odds of a raw score (Platt 1999).

    Attributes
    ----------
    slope
        Not negative: a higher raw score never means less confidence.
    intercept
        Log-odds that belong to a raw score of one half.
    """

    slope: float
    intercept: float

    def __call__(self, raw: Values) -> Values:
        """Map raw scores between 0 and 1 to probabilities between 0 and 1."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * log_odds(raw) + self.intercept))))


def log_odds(probability: Values) -> Values:
    """Return ln(p / (1 - p)), finite also for 0 and 1."""
    inside = np.clip(probability, _MARGIN, 1 - _MARGIN)
    return np.asarray(np.log(inside / (1 - inside)))


def fit_calibration(raw: Values, real: NDArray[np.bool_], prior: float = 1.0) -> Calibration:
    """Fit a calibration to detections of which it is known whether they are real.

    The likelihood is maximised by Newton's method under a normal prior of slope 1 and intercept
    0, the identity, so that a handful of detections cannot make the confidence extreme.

    Parameters
    ----------
    raw
        Scores between 0 and 1, shape (n,); n may be 0.
    real
        Whether each is real, shape (n,).
    prior
        Weight of the prior: the inverse of its variance.
    """
    design = np.column_stack([log_odds(raw), np.ones(len(raw))])
    identity = np.array([1.0, 0.0])
    weights = identity.copy()
    for _ in range(50):
        expected = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (real - expected) - prior * (weights - identity)
        curvature = (design * (expected * (1 - expected))[:, None]).T @ design + prior * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        # Half a unit at most: the full Newton step may overshoot far from the maximum.
        weights += step / max(1.0, float(np.abs(step).max()) / 0.5)
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(slope=max(float(weights[0]), 0.0), intercept=float(weights[1]))


def brier_score(confidence: Values, real: NDArray[np.bool_]) -> float:
    """Return the mean squared difference of confidence and truth; NaN without detections."""
    return float(np.mean((confidence - real) ** 2)) if len(confidence) else float("nan")
