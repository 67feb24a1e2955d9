"""Scores of intervals found in a series, under the rules that papers and these pipelines use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.signals.events import Intervals
from pipelines.signals.matching import (
    edge_errors,
    match_events,
    match_strictly,
    score_events,
    true_skill_statistic,
)

#: A true event is found when this part of it is covered (Rüdisser et al. 2022, section 3).
PUBLISHED_FRACTION = 0.51


def score_intervals(
    true: Intervals,
    detected: Intervals,
    usable: NDArray[np.bool_],
    samples_per_hour: float,
) -> dict[str, float | int]:
    """Score detections in one series under all rules.

    Parameters
    ----------
    true, detected
        Half-open intervals of samples, shape (n, 2) and (m, 2).
    usable
        Samples where there are data, shape (k,).
    samples_per_hour
        Of the series.

    Returns
    -------
    scores
        ``precision, recall, f1_any`` for any overlap; ``precision_51, recall_51, f1_51`` where
        51 % of an event must be covered; ``f1_iou50`` one to one with intersection over union
        above 0.5; ``tss`` sample by sample; ``start_mae_h, end_mae_h`` over events found with any
        overlap; ``n_true, n_detected, n_found, n_false``.
    """
    loose = match_events(true, detected)
    anyhow, published = (
        score_events(loose),
        score_events(match_events(true, detected, PUBLISHED_FRACTION)),
    )
    edges = edge_errors(true, detected, loose)
    return {
        "precision": anyhow.precision,
        "recall": anyhow.recall,
        "f1_any": anyhow.f1,
        "precision_51": published.precision,
        "recall_51": published.recall,
        "f1_51": published.f1,
        "f1_iou50": score_events(match_strictly(true, detected)).f1,
        "tss": true_skill_statistic(true, detected, usable),
        "start_mae_h": edges.start / samples_per_hour,
        "end_mae_h": edges.end / samples_per_hour,
        "n_true": anyhow.n_true,
        "n_detected": anyhow.n_detected,
        "n_found": anyhow.n_found,
        "n_false": anyhow.n_false,
    }


def mean_and_deviation(each: Iterable[dict[str, Any]], key: str) -> tuple[float, float]:
    """Return mean and sample standard deviation of one score over seeds."""
    values = [float(scores[key]) for scores in each]
    return mean(values), stdev(values) if len(values) > 1 else 0.0


@dataclass(frozen=True)
class Scored:
    """True and detected events of one series, to be scored alone or together with others.

    Attributes
    ----------
    true, detected
        Half-open intervals of samples.
    usable
        Shape (n,).
    """

    true: Intervals
    detected: Intervals
    usable: NDArray[np.bool_]


def in_one_row(several: Sequence[Scored]) -> Scored:
    """Return series as if they were one after the other in a single long one.

    True events are cut off at the ends of their series.
    """
    true, detected, usable, offset = [], [], [], 0
    for each in several:
        samples = len(each.usable)
        true.append(np.clip(each.true, 0, samples) + offset)
        detected.append(each.detected + offset)
        usable.append(each.usable)
        offset += samples
    return Scored(np.concatenate(true), np.concatenate(detected), np.concatenate(usable))
