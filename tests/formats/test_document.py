"""What stands around the rows: metadata, status, limits, failures."""

from __future__ import annotations

import io
import tracemalloc
import warnings

import lxml.etree
import numpy as np
import pytest
from astropy.io.votable import parse
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.formats import FORMATS, Info, ResultHeader, error_document, negotiate
from epntap.tables import Column, CoordinateSystem, TimeSystem

from .streams import VOTABLES, copied, copy_binary, document, literal_rows, read

NS = {"v": "http://www.ivoa.net/xml/VOTable/v1.3"}
QUICK = settings(max_examples=60, deadline=None, derandomize=True)
JD = TimeSystem("UTC", "UNKNOWN")
ICRS = CoordinateSystem("ICRS", "J2000.0")
COLUMNS = (
    Column("granule_uid", "char", "*", ucd="meta.id", description='a < b & "c"'),
    Column("time_min", "double", unit="d", ucd="time.start;obs", system=JD),
    Column("time_max", "double", unit="d", ucd="time.end;obs", system=TimeSystem("UTC", "UNKNOWN")),
    Column("c1min", "double", unit="deg", ucd="pos.eq.ra;stat.min", system=ICRS),
    Column("s_region", "char", "*", xtype="adql:REGION", utype="Char.SpatialAxis"),
    Column("creation_date", "char", "*", xtype="timestamp"),
    Column("c1_range", "double", "2", xtype="interval"),
    Column("rank", "short"),
)
ROWS = [("a", 2455197.5, 2455198.5, 12.5, None, "2020-01-01T00:00:00.000", [1.0, 2.0], None)] * 3


def stream(name: str, columns, rows, database=None) -> list[bytes]:
    if negotiate(name).copy == "binary":
        return copy_binary(columns, rows)
    return copied(database, literal_rows(database, columns, rows), columns, negotiate(name).copy)


