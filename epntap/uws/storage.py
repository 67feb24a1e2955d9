"""Jobs in the table ``epntap.job``: every statement that reads or writes it, and nothing else.

The functions work in the caller's transaction, on a connection of the publisher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg2.extras import Json

from epntap.uws.jobs import (
    Job,
    JobFailure,
    JobFilter,
    JobInput,
    JobReference,
    JobResult,
    NewJob,
    Pairs,
    Phase,
)

_COLUMNS = (
    "job_id, service, phase, run_id, owner_id, parameters, inputs, client, created, started,"
    " ended, execution_seconds, destruction, quote, attempt, results, error"
)


def insert(connection: Any, new: NewJob) -> Job:
    """Store a job in phase PENDING."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO epntap.job (job_id, service, run_id, parameters, inputs, client,"
            " execution_seconds, destruction) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            f" RETURNING {_COLUMNS}",
            (
                new.job_id,
                new.service,
                new.run_id,
                Json(new.parameters),
                Json([asdict(one) for one in new.inputs]),
                new.client,
                new.execution_seconds,
                new.destruction,
            ),
        )
        return _job(cursor.fetchone())


def read(connection: Any, service: str, job_id: str, *, lock: bool = False) -> Job | None:
    """Return a job, ``None`` if there is none; locked, it stays as it is until the end.

    A job whose time of destruction has come is gone, whether it has been swept away or not.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM epntap.job WHERE service = %s AND job_id = %s"
            " AND destruction > clock_timestamp()" + (" FOR UPDATE" if lock else ""),
            (service, job_id),
        )
        row = cursor.fetchone()
    return None if row is None else _job(row)


def references(connection: Any, service: str, client: str, wanted: JobFilter) -> list[JobReference]:
    """Return the jobs of a client, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT job_id, phase, run_id, owner_id, created FROM epntap.job"
            " WHERE service = %(service)s AND client = %(client)s"
            " AND destruction > clock_timestamp()"
            " AND (%(phases)s::text[] IS NULL OR phase = ANY (%(phases)s::text[]))"
            " AND (%(after)s::timestamptz IS NULL OR created > %(after)s::timestamptz)"
            " ORDER BY created DESC, job_id LIMIT %(last)s",
            {
                "service": service,
                "client": client,
                "phases": sorted(wanted.phases) or None,
                "after": wanted.after,
                "last": wanted.last,
            },
        )
        return [JobReference(row[0], Phase(row[1]), *row[2:]) for row in cursor.fetchall()]


def set_parameters(
    connection: Any,
    job_id: str,
    parameters: Pairs,
    inputs: Sequence[JobInput],
    run_id: str | None,
) -> None:
    """Replace the parameters of a job, and the files that belong to them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE epntap.job SET parameters = %s, inputs = %s, run_id = %s WHERE job_id = %s",
            (Json(parameters), Json([asdict(one) for one in inputs]), run_id, job_id),
        )


def set_execution_seconds(connection: Any, job_id: str, seconds: int) -> None:
    """Set the time that a job may run."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE epntap.job SET execution_seconds = %s WHERE job_id = %s", (seconds, job_id)
        )


def set_destruction(connection: Any, job_id: str, destruction: datetime) -> None:
    """Set when a job is destroyed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE epntap.job SET destruction = %s WHERE job_id = %s", (destruction, job_id)
        )


def set_queued(connection: Any, job_id: str) -> None:
    """Note that a job stands in line."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE epntap.job SET phase = 'QUEUED', queued = clock_timestamp() WHERE job_id = %s",
            (job_id,),
        )


def abort(connection: Any, job_id: str) -> None:
    """End a job at its client's wish; who works at it or waits for it hears of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE epntap.job SET phase = 'ABORTED', ended = clock_timestamp(), inputs = '[]'"
            " WHERE job_id = %s AND phase IN ('PENDING', 'QUEUED', 'EXECUTING')",
            (job_id,),
        )


def delete(connection: Any, job_id: str) -> None:
    """Forget a job; who works at it or waits for it hears of it."""
    abort(connection, job_id)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM epntap.job WHERE job_id = %s", (job_id,))


# What workers do ----------------------------------------------------------------------------------


def take(connection: Any, job_id: str, worker: str) -> Job | None:
    """Take a job to work at it; its new attempt number shuts out whoever had it before.

    A job in phase EXECUTING can be taken, too: the queue hands it out again only when its worker
    is lost. Returns ``None`` if there is nothing to be done: it has ended, or is gone.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE epntap.job SET phase = 'EXECUTING', attempt = attempt + 1, worker = %s,"
            " started = clock_timestamp() WHERE job_id = %s AND phase IN ('QUEUED', 'EXECUTING')"
            f" RETURNING {_COLUMNS}",
            (worker, job_id),
        )
        row = cursor.fetchone()
    return None if row is None else _job(row)


