"""CSV from COPY CSV and TSV from COPY TEXT.

CSV follows RFC 4180: a header line, CRLF between records, quotes where they are needed. NULL is
an empty field and an empty text is ``""``, as PostgreSQL writes them. In a result of one column
NULL is ``""`` too, since readers skip empty lines and would lose the row.

TSV (IANA text/tab-separated-values) knows neither quotes nor escapes, so a tab, a line end or a
form feed inside a text becomes a blank. NULL and empty text are both empty fields.

Neither can say that rows are missing: a caller that has to report a failure breaks the transfer
off, see `ResultFormat.tells_status`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from epntap.formats.copytext import ESCAPED, unescape
from epntap.formats.writer import TEXT_BATCH_ROWS, CountedWriter, ResultHeader
from epntap.tables import Column

_BLANKS = dict.fromkeys(ESCAPED.values(), b" ")


class DelimitedWriter(CountedWriter):
    """What CSV and TSV share: nothing but rows and their number.

    Parameters are those of `CountedWriter`; there is no place for the header.
    """

    batch_rows = TEXT_BATCH_ROWS

    def __init__(
        self, columns: Sequence[Column], header: ResultHeader, *, maxrec: int | None = None
    ) -> None:
        super().__init__(columns, header, maxrec=maxrec)
        self._names = [column.name for column in columns]

    def end(self, *, overflow: bool = False) -> Iterator[bytes]:
        """Yield nothing: the last row is the end, and there is no place to tell of an overflow."""
        return iter(())

    def fail(self, message: str) -> bytes:
        """Return nothing: there is no place for the message."""
        return b""


class CsvWriter(DelimitedWriter):
    """Writes CSV."""

    def begin(self) -> bytes:
        """Return the header line."""
        return ",".join(map(_csv_field, self._names)).encode() + b"\r\n"

    def rows(self, messages: Sequence[bytes]) -> bytes:
        """Return the rows; PostgreSQL ends them with a newline only."""
        records = [message[:-1] for message in self._limit.admit(messages)]
        if not records:
            return b""
        if len(self._names) == 1:
            records = [record or b'""' for record in records]
        records.append(b"")
        return b"\r\n".join(records)


class TsvWriter(DelimitedWriter):
    """Writes TSV."""

    def begin(self) -> bytes:
        """Return the header line."""
        return (
            "\t".join(re.sub(r"[\t\n\v\f\r\b]", " ", name) for name in self._names).encode() + b"\n"
        )

    def rows(self, messages: Sequence[bytes]) -> bytes:
        """Return the rows."""
        return unescape(b"".join(self._limit.admit(messages)), _BLANKS)


def _csv_field(name: str) -> str:
    if name and not re.search(r'[,"\r\n]|^\s|\s$', name):
        return name
    return '"' + name.replace('"', '""') + '"'
