"""Rows of a VOTable's BINARY and BINARY2 streams (VOTable 1.4, sections 5.3 and 5.4)."""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Sequence

from epntap.tap.uploads.cells import NULL, CellError, CellReader

_COUNT_BYTES = 4


class BinaryRows:
    """Takes the text of a STREAM element as it comes, gives rows as soon as they are whole.

    The count before an array of several dimensions is that of all its elements, as STIL writes
    it and as the results of this service have it.

    Parameters
    ----------
    readers
        The columns.
    flagged
        Whether each row begins with a bit for each column that says that it is missing: BINARY2.
    """

    def __init__(self, readers: Sequence[CellReader], *, flagged: bool) -> None:
        self._readers = tuple(readers)
        self._layout = [
            (reader.size, reader.field.length or 0, reader.bytes_of, reader.from_bytes)
            for reader in readers
        ]
        self._flag_bytes = (len(self._readers) + 7) // 8 if flagged else 0
        self._text = ""
        self._data = bytearray()

    def feed(self, text: str) -> Iterator[list[str]]:
        """Yield the rows that are whole now, as cells of COPY TEXT.

        Raises
        ------
        CellError
            If the text is not base64, or a cell is not of its column's type.
        """
        self._text += "".join(text.split())
        usable = len(self._text) & ~3
        try:
            self._data += binascii.a2b_base64(self._text[:usable], strict_mode=True)
        except ValueError as error:
            raise CellError(f"the STREAM is not base64: {error}") from error
        self._text = self._text[usable:]
        at = 0
        while (row := self._row(at)) is not None:
            cells, at = row
            yield cells
        del self._data[:at]

    def finish(self) -> None:
        """Check that nothing is left.

        Raises
        ------
        CellError
            If the stream ends within a row.
        """
        if self._text or self._data:
            raise CellError("the STREAM ends in the middle of a row")

    def _row(self, at: int) -> tuple[list[str], int] | None:
        """Return the row that begins there and where it ends, ``None`` if that is not here yet."""
        data, end = self._data, len(self._data)
        flags = data[at : at + self._flag_bytes]
        at += self._flag_bytes
        cells: list[str] = []
        try:
            for index, (fixed, length, bytes_of, from_bytes) in enumerate(self._layout):
                if fixed is None:
                    if at + _COUNT_BYTES > end:
                        return None
                    count = int.from_bytes(data[at : at + _COUNT_BYTES], "big")
                    size = bytes_of(count)
                    at += _COUNT_BYTES
                else:
                    size, count = fixed, length
                begin, at = at, at + size
                if at > end:
                    return None
                if flags and flags[index >> 3] >> (7 - (index & 7)) & 1:
                    cells.append(NULL)
                else:
                    cells.append(from_bytes(bytes(data[begin:at]), count))
        except CellError as error:
            name = self._readers[len(cells)].field.column.name
            raise CellError(f"column {name}: {error}") from None
        return cells, at
