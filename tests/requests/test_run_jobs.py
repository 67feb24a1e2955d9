"""The life of a run on request over HTTP."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys

import httpx
import pandas as pd
import pytest
from astropy.io.votable import parse
from run_client import DAYS, message, refusal, start
from tests_support import serving
from uws.uws_client import Job

from epntap.requests.task import RunTask

FILE = b"time,other\n2024-05-01T10:00:00,1\n2024-05-02,2\n"


def table_of(answer: httpx.Response):
    assert answer.headers["content-type"] == "application/x-votable+xml"
    return parse(io.BytesIO(answer.content)).get_first_table()


def test_a_span_gives_a_catalogue_a_plot_and_a_record_of_both(runs, client):
    job = start(client, TIME=DAYS, STEP="12", SINCE="2024-01-01T06:00:00")
    assert job.wait() == "COMPLETED", message(job)
    assert job.parameters() == [("TIME", DAYS), ("STEP", "12"), ("SINCE", "2024-01-01T06:00:00")]
    table = table_of(job.get("/results/catalogue"))
    assert [row["start"] for row in table.array] == [
        "2024-01-01T12:00:00", "2024-01-02T00:00:00", "2024-01-02T12:00:00",
        "2024-01-03T00:00:00", "2024-01-03T12:00:00",
    ]  # fmt: skip
    assert [(f.name, str(f.unit or ""), f.xtype, f.description) for f in table.fields] == [
        ("start", "", "timestamp", "When it begins, UTC"),
        ("height", "nT", None, "How high it is"),
        ("note", "", None, "A word about it"),
    ]
    assert job.get("/results/result").content == job.get("/results/catalogue").content
    rows = pd.read_csv(io.BytesIO(job.get("/results/catalogue.csv").content))
    assert list(rows["note"]) == ["a <b> & c"] * 5
    plot = job.get("/results/plot")
    assert plot.headers["content-type"] == "image/png"
    assert plot.content == b"\x89PNG\r\n\x1a\n" + bytes(5)
    record = json.loads(job.get("/results/provenance").content)
    assert (record["job"], record["pipeline"], record["row_count"]) == (job.id, "strides", 5)
    assert record["request"]["STEP"] == "12"
    assert record["parameters"] == {"copies": 1}
    assert runs.files(job) == ["catalogue.csv", "catalogue.vot", "plot.png", "provenance.json"]
    assert runs.folders == []


def test_a_file_is_read_and_not_kept(runs, client):
    job = start(client, FILE=gzip.compress(FILE), COPIES="2", RESPONSEFORMAT="csv")
    assert job.wait() == "COMPLETED", message(job)
    lines = job.get("/results/catalogue").text.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "start", "2024-05-01T10:00:00", "2024-05-01T10:00:00", "2024-05-02T00:00:00",
        "2024-05-02T00:00:00",
    ]  # fmt: skip
    assert runs.files(job) == ["catalogue.csv", "plot.png", "provenance.json"]
    # The name that the client gave it is not even known.
    assert json.loads(job.get("/results/provenance").content)["source"] == "input.csv.gz"


def test_a_job_can_be_filled_in_step_by_step(runs, client):
    job = start(client, PHASE="", STEP="24")
    assert job.phase == "PENDING"
    assert "nothing says what to work on" in refusal(job.post("/phase", PHASE="RUN"))
    answer = client.post(f"{job.url}/parameters", files={"file": FILE}, data={"COPIES": "3"})
    assert answer.status_code == 303
    assert runs.files(job) != []
    assert "COPIES=10 is not between" in refusal(job.post("/parameters", COPIES="10"))
    assert job.parameters() == [("STEP", "24"), ("COPIES", "3")]
    assert "do not go together" in refusal(
        client.post("/run/strides", data={"TIME": DAYS, "PHASE": "RUN"}, files={"FILE": FILE})
    )
    assert job.post("/phase", PHASE="RUN").status_code == 303
    assert job.wait() == "COMPLETED", message(job)
    assert len(table_of(job.get("/results/catalogue")).array) == 6
    assert job.post(ACTION="DELETE").status_code == 303
    assert job.get().status_code == 404
    assert runs.files(job) == []


def test_no_events_are_a_result_too(client):
    job = start(client, TIME=DAYS, SINCE="2030-01-01", RESPONSEFORMAT="parquet")
    assert job.wait() == "COMPLETED", message(job)
    content = job.get("/results/catalogue").content
    assert list(pd.read_parquet(io.BytesIO(content)).columns) == ["start", "height", "note"]
    assert len(pd.read_parquet(io.BytesIO(content))) == 0


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"TIME": "yesterday"}, "TIME=yesterday is not a span"),
        ({"TIME": "2024-01-01/2026-01-01"}, "longer than 400 days"),
        ({"TIME": DAYS, "STEPS": "1"}, "did you mean &apos;step&apos;"),
        ({"TIME": DAYS, "STEP": "1e9"}, "STEP=1e9 is not between 1 and 1000 h"),
        ({"TIME": DAYS, "DEED": "strides.system"}, "DEED=strides.system is not a choice"),
        ({}, "nothing says what to work on"),
    ],
)
def test_a_wrong_request_makes_no_job(client, given, reason):
    answer = client.post("/run/strides", data={**given, "PHASE": "RUN"})
    assert reason.replace("&apos;", "'") in refusal(answer)


def test_a_file_that_the_pipeline_does_not_read_makes_no_job(client):
    def sent(content: bytes, **given: str) -> httpx.Response:
        return client.post("/run/strides", files={"FILE": content}, data={"PHASE": "RUN", **given})

    assert "the file is png" in refusal(sent(b"\x89PNG\r\n\x1a\n"))
    assert "it may have 1 MiB" in refusal(sent(b"time\n" * 300_000), 413)
    # As a page sends it whose field was left empty.
    assert "nothing says what to work on" in refusal(sent(b""))


def test_data_that_cannot_be_used_end_in_error_without_a_path(runs, client):
    job = start(client, FILE=b"colour\nred\n")
    assert job.wait() == "ERROR"
    assert message(job) == "input.csv cannot be read: 'time'"
    assert runs.files(job) == []
    assert runs.folders == []


def test_each_client_may_have_so_many_unfinished_runs(runs):
    few = runs.settings.model_copy(update={"client_request_jobs": 2, "request_bytes": 1000})
    with serving(runs.database, few) as here, httpx.Client(base_url=here.url) as client:
        waiting = [start(client, "gpu_strides", TIME=DAYS, PHASE="") for _ in range(2)]
        answer = client.post("/run/gpu_strides", data={"TIME": DAYS})
        assert "2 jobs of your address are not finished" in refusal(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
        waiting[0].client.delete(waiting[0].url)
        waiting.append(start(client, "gpu_strides", TIME=DAYS, PHASE=""))
        answer = client.post(f"{waiting[1].url}/parameters", files={"FILE": b"time\n" * 201})
        assert "it may have 1000 bytes" in refusal(answer, 413)
        for job in waiting[1:]:
            job.client.delete(job.url)


def test_the_limit_holds_for_all_clients_together(runs):
    few = runs.settings.model_copy(update={"request_jobs": 1})
    with serving(runs.database, few) as here, httpx.Client(base_url=here.url) as client:
        job = start(client, "gpu_strides", TIME=DAYS, PHASE="")
        answer = client.post("/run/gpu_strides", data={"TIME": DAYS})
        assert "the service takes no more" in refusal(answer, 503)
        client.delete(job.url)


def test_one_list_shows_no_jobs_of_another(client):
    job = start(client, TIME=DAYS, PHASE="")
    assert job.id in client.get("/run/strides").text
    assert job.id not in client.get("/run/gpu_strides").text
    other = Job(client, job.url.replace("/run/strides/", "/run/gpu_strides/"))
    assert other.get().status_code == 404
    client.delete(job.url)


def test_a_job_that_fell_out_of_the_line_is_expected_in_that_of_its_pipeline(runs, client):
    job = start(client, "gpu_strides", TIME=DAYS)
    with runs.database.publisher() as connection:
        (work,) = [one for one in RunTask().orphans(connection) if job.id in one.arguments.values()]
    assert (work.task, work.queue) == ("run.request", "gpu")
    assert work.arguments == {"job_id": job.id, "pipeline": "gpu_strides"}
    client.delete(job.url)
    with runs.database.publisher() as connection:
        assert not [one for one in RunTask().orphans(connection) if one.queue == "gpu"]


def test_a_worker_without_runs_stays_small():
    words = "import sys, epntap.worker as w; w.all_tasks(); print('pandas' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "False\n"
