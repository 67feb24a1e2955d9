"""How everything stands: catalogues, their last runs, work in line, and who works."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from epntap.database import Database
from epntap.queue.counting import Line, count_lines

#: The last regeneration that ended counts, and of a catalogue that was dropped none before that.
_CATALOGUES = """
    SELECT name, v.version, v.row_count, v.published,
           e.run_id, e.state, e.reason, e.ended, s.due, coalesce(s.paused, false), s.note
      FROM (SELECT name FROM epntap.catalogue WHERE current_version IS NOT NULL
            UNION SELECT r.catalogue FROM epntap.run AS r
              LEFT JOIN epntap.catalogue AS c ON c.name = r.catalogue
             WHERE r.kind = 'regeneration' AND (c.name IS NULL OR c.current_version IS NOT NULL
                   OR r.started > c.updated)) AS names
      LEFT JOIN epntap.catalogue AS c USING (name)
      LEFT JOIN epntap.version AS v ON v.catalogue = name AND v.version = c.current_version
      LEFT JOIN epntap.schedule AS s ON s.catalogue = name
      LEFT JOIN LATERAL
           (SELECT r.* FROM epntap.run AS r WHERE r.catalogue = name AND r.kind = 'regeneration'
               AND r.ended IS NOT NULL ORDER BY r.ended DESC LIMIT 1) AS e ON true
     ORDER BY name
"""

_RUNS = """
    SELECT r.catalogue, r.run_id, r.state, r.started, g.foreground,
           (SELECT count(*) FROM epntap.chunk AS c
             WHERE c.run_id = r.run_id AND c.state = 'done'),
           (SELECT count(*) FROM epntap.chunk AS c
             WHERE c.run_id = r.run_id AND c.state = 'running'),
           (SELECT count(*) FROM epntap.chunk AS c WHERE c.run_id = r.run_id),
           (SELECT c.error FROM epntap.chunk AS c WHERE c.run_id = r.run_id
               AND c.error IS NOT NULL ORDER BY c.ended DESC LIMIT 1)
      FROM epntap.run AS r JOIN epntap.regeneration AS g USING (run_id)
     WHERE r.state IN ('waiting', 'running') ORDER BY r.started
"""

_WORKERS = """
    SELECT name, host, pid, queues, concurrency, running, started, seen
      FROM epntap.worker ORDER BY host, pid, name
"""


@dataclass(frozen=True, slots=True)
class CatalogueStatus:
    """A catalogue, and how it was made last.

    Attributes
    ----------
    name
        Of the catalogue.
    version, rows, published
        Of what is shown; None if nothing is.
    run_id, state, reason, ended
        Of the last regeneration that has ended; None if there was none.
    due, paused, note
        Of its schedule.
    """

    name: str
    version: int | None
    rows: int | None
    published: datetime | None
    run_id: str | None
    state: str | None
    reason: str | None
    ended: datetime | None
    due: datetime | None
    paused: bool
    note: str | None

    @property
    def is_good(self) -> bool:
        """Whether the last regeneration neither failed nor was refused."""
        return self.state not in ("failed", "refused")


@dataclass(frozen=True, slots=True)
class RunProgress:
    """A run that has not ended.

    Attributes
    ----------
    catalogue, run_id, state, started
        Which run.
    foreground
        Whether one process does it alone.
    done, running, total
        Chunks; all 0 before it is cut.
    trouble
        Why a chunk failed last, and is tried again.
    """

    catalogue: str
    run_id: str
    state: str
    started: datetime
    foreground: bool
    done: int
    running: int
    total: int
    trouble: str | None


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A worker as it announced itself."""

    name: str
    host: str
    pid: int
    queues: tuple[str, ...]
    concurrency: int
    running: int
    started: datetime
    seen: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """All of it, as one moment shows it."""

    moment: datetime
    catalogues: tuple[CatalogueStatus, ...]
    runs: tuple[RunProgress, ...]
    lines: tuple[Line, ...]
    workers: tuple[WorkerSeen, ...]

    @property
    def is_good(self) -> bool:
        """Whether no catalogue's last regeneration failed or was refused."""
        return all(catalogue.is_good for catalogue in self.catalogues)


def read_status(database: Database) -> Status:
    """Return how everything stands."""
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        ((moment,),) = _rows(cursor, "SELECT clock_timestamp()")
        status = Status(
            moment=moment,
            catalogues=tuple(CatalogueStatus(*row) for row in _rows(cursor, _CATALOGUES)),
            runs=tuple(RunProgress(*row) for row in _rows(cursor, _RUNS)),
            lines=count_lines(connection),
            workers=tuple(
                WorkerSeen(name, host, pid, tuple(queues), *rest)
                for name, host, pid, queues, *rest in _rows(cursor, _WORKERS)
            ),
        )
        connection.rollback()
    return status


def _rows(cursor: Any, query: str) -> list[tuple[Any, ...]]:
    cursor.execute(query)
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
