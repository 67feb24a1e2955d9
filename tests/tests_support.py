"""What tests of several folders need."""

from __future__ import annotations

from typing import Any

from psycopg2 import sql

from epntap.catalogue import Catalogue
from epntap.database import Database, load_tableset
from epntap.database.cluster import locate
from epntap.database.postmaster import read_postmaster
from epntap.settings import Settings


def read_published(database: Database, catalogue: Catalogue, columns: str) -> list[tuple[Any, ...]]:
    """Return columns of the current version of a catalogue, by granule_uid, as the reader."""
    with database.reader() as connection, connection.cursor() as cursor:
        table = load_tableset(connection).table(f"{catalogue.name}.epn_core")
        assert table is not None
        cursor.execute(
            sql.SQL("SELECT {} FROM {} ORDER BY granule_uid").format(
                sql.SQL(columns), sql.Identifier(table.relation.schema, table.relation.name)
            )
        )
        return cursor.fetchall()


def postmaster_pid(settings: Settings) -> int:
    """Return the process of the embedded server of a home."""
    postmaster = read_postmaster(locate(settings.home).data)
    assert postmaster is not None
    return postmaster.pid
