"""How many jobs may wait or run: counted where their phases are kept, for all servers together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.errors import OverloadedError
from epntap.settings import Settings

#: Number of the advisory lock under which jobs are counted and created: "epnjobs" as bytes.
_LOCK = int.from_bytes(b"epnjobs", "big")

#: Jobs take longer than queries: whoever asks again before cannot succeed.
_RETRY_SECONDS = 30

_COUNT = """
SELECT count(*), count(*) FILTER (WHERE client = %(client)s)
  FROM epntap.job
 WHERE service = %(service)s AND phase IN ('PENDING', 'QUEUED', 'EXECUTING')
"""


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Jobs of one service that are not finished; 0 is no limit.

    Attributes
    ----------
    total
        Of all clients.
    per_client
        Of one.
    """

    total: int
    per_client: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the limits that the settings describe."""
        return cls(settings.jobs, settings.client_jobs)


def admit_job(connection: Connection, service: str, client: str, limits: JobLimits) -> None:
    """See that one more job may be created.

    Two that are created at the same moment are counted one after the other: the transaction of
    the connection holds a lock until it ends.

    Parameters
    ----------
    connection
        Of the publisher, in the transaction that creates the job.
    service
        The job list, as in ``epntap.job.service``.
    client
        Whose job, as in ``epntap.job.client``: see `epntap.admission.client_key`.
    limits
        How many there may be with it.

    Raises
    ------
    OverloadedError
        If there are as many already.
    """
    if not limits.total and not limits.per_client:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_catalog.pg_advisory_xact_lock(%s)", (_LOCK,))
        cursor.execute(_COUNT, {"service": service, "client": client})
        row = cursor.fetchone()
    if row is None:
        raise AssertionError("an aggregate has one row")
    total, own = row
    if limits.per_client and own >= limits.per_client:
        raise OverloadedError(
            f"{own} jobs of your address are not finished, and it may have no more",
            hint="wait for them to end, or delete those that are not wanted",
            retry_after=_RETRY_SECONDS,
        )
    if limits.total and total >= limits.total:
        raise OverloadedError(
            f"{total} jobs are not finished, and the service takes no more",
            hint="try again later",
            retry_after=_RETRY_SECONDS,
        )
