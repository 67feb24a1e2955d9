"""Tables that come with asynchronous queries (TAP 1.1, sections 2.4 and 2.7.5)."""

from __future__ import annotations

import io
import time

import httpx
from astropy.io.votable import from_table
from astropy.table import Table
from uws.uws_client import Job, create, error_of

FIVE = "SELECT granule_uid, mean_radius FROM moons.epn_core ORDER BY granule_uid"

MINE = Table({"who": ["Io", "Phobos", "Luna"], "number": [1, 2, 3]})
JOIN = (
    "SELECT m.who, e.planet FROM TAP_UPLOAD.mine AS m"
    " JOIN moons.epn_core AS e ON e.granule_uid = m.who ORDER BY m.number"
)


def votable(table: Table) -> bytes:
    buffer = io.BytesIO()
    from_table(table).to_xml(buffer)
    return buffer.getvalue()


def with_upload(
    client: httpx.Client, url: str, document: bytes, **parameters: str
) -> httpx.Response:
    parts: list[tuple[str, tuple[str | None, bytes | str]]] = [
        (name, (None, value)) for name, value in parameters.items()
    ]
    return client.post(url, files=[*parts, ("table", ("mine.vot", document))])


def test_a_table_comes_with_the_job_and_goes_when_it_has_run(jobs, durable):
    answer = with_upload(
        jobs, "/tap/async", votable(MINE), QUERY=JOIN, UPLOAD="mine,param:table", FORMAT="csv"
    )
    job = Job(jobs, answer.headers["location"])
    assert ("UPLOAD", "mine,param:table") in job.parameters()
    folder = durable.settings.home / "results" / job.id
    assert len(list(folder.rglob("*"))) == 2
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    job.post("/phase", PHASE="RUN")
    assert job.wait() == "COMPLETED"
    assert job.result().text.splitlines() == ["who,planet", "Io,Jupiter", "Phobos,Mars"]
    wait_until(lambda: not (folder / "in").exists() or not list((folder / "in").iterdir()))
    jobs.delete(job.url)
    assert not folder.exists()


def test_a_table_can_be_added_and_replaced_before_the_start(jobs, durable):
    job = create(jobs, JOIN, PHASE="", FORMAT="csv")
    other = Table({"who": ["Europa"], "number": [1]})
    for table in (MINE, other):
        answer = with_upload(
            jobs, f"{job.url}/parameters", votable(table), UPLOAD="mine,param:table"
        )
        assert answer.status_code == 303
    assert [value for name, value in job.parameters() if name == "UPLOAD"] == ["mine,param:table"]
    folder = durable.settings.home / "results" / job.id / "in"
    assert len(list(folder.iterdir())) == 1
    job.post("/phase", PHASE="RUN")
    assert job.wait() == "COMPLETED"
    assert job.result().text.splitlines() == ["who,planet", "Europa,Jupiter"]


def test_the_table_of_an_aborted_job_is_not_kept(jobs, durable):
    answer = with_upload(jobs, "/tap/async", votable(MINE), QUERY=JOIN, UPLOAD="mine,param:table")
    job = Job(jobs, answer.headers["location"])
    job.post("/phase", PHASE="ABORT")
    assert not list((durable.settings.home / "results" / job.id / "in").iterdir())


def test_a_broken_table_fails_the_job_and_not_the_request(jobs):
    answer = with_upload(
        jobs, "/tap/async", b"<VOTABLE>", QUERY=JOIN, UPLOAD="mine,param:table", PHASE="RUN"
    )
    assert answer.status_code == 303
    job = Job(jobs, answer.headers["location"])
    assert job.wait() == "ERROR"
    assert "upload mine" in error_of(job.get("/error"))


def test_a_part_that_no_upload_names_is_not_kept(jobs, durable):
    answer = with_upload(jobs, "/tap/async", votable(MINE), QUERY=FIVE)
    job = Job(jobs, answer.headers["location"])
    assert not (durable.settings.home / "results" / job.id).exists()


def wait_until(holds) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
