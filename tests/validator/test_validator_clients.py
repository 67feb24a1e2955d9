"""Asking services: over HTTP, in other serialisations, in the local database, on the terminal."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from astropy.io.votable.tree import Field, Info, Resource, TableElement, VOTableFile
from sqlite_service import SqliteService
from validator_cases import craters

from epntap.catalogue import read_catalogue
from epntap.commands.validating import validate_service
from epntap.errors import UserError
from epntap.publish import drop, open_native, publish
from epntap.validator import HttpTapClient, LocalTapClient, Options, rules_table, validate
from epntap.validator.votable import TapAnswerError, read_result


@contextmanager
def served(service: SqliteService) -> Iterator[str]:
    """Serve a stand-in over HTTP; yields its TAP URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            given = parse_qs(self.rfile.read(length).decode())
            try:
                with service.sync(given["QUERY"][0], int(given["MAXREC"][0])) as document:
                    self._answer(200, document.read())
            except TapAnswerError as error:
                self._answer(
                    400,
                    b"<VOTABLE><RESOURCE>"
                    b'<INFO name="QUERY_STATUS" value="ERROR">'
                    + error.message.encode()
                    + b"</INFO></RESOURCE></VOTABLE>",
                )

        def do_GET(self) -> None:
            if self.path == "/tap/tables":
                with service.tables() as document:
                    if document is not None:
                        self._answer(200, document.read())
                        return
            self._answer(200 if self.path.startswith("/good") else 404, b"")

        def do_HEAD(self) -> None:
            self._answer(
                405 if self.path == "/good/get" else 200 * ("good" in self.path) or 404, b""
            )

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/tap"
        server.shutdown()
        thread.join(10)


def codes(report):
    return [finding.code for finding in report.all_findings]


def test_a_service_is_validated_over_http():
    with served(craters({"target_class": "moon"})) as url:
        report = validate(HttpTapClient(f"{url}/"))
    assert codes(report) == ["I_PNNS", "E_PNTG"]
    assert report.service == url


def test_what_a_service_says_when_it_refuses_is_reported():
    with served(craters(refused="GROUP BY", has_vosi=False)) as url:
        report = validate(HttpTapClient(url))
    (finding,) = [each for each in report.all_findings if each.code == "E_VQRY"]
    assert "this query is not liked here" in finding.message
    assert "GROUP BY granule_uid" in finding.message


def test_links_are_requested_when_they_are_to_be_checked():
    service = craters()
    with served(service) as url:
        base = url.removesuffix("/tap")
        for each, path in zip(service.rows, ("good", "good/get", "gone", "good"), strict=True):
            each["access_url"] = f"{base}/{path}"
        report = validate(HttpTapClient(url), options=Options(links=10))
        assert codes(validate(HttpTapClient(url))) == ["I_PNNS"]
    (finding,) = [each for each in report.all_findings if each.code == "W_VLNK"]
    assert finding.examples == ("crater 2",)
    assert "1 of 4 links" in finding.message
    assert "404" in finding.message


def test_a_server_that_is_not_there_is_an_error_of_one_line():
    with pytest.raises(UserError, match="does not answer"):
        validate(HttpTapClient("http://127.0.0.1:9/tap"))


def test_a_url_has_to_be_one():
    with pytest.raises(UserError, match="is not a TAP URL"):
        HttpTapClient("icme.epn_core")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "not a whole VOTable"),
        (b"<html><body>welcome</body></html>", "XML, but not a VOTable"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><VOTABLE/>', "document type declaration"),
        (b"<VOTABLE><RESOURCE/></VOTABLE>", "without a table"),
        (
            b'<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="ERROR">no\n such  table</INFO>'
            b"</RESOURCE></VOTABLE>",
            "no such table",
        ),
    ],
)
def test_what_is_no_result_is_refused(document, reason):
    with pytest.raises(TapAnswerError) as caught:
        read_result(io.BytesIO(document))
    assert reason in str(caught.value)


def test_a_result_that_breaks_off_is_noticed():
    whole = b'<VOTABLE><TABLE><FIELD name="a" datatype="int"/><DATA><TABLEDATA><TR><TD>1</TD></TR>'
    result = read_result(io.BytesIO(whole))
    with pytest.raises(TapAnswerError, match="not a whole VOTable"):
        list(result.rows)


