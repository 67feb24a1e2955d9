"""The database is killed while jobs of ``/tap/async`` are made and worked at."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests_support import postmaster_pid, serving, working
from uws.uws_client import Job, tag
from worker_harness import LOST_SECONDS, answers, eventually, in_line

from epntap.catalogue import read_catalogue
from epntap.database import Database
from epntap.publish import open_native, publish
from epntap.queue import PhaseListener
from epntap.settings import Settings
from epntap.worker import all_tasks

JOBS = 100
CLIENTS = 4

#: Three rows to the eleventh: long enough for the database to be killed in the middle of it.
LONG = "SELECT COUNT(*) AS n FROM " + ", ".join(
    f"footprints.epn_core AS {alias}" for alias in "abcdefghijk"
)
SHORT = "SELECT granule_uid FROM footprints.epn_core ORDER BY granule_uid"


@pytest.fixture
def own(new_home: Callable[[], Path], settings: Settings) -> Iterator[tuple[Settings, Database]]:
    """A database that may be killed, with a catalogue."""
    here = settings.model_copy(
        update={"home": new_home(), "worker_seconds": LOST_SECONDS, "client_jobs": 0}
    )
    data = Path(__file__).parents[1] / "data"
    with Database.open(here) as database:
        publish(
            database, read_catalogue(data / "footprints.yaml"), open_native(data / "footprints.csv")
        )
        yield here, database


def is_long(number: int) -> bool:
    return number % 4 == 0


def submit(client: httpx.Client, number: int) -> str:
    """Make a job and start it, as a client that does not give up; returns its URL."""
    query = LONG if is_long(number) else SHORT
    parameters = {"LANG": "ADQL", "QUERY": query, "FORMAT": "csv", "PHASE": "RUN"}
    accepted: list[str] = []

    def try_once() -> bool:
        answer = client.post("/tap/async", data=parameters)
        if answer.status_code == 303:
            accepted.append(answer.headers["location"])
        else:
            # Never a page of ours that failed, only a database that is away.
            assert answer.status_code == 503, answer.text
        return bool(accepted)

    eventually(try_once, f"job {number} is accepted")
    return accepted[0]


def ended(client: httpx.Client, url: str) -> str | None:
    """The phase of a job that has ended, ``None`` while it has not."""
    answer = client.get(f"{url}/phase")
    if answer.status_code == 503:
        return None
    assert answer.status_code == 200, f"{url} is lost: {answer.text}"
    return answer.text if answer.text in ("COMPLETED", "ERROR", "ABORTED") else None


def test_every_job_ends_with_its_result_or_a_reason_although_the_database_is_killed(
    own: tuple[Settings, Database],
) -> None:
    settings, database = own
    made = threading.Semaphore(0)

    def counted(client: httpx.Client, number: int) -> str:
        url = submit(client, number)
        made.release()
        return url

    phases = PhaseListener(database)
    with (
        working(database, settings, all_tasks(), phases),
        serving(database, settings, phases) as shown,
        httpx.Client(base_url=shown.url, timeout=60) as client,
    ):
        with ThreadPoolExecutor(CLIENTS) as pool:
            urls = pool.map(lambda number: counted(client, number), range(JOBS))
            for _ in range(3):
                # While some are made, some run, and some wait.
                for _ in range(JOBS // 4):
                    assert made.acquire(timeout=120)
                os.kill(postmaster_pid(settings), signal.SIGKILL)
                eventually(lambda: answers(database), "the database is there again")
        jobs = [Job(client, url) for url in urls]
        found: Counter[str] = Counter()
        for number, job in enumerate(jobs):
            eventually(lambda job=job: ended(client, job.url) is not None, f"{job.id} ends")  # type: ignore[misc]
            phase = job.phase
            found[phase] += 1
            if phase == "COMPLETED":
                lines = job.result().text.splitlines()
                assert lines == ["n", str(3**11)] if is_long(number) else len(lines) == 4
            else:
                assert phase == "ERROR"
                message = job.document().findtext(f"{tag('errorSummary')}/{tag('message')}")
                assert message
        assert found.total() == JOBS
        # An answer that says nothing of a job that was made is lost, the job is not.
        with database.publisher() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM epntap.job WHERE phase IN ('QUEUED', 'EXECUTING')")
            assert cursor.fetchone() == (0,)
        # Of files of jobs, and of files of catalogues.
        eventually(lambda: in_line(database, "default") <= 2, "only the next sweeps are in line")
    phases.close()
