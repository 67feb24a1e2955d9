"""The baseline: a random forest that judges windows of ten seconds one by one.

After Hollman et al. (2026, J. Geophys. Res. Machine Learning and Computation,
10.1029/2025JH000921): moments of field and components in ten-second windows, with the position.
Theirs are drawn near crossings and divided at random; here it has the same orbits as the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.boundaries.frames import aberrate, local_time
from pipelines.errors import require
from pipelines.mercury_boundaries.labels import UNKNOWN, Classes
from pipelines.mercury_boundaries.series import MagSeries, aberrated_msm, slow_angle

Values = NDArray[np.float64]

#: Seconds a window.
WINDOW: Final = 10

_TREES: Final = 40

#: Of the windows it learns from one in so many: neighbours are nearly the same.
_THINNED: Final = 6


def forest_features(series: MagSeries) -> Values:
    """Return 28 features of each ten-second window, 20 without position.

    Mean, median, standard deviation, skewness and excess kurtosis of magnitude and components; and
    x, y, z, distance, distance from the axis, local time, latitude and distance from the equator.

    Returns
    -------
    features
        Shape (windows, 28) or (windows, 20); 0 where nothing was measured.
    """
    count = len(series) // WINDOW
    if series.position is None:
        field, place = aberrate(series.field, slow_angle(series)), None
    else:
        field, place = aberrated_msm(series)
    values = np.column_stack([np.linalg.norm(field, axis=1), field])
    cells = values[: count * WINDOW].reshape(count, WINDOW, 4)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = cells.mean(axis=1)
        apart = cells - mean[:, None, :]
        deviation = cells.std(axis=1)
        skewness = (apart**3).mean(axis=1) / deviation**3
        kurtosis = (apart**4).mean(axis=1) / deviation**4 - 3.0
    columns = [mean, np.median(cells, axis=1), deviation, skewness, kurtosis]
    if place is not None:
        middle = place[: count * WINDOW : WINDOW]
        radius = np.linalg.norm(middle, axis=1)
        axis = np.linalg.norm(middle[:, 1:], axis=1)
        latitude = np.degrees(np.arcsin(np.clip(middle[:, 2] / radius, -1, 1)))
        columns.append(
            np.column_stack(
                [middle, radius, axis, local_time(middle), latitude, np.abs(middle[:, 2])]
            )
        )
    return np.nan_to_num(np.column_stack(columns), nan=0.0, posinf=0.0, neginf=0.0)


def window_classes(classes: Classes) -> Classes:
    """Return the class of the middle second of each window."""
    count = len(classes) // WINDOW
    return classes[: count * WINDOW].reshape(count, WINDOW)[:, WINDOW // 2]


def fit_forest(
    features: Sequence[Values], classes: Sequence[Classes], which: Sequence[int], seed: int
) -> Any:
    """Train a forest on the windows of orbits.

    Parameters
    ----------
    features, classes
        Of each orbit.
    which
        Classes that it may name.
    seed
        Of everything random.
    """
    ensemble = require("sklearn.ensemble")
    table, answer = np.concatenate(features), np.concatenate(classes)
    kept = np.isin(answer, which) & (answer != UNKNOWN)
    forest = ensemble.RandomForestClassifier(
        _TREES, min_samples_leaf=3, class_weight="balanced", random_state=seed, n_jobs=1
    )
    return forest.fit(table[kept][::_THINNED], answer[kept][::_THINNED])


def forest_classes(forest: Any, features: Values, samples: int) -> Classes:
    """Return the class of each second; those after the last window are of its class."""
    said = np.repeat(forest.predict(features), WINDOW)
    return np.pad(said, (0, samples - len(said)), mode="edge").astype(np.int8)