@pytest.mark.parametrize("form", ["tabledata", "binary", "binary2"])
def test_results_are_read_alike_in_all_serialisations(form):
    """Some services answer in binary whatever they are asked for."""
    file = VOTableFile()
    resource, table = Resource(), TableElement(file)
    resource.infos.append(Info(name="QUERY_STATUS", value="OK"))
    file.resources.append(resource)
    resource.tables.append(table)
    table.fields.extend(
        [
            Field(file, name="uid", datatype="char", arraysize="*"),
            Field(file, name="x", datatype="double", unit="km"),
            Field(file, name="outline", datatype="double", arraysize="2"),
        ]
    )
    table.create_arrays(2)
    table.array["uid"] = ["a & b", ""]
    table.array["x"] = [1.5, np.nan]
    table.array["outline"][0] = np.ma.array([10.0, 5.5])
    table.array["outline"][1] = np.ma.array([1.0, 2.0])
    table.format = form
    buffer = io.BytesIO()
    file.to_xml(buffer)
    buffer.seek(0)
    result = read_result(buffer)
    assert [(c.name, c.datatype, c.unit) for c in result.columns] == [
        ("uid", "char", None), ("x", "double", "km"), ("outline", "double", None),
    ]  # fmt: skip
    first, second = list(result.rows)
    assert (first[0], float(first[1])) == ("a & b", 1.5)
    assert [float(each) for each in first[2].split()] == [10.0, 5.5]
    assert second[0] is None
    assert second[1] in (None, "NaN")


REPOSITORY = Path(__file__).resolve().parents[2]

NATIVE = """\
granule_uid,granule_gid,obs_id,dataproduct_type,target_name,target_class,time_min,time_max,c1min,c1max,access_url,access_format,access_estsize,thumbnail_url,file_name,bib_reference,publisher,target_region,feature_name,time_scale,time_refposition,event_type,event_status,external_link
a,event,a,ev,Sun,star,2459000.5,2459001.5,1e11,1e11,https://example.org/a.cdf,application/x-cdf,10,https://example.org/a.png,a.cdf,2017SpWea..15..955M,X,heliosphere,MO,UTC,Wind,icme,observation,https://example.org/a
b,event,b,ev,Sun,star,2459002.5,2459003.5,1e11,1e11,https://example.org/b.cdf,application/x-cdf,10,https://example.org/b.png,b.cdf,2017SpWea..15..955M,X,heliosphere,MO,UTC,Wind,icme,observation,https://example.org/b
"""


@pytest.fixture
def published(database, tmp_path):
    """A catalogue in the local database; its name."""
    path = tmp_path / "rows.csv"
    path.write_text(NATIVE)
    text = (REPOSITORY / "tests" / "data" / "bench.yaml").read_text()
    yaml = tmp_path / "validated.yaml"
    yaml.write_text(text.replace("name: bench", "name: validated").replace("bench", "validated"))
    publish(database, read_catalogue(yaml), open_native(path))
    yield "validated"
    drop(database, "validated")


def test_what_our_own_publisher_publishes_is_clean(database, published):
    report = validate(LocalTapClient(database), published)
    assert codes(report) == []
    assert report.tables[0].rows == 2


def test_the_local_database_says_why_it_refuses(database, published):
    client = LocalTapClient(database)
    with pytest.raises(TapAnswerError, match="nowhere"), client.sync("SELECT * FROM nowhere", 1):
        pass


def test_the_report_is_printed_for_people_and_as_json(capsys):
    with served(craters({"service_title": "[red]x"})) as url:
        assert not validate_service(None, url=url, as_json=True)
        document = json.loads(capsys.readouterr().out)
        assert not validate_service("craters", url=url, as_json=False)
        shown = capsys.readouterr()
    assert (document["valid"], document["errors"], document["warnings"]) == (False, 1, 0)
    assert document["findings"][1] == {
        "code": "E_PNST",
        "severity": "error",
        "table": "craters.epn_core",
        "column": "service_title",
        "message": "is not 'craters', the name of the schema: service_title = [red]x",
        "examples": ["crater 0"],
    }
    assert "E_PNST" in shown.out
    assert "46/46 required" in shown.err


def test_a_schema_that_is_not_there_is_an_error():
    with (
        served(craters()) as url,
        pytest.raises(UserError, match="no EPN-TAP table in a schema 'moons'"),
    ):
        validate_service("moons", url=url, as_json=False)


def test_a_valid_service_passes(capsys):
    with served(craters()) as url:
        assert validate_service(None, url=url, as_json=False)
    assert "0 errors, 0 warnings" in capsys.readouterr().err


def test_the_documentation_lists_the_rules_as_they_are():
    """Regenerate with: python -c 'from epntap.validator import *; print(rules_table())'."""
    text = (REPOSITORY / "docs" / "validator.md").read_text(encoding="utf-8")
    assert rules_table() in text
