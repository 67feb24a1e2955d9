"""Runs that made, or tried to make, a version of a catalogue, as ``epntap.run`` keeps them.

Functions take a connection of the publisher and leave committing to the caller, so that a run can
be recorded together with the work that it is put in line for.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from epntap.errors import PublishError
from epntap.provenance.privacy import shown, shown_parameters

Kind = Literal["publication", "regeneration", "request"]
State = Literal["waiting", "running", "published", "unchanged", "refused", "failed"]

#: Longest reason that is kept: that of a library may hold a whole file.
_LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run, with what it depends on and what became of it.

    Attributes
    ----------
    run_id
        Catalogue, time and chance: ``icme-20240101-030000-9f86d081``. Rows point to it.
    catalogue
        Name of the catalogue.
    kind
        ``publication`` by hand, ``regeneration`` by a schedule or command, or ``request``.
    pipeline, pipeline_version, weights_sha256
        What detected; ``None`` for a file that was published.
    source, source_sha256
        What went in, as `epntap.provenance.privacy.shown` leaves it, and the digest of its data.
    span_start, span_stop
        Time that was looked at, UTC without zone, half open.
    parameters
        What else the result depends on; plain values without secrets.
    started, ended
        Aware, UTC.
    state, reason
        How it stands, and why it was refused or failed.
    version, row_count, new_rows, changed_rows, unchanged_rows, gone_rows
        Of what was published; the counts also of what was refused, as far as they were known.
    """

    run_id: str
    catalogue: str
    kind: Kind
    pipeline: str | None = None
    pipeline_version: str | None = None
    weights_sha256: str | None = None
    source: str | None = None
    source_sha256: str | None = None
    span_start: datetime | None = None
    span_stop: datetime | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    state: State = "running"
    reason: str | None = None
    version: int | None = None
    row_count: int | None = None
    new_rows: int | None = None
    changed_rows: int | None = None
    unchanged_rows: int | None = None
    gone_rows: int | None = None


_COLUMNS = tuple(each.name for each in fields(RunRecord))

#: What is known only when a run ends; the rest is never written over.
_OUTCOME = (
    "state",
    "reason",
    "version",
    "row_count",
    "new_rows",
    "changed_rows",
    "unchanged_rows",
    "gone_rows",
)

#: What a run may learn on its way, e.g. the digest of data that had yet to be read.
_LEARNT = (
    "pipeline",
    "pipeline_version",
    "weights_sha256",
    "source",
    "source_sha256",
    "span_start",
    "span_stop",
)


def new_run(
    catalogue: str,
    kind: Kind,
    *,
    pipeline: str | None = None,
    pipeline_version: str | None = None,
    weights_sha256: str | None = None,
    source: str | None = None,
    source_sha256: str | None = None,
    span_start: datetime | None = None,
    span_stop: datetime | None = None,
    parameters: Mapping[str, Any] | None = None,
    state: State = "running",
    started: datetime | None = None,
) -> RunRecord:
    """Return a run of a new id; nothing is stored yet.

    Empty texts count as absent; `source` and `parameters` are cleaned of passwords and paths.
    `started` is aware; without it the run begins now.
    """
    began = (started or datetime.now(UTC)).astimezone(UTC)
    return RunRecord(
        run_id=f"{catalogue}-{began:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}",
        catalogue=catalogue,
        kind=kind,
        pipeline=pipeline or None,
        pipeline_version=pipeline_version or None,
        weights_sha256=weights_sha256 or None,
        source=shown(source) if source else None,
        source_sha256=source_sha256 or None,
        span_start=span_start,
        span_stop=span_stop,
        parameters=shown_parameters(parameters or {}),
        started=began,
        state=state,
    )


def run_of_provenance(
    catalogue: str,
    kind: Kind,
    provenance: Mapping[str, Any],
    *,
    source: str | None = None,
    started: datetime | None = None,
) -> RunRecord:
    """Return a new run with what a pipeline says of its work.

    Parameters
    ----------
    provenance
        As ``Provenance.as_dict()`` of `pipelines.contract` gives it; any key may be missing.
    source
        Taken where `provenance` names none.
    started
        When the work began, aware; without it the run begins now.
    """

    def moment(name: str) -> datetime | None:
        value: str | datetime | None = provenance.get(name) or None
        return datetime.fromisoformat(value) if isinstance(value, str) else value

    return new_run(
        catalogue,
        kind,
        pipeline=provenance.get("pipeline"),
        pipeline_version=provenance.get("version"),
        weights_sha256=provenance.get("weights_sha256"),
        source=provenance.get("source") or source,
        source_sha256=provenance.get("source_sha256"),
        span_start=moment("time_min"),
        span_stop=moment("time_max"),
        parameters=provenance.get("parameters"),
        started=started,
    )


