"""The file that COPY writes the rows of a query into.

PostgreSQL makes rows while its last ones are read, and waits as soon as the system holds some 200
of them that nobody has read. So no batch is converted at one go: a bit is done whenever a few more
rows have been taken, and the database never waits for the conversion.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol

from epntap.formats import BATCH_BYTES, ResultWriter, Steps

#: The first batch is small so that the first bytes leave at once, whatever the result's size.
_FIRST_BATCH_ROWS = 128

#: Rows that are taken between two steps of a conversion: about as long as a step takes.
_ROWS_A_STEP = 32


class SendPiece(Protocol):
    """Takes the pieces of a document, in the thread of the run.

    It may block, to slow the database down, and it may raise an exception that ends the run.
    """

    def __call__(self, piece: bytes, *, last: bool) -> None:
        """Take a piece; `last` says that the document is whole with it."""


class RowFile:
    """Batches the rows, and sends what becomes of them.

    libpq hands over one message for each row, so that taking one is to cost next to nothing:
    `write` resumes a generator, which keeps what it needs in local variables.

    Parameters
    ----------
    writer
        What converts the rows.
    send
        Takes the pieces of the document.
    check
        Raises an exception if the run is to end.

    Attributes
    ----------
    begun
        Whether anything was sent.
    write
        Takes one row, as psycopg2 wants it. Raises what `writer`, `send` and `check` raise.
    """

    def __init__(self, writer: ResultWriter, send: SendPiece, check: Callable[[], None]) -> None:
        self._writer = writer
        self._send = send
        self._check = check
        self._batch: list[bytes] = []
        self._conversion: Steps | None = None
        self._parts: list[bytes] = []
        self._has_head = False
        self.begun = False
        self._taking = self._take()
        next(self._taking)
        self.write = self._taking.send

    def finish(self) -> None:
        """Send the rest of the document, in one piece where that is all there is to send."""
        self._taking.close()
        self._convert_to_the_end()
        held = self._head() + b"".join(self._parts)
        held += self._writer.rows(self._batch) if self._batch else b""
        for piece in self._writer.end():
            if len(held) + len(piece) > BATCH_BYTES:
                self._check()
                self.begun = True
                self._send(held, last=False)
                held = b""
            held += piece
        self.begun = True
        self._send(held, last=True)

    def fail(self, message: str) -> None:
        """Close the document with the reason why it is not whole."""
        if self._conversion is not None:
            self._conversion.close()
        self._send(b"".join(self._parts) + self._writer.fail(message), last=True)

    def _take(self) -> Generator[None, bytes, None]:
        """Gather the rows that come; convert each batch that is full while the next one comes."""
        rows = _FIRST_BATCH_ROWS
        while True:
            batch = self._batch = []
            append, room, step = batch.append, BATCH_BYTES, _ROWS_A_STEP
            while room > 0 and len(batch) < rows:
                message = yield
                append(message)
                room -= len(message)
                if len(batch) == step:
                    step += _ROWS_A_STEP
                    self._convert_a_bit()
            self._convert_to_the_end()
            self._batch = []
            self._conversion = self._writer.steps(batch)
            if not self._has_head:
                self._parts.append(self._head())
                self._convert_to_the_end()
                self._send_parts()
            elif sum(map(len, self._parts)) >= BATCH_BYTES:
                self._send_parts()
            rows = self._writer.batch_rows

    def _convert_a_bit(self) -> None:
        """Take one step of the conversion of the batch before, if it is not done yet."""
        if self._conversion is None:
            return
        try:
            next(self._conversion)
        except StopIteration as done:
            self._conversion = None
            self._parts.append(done.value)

    def _convert_to_the_end(self) -> None:
        while self._conversion is not None:
            self._convert_a_bit()

    def _send_parts(self) -> None:
        self._check()
        parts, self._parts = self._parts, []
        self.begun = True
        self._send(b"".join(parts), last=False)

    def _head(self) -> bytes:
        if self._has_head:
            return b""
        self._has_head = True
        return self._writer.begin()
