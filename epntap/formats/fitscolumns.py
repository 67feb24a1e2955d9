"""The columns of a FITS binary table (FITS Standard 4.0, section 7.3).

Every column is seen twice: first to measure what its cells need, then to write them. Numbers have
the same bytes in COPY BINARY and in FITS. Text gets the width of the longest cell, filled up with
NUL, which keeps the blanks at its end. Where that would be mostly padding, and for arrays of any
length, the cells go to the heap behind the table, and the row has their number and place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from epntap.formats.cells import (
    NUMBERS,
    ArrayCodec,
    Losses,
    NumberCodec,
    all_ascii,
    ascii_text,
    codec_for,
    misfit,
)
from epntap.formats.copying import element_count, is_array
from epntap.formats.fitscards import CardValue
from epntap.formats.packing import FixedBlock, VaryingBlock, gather
from epntap.formats.pgcopy import PADDING, Cells, CopyBatch, Offsets, offsets_of, unaligned
from epntap.tables import Column

#: Letters of the datatypes (table 18).
_LETTERS = {"short": "I", "int": "J", "long": "K", "float": "E", "double": "D"}

#: A text column is padded to its longest cell if that has at most so many bytes, or if padding
#: makes it at most so many times as large, or adds at most so many bytes to the file.
_ALWAYS_PADDED = 64
_MOST_PADDING_FACTOR = 4
_MOST_PADDING_BYTES = 1 << 20

#: Heaps of more bytes need descriptors of 64 bits (section 7.3.5).
_LARGEST_SHORT_HEAP = (1 << 31) - 1

#: Row n keeps the first n bytes of a piece of text.
_KEPT = np.tril(np.full((PADDING + 1, PADDING), 0xFF, dtype=np.uint8), k=-1)


class Heap:
    """Where the next cell of the heap will be.

    Parameters
    ----------
    size
        Bytes of the whole heap, which decides how wide the descriptors must be.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.wide = size > _LARGEST_SHORT_HEAP
        self._at = 0

    @property
    def letter(self) -> str:
        """Letter of the descriptors in TFORM."""
        return "Q" if self.wide else "P"

    def descriptors(self, sizes: Offsets, item_size: int) -> FixedBlock:
        """Reserve room for the cells of a batch.

        Parameters
        ----------
        sizes
            Bytes of each cell, shape (n,).
        item_size
            Bytes of an element.

        Returns
        -------
        FixedBlock
            Number of elements and offset of each cell (section 7.3.5).
        """
        pairs = np.empty((sizes.size, 2), dtype=">i8" if self.wide else ">i4")
        pairs[:, 0] = sizes // item_size
        pairs[:, 1] = offsets_of(sizes) + self._at
        self._at += int(sizes.sum())
        return FixedBlock(pairs.view(f"V{2 * pairs.itemsize}").ravel())


@dataclass
class FitsColumn(ABC):
    """One column of the table.

    Attributes
    ----------
    column
        What it is.
    losses
        What could not be kept, counted while measuring.
    """

    column: Column
    losses: Losses = field(default_factory=Losses)

    @abstractmethod
    def measure(self, batch: CopyBatch, cells: Cells) -> None:
        """Look at the cells of a batch, before anything is written.

        Raises
        ------
        ResultStreamError
            If a value does not fit what the column declares.
        """

    @abstractmethod
    def settle(self, row_count: int) -> int:
        """Decide how the cells are written, all of them being measured.

        Returns
        -------
        int
            Bytes that the column has in the heap.
        """

    @abstractmethod
    def form(self, heap: Heap) -> str:
        """Return TFORM."""

    def keywords(self) -> dict[str, CardValue]:
        """Return further keywords, without the number of the column."""
        return {}

    @abstractmethod
    def row_cells(self, batch: CopyBatch, cells: Cells, heap: Heap) -> FixedBlock:
        """Return the cells of a batch as they stand in the rows."""

    def heap_cells(self, batch: CopyBatch, cells: Cells) -> VaryingBlock | None:
        """Return the cells of a batch as they stand in the heap, if they do."""
        return None


