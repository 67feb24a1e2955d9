"""``/tap/async`` over HTTP: what TAP 1.1, section 2.4, and UWS 1.1 say of it."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from astropy.io.votable import parse
from lxml import etree
from uws.statements import ENDLESS, Statements
from uws.uws_client import UWS, XLINK, Job, create, error_of, listed, tag

from epntap.uws.requests import LONGEST_WAIT_SECONDS

FIVE = "SELECT granule_uid, mean_radius FROM moons.epn_core ORDER BY granule_uid"


def times(text: str | None) -> datetime:
    assert text is not None
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


# Making and running --------------------------------------------------------------------------


def test_a_job_is_made_run_and_fetched(jobs):
    before = datetime.now(UTC)
    job = create(jobs, FIVE, PHASE="", RESPONSEFORMAT="csv", RUNID="mine")
    assert re.fullmatch("[0-9a-f]{32}", job.id)
    assert job.phase == "PENDING"
    assert job.value("startTime") is None
    answer = job.post("/phase", PHASE="RUN")
    assert (answer.status_code, answer.headers["location"]) == (303, job.url)
    assert job.wait() == "COMPLETED"
    assert job.value("runId") == "mine"
    assert job.value("ownerId") is None
    assert job.value("quote") is None
    created, started, ended = (
        times(job.value(name)) for name in ("creationTime", "startTime", "endTime")
    )
    slack = timedelta(seconds=5)
    assert before - slack < created <= started <= ended < datetime.now(UTC) + slack
    result = job.result()
    assert result.headers["content-type"] == "text/csv;header=present"
    rows = list(csv.reader(io.StringIO(result.text)))
    assert rows[0] == ["granule_uid", "mean_radius"]
    assert [row[0] for row in rows[1:]] == ["Callisto", "Europa", "Ganymede", "Io", "Phobos"]


def test_the_creating_request_can_start_the_job_whatever_it_is_encoded_as(jobs):
    parameters = {"LANG": "ADQL", "QUERY": FIVE, "PHASE": "RUN", "FORMAT": "csv"}
    made = [
        jobs.post("/tap/async", data=parameters),
        jobs.post("/tap/async", params=parameters),
        jobs.post("/tap/async", params={"PHASE": "RUN"}, data={"QUERY": FIVE, "FORMAT": "csv"}),
        jobs.post("/tap/async", files=[(k, (None, v)) for k, v in parameters.items()]),
        jobs.post("/tap/async", data={key.lower(): value for key, value in parameters.items()}),
    ]
    for answer in made:
        assert answer.status_code == 303
        job = Job(jobs, answer.headers["location"])
        assert job.wait() == "COMPLETED"
        assert len(job.result().text.splitlines()) == 6


def test_a_result_is_what_the_synchronous_resource_sends(jobs):
    for form in ("votable", "votable/td", "csv", "fits", "json"):
        parameters = {"LANG": "ADQL", "QUERY": FIVE, "RESPONSEFORMAT": form}
        sync = jobs.post("/tap/sync", data=parameters)
        job = create(jobs, FIVE, RESPONSEFORMAT=form)
        assert job.wait() == "COMPLETED"
        result = job.result()
        assert result.headers["content-type"] == sync.headers["content-type"]
        assert result.content == sync.content
        assert int(result.headers["content-length"]) == len(sync.content)


def test_a_result_longer_than_maxrec_says_so_as_in_sync(jobs):
    job = create(jobs, FIVE, MAXREC="2")
    assert job.wait() == "COMPLETED"
    document = parse(io.BytesIO(job.result().content))
    assert len(document.get_first_table().array) == 2
    assert [i.value for i in document.resources[0].infos if i.name == "QUERY_STATUS"] == [
        "OK",
        "OVERFLOW",
    ]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"QUERY": "SELECT nope FROM moons.epn_core"}, "there is no column nope"),
        ({"QUERY": "SELEKT 1"}, "SELEKT"),
        ({"QUERY": FIVE, "LANG": "OOBLECK"}, "OOBLECK"),
        ({"QUERY": FIVE, "FORMAT": "papyrus"}, "papyrus"),
        ({"QUERY": FIVE, "MAXREC": "many"}, "MAXREC=many"),
        ({}, "QUERY is missing"),
        ({"QUERY": "SELECT 1/(0*mean_radius) FROM moons.epn_core"}, "zero"),
    ],
)
def test_a_wrong_query_is_accepted_and_fails_with_the_votable_of_sync(jobs, parameters, said):
    sync = jobs.post("/tap/sync", data={"LANG": "ADQL", **parameters})
    job = create(jobs, **{"LANG": "ADQL", "PHASE": "RUN", **parameters})
    assert job.wait() == "ERROR"
    answer = job.get("/error")
    assert answer.status_code == 200
    assert said in error_of(answer)
    assert answer.content == sync.content
    summary = job.document().find(tag("errorSummary"))
    assert summary.get("type") == "fatal"
    assert summary.get("hasDetail") == "true"
    assert said in summary.findtext(tag("message"))
    missing = job.get("/results/result")
    assert missing.status_code == 404
    assert said in error_of(missing)
    assert times(job.value("endTime"))


def test_a_failure_in_the_middle_of_a_result_leaves_no_result(jobs, durable):
    query = (
        "SELECT a.column_name, 1/(c.column_index-b.column_index-30) AS n"
        " FROM tap_schema.columns AS a, tap_schema.columns AS b, tap_schema.columns AS c"
    )
    job = create(jobs, query, MAXREC="200000", RESPONSEFORMAT="votable/td")
    assert job.wait() == "ERROR"
    assert "zero" in error_of(job.get("/error"))
    assert job.get("/results/result").status_code == 404
    assert not list((durable.settings.home / "results" / job.id).rglob("*.*"))


def test_results_can_be_fetched_in_part_and_looked_at_first(jobs):
    job = create(jobs, FIVE, RESPONSEFORMAT="csv")
    job.wait()
    whole = job.result().content
    url = f"{job.url}/results/result"
    part = jobs.get(url, headers={"Range": "bytes=3-9"})
    assert (part.status_code, part.content) == (206, whole[3:10])
    assert part.headers["content-range"] == f"bytes 3-9/{len(whole)}"
    assert jobs.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    head = jobs.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(whole)
    assert head.headers["content-type"] == "text/csv;header=present"


def test_the_job_names_its_result(jobs):
    job = create(jobs, FIVE, RESPONSEFORMAT="csv")
    job.wait()
    for root in (job.document(), etree.fromstring(job.get("/results").content)):
        (result,) = root.iter(tag("result"))
        assert result.get("id") == "result"
        assert result.get(f"{{{XLINK}}}href") == f"{job.url}/results/result"
        assert result.get("mime-type") == "text/csv;header=present"
        assert int(result.get("size")) == len(job.result().content)
    answer = job.get("/results/other")
    assert answer.status_code == 404
    assert "no result 'other'" in error_of(answer)


# Waiting -------------------------------------------------------------------------------------


def test_waiting_ends_when_the_phase_changes(jobs):
    job = create(jobs, FIVE)
    assert job.document(WAIT="-1").findtext(tag("phase")) == "COMPLETED"
    # An ended job is not waited for.
    begun = time.monotonic()
    assert job.document(WAIT="40").findtext(tag("phase")) == "COMPLETED"
    assert time.monotonic() - begun < 30


def test_waiting_for_another_phase_than_the_job_is_in_returns_at_once(jobs):
    job = create(jobs)
    begun = time.monotonic()
    assert job.document(WAIT="40", PHASE="QUEUED").findtext(tag("phase")) == "PENDING"
    assert job.document(WAIT="0").findtext(tag("phase")) == "PENDING"
    assert time.monotonic() - begun < 30


def test_waiting_ends_after_the_time_that_is_asked_for(jobs):
    job = create(jobs)
    begun = time.monotonic()
    assert job.document(WAIT="1", PHASE="PENDING").findtext(tag("phase")) == "PENDING"
    assert 0.9 < time.monotonic() - begun < LONGEST_WAIT_SECONDS


@pytest.mark.parametrize("parameters", [{"WAIT": "soon"}, {"WAIT": "1", "PHASE": "ASLEEP"}])
def test_waiting_for_nonsense_is_refused(jobs, parameters):
    answer = create(jobs).get(**parameters)
    assert answer.status_code == 400
    assert "=" in error_of(answer)


# Ending early --------------------------------------------------------------------------------


def test_an_abort_stops_the_running_statement(jobs, statements):
    job = create(jobs, ENDLESS)
    assert job.wait("EXECUTING") == "EXECUTING"
    statements.wait(running=True)
    assert job.post("/phase", PHASE="ABORT").status_code == 303
    assert job.phase == "ABORTED"
    # 0.2 s are promised, and shown by `tests.uws.abort`; a test must not fail on a busy machine.
    assert statements.wait(running=False) < 10
    assert times(job.value("endTime"))
    assert job.post("/phase", PHASE="ABORT").status_code == 303


def test_a_deleted_job_stops_and_is_gone(jobs, statements):
    for delete in (
        lambda job: jobs.delete(job.url),
        lambda job: job.post(ACTION="DELETE"),
    ):
        job = create(jobs, ENDLESS)
        assert job.wait("EXECUTING") == "EXECUTING"
        statements.wait(running=True)
        answer = delete(job)
        assert answer.status_code == 303
        assert answer.headers["location"] == job.url.rpartition("/")[0]
        assert statements.wait(running=False) < 10
        for path in ("", "/phase", "/results/result", "/parameters", "/error"):
            gone = job.get(path)
            assert gone.status_code == 404
            assert "there is no job" in error_of(gone)
        assert jobs.delete(job.url).status_code == 404
        assert job.post("/phase", PHASE="RUN").status_code == 404
        assert job.id not in listed(jobs)


def test_a_job_whose_time_is_over_ends_in_an_error(jobs, statements):
    job = create(jobs, ENDLESS, EXECUTIONDURATION="1")
    assert job.wait() == "ERROR"
    assert "stopped after 1 s" in error_of(job.get("/error"))
    assert statements.wait(running=False) < 10


@pytest.fixture(scope="module")
def statements(durable) -> Iterator[Statements]:
    """What the database works at."""
    with Statements.of(durable.settings) as watched:
        yield watched


# What can be changed -------------------------------------------------------------------------


def test_parameters_are_replaced_until_the_job_is_started(jobs):
    job = create(jobs, FIVE, PHASE="", RUNID="first", FORMAT="csv")
    assert job.post("/parameters", query="SELECT 1 AS one FROM moons.epn_core").status_code == 303
    assert job.post("/parameters", runId="second").status_code == 303
    assert job.value("runId") == "second"
    assert job.post(lang="ADQL-2.1").status_code == 303
    assert job.post("/parameters", LANG="ADQL").status_code == 303
    found = [(name.upper(), value) for name, value in job.parameters()]
    assert sorted(found) == [
        ("FORMAT", "csv"),
        ("LANG", "ADQL"),
        ("QUERY", "SELECT 1 AS one FROM moons.epn_core"),
        ("RUNID", "second"),
    ]
    job.post("/phase", PHASE="RUN")
    assert job.wait() == "COMPLETED"
    assert job.result().text.splitlines() == ["one", *"11111"]
    answer = job.post("/parameters", QUERY=FIVE)
    assert answer.status_code == 403
    assert "PENDING" in error_of(answer)


def test_the_durations_are_held_within_the_limits(jobs, durable):
    limits = durable.settings
    job = create(jobs, FIVE, PHASE="")
    assert job.get("/executionduration").text == str(limits.async_seconds)
    for asked, given in (("30", 30), ("0", limits.async_seconds_limit), ("9" * 30, None)):
        assert job.post("/executionduration", EXECUTIONDURATION=asked).status_code == 303
        expected = str(given or limits.async_seconds_limit)
        assert job.get("/executionduration").text == expected
        assert job.value("executionDuration") == expected
    for asked in ("-1", "soon", "1.5", ""):
        answer = job.post("/executionduration", EXECUTIONDURATION=asked)
        assert answer.status_code == 400
        assert "EXECUTIONDURATION" in error_of(answer)
    job.post("/phase", PHASE="RUN")
    job.wait()
    assert job.post("/executionduration", EXECUTIONDURATION="5").status_code == 403


def test_the_destruction_is_held_within_the_limits(jobs, durable):
    job = create(jobs, FIVE, PHASE="")
    lifetime = timedelta(days=durable.settings.destruction_days)
    assert abs(times(job.value("destruction")) - datetime.now(UTC) - lifetime) < timedelta(hours=1)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    text = tomorrow.isoformat().replace("+00:00", "Z")
    assert job.post("/destruction", DESTRUCTION=text).status_code == 303
    assert times(job.get("/destruction").text) == tomorrow
    assert job.get("/destruction").text == job.value("destruction")
    assert job.post("/destruction", DESTRUCTION="9999-12-31T23:59:59Z").status_code == 303
    longest = timedelta(days=durable.settings.destruction_days_limit)
    assert times(job.value("destruction")) < datetime.now(UTC) + longest + timedelta(minutes=1)
    answer = job.post("/destruction", DESTRUCTION="never")
    assert answer.status_code == 400
    assert "DESTRUCTION=never" in error_of(answer)


def test_the_creating_request_can_set_the_durations(jobs):
    job = create(jobs, EXECUTIONDURATION="77", DESTRUCTION="2999-01-01")
    assert job.get("/executionduration").text == "77"
    assert times(job.get("/destruction").text) > datetime.now(UTC)


def test_a_job_whose_destruction_has_come_is_gone(jobs):
    job = create(jobs, FIVE)
    job.wait()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert job.post("/destruction", DESTRUCTION=yesterday).status_code == 303
    assert job.get().status_code == 404
    assert job.id not in listed(jobs)


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("/phase", {"PHASE": "RUN"}, 403),
        ("/phase", {"PHASE": "ABORT"}, 403),
        ("/phase", {"PHASE": "JUMP"}, 400),
        ("/phase", {}, 400),
        ("", {"ACTION": "DANCE"}, 400),
        ("", {}, 400),
        ("/destruction", {}, 400),
    ],
)
def test_a_change_that_cannot_be_is_refused(jobs, path, parameters, status):
    job = create(jobs, FIVE)
    job.wait()
    answer = job.post(path, **parameters)
    assert answer.status_code == status
    assert error_of(answer)
    assert job.phase == "COMPLETED"


def test_single_values_are_plain_text_and_those_of_the_document(jobs):
    job = create(jobs, PHASE="")
    for path, name in (
        ("/phase", "phase"),
        ("/executionduration", "executionDuration"),
        ("/destruction", "destruction"),
        ("/quote", "quote"),
        ("/owner", "ownerId"),
    ):
        answer = job.get(path)
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.text == (job.value(name) or "")
    answer = job.get("/error")
    assert answer.status_code == 404
    assert "has no error" in error_of(answer)


@pytest.mark.parametrize(
    "parameters",
    [
        {"PHASE": "ABORT"},
        {"ACTION": "DELETE"},
        {"PHASE": ["RUN", "RUN"]},
        {"QUERY": [FIVE, "SELECT 1"]},
        {"UPLOAD": "nonsense"},
        {"UPLOAD": "mine,param:nowhere"},
        {"RUNID": "x" * 65},
        {"QUERY": "SELECT '\0'"},
        {"DESTRUCTION": "0001-01-01T00:00:00+23:00"},
    ],
)
def test_a_request_that_can_never_become_a_job_makes_none(jobs, parameters):
    before = listed(jobs)
    answer = jobs.post("/tap/async", data=parameters)
    assert answer.status_code == 400
    assert error_of(answer)
    assert listed(jobs) == before


# The list ------------------------------------------------------------------------------------


def test_the_list_can_be_narrowed_down(jobs):
    first, second = create(jobs), create(jobs, FIVE)
    second.wait()
    third = create(jobs)
    third.post("/phase", PHASE="ABORT")
    mine = {first.id, second.id, third.id}
    assert [job for job in listed(jobs) if job in mine] == [third.id, second.id, first.id]
    assert listed(jobs, LAST="2") == [third.id, second.id]
    assert set(listed(jobs, PHASE="PENDING")) & mine == {first.id}
    assert set(listed(jobs, PHASE=["PENDING", "ABORTED"])) & mine == {first.id, third.id}
    assert listed(jobs, PHASE="ARCHIVED") == []
    created = first.value("creationTime")
    assert set(listed(jobs, AFTER=created)) & mine == {second.id, third.id}
    assert listed(jobs, AFTER=created, LAST="1", PHASE="COMPLETED") == [second.id]
    root = etree.fromstring(jobs.get("/tap/async", params={"LAST": "1"}).content)
    (reference,) = root
    assert root.get("version") == "1.1"
    assert reference.get(f"{{{XLINK}}}href") == third.url
    assert reference.findtext(f"{{{UWS}}}phase") == "ABORTED"


@pytest.mark.parametrize(
    "parameters", [{"PHASE": "ASLEEP"}, {"AFTER": "lunch"}, {"LAST": "0"}, {"LAST": "-1"}]
)
def test_a_list_cannot_be_narrowed_down_by_nonsense(jobs, parameters):
    answer = jobs.get("/tap/async", params=parameters)
    assert answer.status_code == 400
    assert "=" in error_of(answer)


def test_a_proxy_that_is_not_trusted_is_shown_nobodys_jobs(jobs):
    create(jobs)
    assert listed(jobs)
    for headers in ({"Via": "1.1 proxy"}, {"Forwarded": "for=192.0.2.1"}):
        answer = jobs.get("/tap/async", headers=headers)
        assert len(etree.fromstring(answer.content)) == 0


def test_an_unknown_job_is_said_to_be_unknown(jobs):
    for path in ("/tap/async/0", "/tap/async/0/phase", "/tap/async/%00/phase"):
        answer = jobs.get(path)
        assert answer.status_code == 404
        assert "there is no job" in error_of(answer)


def test_the_paths_of_dachs_lead_to_the_same_jobs(jobs):
    job = create(jobs)
    answer = jobs.get(f"/__system__/tap/run/async/{job.id}/phase")
    assert (answer.status_code, answer.text) == (200, "PENDING")
