"""Runs on request by the clients that people have: pyvo, curl, a browser without scripts."""

from __future__ import annotations

import io
import re
import shutil
import subprocess

import httpx
import pytest
import pyvo
from astropy.io.votable import parse, validate
from pyvo.dal.adhoc import DatalinkQuery, DatalinkResults
from run_client import DAYS, refusal, start
from tests_support import serving

PAGE = {"accept": "text/html,application/xhtml+xml"}


def test_pyvo_finds_out_how_to_run_a_pipeline_and_runs_it(runs):
    services = DatalinkResults.from_result_url(f"{runs.url}/run")
    offered = [row["ID"] for row in services]
    assert offered == sorted(offered)
    assert {"earth_boundaries", "gpu_strides", "icme", "sir", "strides"} <= set(offered)
    described = services.get_adhocservice_by_id("strides")
    query = DatalinkQuery.from_resource([], described, TIME=DAYS, STEP=36.0)
    assert query.baseurl == f"{runs.url}/run/strides"
    assert dict(query) == {"TIME": DAYS, "STEP": "36", "COPIES": 1, "DEED": "none"}
    answer = httpx.post(query.baseurl, data=dict(query))
    with pyvo.dal.AsyncTAPJob(answer.headers["location"]) as job:
        assert job.phase == "PENDING"
        job.run().wait(timeout=60)
        job.raise_if_error()
        assert job.result_uris == [
            f"{job.url}/results/{name}"
            for name in ("catalogue", "result", "catalogue.csv", "plot", "provenance")
        ]
        rows = job.fetch_result()
        assert list(rows["start"]) == ["2024-01-01T00:00:00", "2024-01-02T12:00:00"]
        assert rows.fieldnames == ("start", "height", "note")


def test_pyvo_shows_why_a_run_failed(runs):
    answer = httpx.post(f"{runs.url}/run/strides", data={"TIME": DAYS, "DEED": "environment"})
    job = pyvo.dal.AsyncTAPJob(answer.headers["location"]).run().wait(timeout=60)
    with pytest.raises(pyvo.dal.DALQueryError, match="True"):
        job.raise_if_error()


def test_the_descriptor_tells_bounds_and_choices(client):
    answer = client.get("/run/strides/descriptor")
    assert answer.headers["content-type"] == "application/x-votable+xml;content=datalink"
    (described,) = [
        one for one in parse(io.BytesIO(answer.content)).resources if one.type == "meta"
    ]
    assert described.utype == "adhoc:service"
    (group,) = described.groups
    params = {param.name: param for param in group.entries}
    assert list(params) == [
        "TIME", "FILE", "STEP", "COPIES", "DEED", "SINCE", "RESPONSEFORMAT",
    ]  # fmt: skip
    step = params["STEP"]
    assert (step.datatype, str(step.unit), step.value) == ("double", "h", 24.0)
    assert (float(step.values.min), float(step.values.max)) == (1.0, 1000.0)
    assert [value for _, value in params["RESPONSEFORMAT"].values.options] == [
        "votable", "csv", "parquet",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/run", "/run/strides/descriptor", "/run/icme/descriptor"])
def test_descriptors_are_valid_votables(client, path):
    output = io.StringIO()
    assert validate(io.BytesIO(client.get(path).content), output), output.getvalue()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_sends_a_file_and_fetches_the_catalogue(runs, tmp_path):
    def curl(*words: str) -> str:
        command = ["curl", "--silent", "--show-error", "--fail", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    mine = tmp_path / "my times.csv"
    mine.write_text("time\n2024-05-01T10:00:00\n")
    head = curl("-i", f"{runs.url}/run/strides", "-F", "PHASE=RUN", "-F", f"FILE=@{mine}")
    (job,) = re.findall(r"^location: (\S+)", head, re.MULTILINE | re.IGNORECASE)
    while re.search("phase>(QUEUED|EXECUTING)<", curl(f"{job}?WAIT=-1")):
        continue
    rows = curl(f"{job}/results/catalogue.csv").splitlines()
    assert rows == ["start,height,note", "2024-05-01T10:00:00,0.0,a <b> & c"]
    curl("-X", "DELETE", job)


def test_a_person_fills_in_a_form_and_sees_the_result(client):
    listed = client.get("/run", headers=PAGE)
    assert "Events at regular &lt;strides&gt;" in listed.text
    assert "a_package_that_nobody_has is not installed" in listed.text
    form = client.get("/run/strides", headers=PAGE).text
    fields = set(re.findall(r'name="([A-Z]+)"', form))
    assert fields == {
        "PHASE", "TMIN", "TMAX", "FILE", "STEP", "COPIES", "DEED", "SINCE", "RESPONSEFORMAT",
    }  # fmt: skip
    # As a browser sends it, what was left empty included.
    given = {"PHASE": "RUN", "TMIN": "2024-01-01", "TMAX": "2024-01-04", "STEP": "24.0"}
    empty = {"SINCE": "", "COPIES": "1", "DEED": "none", "RESPONSEFORMAT": "votable"}
    answer = client.post(
        "/run/strides",
        data={**given, **empty},
        files={"FILE": ("", b"", "application/octet-stream")},
        headers=PAGE,
    )
    assert answer.status_code == 303, answer.text
    path = httpx.URL(answer.headers["location"]).path
    waiting = client.get(path, headers=PAGE)
    while 'http-equiv="refresh"' in waiting.text:
        waiting = client.get(path, headers=PAGE)
    assert "<b>COMPLETED</b>" in waiting.text
    for name in re.findall(rf'href="{path}/results/([a-z.]+)"', waiting.text):
        assert client.get(f"{path}/results/{name}", headers=PAGE).status_code == 200
    assert client.post(path, data={"ACTION": "DELETE"}).status_code == 303
    assert client.get(path, headers=PAGE).status_code == 404


def test_a_page_shows_nothing_of_a_client_as_markup(client):
    job = start(client, TIME=DAYS, RUNID="<script>alert(1)</script>", PHASE="")
    page = client.get(job.url, headers=PAGE).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    client.delete(job.url)


def test_what_is_not_offered_is_told_with_the_reason(client):
    assert "a_package_that_nobody_has" in refusal(client.get("/run/lacking"), 404)
    answer = client.post("/run/nonsense", data={"TIME": DAYS})
    assert re.search(r"there are: .*gpu_strides, icme, .*sir, strides\)", refusal(answer, 404))


def test_an_administrator_says_which_pipelines_are_offered(runs):
    one = runs.settings.model_copy(update={"requests": ("strides", "absent")})
    with serving(runs.database, one) as here, httpx.Client(base_url=here.url) as client:
        assert client.get("/run/strides").status_code == 200
        assert "there are: strides" in refusal(client.get("/run/icme"), 404)
        assert "no such pipeline is installed" in refusal(client.get("/run/absent"), 404)
    none = runs.settings.model_copy(update={"requests": ()})
    with serving(runs.database, none) as here, httpx.Client(base_url=here.url) as client:
        assert "No pipeline is offered here" in client.get("/run", headers=PAGE).text
        assert validate(io.BytesIO(client.get("/run").content), io.StringIO())
