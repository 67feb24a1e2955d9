"""FITS binary tables (FITS Standard 4.0), in constant memory.

A binary table starts with its number of rows and the width of its texts, so that it can only be
written when the last row is known: until then rows are put aside in a temporary file. What can be
written at once is: the primary HDU, whose data are a VOTable without rows that tells all that is
known of the columns (the "fits-plus" convention of STIL, which TOPCAT reads; for everybody else
it is an image of bytes).

A result that fails in the middle has no end that a reader would notice, so the transfer is broken
off then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from epntap.formats.document import document_head, document_tail
from epntap.formats.errors import ResultStreamError
from epntap.formats.fitscards import CardValue, card, comment, header_block, padding
from epntap.formats.fitscolumns import FitsColumn, Heap, fits_column
from epntap.formats.packing import gather, pack_rows
from epntap.formats.pgcopy import CopyBatch, tuples
from epntap.formats.spool import Spool
from epntap.formats.writer import CountedWriter, ResultHeader
from epntap.tables import Column

#: Columns that a table can have (section 7.3.1).
_MOST_COLUMNS = 999


class FitsWriter(CountedWriter):
    """Writes a FITS file with one binary table.

    Parameters are those of `CountedWriter`.

    Raises
    ------
    ResultStreamError
        If a column has a datatype that cannot be written, or there are too many columns.
    """

    def __init__(
        self, columns: Sequence[Column], header: ResultHeader, *, maxrec: int | None = None
    ) -> None:
        if len(columns) > _MOST_COLUMNS:
            raise ResultStreamError(
                f"FITS tables have at most {_MOST_COLUMNS} columns, the result has {len(columns)}",
                hint="select fewer columns, or ask for another format",
            )
        super().__init__(columns, header, maxrec=maxrec)
        self._written: list[FitsColumn] = [fits_column(column) for column in columns]
        self._spool = Spool()
        self._begun = False

    def begin(self) -> bytes:
        """Return the primary HDU."""
        head = document_head(self._columns, self._header, sentinels=False)
        metadata = head + document_tail([])
        cards = [
            card("SIMPLE", True),
            card("BITPIX", 8),
            card("NAXIS", 1),
            card("NAXIS1", len(metadata)),
            card("VOTMETA", True),
            card("EXTEND", True),
            comment("The bytes of this HDU are a VOTable that describes the columns of the next."),
        ]
        return header_block(cards) + metadata + bytes(padding(len(metadata)))

    def rows(self, messages: Sequence[bytes]) -> bytes:
        """Put the rows aside, and return nothing.

        Raises
        ------
        ResultStreamError
            If the messages are not COPY BINARY of the columns, or there is no room for them.
        """
        admitted = tuples(messages, first=not self._begun)
        self._begun = self._begun or bool(messages)
        admitted = self._limit.admit(admitted)
        if not admitted:
            return b""
        try:
            batch = CopyBatch(admitted)
            for column, cells in zip(self._written, batch.columns(len(self._written)), strict=True):
                column.measure(batch, cells)
            self._spool.add(batch)
        except ResultStreamError:
            self._limit.count -= len(admitted)
            raise
        return b""

    def end(self, *, overflow: bool = False) -> Iterator[bytes]:
        """Yield the table."""
        try:
            heap = Heap(sum(column.settle(self.row_count) for column in self._written))
            yield from self._table(heap, truncated=overflow or self.overflow)
        finally:
            self._spool.close()

    def fail(self, message: str) -> bytes:
        """Return nothing: half a table that looks like a whole one must not be sent."""
        self._spool.close()
        return b""

    def _table(self, heap: Heap, *, truncated: bool) -> Iterator[bytes]:
        # A first row of nothing tells how wide rows are.
        width = sum(
            column.row_cells(empty, cells, Heap(heap.size)).cells.dtype.itemsize
            for empty in [_nothing(len(self._written))]
            for column, cells in zip(self._written, empty.columns(len(self._written)), strict=True)
        )
        yield header_block(self._cards(width, heap, truncated=truncated))
        for batch in self._spool:
            cells = batch.columns(len(self._written))
            blocks = [
                column.row_cells(batch, place, heap)
                for column, place in zip(self._written, cells, strict=True)
            ]
            yield pack_rows(blocks, batch.row_count).tobytes()
        if heap.size:
            yield from self._heap()
        yield bytes(padding(width * self.row_count + heap.size))

    def _heap(self) -> Iterator[bytes]:
        """Yield the cells that are not in the rows, in the order in which they got their place."""
        for batch in self._spool:
            cells = batch.columns(len(self._written))
            for column, place in zip(self._written, cells, strict=True):
                block = column.heap_cells(batch, place)
                if block is not None:
                    yield gather(block).tobytes()

    def _cards(self, width: int, heap: Heap, *, truncated: bool) -> Iterator[bytes]:
        """Yield the header of the table, in the order that section 7.3.1 demands."""
        yield card("XTENSION", "BINTABLE")
        yield card("BITPIX", 8)
        yield card("NAXIS", 2)
        yield card("NAXIS1", width)
        yield card("NAXIS2", self.row_count)
        yield card("PCOUNT", heap.size)
        yield card("GCOUNT", 1)
        yield card("TFIELDS", len(self._written))
        yield card("EXTNAME", self._header.table_name)
        yield card("QSTATUS", "OVERFLOW" if truncated else "OK")
        if truncated:
            yield comment(f"The result is truncated after {self.row_count} rows.")
        for number, column in enumerate(self._written, start=1):
            for keyword, value in _keywords(column, heap).items():
                yield card(f"{keyword}{number}", value)
        for column in self._written:
            yield from _losses(column)


def _keywords(column: FitsColumn, heap: Heap) -> dict[str, CardValue]:
    """Return the keywords of a column; UCD, utype, xtype and description as STIL names them."""
    described = column.column
    optional = {
        "TUNIT": described.unit,
        "TUCD": described.ucd,
        "TUTYP": described.utype,
        "TXTYP": described.xtype,
        "TCOMM": described.description,
    }
    return {
        "TTYPE": described.name,
        "TFORM": column.form(heap),
        **column.keywords(),
        **{keyword: value for keyword, value in optional.items() if value},
    }


def _losses(column: FitsColumn) -> Iterator[bytes]:
    name, losses = column.column.name, column.losses
    if losses.characters:
        yield comment(
            f"WARNING: characters outside ASCII are replaced in {losses.characters} values of "
            f"column {name}; TABLEDATA, CSV and Parquet have them as they are"
        )
    if losses.sentinels:
        yield comment(
            f"WARNING: some values of column {name} equal the one that means NULL; "
            "BINARY2 and Parquet tell them apart"
        )


def _nothing(column_count: int) -> CopyBatch:
    """Return a row in which every cell is NULL."""
    cells = np.full(column_count, -1, dtype=">i4").tobytes()
    return CopyBatch([column_count.to_bytes(2, "big") + cells])
