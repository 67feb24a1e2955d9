"""The XML of a job list, held to the schema of UWS 1.1 and read by clients."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pyvo.io.uws import parse_job, parse_job_list
from registry import schemata as schema_files

from epntap.uws.documents import (
    job_document,
    list_document,
    parameters_document,
    results_document,
)
from epntap.uws.jobs import Job, JobFailure, JobReference, JobResult, Pairs, Phase

UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
URL = "http://example.org/tap/async/0123"
NOW = datetime(2026, 5, 17, 12, 30, 0, 120_000, tzinfo=UTC)
_NAMESPACES = ("http://www.ivoa.net/xml/UWS/v1.0", "http://www.w3.org/1999/xlink")


def job(phase: Phase, parameters: Pairs = (), **more: object) -> Job:
    given: dict[str, object] = {
        "run_id": None,
        "started": None,
        "ended": None,
        "results": (),
        "error": None,
        **more,
    }
    return Job(
        job_id="0123",
        service="tap",
        phase=phase,
        owner_id=None,
        parameters=parameters,
        inputs=(),
        client="192.0.2.1",
        created=NOW,
        execution_seconds=60,
        destruction=NOW,
        quote=None,
        attempt=0,
        **given,  # type: ignore[arg-type]
    )


JOBS = [
    job(Phase.PENDING),
    job(Phase.EXECUTING, (("QUERY", "SELECT '<&>'"), ("UPLOAD", "a,param:b")), started=NOW),
    job(
        Phase.COMPLETED,
        run_id="mine",
        started=NOW,
        ended=NOW,
        results=(JobResult("result", "k", "text/csv;header=present", 7),),
    ),
    job(Phase.ERROR, started=NOW, ended=NOW, error=JobFailure("no & never", transient=True)),
    job(Phase.ABORTED, ended=NOW),
]


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> etree.XMLSchema:
    found: dict[str, bytes] = {}
    for content in schema_files._candidates():
        namespace = etree.fromstring(content).get("targetNamespace", "")
        # Debian's stilts has the schema of 1.0 beside that of 1.1.
        if namespace in _NAMESPACES and b"1.0-REC" not in content:
            found.setdefault(namespace, content)
    if len(found) < len(_NAMESPACES):
        pytest.skip("the schema of UWS is not on this computer (Debian's stilts has it)")
    folder: Path = tmp_path_factory.mktemp("xsd")
    return schema_files.load_schema(folder, found)


def documents() -> list[bytes]:
    references = [
        JobReference("0123", Phase.PENDING, None, None, NOW),
        JobReference("0124", Phase.ERROR, "mine", None, NOW),
    ]
    return [
        *(job_document(one, URL) for one in JOBS),
        list_document(references, "http://example.org/tap/async"),
        list_document([], "http://example.org/tap/async"),
        parameters_document(JOBS[1].parameters),
        parameters_document(()),
        results_document(JOBS[2].results, URL),
        results_document((), URL),
    ]


def test_every_document_is_valid(schema):
    for document in documents():
        schema.assertValid(etree.fromstring(document))


def test_what_is_not_known_is_nil_and_what_is_not_there_is_left_out():
    root = etree.fromstring(job_document(JOBS[0], URL))
    nil = [
        etree.QName(one).localname
        for one in root
        if one.get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true"
    ]
    assert nil == ["ownerId", "quote", "startTime", "endTime"]
    assert root.find(f"{UWS}runId") is None
    assert root.find(f"{UWS}errorSummary") is None
    assert root.find(f"{UWS}results") is not None
    assert root.get("version") == "1.1"
    assert root.findtext(f"{UWS}creationTime") == "2026-05-17T12:30:00.120Z"


def test_pyvo_reads_what_is_written():
    done = parse_job(io.BytesIO(job_document(JOBS[2], URL)))
    assert (done.jobid, done.phase, done.runid) == ("0123", "COMPLETED", "mine")
    assert done.results[0].href == f"{URL}/results/result"
    failed = parse_job(io.BytesIO(job_document(JOBS[3], URL)))
    assert failed.errorsummary.message.content == "no & never"
    (first, second) = parse_job_list(io.BytesIO(documents()[5]))
    assert (first.phase, second.runid) == ("PENDING", "mine")


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_any_parameters_make_a_document(pairs):
    """Characters that XML cannot hold are left out; line ends are as XML has them."""
    root = etree.fromstring(parameters_document(tuple(pairs)))
    assert len(root) == len(pairs)
    for element, (name, value) in zip(root, pairs, strict=True):
        if (name + value).isprintable():
            assert (element.get("id"), element.text or "") == (name, value)
