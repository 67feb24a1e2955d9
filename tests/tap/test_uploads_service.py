"""Queries that bring tables of their own, as clients send them (TAP 1.1, section 2.7.6)."""

from __future__ import annotations

import csv
import gzip
import io
import re
import shutil
import subprocess

import httpx
import numpy as np
import pytest
import pyvo
from astropy.io.votable import from_table, parse
from astropy.table import Table

from epntap.database import Database
from epntap.formats import negotiate
from epntap.settings import Settings
from epntap.tap.errors import RequestError, too_slow
from epntap.tap.parameters import QueryRequest
from epntap.tap.query import Cancelled, QueryRun, TableSets
from epntap.tap.uploads import InlineSource, Upload, UploadError, UploadPolicy

pytestmark = pytest.mark.usefixtures("moons")

MINE = Table(
    {"who": ["Io", "Phobos", "Luna"], "number": [1, 2, 3], "width": [1.5, np.nan, 4.25]},
    units={"width": "km"},
    descriptions={"width": "how wide it is"},
)
MINE["width"].meta["ucd"] = "phys.size.diameter"

JOIN = (
    "SELECT m.who, m.width, e.planet FROM TAP_UPLOAD.mine AS m"
    " JOIN moons.epn_core AS e ON e.granule_uid = m.who ORDER BY m.number"
)


def votable(table: Table, serialisation: str = "tabledata") -> bytes:
    buffer = io.BytesIO()
    document = from_table(table)
    document.version = "1.4"
    document.to_xml(buffer, tabledata_format=serialisation)
    return buffer.getvalue()


def upload(
    client: httpx.Client, query: str, documents: dict[str, bytes], **more: str
) -> httpx.Response:
    """Ask with each document as an upload of its name."""
    parameters = {"LANG": "ADQL", "QUERY": query, **more}
    parts: list[tuple[str, tuple[str | None, bytes | str]]] = [
        (key, (None, value)) for key, value in parameters.items()
    ]
    for name, document in documents.items():
        parts.append(("UPLOAD", (None, f"{name},param:part_{name}")))
        parts.append((f"part_{name}", (f"{name}.vot", document)))
    return client.post("/tap/sync", files=parts)


