"""The one list of what workers of this service do."""

from __future__ import annotations

from epntap.worker.task import Task


def all_tasks() -> tuple[Task, ...]:
    """Return every task: whoever writes one adds it here.

    Imported when it is asked for, so that a worker's modules do not load the whole service.
    """
    from epntap.products.task import TidyTask
    from epntap.regenerate.tasks import regeneration_tasks
    from epntap.requests.task import RunTask
    from epntap.tap.asynchronous import TapQueryTask
    from epntap.uws.expiry import ExpiryTask, SweepTask

    kept = (ExpiryTask(), SweepTask(), TidyTask())
    return (TapQueryTask(), RunTask(), *kept, *regeneration_tasks())
