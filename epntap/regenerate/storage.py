"""Runs, chunks and parts in the database. Nothing here commits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from psycopg2 import Binary
from psycopg2.extras import Json, execute_values

from epntap.catalogue import Catalogue, stored_catalogue
from epntap.plugins import Span
from epntap.regenerate.chunks import Chunk
from epntap.regenerate.errors import ChunkLostError, RegenerationError
from epntap.regenerate.parts import Part
from epntap.regenerate.plan import RegenerationPlan

#: Ahead of the run's id in the name of the advisory lock that whoever does a run alone holds.
_ALONE = "epntap regeneration "

#: Ahead of the catalogue's name in the name of the lock on its parts.
_PARTS = "epntap parts "


@dataclass(frozen=True, slots=True)
class Wanted:
    """The time that a run is asked to look at again; an end that is None is that of the plan."""

    start: datetime | None = None
    stop: datetime | None = None

    @property
    def is_all(self) -> bool:
        """Whether the plan alone decides."""
        return self.start is None and self.stop is None


@dataclass(frozen=True)
class Regeneration:
    """A run as workers need to know it.

    Attributes
    ----------
    run_id
        Its identifier in ``epntap.run``.
    state
        As there.
    description
        YAML of the catalogue as read, plain values.
    source
        What the pipeline is given, ``{start}`` and ``{stop}`` not filled in.
    moment
        What ``now`` is in it, UTC.
    wanted
        The time that is looked at again.
    foreground
        Whether one process does it alone.
    cut
        Whether its chunks are stored.
    """

    run_id: str
    state: str
    description: dict[str, Any]
    source: str
    moment: datetime
    wanted: Wanted
    foreground: bool
    cut: bool

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue that it makes."""
        return stored_catalogue(self.description)

    @property
    def plan(self) -> RegenerationPlan:
        """How it is made.

        Raises
        ------
        RegenerationError
            If the description has no ``regenerate``.
        """
        return plan_of(self.catalogue)

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.state in ("waiting", "running")


def naive(moment: datetime) -> datetime:
    """Return an aware time in UTC, without saying so, as data have it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def plan_of(catalogue: Catalogue) -> RegenerationPlan:
    """Return how a catalogue is made again.

    Raises
    ------
    RegenerationError
        If its description does not say.
    """
    plan = catalogue.description.regenerate
    if plan is None:
        raise RegenerationError(
            f"{catalogue.name}: the description has no 'regenerate'",
            hint="docs/regeneration.md says what to write there",
        )
    return plan


def add_regeneration(
    cursor: Any,
    run_id: str,
    description: dict[str, Any],
    *,
    source: str,
    moment: datetime,
    wanted: Wanted,
    foreground: bool,
) -> None:
    """Store what workers need to know of a run that is recorded already."""
    cursor.execute(
        "INSERT INTO epntap.regeneration (run_id, description, source, moment, wanted_start,"
        " wanted_stop, foreground) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            run_id,
            Json(description),
            source,
            moment,
            wanted.start,
            wanted.stop,
            foreground,
        ),
    )


def read_regeneration(cursor: Any, run_id: str) -> Regeneration:
    """Read a run.

    Raises
    ------
    RegenerationError
        If there is none of that identifier.
    """
    cursor.execute(
        "SELECT r.run_id, r.state, g.description, g.source, g.moment, g.wanted_start,"
        " g.wanted_stop, g.foreground, g.cut FROM epntap.regeneration AS g"
        " JOIN epntap.run AS r USING (run_id) WHERE run_id = %s",
        (run_id,),
    )
    row = cursor.fetchone()
    if row is None:
        raise RegenerationError(f"there is no run {run_id!r} that makes a catalogue again")
    run_id, state, description, source, moment, start, stop, foreground, cut = row
    return Regeneration(
        run_id, state, description, source, moment, Wanted(start, stop), foreground, cut
    )


def active_run(cursor: Any, catalogue: str) -> tuple[str, str, bool] | None:
    """Return run, state and whether it is done in the foreground, of what is under way."""
    cursor.execute(
        "SELECT r.run_id, r.state, coalesce(g.foreground, false) FROM epntap.run AS r"
        " LEFT JOIN epntap.regeneration AS g USING (run_id)"
        " WHERE r.catalogue = %s AND r.kind = 'regeneration' AND r.state IN ('waiting', 'running')",
        (catalogue,),
    )
    row = cursor.fetchone()
    return (row[0], row[1], row[2]) if row else None


def hold_alone(cursor: Any, run_id: str) -> bool:
    """Take the lock of whoever does a run alone, for as long as the connection lives.

    Returns
    -------
    bool
        False if a living process holds it.
    """
    cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (_ALONE + run_id,))
    return bool(cursor.fetchone()[0])


def let_go(cursor: Any, run_id: str) -> None:
    """Give back what `hold_alone` took."""
    cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (_ALONE + run_id,))


def is_deserted(cursor: Any, run_id: str) -> bool:
    """Whether no living process does a run of the foreground, as this transaction sees it."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (_ALONE + run_id,))
    return bool(cursor.fetchone()[0])


