"""How many jobs may wait or run."""

from __future__ import annotations

import threading

import pytest

from epntap.admission import JobLimits, admit_job
from epntap.database import Database
from epntap.errors import OverloadedError

SERVICE = "limits of a test"


@pytest.fixture(autouse=True)
def _tidy(database: Database):
    yield
    with database.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM epntap.job WHERE service = %s", (SERVICE,))


def create(connection, client: str, limits: JobLimits, phase: str = "QUEUED") -> None:
    admit_job(connection, SERVICE, client, limits)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO epntap.job"
            " (job_id, service, phase, client, execution_seconds, destruction)"
            " VALUES (gen_random_uuid()::text, %s, %s, %s, 1, now() + interval '1 day')",
            (SERVICE, phase, client),
        )


def test_a_client_and_the_server_have_limits_and_what_is_finished_does_not_count(database):
    limits = JobLimits(total=3, per_client=2)
    with database.publisher() as connection:
        for phase in ("COMPLETED", "ERROR", "ABORTED", "QUEUED", "EXECUTING"):
            create(connection, "a", limits, phase)
        with pytest.raises(OverloadedError, match="2 jobs of your address") as error:
            admit_job(connection, SERVICE, "a", limits)
        assert error.value.retry_after > 0
        create(connection, "b", limits, "PENDING")
        with pytest.raises(OverloadedError, match="3 jobs are not finished"):
            admit_job(connection, SERVICE, "c", limits)
        admit_job(connection, "another service", "a", limits)
        for _ in range(5):
            create(connection, "a", JobLimits(0, 0))


def test_jobs_created_at_the_same_moment_do_not_exceed_the_limit(database):
    limits = JobLimits(total=0, per_client=5)
    refused = []

    def work() -> None:
        with database.publisher() as connection:
            try:
                create(connection, "a", limits)
                connection.commit()
            except OverloadedError as error:
                refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM epntap.job WHERE service = %s", (SERVICE,))
        assert cursor.fetchone() == (5,)
    assert len(refused) == 7
