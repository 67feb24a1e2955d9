"""A run done here and now, by the process that was asked, with the outcome in hand."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from epntap.catalogue import stored_catalogue
from epntap.database import Database
from epntap.plugins import Progress
from epntap.provenance import new_run
from epntap.regenerate.beginning import begin, checked_source, fail, published, store_layout
from epntap.regenerate.chunks import hull
from epntap.regenerate.finishing import Outcome, finish_run, try_parts
from epntap.regenerate.method import Method
from epntap.regenerate.parts import Part
from epntap.regenerate.partstore import read_part
from epntap.regenerate.staging import check_products, files_of, staged_files
from epntap.regenerate.storage import (
    Regeneration,
    Wanted,
    hold_alone,
    let_go,
    naive,
    plan_of,
    read_regeneration,
)
from epntap.regenerate.working import ChunkFailedError, Doer, describe

#: Granules of each sort that an outcome lists.
DIFF_ROWS = 1000


@dataclass(frozen=True)
class Order:
    """What is to be made again.

    Attributes
    ----------
    description
        YAML of the catalogue as read, plain values.
    moment
        What ``now`` is, aware.
    source
        What is read instead of the plan's source.
    wanted
        The time that is looked at again.
    """

    description: dict[str, Any]
    moment: datetime
    source: str | None = None
    wanted: Wanted = field(default_factory=Wanted)


def regenerate(database: Database, order: Order, progress: Progress) -> Outcome:
    """Make a catalogue again, in this process.

    What is done is kept: a run that fails in the middle is taken up by the next one where it
    stopped. A piece that fails is not tried again, since whoever waits can see to it.

    Raises
    ------
    RunUnderWayError
        If the catalogue has a run that has not ended.
    UserError
        If the order itself is wrong; nothing is recorded then.
    """
    catalogue = stored_catalogue(order.description)
    plan = plan_of(catalogue)
    method = Method.of(plan, checked_source(plan, order.source), naive(order.moment))
    check_products(catalogue, method.pipeline)
    with _alone(database, order) as run:
        try:
            reason = _work(database, run, progress)
            if reason is not None:
                return Outcome(run.run_id, "failed", reason)
            outcome = finish_run(database, run, progress, diff_rows=DIFF_ROWS)
        except BaseException as error:
            with database.publisher() as connection:
                fail(connection, run.run_id, describe(error) or "interrupted")
                connection.commit()
            raise
    return outcome or Outcome(run.run_id, "failed", "cancelled by hand")


@contextmanager
def _alone(database: Database, order: Order) -> Iterator[Regeneration]:
    """Begin a run that others can see to be lost when this process is gone."""
    with database.publisher() as holder, holder.cursor() as cursor:
        run = begin(
            holder,
            order.description,
            moment=order.moment,
            source=order.source,
            wanted=order.wanted,
            foreground=True,
        )
        hold_alone(cursor, run.run_id)
        holder.commit()
        try:
            yield run
        finally:
            if not holder.closed:
                holder.rollback()
                let_go(cursor, run.run_id)
                holder.commit()


def _work(database: Database, run: Regeneration, progress: Progress) -> str | None:
    """Do all chunks; return why that did not work, if it did not."""
    method = Method.of(run.plan, run.source, run.moment)
    layout = method.lay_out(run.wanted, published(database, run), progress)
    left = layout.left
    with database.publisher() as connection:
        store_layout(connection, run, layout, (tuple(chunk.number for chunk in left),))
        connection.commit()
    with database.publisher() as connection, connection.cursor() as cursor:
        run = read_regeneration(cursor, run.run_id)
    doer = Doer(
        database=database,
        run=run,
        method=method,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        progress=progress,
    )
    counted = itertools.count()
    # A service is asked for one piece after the other, a file is read once.
    for group in [[chunk] for chunk in left] if method.is_remote else [list(left)]:
        doer.source = layout.source
        try:
            doer.do(group, go_on=lambda: progress("Chunks", next(counted), len(left)))
        except ChunkFailedError as error:
            return error.message
    progress("Chunks", len(left), len(left))
    return None


def rehearse(database: Database, order: Order, progress: Progress) -> Outcome:
    """Do all that `regenerate` does and store nothing.

    Raises
    ------
    UserError
        If the source, the pipeline or the rows cannot be used.
    """
    catalogue = stored_catalogue(order.description)
    plan = plan_of(catalogue)
    source = checked_source(plan, order.source)
    record = new_run(
        catalogue.name,
        "regeneration",
        pipeline=plan.pipeline,
        source=source,
        parameters=plan.options,
    )
    run = Regeneration(
        run_id=record.run_id,
        state="running",
        description=order.description,
        source=source,
        moment=naive(order.moment),
        wanted=order.wanted,
        foreground=True,
        cut=True,
    )
    try:
        parts = _make_parts(database, run, progress)
        return try_parts(database, run, record, parts, progress)
    finally:
        staged = files_of(database, run)
        if staged is not None:
            staged.remove()


def _make_parts(
    database: Database, run: Regeneration, progress: Progress
) -> list[tuple[Part, str]]:
    """Return the parts of a run, those that are stored and those that are not."""
    method = Method.of(run.plan, run.source, run.moment)
    staged = staged_files(database, run, method.pipeline)
    layout = method.lay_out(run.wanted, published(database, run), progress)
    kept = {each.number: each.key for each in layout.reused}
    source = layout.source
    if source is None and layout.left and not method.is_remote:
        source = method.open(hull([chunk.span for chunk in layout.left]), progress)
    parts: list[tuple[Part, str]] = []
    for chunk in layout.chunks:
        progress("Chunks", chunk.number - 1, len(layout.chunks))
        opened = source
        if chunk.number not in kept and method.is_remote:
            opened = method.open(chunk.span, progress)
        key = kept.get(chunk.number) or method.key(opened, chunk)
        stored = _stored(database, run.catalogue.name, key)
        if stored is None:
            stored = (method.make(opened, chunk, key or "", progress, staged), run.run_id)
        parts.append(stored)
    progress("Chunks", len(layout.chunks), len(layout.chunks))
    return parts


def _stored(database: Database, catalogue: str, key: str | None) -> tuple[Part, str] | None:
    if key is None:
        return None
    with database.publisher() as connection, connection.cursor() as cursor:
        return read_part(cursor, catalogue, key)