# Chunks -------------------------------------------------------------------------------------------


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


# Parts --------------------------------------------------------------------------------------------


def hold_parts(cursor: Any, catalogue: str, *, alone: bool = False) -> None:
    """Keep the parts of a catalogue from being removed until the transaction ends.

    Parameters
    ----------
    alone
        To remove some: wait for everybody who counts on one.
    """
    cursor.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
        if alone
        else "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))",
        (_PARTS + catalogue,),
    )


def add_part(cursor: Any, run_id: str, part: Part) -> None:
    """Store what a run found in a chunk, unless there is something under the same key."""
    cursor.execute(
        "INSERT INTO epntap.part (catalogue, key, span_start, span_stop, run_id, row_count,"
        " provenance, rows) SELECT r.catalogue, %s, %s, %s, r.run_id, %s, %s, %s"
        " FROM epntap.run AS r WHERE r.run_id = %s ON CONFLICT (catalogue, key) DO NOTHING",
        (
            part.key,
            part.span.start,
            part.span.stop,
            part.row_count,
            Json(dict(part.provenance)),
            Binary(part.rows),
            run_id,
        ),
    )


def rows_of_part(cursor: Any, catalogue: str, key: str) -> int | None:
    """Return how many rows the part under a key has, or None if there is none."""
    cursor.execute(
        "SELECT row_count FROM epntap.part WHERE catalogue = %s AND key = %s", (catalogue, key)
    )
    row = cursor.fetchone()
    return int(row[0]) if row else None


def read_part(cursor: Any, catalogue: str, key: str) -> tuple[Part, str] | None:
    """Read a part and the run that made it, or None if there is none under that key."""
    cursor.execute(
        "SELECT span_start, span_stop, row_count, provenance, rows, run_id FROM epntap.part"
        " WHERE catalogue = %s AND key = %s",
        (catalogue, key),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    return Part(key, Span(row[0], row[1]), row[2], row[3], bytes(row[4])), row[5]


def keys_of(cursor: Any, run_id: str) -> list[str]:
    """Return the keys of the parts of a run, in the order of its chunks."""
    cursor.execute(
        "SELECT key FROM epntap.chunk WHERE run_id = %s AND state = 'done' ORDER BY number",
        (run_id,),
    )
    return [key for (key,) in cursor.fetchall()]


def published_chunks(cursor: Any, catalogue: str) -> dict[Span, str]:
    """Return the keys, by span, of the chunks that the last good run of a catalogue has."""
    cursor.execute(
        "SELECT c.span_start, c.span_stop, c.key FROM epntap.chunk AS c"
        " JOIN epntap.part AS p ON p.key = c.key AND p.catalogue = %(catalogue)s"
        " WHERE c.run_id = (SELECT r.run_id FROM epntap.run AS r"
        "  WHERE r.catalogue = %(catalogue)s AND r.kind = 'regeneration'"
        "  AND r.state IN ('published', 'unchanged') ORDER BY r.ended DESC NULLS LAST LIMIT 1)",
        {"catalogue": catalogue},
    )
    return {Span(start, stop): key for start, stop, key in cursor.fetchall()}


def remove_unneeded(cursor: Any, catalogue: str) -> int:
    """Delete the parts that no version shown or kept and no run under way consists of.

    Those of the last good run stay also when it made no version; what the last run that failed had
    done stays until another ends.

    Returns
    -------
    int
        How many parts went.
    """
    hold_parts(cursor, catalogue, alone=True)
    cursor.execute(
        "WITH kept AS ("
        " SELECT r.run_id FROM epntap.run AS r JOIN epntap.version AS v"
        "   ON v.catalogue = r.catalogue AND v.version = r.version"
        "   WHERE r.catalogue = %(catalogue)s AND v.state IN ('current', 'previous')"
        " UNION SELECT r.run_id FROM epntap.run AS r WHERE r.catalogue = %(catalogue)s"
        "   AND r.state IN ('waiting', 'running')"
        " UNION (SELECT r.run_id FROM epntap.run AS r WHERE r.catalogue = %(catalogue)s"
        "   AND r.kind = 'regeneration' AND r.state IN ('published', 'unchanged')"
        "   ORDER BY r.ended DESC NULLS LAST LIMIT 1)"
        " UNION (SELECT r.run_id FROM epntap.run AS r WHERE r.catalogue = %(catalogue)s"
        "   AND r.kind = 'regeneration' ORDER BY r.started DESC LIMIT 1)"
        "), old AS (DELETE FROM epntap.chunk AS c USING epntap.run AS r"
        "   WHERE c.run_id = r.run_id AND r.catalogue = %(catalogue)s"
        "   AND r.run_id NOT IN (SELECT run_id FROM kept))"
        " DELETE FROM epntap.part AS p WHERE p.catalogue = %(catalogue)s"
        " AND NOT EXISTS (SELECT FROM epntap.chunk AS c WHERE c.key = p.key"
        "  AND c.run_id IN (SELECT run_id FROM kept))",
        {"catalogue": catalogue},
    )
    return int(cursor.rowcount)
