"""VOTable BINARY2 and BINARY from COPY BINARY.

A BINARY2 row is one bit a column that says whether the cell is null, the first column being the
most significant bit of the first byte, followed by the row as BINARY has it (VOTable 1.3,
section 5.4). BINARY knows no null: floats become NaN, integers the value that the FIELD declares,
text and arrays become empty (section 5.3).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import cached_property

from epntap.formats.base64stream import Base64Stream
from epntap.formats.cells import CellCodec, codec_for
from epntap.formats.document import (
    document_head,
    document_tail,
    failure_info,
    overflow_info,
)
from epntap.formats.errors import ResultStreamError
from epntap.formats.packing import Block, packing_steps
from epntap.formats.pgcopy import PADDING, CopyBatch, tuples
from epntap.formats.runs import NullFlags, Run, runs_of
from epntap.formats.singly import FEW_ROWS, packed_singly
from epntap.formats.writer import (
    CountedWriter,
    Info,
    ResultHeader,
    Steps,
    done_at_once,
)
from epntap.tables import Column


class BinaryWriter(CountedWriter):
    """Writes VOTable BINARY2, or BINARY.

    Parameters
    ----------
    columns
        The columns of the result, at least one.
    header
        What the result says of itself.
    maxrec
        Rows that the result may have, ``None`` for any number.
    null_flags
        Whether rows start with null flags: BINARY2.

    Raises
    ------
    ResultStreamError
        If a column has a datatype that cannot be written.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        header: ResultHeader,
        *,
        maxrec: int | None = None,
        null_flags: bool,
    ) -> None:
        super().__init__(columns, header, maxrec=maxrec)
        self._null_flags = null_flags
        self._codecs: list[CellCodec] = [codec_for(column) for column in columns]
        self._base64 = Base64Stream()
        self._begun = False

    def begin(self) -> bytes:
        """Return the head of the document and the start of the stream."""
        head = document_head(self._columns, self._header, sentinels=not self._null_flags)
        return head + f'<DATA><{self._serialization}><STREAM encoding="base64">\n'.encode()

    def rows(self, messages: Sequence[bytes]) -> bytes:
        """Return the rows in base64.

        Raises
        ------
        ResultStreamError
            If the messages are not COPY BINARY of the columns; none of them is written then.
        """
        return done_at_once(self.steps(messages))

    def steps(self, messages: Sequence[bytes]) -> Steps:
        """Do what `rows` does, a run of columns or a block of cells in each step."""
        admitted = tuples(messages, first=not self._begun)
        self._begun = self._begun or bool(messages)
        admitted = self._limit.admit(admitted)
        if not admitted:
            return b""
        try:
            if len(admitted) <= FEW_ROWS:
                few = packed_singly(admitted, self._codecs, null_flags=self._null_flags)
                return self._base64.encode(few)
            blocks = yield from self._blocks(admitted)
            packed = yield from packing_steps(blocks, len(admitted), self._base64.kept)
            return self._base64.encode_with_kept(packed.data)
        except (ResultStreamError, GeneratorExit):
            self._limit.count -= len(admitted)
            raise

    def end(self, *, overflow: bool = False) -> Iterator[bytes]:
        """Yield the end of the stream and of the document."""
        infos = [overflow_info(self.row_count)] if overflow or self.overflow else []
        yield self._closed(infos)

    def fail(self, message: str) -> bytes:
        """Close the stream after the last whole row and say why no more come."""
        return self._closed([failure_info(message)])

    @cached_property
    def _runs(self) -> list[Run]:
        return runs_of(self._codecs)

    @cached_property
    def _padding(self) -> int:
        return max(PADDING, *(run.reach for run in self._runs))

    @property
    def _serialization(self) -> str:
        return "BINARY2" if self._null_flags else "BINARY"

    def _blocks(self, messages: Sequence[bytes]) -> Generator[None, None, list[Block]]:
        """Return the cells of some tuples, a run of columns in each step."""
        batch = CopyBatch(messages, padding=self._padding)
        flags = NullFlags(batch.row_count, len(self._codecs))
        blocks: list[Block] = []
        position = batch.first_fields(len(self._codecs))
        for run in self._runs:
            yield
            found, position = run.read(batch, position, flags)
            blocks += found
        batch.check_ends(position)
        if self._null_flags:
            blocks.insert(0, flags.block())
        return blocks

    def _closed(self, infos: Sequence[Info]) -> bytes:
        end = self._base64.close() + f"</STREAM></{self._serialization}></DATA>\n".encode()
        return end + document_tail([*infos, *self._losses()])

    def _losses(self) -> Iterator[Info]:
        """Yield a warning for every column with values that could not be kept."""
        for column, codec in zip(self._columns, self._codecs, strict=True):
            if codec.losses.characters:
                yield Info(
                    "WARNING",
                    f"characters outside ASCII are replaced in {codec.losses.characters} values "
                    f"of column {column.name}; TABLEDATA and CSV have them as they are",
                )
            if codec.losses.sentinels and not self._null_flags:
                yield Info(
                    "WARNING",
                    f"{codec.losses.sentinels} values of column {column.name} equal the one that "
                    "means NULL; BINARY2 tells them apart",
                )
