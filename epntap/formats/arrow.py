"""From the cells of COPY BINARY to Arrow.

Arrow keeps numbers in the byte order of the machine, text in UTF-8 without gaps, and a bitmap of
what is not NULL (Arrow Columnar Format 1.4): all of it is made by whole columns but for arrays.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from epntap.formats.cells import NUMBERS, ArrayCodec, NumberCodec, codec_for
from epntap.formats.copying import is_array
from epntap.formats.packing import VaryingBlock, gather
from epntap.formats.pgcopy import Cells, CopyBatch
from epntap.tables import Column

#: Arrow type, numpy type and struct code of the datatypes.
_TYPES = {
    "short": (pa.int16(), "i2", "h"),
    "int": (pa.int32(), "i4", "i"),
    "long": (pa.int64(), "i8", "q"),
    "float": (pa.float32(), "f4", "f"),
    "double": (pa.float64(), "f8", "d"),
}


class ArrowCells(ABC):
    """Turns the cells of one column.

    Parameters
    ----------
    column
        Which column.
    type
        Arrow's type of it.
    """

    def __init__(self, column: Column, type: pa.DataType) -> None:
        self.column = column
        self.type = type

    @abstractmethod
    def array(self, batch: CopyBatch, cells: Cells) -> pa.Array:
        """Return the cells of a batch, shape (n,).

        Raises
        ------
        ResultStreamError
            If a value does not fit the datatype.
        """


class ArrowNumbers(ArrowCells):
    """Scalars."""

    def __init__(self, column: Column) -> None:
        kind, self._numpy, _ = _TYPES[column.datatype]
        super().__init__(column, kind)
        self._codec = NumberCodec(column)

    def array(self, batch: CopyBatch, cells: Cells) -> pa.Array:
        """Turn the bytes of every number round."""
        values = self._codec.values(batch, cells).view(f">{self._numpy}").astype(self._numpy)
        buffers = [_validity(cells), pa.py_buffer(values)]
        return pa.Array.from_buffers(self.type, batch.row_count, buffers)


class ArrowTexts(ArrowCells):
    """Text.

    Attributes
    ----------
    longest
        Bytes of the longest text so far.
    """

    def __init__(self, column: Column) -> None:
        super().__init__(column, pa.string())
        self.longest = 0

    def array(self, batch: CopyBatch, cells: Cells) -> pa.Array:
        """Move the texts together."""
        sizes = np.maximum(cells.lengths, 0) if cells.any_null else cells.lengths
        self.longest = max(self.longest, int(sizes.max()))
        ends = np.zeros(batch.row_count + 1, dtype=np.int32)
        np.cumsum(sizes, out=ends[1:])
        texts = gather(VaryingBlock(batch.data, cells.starts, sizes))
        buffers = [_validity(cells), pa.py_buffer(ends), pa.py_buffer(texts)]
        return pa.Array.from_buffers(self.type, batch.row_count, buffers)


class ArrowLists(ArrowCells):
    """Numeric arrays, as lists of one dimension."""

    def __init__(self, column: Column) -> None:
        kind, _, code = _TYPES[column.datatype]
        super().__init__(column, pa.list_(kind))
        self._codec = ArrayCodec(column)
        self._element = struct.Struct(f">{code}")

    def array(self, batch: CopyBatch, cells: Cells) -> pa.Array:
        """Convert cell by cell."""
        # What fits the declared size is the same for every format.
        self._codec.encode(batch, cells)
        return pa.array([self._list(value) for value in batch.values(cells)], type=self.type)

    def _list(self, value: bytes | None) -> list[Any] | None:
        if value is None:
            return None
        unpack = self._element.unpack
        return [
            None if element is None else unpack(element)[0]
            for element in self._codec.elements(value)
        ]


def arrow_cells(column: Column) -> ArrowCells:
    """Return what turns the cells of the column.

    Raises
    ------
    ResultStreamError
        If the column has a datatype that the service does not write.
    """
    codec_for(column)  # refuses what cannot be written
    if column.datatype not in NUMBERS:
        return ArrowTexts(column)
    return ArrowLists(column) if is_array(column) else ArrowNumbers(column)


def measured(cells: ArrowCells) -> Column:
    """Return the column with the size that its texts turned out to have.

    Some readers, e.g. astropy 8.0, can only join texts to their metadata if these bound their size.
    """
    if isinstance(cells, ArrowTexts) and cells.column.arraysize == "*":
        return replace(cells.column, arraysize=f"{max(cells.longest, 1)}*")
    return cells.column


def arrow_schema(columns: Sequence[ArrowCells]) -> pa.Schema:
    """Return the schema, with what a reader of Arrow can be told of the columns."""
    return pa.schema([_field(each) for each in columns])


def record_batch(
    batch: CopyBatch, columns: Sequence[ArrowCells], schema: pa.Schema
) -> pa.RecordBatch:
    """Return the rows of a batch.

    Raises
    ------
    ResultStreamError
        If the batch does not fit the columns.
    """
    places = batch.columns(len(columns))
    arrays = [each.array(batch, cells) for each, cells in zip(columns, places, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _field(cells: ArrowCells) -> pa.Field:
    column = cells.column
    described = {
        "unit": column.unit,
        "ucd": column.ucd,
        "utype": column.utype,
        "xtype": column.xtype,
        "description": column.description,
    }
    metadata = {name: value for name, value in described.items() if value}
    return pa.field(column.name, cells.type, metadata=metadata or None)


def _validity(cells: Cells) -> pa.Buffer | None:
    """Return the bitmap of what is not NULL, least significant bit first; none if nothing is."""
    if not cells.any_null:
        return None
    return pa.py_buffer(np.packbits(~cells.nulls, bitorder="little"))
