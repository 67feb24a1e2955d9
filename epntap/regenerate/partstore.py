"""The results of chunks in the database, and which of them are needed. Nothing here commits."""

from __future__ import annotations

from typing import Any

from psycopg2 import Binary
from psycopg2.extras import Json

from epntap.plugins import Span
from epntap.regenerate.parts import Part

#: Ahead of the catalogue's name in the name of the lock on its parts.
_PARTS = "epntap parts "


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


def published_span(cursor: Any, catalogue: str) -> Span | None:
    """Return the time that the last good run of a catalogue covers."""
    cursor.execute(
        "SELECT span_start, span_stop FROM epntap.run WHERE catalogue = %s"
        " AND kind = 'regeneration' AND state IN ('published', 'unchanged')"
        " AND span_start < span_stop ORDER BY ended DESC NULLS LAST LIMIT 1",
        (catalogue,),
    )
    row = cursor.fetchone()
    return Span(*row) if row else None


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