class FitsNumber(FitsColumn):
    """Scalars. NULL is NaN, or an integer that no row has: the least, else the greatest."""

    def __init__(self, column: Column) -> None:
        super().__init__(column)
        self._codec = NumberCodec(column)
        self._number = NUMBERS[column.datatype]
        self._any_null = False
        self._sentinel = self._number.sentinel
        self._extremes: set[int] = set()

    def measure(self, batch: CopyBatch, cells: Cells) -> None:
        """Note whether some are NULL, and the extremes of integers."""
        self._codec.check(cells)
        self._any_null = self._any_null or cells.any_null
        if self._number.sentinel is None:
            return
        present = self._codec.values(batch, cells).view(f">i{self._number.size}")
        present = present[~cells.nulls] if cells.any_null else present
        if present.size:
            found = {int(present.min()), int(present.max()), *self._extremes}
            self._extremes = {min(found), max(found)}

    def settle(self, row_count: int) -> int:
        """Choose the integer that means NULL."""
        if self._sentinel is not None and self._sentinel in self._extremes:
            greatest = -self._sentinel - 1
            if greatest not in self._extremes:
                self._sentinel = greatest
            elif self._any_null:
                self.losses.sentinels += 1
        return 0

    def form(self, heap: Heap) -> str:
        """Return TFORM."""
        return _LETTERS[self.column.datatype]

    def keywords(self) -> dict[str, CardValue]:
        """Return TNULL if it is needed."""
        if self._sentinel is None or not self._any_null:
            return {}
        return {"TNULL": self._sentinel}

    def row_cells(self, batch: CopyBatch, cells: Cells, heap: Heap) -> FixedBlock:
        """Return the numbers."""
        values = self._codec.values(batch, cells)
        if cells.any_null:
            missing = self._number.missing
            if self._sentinel is not None:
                missing = self._sentinel.to_bytes(self._number.size, "big", signed=True)
            values[cells.nulls] = np.void(missing)
        return FixedBlock(values)


class FitsText(FitsColumn):
    """Text, which is ASCII in FITS (section 7.3.3.1); other characters are replaced."""

    def __init__(self, column: Column) -> None:
        super().__init__(column)
        self._declared = element_count(column)
        self._longest = 0
        self._total = 0
        self._in_heap = False

    def measure(self, batch: CopyBatch, cells: Cells) -> None:
        """Note the longest text, and how much text there is."""
        if all_ascii(batch, cells):
            sizes = _sizes(cells)
        else:
            values = batch.values(cells)
            sizes = np.array([len(ascii_text(value or b"", self.losses)) for value in values])
        self._longest = max(self._longest, int(sizes.max()))
        self._total += int(sizes.sum())
        if self._declared is not None and self._longest > self._declared:
            found = f"the database sends a text of {self._longest} characters"
            raise misfit(self.column, found)

    def settle(self, row_count: int) -> int:
        """Choose between padding and the heap."""
        padded = self._longest * row_count
        self._in_heap = (
            self._declared is None
            and self._longest > _ALWAYS_PADDED
            and padded > max(_MOST_PADDING_FACTOR * self._total, self._total + _MOST_PADDING_BYTES)
        )
        return self._total if self._in_heap else 0

    def form(self, heap: Heap) -> str:
        """Return TFORM."""
        return f"1{heap.letter}A({self._longest})" if self._in_heap else f"{self._width}A"

    def row_cells(self, batch: CopyBatch, cells: Cells, heap: Heap) -> FixedBlock:
        """Return the texts filled up with NUL, or where they are."""
        texts = self._texts(batch, cells)
        if self._in_heap:
            return heap.descriptors(texts.sizes, 1)
        return _filled_up(texts, self._width)

    def heap_cells(self, batch: CopyBatch, cells: Cells) -> VaryingBlock | None:
        """Return the texts if they are in the heap."""
        return self._texts(batch, cells) if self._in_heap else None

    @property
    def _width(self) -> int:
        """Bytes of a padded cell; readers stumble over columns of no bytes."""
        return max(self._declared or self._longest, 1)

    def _texts(self, batch: CopyBatch, cells: Cells) -> VaryingBlock:
        if not self.losses.characters:
            return VaryingBlock(batch.data, cells.starts, _sizes(cells))
        values = batch.values(cells)
        return VaryingBlock.of([ascii_text(value or b"", Losses()) for value in values])


