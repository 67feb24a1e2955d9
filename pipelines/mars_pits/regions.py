"""Pixels of an object within a raster, and how two such overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """Some pixels of a raster.

    Attributes
    ----------
    rows, cols
        The smallest box around them.
    mask
        Which of the pixels in the box, shape (rows, cols).
    """

    rows: slice
    cols: slice
    mask: Flags

    @classmethod
    def of(cls, mask: Flags, top: int = 0, left: int = 0) -> Region:
        """Return the pixels of a mask whose first pixel lies at `top` and `left`.

        Raises
        ------
        ValueError
            If the mask is empty.
        """
        rows, cols = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        if len(rows) == 0:
            raise ValueError("an empty mask is no region")
        part = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
        return cls(
            slice(top + int(part[0].start), top + int(part[0].stop)),
            slice(left + int(part[1].start), left + int(part[1].stop)),
            mask[part],
        )

    @property
    def area(self) -> int:
        """Pixels."""
        return int(self.mask.sum())

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom, the latter two one pixel beyond."""
        return self.cols.start, self.rows.start, self.cols.stop, self.rows.stop

    def shared(self, other: Region) -> int:
        """Return how many pixels two regions have in common."""
        rows = slice(max(self.rows.start, other.rows.start), min(self.rows.stop, other.rows.stop))
        cols = slice(max(self.cols.start, other.cols.start), min(self.cols.stop, other.cols.stop))
        if rows.start >= rows.stop or cols.start >= cols.stop:
            return 0
        return int((self._part(rows, cols) & other._part(rows, cols)).sum())

    def _part(self, rows: slice, cols: slice) -> Flags:
        top, left = self.rows.start, self.cols.start
        return self.mask[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]

    def paint(self, canvas: Flags) -> None:
        """Set the pixels in an array of the raster's shape."""
        canvas[self.rows, self.cols] |= self.mask


def region_overlaps(found: Sequence[Region], true: Sequence[Region]) -> Values:
    """Return the intersections over union, shape (found, true)."""
    table = np.zeros((len(found), len(true)))
    for row, a in enumerate(found):
        for col, b in enumerate(true):
            shared = a.shared(b)
            if shared:
                table[row, col] = shared / (a.area + b.area - shared)
    return table
