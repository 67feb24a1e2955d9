"""The chunks of a run, done one after the other."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.database import Database
from epntap.errors import DatabaseUnavailableError, UserError
from epntap.plugins import Progress, SpanSource
from epntap.queue import Work, put
from epntap.regenerate.beginning import fail
from epntap.regenerate.chunks import Chunk, hull
from epntap.regenerate.chunkstore import Taken, all_done, end_chunk, fail_chunk, take_chunk
from epntap.regenerate.errors import ChunkLostError, LeaveError, RegenerationError
from epntap.regenerate.method import Method
from epntap.regenerate.partstore import add_part, hold_parts, rows_of_part
from epntap.regenerate.plan import RegenerationPlan
from epntap.regenerate.staging import staged_files
from epntap.regenerate.storage import Regeneration

log = logging.getLogger(__name__)

#: How often a chunk may lose its worker: whatever kills every worker that touches it (no memory
#: is enough) would go round for ever otherwise.
_LOSSES = 10

#: The longest pause before a chunk is tried again.
_LONGEST_PAUSE = timedelta(hours=1)


class ChunkFailedError(RegenerationError):
    """A chunk could not be done this time.

    Attributes
    ----------
    pause
        Seconds after which it is tried again; None when it is not.
    """

    def __init__(self, message: str, pause: float | None) -> None:
        super().__init__(message)
        self.pause = pause


@dataclass
class Doer:
    """Whoever does chunks of one run: a worker, or the foreground.

    Attributes
    ----------
    database
        Where the chunks are kept.
    run
        Which run.
    method
        Its pipeline.
    worker
        Name of the doer.
    progress
        Told what the pipeline tells.
    source
        Opened for all chunks already, where it is.
    last
        Put in line with the end of the last chunk that the run waits for.
    retries
        How often a chunk is tried again after a failure.
    """

    database: Database
    run: Regeneration
    method: Method
    worker: str
    progress: Progress
    source: SpanSource | None = None
    last: Work | None = None
    retries: int = 0

    def do(self, chunks: Sequence[Chunk], *, go_on: Callable[[], None]) -> None:
        """Do chunks that lie next to each other in time; those that are done are passed over.

        Parameters
        ----------
        go_on
            Called before each chunk; raises to leave.

        Raises
        ------
        ChunkFailedError
            When one cannot be done; those before it are.
        """
        for place, chunk in enumerate(chunks):
            go_on()
            with self.database.publisher() as connection, connection.cursor() as cursor:
                taken = take_chunk(cursor, self.run.run_id, chunk.number, self.worker)
                connection.commit()
            if taken is None:
                continue
            try:
                self._do_one(chunk, taken, chunks[place:])
            except ChunkLostError as error:
                log.info("%s", error)

    def _do_one(self, chunk: Chunk, taken: Taken, rest: Sequence[Chunk]) -> None:
        attempt = taken.attempt
        if taken.losses > _LOSSES:
            lost = RegenerationError(f"taken {taken.losses} times, and every worker was lost")
            raise self._failure(chunk, attempt, lost, retries=0)
        try:
            key = self._key(chunk, rest)
            if self._reuse(chunk, attempt, key):
                return
            staged = staged_files(self.database, self.run, self.method.pipeline)
            part = self.method.make(self.source, chunk, key, self.progress, staged)
        except (LeaveError, ChunkLostError, psycopg2.Error, DatabaseUnavailableError):
            raise
        except Exception as error:  # a pipeline is anybody's code
            raise self._failure(chunk, attempt, error, retries=self.retries) from error
        with self.database.publisher() as connection, connection.cursor() as cursor:
            end_chunk(cursor, self.run.run_id, chunk.number, attempt, key, part.row_count)
            add_part(cursor, self.run.run_id, part)
            self._commit(connection)

    def _key(self, chunk: Chunk, rest: Sequence[Chunk]) -> str:
        if self.source is None:
            self.source = self.method.open(hull([each.span for each in rest]), self.progress)
        key = self.method.key(self.source, chunk)
        # Nothing is known of the data of other pipelines until they have run.
        return key or hashlib.sha256(f"{self.run.run_id} {chunk.number}".encode()).hexdigest()

    def _reuse(self, chunk: Chunk, attempt: int, key: str) -> bool:
        """Take the part of an earlier run, if there is one under the key."""
        with self.database.publisher() as connection, connection.cursor() as cursor:
            hold_parts(cursor, self.run.catalogue.name)
            rows = rows_of_part(cursor, self.run.catalogue.name, key)
            if rows is None:
                return False
            end_chunk(cursor, self.run.run_id, chunk.number, attempt, key, rows, reused=True)
            self._commit(connection)
        return True

    def _commit(self, connection: Connection) -> None:
        """End the transaction in which a chunk was done; the last one leads on."""
        if self.last is not None:
            with connection.cursor() as cursor:
                if all_done(cursor, self.run.run_id):
                    put(connection, self.last)
        connection.commit()

    def _failure(
        self, chunk: Chunk, attempt: int, error: Exception, *, retries: int
    ) -> ChunkFailedError:
        """Record a failure, which ends the run when it was the last that is allowed."""
        if not isinstance(error, UserError):
            log.error("run %s: chunk %d failed", self.run.run_id, chunk.number, exc_info=error)
        run_id, reason = self.run.run_id, f"{chunk}: {describe(error)}"
        with self.database.publisher() as connection, connection.cursor() as cursor:
            failures = fail_chunk(cursor, run_id, chunk.number, attempt, reason, retries=retries)
            if failures is None:
                raise ChunkLostError(f"run {run_id}: {chunk} was lost")
            final = failures > retries
            if final:
                fail(connection, run_id, reason)
            connection.commit()
        return ChunkFailedError(reason, None if final else pause_after(self.run.plan, failures))


def pause_after(plan: RegenerationPlan, failures: int) -> float:
    """Return the seconds to wait after so many failures: they double each time."""
    pause: timedelta = min(plan.retry_after * 2 ** (failures - 1), _LONGEST_PAUSE)
    return pause.total_seconds()


def describe(error: BaseException) -> str:
    """Return an error in one line for people: with its kind, where it is a defect."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
