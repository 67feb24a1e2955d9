"""Runs in the database, and who works at them. Nothing here commits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from psycopg2.extras import Json

from epntap.catalogue import Catalogue, stored_catalogue
from epntap.database import Database
from epntap.regenerate.errors import RegenerationError
from epntap.regenerate.plan import RegenerationPlan

#: Ahead of the run's id in the name of the advisory lock that whoever does a run alone holds.
_ALONE = "epntap regeneration "


@dataclass(frozen=True, slots=True)
class Wanted:
    """The time that a run is asked to look at again; an end that is None is that of the plan."""

    start: datetime | None = None
    stop: datetime | None = None

    @property
    def is_all(self) -> bool:
        """Whether the plan alone decides."""
        return self.start is None and self.stop is None


@dataclass(frozen=True)
class Regeneration:
    """A run as workers need to know it.

    Attributes
    ----------
    run_id
        Its identifier in ``epntap.run``.
    state
        As there.
    description
        YAML of the catalogue as read, plain values.
    source
        What the pipeline is given, ``{start}`` and ``{stop}`` not filled in.
    moment
        What ``now`` is in it, UTC.
    wanted
        The time that is looked at again.
    foreground
        Whether one process does it alone.
    cut
        Whether its chunks are stored.
    """

    run_id: str
    state: str
    description: dict[str, Any]
    source: str
    moment: datetime
    wanted: Wanted
    foreground: bool
    cut: bool

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue that it makes."""
        return stored_catalogue(self.description)

    @property
    def plan(self) -> RegenerationPlan:
        """How it is made.

        Raises
        ------
        RegenerationError
            If the description has no ``regenerate``.
        """
        return plan_of(self.catalogue)

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.state in ("waiting", "running")


def naive(moment: datetime) -> datetime:
    """Return an aware time in UTC, without saying so, as data have it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def plan_of(catalogue: Catalogue) -> RegenerationPlan:
    """Return how a catalogue is made again.

    Raises
    ------
    RegenerationError
        If its description does not say.
    """
    plan = catalogue.description.regenerate
    if plan is None:
        raise RegenerationError(
            f"{catalogue.name}: the description has no 'regenerate'",
            hint="docs/regeneration.md says what to write there",
        )
    return plan


def add_regeneration(
    cursor: Any,
    run_id: str,
    description: dict[str, Any],
    *,
    source: str,
    moment: datetime,
    wanted: Wanted,
    foreground: bool,
) -> None:
    """Store what workers need to know of a run that is recorded already."""
    cursor.execute(
        "INSERT INTO epntap.regeneration (run_id, description, source, moment, wanted_start,"
        " wanted_stop, foreground) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            run_id,
            Json(description),
            source,
            moment,
            wanted.start,
            wanted.stop,
            foreground,
        ),
    )


def read_regeneration(cursor: Any, run_id: str) -> Regeneration:
    """Read a run.

    Raises
    ------
    RegenerationError
        If there is none of that identifier.
    """
    cursor.execute(
        "SELECT r.run_id, r.state, g.description, g.source, g.moment, g.wanted_start,"
        " g.wanted_stop, g.foreground, g.cut FROM epntap.regeneration AS g"
        " JOIN epntap.run AS r USING (run_id) WHERE run_id = %s",
        (run_id,),
    )
    row = cursor.fetchone()
    if row is None:
        raise RegenerationError(f"there is no run {run_id!r} that makes a catalogue again")
    run_id, state, description, source, moment, start, stop, foreground, cut = row
    return Regeneration(
        run_id, state, description, source, moment, Wanted(start, stop), foreground, cut
    )


def stored_description(database: Database, catalogue: str) -> dict[str, Any] | None:
    """Return the description of a catalogue that is published, or None if it is not."""
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT description FROM epntap.catalogue"
            " WHERE name = %s AND current_version IS NOT NULL",
            (catalogue,),
        )
        row = cursor.fetchone()
    return dict(row[0]) if row else None


def active_run(cursor: Any, catalogue: str) -> tuple[str, str, bool] | None:
    """Return run, state and whether it is done in the foreground, of what is under way."""
    cursor.execute(
        "SELECT r.run_id, r.state, coalesce(g.foreground, false) FROM epntap.run AS r"
        " LEFT JOIN epntap.regeneration AS g USING (run_id)"
        " WHERE r.catalogue = %s AND r.kind = 'regeneration' AND r.state IN ('waiting', 'running')",
        (catalogue,),
    )
    row = cursor.fetchone()
    return (row[0], row[1], row[2]) if row else None


def hold_alone(cursor: Any, run_id: str) -> bool:
    """Take the lock of whoever does a run alone, for as long as the connection lives.

    Returns
    -------
    bool
        False if a living process holds it.
    """
    cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (_ALONE + run_id,))
    return bool(cursor.fetchone()[0])


def let_go(cursor: Any, run_id: str) -> None:
    """Give back what `hold_alone` took."""
    cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (_ALONE + run_id,))


def is_deserted(cursor: Any, run_id: str) -> bool:
    """Whether no living process does a run of the foreground, as this transaction sees it."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (_ALONE + run_id,))
    return bool(cursor.fetchone()[0])
