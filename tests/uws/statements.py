"""A query without an end, and whether the database works at it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Self

import psycopg2

from epntap.database.embedded import EmbeddedServer
from epntap.settings import Settings

#: Nobody waits for its end: even the columns of TAP_SCHEMA alone make some 10^13 rows of it, which
#: no join can do without as all of them have to be added up.
ENDLESS = (
    "SELECT COUNT(*) FROM tap_schema.columns AS a, tap_schema.columns AS b,"
    " tap_schema.columns AS c, tap_schema.columns AS d, tap_schema.columns AS e,"
    " tap_schema.columns AS f, tap_schema.columns AS g, tap_schema.columns AS h"
    " WHERE a.column_index + b.column_index + c.column_index + d.column_index"
    " + e.column_index + f.column_index + g.column_index + h.column_index = -1"
)


class Statements:
    """The queries that run in an embedded server, as its administrator sees them."""

    def __init__(self, connection: Any, database: str) -> None:
        self._connection = connection
        self._database = database

    @classmethod
    @contextlib.contextmanager
    def of(cls, settings: Settings) -> Iterator[Self]:
        server = EmbeddedServer.attach(settings)
        connection = psycopg2.connect(**server.superuser)
        connection.autocommit = True
        try:
            yield cls(connection, server.owner["dbname"])
        finally:
            connection.close()
            server.close()

    def running(self) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = %s AND state = 'active' AND query LIKE 'COPY %%'",
                (self._database,),
            )
            return cursor.fetchone()[0]

    def connections(self) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", (self._database,)
            )
            return cursor.fetchone()[0]

    def wait(self, *, running: bool) -> float:
        """Wait until one runs, or none runs; return how many seconds that took."""
        begun = time.monotonic()
        while bool(self.running()) is not running:
            assert time.monotonic() - begun < 60
            time.sleep(0.002)
        return time.monotonic() - begun
