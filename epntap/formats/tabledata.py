"""VOTable TABLEDATA from COPY TEXT, by replacing bytes in whole batches of rows.

NULL becomes an empty cell, which is also what an empty text is: VOTable does not distinguish
them here (VOTable 1.4, section 5.1). Characters that XML 1.0 cannot contain are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from epntap.formats.cells import NUMBERS
from epntap.formats.copying import element_count, is_array
from epntap.formats.document import (
    document_head,
    document_tail,
    failure_info,
    overflow_info,
)
from epntap.formats.markup import escaped_rows
from epntap.formats.writer import TEXT_BATCH_ROWS, CountedWriter, ResultHeader
from epntap.tables import Column

_ROW_START, _ROW_END = b"<TR><TD>", b"</TD></TR>\n"
_CELL_BREAK = b"</TD><TD>"

#: What `copy_statement` makes of NULL, and of a missing element of an array.
_NULL, _NAN = b"", b"NaN"

#: PostgreSQL's infinities and VOTable's.
_INFINITIES = {b"Infinity": b"+Inf", b"-Infinity": b"-Inf"}


class TabledataWriter(CountedWriter):
    """Writes VOTable TABLEDATA.

    Parameters are those of `CountedWriter`.
    """

    batch_rows = TEXT_BATCH_ROWS

    def __init__(
        self, columns: Sequence[Column], header: ResultHeader, *, maxrec: int | None = None
    ) -> None:
        super().__init__(columns, header, maxrec=maxrec)
        spellings = enumerate(map(_spellings, columns))
        self._spellings = {number: words for number, words in spellings if words}
        words = frozenset().union(*self._spellings.values())
        # Where one word is part of another, to look for the part is enough.
        self._words = [
            word for word in words if not any(part in word for part in words if part != word)
        ]

    def begin(self) -> bytes:
        """Return the head of the document up to the first row."""
        head = document_head(self._columns, self._header, sentinels=False)
        return head + b"<DATA><TABLEDATA>\n"

    def rows(self, messages: Sequence[bytes]) -> bytes:
        """Return the rows as TR elements."""
        admitted = self._limit.admit(messages)
        rows = b"".join(admitted)
        if not rows:
            return b""
        if any(word in rows for word in self._words):
            rows = b"".join([self._respelt(row) + b"\n" for row in rows[:-1].split(b"\n")])
        rows = escaped_rows(rows, len(admitted) * len(self._columns))
        rows = rows.replace(b"\t", _CELL_BREAK).replace(b"\n", _ROW_END + _ROW_START)
        return b"".join((_ROW_START, memoryview(rows)[: -len(_ROW_START)]))

    def end(self, *, overflow: bool = False) -> Iterator[bytes]:
        """Yield the end of the table and of the document."""
        infos = [overflow_info(self.row_count)] if overflow or self.overflow else []
        yield b"</TABLEDATA></DATA>\n" + document_tail(infos)

    def fail(self, message: str) -> bytes:
        """Close the table and say why no more rows come."""
        return b"</TABLEDATA></DATA>\n" + document_tail([failure_info(message)])

    def _respelt(self, row: bytes) -> bytes:
        """Spell numbers and arrays as VOTable does, in the columns that have them."""
        if not any(word in row for word in self._words):
            return row
        cells = row.split(b"\t")
        for number, words in self._spellings.items():
            elements = cells[number].split(b" ")
            cells[number] = b" ".join([words.get(element, element) for element in elements])
        return b"\t".join(cells)


def _spellings(column: Column) -> dict[bytes, bytes]:
    """Return the words that PostgreSQL writes into the cells of a column, and VOTable's for them.

    A missing array of a fixed size has as many missing elements: most readers would take an empty
    cell, but validators do not.
    """
    number = NUMBERS.get(column.datatype)
    if number is None:
        return {}
    words = {} if number.sentinel is not None else dict(_INFINITIES)
    if is_array(column):
        missing = _NAN if number.sentinel is None else b"%d" % number.sentinel
        if missing != _NAN:
            words[_NAN] = missing
        count = element_count(column)
        if count is not None:
            words[_NULL] = b" ".join([missing] * count)
    return words
