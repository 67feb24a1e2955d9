"""How runs are put in line."""

from __future__ import annotations

from epntap.queue import Work

#: Name of the task of `epntap.requests.task`.
TASK = "run.request"

#: What the names of job lists of runs begin with, in the table of jobs.
SERVICE_PREFIX = "run/"

#: People wait for them, but less than for queries.
_PRIORITY = 5


def run_work(pipeline: str, job_id: str, queue: str) -> Work:
    """Return the work of a job, for the queue."""
    return Work(
        TASK,
        {"job_id": job_id, "pipeline": pipeline},
        queue=queue,
        # The lock keeps two workers from the same job, should it stand in line twice.
        lock=f"job {job_id}",
        priority=_PRIORITY,
    )