class FitsArray(FitsColumn):
    """Arrays: in the rows if their size is declared, else in the heap.

    A missing element, and every element of a missing array of fixed size, is NaN or the least
    integer. A missing array of any size is empty.
    """

    def __init__(self, column: Column) -> None:
        super().__init__(column)
        self._codec = ArrayCodec(column)
        self._number = NUMBERS[column.datatype]
        self._count = element_count(column)
        self._any_null = False
        self._longest = 0
        self._total = 0

    def measure(self, batch: CopyBatch, cells: Cells) -> None:
        """Note the longest array, and how many bytes all have."""
        sizes = self._arrays(batch, cells).sizes
        self._longest = max(self._longest, int(sizes.max()))
        self._total += int(sizes.sum())
        # The second number of an array says whether elements are NULL.
        flags = unaligned(batch.data, ">i4")[cells.starts + 4]
        self._any_null = self._any_null or cells.any_null or bool(flags.any())

    def settle(self, row_count: int) -> int:
        """Arrays of any length are in the heap, others are not."""
        return self._total if self._count is None else 0

    def form(self, heap: Heap) -> str:
        """Return TFORM."""
        letter = _LETTERS[self.column.datatype]
        if self._count is not None:
            return f"{self._count}{letter}"
        return f"1{heap.letter}{letter}({self._longest // self._number.size})"

    def keywords(self) -> dict[str, CardValue]:
        """Return TNULL and TDIM where they are needed."""
        found: dict[str, CardValue] = {}
        if self._any_null and self._number.sentinel is not None:
            found["TNULL"] = self._number.sentinel
        shape = self.column.arraysize or ""
        if self._count is not None and "x" in shape:
            found["TDIM"] = f"({shape.replace('x', ',')})"
        return found

    def row_cells(self, batch: CopyBatch, cells: Cells, heap: Heap) -> FixedBlock:
        """Return the arrays, or where they are."""
        arrays = self._arrays(batch, cells)
        if self._count is None:
            return heap.descriptors(arrays.sizes, self._number.size)
        return FixedBlock(gather(arrays).view(f"V{self._count * self._number.size}"))

    def heap_cells(self, batch: CopyBatch, cells: Cells) -> VaryingBlock | None:
        """Return the elements if they are in the heap."""
        return self._arrays(batch, cells) if self._count is None else None

    def _arrays(self, batch: CopyBatch, cells: Cells) -> VaryingBlock:
        """Return the elements without their number."""
        block = self._codec.encode(batch, cells)
        if self._count is not None:
            return block
        return VaryingBlock(block.source, block.starts + 4, block.sizes - 4)


def fits_column(column: Column) -> FitsColumn:
    """Return what writes the column.

    Raises
    ------
    ResultStreamError
        If the column has a datatype that the service does not write.
    """
    if column.datatype in ("char", "unicodeChar"):
        return FitsText(column)
    codec_for(column)  # refuses what cannot be written
    return FitsArray(column) if is_array(column) else FitsNumber(column)


def _sizes(cells: Cells) -> Offsets:
    """Return the bytes of each cell, none for NULL."""
    return np.maximum(cells.lengths, 0) if cells.any_null else cells.lengths


@lru_cache(maxsize=64)
def _masks(width: int) -> npt.NDArray[Any]:
    """Return masks of so many bytes; the one at index n keeps the first n, shape (width + 1,)."""
    return np.ascontiguousarray(_KEPT[: width + 1, :width]).view(f"V{width}").ravel()


def _filled_up(texts: VaryingBlock, width: int) -> FixedBlock:
    """Return the texts with NUL behind them, all of the same size."""
    if width <= PADDING:
        cells = unaligned(texts.source, f"V{width}")[texts.starts]
        if int(texts.sizes.min()) < width:
            kept = _masks(width)[texts.sizes].view(np.uint8)
            cells = (cells.view(np.uint8) & kept).view(f"V{width}")
        return FixedBlock(cells)
    filled = np.zeros((texts.sizes.size, width), dtype=np.uint8)
    for at in range(0, width, PADDING):
        piece = min(PADDING, width - at)
        rows = np.flatnonzero(texts.sizes > at)
        read = unaligned(texts.source, f"V{piece}")[texts.starts[rows] + at]
        kept = _KEPT[np.minimum(texts.sizes[rows] - at, PADDING), :piece]
        filled[rows, at : at + piece] = read.view(np.uint8).reshape(rows.size, piece) & kept
    return FixedBlock(filled.view(f"V{width}").ravel())
