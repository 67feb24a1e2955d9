"""Uploaded VOTables, read as other software writes them and as nobody should."""

from __future__ import annotations

import base64
import io
import itertools
import math
import resource
import struct
import time
import tracemalloc

import numpy as np
import pytest
from astropy.io.votable.tree import Field as VotField
from astropy.io.votable.tree import Resource, TableElement, VOTableFile
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.tables import CoordinateSystem, TimeSystem
from epntap.tap.uploads import UploadError
from epntap.tap.uploads.cells import NULL
from epntap.tap.uploads.votable import VOTableReader

SERIALISATIONS = ("tabledata", "binary", "binary2")


class Pieces:
    """A document that comes in small pieces, so that nothing is whole in any of them."""

    def __init__(self, document: bytes, size: int) -> None:
        self._file = io.BytesIO(document)
        self._size = size

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, self._size))


def read(document: bytes, *, piece: int = 1 << 16, row_limit: int = 1000) -> VOTableReader:
    return VOTableReader("mine", Pieces(document, piece), row_limit=row_limit)


def rows(document: bytes, *, piece: int = 1 << 16, row_limit: int = 1000) -> list[list[str]]:
    text = b"".join(read(document, piece=piece, row_limit=row_limit).lines()).decode()
    return [line.split("\t") for line in text.split("\n")[:-1]]


def document(fields: str, data: str, *, before: str = "", root: str = "") -> bytes:
    return (
        f'{root}<VOTABLE version="1.4">{before}<RESOURCE><TABLE>{fields}<DATA>{data}</DATA>'
        "</TABLE></RESOURCE></VOTABLE>"
    ).encode()


def table(fields: str, *cells: str) -> bytes:
    """A document of one row."""
    row = "".join(f"<TD>{cell}</TD>" for cell in cells)
    return document(fields, f"<TABLEDATA><TR>{row}</TR></TABLEDATA>")


def stream(fields: str, data: bytes, kind: str = "BINARY") -> bytes:
    text = base64.encodebytes(data).decode()
    return document(fields, f'<{kind}><STREAM encoding="base64">{text}</STREAM></{kind}>')


def field(datatype: str, more: str = "", name: str = "a", inside: str = "") -> str:
    return f'<FIELD name="{name}" datatype="{datatype}" {more}>{inside}</FIELD>'


def astropy_document(columns: dict[str, tuple[str, str | None, list[object]]], how: str) -> bytes:
    """A document that astropy writes: datatype, arraysize and cells by name."""
    file = VOTableFile(version="1.4")
    holder = Resource()
    file.resources.append(holder)
    element = TableElement(file)
    holder.tables.append(element)
    for name, (datatype, arraysize, _) in columns.items():
        element.fields.append(
            VotField(file, name=name, ID=name, datatype=datatype, arraysize=arraysize)
        )
    length = len(next(iter(columns.values()))[2])
    element.create_arrays(length)
    for name, (_, _, cells) in columns.items():
        for index, cell in enumerate(cells):
            if cell is None:
                element.array.mask[name][index] = True
            else:
                # Not through the masked array, which takes the mask from arrays in cells.
                element.array.data[name][index] = cell
                element.array.mask[name][index] = False
    buffer = io.BytesIO()
    element.format = how
    file.to_xml(buffer, tabledata_format=how)
    return buffer.getvalue()


WORDS = st.text(
    st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters="\x7f"), max_size=12
).filter(lambda word: word == word.strip())


