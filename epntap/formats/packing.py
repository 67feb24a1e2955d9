"""Interleaving the columns of a batch to rows, as VOTable's binary serialisations need them.

Rows are laid out column by column, from left to right. A value of variable size is copied in
pieces of equal width, so that numpy can copy one piece of all rows in one step; the last piece
may run over the end of the value. What it spoils is either written later, being further to the
right, or lies in the gap that is left behind every row and dropped in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from epntap.formats.pgcopy import PADDING, Bytes, Offsets, offsets_of, padded, unaligned

#: Width of the widest piece. It cannot be larger than what may be read beyond a value.
_PIECE = PADDING


@dataclass(frozen=True, slots=True)
class FixedBlock:
    """A column whose cells all have the same size: void elements of that size, shape (n,)."""

    cells: npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class VaryingBlock:
    """A column whose cells have different sizes.

    Attributes
    ----------
    source
        Bytes that contain the cells, ending with `PADDING` more.
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


Block = FixedBlock | VaryingBlock


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


def pack_rows(blocks: Sequence[Block], row_count: int) -> bytes:
    """Return the rows that the columns make.

    Parameters
    ----------
    blocks
        The columns from left to right, each with `row_count` cells.
    row_count
        Number of rows, at least 1.
    """
    blocks = _joined(blocks)
    sizes = np.zeros(row_count, dtype=np.int64)
    gap = 0
    for block in blocks:
        if isinstance(block, FixedBlock):
            sizes += block.cells.dtype.itemsize
        else:
            sizes += block.sizes
            gap = max(gap, _piece_width(block))
    starts = offsets_of(sizes + gap)
    rows = np.empty(int(starts[-1] + sizes[-1]) + gap, dtype=np.uint8)
    position = starts
    for block in blocks:
        if isinstance(block, FixedBlock):
            width = block.cells.dtype.itemsize
            unaligned(rows, f"V{width}")[position] = block.cells
            position = position + width
        else:
            _copy_varying(rows, position, block)
            position = position + block.sizes
    if gap == 0:
        return rows.tobytes()
    memory = rows.data
    bounds = zip(starts.tolist(), position.tolist(), strict=True)
    return b"".join([memory[start:end] for start, end in bounds])


def gather(block: VaryingBlock) -> Bytes:
    """Return the cells of one column without gaps, one after the other, shape (sum of sizes,).

    Pieces are written from left to right, so that what one spoils beyond its end is mended by the
    next; only the last needs room behind it.
    """
    width = _piece_width(block)
    total = int(block.sizes.sum())
    if width == 0:
        return np.empty(0, dtype=np.uint8)
    sources, targets = block.starts, offsets_of(block.sizes)
    if block.sizes.max() > width:
        pieces = -(-block.sizes // width)
        within = np.arange(int(pieces.sum())) - np.repeat(offsets_of(pieces), pieces)
        sources = np.repeat(sources, pieces) + within * width
        targets = np.repeat(targets, pieces) + within * width
    cells = np.empty(total + width, dtype=np.uint8)
    unaligned(cells, f"V{width}")[targets] = unaligned(block.source, f"V{width}")[sources]
    return cells[:total]


def _piece_width(block: VaryingBlock) -> int:
    return min(int(block.sizes.max()), _PIECE)


def _copy_varying(rows: Bytes, targets: Offsets, block: VaryingBlock) -> None:
    width = _piece_width(block)
    if width == 0:
        return
    read, write = unaligned(block.source, f"V{width}"), unaligned(rows, f"V{width}")
    write[targets] = read[block.starts]
    copied = width
    rest = np.flatnonzero(block.sizes > copied)
    while rest.size:
        write[targets[rest] + copied] = read[block.starts[rest] + copied]
        copied += width
        rest = rest[block.sizes[rest] > copied]
