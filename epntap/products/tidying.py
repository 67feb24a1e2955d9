"""Files that no version has any more, or never had: removed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2

from epntap.database import Database
from epntap.errors import UserError
from epntap.products.records import kept_contents
from epntap.products.store import STAGED, open_products
from epntap.publish.acceptance import UnderWayError
from epntap.publish.release import claim
from epntap.results import Holding, ResultsError

log = logging.getLogger(__name__)

#: What a run that is not recorded has left is kept for so long: a trial may still need it.
_STAGED_GRACE = timedelta(days=1)


def tidy(database: Database, catalogue: str) -> int:
    """Remove the files of a catalogue that no version has.

    While somebody publishes it nothing is done: files are there before their version, and whoever
    publishes tidies up afterwards.

    Returns
    -------
    int
        How many there were.

    Raises
    ------
    ResultsError
        If the store cannot be used.
    """
    store = open_products(database.settings, catalogue)
    found = list(store.holdings())
    if not found:
        return 0
    with database.publisher() as connection, connection.cursor() as cursor:
        try:
            claim(cursor, catalogue)
        except UnderWayError:
            return 0
        kept, runs = kept_contents(cursor, catalogue), _runs_under_way(cursor, catalogue)
        unneeded = [one.job for one in found if not _is_needed(one, kept, runs)]
        # The claim is held until they are gone: the next publication may bring the same contents.
        for key in unneeded:
            store.remove(key)
        connection.rollback()
    if unneeded:
        log.info("%s: removed %d files that no version has", catalogue, len(unneeded))
    return len(unneeded)


def tidy_up(database: Database, catalogue: str) -> None:
    """Tidy after a change that is made already: what hinders it is logged, and left to workers."""
    try:
        tidy(database, catalogue)
    except ResultsError as error:
        log.warning("%s: files that no version has are not removed yet: %s", catalogue, error)


def _is_needed(one: Holding, kept: set[str], runs: set[str]) -> bool:
    if not one.job.startswith(STAGED):
        return one.job in kept
    is_old = one.changed < datetime.now(UTC) - _STAGED_GRACE
    return one.job.removeprefix(STAGED) in runs or not is_old


def _runs_under_way(cursor: Any, catalogue: str) -> set[str]:
    cursor.execute(
        "SELECT run_id FROM epntap.run WHERE catalogue = %s AND state IN ('waiting', 'running')",
        (catalogue,),
    )
    return {row[0] for row in cursor.fetchall()}


@contextmanager
def leaving_nothing(database: Database, catalogue: str) -> Iterator[None]:
    """Remove the files that were taken over in the block if it ends with an error."""
    try:
        yield
    except BaseException as error:
        try:
            tidy(database, catalogue)
        except (UserError, psycopg2.Error) as trouble:
            # What went wrong first is what has to be told; the next publication tidies up.
            error.add_note(f"files that were taken over are still there: {trouble}")
        raise
