"""Rasters worked on tile by tile, with the result of working on the whole.

Each tile is read with a margin on all sides; what a function makes of it is cropped to the tile.
A function whose value at a pixel depends on nothing further away than the margin gives the same
numbers whatever the size of the tiles, since the margin ends only where the raster does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent

Values = NDArray[np.float64]

#: Rows of a piece of a window: a reader needs memory for some copies of what it is asked for.
_PIECE = 128


class Readable(Protocol):
    """What tiles are cut from: `pipelines.images.raster.Raster`, or anything like it."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    def read(self, rows: slice, cols: slice) -> Values:
        """Return a window, shape (bands, rows, cols)."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a raster and what is read around it.

    Attributes
    ----------
    rows, cols
        The tile itself; all tiles together cover the raster once.
    read_rows, read_cols
        With the margin, as far as the raster goes.
    """

    rows: slice
    cols: slice
    read_rows: slice
    read_cols: slice

    def crop(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the part of what was made of the tile with its margin that is the tile's own.

        Parameters
        ----------
        values
            The last two axes are those of the window that was read.
        """
        top, left = self.rows.start - self.read_rows.start, self.cols.start - self.read_cols.start
        height, width = self.rows.stop - self.rows.start, self.cols.stop - self.cols.start
        return values[..., top : top + height, left : left + width]


def tiles_of(shape: tuple[int, int], size: int, margin: int) -> Iterator[Tile]:
    """Cut a raster into tiles, row by row.

    Parameters
    ----------
    shape
        Rows and columns of the raster.
    size
        Rows and columns of a tile; those at the lower and right edge may be smaller.
    margin
        Pixels that are read around each.

    Raises
    ------
    ValueError
        If the size is not positive or the margin negative.
    """
    if size < 1 or margin < 0:
        raise ValueError(f"tiles of {size} pixels with a margin of {margin} cannot be")
    height, width = shape
    for top in range(0, height, size):
        rows = slice(top, min(top + size, height))
        read_rows = slice(max(0, top - margin), min(height, rows.stop + margin))
        for left in range(0, width, size):
            cols = slice(left, min(left + size, width))
            read_cols = slice(max(0, left - margin), min(width, cols.stop + margin))
            yield Tile(rows, cols, read_rows, read_cols)


def map_tiles(
    raster: Readable,
    function: Callable[[Values], NDArray[np.generic]],
    *,
    size: int = 1024,
    margin: int = 0,
    progress: Progress = silent,
) -> Iterator[tuple[Tile, NDArray[np.generic]]]:
    """Apply a function to each tile of a raster.

    Parameters
    ----------
    raster
        What to read.
    function
        Makes of a window of shape (bands, rows, cols) an array whose last two axes are the same.
        Its value at a pixel may depend on pixels up to `margin` away.
    size, margin
        As for `tiles_of`.
    progress
        Told after each tile.

    Yields
    ------
    tile, values
        The tile and what was made of it, without margin.

    Raises
    ------
    ValueError
        If the function returns another number of rows or columns.
    """
    height, width = raster.shape
    total = -(-height // size) * -(-width // size)
    for done, tile in enumerate(tiles_of(raster.shape, size, margin), start=1):
        window = raster.read(tile.read_rows, tile.read_cols)
        made = function(window)
        if made.shape[-2:] != window.shape[-2:]:
            raise ValueError(f"of {window.shape[-2:]} pixels {made.shape[-2:]} were made")
        yield tile, tile.crop(made)
        progress("tiles", done, total)


def read_in_pieces(raster: Readable, rows: slice, cols: slice) -> Values:
    """Return a window, shape (bands, rows, cols), read some rows at a time.

    Parameters
    ----------
    raster
        What to read.
    rows, cols
        The window, with both ends and at least a row.
    """

    def piece(top: int) -> Values:
        return raster.read(slice(top, min(top + _PIECE, rows.stop)), cols)

    first = piece(rows.start)
    if first.shape[1] == rows.stop - rows.start:
        return first
    found = np.empty((len(first), rows.stop - rows.start, first.shape[2]))
    found[:, : first.shape[1]] = first
    for top in range(rows.start + _PIECE, rows.stop, _PIECE):
        found[:, top - rows.start : top - rows.start + _PIECE] = piece(top)
    return found


@dataclass(frozen=True)
class InMemory:
    """An array as something that tiles are cut from.

    Attributes
    ----------
    pixels
        Shape (bands, rows, cols).
    """

    pixels: Values

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pixels.shape[1], self.pixels.shape[2]

    def read(self, rows: slice, cols: slice) -> Values:
        """Return a window."""
        return self.pixels[:, rows, cols]
