"""Rasters cut into blocks that never move, and what was made of each block kept on disk.

Blocks are anchored at the first pixel of the raster and their size belongs to the method, as do the
margins. So a network sees the same windows, however much of a raster is read at once, and whether
or not a run was interrupted.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from pipelines.images.errors import ImageError
from pipelines.images.tiles import Readable, read_in_pieces

Values = NDArray[np.float64]
Bytes = NDArray[np.uint8]

#: What a block's byte in the record says.
PENDING, DONE, EMPTY = 0, 1, 2
#: Changes whenever what is on disk has another meaning.
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class BlockGrid:
    """How a raster is cut.

    Attributes
    ----------
    height, width
        Rows and columns of the raster.
    block
        Pixels along a side of a block; those at the lower and right edge may hold less.
    margin
        Pixels around a block that are looked at besides.

    Raises
    ------
    ValueError
        If one of them makes no sense.
    """

    height: int
    width: int
    block: int
    margin: int

    def __post_init__(self) -> None:
        if min(self.height, self.width, self.block) < 1 or self.margin < 0:
            raise ValueError(
                f"{self.height} x {self.width} pixels cannot be cut into blocks of {self.block}"
                f" with a margin of {self.margin}"
            )

    @property
    def counts(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return -(-self.height // self.block), -(-self.width // self.block)

    def parts(self, row: int, col: int) -> tuple[slice, slice]:
        """Return the rows and columns of the raster that a block has, without margin."""
        top, left = row * self.block, col * self.block
        return (
            slice(top, min(top + self.block, self.height)),
            slice(left, min(left + self.block, self.width)),
        )

    def over(self, rows: slice, cols: slice) -> Iterator[tuple[int, int]]:
        """Yield the blocks that a window touches, row by row."""
        for row in range(rows.start // self.block, -(-rows.stop // self.block)):
            for col in range(cols.start // self.block, -(-cols.stop // self.block)):
                yield row, col


@dataclass(frozen=True)
class BlockPixels:
    """Pixels of neighbouring blocks, read at once.

    Attributes
    ----------
    top, left
        Of its first pixel in the raster.
    pixels
        Shape (bands, rows, cols).
    """

    top: int
    left: int
    pixels: Values

    @classmethod
    def read(cls, raster: Readable, grid: BlockGrid, blocks: list[tuple[int, int]]) -> BlockPixels:
        """Read some blocks with their margins."""
        parts = [grid.parts(*each) for each in blocks]
        bounds = []
        for axis, length in ((0, grid.height), (1, grid.width)):
            low = min(each[axis].start for each in parts) - grid.margin
            top = max(each[axis].stop for each in parts) + grid.margin
            bounds.append(slice(max(0, low), min(length, top)))
        rows, cols = bounds
        return cls(rows.start, cols.start, read_in_pieces(raster, rows, cols))

    def window(self, grid: BlockGrid, row: int, col: int) -> Values:
        """Return a block with its margin, NaN outside of the raster."""
        side = grid.block + 2 * grid.margin
        top, left = row * grid.block - grid.margin, col * grid.block - grid.margin
        height, width = self.pixels.shape[1:]
        start = (max(0, self.top - top), max(0, self.left - left))
        first = (max(0, top - self.top), max(0, left - self.left))
        stop = (min(height, top - self.top + side), min(width, left - self.left + side))
        part = self.pixels[:, first[0] : stop[0], first[1] : stop[1]]
        window = np.full((self.pixels.shape[0], side, side), np.nan)
        window[:, start[0] : start[0] + part.shape[1], start[1] : start[1] + part.shape[2]] = part
        return window


class BlockStore:
    """Maps of a raster on disk, block by block, with a record of which blocks are finished.

    A block's maps lie one after the other in one file, so that a block is one write, and blocks
    without anything in them take no room. A block is recorded only after its maps are on the disk.
    One process at a time works in a store.

    Parameters
    ----------
    folder
        Where stores are kept, each in a folder of its own that is named by what it depends on.
    grid
        How the raster is cut.
    channels
        Maps of each block.
    key
        Whatever else the maps depend on: digests of raster and weights, version, options.

    Raises
    ------
    ImageError
        If the folder cannot be used, or another process works in it.
    """

    def __init__(self, folder: Path, grid: BlockGrid, channels: int, key: str) -> None:
        self.grid = grid
        self.channels = channels
        about = {"format": _FORMAT, "key": key, "channels": channels, **asdict(grid)}
        text = json.dumps(about, indent=1, sort_keys=True)
        self.folder = folder / hashlib.sha256(text.encode()).hexdigest()[:20]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._maps = os.open(self.folder / "maps.u8", os.O_RDWR | os.O_CREAT, 0o644)
            self._record = os.open(self.folder / "blocks.u8", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise ImageError(
                f"{self.folder} cannot be used to work in: {error}",
                hint="name another folder, with room for one byte for each pixel and map",
            ) from error
        self._lock()
        rows, cols = grid.counts
        os.ftruncate(self._record, rows * cols)
        # Read by people; the folder's name says the same.
        (self.folder / "survey.json").write_text(text + "\n", "utf-8")
        content = os.pread(self._record, rows * cols, 0)
        self.states: Bytes = np.frombuffer(content, np.uint8).reshape(rows, cols).copy()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._record, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            raise ImageError(
                f"another process works in {self.folder}", hint="wait for it, or stop it"
            ) from error

    @property
    def _size(self) -> int:
        return self.channels * self.grid.block**2

    def write(self, row: int, col: int, maps: Bytes | None) -> None:
        """Write the maps of a block, shape (channels, rows, cols); none for an empty one.

        It does not count as finished before `record`.

        Raises
        ------
        ImageError
            If there is no room for it.
        """
        self.states[row, col] = EMPTY if maps is None else DONE
        if maps is None:
            return
        whole = np.zeros((self.channels, self.grid.block, self.grid.block), np.uint8)
        whole[:, : maps.shape[1], : maps.shape[2]] = maps
        place = (row * self.states.shape[1] + col) * self._size
        self._put(self._maps, whole.tobytes(), place)

    def record(self, blocks: list[tuple[int, int]]) -> None:
        """Make it known that blocks are finished, once what was written is on the disk."""
        os.fdatasync(self._maps)
        for row, col in blocks:
            place = row * self.states.shape[1] + col
            self._put(self._record, self.states[row, col].tobytes(), place)
        os.fdatasync(self._record)

    def _put(self, descriptor: int, content: bytes, place: int) -> None:
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(descriptor, content[written:], place + written)
        except OSError as error:
            raise ImageError(
                f"{self.folder} cannot be written to: {error}",
                hint="what is finished is kept: make room and start again",
            ) from error

    def block(self, row: int, col: int) -> Bytes | None:
        """Return the maps of a block as far as the raster goes; none if it is empty or not done.

        Raises
        ------
        ImageError
            If the file is shorter than its record says.
        """
        if self.states[row, col] != DONE:
            return None
        place = (row * self.states.shape[1] + col) * self._size
        content = os.pread(self._maps, self._size, place)
        if len(content) < self._size:
            raise ImageError(
                f"{self.folder}/maps.u8 ends within a block that is recorded as finished",
                hint="remove the folder and start again",
            )
        side = self.grid.block
        found = np.frombuffer(content, np.uint8).reshape(self.channels, side, side)
        rows, cols = self.grid.parts(row, col)
        return found[:, : rows.stop - rows.start, : cols.stop - cols.start]

    def window(self, rows: slice, cols: slice) -> Bytes:
        """Return the maps of a window, shape (channels, rows, cols)."""
        found = np.zeros(
            (self.channels, rows.stop - rows.start, cols.stop - cols.start), dtype=np.uint8
        )
        for each in self.grid.over(rows, cols):
            maps = self.block(*each)
            if maps is None:
                continue
            own = self.grid.parts(*each)
            both = [
                slice(max(a.start, b.start), min(a.stop, b.stop))
                for a, b in zip(own, (rows, cols), strict=True)
            ]
            to, of = (
                tuple(
                    slice(part.start - origin.start, part.stop - origin.start)
                    for part, origin in zip(both, origins, strict=True)
                )
                for origins in ((rows, cols), own)
            )
            found[:, to[0], to[1]] = maps[:, of[0], of[1]]
        return found

    def close(self) -> None:
        """Let go of the files."""
        for descriptor in (self._maps, self._record):
            os.close(descriptor)

    def __enter__(self) -> BlockStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
