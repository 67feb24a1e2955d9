"""Rows as PostgreSQL's binary COPY reads them (PostgreSQL manual, COPY, "Binary Format").

A row is the number of its fields, as a 16-bit integer, and its fields; a field is the number of its
bytes, as a 32-bit integer, and the bytes. All integers are big-endian. Fields are made a column at
a time and joined to rows by Arrow, so that no Python object stands for a cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epntap.tables import TEXT_DATATYPES, Column

#: What a binary COPY begins with: signature, no flags, no extension.
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
#: What it ends with.
TRAILER = b"\xff\xff"

#: Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL counts timestamps from.
_POSTGRES_EPOCH_US = 946_684_800_000_000

#: Length of a field without a value.
_NULL = (-1).to_bytes(4, "big", signed=True)

#: Big-endian form of the numbers of a VOTable datatype.
_NUMBERS = {"short": ">i2", "int": ">i4", "long": ">i8", "float": ">f4", "double": ">f8"}

#: Object identifiers of PostgreSQL's types that arrays are made of (``pg_type.dat``).
_ELEMENT_OIDS = {"short": 21, "int": 23, "long": 20, "float": 700, "double": 701}


@dataclass(frozen=True)
class RowEncoder:
    """Encodes the rows of one table.

    Parameters
    ----------
    columns
        Columns of the table, in the order of the COPY statement.
    """

    columns: tuple[Column, ...]

    def encode(self, rows: pa.RecordBatch) -> memoryview:
        """Return rows as a piece of a binary COPY, without header and trailer.

        Parameters
        ----------
        rows
            One array a column, by name: large strings, numbers, timestamps in milliseconds, or
            large lists of numbers. A missing cell is null; elements of lists are not missing.
        """
        size = rows.num_rows
        if size == 0:
            return memoryview(b"")
        # Pieces of a fixed width that stand side by side are laid down together.
        fixed: list[np.ndarray] = [np.full(size, len(self.columns), dtype=">i2")]
        pieces: list[Any] = []
        for column in self.columns:
            for piece in _pieces(rows.column(column.name), column):
                if isinstance(piece, np.ndarray):
                    fixed.append(piece)
                    continue
                if fixed:
                    pieces.append(_side_by_side(fixed))
                    fixed = []
                pieces.append(piece)
        if fixed:
            pieces.append(_side_by_side(fixed))
        return _content(
            pc.binary_join_element_wise(*pieces, pa.scalar(b"", pa.large_binary()))
            if len(pieces) > 1
            else pieces[0]
        )


def _pieces(cells: Any, column: Column) -> list[Any]:
    """Return what the fields of a column are joined of: numpy arrays, or Arrow's large binaries."""
    size = len(cells)
    if cells.null_count == size:
        return [np.full(size, -1, dtype=">i4")]
    if column.datatype in TEXT_DATATYPES and column.xtype != "timestamp":
        return _texts(cells)
    if column.arraysize is not None and column.datatype not in TEXT_DATATYPES:
        return [_where_given(cells, _arrays(cells, column.datatype))]
    values = _moments(cells) if column.datatype in TEXT_DATATYPES else _numbers(cells, column)
    lengths = np.full(size, values.itemsize, dtype=">i4")
    if cells.null_count == 0:
        return [lengths, values]
    return [_where_given(cells, _side_by_side([lengths, values]))]


def _texts(cells: Any) -> list[Any]:
    lengths = pc.fill_null(pc.binary_length(cells), -1).to_numpy().astype(">i4")
    content = cells.cast(pa.large_binary())
    return [lengths, pc.fill_null(content, b"") if cells.null_count else content]


def _numbers(cells: Any, column: Column) -> np.ndarray:
    given = cells.fill_null(0) if cells.null_count else cells
    with np.errstate(over="ignore"):
        # What a float cannot hold becomes infinite, as in any conversion to it.
        numbers: np.ndarray = given.to_numpy(zero_copy_only=False).astype(_NUMBERS[column.datatype])
    return numbers


def _moments(cells: Any) -> np.ndarray:
    millis = cells.cast(pa.int64())
    given = (millis.fill_null(0) if cells.null_count else millis).to_numpy()
    moments: np.ndarray = (given * 1000 - _POSTGRES_EPOCH_US).astype(">i8")
    return moments


def _arrays(cells: Any, datatype: str) -> Any:
    """Return the fields of an array column: dimensions, then the elements, each a field again."""
    lists = cells.fill_null([]) if cells.null_count else cells
    counts = pc.list_value_length(lists).to_numpy().astype(np.int64)
    elements = pc.list_flatten(lists)
    values = elements.to_numpy(zero_copy_only=False).astype(_NUMBERS[datatype])
    field = np.empty(len(values), dtype=[("length", ">i4"), ("value", values.dtype)])
    field["length"], field["value"] = values.itemsize, values
    oid = np.full(len(counts), _ELEMENT_OIDS[datatype], dtype=">i4")
    none = np.zeros(len(counts), dtype=">i4")
    ends = np.concatenate([[0], np.cumsum(counts)]) * field.itemsize
    content = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(counts), [None, pa.py_buffer(ends), pa.py_buffer(field.tobytes())]
    )
    is_empty = counts == 0
    # An empty array has no dimension; any other one, counted from 1.
    size = _side_by_side([counts.astype(">i4"), none + np.int32(1)])
    size = pc.if_else(pa.array(is_empty), pa.scalar(b"", pa.large_binary()), size)
    lengths = np.where(is_empty, 12, 20 + counts * field.itemsize).astype(">i4")
    dimensions = (~is_empty).astype(">i4")
    return pc.binary_join_element_wise(
        _side_by_side([lengths, dimensions, none, oid]),
        size,
        content,
        pa.scalar(b"", pa.large_binary()),
    )


def _where_given(cells: Any, fields: Any) -> Any:
    """Return the fields, but for missing cells that of a missing value."""
    if cells.null_count == 0:
        return fields
    return pc.if_else(cells.is_valid(), fields, pa.scalar(_NULL, pa.large_binary()))


def _side_by_side(arrays: list[np.ndarray]) -> Any:
    """Return the bytes of several arrays, an item of each after the other, as Arrow's binaries."""
    size = len(arrays[0])
    records = np.empty(size, dtype=[(f"f{i}", array.dtype) for i, array in enumerate(arrays)])
    for i, array in enumerate(arrays):
        records[f"f{i}"] = array
    offsets = np.arange(size + 1, dtype=np.int64) * records.itemsize
    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), size, [None, pa.py_buffer(offsets), pa.py_buffer(records)]
    )


def _content(joined: Any) -> memoryview:
    """Return the bytes of all items; in an Arrow array they lie one after the other."""
    _, offsets, data = joined.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)
    return memoryview(data)[ends[joined.offset] : ends[joined.offset + len(joined)]]
