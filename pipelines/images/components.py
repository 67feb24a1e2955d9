"""Connected parts of a map that does not fit into memory, found row of blocks by row of blocks.

A part that does not reach the last row of pixels that was seen is complete; only the others have to
be remembered. So the memory depends on the width of the map and not on its height.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.images.blocks import BlockGrid

Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

#: Neighbours share a side or a corner.
NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class Component:
    """Neighbouring pixels of which each reaches a level.

    Attributes
    ----------
    rows, cols
        Its bounding box in the raster.
    area
        Pixels.
    first
        Row and column of its first pixel, in the order in which text is read.
    mean, peak
        Of the map over its pixels, 0 to 1.
    touches_edge
        Whether it reaches an edge of the raster.
    """

    rows: slice
    cols: slice
    area: int
    first: tuple[int, int]
    mean: float
    peak: float
    touches_edge: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the bounding box."""
        return self.rows.stop - self.rows.start, self.cols.stop - self.cols.start


@dataclass(frozen=True)
class _Parts:
    """Properties of parts, one row each: what is summed, what is least and what is largest.

    Attributes
    ----------
    sums
        Area, sum of the map; shape (n, 2).
    least
        Top, left, number of the first pixel; shape (n, 3).
    largest
        Bottom, right, peak; shape (n, 3).
    """

    sums: Numbers
    least: Numbers
    largest: Numbers

    def __len__(self) -> int:
        return len(self.sums)

    def __getitem__(self, chosen: Flags | Numbers) -> _Parts:
        return _Parts(self.sums[chosen], self.least[chosen], self.largest[chosen])

    def merged(self, groups: Numbers, count: int) -> _Parts:
        """Return the properties of groups of parts; `groups` says which part is in which."""
        far = np.iinfo(np.int64).max
        sums = np.zeros((count, 2), np.int64)
        least, largest = np.full((count, 3), far), np.full((count, 3), -1, np.int64)
        np.add.at(sums, groups, self.sums)
        np.minimum.at(least, groups, self.least)
        np.maximum.at(largest, groups, self.largest)
        return _Parts(sums, least, largest)


def _nothing() -> _Parts:
    return _Parts(*(np.zeros((0, each), np.int64) for each in (2, 3, 3)))


def _joined(parts: list[_Parts]) -> _Parts:
    return _Parts(
        np.concatenate([each.sums for each in parts]),
        np.concatenate([each.least for each in parts]),
        np.concatenate([each.largest for each in parts]),
    )


def _parts_of(labels: Numbers, count: int, values: Bytes, origin: tuple[int, int]) -> _Parts:
    """Measure the labelled parts of a block that begins at a row and column of the raster."""
    rows, cols = np.nonzero(labels)
    number = labels[rows, cols] - 1
    weight = values[rows, cols].astype(np.int64)
    rows, cols = rows + origin[0], cols + origin[1]
    # One number a pixel that grows in the order in which text is read, whatever the raster.
    place = (rows.astype(np.int64) << 32) | cols
    each = _Parts(
        np.column_stack([np.ones_like(weight), weight]),
        np.column_stack([rows, cols, place]),
        np.column_stack([rows, cols, weight]),
    )
    return each.merged(number, count)


def _pairs(a: Numbers, b: Numbers) -> Numbers:
    """Return the pairs of parts that lie side by side along two lines of pixels."""
    both = (a > 0) & (b > 0)
    return np.unique(np.column_stack([a[both], b[both]]) - 1, axis=0)