def parsed(document: bytes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # astropy warns of everything that is not in the standard
        return parse(io.BytesIO(document), verify="exception")


def statuses(document: bytes) -> list[tuple[str, str | None]]:
    tree = lxml.etree.fromstring(document)
    return [
        (info.get("value"), info.text)
        for info in tree.iterfind(".//v:INFO[@name='QUERY_STATUS']", NS)
    ]


@pytest.mark.parametrize("name", VOTABLES)
def test_the_columns_arrive_with_all_that_is_said_of_them(name, database):
    votable = parsed(document(name, COLUMNS, stream(name, COLUMNS, ROWS, database)))
    table = votable.get_first_table()
    assert votable.version == "1.4"
    assert len(table.array) == 3
    for column, field in zip(COLUMNS, table.fields, strict=True):
        assert (field.name, field.ID) == (column.name, column.name)
        assert (field.datatype, field.arraysize) == (column.datatype, column.arraysize)
        assert (field.xtype, field.utype, field.ucd) == (column.xtype, column.utype, column.ucd)
        assert (str(field.unit) if field.unit else None) == column.unit
        assert field.description == column.description


def test_each_system_stands_once_before_the_table_and_is_referred_to():
    votable = parsed(document("votable", COLUMNS, copy_binary(COLUMNS, ROWS)))
    resource = votable.resources[0]
    (time,), (place,) = resource.time_systems, resource.coordinate_systems
    assert (time.timescale, time.refposition) == ("UTC", "UNKNOWN")
    assert str(time.timeorigin) == "JD-origin" or time.timeorigin == 0
    assert (place.system, place.epoch) == ("ICRS", "J2000.0")
    references = {field.name: field.ref for field in votable.get_first_table().fields}
    assert references["time_min"] == references["time_max"] == time.ID
    assert references["c1min"] == place.ID
    assert references["rank"] is None
    tree = lxml.etree.fromstring(document("votable", COLUMNS, copy_binary(COLUMNS, ROWS)))
    tags = [lxml.etree.QName(e).localname for e in tree.find("v:RESOURCE", NS)]
    assert tags == ["INFO", "TIMESYS", "COOSYS", "TABLE"]


def test_identifiers_are_unique_whatever_the_names():
    names = ["x", "x", "1st", "a b", "a_b", "", "timesys", "höhe", "count(*)"]
    columns = [Column(name, "int", system=JD) for name in names]
    votable = document("votable/b2", columns, [])
    identifiers = lxml.etree.fromstring(votable).xpath("//@ID")
    assert len(set(identifiers)) == len(identifiers) == len(names) + 1
    assert [
        f.get("name") for f in lxml.etree.fromstring(votable).iterfind(".//v:FIELD", NS)
    ] == names


@QUICK
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_stand_in_the_document(attribute, content):
    header = ResultHeader(
        query=attribute, run_id=content, infos=(Info("x", attribute, content),), description=content
    )
    columns = [Column(attribute, "int", description=content, unit=attribute)]
    tree = lxml.etree.fromstring(document("votable", columns, [], header=header))
    query = tree.find(".//v:INFO[@name='QUERY']", NS)
    legal = "".join(c for c in attribute if c in "\t\n\r" or " " <= c <= "\ufffd" or c > "\uffff")
    legal = "".join(c for c in legal if not "\ud800" <= c <= "\udfff")
    assert query.get("value") == legal


@pytest.mark.parametrize("name", VOTABLES)
def test_empty_results_are_whole_documents_with_their_columns(name, database):
    votable = document(name, COLUMNS, stream(name, COLUMNS, [], database))
    table = parsed(votable).get_first_table()
    assert len(table.fields) == len(COLUMNS)
    assert len(table.array) == 0
    assert statuses(votable) == [("OK", None)]
    without_stream = document(name, COLUMNS, [])
    assert len(parsed(without_stream).get_first_table().array) == 0


@pytest.mark.parametrize("result_format", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("maxrec", [0, 1, 3, 7, 8, 9])
def test_rows_over_the_limit_are_left_out_and_told(result_format, maxrec, database):
    columns = [Column("n", "int")]
    rows = [(i,) for i in range(8)]
    messages = stream(result_format.name, columns, rows, database)
    writer = result_format.writer(columns, ResultHeader(), maxrec=maxrec)
    parts = [writer.begin(), writer.rows(messages[:2]), writer.rows(messages[2:]), *writer.end()]
    assert writer.row_count == min(maxrec, 8)
    assert writer.overflow is (maxrec < 8)
    whole = b"".join(parts)
    if result_format.name in VOTABLES:
        assert read(whole)["n"].tolist() == list(range(min(maxrec, 8)))
        told = [value for value, _ in statuses(whole)]
        assert told == (["OK", "OVERFLOW"] if maxrec < 8 else ["OK"])
    elif result_format.name in ("csv", "tsv"):
        assert whole.decode().splitlines() == ["n", *map(str, range(min(maxrec, 8)))]


@pytest.mark.parametrize("name", VOTABLES)
def test_the_caller_can_tell_of_an_overflow_itself(name):
    writer = negotiate(name).writer(COLUMNS, ResultHeader())
    whole = b"".join([writer.begin(), *writer.end(overflow=True)])
    assert [value for value, _ in statuses(whole)] == ["OK", "OVERFLOW"]
    parsed(whole)


@pytest.mark.parametrize("name", VOTABLES)
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_failure_in_the_middle_leaves_a_whole_document_with_the_reason(name, count, database):
    columns = [Column("n", "short"), Column("t", "char", "*")]
    messages = stream(name, columns, [(i, "x" * i) for i in range(6)], database)[:count]
    writer = negotiate(name).writer(columns, ResultHeader())
    whole = b"".join([writer.begin(), writer.rows(messages), writer.fail("lost <it> & more\x01")])
    assert read(whole)["n"].tolist() == list(range(count))
    assert statuses(whole) == [("OK", None), ("ERROR", "lost <it> & more")]


def test_errors_are_documents_without_a_table():
    made = error_document('no "column" <x>', infos=[Info("QUERY", "SELECT 'ä'\nFROM x")])
    tree = lxml.etree.fromstring(made)
    assert statuses(made) == [("ERROR", 'no "column" <x>')]
    assert tree.find(".//v:TABLE", NS) is None
    assert tree.find(".//v:INFO[@name='QUERY']", NS).get("value") == "SELECT 'ä'\nFROM x"
    assert tree.find("v:RESOURCE", NS).get("type") == "results"


def test_integers_declare_what_means_null_only_where_it_is_needed():
    columns = [
        Column("a", "short"),
        Column("b", "long"),
        Column("c", "int", "*"),
        Column("d", "float"),
    ]

    def declared(name: str) -> dict[str, str]:
        tree = lxml.etree.fromstring(document(name, columns, []))
        values = tree.iterfind(".//v:VALUES", NS)
        return {v.getparent().get("name"): v.get("null") for v in values}

    array = str(np.iinfo("i4").min)
    assert declared("votable/b") == {"a": "-32768", "b": str(np.iinfo("i8").min), "c": array}
    assert declared("votable/b2") == declared("votable/td") == {"c": array}


@pytest.mark.parametrize(
    "result_format",
    # FITS and Parquet keep so much and no more, which their own tests show.
    [each for each in FORMATS if each.name not in ("fits", "parquet")],
    ids=lambda f: f.name,
)
def test_writers_keep_nothing_of_the_rows_that_they_wrote(result_format, database):
    columns = [Column("n", "long"), Column("t", "char", "*")]
    rows = [(i, "x" * 500) for i in range(200)]
    first, *rest = stream(result_format.name, columns, rows, database)
    writer = result_format.writer(columns, ResultHeader())
    writer.begin()
    writer.rows([first])
    tracemalloc.start()
    try:
        for _ in range(5):
            writer.rows(rest[:199])
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(50):
            writer.rows(rest[:199])
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert writer.row_count == 1 + 55 * 199
    assert after - before < 50_000