@settings(max_examples=60, deadline=None)
@given(
    how=st.sampled_from(SERIALISATIONS),
    piece=st.sampled_from([1, 7, 100, 1 << 16]),
    cells=st.lists(
        st.tuples(
            st.integers(-(2**15), 2**15 - 1),
            st.integers(-(2**31), 2**31 - 1),
            st.integers(-(2**63), 2**63 - 1),
            st.integers(0, 255),
            st.floats(width=32, allow_nan=False),
            st.floats(allow_nan=False),
            WORDS,
            st.lists(st.floats(allow_nan=False), min_size=1, max_size=4),
            st.tuples(st.integers(-9, 9), st.integers(-9, 9)),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    ),
)
def test_what_astropy_writes_is_read_exactly(how, piece, cells):
    types = [
        ("short", None), ("int", None), ("long", None), ("unsignedByte", None), ("float", None),
        ("double", None), ("char", "*"), ("double", "*"), ("int", "2"), ("boolean", None),
    ]  # fmt: skip
    columns: dict[str, tuple[str, str | None, list[object]]] = {}
    for index, (datatype, size) in enumerate(types):
        values: list[object] = [row[index] for row in cells]
        if size and datatype != "char":
            values = [np.ma.array(value, mask=[False] * len(value)) for value in values]
        columns[f"c{index}"] = (datatype, size, values)
    found = rows(astropy_document(columns, how), piece=piece)
    assert len(found) == len(cells)
    for line, row in zip(found, cells, strict=True):
        assert [int(cell) for cell in line[:4]] == list(row[:4])
        assert np.float32(float(line[4])) == np.float32(row[4])
        assert float(line[5]) == row[5]
        assert (line[6] if line[6] != NULL else "") == row[6].replace("\\", "\\\\")
        assert [float(part) for part in line[7][1:-1].split(",")] == list(row[7])
        assert line[8] == f"{{{row[8][0]},{row[8][1]}}}"
        assert line[9] == str(int(row[9]))


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20))
@pytest.mark.parametrize("how", SERIALISATIONS)
def test_text_of_any_script_is_kept(how, text):
    stripped = text.strip()
    made = astropy_document({"a": ("unicodeChar", "*", [stripped])}, how)
    ((cell,),) = rows(made, piece=5)
    expected = stripped.replace("\\", "\\\\") or (NULL if how == "tabledata" else "")
    assert cell == expected


