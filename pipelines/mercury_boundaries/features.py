"""What the network sees: bins of four seconds that stand at fixed times.

A bin is a function of the samples within `FAR` of it, so that it is the same in whatever excerpt it
stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.boundaries.frames import aberrate
from pipelines.boundaries.mercury import (
    dipole_field,
    winslow2013_bow_shock,
    winslow2013_magnetopause,
)
from pipelines.mercury_boundaries.labels import (
    BOW_SHOCK,
    MAGNETOPAUSE,
    UNKNOWN,
    Classes,
)
from pipelines.mercury_boundaries.series import MagSeries, aberrated_msm, slow_angle

Values = NDArray[np.float32]

#: Seconds a bin.
BIN: Final = 4

#: nT; scale of the field components, and what is added to fluctuations before the logarithm.
_SCALE, _QUIET = 20.0, 0.1

#: nT. Only the planet's own field is so strong, within about an hour around the periapsis; how long
#: ago or ahead that is says much about the region where the position is unknown.
_STRONG: Final = 150.0

#: Bins beyond which it does not matter any more: six hours.
FAR: Final = 6 * 3600 // BIN

#: Channels in order.
CHANNELS: Final = (
    "bx",
    "by",
    "bz",
    "strength",
    "unrest",
    "unrest_of_strength",
    "field_mask",
    "magnetopause",
    "bow_shock",
    "x",
    "y",
    "z",
    "over_dipole",
    "along_dipole",
    "position_mask",
)

#: The channels that need the position.
_PLACE: Final = slice(7, 15)


@dataclass(frozen=True)
class Bins:
    """Means over four seconds, in aberrated axes.

    Attributes
    ----------
    first
        Number of the first bin since 1970.
    field
        Means, nT, shape (n, 3); 0 in gaps.
    strength
        Mean magnitude, nT, shape (n,).
    unrest, unrest_of_strength
        Standard deviations within the bin of the vector and of its magnitude, nT, shape (n,).
    known
        Where at least one sample was measured, shape (n,).
    approach
        Bins to the nearest one with strong field, before or after, at most `FAR`, shape (n,).
    place
        Aberrated MSM in Mercury radii, shape (n, 3), NaN where unknown; `None` for nowhere known.
    """

    first: int
    field: Values
    strength: Values
    unrest: Values
    unrest_of_strength: Values
    known: NDArray[np.bool_]
    approach: Values
    place: Values | None

    def __len__(self) -> int:
        """Return the number of bins."""
        return len(self.field)

    def slice(self, low: int, high: int) -> Bins:
        """Return the bins from `low` to before `high`."""
        return Bins(
            self.first + low,
            self.field[low:high],
            self.strength[low:high],
            self.unrest[low:high],
            self.unrest_of_strength[low:high],
            self.known[low:high],
            self.approach[low:high],
            None if self.place is None else self.place[low:high],
        )

    def without_position(self) -> Bins:
        """Return the same bins with the position forgotten."""
        return replace(self, place=None)


def bin_series(series: MagSeries) -> Bins:
    """Return the bins that a series touches."""
    low = series.first // BIN
    high = -(-(series.first + len(series)) // BIN)
    if series.position is None:
        field = aberrate(series.field, slow_angle(series))
        place = None
    else:
        field, where = aberrated_msm(series)
        place = _middles(_cells(where, series.first, low, high))
    cells = _cells(field, series.first, low, high)
    known = np.isfinite(cells).all(axis=2)
    count = np.maximum(known.sum(axis=1), 1)
    cells = np.where(known[:, :, None], cells, 0.0)
    mean = cells.sum(axis=1) / count[:, None]
    size = np.linalg.norm(cells, axis=2)
    strength = size.sum(axis=1) / count
    spread = np.where(known[:, :, None], cells - mean[:, None, :], 0.0)
    spread_of_size = np.where(known, size - strength[:, None], 0.0)
    return Bins(
        low,
        mean.astype(np.float32),
        strength.astype(np.float32),
        np.sqrt((spread**2).sum(axis=(1, 2)) / count).astype(np.float32),
        np.sqrt((spread_of_size**2).sum(axis=1) / count).astype(np.float32),
        known.any(axis=1),
        bins_to_nearest(strength >= _STRONG),
        place,
    )


def _cells(values: NDArray[np.float64], first: int, low: int, high: int) -> NDArray[np.float64]:
    """Return samples by bins, shape (n, BIN, 3), NaN where the series has none."""
    cells = np.full(((high - low) * BIN, values.shape[1]), np.nan)
    start = first - low * BIN
    cells[start : start + len(values)] = values
    return cells.reshape(high - low, BIN, values.shape[1])


def _middles(cells: NDArray[np.float64]) -> Values:
    """Return one known place of each bin, the earliest, shape (n, 3)."""
    known = np.isfinite(cells).all(axis=2)
    earliest = known.argmax(axis=1)
    return cells[np.arange(len(cells)), earliest].astype(np.float32)


def bins_to_nearest(flags: NDArray[np.bool_]) -> Values:
    """Return how far the nearest true element is from each, at most `FAR`, shape (n,)."""
    place = np.arange(len(flags))
    none = -2 * FAR
    before = np.maximum.accumulate(np.where(flags, place, none))
    after = -np.maximum.accumulate(np.where(flags, -place, none - len(flags))[::-1])[::-1]
    return np.minimum(np.minimum(place - before, after - place), FAR).astype(np.float32)


def bin_classes(classes: Classes, first: int) -> Classes:
    """Return one class a bin: a crossing if any second is one, else that of the first known second.

    Parameters
    ----------
    classes
        Of the seconds, shape (n,).
    first
        Time of the first second.
    """
    low, high = first // BIN, -(-(first + len(classes)) // BIN)
    cells = np.full((high - low) * BIN, UNKNOWN, dtype=np.int8)
    start = first - low * BIN
    cells[start : start + len(classes)] = classes
    cells = cells.reshape(-1, BIN)
    known = cells != UNKNOWN
    answer = cells[np.arange(len(cells)), known.argmax(axis=1)]
    for crossing in (BOW_SHOCK, MAGNETOPAUSE):
        answer = np.where((cells == crossing).any(axis=1), crossing, answer)
    return answer.astype(np.int8)


def channels(bins: Bins) -> Values:
    """Return the channels of bins, shape (len(`CHANNELS`), n), float32; 0 where unknown."""
    known = bins.known
    field = bins.field.astype(np.float64)
    rows = np.zeros((len(CHANNELS), len(bins)))
    rows[:3] = np.arcsinh(field / _SCALE).T
    rows[3] = np.log((bins.strength + 1.0) / _SCALE)
    rows[4] = 0.5 * np.log(bins.unrest + _QUIET)
    rows[5] = 0.5 * np.log(bins.unrest_of_strength + _QUIET)
    rows[6] = 1.0
    if bins.place is not None:
        rows[_PLACE] = _place_channels(bins)
    rows[:, ~known] = 0.0
    return np.ascontiguousarray(rows, dtype=np.float32)


def _place_channels(bins: Bins) -> NDArray[np.float64]:
    """Return the channels of the position, 0 where it is unknown, shape (8, n)."""
    assert bins.place is not None  # noqa: S101
    place = bins.place.astype(np.float64)
    there = np.isfinite(place).all(axis=1)
    place = np.where(there[:, None], place, [3.0, 0.0, 0.0])
    radius = np.maximum(np.linalg.norm(place, axis=1), 0.5)
    magnetopause = winslow2013_magnetopause().shell_factor(place)
    bow_shock = winslow2013_bow_shock().shell_factor(place)
    dipole = dipole_field(place / np.linalg.norm(place, axis=1, keepdims=True) * radius[:, None])
    expected = np.linalg.norm(dipole, axis=1)
    product = np.sum(dipole * bins.field, axis=1)
    size = np.maximum(np.linalg.norm(bins.field, axis=1), 1e-3)
    rows = np.stack(
        [
            2.0 * np.log(np.clip(magnetopause, 0.2, 5.0)),
            2.0 * np.log(np.clip(bow_shock, 0.2, 5.0)),
            *(place.T / 4.0),
            np.clip(np.log((bins.strength + 1.0) / (expected + 1.0)), -3.0, 3.0),
            product / (expected * size),
            np.ones(len(bins)),
        ]
    )
    return np.where(there, rows, 0.0)


def vary(bins: Bins, random: np.random.Generator) -> Bins:
    """Return bins as they might have been: mirrored, and weaker or stronger.

    Mirrored from dawn to dusk, or from north to south through the dipole, and with the field turned
    so that the equations of magnetohydrodynamics and the dipole stay what they are.
    """
    scale = np.float32(np.exp(0.15 * random.standard_normal()))
    signs, sides = np.ones(3, np.float32), np.ones(3, np.float32)
    if random.random() < 0.5:
        signs[1] *= -1
        sides[1] = -1
    if random.random() < 0.5:
        signs[:2] *= -1
        sides[2] = -1
    place = None if bins.place is None else bins.place * sides
    noise = np.exp(0.15 * random.standard_normal())
    return Bins(
        bins.first,
        bins.field * signs * scale,
        bins.strength * scale,
        (bins.unrest * scale * noise).astype(np.float32),
        (bins.unrest_of_strength * scale * noise).astype(np.float32),
        bins.known,
        bins.approach,
        place,
    )
