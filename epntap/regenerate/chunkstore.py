"""The chunks of runs in the database: who has them, and how far they are. Nothing here commits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2.extras import execute_values

from epntap.plugins import Span
from epntap.regenerate.chunks import Chunk
from epntap.regenerate.errors import ChunkLostError


@dataclass(frozen=True, slots=True)
class Reused:
    """A chunk whose result is there already."""

    number: int
    key: str


def add_chunks(
    cursor: Any,
    run_id: str,
    chunks: Sequence[Chunk],
    reused: Iterable[Reused],
    batches: Sequence[Sequence[int]],
) -> bool:
    """Store the chunks of a run, once.

    Parameters
    ----------
    chunks
        All of them.
    reused
        Those that need not be worked at.
    batches
        Numbers of the others, as they stand in line together.

    Returns
    -------
    bool
        False if they were stored before, by a worker that was given up; nothing is changed then.
    """
    cursor.execute(
        "UPDATE epntap.regeneration AS g SET cut = true FROM epntap.run AS r"
        " WHERE g.run_id = %s AND NOT g.cut AND r.run_id = g.run_id"
        " AND r.state IN ('waiting', 'running')",
        (run_id,),
    )
    if cursor.rowcount == 0:
        return False
    keys = {each.number: each.key for each in reused}
    batch_of = {number: i for i, batch in enumerate(batches, start=1) for number in batch}
    execute_values(
        cursor,
        "INSERT INTO epntap.chunk (run_id, number, batch, span_start, span_stop, key, state,"
        " reused) VALUES %s",
        [
            (
                run_id,
                chunk.number,
                batch_of.get(chunk.number),
                chunk.span.start,
                chunk.span.stop,
                keys.get(chunk.number),
                "done" if chunk.number in keys else "waiting",
                chunk.number in keys,
            )
            for chunk in chunks
        ],
        page_size=1000,
    )
    cursor.execute(
        "UPDATE epntap.chunk AS c SET row_count = p.row_count FROM epntap.part AS p"
        " JOIN epntap.run AS r ON r.catalogue = p.catalogue"
        " WHERE r.run_id = %s AND c.run_id = r.run_id AND c.reused AND p.key = c.key",
        (run_id,),
    )
    return True


def chunks_of_batch(cursor: Any, run_id: str, batch: int) -> list[Chunk]:
    """Return what is left to do of a place in line, in order of time."""
    cursor.execute(
        "SELECT number, span_start, span_stop FROM epntap.chunk WHERE run_id = %s AND batch = %s"
        " AND state IN ('waiting', 'running') ORDER BY number",
        (run_id, batch),
    )
    return [Chunk(number, Span(start, stop)) for number, start, stop in cursor.fetchall()]


def batches_left(cursor: Any, run_id: str) -> list[int]:
    """Return the places in line of a run whose chunks are not all done."""
    cursor.execute(
        "SELECT DISTINCT batch FROM epntap.chunk WHERE run_id = %s"
        " AND state IN ('waiting', 'running') ORDER BY batch",
        (run_id,),
    )
    return [batch for (batch,) in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Taken:
    """A chunk in the hands of a worker.

    Attributes
    ----------
    attempt
        By which what earlier holders write late is refused.
    losses
        How often it was taken before without being done or failing: workers that were lost, or
        had to leave.
    """

    attempt: int
    losses: int


def take_chunk(cursor: Any, run_id: str, number: int, worker: str) -> Taken | None:
    """Make a chunk a worker's, away from any that had it before.

    Returns
    -------
    Taken or None
        None if the chunk is done or the run has ended.
    """
    cursor.execute(
        "UPDATE epntap.chunk AS c SET state = 'running', attempt = c.attempt + 1, worker = %s,"
        " started = clock_timestamp() FROM epntap.run AS r"
        " WHERE r.run_id = c.run_id AND r.state = 'running' AND c.run_id = %s AND c.number = %s"
        " AND c.state IN ('waiting', 'running') RETURNING c.attempt, c.attempt - c.failures - 1",
        (worker, run_id, number),
    )
    row = cursor.fetchone()
    return Taken(*row) if row else None


def end_chunk(
    cursor: Any,
    run_id: str,
    number: int,
    attempt: int,
    key: str,
    row_count: int,
    *,
    reused: bool = False,
) -> None:
    """Record that a chunk is done.

    Parameters
    ----------
    attempt
        As `take_chunk` returned it.
    key, row_count
        Of its part.
    reused
        Whether the part is an earlier run's.

    Raises
    ------
    ChunkLostError
        If the chunk was taken by another worker meanwhile, or the run has ended; nothing that is
        written counts then.
    """
    cursor.execute(
        "UPDATE epntap.chunk AS c SET state = 'done', ended = clock_timestamp(), key = %s,"
        " row_count = %s, reused = %s, error = NULL FROM epntap.run AS r"
        " WHERE r.run_id = c.run_id AND r.state = 'running' AND c.run_id = %s AND c.number = %s"
        " AND c.attempt = %s AND c.state = 'running'",
        (key, row_count, reused, run_id, number, attempt),
    )
    if cursor.rowcount == 0:
        raise ChunkLostError(f"run {run_id}: chunk {number} is not this worker's any more")


def fail_chunk(
    cursor: Any, run_id: str, number: int, attempt: int, reason: str, *, retries: int
) -> int | None:
    """Record why a chunk failed; it waits again, unless it has failed too often.

    Parameters
    ----------
    attempt
        As `take_chunk` returned it.
    retries
        How many failures are followed by another try.

    Returns
    -------
    int or None
        How often it has failed; None if it is not this attempt's any more.
    """
    cursor.execute(
        "UPDATE epntap.chunk SET failures = failures + 1, error = %s, ended = clock_timestamp(),"
        " state = CASE WHEN failures < %s THEN 'waiting' ELSE 'failed' END"
        " WHERE run_id = %s AND number = %s AND attempt = %s AND state = 'running'"
        " RETURNING failures",
        (reason, retries, run_id, number, attempt),
    )
    row = cursor.fetchone()
    return int(row[0]) if row else None


def all_done(cursor: Any, run_id: str) -> bool:
    """Whether every chunk of a run is done.

    The run is locked first: of two workers that end the last two chunks at the same time, the
    second sees what the first did.
    """
    cursor.execute("SELECT 1 FROM epntap.run WHERE run_id = %s FOR NO KEY UPDATE", (run_id,))
    cursor.execute(
        "SELECT g.cut AND NOT EXISTS (SELECT FROM epntap.chunk AS c WHERE c.run_id = g.run_id"
        " AND c.state <> 'done') FROM epntap.regeneration AS g WHERE g.run_id = %s",
        (run_id,),
    )
    row = cursor.fetchone()
    return bool(row and row[0])


def progress_of(cursor: Any, run_id: str) -> tuple[int, int]:
    """Return how many chunks of a run are done, and how many it has."""
    cursor.execute(
        "SELECT count(*) FILTER (WHERE state = 'done'), count(*) FROM epntap.chunk"
        " WHERE run_id = %s",
        (run_id,),
    )
    done, total = cursor.fetchone()
    return done, total
