"""The same documents read by STILTS."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from pathlib import Path

import pytest

from epntap.formats import ResultHeader, negotiate
from epntap.formats.cells import ascii_characters
from epntap.tables import Column, CoordinateSystem, TimeSystem

from .streams import VOTABLES, copied, document, literal_rows
from .test_delimited import assert_field

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed"),
]

COLUMNS = (
    Column("s", "short"),
    Column("i", "int"),
    Column("l", "long"),
    Column("f", "float", unit="km", ucd="phys.size"),
    Column("d", "double", unit="d", ucd="time.start", system=TimeSystem("UTC", "UNKNOWN")),
    Column("c", "char", "*", description="plain", system=CoordinateSystem("ICRS")),
    Column("u", "unicodeChar", "*"),
    Column("a", "double", "2", xtype="interval"),
    Column("v", "float", "*"),
)
TINY = 5e-324
ROWS = [
    (1, 2, 3, 0.625, 2455197.5, "text", "Schröter 𝄞", [1.0, 2.5], [1.0]),
    (32767, 2**31 - 1, 2**63 - 1, -0.0, float("inf"), 'q"q, ]]>', "€", [-1.0, TINY], [0.5] * 7),
    (-32767, 1 - 2**31, 1 - 2**63, float("-inf"), -TINY, "a\tb", "ñ", [0.0, 1e300], [2.0, 3.0]),
    (None, None, None, None, None, None, None, None, None),
    (0, 0, 0, 2.0**127, 1.7e308, "Infinity", "\\N", [-0.0, 7.0], [1e-5]),
] * 3


def stilts(*arguments: str) -> str:
    done = subprocess.run(["stilts", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", VOTABLES)
def test_stilts_reads_every_value_and_finds_nothing_wrong(name, database, tmp_path: Path):
    messages = copied(
        database, literal_rows(database, COLUMNS, ROWS), COLUMNS, negotiate(name).copy
    )
    path = tmp_path / "result.vot"
    header = ResultHeader(query="SELECT *\nFROM x WHERE a < 1", description="test")
    path.write_bytes(document(name, COLUMNS, messages, sizes=(4,), header=header))
    assert stilts("votlint", f"votable={path}", "ucd=true", "unit=true") == ""
    split = "addcol a2 a[1]; replacecol a a[0]; replacecol v size(v)"
    text = stilts("tpipe", f"in={path}", "ofmt=csv", f"cmd={split}")
    names, *records = csv.reader(io.StringIO(text, newline=""))
    assert len(records) == len(ROWS)
    plain = {c.name: c for c in COLUMNS[:7]} | {
        "a": Column("a", "double"),
        "a2": Column("a2", "double"),
    }
    for record, row in zip(records, ROWS, strict=True):
        found = dict(zip(names, record, strict=True))
        pair = row[7] or [None, None]
        expected = dict(zip(plain, [*row[:7], *pair], strict=True))
        for column_name, column in plain.items():
            assert_field(found[column_name], column, expected[column_name])
        assert int(found["v"] or 0) == len(row[8] or [])


def test_stilts_reads_as_many_rows_of_csv(database, tmp_path: Path):
    columns = COLUMNS[:7]
    query = literal_rows(database, columns, [row[:7] for row in ROWS])
    path = tmp_path / "result.csv"
    path.write_bytes(document("csv", columns, copied(database, query, columns, "csv")))
    text = stilts("tpipe", f"in={path}", "ifmt=csv", "omode=out", "ofmt=csv", "cmd=keepcols l")
    assert text.splitlines()[1:] == ["" if row[2] is None else str(row[2]) for row in ROWS]


def test_stilts_reads_every_value_of_fits_and_all_that_is_said_of_the_columns(
    database, tmp_path: Path
):
    messages = copied(database, literal_rows(database, COLUMNS, ROWS), COLUMNS, "binary")
    path = tmp_path / "result.fits"
    header = ResultHeader(query="SELECT *\nFROM x WHERE a < 1", description="test")
    path.write_bytes(document("fits", COLUMNS, messages, sizes=(4,), header=header))
    split = "addcol a2 a[1]; replacecol a a[0]; replacecol v size(v)"
    text = stilts("tpipe", f"in={path}", "ofmt=csv", f"cmd={split}")
    names, *records = csv.reader(io.StringIO(text, newline=""))
    assert len(records) == len(ROWS)
    for record, row in zip(records, ROWS, strict=True):
        found = dict(zip(names, record, strict=True))
        plain = [ascii_characters(v).decode() if isinstance(v, str) else v for v in row[:7]]
        first, second = row[7] or [None, None]
        doubles = [Column("a", "double"), Column("a2", "double")]
        for column, value in zip([*COLUMNS[:7], *doubles], [*plain, first, second], strict=True):
            assert_field(found[column.name], column, value)
        assert int(found["v"] or 0) == len(row[8] or [])
    described = stilts("tpipe", f"in={path}", "cmd=meta name class units ucd xtype", "ofmt=csv")
    told = {each["Name"]: each for each in csv.DictReader(io.StringIO(described))}
    assert [told[c.name].get("UCD") or None for c in COLUMNS] == [c.ucd for c in COLUMNS]
    assert [told[c.name].get("Units") or None for c in COLUMNS] == [c.unit for c in COLUMNS]
    assert told["a"]["Xtype"] == "interval"
    classes = ["Short", "Integer", "Long", "Float", "Double", "String", "String"]
    assert [told[c.name]["Class"] for c in COLUMNS] == [*classes, "double[]", "float[]"]


def test_stilts_reads_parquet_where_it_can(database, tmp_path: Path):
    columns = COLUMNS[:7]
    rows = [row[:7] for row in ROWS]
    path = tmp_path / "result.parquet"
    messages = copied(database, literal_rows(database, columns, rows), columns, "binary")
    path.write_bytes(document("parquet", columns, messages))
    command = ["stilts", "tpipe", f"in={path}", "ifmt=parquet", "ofmt=csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No table handler available for parquet" in done.stderr:
        pytest.skip("this stilts comes without its Parquet libraries")
    assert done.returncode == 0, done.stderr
    _, *records = csv.reader(io.StringIO(done.stdout, newline=""))
    for record, row in zip(records, rows, strict=True):
        for found, column, value in zip(record, columns, row, strict=True):
            assert_field(found, column, value)
