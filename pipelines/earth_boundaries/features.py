"""What the network sees of a series: field, moments, unrest, and place relative to usual shells.

Every feature of a minute depends on minutes near it alone, so that an excerpt has the features of
the whole.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.earth_boundaries.moments import FIELD, POSITION, VELOCITY, MomentSeries
from pipelines.earth_boundaries.shells import usual_shells
from pipelines.signals.rolling import rolling_moments

Values = NDArray[np.float64]
Features = NDArray[np.float32]

FEATURES = (
    "field_strength",
    "field_x",
    "field_y",
    "field_z",
    "field_unrest",
    "density",
    "density_unrest",
    "speed",
    "speed_x",
    "temperature",
    "magnetopause_shell",
    "bow_shock_shell",
    "field_mask",
    "plasma_mask",
    "place_mask",
)

#: Which features are lost together.
FIELD_FEATURES = tuple(range(5))
PLASMA_FEATURES = tuple(range(5, 10))
PLACE_FEATURES = (10, 11)
FIELD_MASK, PLASMA_MASK, PLACE_MASK = 12, 13, 14

#: Minutes over which unrest is measured.
UNREST = 7


def features(series: MomentSeries) -> Features:
    """Return the features of a series; lost ones are 0, and the masks say so.

    Returns
    -------
    features
        Of order 1, shape (15, n), in the order of `FEATURES`.
    """
    field, velocity = series.vectors(FIELD), series.vectors(VELOCITY)
    size, speed = np.linalg.norm(field, axis=1), np.linalg.norm(velocity, axis=1)
    density, temperature = series.channel("n"), series.channel("t")
    shells = usual_shells(series.radii)
    columns = [
        _decades(size, 1.0),
        *np.arcsinh(field / 5.0).T / 2.0,
        _unrest(field, size),
        _decades(density, 0.7),
        _relative(density),
        speed / 200.0 - 1.5,
        velocity[:, 0] / 200.0 + 1.0,
        _decades(temperature, 2.2),
        np.clip(2.5 * np.log(shells.magnetopause), -3, 3),
        np.clip(2.5 * np.log(np.maximum(shells.bow_shock, 1e-6)), -3, 3),
    ]
    groups = [FIELD, ("n", "vx", "t"), POSITION]
    masks = [np.isfinite(series.vectors(names)).all(axis=1).astype(np.float64) for names in groups]
    stacked = np.stack([*columns, *masks]).astype(np.float32)
    for rows, mask in (
        (FIELD_FEATURES, masks[0]),
        (PLASMA_FEATURES, masks[1]),
        (PLACE_FEATURES, masks[2]),
    ):
        stacked[np.ix_(rows, mask == 0)] = 0.0
    stacked[~np.isfinite(stacked)] = 0.0
    return stacked


def _decades(values: Values, middle: float) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(1.5 * (np.log10(np.maximum(values, 1e-4)) - middle))


def _unrest(field: Values, size: Values) -> Values:
    """Return the logarithm of the fluctuation of the vector relative to its size."""
    variance = sum(rolling_moments(each, UNREST)[1] for each in field.T)
    mean = rolling_moments(size, UNREST)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(1.5 * (np.log10(np.sqrt(variance) / mean + 1e-2) + 0.8))


def _relative(values: Values) -> Values:
    mean, variance = rolling_moments(values, UNREST)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(1.5 * (np.log10(np.sqrt(variance) / mean + 1e-2) + 1.0))
