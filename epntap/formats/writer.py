"""What every result format has in common: what it is told, and what it must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from epntap.tables import Column

#: Rows that a caller should hand to `ResultWriter.rows` at once. With 1024 rows of an EPNcore
#: table the arrays of a batch stay near 1 MB, which the processor's cache and the allocator like,
#: and the cost of calling numpy is small.
BATCH_ROWS = 1024

#: The same for formats that replace bytes: a batch costs them next to nothing, and a short one is
#: done before PostgreSQL has to wait for it.
TEXT_BATCH_ROWS = 256

#: Bytes of messages after which a batch should be handed over although it has fewer rows.
BATCH_BYTES = 1024 * 1024

#: A conversion that stops now and then, and returns the bytes in the end.
Steps = Generator[None, None, bytes]


def done_at_once(steps: Steps) -> bytes:
    """Take all steps, and return the bytes."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: bytes = done.value
            return found


@dataclass(frozen=True, slots=True)
class Info:
    """A VOTable INFO: a name, a value in one line, and more words where the value is a code."""

    name: str
    value: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ResultHeader:
    """What a result says of itself besides its columns.

    Attributes
    ----------
    query
        The query as the client wrote it; becomes the INFO ``QUERY``.
    run_id
        The client's RUNID; becomes the INFO ``RUNID``.
    infos
        Further statements, e.g. server software, citation, licence, publisher.
    table_name
        Name of the VOTable TABLE.
    description
        Description of the result.
    """

    query: str | None = None
    run_id: str | None = None
    infos: tuple[Info, ...] = ()
    table_name: str = "result"
    description: str | None = None

    def statements(self) -> tuple[Info, ...]:
        """Return everything that stands in an INFO, in the order of the document."""
        asked = (("QUERY", self.query), ("RUNID", self.run_id))
        named = tuple(Info(name, value) for name, value in asked if value is not None)
        return named + self.infos


class ResultWriter(Protocol):
    """Turns the messages of one COPY into one document, piece by piece.

    The order of calls is `begin`, any number of `rows`, then either `end` or `fail`. A writer
    serves one result and one thread at a time.

    Attributes
    ----------
    batch_rows
        Rows that it wants at once.
    """

    batch_rows: ClassVar[int]

    @property
    def row_count(self) -> int:
        """Rows written so far."""
        ...

    @property
    def overflow(self) -> bool:
        """Whether the database sent more rows than the limit, so that some were left out."""
        ...

    def begin(self) -> bytes:
        """Return everything that stands before the first row."""
        ...

    def rows(self, messages: Sequence[bytes]) -> bytes:
        """Return the rows of some COPY messages.

        Parameters
        ----------
        messages
            As psycopg2 hands them to ``write``: one message a row.

        Raises
        ------
        ResultStreamError
            If they do not fit the columns. The rows before this batch are written; the document
            should be closed with `fail`.
        """
        ...

    def steps(self, messages: Sequence[bytes]) -> Steps:
        """Do what `rows` does, step by step.

        Nothing else may be asked of the writer until the last step, or until the generator is
        closed: then it is as if the messages had never come. Raises as `rows` does.
        """
        ...

    def end(self, *, overflow: bool = False) -> Iterator[bytes]:
        """Yield what follows the last row, in pieces since some formats write all of it then.

        Parameters
        ----------
        overflow
            Says that the result is truncated although the writer's own limit was not exceeded.
        """
        ...

    def fail(self, message: str) -> bytes:
        """Return what closes the document in the middle of the rows, with the reason."""
        ...


class RowLimit:
    """Counts rows and leaves out those over the limit.

    The query is run with a limit of one row more than MAXREC: if that row arrives, there was an
    overflow, and it is not part of the result.

    Parameters
    ----------
    maxrec
        Rows that the result may have, ``None`` for any number.
    """

    def __init__(self, maxrec: int | None) -> None:
        self._maxrec = maxrec
        self.count = 0
        self.exceeded = False

    def admit(self, messages: Sequence[bytes]) -> Sequence[bytes]:
        """Return the messages that belong to the result, and count them."""
        if self._maxrec is not None and self.count + len(messages) > self._maxrec:
            messages = messages[: self._maxrec - self.count]
            self.exceeded = True
        self.count += len(messages)
        return messages


class CountedWriter(ABC):
    """What every writer is made of, and what it says of the rows that it was given.

    Parameters
    ----------
    columns
        The columns of the result.
    header
        What the result says of itself.
    maxrec
        Rows that the result may have, ``None`` for any number.
    """

    batch_rows: ClassVar[int] = BATCH_ROWS

    def __init__(
        self, columns: Sequence[Column], header: ResultHeader, *, maxrec: int | None = None
    ) -> None:
        self._columns = tuple(columns)
        self._header = header
        self._limit = RowLimit(maxrec)

    @property
    def row_count(self) -> int:
        """Rows taken so far."""
        return self._limit.count

    @abstractmethod
    def rows(self, messages: Sequence[bytes]) -> bytes:
        """Return the rows of some COPY messages; see `ResultWriter.rows`."""

    def steps(self, messages: Sequence[bytes]) -> Steps:
        """Do what `rows` does, in one step."""
        yield
        return self.rows(messages)

    @property
    def overflow(self) -> bool:
        """Whether rows were left out because of the limit."""
        return self._limit.exceeded
