"""When catalogues are made again: rows that follow the published descriptions, and who is due."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.database import Database
from epntap.queue import Work
from epntap.regenerate.beginning import begin
from epntap.regenerate.clock import Clock, SystemClock
from epntap.regenerate.errors import RegenerationError, RunUnderWayError
from epntap.regenerate.plan import next_time
from epntap.suggestions import suggestion
from epntap.worker.task import WorkContext

log = logging.getLogger(__name__)

#: Name of the work that begins what is due.
DUE = "regenerate.due"


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A catalogue that has a schedule.

    Attributes
    ----------
    catalogue
        Its name.
    schedule
        Five fields of cron, UTC.
    due
        When it is made again next; None while nobody has worked that out, or it is paused.
    paused
        Whether it is left alone.
    note
        Why nothing was begun when it was due last.
    last_run, last_state, last_reason, last_started
        Its last regeneration, whoever began it.
    """

    catalogue: str
    schedule: str
    due: datetime | None
    paused: bool
    note: str | None
    last_run: str | None
    last_state: str | None
    last_reason: str | None
    last_started: datetime | None


def list_scheduled(database: Database, clock: Clock | None = None) -> list[Scheduled]:
    """Return what is scheduled, by name, with the times that are still to be worked out."""
    now = (clock or SystemClock()).now()
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.catalogue, s.plan->>'schedule', s.due, s.paused, s.note,"
            " r.run_id, r.state, r.reason, r.started FROM epntap.schedule AS s"
            " LEFT JOIN LATERAL (SELECT * FROM epntap.run AS r WHERE r.catalogue = s.catalogue"
            "  AND r.kind = 'regeneration' ORDER BY r.started DESC LIMIT 1) AS r ON true"
            " ORDER BY s.catalogue"
        )
        rows = cursor.fetchall()
    found = []
    for name, schedule, due, paused, note, run_id, state, reason, started in rows:
        when = None if paused else (due or next_time(schedule, now)).astimezone(UTC)
        found.append(Scheduled(name, schedule, when, paused, note, run_id, state, reason, started))
    return found


def pause(database: Database, catalogue: str, *, paused: bool) -> None:
    """Leave a catalogue alone, or take its schedule up again from now on.

    Raises
    ------
    RegenerationError
        If it has no schedule.
    """
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE epntap.schedule SET paused = %s, due = NULL, updated = clock_timestamp()"
            " WHERE catalogue = %s",
            (paused, catalogue),
        )
        if cursor.rowcount == 0:
            cursor.execute("SELECT catalogue FROM epntap.schedule ORDER BY 1")
            known = [name for (name,) in cursor.fetchall()]
            raise RegenerationError(
                f"{catalogue}: it has no schedule{suggestion(catalogue, known)}",
                hint=f"scheduled are: {', '.join(known) or 'none'}",
            )
        connection.commit()


def begin_due(database: Database, clock: Clock) -> list[str]:
    """Begin what is due, each once however many do this at the same time.

    For each catalogue that is due, the run, its place in line and the next time are written in one
    transaction. Times that passed while nobody looked are caught up by one run.

    Returns
    -------
    list of str
        The runs.
    """
    begun: list[str] = []
    with database.publisher() as connection, connection.cursor() as cursor:
        _work_out(cursor, clock.now())
        connection.commit()
        while True:
            now = clock.now()
            cursor.execute(
                "SELECT s.catalogue, s.plan->>'schedule', c.description FROM epntap.schedule AS s"
                " JOIN epntap.catalogue AS c ON c.name = s.catalogue"
                " WHERE s.due <= %s AND NOT s.paused ORDER BY s.due LIMIT 1"
                " FOR UPDATE OF s SKIP LOCKED",
                (now,),
            )
            row = cursor.fetchone()
            if row is None:
                connection.rollback()
                return begun
            name, schedule, description = row
            run_id, note = _begin_one(connection, description, now)
            cursor.execute(
                "UPDATE epntap.schedule SET due = %s, run_id = coalesce(%s, run_id), note = %s,"
                " updated = clock_timestamp() WHERE catalogue = %s",
                (next_time(schedule, now), run_id, note, name),
            )
            connection.commit()
            if run_id is not None:
                begun.append(run_id)
            else:
                log.warning("%s was not begun: %s", name, note)


def _begin_one(
    connection: Connection, description: dict[str, Any], now: datetime
) -> tuple[str | None, str | None]:
    """Begin a run; return it, or why there is none."""
    try:
        return begin(connection, description, moment=now).run_id, None
    except RunUnderWayError as error:
        return None, f"{now:%Y-%m-%d %H:%M}: passed over, run {error.run_id} was under way"
    except RegenerationError as error:
        return None, f"{now:%Y-%m-%d %H:%M}: {error.message}"


def _work_out(cursor: Any, now: datetime) -> None:
    """Fill in when catalogues are due whose schedule is new, changed or was taken up again."""
    cursor.execute(
        "SELECT catalogue, plan->>'schedule' FROM epntap.schedule"
        " WHERE due IS NULL AND NOT paused FOR UPDATE SKIP LOCKED"
    )
    for name, schedule in cursor.fetchall():
        cursor.execute(
            "UPDATE epntap.schedule SET due = %s WHERE catalogue = %s",
            (next_time(schedule, now), name),
        )


class DueTask:
    """Begins what is due.

    It gets in line by `orphans`, which a worker asks twice a minute or so: often enough for
    schedules that count in minutes.

    Parameters
    ----------
    clock
        What time it is.
    """

    name = DUE
    attempts = 10

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()

    def run(self, context: WorkContext, *_: Any, **_arguments: Any) -> None:
        """Begin all that is due, not only what this work was put in line for."""
        begin_due(context.database, self._clock)

    def given_up(self, context: WorkContext, reason: str, *_: Any, **_arguments: Any) -> None:
        """Leave it to the next look: what is due stays due."""
        log.error("what is due could not be begun: %s", reason)

    def orphans(self, connection: Connection) -> Iterable[Work]:
        """Return a work when something is due, or nobody has worked out yet when it is."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT min(due) FROM epntap.schedule WHERE NOT paused"
                " HAVING min(due) <= %s OR bool_or(due IS NULL)",
                (self._clock.now(),),
            )
            row = cursor.fetchone()
        return [] if row is None else [Work(task=DUE)]
