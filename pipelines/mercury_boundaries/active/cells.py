"""What the fast classifier of the comparison sees: cells of a minute and what is around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.mercury_boundaries.features import BIN, CHANNELS, Bins, channels
from pipelines.mercury_boundaries.labels import UNKNOWN, Classes

Values = NDArray[np.float32]

#: Bins of four seconds a cell.
CELL: Final = 15

#: Cells on either side over which the surroundings are taken.
_NEAR, _WIDE = 5, 20

#: Channels of bins that are averaged, and of which the surroundings are taken.
_MEANS: Final = tuple(
    CHANNELS.index(name)
    for name in (
        "bx", "by", "bz", "strength", "unrest", "unrest_of_strength",
        "magnetopause", "bow_shock", "x", "y", "z", "over_dipole", "along_dipole",
    )
)  # fmt: skip
_AROUND: Final = tuple(
    CHANNELS.index(name) for name in ("strength", "unrest", "unrest_of_strength", "over_dipole")
)


@dataclass(frozen=True)
class Cells:
    """An orbit for the fast classifier.

    Attributes
    ----------
    features
        Shape (n, f); 0 where nothing was measured.
    classes
        Numbers of `labels.CLASSES` or `labels.UNKNOWN`, shape (n,).
    """

    features: Values
    classes: Classes


def cell_features(bins: Bins) -> Values:
    """Return the features of the cells of an orbit, shape (n, f).

    Means of the channels of the network over a minute, how much the field changes within it, and
    for strength and unrest their means within 5 and 20 minutes on either side and the spread
    within 20.
    """
    count = len(bins) // CELL
    rows = channels(bins)[:, : count * CELL].reshape(len(CHANNELS), count, CELL)
    mean = rows.mean(axis=2)
    spread = rows[:4].std(axis=2)
    columns = [*mean[list(_MEANS)], *spread]
    for row in mean[list(_AROUND)]:
        before, after = _means_beside(row, _NEAR)
        far_before, far_after = _means_beside(row, _WIDE)
        middle = _running_mean(row, _WIDE)
        square = _running_mean(row * row, _WIDE)
        deviation = np.sqrt(np.maximum(square - middle * middle, 0.0))
        columns += [before - row, after - row, far_before - row, far_after - row, deviation]
    return np.column_stack(columns).astype(np.float32)


def _running_mean(row: Values, reach: int) -> Values:
    """Return means over `reach` cells on either side, fewer at the ends."""
    total = np.concatenate(([0.0], np.cumsum(row, dtype=np.float64)))
    place = np.arange(len(row))
    low, high = np.maximum(place - reach, 0), np.minimum(place + reach + 1, len(row))
    return ((total[high] - total[low]) / (high - low)).astype(np.float32)


def _means_beside(row: Values, reach: int) -> tuple[Values, Values]:
    """Return the means over the `reach` cells up to each cell, and from each cell on."""
    total = np.concatenate(([0.0], np.cumsum(row, dtype=np.float64)))
    place = np.arange(len(row))
    low, high = np.maximum(place - reach, 0), np.minimum(place + reach + 1, len(row))
    before = (total[place + 1] - total[low]) / (place + 1 - low)
    after = (total[high] - total[place]) / (high - place)
    return before.astype(np.float32), after.astype(np.float32)


def cell_classes(classes: Classes) -> Classes:
    """Return the class that most bins of each cell have.

    Parameters
    ----------
    classes
        Of bins (`features.bin_classes`), shape (m,).

    Returns
    -------
    classes
        Shape (m // `CELL`,); the lower number where two are as frequent.
    """
    count = len(classes) // CELL
    cells = classes[: count * CELL].reshape(count, CELL)
    votes = np.stack([(cells == each).sum(axis=1) for each in range(5)])
    return np.where(votes.max(axis=0) > 0, votes.argmax(axis=0), UNKNOWN).astype(np.int8)


#: Seconds a cell.
CELL_SECONDS: Final = CELL * BIN