@pytest.mark.parametrize("how", ["tabledata", "binary2"])
def test_missing_values_are_null_in_every_type(how):
    columns = {
        name: (datatype, size, [None])
        for name, datatype, size in [
            ("a", "float", None), ("b", "double", None), ("c", "boolean", None),
            ("d", "int", None), ("e", "long", None),
        ]
    }  # fmt: skip
    if how == "tabledata":
        columns.pop("d")
        columns.pop("e")
    ((*cells,),) = rows(astropy_document(columns, how))
    assert cells == [NULL] * len(columns)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (table(field("int", inside='<VALUES null="-9"/>'), "-9"), NULL),
        (table(field("int"), ""), NULL),
        (table(field("int"), "  "), NULL),
        (table(field("int"), "0x1F"), "31"),
        (table(field("int"), " +7 "), "7"),
        (table(field("int"), "7.0"), "7"),
        (table(field("int"), "NaN"), NULL),
        (table(field("double"), "NaN"), NULL),
        (table(field("double"), "+Inf"), "inf"),
        (table(field("double"), "-Inf"), "-inf"),
        (table(field("double"), "1e400"), "inf"),
        (table(field("float"), "1e-60"), "0.0"),
        (table(field("char", 'arraysize="*"'), ""), NULL),
        (table(field("char", 'arraysize="*"'), "a\\b&#9;c&lt;"), "a\\\\b\\tc<"),
        (table(field("char", 'arraysize="*"'), "<![CDATA[<x>]]>"), "<x>"),
        (table(field("boolean"), "T"), "1"),
        (table(field("boolean"), "false"), "0"),
        (table(field("boolean"), "?"), NULL),
        (table(field("boolean", 'arraysize="3"'), "T F ?"), "{1,0,NULL}"),
        (table(field("bit", 'arraysize="4"'), "1011"), "{1,0,1,1}"),
        (table(field("bit", 'arraysize="4"'), "1 0 1 1"), "{1,0,1,1}"),
        (table(field("floatComplex"), "1.5 -2"), "{1.5,-2.0}"),
        (table(field("doubleComplex", 'arraysize="2"'), "1 2 3 4"), "{1.0,2.0,3.0,4.0}"),
        (table(field("double", 'arraysize="2x*"'), "1 2 NaN 4"), "{1.0,2.0,NaN,4.0}"),
        (table(field("int", 'arraysize="*"', inside='<VALUES null="0"/>'), "1 0"), "{1,NULL}"),
        (table(field("char", 'arraysize="*" xtype="timestamp"'), "2020-02-29T12:30:00.5"),
         "2020-02-29 12:30:00.5"),
        (table(field("char", 'arraysize="*" xtype="timestamp"'), "2020-02-29 12:30:00"),
         "2020-02-29 12:30:00"),
        (table(field("char", 'arraysize="*" xtype="adql:TIMESTAMP"'), "2020-02-29"),
         "2020-02-29 00:00:00"),
        (table(field("char", 'arraysize="*" xtype="timestamp"'), ""), NULL),
        (stream(field("short", inside='<VALUES null="5"/>'), b"\0\5"), NULL),
        (stream(field("double"), struct.pack(">d", math.nan)), NULL),
        (stream(field("char", 'arraysize="6"'), b"ab\0cd\0"), "ab"),
        (stream(field("char", 'arraysize="2x2"'), b"a\0bc"), "a bc"),
        (stream(field("unicodeChar", 'arraysize="2"'), "é\0".encode("utf-16-be")), "é"),
        (stream(field("boolean", 'arraysize="3"'), b"T0 "), "{1,0,NULL}"),
        (stream(field("bit", 'arraysize="10"'), b"\xa0\x40"), "{1,0,1,0,0,0,0,0,0,1}"),
        (stream(field("double", 'arraysize="*"'), bytes(4)), "{}"),
        (stream(field("char", 'arraysize="*"'), b"\x80\0\0\0\0", "BINARY2"), NULL),
        (stream(field("char", 'arraysize="*"'), b"\0\0\0\0\0", "BINARY2"), ""),
        (stream(field("char", 'arraysize="*" xtype="timestamp"'),
                b"\0\0\0\x0a2020-01-02"), "2020-01-02 00:00:00"),
    ],
)  # fmt: skip
def test_a_cell_is_understood(made, expected):
    assert rows(made, piece=9) == [[expected]]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (table(field("short"), "32768"), "row 1, column a: '32768' is not of the type short"),
        (table(field("unsignedByte"), "-1"), "not of the type unsignedByte"),
        (table(field("int"), "1_000"), "not of the type int"),
        (table(field("int"), "1.5"), "is not an integer"),
        (table(field("int"), "x"), "is not an integer"),
        (table(field("int"), "9" * 5000), "is not an integer"),
        (table(field("float"), "1e39"), "not of the type float"),
        (table(field("double"), "1_0"), "is not a number"),
        (table(field("boolean"), "yes"), "is not a boolean"),
        (table(field("bit"), "2"), "is not a bit"),
        (table(field("double", 'arraysize="3"'), "1 2"), "has 2 elements"),
        (table(field("char", 'arraysize="*" xtype="timestamp"'), "2020-02-30"), "not a timestamp"),
        (table(field("int"), "1", "2"), "there are more cells than the 1 columns"),
        (table(field("int") + field("int", name="b"), "1"), "there are 1 cells for 2 columns"),
        (table("", "1"), "has no FIELD"),
        (table(field("text"), "1"), "has the datatype 'text'"),
        (table(field("int", 'arraysize="0"'), "1"), "has the arraysize '0'"),
        (table(field("int", 'arraysize="-3"'), "1"), "has the arraysize '-3'"),
        (table(field("int", 'arraysize="**"'), "1"), "has the arraysize '**'"),
        (table(field("int", inside='<VALUES null="x"/>'), "1"), "VALUES null='x'"),
        (table(field("int", name="x" * 64), "1"), "names have 1 to 63 bytes"),
        (table(field("int", name=""), "1"), "a column has the name ''"),
        (table(field("int", name="a&quot;b"), "1"), "cannot be written in a query"),
        (table(field("int", name="a&#10;b"), "1"), "cannot be written in a query"),
        (table(field("int") + field("int", name="A"), "1", "2"), "columns a and A"),
        (table("".join(field("int", name=f"c{i}") for i in range(401)), "1"), "400 are the most"),
        (stream(field("int"), b"\0\0\0\1\0"), "ends in the middle of a row"),
        (stream(field("char", 'arraysize="*"'), b"\x7f\xff\xff\xffx"), "in the middle of a row"),
        (stream(field("char", 'arraysize="2"'), b"\xff\xfe"), "row 1, column a: is not UTF-8"),
        (document(field("int"), '<BINARY><STREAM encoding="base64">!!!!</STREAM></BINARY>'),
         "not base64"),
        (document(field("int"), '<BINARY><STREAM encoding="gzip">AAAA</STREAM></BINARY>'),
         "encoding gzip"),
        (document(field("int"), '<BINARY><STREAM href="file:///etc/passwd"/></BINARY>'),
         "STREAM with href"),
        (document(field("int"), '<FITS><STREAM encoding="base64"/></FITS>'), "FITS are not read"),
        (document(field("int"), '<TABLEDATA><TR><TD encoding="base64">AA==</TD></TR></TABLEDATA>'),
         "an encoding of its own"),
        (document(field("int"), "", root='<?xml version="1.0" encoding="x-nonsense"?>'),
         "the encoding x-nonsense is not read"),
        (b"", "not well-formed"),
        (b"<VOTABLE/>", "has no TABLE"),
        (b"<x:y/>", "begins with x:y"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_name(made, said):
    with pytest.raises(UploadError) as refused:
        rows(made, piece=11)
    assert str(refused.value).startswith("upload mine: ")
    assert said in str(refused.value)


BOMB = (
    '<!DOCTYPE VOTABLE [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)


@pytest.mark.parametrize(
    "root",
    [
        BOMB,
        "<!DOCTYPE VOTABLE>",
        '<!DOCTYPE VOTABLE SYSTEM "http://127.0.0.1/votable.dtd">',
        '<!DOCTYPE VOTABLE [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE VOTABLE [<!ENTITY % x SYSTEM "http://127.0.0.1/"> %x;]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_with_whatever_it_declares(root, encoding):
    made = document(field("int"), "<TABLEDATA/>", root=root).decode().encode(encoding)
    with pytest.raises(UploadError, match="DOCTYPE"):
        rows(made, piece=3)


def test_an_entity_that_nothing_declares_is_refused():
    with pytest.raises(UploadError, match="undefined entity"):
        rows(table(field("char", 'arraysize="*"'), "&secret;"))


def test_a_tag_without_end_is_given_up_soon():
    made = b'<VOTABLE><RESOURCE name="' + b"x" * 30_000_000
    begin = time.process_time()
    with pytest.raises(UploadError, match="more than 1 MiB"):
        read(made)
    assert time.process_time() - begin < 5


def test_a_long_document_is_no_long_tag():
    made = document(
        field("char", 'arraysize="*"'),
        "<TABLEDATA>" + "<TR><TD>" + "y" * 3_000_000 + "</TD></TR>" * 1 + "</TABLEDATA>",
    )
    ((cell,),) = rows(made)
    assert len(cell) == 3_000_000


def test_what_a_document_claims_reserves_no_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made = document(
        field("double", 'arraysize="999999999"'), "<TABLEDATA><TR><TD/></TR></TABLEDATA>"
    ).replace(b"<TABLE>", b'<TABLE nrows="999999999999">')
    assert rows(made) == [[NULL]]
    claim = struct.pack(">I", 0xFFFFFFF0)
    with pytest.raises(UploadError, match="in the middle"):
        rows(stream(field("double", 'arraysize="*"'), claim))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_large_array_of_fixed_size_is_described_as_of_any_size():
    small, large = read(
        table(
            field("double", 'arraysize="4x4"') + field("double", 'arraysize="17"', name="b"), "", ""
        )
    ).fields
    assert (small.column.arraysize, large.column.arraysize) == ("4x4", "*")


class Endless:
    """A document of any number of rows that are made while it is read."""

    def __init__(self, head: bytes, rows: bytes, count: int, tail: bytes) -> None:
        self._pieces = itertools.chain([head], itertools.repeat(rows, count), [tail])

    def read(self, _size: int) -> bytes:
        return next(self._pieces, b"")


def test_a_long_table_is_read_in_constant_memory():
    head, row, tail = (
        part.encode()
        for part in table(field("int"), "123456").decode().partition("<TR><TD>123456</TD></TR>")
    )
    source = Endless(head, row * 1000, 60, tail)
    tracemalloc.start()
    try:
        reader = VOTableReader("mine", source, row_limit=10**6)
        length = sum(len(piece) for piece in reader.lines())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (reader.row_count, length) == (60_000, 7 * 60_000)
    assert peak < 1_000_000


def test_the_limit_of_rows_is_that_of_the_caller():
    made = document(field("int"), "<TABLEDATA>" + "<TR><TD>1</TD></TR>" * 5 + "</TABLEDATA>")
    assert len(rows(made, row_limit=5)) == 5
    with pytest.raises(UploadError, match="more than 4 rows") as refused:
        rows(made, row_limit=4)
    assert refused.value.status == 413


def test_the_first_table_is_read_and_what_follows_is_not():
    made = document(field("int"), "<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>").replace(
        b"</TABLE>",
        b'</TABLE><TABLE><FIELD name="z" datatype="int"/><DATA><TABLEDATA><TR><TD>2</TD></TR>'
        b"</TABLEDATA></DATA></TABLE>",
    )
    assert rows(made) == [["1"]]


def test_a_table_without_data_has_no_rows():
    made = (
        b'<VOTABLE><RESOURCE><TABLE><FIELD name="a" datatype="int"/></TABLE></RESOURCE></VOTABLE>'
    )
    assert rows(made) == []
    assert [one.column.name for one in read(made).fields] == ["a"]


def test_prefixes_of_names_make_no_difference():
    made = table(field("int"), "5").decode()
    for name in ("VOTABLE", "RESOURCE", "TABLEDATA", "TABLE", "FIELD", "DATA", "TR", "TD"):
        for start in (f"<{name}>", f"<{name} ", f"</{name}>"):
            made = made.replace(start, start.replace(name, f"v:{name}"))
    made = made.replace("<v:VOTABLE ", '<v:VOTABLE xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3" ')
    assert rows(made.encode()) == [["5"]]


def test_everything_that_a_field_says_is_kept():
    before = (
        '<TIMESYS ID="t" timescale="TDB" refposition="BARYCENTER" timeorigin="JD-origin"/>'
        '<COOSYS ID="c" system="ICRS" epoch="J2015.5"/>'
    )
    fields = (
        '<FIELD name="time" datatype="double" unit="d" ucd="time.epoch" utype="u:t" ref="t">'
        "<DESCRIPTION>When it\n was</DESCRIPTION></FIELD>"
        '<FIELD name="ra" datatype="float" arraysize="2" xtype="point" ref="c"/>'
        '<FIELD name="xmin" datatype="int" arraysize="1"/>'
        '<FIELD ID="only_id" datatype="unicodeChar" arraysize="10"/>'
    )
    time_field, point, system_name, text = (
        one.column for one in read(document(fields, "<TABLEDATA/>", before=before)).fields
    )
    assert time_field.system == TimeSystem("TDB", "BARYCENTER", "JD-origin")
    assert (time_field.unit, time_field.ucd, time_field.utype) == ("d", "time.epoch", "u:t")
    assert time_field.description == "When it was"
    assert (point.datatype, point.arraysize, point.xtype) == ("double", "2", "point")
    assert point.system == CoordinateSystem("ICRS", "J2015.5")
    # PostgreSQL has a column xmin in every table.
    assert (system_name.name, system_name.arraysize) == ("XMIN", None)
    assert (text.name, text.datatype, text.arraysize) == ("only_id", "unicodeChar", "*")


@settings(max_examples=200, deadline=None)
@given(
    start=st.integers(0, 600),
    noise=st.binary(max_size=40),
    how=st.sampled_from(SERIALISATIONS),
)
def test_a_damaged_document_is_read_or_refused_and_nothing_else(start, noise, how):
    made = astropy_document({"a": ("int", None, [1, 2]), "b": ("char", "*", ["x", "y"])}, how)
    damaged = made[:start] + noise + made[start + len(noise) :]
    try:
        found = rows(damaged)
    except UploadError:
        return
    assert all(isinstance(row, list) for row in found)
