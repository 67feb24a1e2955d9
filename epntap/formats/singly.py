"""Few rows, cell by cell: below some number that is faster than moving whole columns."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from epntap.formats.cells import CellCodec
from epntap.formats.errors import ResultStreamError

#: Up to so many rows of an EPNcore table Python is done before numpy is.
FEW_ROWS = 24

_LENGTH = struct.Struct(">i").unpack_from
_COUNT = struct.Struct(">h").unpack_from


def packed_singly(
    messages: Sequence[bytes], codecs: Sequence[CellCodec], *, null_flags: bool
) -> bytes:
    """Return some rows of COPY BINARY as rows of VOTable's binary serialisations.

    Parameters
    ----------
    messages
        One tuple each.
    codecs
        What converts the cells of each column.
    null_flags
        Whether each row begins with a bit a column that says whether it is NULL.

    Raises
    ------
    ResultStreamError
        If a tuple does not fit the columns.
    """
    width = -(-len(codecs) // 8)
    found: list[bytes] = []
    for message in messages:
        cells, nulls = _row(message, codecs)
        if null_flags:
            found.append((nulls << (8 * width - len(codecs))).to_bytes(width, "big"))
        found += cells
    return b"".join(found)


def _row(message: bytes, codecs: Sequence[CellCodec]) -> tuple[list[bytes], int]:
    """Return the cells of a tuple, and the null flags as a number."""
    (count,) = _COUNT(message, 0)
    if count != len(codecs):
        raise ResultStreamError(
            f"the database sends rows of {count} fields for {len(codecs)} columns"
        )
    cells: list[bytes] = []
    nulls, at = 0, 2
    for codec in codecs:
        (length,) = _LENGTH(message, at)
        at += 4
        if length < 0:
            nulls = nulls << 1 | 1
            cells.append(codec.cell(None))
        else:
            nulls <<= 1
            cells.append(codec.cell(message[at : at + length]))
            at += length
    if at != len(message):
        raise ResultStreamError("the database sends rows that do not end with their last field")
    return cells, nulls
