"""A method for windows applied to a raster of any size: maps on disk, then objects one by one.

The memory needed does not depend on the size of the raster, the result does not depend on how much
of it is read at once, and a run that was interrupted goes on where it was. For this

- the raster is cut into blocks that never move (`blocks.py`), and the method sees each with its
  margin as a window of always the same shape;
- maps are bytes on disk, and finished blocks are recorded under what they depend on;
- connected parts of the map are found row of blocks by row of blocks (`components.py`), and each is
  then cut out of raster and maps, to be separated and measured there.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import require
from pipelines.images.blocks import PENDING, BlockGrid, BlockPixels, BlockStore
from pipelines.images.components import NEIGHBOURS, Component, stream_components
from pipelines.images.errors import ImageError
from pipelines.images.tiles import Readable, read_in_pieces

Values = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
#: Makes maps, shape (channels, rows, cols), of a window of shape (bands, rows, cols).
Method = Callable[[Values], NDArray[np.generic]]

#: Pixels that a crop has at most.
LARGEST_CROP = 2**24
#: How far beyond 0 and 1 maps may be by rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Crop:
    """A component with its surroundings.

    Attributes
    ----------
    rows, cols
        The window in the raster.
    pixels
        Of the raster, shape (bands, rows, cols), NaN without data.
    maps
        What the method made of it, shape (channels, rows, cols), 255 for 1.
    mask
        The component's own pixels, shape (rows, cols).
    """

    rows: slice
    cols: slice
    pixels: Values
    maps: Bytes
    mask: Flags


@dataclass(frozen=True, slots=True)
class Counts:
    """What was done with the blocks of a raster.

    Attributes
    ----------
    computed, empty, reused
        Blocks that the method was applied to in this run, those without data or left out by the
        pre-screen, and those of earlier runs.
    """

    computed: int
    empty: int
    reused: int


class Survey:
    """Maps of a whole raster, and its objects; made by `survey`.

    Parameters
    ----------
    raster
        What was surveyed; has to stay open.
    store
        Where the maps are.
    level
        Byte from which on a pixel belongs to a component.
    channel
        Map that components are looked for in.
    counts
        What was done.
    resources
        Closed at the end.
    """

    def __init__(
        self,
        raster: Readable,
        store: BlockStore,
        level: int,
        channel: int,
        counts: Counts,
        resources: ExitStack,
    ) -> None:
        self._raster = raster
        self._store = store
        self._level = level
        self._channel = channel
        self._resources = resources
        self.counts = counts

    def components(self, least: int = 1) -> Iterator[Component]:
        """Yield the connected parts of the map, in an order that depends on the map alone.

        Parameters
        ----------
        least
            Smallest area in pixels.
        """

        def read(row: int, col: int) -> Bytes | None:
            maps = self._store.block(row, col)
            return None if maps is None else maps[self._channel]

        return stream_components(self._store.grid, read, self._level, least=least)

    def maps(self, rows: slice, cols: slice) -> Bytes:
        """Return the maps of a window, shape (channels, rows, cols), 255 for 1."""
        return self._store.window(rows, cols)

    def crop(self, component: Component, margin: int = 0) -> Crop:
        """Cut a component out of raster and maps.

        Parameters
        ----------
        component
            One of `components`.
        margin
            Pixels around its bounding box, as far as the raster goes.

        Raises
        ------
        ImageError
            If it has more than `LARGEST_CROP` pixels.
        """
        height, width = self._raster.shape
        rows = slice(max(0, component.rows.start - margin), component.rows.stop + margin)
        cols = slice(max(0, component.cols.start - margin), component.cols.stop + margin)
        rows = slice(rows.start, min(height, rows.stop))
        cols = slice(cols.start, min(width, cols.stop))
        pixels = (rows.stop - rows.start) * (cols.stop - cols.start)
        if pixels > LARGEST_CROP:
            raise ImageError(
                f"an object at row {component.first[0]}, column {component.first[1]} spans"
                f" {component.shape[0]} x {component.shape[1]} pixels, too many to be measured",
                hint="raise the threshold, or give a raster of a lower resolution",
            )
        maps = self.maps(rows, cols)
        own = self._own(component, maps, rows, cols)
        return Crop(rows, cols, read_in_pieces(self._raster, rows, cols), maps, own)

    def _own(self, component: Component, maps: Bytes, rows: slice, cols: slice) -> Flags:
        """Return the pixels of a component; its bounding box connects it as the raster does."""
        top, left = component.rows.start - rows.start, component.cols.start - cols.start
        height, width = component.shape
        box = (slice(top, top + height), slice(left, left + width))
        labels, _ = require("scipy.ndimage").label(
            maps[self._channel][box] >= self._level, NEIGHBOURS
        )
        row, col = component.first
        own = np.zeros(maps.shape[1:], dtype=bool)
        own[box] = labels == labels[row - component.rows.start, col - component.cols.start]
        return own

    def close(self) -> None:
        """Let go of the files; those of a temporary folder are removed."""
        self._resources.close()

    def __enter__(self) -> Survey:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def survey(
    raster: Readable,
    function: Method,
    *,
    channels: int,
    block: int = 512,
    margin: int = 64,
    threshold: float = 0.5,
    channel: int = 0,
    folder: Path | None = None,
    key: str = "",
    tile_blocks: int = 4,
    skip: Callable[[Values], bool] | None = None,
    progress: Progress = silent,
) -> Survey:
    """Apply a method to a raster of any size.

    Parameters
    ----------
    raster
        What to read.
    function
        Makes maps, shape (channels, rows, cols), of a window of shape (bands, rows, cols). Windows
        always have block + 2 margin rows and columns, NaN where there are no data and outside of
        the raster. Maps are fractions from 0 to 1, which are kept to a part in 255, or bytes, which
        are kept as they are. One window at a time, and it may depend on nothing else: numbers of
        networks change in their last places with the size of a batch.
    channels
        Maps that `function` makes.
    block, margin
        Of the method, not of the user: the result depends on them. The margin is at least the
        context of a network.
    threshold, channel
        Components are where this map is at least that.
    folder
        Where maps are kept, under a name made of the key, so that a run goes on where another was
        interrupted; a temporary one when not given.
    key
        What the maps depend on besides the sizes: digests of raster and weights, version, options.
        Needed with a folder.
    tile_blocks
        Blocks along a side of what is read at once.
    skip
        Says of a window whether it can be left out; its maps are 0.
    progress
        Told after each block.

    Returns
    -------
    survey
        To be closed, or used in a ``with`` statement.

    Raises
    ------
    ValueError
        If the sizes make no sense, or the function made something else than it should.
    ImageError
        If the raster is damaged or the folder cannot be used.
    """
    if tile_blocks < 1 or not 0 <= channel < channels or not 0.0 < threshold <= 1.0:
        raise ValueError(
            f"{tile_blocks} blocks at once, channel {channel} of {channels} and a threshold of"
            f" {threshold:g} cannot be"
        )
    if folder is not None and not key:
        raise ValueError("a folder needs a key, or maps of other data would be taken for these")
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="survey-")))
        grid = BlockGrid(*raster.shape, block, margin)
        store = stack.enter_context(BlockStore(folder, grid, channels, key))
        counts = _Work(raster, function, store, skip, progress).run(tile_blocks)
        level = max(1, math.ceil(threshold * 255.0 - _ROUNDING))
        return Survey(raster, store, level, channel, counts, stack.pop_all())


class _Work:
    """The blocks of a store being filled."""

    def __init__(
        self,
        raster: Readable,
        function: Method,
        store: BlockStore,
        skip: Callable[[Values], bool] | None,
        progress: Progress,
    ) -> None:
        self._raster = raster
        self._function = function
        self._store = store
        self._skip = skip
        self._progress = progress
        self._grid = store.grid
        self._computed = 0

    def run(self, tile_blocks: int) -> Counts:
        """Fill what is not filled yet, as many blocks along a side read at once as is said."""
        states = self._store.states
        reused = done = int((states != PENDING).sum())
        for top in range(0, states.shape[0], tile_blocks):
            for left in range(0, states.shape[1], tile_blocks):
                part = states[top : top + tile_blocks, left : left + tile_blocks]
                todo = [(top + int(r), left + int(c)) for r, c in np.argwhere(part == PENDING)]
                if not todo:
                    continue
                tile = BlockPixels.read(self._raster, self._grid, todo)
                unrecorded = []
                for each in todo:
                    maps = self._maps(tile, *each)
                    self._store.write(*each, maps)
                    unrecorded.append(each)
                    if maps is not None or each == todo[-1]:
                        self._store.record(unrecorded)
                        unrecorded = []
                    done += 1
                    self._progress("blocks", done, states.size)
        return Counts(self._computed, states.size - reused - self._computed, reused)

    def _maps(self, tile: BlockPixels, row: int, col: int) -> Bytes | None:
        """Return the maps of a block without its margin; none if there is nothing in it."""
        window = tile.window(self._grid, row, col)
        rows, cols = self._grid.parts(row, col)
        margin = self._grid.margin
        own = (
            slice(margin, margin + rows.stop - rows.start),
            slice(margin, margin + cols.stop - cols.start),
        )
        missing = np.isnan(window[:, own[0], own[1]]).all(axis=0)
        if missing.all() or (self._skip is not None and self._skip(window)):
            return None
        self._computed += 1
        made = np.asarray(self._function(window))
        if made.shape != (self._store.channels, *window.shape[1:]):
            raise ValueError(
                f"of a window of {window.shape} pixels maps of {made.shape} were made and not"
                f" {self._store.channels}"
            )
        maps = _as_bytes(made[:, own[0], own[1]])
        maps[:, missing] = 0
        return maps if maps.any() else None


def _as_bytes(made: NDArray[np.generic]) -> Bytes:
    if made.dtype == np.uint8:
        return np.array(made, dtype=np.uint8)
    values = made.astype(np.float64)
    # Not a number is neither.
    if not ((values >= -_ROUNDING) & (values <= 1.0 + _ROUNDING)).all():
        raise ValueError("maps have to be between 0 and 1 everywhere, or bytes")
    return np.round(np.clip(values, 0.0, 1.0) * 255.0).astype(np.uint8)


def file_digest(path: Path, progress: Progress = silent) -> str:
    """Return the hexadecimal SHA-256 of a file of any size.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    digest = hashlib.sha256()
    piece = 2**24
    try:
        total = -(-path.stat().st_size // piece)
        with path.open("rb") as file:
            for done in range(1, total + 1):
                digest.update(file.read(piece))
                progress("digest", done, total)
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error}") from error
    return digest.hexdigest()