def error_of(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/x-votable+xml"
    document = parse(io.BytesIO(answer.content))
    (info,) = [info for info in document.resources[0].infos if info.name == "QUERY_STATUS"]
    assert info.value == "ERROR"
    assert answer.status_code >= 400
    return info.content


@pytest.mark.parametrize("serialisation", ["tabledata", "binary", "binary2"])
def test_an_uploaded_table_is_joined_with_a_published_one(client, serialisation):
    answer = upload(client, JOIN, {"mine": votable(MINE, serialisation)})
    assert answer.status_code == 200, answer.text
    table = parse(io.BytesIO(answer.content)).get_first_table()
    rows = table.to_table()
    assert list(rows["who"]) == ["Io", "Phobos"]
    assert list(rows["planet"]) == ["Jupiter", "Mars"]
    assert rows["width"][0] == 1.5
    assert np.ma.is_masked(rows["width"][1]) or np.isnan(rows["width"][1])


def test_the_metadata_of_uploaded_columns_are_those_of_the_result(client):
    answer = upload(client, JOIN, {"mine": votable(MINE)})
    _, width, _ = parse(io.BytesIO(answer.content)).get_first_table().fields
    assert (str(width.unit), width.ucd) == ("km", "phys.size.diameter")
    assert width.description == "how wide it is"


def test_several_tables_come_with_one_query_in_either_form(client):
    one, two = votable(MINE[:1]), votable(MINE[1:])
    query = "SELECT who FROM TAP_UPLOAD.a UNION SELECT who FROM tap_upload.B"
    parts = [
        ("QUERY", (None, query)),
        ("FORMAT", (None, "csv")),
        ("upload", (None, "A,param:x;b,param:y")),
        ("x", ("x", one)),
        ("y", ("y", two)),
    ]
    joined = client.post("/tap/sync", files=parts)
    assert sorted(joined.text.split()[1:]) == ["Io", "Luna", "Phobos"]
    repeated = upload(client, query, {"A": one, "b": two}, FORMAT="csv")
    assert repeated.text == joined.text


def test_a_table_may_come_compressed_or_without_the_name_of_a_file(client):
    document = votable(MINE)
    packed = upload(client, JOIN, {"mine": gzip.compress(document)}, FORMAT="csv")
    assert len(packed.text.splitlines()) == 3
    parts = [
        ("QUERY", (None, JOIN)),
        ("FORMAT", (None, "csv")),
        ("UPLOAD", (None, "mine,param:x")),
        ("x", (None, document)),
    ]
    assert client.post("/tap/sync", files=parts).text == packed.text


def test_pyvo_uploads_and_the_next_query_sees_nothing_of_it(service, client):
    tap = pyvo.dal.TAPService(f"{service}/tap")
    assert len(tap.search(JOIN, uploads={"mine": MINE})) == 2
    assert "there is no table TAP_UPLOAD.mine" in error_of(
        client.post("/tap/sync", data={"QUERY": "SELECT * FROM TAP_UPLOAD.mine"})
    )


def test_two_hundred_thousand_rows_are_no_trouble(database):
    lines = "".join(
        f"<TR><TD>{number}</TD><TD>{2450000.5 + number}</TD></TR>\n" for number in range(200_000)
    )
    empty = votable(Table({"id": [1], "t": [1.5]})).decode()
    head, tail = empty[: empty.index("<TR>")], empty[empty.index("</TABLEDATA>") :]
    query = "SELECT COUNT(*) AS n, MAX(t) - MIN(t) AS d FROM TAP_UPLOAD.mine"
    found = run(database, query, (head + lines + tail).encode(), UploadPolicy.of(Settings()))
    count, span = found.split()[1].split(b",")
    assert (int(count), float(span)) == (200_000, 199_999.0)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("mine", "not of the right form"),
        ("mine,", "not of the right form"),
        ("my table,param:x", "cannot be the name of a table"),
        ("TAP_UPLOAD.mine,param:x", "cannot be the name of a table"),
        ('"mine",param:x', "cannot be the name of a table"),
        ("size,param:x", "SIZE is a reserved word"),
        ("a" * 64 + ",param:x", "cannot be the name of a table"),
        ("mine,param:y", "no part named 'y'"),
        ("mine,file:///etc/passwd", "URIs of the kind 'file'"),
        ("mine,ftp://example.org/x", "URIs of the kind 'ftp'"),
        ("mine,param:x;MINE,param:x", "two of this name"),
        (";".join(f"t{i},param:x" for i in range(17)), "may upload 16 tables, this has 17"),
        ("mine,http://127.0.0.1/x", "127.0.0.1, which is not a public address"),
        ("mine,http://localhost/x", "which is not a public address"),
        ("mine,http://[::1]/x", "::1, which is not a public address"),
        ("mine,http://169.254.169.254/latest/meta-data", "not a public address"),
        ("mine,http://0x7f000001/", "127.0.0.1, which is not a public address"),
        ("mine,http://user:pw@127.0.0.1/", "user or password"),
        ("mine,http:///x", "is not a URL"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_reason(client, declared, said):
    parts = [
        ("QUERY", (None, "SELECT * FROM TAP_UPLOAD.mine")),
        ("UPLOAD", (None, declared)),
        ("x", ("x", votable(MINE))),
    ]
    assert said in error_of(client.post("/tap/sync", files=parts))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "not well-formed"),
        (b"name,value\n1,2\n", "not well-formed"),
        (b"<html><body/></html>", "begins with html"),
        (b"<VOTABLE><RESOURCE/></VOTABLE>", "has no TABLE"),
        (b"\x1f\x8bgarbage", "gzip data are damaged"),
        (votable(MINE)[:-300], "not well-formed"),
    ],
)
def test_a_document_that_is_no_votable_is_refused_with_its_reason(client, document, said):
    message = error_of(upload(client, "SELECT * FROM TAP_UPLOAD.mine", {"mine": document}))
    assert message.startswith("upload mine: ")
    assert said in message