def start(connection: Connection, run: RunRecord) -> None:
    """Record that a run waits or works; one that waited works now.

    Raises
    ------
    psycopg2.errors.UniqueViolation
        If the run has been recorded and does not wait, or the catalogue is being regenerated.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE epntap.run SET state = %s, started = clock_timestamp()"
            " WHERE run_id = %s AND state = 'waiting'",
            (run.state, run.run_id),
        )
        if cursor.rowcount == 0:
            _insert(cursor, run)


def finish(
    connection: Connection, run: RunRecord, state: State, reason: str | None = None
) -> RunRecord:
    """Record how a run ended, whether its beginning had been recorded or not.

    Parameters
    ----------
    run
        With version and counts as far as they are known.
    state
        ``published``, ``unchanged``, ``refused`` or ``failed``.
    reason
        Why, for people; cleaned of passwords and paths.

    Returns
    -------
    RunRecord
        As it is stored.

    Raises
    ------
    PublishError
        If it has ended already: whoever works at it was given up, and what it made is not wanted.
    """
    ended = replace(run, state=state, reason=None if reason is None else _as_reason(reason))
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM epntap.run WHERE run_id = %s FOR UPDATE", (run.run_id,))
        found = cursor.fetchone()
        if found is None:
            _insert(cursor, ended)
        elif found[0] not in ("waiting", "running"):
            raise PublishError(
                f"{run.catalogue}: run {run.run_id} has ended already: it was {found[0]}",
                hint="begin a new run",
            )
        else:
            _update(cursor, ended)
        cursor.execute(
            "UPDATE epntap.run SET ended = clock_timestamp() WHERE run_id = %s RETURNING ended",
            (run.run_id,),
        )
        ((moment,),) = cursor.fetchall()
    return replace(ended, ended=moment)


def _as_reason(text: str) -> str:
    """Return a text clean and of bounded length."""
    if len(text) > 2 * _LONGEST_REASON:
        # The last word may be half of an address whose password could not be told any more.
        text = text[: 2 * _LONGEST_REASON].rpartition(" ")[0]
    text = shown(text)
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 4] + " ..."


def _insert(cursor: Any, run: RunRecord) -> None:
    values = [
        Json(dict(run.parameters)) if name == "parameters" else getattr(run, name)
        for name in _COLUMNS
    ]
    cursor.execute(
        sql.SQL("INSERT INTO epntap.run ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, _COLUMNS)),
            sql.SQL(", ").join([sql.Placeholder()] * len(_COLUMNS)),
        ),
        values,
    )


def _update(cursor: Any, run: RunRecord) -> None:
    known = [name for name in _LEARNT if getattr(run, name) is not None]
    names = [*_OUTCOME, *known]
    cursor.execute(
        sql.SQL("UPDATE epntap.run SET {}, parameters = parameters || %s WHERE run_id = %s").format(
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in names
            )
        ),
        [*(getattr(run, name) for name in names), Json(dict(run.parameters)), run.run_id],
    )


def get_run(connection: Connection, run_id: str) -> RunRecord | None:
    """Return a run, or ``None`` if there is none of that id."""
    found = _select(connection, sql.SQL("WHERE run_id = %s"), (run_id,))
    return found[0] if found else None


def list_runs(
    connection: Connection, catalogue: str | None = None, *, limit: int = 50
) -> list[RunRecord]:
    """Return runs, the latest first.

    Parameters
    ----------
    catalogue
        Only those of this one; of all when ``None``.
    limit
        How many at most.
    """
    return _select(
        connection,
        sql.SQL("WHERE %(name)s IS NULL OR catalogue = %(name)s")
        + sql.SQL(" ORDER BY started DESC, run_id DESC LIMIT %(limit)s"),
        {"name": catalogue, "limit": limit},
    )


def _select(connection: Connection, rest: sql.Composable, values: Any) -> list[RunRecord]:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM epntap.run ").format(
                sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))
            )
            + rest,
            values,
        )
        return [_record(dict(zip(_COLUMNS, row, strict=True))) for row in cursor.fetchall()]


def _record(values: dict[str, Any]) -> RunRecord:
    """Make a record; moments come in whatever zone the session has."""
    for name in ("started", "ended"):
        if values[name] is not None:
            values[name] = values[name].astimezone(UTC)
    return RunRecord(**values)
