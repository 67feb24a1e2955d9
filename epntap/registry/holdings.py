"""What the database says of the catalogues, those that were withdrawn included."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.catalogue import Catalogue, stored_catalogue
from epntap.tables import Schema, TableSet

#: Julian Date of the epoch of Modified Julian Dates.
_MJD_EPOCH_JD = 2_400_000.5

_CATALOGUES = """
SELECT c.name, c.description, c.created, c.updated, v.version, v.row_count
  FROM epntap.catalogue AS c
  LEFT JOIN epntap.version AS v ON v.catalogue = c.name AND v.version = c.current_version
 ORDER BY c.name
"""


@dataclass(frozen=True, slots=True)
class Published:
    """The current version of a catalogue.

    Attributes
    ----------
    schema
        Its schema with its one table, as TAP_SCHEMA has them.
    number
        Number of the version.
    rows
        Rows of the table.
    interval
        First and last time of the rows as Modified Julian Dates, if they have times.
    """

    schema: Schema
    number: int
    rows: int
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Holding:
    """A catalogue that is or was published.

    Attributes
    ----------
    catalogue
        Its description; the last one, when it was withdrawn.
    created
        When it was published first.
    updated
        When it was last published, rolled back or withdrawn.
    published
        What is published of it; ``None`` when it was withdrawn.
    """

    catalogue: Catalogue
    created: datetime
    updated: datetime
    published: Published | None


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything that the service publishes or published, at one moment.

    Attributes
    ----------
    installed
        When the database was made.
    catalogues
        By name.
    """

    installed: datetime
    catalogues: tuple[Holding, ...]


def read_holdings(connection: Connection, tables_of: Callable[[Connection], TableSet]) -> Holdings:
    """Read the catalogues as they are at one moment.

    Parameters
    ----------
    connection
        Of the publisher, outside any transaction; it is left without one.
    tables_of
        Reads the tables of TAP_SCHEMA in the connection's transaction.
    """
    with connection, connection.cursor() as cursor:
        # One snapshot for all statements: a publication in between does not mix two states.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT min(applied) FROM epntap.migration")
        ((installed,),) = cursor.fetchall()
        cursor.execute(_CATALOGUES)
        records = cursor.fetchall()
        schemas = {schema.name: schema for schema in tables_of(connection).schemas}
        return Holdings(
            installed,
            tuple(
                Holding(
                    catalogue=stored_catalogue(description),
                    created=created,
                    updated=updated,
                    published=None
                    if number is None
                    else Published(
                        schemas[name], number, rows or 0, _interval(cursor, schemas[name])
                    ),
                )
                for name, description, created, updated, number, rows in records
            ),
        )


def _interval(cursor: Any, schema: Schema) -> tuple[float, float] | None:
    """Return the time that the rows of a catalogue cover, in MJD; both ends are indexed."""
    relation = schema.tables[0].relation
    cursor.execute(
        sql.SQL("SELECT min(time_min), max(time_max) FROM {}").format(
            sql.Identifier(relation.schema, relation.name)
        )
    )
    ((first, last),) = cursor.fetchall()
    if first is None or last is None or not (math.isfinite(first) and math.isfinite(last)):
        return None
    return first - _MJD_EPOCH_JD, last - _MJD_EPOCH_JD
