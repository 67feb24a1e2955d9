"""Parquet with the metadata of a VOTable (IVOA Note VOParquet 1.0), streamed.

The footer is written last, so that it can hold the status of the result; and a file whose
transfer was broken off has none, so that every reader notices.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from epntap.formats.document import document_head, document_tail, overflow_info
from epntap.formats.errors import ResultStreamError
from epntap.formats.pgcopy import CopyBatch, tuples
from epntap.formats.writer import CountedWriter, ResultHeader
from epntap.tables import Column

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Buffer

#: Rows of a row group, or bytes of COPY BINARY if that is less. Readers skip and parallelise by
#: row groups, and the writer keeps one of them in memory.
_GROUP_ROWS = 32768
_GROUP_BYTES = 16 * 1024 * 1024

#: Keys of the footer (VOParquet 1.0, section 2).
_VERSION_KEY, _CONTENT_KEY = "IVOA.VOTable-Parquet.version", "IVOA.VOTable-Parquet.content"


class ParquetWriter(CountedWriter):
    """Writes Parquet.

    Parameters are those of `CountedWriter`.

    Raises
    ------
    ResultStreamError
        If a column has a datatype that cannot be written.
    """

    def __init__(
        self, columns: Sequence[Column], header: ResultHeader, *, maxrec: int | None = None
    ) -> None:
        # pyarrow is large and only needed here, so that a service loads it when it is asked for.
        from epntap.formats.arrow import arrow_cells, arrow_schema

        super().__init__(columns, header, maxrec=maxrec)
        self._cells = [arrow_cells(column) for column in columns]
        self._schema = arrow_schema(self._cells)
        self._sink = _Pieces()
        self._file: Any = None
        self._group: list[pa.RecordBatch] = []
        self._group_bytes = 0
        self._begun = False

    def begin(self) -> bytes:
        """Return the magic number."""
        from pyarrow import parquet

        self._file = parquet.ParquetWriter(self._sink, self._schema, compression="snappy")
        return self._sink.take()

    def rows(self, messages: Sequence[bytes]) -> bytes:
        """Return the row group that the rows make full, or nothing.

        Raises
        ------
        ResultStreamError
            If the messages are not COPY BINARY of the columns.
        """
        from epntap.formats.arrow import record_batch

        admitted = tuples(messages, first=not self._begun)
        self._begun = self._begun or bool(messages)
        admitted = self._limit.admit(admitted)
        if not admitted:
            return b""
        try:
            batch = CopyBatch(admitted)
            self._group.append(record_batch(batch, self._cells, self._schema))
        except ResultStreamError:
            self._limit.count -= len(admitted)
            raise
        self._group_bytes += batch.zeros_at
        rows = sum(part.num_rows for part in self._group)
        if rows >= _GROUP_ROWS or self._group_bytes >= _GROUP_BYTES:
            self._write_group()
        return self._sink.take()

    def end(self, *, overflow: bool = False) -> Iterator[bytes]:
        """Yield the last row group and the footer."""
        from epntap.formats.arrow import measured

        self._write_group()
        yield self._sink.take()
        truncated = overflow or self.overflow
        infos = [overflow_info(self.row_count)] if truncated else []
        columns = [measured(cells) for cells in self._cells]
        head = document_head(columns, self._header, sentinels=False)
        self._file.add_key_value_metadata(
            {_VERSION_KEY: "1.0", _CONTENT_KEY: head + document_tail(infos)}
        )
        self._file.close()
        yield self._sink.take()

    def fail(self, message: str) -> bytes:
        """Return nothing: without its footer the file is of no use, which is what it should be."""
        self._group.clear()
        return b""

    def _write_group(self) -> None:
        import pyarrow as pa

        if self._group:
            table = pa.Table.from_batches(self._group, self._schema)
            self._file.write_table(table, row_group_size=table.num_rows)
        self._group, self._group_bytes = [], 0


class _Pieces(io.RawIOBase):
    """A file that gives away what is written into it."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