def held(connection: Any, job_id: str, attempt: int) -> bool:
    """Return whether an attempt at a job is still the one that counts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT true FROM epntap.job"
            " WHERE job_id = %s AND attempt = %s AND phase = 'EXECUTING'",
            (job_id, attempt),
        )
        return cursor.fetchone() is not None


def complete(connection: Any, job_id: str, attempt: int, results: Sequence[JobResult]) -> bool:
    """End a job well; returns False, and changes nothing, if the attempt counts no more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE epntap.job SET phase = 'COMPLETED', ended = clock_timestamp(), results = %s,"
            " inputs = '[]', error = NULL"
            " WHERE job_id = %s AND attempt = %s AND phase = 'EXECUTING'",
            (Json([asdict(one) for one in results]), job_id, attempt),
        )
        return bool(cursor.rowcount)


def fail(connection: Any, job_id: str, attempt: int, failure: JobFailure) -> bool:
    """End a job badly; returns False, and changes nothing, if the attempt counts no more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE epntap.job SET phase = 'ERROR', ended = clock_timestamp(), error = %s,"
            " inputs = '[]' WHERE job_id = %s AND attempt = %s AND phase = 'EXECUTING'",
            (_failure(failure), job_id, attempt),
        )
        return bool(cursor.rowcount)


def give_back(connection: Any, job_id: str, attempt: int) -> None:
    """Put a job back into phase QUEUED, unless the attempt counts no more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE epntap.job SET phase = 'QUEUED', worker = NULL, started = NULL"
            " WHERE job_id = %s AND attempt = %s AND phase = 'EXECUTING'",
            (job_id, attempt),
        )


def give_up(connection: Any, job_id: str, failure: JobFailure) -> bool:
    """End a job that nobody works at any more and nobody will; False if it has ended already."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE epntap.job SET phase = 'ERROR', ended = clock_timestamp(), error = %s,"
            " inputs = '[]' WHERE job_id = %s AND phase IN ('QUEUED', 'EXECUTING')",
            (_failure(failure), job_id),
        )
        return bool(cursor.rowcount)


# What keeps the list in order ---------------------------------------------------------------------


def unfinished(connection: Any, service: str) -> list[str]:
    """Return the jobs that stand in line or are worked at, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT job_id FROM epntap.job"
            " WHERE service = %s AND phase IN ('QUEUED', 'EXECUTING') ORDER BY created",
            (service,),
        )
        return [job_id for (job_id,) in cursor.fetchall()]


def unfinished_services(connection: Any) -> list[str]:
    """Return the services that have jobs in line, or worked at."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT service FROM epntap.job WHERE phase IN ('QUEUED', 'EXECUTING')"
            " ORDER BY service"
        )
        return [service for (service,) in cursor.fetchall()]


def has_expired(connection: Any) -> bool:
    """Return whether the time of destruction of any job has come."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM epntap.job WHERE destruction <= clock_timestamp())"
        )
        ((found,),) = cursor.fetchall()
        return bool(found)


def delete_expired(connection: Any, limit: int) -> list[str]:
    """Forget jobs whose time has come, of all services, and return which."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT job_id FROM epntap.job WHERE destruction <= clock_timestamp()"
            " ORDER BY destruction LIMIT %s FOR UPDATE SKIP LOCKED",
            (limit,),
        )
        expired = [job_id for (job_id,) in cursor.fetchall()]
    for job_id in expired:
        delete(connection, job_id)
    return expired


def known(connection: Any, job_ids: Sequence[str]) -> set[str]:
    """Return which of some identifiers are those of jobs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT job_id FROM epntap.job WHERE job_id = ANY (%s)", (list(job_ids),))
        return {job_id for (job_id,) in cursor.fetchall()}


def _failure(failure: JobFailure) -> Json:
    return Json({"message": failure.message, "type": "transient" if failure.transient else "fatal"})


def _job(row: tuple[Any, ...]) -> Job:
    (job_id, service, phase, run_id, owner_id, parameters, inputs, client, created, started,
     ended, execution_seconds, destruction, quote, attempt, results, error) = row  # fmt: skip
    return Job(
        job_id=job_id,
        service=service,
        phase=Phase(phase),
        run_id=run_id,
        owner_id=owner_id,
        parameters=tuple((name, value) for name, value in parameters),
        inputs=tuple(JobInput(**one) for one in inputs),
        client=client,
        created=created,
        started=started,
        ended=ended,
        execution_seconds=execution_seconds,
        destruction=destruction,
        quote=quote,
        attempt=attempt,
        results=tuple(JobResult(**one) for one in results),
        error=None
        if error is None
        else JobFailure(error["message"], transient=error["type"] == "transient"),
    )
