"""What a worker does with a run on request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from epntap.queue import Work
from epntap.requests.line import SERVICE_PREFIX, TASK, run_work
from epntap.results import open_results
from epntap.uws import storage
from epntap.uws.execution import JobAttempt, execute, give_up
from epntap.uws.jobs import JobResult
from epntap.worker.task import WorkContext

#: A run whose worker was lost is tried again; one that ended badly is not.
_ATTEMPTS = 3


class RunTask:
    """The task ``run.request``: runs a pipeline for a job, in a process of its own."""

    name = TASK
    attempts = _ATTEMPTS

    def run(self, context: WorkContext, *_: Any, job_id: str, pipeline: str, **__: Any) -> None:
        """Carry a job out."""
        # Only now: workers that have nothing to do stay small.
        from epntap.requests.process import run_too_slow
        from epntap.requests.running import carry_out

        def work(attempt: JobAttempt) -> Sequence[JobResult]:
            return carry_out(attempt, pipeline, context.settings)

        store = open_results(context.settings)
        execute(context, store, job_id, work, late=run_too_slow)

    def given_up(self, context: WorkContext, reason: str, *_: Any, job_id: str, **__: Any) -> None:
        """End a job that could not be carried out."""
        give_up(context.database, open_results(context.settings), job_id, reason)

    def orphans(self, connection: Any) -> Iterable[Work]:
        """Return the work for every job, of a pipeline that is known, that is not finished."""
        names = [
            service.removeprefix(SERVICE_PREFIX)
            for service in storage.unfinished_services(connection)
            if service.startswith(SERVICE_PREFIX)
        ]
        return [work for name in names for work in _unfinished(connection, name)]


def _unfinished(connection: Any, name: str) -> Iterable[Work]:
    # Only now, as above: the pipeline says in which line its runs stand.
    from epntap.requests.offers import Offer, find_offer

    offer = find_offer(name)
    if isinstance(offer, Offer):
        for job_id in storage.unfinished(connection, offer.service):
            yield run_work(offer.name, job_id, offer.form.queue)
