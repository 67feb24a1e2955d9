"""Runs that do not end with a publication: their end is recorded, whatever it was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import psycopg2

from epntap.database import Database
from epntap.errors import UserError
from epntap.provenance.runs import RunRecord, State, finish
from epntap.publish.acceptance import Candidate, InvalidRowsError, RefusedError


@contextlib.contextmanager
def attempt(database: Database, run: RunRecord) -> Iterator[RunRecord]:
    """Record the run as refused or failed if the block ends with an error, and let that go on.

    A publication records its own end, in its own transaction. For example::

        with attempt(database, run):
            publish(database, catalogue, source, run=run, accept=rules)
    """
    try:
        yield run
    except BaseException as error:
        try:
            record_end(database, run, error)
        except (UserError, psycopg2.Error) as trouble:
            # What went wrong first is what has to be told.
            error.add_note(f"the end of run {run.run_id} could not be recorded: {trouble}")
        raise


def record_end(database: Database, run: RunRecord, error: BaseException) -> RunRecord:
    """Record that a run was ended by an error.

    Raises
    ------
    PublishError
        If it has ended already.
    """
    state: State = "failed"
    reason = error.message if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    if isinstance(error, InvalidRowsError):
        state = "refused"
    elif isinstance(error, RefusedError):
        state, reason = "refused", "; ".join(error.reasons)
        run = counted(run, error.candidate)
    with database.publisher() as connection:
        ended = finish(connection, run, state, reason)
        connection.commit()
    return ended


def counted(run: RunRecord, candidate: Candidate, version: int | None = None) -> RunRecord:
    """Return the run with the figures of what it made."""
    compared = candidate.comparison
    return replace(
        run,
        version=version,
        row_count=candidate.rows,
        new_rows=compared.new,
        changed_rows=compared.changed,
        unchanged_rows=compared.unchanged,
        gone_rows=compared.gone,
    )
