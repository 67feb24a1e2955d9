"""Geometry of crossings: angle of field and normal, and timing of four spacecraft."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

#: Four spacecraft nearly in a plane or on a line cannot tell a direction: ratio of the smallest to
#: the largest singular value of their separations below which timing is refused.
_FLATTEST = 0.05


def theta_bn(field: Values, normal: Values) -> Values:
    """Return the acute angle between upstream field and shock normal, degrees 0 to 90.

    Parameters
    ----------
    field
        Upstream magnetic field, shape (..., 3), any unit.
    normal
        Of the shock, shape (..., 3), of any length and sense.

    Returns
    -------
    angle
        Shape (...,); NaN where one of the vectors is zero. Below 45 degrees a shock is called
        quasi-parallel.
    """
    field, normal = np.asarray(field, dtype=np.float64), np.asarray(normal, dtype=np.float64)
    lengths = np.linalg.norm(field, axis=-1) * np.linalg.norm(normal, axis=-1)
    product = np.abs(np.sum(field * normal, axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.where(lengths > 0, product / lengths, np.nan)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, 0.0, 1.0))))


def coplanarity_normal(upstream: Values, downstream: Values) -> Values:
    """Return the shock normal that magnetic coplanarity gives (Colburn & Sonett 1966).

    It lies in the plane of both fields and along their difference's perpendicular, and fails where
    the fields are parallel: there it is NaN.

    Parameters
    ----------
    upstream, downstream
        Mean magnetic field on both sides, shape (..., 3).

    Returns
    -------
    normal
        Unit vectors, shape (..., 3); the sense is arbitrary.
    """
    upstream, downstream = (np.asarray(each, dtype=np.float64) for each in (upstream, downstream))
    across = np.cross(np.cross(downstream, upstream), downstream - upstream)
    length = np.linalg.norm(across, axis=-1, keepdims=True)
    scale = np.linalg.norm(upstream, axis=-1) * np.linalg.norm(downstream, axis=-1)
    parallel = length[..., 0] <= 1e-12 * np.maximum(scale, 1e-300) ** 1.5
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(parallel[..., None], np.nan, across / length)


@dataclass(frozen=True, slots=True)
class Timing:
    """A plane boundary that passed four spacecraft at constant speed.

    Attributes
    ----------
    normal
        Unit vector along which the boundary moved, in the frame of the positions.
    speed
        Along the normal, km/s, positive.
    normal_error
        Standard deviation of the direction, degrees.
    speed_error
        km/s.
    """

    normal: tuple[float, float, float]
    speed: float
    normal_error: float
    speed_error: float


def four_spacecraft_timing(
    positions: Values, times: Values, time_error: float = 1.0
) -> Timing | None:
    """Return normal and speed of a boundary from when four spacecraft met it.

    Differences of time and place to their means are solved for the slowness vector m = n / V
    (Schwartz 1998, ISSI SR-001, chapter 10); errors of the times are propagated linearly.

    Parameters
    ----------
    positions
        km, shape (4, 3).
    times
        Seconds, shape (4,).
    time_error
        Standard deviation of each time, s.

    Returns
    -------
    timing
        `None` where it is undetermined: the spacecraft lie nearly in a plane, or all times are
        the same.

    Raises
    ------
    ValueError
        If there are not four spacecraft.
    """
    positions, times = np.asarray(positions, np.float64), np.asarray(times, np.float64)
    if positions.shape != (4, 3) or times.shape != (4,):
        raise ValueError(f"timing needs four spacecraft, not {positions.shape} and {times.shape}")
    apart = positions - positions.mean(axis=0)
    spread = np.linalg.svd(apart, compute_uv=False)
    if not spread[-1] > _FLATTEST * spread[0]:
        return None
    inverse = np.linalg.pinv(apart)
    slowness = inverse @ (times - times.mean())
    size = float(np.linalg.norm(slowness))
    if size == 0.0:
        return None
    normal = slowness / size
    centring = np.eye(4) - 0.25
    spread_of_slowness = time_error**2 * inverse @ centring @ inverse.T
    along = float(np.sqrt(normal @ spread_of_slowness @ normal))
    across = np.eye(3) - np.outer(normal, normal)
    sideways = float(np.sqrt(np.trace(across @ spread_of_slowness @ across)))
    return Timing(
        (float(normal[0]), float(normal[1]), float(normal[2])),
        1.0 / size,
        float(np.degrees(np.arctan2(sideways, size))),
        along / size**2,
    )
