"""Making one version of a catalogue the current one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2.errors
from psycopg2 import sql
from psycopg2.extras import Json

from epntap.catalogue import Catalogue
from epntap.database import Database
from epntap.errors import PublishError
from epntap.provenance.privacy import shown, shown_parameters
from epntap.publish.acceptance import UnderWayError
from epntap.publish.tap_schema import describe
from epntap.tables import Relation

#: How long a reader who came through plain SQL may be made to wait at a time, and how long we try.
_VIEW_LOCK = "200ms"
_VIEW_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Version:
    """A physical version of a catalogue."""

    catalogue: str
    number: int
    relation: Relation
    rows: int


def claim(cursor: Any, name: str) -> None:
    """Take the lock under which a catalogue is changed, until the transaction ends.

    Raises
    ------
    UnderWayError
        If somebody else holds it.
    """
    cursor.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('epntap catalogue ' || %s, 0))", (name,)
    )
    if not cursor.fetchone()[0]:
        raise UnderWayError(
            f"{name}: another publication of this catalogue is under way",
            hint="try again when it has ended",
        )


def next_version(cursor: Any, name: str) -> int:
    """Return the number that the next version of a catalogue has."""
    cursor.execute(
        "SELECT coalesce(max(version), 0) + 1 FROM epntap.version WHERE catalogue = %s", (name,)
    )
    return int(cursor.fetchone()[0])


def current_version(cursor: Any, name: str) -> Version | None:
    """Return the current version of a catalogue, or None if it is not published."""
    return _version(cursor, name, "current")


def previous_version(cursor: Any, name: str) -> Version | None:
    """Return the version to which a catalogue can be rolled back, or None."""
    return _version(cursor, name, "previous")


def _version(cursor: Any, name: str, state: str) -> Version | None:
    cursor.execute(
        "SELECT version, relation, row_count FROM epntap.version"
        " WHERE catalogue = %s AND state = %s ORDER BY replaced DESC NULLS LAST LIMIT 1",
        (name, state),
    )
    row = cursor.fetchone()
    return Version(name, row[0], Relation(name, row[1]), row[2]) if row else None


def make_current(
    cursor: Any,
    database: Database,
    catalogue: Catalogue,
    version: Version,
    source: str,
    provenance: Mapping[str, Any],
    run_id: str,
) -> None:
    """Record a new version and show it; the one before can still be rolled back to."""
    description = _stored_form(catalogue)
    cursor.execute(
        "INSERT INTO epntap.catalogue (name, description) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET description = excluded.description",
        (catalogue.name, Json(description)),
    )
    cursor.execute(
        "INSERT INTO epntap.version"
        " (catalogue, version, relation, row_count, published, state, source, provenance,"
        " description, run_id) VALUES (%s, %s, %s, %s, now(), 'loading', %s, %s, %s, %s)",
        (
            catalogue.name,
            version.number,
            version.relation.name,
            version.rows,
            shown(source),
            Json(shown_parameters(provenance)),
            Json(description),
            run_id,
        ),
    )
    show(cursor, database, catalogue, version)


def is_described_alike(cursor: Any, catalogue: Catalogue, version: Version) -> bool:
    """Whether a version was published with exactly the description that the catalogue has."""
    cursor.execute(
        "SELECT description FROM epntap.version WHERE catalogue = %s AND version = %s",
        (version.catalogue, version.number),
    )
    ((description,),) = cursor.fetchall()
    return bool(description == _stored_form(catalogue))


def _stored_form(catalogue: Catalogue) -> dict[str, Any]:
    return catalogue.description.model_dump(mode="json", by_alias=True, exclude_unset=True)


def show(cursor: Any, database: Database, catalogue: Catalogue, version: Version) -> None:
    """Make a recorded version the one that TAP, TAP_SCHEMA and the view show."""
    name, reader = catalogue.name, sql.Identifier(database.reader_role)
    table = sql.Identifier(version.relation.schema, version.relation.name)
    cursor.execute(
        "UPDATE epntap.version SET state = 'previous', replaced = clock_timestamp()"
        " WHERE catalogue = %s AND state = 'current'",
        (name,),
    )
    cursor.execute(
        "UPDATE epntap.version SET state = 'current' WHERE catalogue = %s AND version = %s",
        (name, version.number),
    )
    cursor.execute(
        "UPDATE epntap.catalogue SET current_version = %s, updated = clock_timestamp()"
        " WHERE name = %s",
        (version.number, name),
    )
    cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(name), reader))
    cursor.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(table, reader))
    describe(cursor, catalogue, version.relation)
    _replace_view(cursor, name, table, reader)
    cursor.execute("SELECT epntap.bump_generation()")


def _replace_view(cursor: Any, name: str, table: sql.Identifier, reader: sql.Identifier) -> None:
    """Let ``<name>.epn_core`` show the table.

    TAP reads the physical tables, so only readers with plain SQL hold the view; they are waited
    for, in short attempts, so that nobody queues behind us for long.
    """
    view = sql.Identifier(name, "epn_core")
    deadline = time.monotonic() + _VIEW_PATIENCE_S
    while True:
        cursor.execute("SAVEPOINT replace_view")
        try:
            cursor.execute("SET LOCAL lock_timeout = %s", (_VIEW_LOCK,))
            cursor.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(view))
            cursor.execute(sql.SQL("CREATE VIEW {} AS SELECT * FROM {}").format(view, table))
            cursor.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(view, reader))
        except psycopg2.errors.LockNotAvailable:
            cursor.execute("ROLLBACK TO SAVEPOINT replace_view")
            if time.monotonic() > deadline:
                raise PublishError(
                    f"{name}: a transaction has held {name}.epn_core for more than "
                    f"{_VIEW_PATIENCE_S:.0f} s; nothing was published",
                    hint="end it (see pg_stat_activity) and publish again",
                ) from None
            time.sleep(0.2)
        except psycopg2.errors.DependentObjectsStillExist as error:
            raise PublishError(
                f"{name}: other objects of the database depend on {name}.epn_core: {error}",
                hint="drop them first, or build them on a view of your own",
            ) from error
        else:
            cursor.execute("SET LOCAL lock_timeout = 0")
            cursor.execute("RELEASE SAVEPOINT replace_view")
            return
