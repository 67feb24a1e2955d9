"""Runs of neighbouring columns that leave COPY BINARY together.

Most of a row needs no look at single cells: texts are the same bytes in COPY BINARY and in VOTable
with the length before them, so a run of them is copied as one cell of varying size; and a run of
numbers has its bytes at the same places in all rows that have the same cells missing, so it is
copied by such shapes, of which a table has few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from epntap.formats.cells import NUMBERS, CellCodec, NumberCodec, TextCodec, all_ascii
from epntap.formats.packing import Block, FixedBlock, VaryingBlock
from epntap.formats.pgcopy import Bytes, Cells, CopyBatch, Flags, Offsets, unaligned

#: Shapes that a run of numbers may have within a batch; rows of further ones go cell by cell.
_MOST_SHAPES = 6


class NullFlags:
    """Which cells of a batch are NULL: a bit each, as BINARY2 wants them (VOTable 1.3, 5.4).

    Parameters
    ----------
    row_count, column_count
        Size of the batch.
    """

    def __init__(self, row_count: int, column_count: int) -> None:
        self._bytes = np.zeros((row_count, -(-column_count // 8)), dtype=np.uint8)

    def mark(self, rows: Flags | Offsets, column: int) -> None:
        """Say that a column is NULL in some rows."""
        self._bytes[rows, column // 8] |= 0x80 >> (column % 8)

    def mark_all(self, rows: Offsets | None, pattern: Bytes) -> None:
        """Say that the columns of a pattern, shape (bytes of a row,), are NULL in some rows."""
        if rows is None:
            self._bytes |= pattern
        else:
            self._bytes[rows] |= pattern

    @property
    def width(self) -> int:
        """Bytes of the flags of a row."""
        return self._bytes.shape[1]

    def block(self) -> FixedBlock:
        """Return the flags as the first cell of every row."""
        return FixedBlock(self._bytes.view(f"V{self._bytes.shape[1]}").ravel())


class Run(Protocol):
    """Some neighbouring columns."""

    @property
    def reach(self) -> int:
        """Bytes that are read at once, and so perhaps beyond the last row."""
        ...

    def read(
        self, batch: CopyBatch, position: Offsets, flags: NullFlags
    ) -> tuple[list[Block], Offsets]:
        """Read the cells of the run.

        Parameters
        ----------
        batch
            Rows; what stands for NULL in them may be written over.
        position
            Where the first field of the run is, shape (n,).
        flags
            Is told which cells are NULL.

        Returns
        -------
        tuple
            The cells, and where the field behind the run is, shape (n,).

        Raises
        ------
        ResultStreamError
            If a value does not have the size that its column declares.
        """


def runs_of(codecs: Sequence[CellCodec]) -> list[Run]:
    """Return the runs that the columns make, from left to right."""
    runs: list[Run] = []
    start = 0
    while start < len(codecs):
        kind = type(codecs[start])
        end = start + 1
        if kind in (NumberCodec, TextCodec):
            while end < len(codecs) and type(codecs[end]) is kind:
                end += 1
        runs.append(_run(codecs[start:end], start))
        start = end
    return runs


def _run(codecs: Sequence[CellCodec], first: int) -> Run:
    if isinstance(codecs[0], NumberCodec):
        return NumberRun([codec for codec in codecs if isinstance(codec, NumberCodec)], first)
    return TextRun(codecs, first) if isinstance(codecs[0], TextCodec) else SingleRun(codecs, first)


def _cells(batch: CopyBatch, position: Offsets) -> tuple[Cells, Offsets]:
    """Return the fields that begin at the offsets, and where the next ones are."""
    lengths = batch.lengths(position)
    nulls = lengths < 0
    any_null = bool(nulls.any())
    values = position + 4
    behind = values + (np.maximum(lengths, 0) if any_null else lengths)
    return Cells(values, lengths, nulls, any_null), behind


class SingleRun:
    """One column that is converted cell by cell.

    Parameters
    ----------
    codecs
        The one that converts it.
    first
        Number of the column, from 0.
    """

    reach = 0

    def __init__(self, codecs: Sequence[CellCodec], first: int) -> None:
        self.codecs = codecs
        self._first = first

    def read(
        self, batch: CopyBatch, position: Offsets, flags: NullFlags
    ) -> tuple[list[Block], Offsets]:
        """Convert the cells, see `Run.read`."""
        cells, behind = _cells(batch, position)
        if cells.any_null:
            flags.mark(cells.nulls, self._first)
        return [self.codecs[0].encode(batch, cells)], behind


class TextRun:
    """Columns of text of any length.

    Parameters
    ----------
    codecs
        One for each, for texts that cannot stay as they are.
    first
        Number of the first column, from 0.
    """

    reach = 0

    def __init__(self, codecs: Sequence[CellCodec], first: int) -> None:
        self.codecs = codecs
        self._first = first

    def read(
        self, batch: CopyBatch, position: Offsets, flags: NullFlags
    ) -> tuple[list[Block], Offsets]:
        """Copy the cells of all columns as one, see `Run.read`."""
        starts = [position]
        for number in range(len(self.codecs)):
            sizes = batch.lengths(position)
            if int(sizes.min()) < 0:
                nulls = sizes < 0
                flags.mark(nulls, self._first + number)
                # NULL is an empty text: the length becomes 0 where it stands.
                unaligned(batch.data, ">i4")[position[nulls]] = 0
                sizes[nulls] = 0
            sizes += 4
            position = position + sizes
            starts.append(position)
        block = VaryingBlock(batch.data, starts[0], position - starts[0])
        if _is_ascii(block):
            return [block], position
        columns = [_cells(batch, start)[0] for start in starts[:-1]]
        if all(all_ascii(batch, cells) for cells in columns):
            return [block], position
        singly = zip(self.codecs, columns, strict=True)
        return [codec.encode(batch, cells) for codec, cells in singly], position


def _is_ascii(block: VaryingBlock) -> bool:
    """Tell whether all is ASCII, lengths included: a quick look that long texts do not pass."""
    return all(int(piece.data.view(np.uint8).max()) < 0x80 for piece in block.pieces)


@dataclass(frozen=True, slots=True)
class _Move:
    """Neighbouring values of one size, from their places in a tuple to those in a row."""

    source: int
    target: int
    size: int
    count: int


@dataclass(frozen=True, slots=True)
class _Shape:
    """A run of numbers in which certain cells are NULL.

    Attributes
    ----------
    size
        Bytes of the run in the tuple.
    lengths, mask
        The fields' lengths where they are in the run, and what else must be left out to compare
        with them, shape (size,).
    missing
        A row with the values that stand for NULL, shape (bytes of the run in a row,).
    flags
        Null flags of a row.
    moves
        How the other values get to their places.
    """

    size: int
    lengths: Bytes
    mask: Bytes
    missing: Bytes
    flags: Bytes
    moves: tuple[_Move, ...]


class NumberRun:
    """Columns of scalars.

    Parameters
    ----------
    codecs
        One for each.
    first
        Number of the first column, from 0.
    """

    def __init__(self, codecs: Sequence[NumberCodec], first: int) -> None:
        self.codecs = codecs
        self._first = first
        self._numbers = [NUMBERS[codec.column.datatype] for codec in codecs]
        self._width = sum(number.size for number in self._numbers)
        self._kinds = tuple(codec.column.datatype for codec in codecs)

    @property
    def reach(self) -> int:
        """Bytes of a tuple that has all values."""
        return self._width + 4 * len(self.codecs)

    def read(
        self, batch: CopyBatch, position: Offsets, flags: NullFlags
    ) -> tuple[list[Block], Offsets]:
        """Copy the values by shapes, see `Run.read`."""
        values = np.empty((batch.row_count, self._width), dtype=np.uint8)
        behind = position.copy()
        rows: Offsets | None = None
        for _ in range(_MOST_SHAPES):
            at = position if rows is None else position[rows]
            shape = self._shape(batch, int(at[0]), flags)
            pieces = unaligned(batch.data, f"V{shape.size}")[at]
            fits = _fits(pieces, shape)
            if fits is not None:
                pieces = pieces[fits]
            these = _chosen(rows, fits)
            self._copy(pieces, shape, values, these)
            flags.mark_all(these, shape.flags)
            behind[slice(None) if these is None else these] += shape.size
            if fits is None:
                break
            rows = np.flatnonzero(~fits) if rows is None else rows[~fits]
        else:
            rest = np.arange(batch.row_count) if rows is None else rows
            behind[rest] = self._singly(batch, position[rest], rest, values, flags)
        return [FixedBlock(values.view(f"V{self._width}").ravel())], behind

    def _shape(self, batch: CopyBatch, at: int, flags: NullFlags) -> _Shape:
        """Return the shape of the run that begins at an offset."""
        nulls = []
        for codec, number in zip(self.codecs, self._numbers, strict=True):
            length = int.from_bytes(batch.data[at : at + 4].tobytes(), "big", signed=True)
            if length not in (-1, number.size):
                raise codec.misfit(f"the database sends values of {length} bytes")
            nulls.append(length == -1)
            at += 4 if length == -1 else 4 + length
        return _shape_of(self._kinds, tuple(nulls), self._first, flags.width)

    def _copy(
        self, pieces: npt.NDArray[Any], shape: _Shape, values: Bytes, rows: Offsets | None
    ) -> None:
        """Copy the values of some rows that have the shape."""
        count, width = pieces.size, self._width
        filled = values if rows is None else np.empty((count, width), dtype=np.uint8)
        if len(shape.moves) != 1 or shape.moves[0].count * shape.moves[0].size != width:
            filled[:] = shape.missing
        for move in shape.moves:
            kind = np.dtype(f"u{move.size}")
            extent = (count, move.count)
            source = np.ndarray(extent, kind, pieces, move.source, (shape.size, move.size + 4))
            target = np.ndarray(extent, kind, filled, move.target, (width, move.size))
            target[:] = source
        self._count_losses(filled, shape)
        if rows is not None:
            values.view(f"V{width}").ravel()[rows] = filled.view(f"V{width}").ravel()

    def _count_losses(self, filled: Bytes, shape: _Shape) -> None:
        """Count integers that equal the one that means NULL."""
        at = 0
        for place, (codec, number) in enumerate(zip(self.codecs, self._numbers, strict=True)):
            absent = shape.flags[(self._first + place) // 8] & (0x80 >> (self._first + place) % 8)
            if number.sentinel is not None and not absent:
                column = np.ndarray((len(filled),), f">i{number.size}", filled, at, (self._width,))
                codec.losses.sentinels += int(np.count_nonzero(column == number.sentinel))
            at += number.size

    def _singly(
        self, batch: CopyBatch, position: Offsets, rows: Offsets, values: Bytes, flags: NullFlags
    ) -> Offsets:
        """Copy the values of some rows column by column, and return where they end."""
        at = 0
        for place, codec in enumerate(self.codecs):
            cells, position = _cells(batch, position)
            if cells.any_null:
                flags.mark(rows[cells.nulls], self._first + place)
            encoded = codec.encode(batch, cells).cells
            size = encoded.dtype.itemsize
            values[rows, at : at + size] = encoded.view(np.uint8).reshape(-1, size)
            at += size
        return position


@lru_cache(maxsize=1024)
def _shape_of(
    datatypes: tuple[str, ...], nulls: tuple[bool, ...], first: int, flag_bytes: int
) -> _Shape:
    """Return the shape of a run whose columns, counted from `first`, are NULL or not."""
    lengths, mask, missing = bytearray(), bytearray(), bytearray()
    flags = bytearray(flag_bytes)
    moves: list[_Move] = []
    for place, (null, datatype) in enumerate(zip(nulls, datatypes, strict=True), start=first):
        number = NUMBERS[datatype]
        size = 0 if null else number.size
        lengths += (-1 if null else size).to_bytes(4, "big", signed=True) + bytes(size)
        mask += b"\xff" * 4 + bytes(size)
        source, target = len(mask) - size, len(missing)
        missing += number.missing
        if null:
            flags[place // 8] |= 0x80 >> (place % 8)
        elif moves and _continues(moves[-1], source, target, size):
            moves[-1] = replace(moves[-1], count=moves[-1].count + 1)
        else:
            moves.append(_Move(source, target, size, 1))
    return _Shape(
        size=len(mask),
        lengths=np.frombuffer(bytes(lengths), np.uint8),
        mask=np.frombuffer(bytes(mask), np.uint8),
        missing=np.frombuffer(bytes(missing), np.uint8),
        flags=np.frombuffer(bytes(flags), np.uint8),
        moves=tuple(moves),
    )


def _continues(last: _Move, source: int, target: int, size: int) -> bool:
    """Tell whether a value follows those of a move at the same distance."""
    return (
        size == last.size
        and source == last.source + last.count * (size + 4)
        and target == last.target + last.count * size
    )


def _fits(pieces: npt.NDArray[Any], shape: _Shape) -> Flags | None:
    """Return which pieces have the shape, shape (n,); ``None`` if all have."""
    kind = np.uint32 if shape.size % 4 == 0 else np.uint8
    found = pieces.view(kind).reshape(pieces.size, -1)
    differing = (found ^ shape.lengths.view(kind)) & shape.mask.view(kind)
    if not differing.any():
        return None
    fits: Flags = ~differing.any(axis=1)
    return fits


def _chosen(rows: Offsets | None, fits: Flags | None) -> Offsets | None:
    """Return the rows that fit, of some rows or of all."""
    if fits is None:
        return rows
    return np.flatnonzero(fits) if rows is None else rows[fits]
