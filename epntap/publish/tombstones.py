"""Granules that a catalogue had and has no more, so that users and registries can tell.

Tombstones tell how the current version differs from all that came before it: one is made when a
granule leaves, and taken away when it comes back.
"""

from __future__ import annotations

from typing import Any

from psycopg2 import sql

from epntap.publish.relations import identifier
from epntap.tables import Relation


def bury(
    cursor: Any, *, old: Relation, new: Relation, version: int, run_id: str | None
) -> int:  # fmt: skip
    """Record the granules of `old` that `new` lacks.

    Parameters
    ----------
    old, new
        Tables of two versions of one catalogue; their schema is its name.
    version
        The first version without them.
    run_id
        The run that made it; ``None`` when somebody went back to it.

    Returns
    -------
    int
        How many there are.
    """
    cursor.execute(
        sql.SQL(
            "INSERT INTO epntap.tombstone (catalogue, granule_uid, version, run_id)"
            " SELECT %(name)s, o.granule_uid, %(version)s, %(run)s FROM {old} AS o"
            " WHERE NOT EXISTS (SELECT 1 FROM {new} AS n WHERE n.granule_uid = o.granule_uid)"
            " ON CONFLICT (catalogue, granule_uid) DO UPDATE SET removed = excluded.removed,"
            " version = excluded.version, run_id = excluded.run_id"
        ).format(old=identifier(old), new=identifier(new)),
        {"name": new.schema, "version": version, "run": run_id},
    )
    return int(cursor.rowcount)


def raise_returned(cursor: Any, new: Relation) -> int:
    """Take away the tombstones of granules that a table has; return how many there were."""
    cursor.execute(
        sql.SQL(
            "DELETE FROM epntap.tombstone AS t USING {} AS n"
            " WHERE t.catalogue = %s AND t.granule_uid = n.granule_uid"
        ).format(identifier(new)),
        (new.schema,),
    )
    return int(cursor.rowcount)


def clear(cursor: Any, name: str) -> None:
    """Take all tombstones of a catalogue away: it is gone itself."""
    cursor.execute("DELETE FROM epntap.tombstone WHERE catalogue = %s", (name,))