def run(database: Database, query: str, document: bytes, policy: UploadPolicy) -> bytes:
    written = io.BytesIO()

    def write(piece: bytes, *, last: bool) -> None:
        written.write(piece)

    source = InlineSource(io.BytesIO(document))
    request = QueryRequest(query, 100, negotiate("csv"), uploads=(Upload("mine", source),))
    QueryRun(database, TableSets(database), request, write, policy).run()
    return written.getvalue()


COUNT = "SELECT COUNT(*) AS n FROM TAP_UPLOAD.mine"


def test_the_limit_of_rows_is_enforced_and_named(database):
    policy = UploadPolicy(rows=3, size=10**6, remote=False, seconds=1)
    assert run(database, COUNT, votable(MINE), policy).split() == [b"n", b"3"]
    for serialisation in ("tabledata", "binary", "binary2"):
        document = votable(Table({"a": [1, 2, 3, 4]}), serialisation)
        with pytest.raises(UploadError, match="more than 3 rows") as refused:
            run(database, COUNT, document, policy)
        assert refused.value.status == 413


def test_the_limit_of_bytes_is_enforced_on_what_a_bomb_unpacks_to(database):
    policy = UploadPolicy(rows=10**6, size=200_000, remote=False, seconds=1)
    plain = votable(Table({"a": ["x" * 100_000]}))
    assert run(database, COUNT, plain, policy).split() == [b"n", b"1"]
    bomb = gzip.compress(plain.replace(b"</TD>", b" " * 10_000_000 + b"</TD>"))
    assert len(bomb) < 20_000
    with pytest.raises(UploadError, match="may have 200000 bytes together, decompressed"):
        run(database, COUNT, bomb, policy)


def test_a_body_beyond_the_limit_is_refused_before_it_is_kept(client, settings):
    answer = upload(client, COUNT, {"mine": b"x" * (settings.upload_bytes + 5 * 1024 * 1024)})
    assert answer.status_code == 413
    assert "64 MiB" in error_of(answer)


def test_a_query_without_leave_to_upload_is_refused(database):
    request = QueryRequest(
        COUNT, 1, negotiate("csv"), uploads=(Upload("mine", InlineSource(io.BytesIO())),)
    )

    def write(piece: bytes, *, last: bool) -> None:
        raise AssertionError

    with pytest.raises(RequestError, match="cannot be uploaded"):
        QueryRun(database, TableSets(database), request, write).run()


def test_nothing_stays_behind_in_the_connection_whether_it_went_well_or_not(database):
    policy = UploadPolicy(rows=100, size=10**6, remote=False, seconds=1)
    run(database, COUNT, votable(MINE), policy)
    with pytest.raises(UploadError):
        run(database, COUNT, votable(MINE)[:-300], policy)
    with pytest.raises(Exception, match="no column nope"):
        run(database, "SELECT nope FROM TAP_UPLOAD.mine", votable(MINE), policy)
    with database.owner() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_catalog.pg_class WHERE relpersistence = 't' AND relkind = 'r'"
        )
        assert cursor.fetchall() == []
    assert database.queries_running == 0


@pytest.mark.parametrize("reason", [None, too_slow(3)])
def test_a_query_that_is_stopped_while_its_upload_is_read_ends_at_once(database, reason):
    class Stopping(io.BytesIO):
        """A document in the middle of which the client goes away, or its time is over."""

        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 100_000:
                query.stop(reason)
            return super().read(size)

    cells = b"<TR><TD>Io</TD><TD>1</TD><TD>2</TD></TR>" * 20_000
    source = InlineSource(Stopping(votable(MINE).replace(b"</TABLEDATA>", cells + b"</TABLEDATA>")))
    request = QueryRequest(COUNT, 100, negotiate("csv"), uploads=(Upload("mine", source),))

    def write(piece: bytes, *, last: bool) -> None:
        raise AssertionError

    policy = UploadPolicy.of(Settings())
    query = QueryRun(database, TableSets(database), request, write, policy)
    with pytest.raises(Cancelled if reason is None else RequestError) as ended:
        query.run()
    assert reason is None or ended.value is reason
    assert database.queries_running == 0


