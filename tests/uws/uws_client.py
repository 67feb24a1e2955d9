"""A job list as tests speak to it: plain HTTP, and the XML of the standard."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field

import httpx
from astropy.io.votable import parse
from lxml import etree

UWS = "http://www.ivoa.net/xml/UWS/v1.0"
XLINK = "http://www.w3.org/1999/xlink"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"

#: Long enough for the busiest machine; a test that waits so long has failed.
PATIENCE_SECONDS = 60.0


def tag(name: str) -> str:
    return f"{{{UWS}}}{name}"


@dataclass
class Job:
    """One job, by its URL."""

    client: httpx.Client
    url: str
    documents: list[bytes] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.url.rpartition("/")[2]

    def get(self, path: str = "", **parameters: str) -> httpx.Response:
        return self.client.get(f"{self.url}{path}", params=parameters)

    def post(self, path: str = "", **parameters: str) -> httpx.Response:
        return self.client.post(f"{self.url}{path}", data=parameters)

    def document(self, **parameters: str) -> etree._Element:
        answer = self.get(**parameters)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/xml")
        self.documents.append(answer.content)
        root = etree.fromstring(answer.content)
        assert root.tag == tag("job")
        return root

    def value(self, name: str) -> str | None:
        """Return an element of the document, ``None`` if it is nil."""
        element = self.document().find(tag(name))
        assert element is not None, name
        return None if element.get(NIL) == "true" else element.text or ""

    @property
    def phase(self) -> str:
        answer = self.get("/phase")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        return answer.text

    def parameters(self) -> list[tuple[str, str]]:
        root = etree.fromstring(self.get("/parameters").content)
        assert root.tag == tag("parameters")
        return [(one.get("id"), one.text or "") for one in root]

    def wait(self, *phases: str) -> str:
        """Wait until the job is in one of some phases; by default, until it has ended."""
        wanted = phases or ("COMPLETED", "ERROR", "ABORTED")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            phase = self.document(WAIT="2").findtext(tag("phase"))
            if phase in wanted:
                return phase
            assert time.monotonic() < deadline, f"the job is still {phase}"

    def result(self) -> httpx.Response:
        answer = self.get("/results/result")
        assert answer.status_code == 200, answer.text
        return answer


def create(client: httpx.Client, query: str | None = None, **parameters: str) -> Job:
    """Make a job; with a query it is started unless PHASE says otherwise."""
    given = {"LANG": "ADQL", **parameters}
    if query is not None:
        given = {"QUERY": query, "PHASE": "RUN", **given}
    given = {name: value for name, value in given.items() if value}
    answer = client.post("/tap/async", data=given)
    assert answer.status_code == 303, answer.text
    return Job(client, answer.headers["location"])


def listed(client: httpx.Client, **parameters: str | list[str]) -> list[str]:
    """Return the jobs of the list, by their identifiers."""
    answer = client.get("/tap/async", params=parameters)
    assert answer.status_code == 200, answer.text
    root = etree.fromstring(answer.content)
    assert root.tag == tag("jobs")
    return [one.get("id") for one in root]


def error_of(answer: httpx.Response) -> str:
    """Return what a VOTable says is wrong."""
    assert answer.headers["content-type"] == "application/x-votable+xml"
    document = parse(io.BytesIO(answer.content))
    (info,) = [info for info in document.resources[0].infos if info.name == "QUERY_STATUS"]
    assert info.value == "ERROR"
    return info.content
