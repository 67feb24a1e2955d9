"""The versions of catalogues: listing them, going back, dropping."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2.errors
from psycopg2 import sql

from epntap.catalogue import stored_catalogue
from epntap.database import Database
from epntap.errors import PublishError
from epntap.products.records import forget as forget_files
from epntap.products.tidying import tidy_up
from epntap.publish.release import (
    Version,
    claim,
    current_version,
    previous_version,
    show,
)
from epntap.publish.tap_schema import forget
from epntap.publish.tombstones import bury, clear, raise_returned

log = logging.getLogger(__name__)

#: How long the readers of a dropped catalogue are waited for.
_DROP_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Listing:
    """A published catalogue as ``epntap list`` shows it."""

    name: str
    title: str
    version: int
    rows: int
    published: datetime
    source: str
    previous: int | None


def list_catalogues(database: Database) -> list[Listing]:
    """Return the published catalogues by name."""
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.name, c.description->>'title', v.version, v.row_count, v.published,"
            " coalesce(v.source, ''), (SELECT max(p.version) FROM epntap.version AS p"
            " WHERE p.catalogue = c.name AND p.state = 'previous')"
            " FROM epntap.catalogue AS c JOIN epntap.version AS v"
            " ON v.catalogue = c.name AND v.version = c.current_version ORDER BY c.name"
        )
        return [Listing(*row) for row in cursor.fetchall()]


def rollback(database: Database, name: str) -> Version:
    """Make the previous version of a catalogue current again; a second call undoes the first.

    Granules that it lacks get tombstones, those that come back lose theirs.

    Raises
    ------
    PublishError
        If there is no previous version.
    """
    with database.publisher() as connection, connection.cursor() as cursor:
        claim(cursor, name)
        version = previous_version(cursor, name)
        if version is None:
            raise _not_there(database, name, "no previous version of it is kept")
        cursor.execute(
            "UPDATE epntap.catalogue AS c SET description = v.description FROM epntap.version AS v"
            " WHERE c.name = %s AND v.catalogue = c.name AND v.version = %s"
            " RETURNING v.description",
            (name, version.number),
        )
        ((description,),) = cursor.fetchall()
        catalogue = stored_catalogue(description)
        current = current_version(cursor, name)
        if current is not None:
            bury(
                cursor,
                old=current.relation,
                new=version.relation,
                version=version.number,
                run_id=None,
            )
            raise_returned(cursor, version.relation)
        show(cursor, database, catalogue, version)
        connection.commit()
    return version


def drop(database: Database, name: str) -> None:
    """Withdraw a catalogue and remove all its versions.

    It vanishes from TAP at once; queries that read it are waited for before its tables go. Its
    tombstones go, too, since they compare versions that are there; the record of its runs stays.

    Raises
    ------
    PublishError
        If it is not published, or its tables are still being read after a minute: they are
        removed by the next call then.
    """
    with database.publisher() as connection, connection.cursor() as cursor:
        claim(cursor, name)
        if current_version(cursor, name) is None:
            raise _not_there(database, name, "it is not published")
        forget(cursor, name)
        clear(cursor, name)
        cursor.execute(
            "UPDATE epntap.catalogue SET current_version = NULL, updated = clock_timestamp()"
            " WHERE name = %s",
            (name,),
        )
        cursor.execute(
            "UPDATE epntap.version SET state = 'dropped', replaced = clock_timestamp()"
            " WHERE catalogue = %s",
            (name,),
        )
        forget_files(cursor, name)
        cursor.execute("SELECT epntap.bump_generation()")
        connection.commit()
        try:
            _drop_schema(connection, name)
        finally:
            tidy_up(database, name)


def _drop_schema(connection: Any, name: str) -> None:
    deadline = time.monotonic() + _DROP_PATIENCE_S
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SET LOCAL lock_timeout = '200ms'")
            try:
                cursor.execute(
                    sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name))
                )
            except psycopg2.errors.LockNotAvailable:
                connection.rollback()
                if time.monotonic() > deadline:
                    raise PublishError(
                        f"{name} is withdrawn, but a query still reads its tables",
                        hint="the next publication or drop of it removes them",
                    ) from None
                time.sleep(0.3)
            else:
                connection.commit()
                return


def _not_there(database: Database, name: str, why: str) -> PublishError:
    known = [listing.name for listing in list_catalogues(database)]
    return PublishError(
        f"{name}: {why}", hint=f"published catalogues: {', '.join(known) or 'none yet'}"
    )


def drop_superseded(database: Database, name: str) -> None:
    """Drop the tables of versions before the previous one, unless somebody still reads them.

    Their files go with them. What is still read is left for the next publication.
    """
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT version, relation FROM epntap.version WHERE catalogue = %s"
            " AND state = 'previous' ORDER BY replaced DESC NULLS LAST OFFSET 1",
            (name,),
        )
        for number, relation in cursor.fetchall():
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
            try:
                cursor.execute(
                    sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name, relation))
                )
            except psycopg2.errors.LockNotAvailable:
                connection.rollback()
                log.info("%s: version %d is still being read; it is dropped later", name, number)
                continue
            cursor.execute(
                "UPDATE epntap.version SET state = 'dropped' WHERE catalogue = %s AND version = %s",
                (name, number),
            )
            forget_files(cursor, name, number)
            connection.commit()
    tidy_up(database, name)
