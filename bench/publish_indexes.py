"""What each index of a published table costs and saves.

Every index is dropped, the query that it is for is asked without it, and it is made again, in a
transaction that is rolled back.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from psycopg2 import sql

from epntap.adql import translate
from epntap.catalogue import Catalogue
from epntap.database import Database, load_tableset
from epntap.publish.release import current_version

_REPEATS = 5

#: A condition that clients ask, by what an index is over. The rows are those of `GeneratedSource`.
_CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "granule_uid": "granule_uid = 'granule 000012345'",
        "obs_id": "obs_id = 'granule 000012345'",
        "time_min": "time_min BETWEEN 2455000 AND 2455001",
        "time_max": "time_max BETWEEN 2455000 AND 2455001",
        "period": "time_max >= 2455000 AND time_min <= 2455007",
        "target_name": "target_name = 'Moon 7#Jupiter'",
        "string_to_array": "1 = ivo_hashlist_has(target_name, 'moon 7')",
        "c1min": "c1min BETWEEN 100 AND 100.1",
        "c2min": "c2min BETWEEN 20 AND 20.05",
        "position": "1 = CONTAINS(POINT(c1min, c2min), CIRCLE(100, 20, 2.5))",
    }
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What an index costs and saves.

    Attributes
    ----------
    name
        What it is over.
    method
        Its kind.
    seconds
        To make it.
    megabytes
        On disk.
    rows
        That the query finds.
    with_ms, without_ms
        Median of the query with and without the index.
    is_used
        Whether the planner chooses it.
    """

    name: str
    method: str
    seconds: float
    megabytes: float
    rows: int
    with_ms: float
    without_ms: float
    is_used: bool


def measure_indexes(database: Database, catalogue: Catalogue) -> str:
    """Return a table of the indexes of the current version of a catalogue."""
    with database.publisher() as connection, connection.cursor() as cursor:
        version = current_version(cursor, catalogue.name)
        if version is None:
            raise ValueError(f"{catalogue.name} is not published")
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_catalog.pg_indexes"
            " WHERE schemaname = %s AND tablename = %s ORDER BY indexname",
            (version.relation.schema, version.relation.name),
        )
        found = []
        for name, definition in cursor.fetchall():
            over = name.removeprefix(f"{version.relation.name}_").removesuffix("_idx")
            if over in _CONDITIONS:
                found.append(_cost(connection, catalogue, name, definition, over))
                connection.rollback()
    return _table(found)


def _cost(connection: Any, catalogue: Catalogue, index: str, definition: str, over: str) -> Cost:
    query = translate(
        f"SELECT granule_uid, time_min FROM {catalogue.name}.epn_core WHERE {_CONDITIONS[over]}",
        load_tableset(connection),
    ).sql
    place = sql.Identifier(catalogue.name, index)
    with connection.cursor() as cursor:
        rows, with_ms = _median(cursor, query)
        cursor.execute(f"EXPLAIN {query}")
        is_used = any(index in line for (line,) in cursor)
        cursor.execute("SELECT pg_relation_size(%s::regclass)", (place.as_string(cursor),))
        ((size,),) = cursor.fetchall()
        cursor.execute(sql.SQL("DROP INDEX {}").format(place))
        _, without_ms = _median(cursor, query)
        begin = time.perf_counter()
        cursor.execute(definition)
        seconds = time.perf_counter() - begin
    method = definition.split(" USING ")[1].split()[0]
    return Cost(over, method, seconds, size / 1e6, rows, with_ms, without_ms, is_used)


def _median(cursor: Any, query: str) -> tuple[int, float]:
    """Return the number of rows, and the median of the milliseconds after a first try."""
    times = []
    for _ in range(_REPEATS + 1):
        begin = time.perf_counter()
        cursor.execute(query)
        rows = len(cursor.fetchall())
        times.append(1000 * (time.perf_counter() - begin))
    return rows, statistics.median(times[1:])


def _table(costs: list[Cost]) -> str:
    lines = [
        "| index over | kind | s to make | MB | rows found | ms with | ms without | used |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    lines += [
        f"| {each.name} | {each.method} | {each.seconds:.2f} | {each.megabytes:.0f}"
        f" | {each.rows:,} | {each.with_ms:.1f} | {each.without_ms:.1f}"
        f" | {'yes' if each.is_used else 'no'} |"
        for each in costs
    ]
    return "\n".join(lines)
