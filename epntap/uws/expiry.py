"""Jobs whose time of destruction has come, and files that belong to no job."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from epntap.database import Database
from epntap.queue import Work
from epntap.results import ResultStore, open_results
from epntap.uws import storage
from epntap.worker.task import WorkContext

log = logging.getLogger(__name__)

#: Jobs that are destroyed in one transaction, or looked up in one statement.
_BATCH = 500

#: Files are stored before the job that they belong to: younger ones are left alone.
_GRACE = timedelta(hours=1)

#: How often it is looked for files without a job: everything in the store is listed for it.
_SWEEP_PERIOD = timedelta(hours=6)


def expire(database: Database, store: ResultStore) -> int:
    """Destroy the jobs whose time has come, with their files.

    Returns
    -------
    int
        How many.
    """
    count = 0
    while True:
        with database.publisher() as connection:
            expired = storage.delete_expired(connection, _BATCH)
            connection.commit()
        # A crash in between leaves files without a job: `sweep` finds them.
        for job_id in expired:
            store.remove(job_id)
        count += len(expired)
        if len(expired) < _BATCH:
            return count


def sweep(database: Database, store: ResultStore, *, older_than: timedelta = _GRACE) -> int:
    """Remove files that belong to no job.

    Parameters
    ----------
    older_than
        What was written later is left alone: its job may be about to be stored.

    Returns
    -------
    int
        For how many jobs there were such files.
    """
    before = datetime.now(UTC) - older_than
    old = (one.job for one in store.holdings() if one.changed < before)
    count = 0
    while batch := list(islice(old, _BATCH)):
        with database.publisher() as connection:
            known = storage.known(connection, batch)
        for job_id in batch:
            if job_id not in known:
                store.remove(job_id)
                count += 1
    return count


class ExpiryTask:
    """The task ``jobs.expire``: it is put in line when the time of some job has come."""

    name = "jobs.expire"
    attempts = 3

    def run(self, context: WorkContext, *_: Any, **__: Any) -> None:
        """Destroy jobs."""
        count = expire(context.database, open_results(context.settings))
        log.info("destroyed %d jobs whose time had come", count)

    def given_up(self, context: WorkContext, reason: str, *_: Any, **__: Any) -> None:
        """Leave it to the next time."""
        log.error("jobs whose time has come are not destroyed: %s", reason)

    def orphans(self, connection: Any) -> Iterable[Work]:
        """Return the work, if there is any."""
        if storage.has_expired(connection):
            yield Work(self.name, queueing_lock=self.name, lock=self.name, priority=-10)


class SweepTask:
    """The task ``jobs.sweep``: it stands in line for some hours, then it runs."""

    name = "jobs.sweep"
    attempts = 1

    def run(self, context: WorkContext, *_: Any, **__: Any) -> None:
        """Remove files without a job."""
        count = sweep(context.database, open_results(context.settings))
        log.info("removed the files of %d jobs that are no more", count)

    def given_up(self, context: WorkContext, reason: str, *_: Any, **__: Any) -> None:
        """Leave it to the next time."""
        log.error("files that belong to no job are not removed: %s", reason)

    def orphans(self, connection: Any) -> Iterable[Work]:
        """Return the next one."""
        at = datetime.now(UTC) + _SWEEP_PERIOD
        yield Work(self.name, queueing_lock=self.name, lock=self.name, priority=-10, at=at)