def test_the_limits_and_methods_are_declared(service):
    tap = pyvo.dal.TAPService(f"{service}/tap")
    assert {method.ivo_id.rpartition("#")[2] for method in tap.upload_methods} == {
        "upload-inline",
        "upload-http",
        "upload-https",
    }
    text = httpx.get(f"{service}/tap/capabilities").text
    limit = re.search(r"<uploadLimit>.*?</uploadLimit>", text, re.DOTALL)
    assert limit is not None
    assert '<default unit="row">1000000</default>' in limit[0]
    assert f'<hard unit="byte">{64 * 1024 * 1024}</hard>' in limit[0]


@pytest.mark.peers
@pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")
def test_taplint_uploads_without_error_or_warning(durable):
    # taplint uploads to /async alone: somebody has to work there.
    done = subprocess.run(
        ["stilts", "taplint", f"tapurl={durable.url}/tap", "stages=CAP UPL"],
        capture_output=True,
        text=True,
        timeout=240,
    )
    faults = [line for line in done.stdout.splitlines() if re.match(r"[EWF]-", line)]
    assert not faults, "\n".join(faults)
    assert "Section UPL:" in done.stdout
    assert "Totals: Errors: 0; Warnings: 0" in done.stdout


@pytest.mark.peers
@pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")
@pytest.mark.parametrize(
    "form", ["votable-tabledata", "votable-binary-inline", "votable-binary2-inline"]
)
def test_what_stilts_writes_comes_back_the_same(client, tmp_path, form):
    source, sent, back = (tmp_path / name for name in ("source.fits", "sent.vot", "back.vot"))
    moons = Table(
        {
            "s": np.array([1, -2, 3], dtype=np.int16),
            "i": np.array([1, -(2**31) + 1, 2**31 - 1], dtype=np.int32),
            "l": np.array([2**62, 0, -(2**62)], dtype=np.int64),
            "f": np.array([1.25, np.nan, -3e38], dtype=np.float32),
            "d": np.array([1e300, np.nan, np.inf]),
            "b": np.array([True, False, True]),
            "t": ["one", "", "a<b&c"],
            "v": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
        }
    )
    moons.write(source)
    subprocess.run(
        ["stilts", "tpipe", f"in={source}", "ifmt=fits", f"out={sent}", f"ofmt={form}"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    answer = upload(client, "SELECT * FROM TAP_UPLOAD.mine", {"mine": sent.read_bytes()})
    assert answer.status_code == 200, answer.text
    back.write_bytes(answer.content)
    table = parse(io.BytesIO(answer.content)).get_first_table()
    assert [one.name for one in table.fields] == moons.colnames
    rows = table.to_table()
    for name in ("s", "i", "l", "b"):
        assert [int(value) for value in rows[name]] == [int(value) for value in moons[name]]
    for name in ("f", "d", "v"):
        found = np.ma.filled(np.ma.asarray(rows[name]), np.nan)
        np.testing.assert_array_equal(found, np.asarray(moons[name]))
    assert [str(value) if value else "" for value in rows["t"]] == list(moons["t"])


ALL_TYPES = """<VOTABLE version="1.4"><RESOURCE><TABLE>
<FIELD name="bool" datatype="boolean"/><FIELD name="bools" datatype="boolean" arraysize="3"/>
<FIELD name="bits" datatype="bit" arraysize="*"/><FIELD name="byte" datatype="unsignedByte"/>
<FIELD name="long" datatype="long"/><FIELD name="ints" datatype="int" arraysize="2x2"/>
<FIELD name="char" datatype="char"/><FIELD name="words" datatype="char" arraysize="3x2"/>
<FIELD name="uni" datatype="unicodeChar" arraysize="10"/>
<FIELD name="single" datatype="float"/><FIELD name="complex" datatype="doubleComplex"/>
<FIELD name="when" datatype="char" arraysize="*" xtype="timestamp"/>
<FIELD name="where" datatype="float" arraysize="2" xtype="point"/>
<FIELD name="shape" datatype="double" arraysize="*" xtype="polygon"/>
<FIELD name="span" datatype="double" arraysize="2" xtype="interval"/>
<DATA><TABLEDATA>
<TR><TD>T</TD><TD>1 0 ?</TD><TD>101</TD><TD>255</TD><TD>-9223372036854775807</TD><TD>1 2 3 4</TD>
<TD>x</TD><TD>ab cde</TD><TD>na&#239;ve</TD><TD>1.5</TD><TD>1 -2</TD><TD>2020-02-29T01:02:03.25</TD>
<TD>10 -20</TD><TD>0 0 1 0 1 1</TD><TD>-Inf 5</TD></TR>
<TR><TD/><TD/><TD/><TD/><TD/><TD/><TD/><TD/><TD/><TD/><TD/><TD/><TD/><TD/><TD/></TR>
</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""


@pytest.mark.parametrize("form", ["votable", "votable/td", "votable/b"])
def test_every_type_comes_back_with_its_values(client, form):
    answer = upload(
        client, "SELECT * FROM TAP_UPLOAD.mine", {"mine": ALL_TYPES.encode()}, FORMAT=form
    )
    assert answer.status_code == 200, answer.text
    table = parse(io.BytesIO(answer.content)).get_first_table()
    xtypes = {one.name: one.xtype for one in table.fields if one.xtype}
    assert xtypes == {
        "when": "timestamp",
        "where": "point",
        "shape": "polygon",
        "span": "interval",
    }
    first = {one.name: table.array[one.ID][0] for one in table.fields}
    assert (int(first["bool"]), int(first["byte"])) == (1, 255)
    assert int(first["long"]) == -(2**63) + 1
    assert [int(x) for x in np.ravel(first["bools"])[:2]] == [1, 0]
    assert [int(x) for x in np.ravel(first["bits"])] == [1, 0, 1]
    assert [int(x) for x in np.ravel(first["ints"])] == [1, 2, 3, 4]
    assert float(first["single"]) == 1.5
    assert [float(x) for x in np.ravel(first["complex"])] == [1.0, -2.0]
    assert [float(x) for x in np.ravel(first["where"])] == [10.0, -20.0]
    assert [float(x) for x in np.ravel(first["shape"])] == [0, 0, 1, 0, 1, 1]
    assert [float(x) for x in np.ravel(first["span"])] == [-np.inf, 5]
    assert first["when"] == "2020-02-29T01:02:03.25"


@pytest.mark.parametrize("form", ["csv", "tsv", "json", "fits", "parquet", "text", "html"])
def test_every_type_can_be_written_in_every_format(client, form):
    answer = upload(
        client, "SELECT * FROM TAP_UPLOAD.mine", {"mine": ALL_TYPES.encode()}, FORMAT=form
    )
    assert answer.status_code == 200, answer.text
    if form == "csv":
        first, second = list(csv.DictReader(io.StringIO(answer.text)))
        assert first["uni"] == "naïve"
        assert first["words"] == "ab cde"
        assert set(second.values()) == {""}


def test_rows_without_a_value_are_found_by_is_null(client):
    conditions = " AND ".join(
        f'"{name}" IS NULL' for name in re.findall(r'<FIELD name="(\w+)"', ALL_TYPES)
    )
    query = f"SELECT COUNT(*) AS n FROM TAP_UPLOAD.mine WHERE {conditions}"
    answer = upload(client, query, {"mine": ALL_TYPES.encode()}, FORMAT="csv")
    assert answer.text.split() == ["n", "1"]