class _Row:
    """A row of blocks being gone through, with what goes on from the row above.

    Parameters
    ----------
    width
        Columns of the raster.
    carried
        Parts that reached the last row of pixels above.
    above
        For each column the number, from 1, of the carried part there; 0 where there is none.
    """

    def __init__(self, width: int, carried: _Parts, above: Numbers) -> None:
        self._above = np.pad(above, 1)
        self._parts = [carried]
        self._count = len(carried)
        self._edges: list[Numbers] = []
        self._below = np.zeros(width, np.int64)
        self._side: Numbers | None = None

    def skip(self) -> None:
        """Go past a block without any part in it."""
        self._side = None

    def add(self, values: Bytes, level: int, rows: slice, cols: slice) -> None:
        """Take the next block."""
        found, count = require("scipy.ndimage").label(values >= level, NEIGHBOURS)
        if count == 0:
            return self.skip()
        labels = found.astype(np.int64)
        self._parts.append(_parts_of(labels, count, values, (rows.start, cols.start)))
        numbers = np.where(labels > 0, labels + self._count, 0)
        self._count += count
        for shift in range(3):
            above = self._above[cols.start + shift : cols.stop + shift]
            self._edges.append(_pairs(above, numbers[0]))
        if self._side is not None:
            side, own = self._side, numbers[:, 0]
            pairs = ((side, own), (side[1:], own[:-1]), (side[:-1], own[1:]))
            self._edges += [_pairs(*each) for each in pairs]
        self._below[cols] = numbers[-1]
        self._side = numbers[:, -1]
        return None

    def end(self) -> tuple[_Parts, _Parts, Numbers]:
        """Return the parts that are complete, those that may go on, and where these are."""
        parts = _joined(self._parts)
        if len(parts) == 0:
            return parts, parts, self._below
        edges = np.concatenate([*self._edges, np.zeros((0, 2), np.int64)]).astype(np.int64)
        sparse = require("scipy.sparse")
        graph = sparse.coo_matrix(
            (np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(len(parts),) * 2
        )
        count, groups = require("scipy.sparse.csgraph").connected_components(graph, directed=False)
        merged = parts.merged(groups.astype(np.int64), count)
        reached = self._below > 0
        going_on = np.unique(groups[self._below[reached] - 1])
        complete = np.ones(count, dtype=bool)
        complete[going_on] = False
        renumbered = np.zeros(count, np.int64)
        renumbered[going_on] = np.arange(1, len(going_on) + 1)
        below = np.zeros_like(self._below)
        below[reached] = renumbered[groups[self._below[reached] - 1]]
        return merged[complete], merged[going_on.astype(np.int64)], below


def stream_components(
    grid: BlockGrid,
    read: Callable[[int, int], Bytes | None],
    level: int,
    *,
    least: int = 1,
) -> Iterator[Component]:
    """Yield the connected parts of a map where it reaches a level.

    Parameters
    ----------
    grid
        How the map is cut.
    read
        Returns the map of a block, by its row and column among the blocks, as far as the raster
        goes; nothing where it is 0 throughout.
    level
        From 1 to 255.
    least
        Smallest area in pixels.

    Yields
    ------
    component
        Those that end in the same row of blocks in order of their first pixels.
    """
    rows, cols = grid.counts
    carried, above = _nothing(), np.zeros(grid.width, np.int64)
    for row in range(rows):
        line = _Row(grid.width, carried, above)
        for col in range(cols):
            values = read(row, col)
            if values is None:
                line.skip()
            else:
                line.add(values, level, *grid.parts(row, col))
        complete, carried, above = line.end()
        yield from _components(complete, grid, least)
    yield from _components(carried, grid, least)


def _components(parts: _Parts, grid: BlockGrid, least: int) -> Iterator[Component]:
    parts = parts[parts.sums[:, 0] >= least]
    parts = parts[np.argsort(parts.least[:, 2])]
    for (area, total), (top, left, place), (bottom, right, peak) in zip(
        parts.sums.tolist(), parts.least.tolist(), parts.largest.tolist(), strict=True
    ):
        edges = (top == 0, left == 0, bottom == grid.height - 1, right == grid.width - 1)
        yield Component(
            slice(top, bottom + 1),
            slice(left, right + 1),
            area,
            (place >> 32, place & 0xFFFFFFFF),
            total / area / 255.0,
            peak / 255.0,
            any(edges),
        )
