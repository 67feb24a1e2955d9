"""Interleaving the columns of a batch to rows, as VOTable's binary serialisations need them.

Rows are laid out block by block, from left to right. A value of variable size is copied by two
pieces of equal width, one from its start and one up to its end, which overlap in the middle: so
numpy copies one piece of all rows in one step, and nothing beyond a value is read or written.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from epntap.formats.pgcopy import Bytes, Offsets, offsets_of, padded, unaligned


@dataclass(frozen=True, slots=True)
class FixedBlock:
    """Cells that all have the same size: void elements of that size, shape (n,)."""

    cells: npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of the cells of some rows.

    Attributes
    ----------
    rows
        Which rows, shape (m,); ``None`` for all.
    offsets
        Where in its cell each part begins, shape (m,) or ().
    data
        The parts, void elements of one size, shape (m,).
    """

    rows: Offsets | None
    offsets: Offsets | int
    data: npt.NDArray[Any]


@dataclass(frozen=True)
class VaryingBlock:
    """Cells that have different sizes: of one column, or of several that stand side by side.

    Attributes
    ----------
    source
        Bytes that contain the cells.
    starts
        Offset of each cell in `source`, shape (n,).
    sizes
        Bytes of each cell, shape (n,).
    """

    source: Bytes
    starts: Offsets
    sizes: Offsets

    @classmethod
    def of(cls, cells: Sequence[bytes]) -> VaryingBlock:
        """Make a block of single cells."""
        sizes = np.fromiter(map(len, cells), dtype=np.int64, count=len(cells))
        return cls(padded(cells), offsets_of(sizes), sizes)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """Pieces that cover every byte of every cell, and nothing else."""
        if not self.sizes.size:
            return ()
        least, most = int(self.sizes.min()), int(self.sizes.max())
        if 0 < most <= 2 * least:
            return tuple(self._covering(None, least, most))
        return tuple(piece for group in self._groups() for piece in self._covering(*group))

    def _groups(self) -> Iterator[tuple[Offsets, int, int]]:
        """Yield rows whose sizes are between a power of two and the next, and those bounds."""
        exponents = np.frexp(self.sizes)[1]
        for exponent in np.flatnonzero(np.bincount(exponents)).tolist():
            if exponent:  # 0 is that of size 0
                rows = np.flatnonzero(exponents == exponent)
                yield rows, 1 << (exponent - 1), 1 << exponent

    def _covering(self, rows: Offsets | None, width: int, most: int) -> Iterator[Piece]:
        starts = self.starts if rows is None else self.starts[rows]
        read = unaligned(self.source, f"V{width}")
        yield Piece(rows, 0, read[starts])
        if most > width:
            sizes = self.sizes if rows is None else self.sizes[rows]
            offsets = sizes - width
            yield Piece(rows, offsets, read[starts + offsets])


Block = FixedBlock | VaryingBlock


def pack_rows(blocks: Sequence[Block], row_count: int) -> Bytes:
    """Return the rows that the blocks make.

    Parameters
    ----------
    blocks
        The columns from left to right, each with `row_count` cells.
    row_count
        Number of rows, at least 1.

    Returns
    -------
    numpy.ndarray
        The bytes of all rows, one after the other.
    """
    packing = packing_steps(blocks, row_count)
    while True:
        try:
            next(packing)
        except StopIteration as done:
            packed: Bytes = done.value
            return packed


def packing_steps(
    blocks: Sequence[Block], row_count: int, before: bytes = b""
) -> Generator[None, None, Bytes]:
    """Return the rows that the blocks make, as `pack_rows` does, but step by step.

    Parameters
    ----------
    blocks, row_count
        As for `pack_rows`.
    before
        Bytes that are to stand before the rows.
    """
    blocks = _joined(blocks)
    yield
    sizes = np.zeros(row_count, dtype=np.int64)
    for block in blocks:
        if isinstance(block, FixedBlock):
            sizes += block.cells.dtype.itemsize
        else:
            sizes += block.sizes
    position = offsets_of(sizes) + len(before)
    rows = np.empty(int(position[-1] + sizes[-1]), dtype=np.uint8)
    rows[: len(before)] = np.frombuffer(before, dtype=np.uint8)
    for block in blocks:
        yield
        if isinstance(block, FixedBlock):
            width = block.cells.dtype.itemsize
            if width:
                unaligned(rows, f"V{width}")[position] = block.cells
            position = position + width
        else:
            for piece in block.pieces:
                targets = position if piece.rows is None else position[piece.rows]
                unaligned(rows, piece.data.dtype)[targets + piece.offsets] = piece.data
            position = position + block.sizes
    return rows


def gather(block: VaryingBlock) -> Bytes:
    """Return the cells without gaps, one after the other, shape (sum of sizes,)."""
    return pack_rows([block], block.sizes.size) if block.sizes.size else np.empty(0, np.uint8)


def _joined(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks with neighbours of fixed size made one, so that they move in one step."""
    found: list[Block] = []
    run: list[FixedBlock] = []
    for block in blocks:
        if isinstance(block, FixedBlock):
            run.append(block)
            continue
        found += _side_by_side(run)
        run = []
        found.append(block)
    return found + _side_by_side(run)


def _side_by_side(run: Sequence[FixedBlock]) -> list[Block]:
    if len(run) < 2:
        return list(run)
    record = np.dtype([(str(number), block.cells.dtype) for number, block in enumerate(run)])
    cells = np.empty(run[0].cells.shape, dtype=record)
    for number, block in enumerate(run):
        cells[str(number)] = block.cells
    return [FixedBlock(cells.view(f"V{record.itemsize}"))]
