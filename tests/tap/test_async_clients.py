"""Asynchronous queries by the clients that people have: pyvo, astroquery, curl."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import pyvo
from astropy.table import Table
from uws.uws_client import listed

FIVE = "SELECT granule_uid, mean_radius FROM moons.epn_core ORDER BY granule_uid"
MINE = Table({"who": ["Io", "Phobos"], "number": [1, 2]})
JOIN = (
    "SELECT m.who, e.planet FROM TAP_UPLOAD.mine AS m"
    " JOIN moons.epn_core AS e ON e.granule_uid = m.who ORDER BY m.number"
)


@pytest.fixture
def tap(durable) -> pyvo.dal.TAPService:
    return pyvo.dal.TAPService(f"{durable.url}/tap")


def test_pyvo_runs_a_query_in_one_call(tap, jobs):
    before = listed(jobs)
    rows = tap.run_async(FIVE)
    assert [row["granule_uid"] for row in rows] == [
        "Callisto", "Europa", "Ganymede", "Io", "Phobos",
    ]  # fmt: skip
    # And leaves nothing behind.
    assert listed(jobs) == before


def test_pyvo_takes_a_job_through_its_life(tap, jobs):
    job = tap.submit_job("SELECT 1 AS n FROM moons.epn_core", maxrec=3)
    assert job.phase == "PENDING"
    job.query = FIVE
    assert job.query == FIVE
    job.execution_duration = 30
    assert job.execution_duration.to_value("s") == 30
    job.destruction = "2999-01-01T00:00:00Z"
    assert job.destruction is not None
    assert (job.owner, job.quote, job.uws_version) == (None, None, "1.1")
    job.run()
    job.wait(timeout=60)
    assert job.phase == "COMPLETED"
    assert job.result_uri == f"{job.url}/results/result"
    result = job.fetch_result()
    assert len(result) == 3
    assert result.query_status == "OVERFLOW"
    assert job.job_id in [one.jobid for one in tap.get_job_list(phases=["COMPLETED"], last=5)]
    job.delete()
    assert f"/{job.job_id}" not in " ".join(listed(jobs))


def test_pyvo_shows_why_a_query_failed(tap):
    job = tap.submit_job("SELECT nope FROM moons.epn_core").run().wait(timeout=60)
    assert job.phase == "ERROR"
    with pytest.raises(pyvo.dal.DALQueryError, match="there is no column nope"):
        job.raise_if_error()
    job.delete()
    with pytest.raises(pyvo.dal.DALQueryError, match="there is no column nope"):
        tap.run_async("SELECT nope FROM moons.epn_core")


def test_pyvo_aborts_a_job(tap):
    job = tap.submit_job(FIVE)
    job.abort()
    assert job.phase == "ABORTED"


def test_pyvo_brings_tables_along_at_once_or_later(tap):
    assert [row["planet"] for row in tap.run_async(JOIN, uploads={"mine": MINE})] == [
        "Jupiter", "Mars",
    ]  # fmt: skip
    job = tap.submit_job(JOIN)
    job.upload(mine=MINE)
    job.run().wait(timeout=60)
    assert [row["planet"] for row in job.fetch_result()] == ["Jupiter", "Mars"]


def test_astroquery_runs_starts_and_finds_jobs(durable):
    core = pytest.importorskip("astroquery.utils.tap.core", reason="astroquery is not installed")
    tap = core.TapPlus(url=f"{durable.url}/tap")
    job = tap.launch_job_async(FIVE)
    assert job.get_phase() == "COMPLETED"
    assert len(job.get_results()) == 5
    assert job.jobid in [one.jobid for one in tap.list_async_jobs()]
    assert tap.load_async_job(jobid=job.jobid).get_phase() == "COMPLETED"
    later = tap.launch_job_async(FIVE, autorun=False)
    assert later.get_phase() == "PENDING"
    later.start()
    assert len(later.get_results()) == 5


def test_astroquery_brings_a_table_along_and_shows_why_a_query_failed(durable):
    core = pytest.importorskip("astroquery.utils.tap.core", reason="astroquery is not installed")
    tap = core.TapPlus(url=f"{durable.url}/tap")
    job = tap.launch_job_async(JOIN, upload_resource=MINE, upload_table_name="mine")
    assert list(job.get_results()["planet"]) == ["Jupiter", "Mars"]
    with pytest.raises(Exception, match="there is no column nope"):
        tap.launch_job_async("SELECT nope FROM moons.epn_core")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_follows_from_the_query_to_the_result(durable):
    def curl(*words: str) -> str:
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--fail", *words],
            check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    made = curl(
        "--data-urlencode", f"QUERY={FIVE}", "--data", "LANG=ADQL", "--data", "PHASE=RUN",
        "--data", "FORMAT=csv", "--output", "/dev/null", "--write-out", "%{redirect_url}",
        f"{durable.url}/tap/async",
    )  # fmt: skip
    assert "<uws:phase>COMPLETED</uws:phase>" in curl(f"{made}?WAIT=-1")
    assert len(curl(f"{made}/results/result").splitlines()) == 6
    # Sent on to the list, as a browser is.
    assert "<uws:jobs" in curl("--location", "--data", "ACTION=DELETE", made)
