"""Where solar wind is magnetically connected to the quasi-parallel bow shock: the foreshock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.boundaries.shapes import Surface
from pipelines.boundaries.shocks import theta_bn

Values = NDArray[np.float64]

#: Along the field line the shock is looked for so far, in these steps, Earth radii.
_REACH, _STEP = 30.0, 0.5

#: Points that are looked at together.
_CHUNK = 2000

#: Ions return from the shock below the first angle everywhere and above the second nowhere,
#: degrees: the range of Eastwood et al. (2005, Space Sci. Rev. 118, 41), section 1.
_ALL, _NONE = 30.0, 55.0

#: Waves of the foreshock are weaker by e so far from the shock, Earth radii.
_FADING = 12.0


def connection(
    position: Values, field: Values, surface: Surface, scale: Values
) -> tuple[Values, Values]:
    """Follow field lines to the bow shock.

    Parameters
    ----------
    position
        Aberrated GSE, Earth radii, outside of the shock, shape (n, 3).
    field
        Any unit, same axes, shape (n, 3).
    surface
        The shock; its shell factors are multiplied by `scale`.
    scale
        Shape (n,).

    Returns
    -------
    distance
        Along the line to the shock, Earth radii; NaN without connection, shape (n,).
    angle
        Between field and normal there, degrees; NaN without connection.
    """
    distance, angle = np.full(len(position), np.nan), np.full(len(position), np.nan)
    steps = np.arange(_STEP, _REACH + _STEP, _STEP)
    for low in range(0, len(position), _CHUNK):
        part = slice(low, low + _CHUNK)
        unit = field[part] / np.linalg.norm(field[part], axis=1, keepdims=True)
        nearest = np.full(len(unit), np.inf)
        place = np.zeros_like(unit)
        for sense in (-1.0, 1.0):
            line = position[part, None, :] + sense * steps[None, :, None] * unit[:, None, :]
            inside = surface.shell_factor(line) * scale[part, None] < 1
            first = inside.argmax(axis=1)
            away = np.where(inside.any(axis=1), steps[first], np.inf)
            nearer = away < nearest
            nearest = np.where(nearer, away, nearest)
            place[nearer] = line[np.flatnonzero(nearer), first[nearer]]
        met = np.isfinite(nearest)
        rows = np.flatnonzero(met) + low
        distance[rows] = nearest[met]
        angle[rows] = theta_bn(unit[met], surface.normal(place[met]))
    return distance, angle


def foreshock_strength(distance: Values, angle: Values) -> Values:
    """Return how much foreshock there is, 0 (none) to 1, from `connection`; shape (n,)."""
    parallel = np.clip((_NONE - angle) / (_NONE - _ALL), 0, 1)
    return np.nan_to_num(parallel * np.exp(-distance / _FADING))
