"""Jobs and their results survive the end of every process; files may be kept elsewhere."""

from __future__ import annotations

import itertools

import httpx
import pytest
from tests_support import serving, working

from epntap.database import Database
from epntap.settings import Settings
from epntap.worker import all_tasks
from uws.uws_client import Job, create

QUERY = "SELECT TOP 5 table_name FROM tap_schema.tables ORDER BY table_name"

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def own(settings: Settings, new_home) -> Settings:
    """Settings of a database that these tests start and stop."""
    return settings.model_copy(update={"home": new_home()})


def test_jobs_survive_a_restart_of_everything(own):
    with (
        Database.open(own) as database,
        serving(database, own) as here,
        httpx.Client(base_url=here.url, timeout=60) as client,
    ):
        with working(database, own, all_tasks()):
            done = create(client, QUERY, FORMAT="csv")
            assert done.wait() == "COMPLETED"
            rows = done.result().text
        waiting = create(client, QUERY, FORMAT="csv")
        assert waiting.phase == "QUEUED"
    with (
        Database.open(own) as database,
        serving(database, own) as here,
        working(database, own, all_tasks()),
        httpx.Client(base_url=here.url, timeout=60) as client,
    ):
        for job in (done, waiting):
            after = Job(client, f"{here.url}/tap/async/{job.id}")
            assert after.wait() == "COMPLETED"
            assert after.result().text == rows


def test_results_are_kept_where_the_setting_says(own):
    """In a file system that is no directory of this machine: fsspec's, in memory."""
    elsewhere = own.model_copy(update={"results": f"memory://jobs{next(_numbers)}/results"})
    with (
        Database.open(own) as database,
        serving(database, elsewhere) as here,
        working(database, elsewhere, all_tasks()),
        httpx.Client(base_url=here.url, timeout=60) as client,
    ):
        job = create(client, QUERY, FORMAT="csv")
        assert job.wait() == "COMPLETED"
        whole = job.result()
        assert whole.headers["content-type"] == "text/csv;header=present"
        assert int(whole.headers["content-length"]) == len(whole.content)
        assert len(whole.text.splitlines()) == 6
        assert not (own.home / "results" / job.id).exists()
        url = f"{job.url}/results/result"
        part = client.get(url, headers={"Range": "bytes=-4"})
        assert (part.status_code, part.content) == (206, whole.content[-4:])
        size = len(whole.content)
        assert part.headers["content-range"] == f"bytes {size - 4}-{size - 1}/{size}"
        assert client.get(url, headers={"Range": f"bytes={size}-"}).status_code == 416
        head = client.head(url)
        assert (head.status_code, head.content) == (200, b"")
        assert client.delete(job.url).status_code == 303
        assert client.get(url).status_code == 404
