"""Reading COPY BINARY by whole columns.

PostgreSQL sends a header, one tuple a message, and a trailer (PostgreSQL 15 manual, COPY, "Binary
Format"): a tuple is the number of its fields as int16, then for every field its length as int32
(-1 for NULL) and its bytes, all big-endian. Since libpq hands over one message a row, the starts
of the rows are known, and the fields of all rows of a batch are found one column after the other
with numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from epntap.formats.errors import ResultStreamError

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
_TRAILER = b"\xff\xff"

#: Zero bytes that follow the data of every array that `unaligned` may read beyond a field's end.
PADDING = 256


def unaligned(data: Bytes, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return a view whose element at index i is what starts at byte i.

    Indexing it with an array of offsets copies one element an offset, which is much cheaper than
    moving single bytes.

    Parameters
    ----------
    data
        Shape (n,).
    dtype
        Type of the elements, e.g. ``>i4`` or, for so many bytes as they are, ``V12``.

    Returns
    -------
    numpy.ndarray
        Shape (n - itemsize + 1,), sharing the memory of `data`.
    """
    element = np.dtype(dtype)
    shape = (data.size - element.itemsize + 1,)
    return np.ndarray(shape, dtype=element, buffer=data, strides=(1,))


def padded(pieces: Sequence[bytes], padding: int = PADDING) -> Bytes:
    """Return the pieces joined, followed by zeros, as an array that can be written."""
    return np.frombuffer(bytearray().join([*pieces, bytes(padding)]), dtype=np.uint8)


def offsets_of(sizes: Offsets) -> Offsets:
    """Return where each piece starts when pieces of these sizes stand one after the other."""
    offsets = np.zeros_like(sizes)
    np.cumsum(sizes[:-1], out=offsets[1:])
    return offsets


def tuples(messages: Sequence[bytes], *, first: bool) -> Sequence[bytes]:
    """Return the messages without the header of the stream and without its trailer.

    Parameters
    ----------
    messages
        Some consecutive messages.
    first
        Whether they are the first of the stream, so that the header is expected.

    Raises
    ------
    ResultStreamError
        If the stream does not start as COPY BINARY does.
    """
    if first and messages:
        messages = [_without_header(messages[0]), *messages[1:]]
        if not messages[0]:
            messages = messages[1:]
    if messages and messages[-1] == _TRAILER:
        messages = messages[:-1]
    return messages


def _without_header(message: bytes) -> bytes:
    """Cut the signature, the flags and the header's extension off the first message."""
    if not message.startswith(_SIGNATURE):
        raise ResultStreamError("the database did not answer with COPY BINARY")
    extension = int.from_bytes(message[len(_SIGNATURE) + 4 : len(_SIGNATURE) + 8], "big")
    return message[len(_SIGNATURE) + 8 + extension :]


@dataclass(frozen=True, slots=True)
class Cells:
    """Where the values of one column are in a batch of n rows.

    Attributes
    ----------
    starts
        Offset of the first byte of each value, shape (n,).
    lengths
        Bytes of each value, -1 for NULL, shape (n,).
    nulls
        Whether it is NULL, shape (n,).
    any_null
        Whether any is.
    """

    starts: Offsets
    lengths: Offsets
    nulls: Flags
    any_null: bool


class CopyBatch:
    """Some tuples of COPY BINARY.

    Parameters
    ----------
    rows
        The tuples, one by one or, if their sizes are given, in any pieces.
    sizes
        Bytes of each tuple, shape (n,).
    padding
        Zeros behind the data, at least `PADDING`, for who reads beyond a field's end.

    Attributes
    ----------
    data
        The bytes of all tuples one after the other, and the zeros.
    sizes
        Bytes of each tuple, shape (n,).
    row_count
        Number of tuples.
    """

    def __init__(
        self, rows: Sequence[bytes], sizes: Offsets | None = None, *, padding: int = PADDING
    ) -> None:
        self.data = padded(rows, padding)
        self._padding = padding
        self._lengths = unaligned(self.data, ">i4")
        self.sizes = np.fromiter(map(len, rows), np.int64, len(rows)) if sizes is None else sizes
        self.row_count = self.sizes.size

    @property
    def zeros_at(self) -> int:
        """Offset of the zeros behind the data."""
        return self.data.size - self._padding

    def first_fields(self, count: int) -> Offsets:
        """Return where the first field of every tuple begins, shape (n,).

        Raises
        ------
        ResultStreamError
            If a tuple has another number of fields than `count`.
        """
        starts = offsets_of(self.sizes)
        field_counts = unaligned(self.data, ">i2")[starts]
        if (field_counts != count).any():
            raise ResultStreamError(
                f"the database sends rows of {field_counts.max()} fields for {count} columns"
            )
        return starts + 2

    def lengths(self, position: Offsets) -> Offsets:
        """Return the lengths of the fields that begin at the offsets, shape (n,)."""
        found: Offsets = self._lengths[position].astype(np.int64)
        return found

    def check_ends(self, position: Offsets) -> None:
        """Make sure that every tuple ends where its last field does.

        Raises
        ------
        ResultStreamError
            If one does not.
        """
        if (position != np.cumsum(self.sizes)).any():
            raise ResultStreamError("the database sends rows that do not end with their last field")

    def columns(self, count: int) -> list[Cells]:
        """Find the fields of every column.

        Parameters
        ----------
        count
            Number of columns that every tuple must have.

        Raises
        ------
        ResultStreamError
            If a tuple has another number of fields, or does not end with its last field.
        """
        position = self.first_fields(count)
        found = []
        for _ in range(count):
            lengths = self.lengths(position)
            nulls = lengths < 0
            any_null = bool(nulls.any())
            values = position + 4
            found.append(Cells(values, lengths, nulls, any_null))
            position = values + (np.maximum(lengths, 0) if any_null else lengths)
        self.check_ends(position)
        return found

    def values(self, cells: Cells) -> list[bytes | None]:
        """Return the values of a column one by one, ``None`` for NULL."""
        memory = self.data.data
        return [
            bytes(memory[start : start + length]) if length >= 0 else None
            for start, length in zip(cells.starts.tolist(), cells.lengths.tolist(), strict=True)
        ]
