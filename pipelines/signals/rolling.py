"""Moments over a window that slides along a series, the same to the last digit in any excerpt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def rolling_moments(
    values: Values, width: int, least: int = 3, ahead: int | None = None
) -> tuple[Values, Values]:
    """Return mean and variance over a centred window; gaps are left out.

    Running sums carry the rounding errors of everything before; here every window is added up by
    itself, always in the same order, so that an excerpt of a series has the moments that the whole
    series has.

    Parameters
    ----------
    values
        Samples, NaN in gaps, shape (n,).
    width
        Samples of the window, odd.
    least
        Fewer known samples than this, at least 2, give NaN.
    ahead
        Samples of the window that come after its middle: half of it when not given, fewer in real
        time.

    Returns
    -------
    mean, variance
        Shape (n,); the variance is the unbiased one.

    Raises
    ------
    ValueError
        If the window has no middle.
    """
    if width % 2 == 0:
        raise ValueError(f"a window of {width} samples has no middle")
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    half = width // 2
    ahead = half if ahead is None else min(ahead, half)
    count = _window_sum(known.astype(np.float64), half, ahead)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(count >= least, _window_sum(filled, half, ahead) / count, np.nan)
        square = _window_sum(filled**2, half, ahead) - count * mean**2
        # Rounding may leave a constant series a variance just below zero.
        variance = np.maximum(square / (count - 1), 0.0)
    return mean, variance


def _window_sum(values: Values, behind: int, ahead: int) -> Values:
    """Add up each sample and its neighbours; beyond the ends is nothing."""
    padded = np.pad(values, (behind, ahead))
    total = np.zeros(len(values))
    for offset in range(behind + ahead + 1):
        total += padded[offset : offset + len(values)]
    return total
