"""How a run of a catalogue begins, and how it ends before its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg2 import errors
from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.catalogue import stored_catalogue
from epntap.database import Database
from epntap.provenance import finish, get_run, new_run, start
from epntap.queue import Work, put
from epntap.regenerate.chunks import batches
from epntap.regenerate.chunkstore import add_chunks, all_done, batches_left
from epntap.regenerate.errors import RegenerationError, RunUnderWayError
from epntap.regenerate.method import Layout, Method
from epntap.regenerate.partstore import hold_parts, published_chunks
from epntap.regenerate.plan import RegenerationPlan, check_template, is_template
from epntap.regenerate.staging import check_products
from epntap.regenerate.storage import (
    Regeneration,
    Wanted,
    active_run,
    add_regeneration,
    is_deserted,
    naive,
    plan_of,
    read_regeneration,
)

#: Names of the works that a run stands in line with.
PREPARE, CHUNKS, FINISH = "regenerate.prepare", "regenerate.chunks", "regenerate.finish"


def begin(
    connection: Connection,
    description: dict[str, Any],
    *,
    moment: datetime,
    source: str | None = None,
    wanted: Wanted | None = None,
    foreground: bool = False,
) -> Regeneration:
    """Record a run in the caller's transaction, and put it in line unless it is done here.

    Parameters
    ----------
    description
        YAML of the catalogue as read, plain values.
    moment
        What ``now`` is in it, aware.
    source
        What is read instead of the plan's source.
    wanted
        The time that is looked at again; all that the plan names when not given.
    foreground
        The caller does it alone, and holds `storage.hold_alone`.

    Raises
    ------
    RunUnderWayError
        If the catalogue has a run that has not ended.
    RegenerationError
        If the description has no ``regenerate``, or the source cannot be what it says.
    """
    catalogue = stored_catalogue(description)
    plan = plan_of(catalogue)
    text = checked_source(plan, source)
    record = new_run(
        catalogue.name,
        "regeneration",
        pipeline=plan.pipeline,
        source=text,
        parameters=plan.options,
        state="waiting",
    )
    with connection.cursor() as cursor:
        _end_deserted(connection, catalogue.name)
        cursor.execute("SAVEPOINT epntap_begin")
        try:
            start(connection, record)
        except errors.UniqueViolation:
            cursor.execute("ROLLBACK TO SAVEPOINT epntap_begin")
            other = active_run(cursor, catalogue.name)
            if other is None:
                raise
            raise RunUnderWayError(catalogue.name, other[0], other[1]) from None
        add_regeneration(
            cursor,
            record.run_id,
            description,
            source=text,
            moment=naive(moment),
            wanted=wanted or Wanted(),
            foreground=foreground,
        )
        if not foreground:
            put(connection, work(PREPARE, record.run_id, plan))
        return read_regeneration(cursor, record.run_id)


def checked_source(plan: RegenerationPlan, given: str | None) -> str:
    """Return what is read: what is given, else the plan's source.

    Raises
    ------
    RegenerationError
        If what is given asks for times and the plan names none.
    """
    if given is None:
        return plan.source
    try:
        check_template(given)
    except ValueError as error:
        raise RegenerationError(str(error)) from error
    if is_template(given) and plan.span is None:
        raise RegenerationError(
            f"source {given!r}: the description has no 'span' to fill in",
            hint="add 'span' under 'regenerate', or write the times out",
        )
    return given


def work(task: str, run_id: str, plan: RegenerationPlan, **arguments: Any) -> Work:
    """Return the work of a run as it stands in line."""
    return Work(task=task, arguments={"run_id": run_id, **arguments}, queue=plan.queue)


def prepare(database: Database, run: Regeneration) -> None:
    """Cut a run into chunks and put them in line; does nothing if that has been done.

    Raises
    ------
    UserError
        If the pipeline is not there, or its source cannot be used.
    """
    plan = run.plan
    method = Method.of(plan, run.source, run.moment)
    check_products(run.catalogue, method.pipeline)
    layout = method.lay_out(
        run.wanted, published(database, run), lambda _description, _done, _total: None
    )
    grouped = batches([chunk.number for chunk in layout.left], len(layout.chunks))
    with database.publisher() as connection, connection.cursor() as cursor:
        if not store_layout(connection, run, layout, grouped):
            return
        for batch in range(1, len(grouped) + 1):
            put(connection, work(CHUNKS, run.run_id, plan, batch=batch))
        if all_done(cursor, run.run_id):
            put(connection, work(FINISH, run.run_id, plan))
        connection.commit()


def published(database: Database, run: Regeneration) -> dict[Any, str]:
    """Return the chunks that a run may take over as they are: none when it looks at all."""
    if run.wanted.is_all:
        return {}
    with database.publisher() as connection, connection.cursor() as cursor:
        return published_chunks(cursor, run.catalogue.name)


def store_layout(
    connection: Connection,
    run: Regeneration,
    layout: Layout,
    grouped: tuple[tuple[int, ...], ...],
) -> bool:
    """Store the chunks of a run, which works from then on; False if somebody has done so."""
    with connection.cursor() as cursor:
        hold_parts(cursor, run.catalogue.name)
        record = get_run(connection, run.run_id)
        if record is None or not add_chunks(
            cursor, run.run_id, layout.chunks, layout.reused, grouped
        ):
            return False
        if record.state == "waiting":
            start(connection, replace(record, state="running"))
        cursor.execute(
            "UPDATE epntap.run SET span_start = %s, span_stop = %s WHERE run_id = %s",
            (layout.span.start, layout.span.stop, run.run_id),
        )
    return True


def fail(connection: Connection, run_id: str, reason: str) -> bool:
    """Record that a run has failed; return whether it had not ended before."""
    record = get_run(connection, run_id)
    if record is None or record.state not in ("waiting", "running"):
        return False
    finish(connection, record, "failed", reason)
    return True


def cancel(database: Database, catalogue: str) -> str:
    """End what is under way for a catalogue; workers leave it when they notice.

    Returns
    -------
    str
        Identifier of the run.

    Raises
    ------
    RegenerationError
        If nothing is under way.
    """
    with database.publisher() as connection, connection.cursor() as cursor:
        found = active_run(cursor, catalogue)
        if found is None:
            raise RegenerationError(f"{catalogue}: no run is under way")
        fail(connection, found[0], "cancelled by hand")
        connection.commit()
    return found[0]


def expected_work(connection: Connection) -> list[Work]:
    """Return all that should stand in line, or be worked at, for the runs that have not ended."""
    found: list[Work] = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT run_id FROM epntap.regeneration AS g JOIN epntap.run AS r USING (run_id)"
            " WHERE r.state IN ('waiting', 'running') AND NOT g.foreground ORDER BY r.started"
        )
        for (run_id,) in cursor.fetchall():
            run = read_regeneration(cursor, run_id)
            if not run.cut:
                found.append(work(PREPARE, run_id, run.plan))
                continue
            left = batches_left(cursor, run_id)
            found.extend(work(CHUNKS, run_id, run.plan, batch=batch) for batch in left)
            if not left:
                found.append(work(FINISH, run_id, run.plan))
    return found


def _end_deserted(connection: Connection, catalogue: str) -> None:
    """End a run of the foreground whose process is gone."""
    with connection.cursor() as cursor:
        found = active_run(cursor, catalogue)
        if found is not None and found[2] and is_deserted(cursor, found[0]):
            fail(connection, found[0], "the process that did it is gone")
