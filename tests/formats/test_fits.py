"""FITS, read back by astropy."""

from __future__ import annotations

import io
import math
import re
import tempfile
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from astropy.io import fits, votable
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.formats import Info, ResultHeader, ResultStreamError, negotiate
from epntap.formats.fitscards import card, comment
from epntap.formats.fitscolumns import Heap
from epntap.tables import Column, TimeSystem

from .streams import (
    TEXTS,
    batched,
    copied,
    copy_binary,
    document,
    least,
    literal_rows,
    results,
    same,
)

QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
BATCHES = st.lists(st.integers(1, 7), min_size=1, max_size=4)


def opened(file: bytes) -> fits.HDUList:
    """The file, every card of which astropy finds right."""
    assert len(file) % 2880 == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hdus = fits.open(io.BytesIO(file))
        hdus.verify("exception")
    return hdus


def assert_column(hdu: fits.BinTableHDU, number: int, column: Column, expected: list[Any]) -> None:
    # As numpy reads it, since astropy takes white space off the end of texts.
    is_text = column.datatype in TEXTS
    cells = hdu.data.view(np.ndarray)[column.name] if is_text else hdu.data.field(number)
    null = hdu.header.get(f"TNULL{number + 1}")
    for found, value in zip(cells, expected, strict=True):
        where = f"{column}: {found!r} for {value!r}"
        if is_text:
            text = value or ""
            assert len(found) == len(text), where
            assert all(
                a == b for a, b in zip(found.decode("ascii"), text, strict=True) if b.isascii()
            ), where
        elif column.arraysize is not None:
            missing = [] if column.arraysize == "*" else [math.nan] * int(column.arraysize)
            elements = missing if value is None else value
            assert len(found) == len(elements), where
            assert all(same(a, b) for a, b in zip(found, elements, strict=True)), where
        elif value is None:
            assert math.isnan(found) if column.datatype in ("float", "double") else found == null
        else:
            assert same(found, value), where


def ambiguous(column: Column, values: list[Any]) -> bool:
    """Whether both integers that can mean NULL are values beside a NULL."""
    if column.datatype not in ("short", "int", "long"):
        return False
    low = least(column.datatype)
    return {None, low, -low - 1} <= set(values)


@QUICK
@given(results(), BATCHES)
def test_astropy_reads_every_value_back(result, sizes):
    columns, rows = result
    hdu = opened(document("fits", columns, copy_binary(columns, rows), sizes=sizes))[1]
    assert hdu.header["NAXIS2"] == len(rows)
    assert hdu.columns.names == [column.name for column in columns]
    warned = str(hdu.header.get("COMMENT", "")).replace("\n", "")
    for number, column in enumerate(columns):
        values = [row[number] for row in rows]
        assert_column(hdu, number, column, values)
        is_null = f"TNULL{number + 1}" in hdu.header
        assert is_null == (None in values and column.datatype in ("short", "int", "long"))
        lost = sum(isinstance(v, str) and not v.isascii() for v in values)
        told = re.search(rf"replaced in (\d+) values of column {column.name};", warned)
        assert (int(told[1]) if told else 0) == lost
        assert (f"values of column {column.name} equal" in warned) == ambiguous(column, values)


@QUICK
@given(results(most=6), BATCHES)
def test_what_postgresql_really_sends_is_read_back(database, result, sizes):
    columns, rows = result
    messages = copied(database, literal_rows(database, columns, rows), columns, "binary")
    hdu = opened(document("fits", columns, messages, sizes=sizes))[1]
    for number, column in enumerate(columns):
        assert_column(hdu, number, column, [row[number] for row in rows])


def test_tables_have_masks_units_and_texts_of_the_longest_width():
    columns = [
        Column("n", "long", unit="m/s", ucd="phys.veloc", description="speed — in situ"),
        Column("t", "char", "*", xtype="timestamp", utype="a.b"),
    ]
    rows = [(2**63 - 2, "2020-01-01T00:00:00.000"), (None, ""), (-(2**63), None)]
    file = document("fits", columns, copy_binary(columns, rows), sizes=(1, 2))
    table = Table.read(io.BytesIO(file), hdu=1)
    assert str(table["n"].unit) == "m / s"
    assert table["n"].mask.tolist() == [False, True, False]
    assert table["n"].filled(0).tolist() == [2**63 - 2, 0, -(2**63)]
    assert [str(cell) for cell in table["t"].filled("")] == [rows[0][1], "", ""]
    header = opened(file)[1].header
    assert header["TFORM2"] == "23A"
    assert (header["TUCD1"], header["TCOMM1"]) == ("phys.veloc", "speed ? in situ")
    assert (header["TXTYP2"], header["TUTYP2"]) == ("timestamp", "a.b")


def test_the_first_hdu_is_a_votable_with_all_that_is_known():
    columns = [Column("t", "double", unit="d", system=TimeSystem("UTC", "UNKNOWN"))]
    header = ResultHeader(query="SELECT 'é'", infos=(Info("server", "x"),))
    file = document("fits", columns, copy_binary(columns, [(1.5,)]), header=header)
    hdu = opened(file)[0]
    assert hdu.header["VOTMETA"] is True
    parsed = votable.parse(io.BytesIO(hdu.data.tobytes()))
    (field,) = parsed.get_first_table().fields
    assert (field.name, str(field.unit)) == ("t", "d")
    assert parsed.resources[0].time_systems[0].timescale == "UTC"
    assert {info.name: info.value for info in parsed.resources[0].infos}["QUERY"] == "SELECT 'é'"


def test_texts_that_would_be_mostly_padding_go_to_the_heap():
    columns = [
        Column("a", "char", "*"),
        Column("b", "char", "*"),
        Column("n", "int"),
        Column("v", "double", "*"),
    ]
    rows = [("x" * 60, "y" * (i % 7), i, [float(i)] * (i % 3)) for i in range(3000)]
    rows[1234] = (None, "z" * 5000, 1234, None)
    file = document("fits", columns, copy_binary(columns, rows), sizes=(1000,))
    hdu = opened(file)[1]
    assert len(file) < 500_000
    assert [hdu.header[f"TFORM{n}"] for n in (1, 2, 3, 4)] == ["60A", "1PA(5000)", "J", "1PD(2)"]
    assert ["".join(cell) for cell in hdu.data["b"]] == [row[1] for row in rows]
    assert [list(cell) for cell in hdu.data["v"]] == [row[3] or [] for row in rows]
    assert [str(cell) for cell in hdu.data["a"]] == [row[0] or "" for row in rows]


def test_heaps_over_two_gigabytes_have_wide_descriptors():
    sizes = np.array([8, 0, 16])
    narrow, wide = Heap(2**31 - 1), Heap(2**31)
    assert (narrow.letter, wide.letter) == ("P", "Q")
    wide.descriptors(np.array([2**31 - 8]), 8)
    pairs = wide.descriptors(sizes, 8).cells.view(">i8").reshape(3, 2)
    assert pairs.tolist() == [[1, 2**31 - 8], [0, 2**31], [2, 2**31]]
    assert narrow.descriptors(sizes, 8).cells.view(">i4").tolist() == [1, 0, 0, 8, 2, 8]


def test_arrays_of_fixed_shape_stand_in_the_rows(database):
    columns = [Column("a", "double", "2"), Column("b", "short", "2x3")]
    sql = (
        "SELECT ARRAY[1.5, NULL]::float8[], ARRAY[[1, 2], [3, 4], [5, 6]]::int2[]"
        " UNION ALL SELECT NULL, NULL"
    )
    hdu = opened(document("fits", columns, copied(database, sql, columns, "binary")))[1]
    assert (hdu.header["TFORM2"], hdu.header["TDIM2"]) == ("6I", "(2,3)")
    np.testing.assert_array_equal(hdu.data["a"], [[1.5, np.nan], [np.nan, np.nan]])
    assert hdu.data["b"][0].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert (hdu.data["b"][1] == hdu.header["TNULL2"]).all()


def test_null_is_the_greatest_integer_where_the_least_is_a_value():
    columns = [Column("n", "short")]
    hdu = opened(document("fits", columns, copy_binary(columns, [(-32768,), (None,)])))[1]
    assert hdu.header["TNULL1"] == 32767
    assert hdu.data["n"].tolist() == [-32768, 32767]


def test_results_without_rows_are_tables_without_rows():
    columns = [Column("n", "int"), Column("t", "char", "*"), Column("v", "float", "*")]
    for messages in ([], copy_binary(columns, [])):
        table = Table.read(io.BytesIO(document("fits", columns, messages)), hdu=1)
        assert (table.colnames, len(table)) == (["n", "t", "v"], 0)


@pytest.mark.parametrize("maxrec", [0, 3, 8])
def test_a_truncated_table_says_so_in_its_header(maxrec):
    columns = [Column("n", "int")]
    messages = copy_binary(columns, [(i,) for i in range(8)])
    hdu = opened(document("fits", columns, messages, sizes=(2, 6), maxrec=maxrec))[1]
    assert hdu.data["n"].tolist() == list(range(maxrec))
    assert hdu.header["QSTATUS"] == ("OVERFLOW" if maxrec < 8 else "OK")


def test_rows_are_sent_in_pieces_and_a_failed_result_has_no_table():
    columns = [Column("n", "int"), Column("t", "char", "*")]
    messages = copy_binary(columns, [(i, "x" * 90) for i in range(4000)])
    writer = negotiate("fits").writer(columns, ResultHeader())
    parts = [writer.begin(), *(writer.rows(batch) for batch in batched(messages, [500]))]
    assert not any(parts[1:])
    pieces = list(writer.end())
    assert max(map(len, pieces)) < 60_000
    assert opened(b"".join([*parts, *pieces]))[1].data["n"].tolist() == list(range(4000))
    failing = negotiate("fits").writer(columns, ResultHeader())
    assert len(opened(failing.begin() + failing.rows(messages[:9]) + failing.fail("lost"))) == 1


def test_memory_is_bounded_however_many_rows_are_put_aside():
    columns = [Column("t", "char", "*")]
    first, *rest = copy_binary(columns, [("x" * 4000,)] * 500)[:-1]
    writer = negotiate("fits").writer(columns, ResultHeader())
    writer.rows([first])
    for _ in range(5):
        writer.rows(rest)
    tracemalloc.start()
    try:
        for _ in range(20):
            writer.rows(rest)
        pieces = sum(len(piece) for piece in writer.end())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert pieces > 25 * 499 * 4000
    assert peak < 12_000_000


def test_a_batch_that_is_refused_is_not_in_the_table():
    columns = [Column("t", "char", "2")]
    writer = negotiate("fits").writer(columns, ResultHeader())
    parts = [writer.begin(), writer.rows(copy_binary(columns, [("ab",)])[:-1])]
    with pytest.raises(ResultStreamError, match=r"column t is declared .* text of 3 characters"):
        writer.rows([copy_binary(columns, [("abc",)])[0][19:]])
    assert writer.row_count == 1
    assert opened(b"".join([*parts, *writer.end()]))[1].data["t"].tolist() == ["ab"]


def test_more_columns_than_fits_can_have_are_refused_with_advice():
    columns = [Column(f"c{number}", "int") for number in range(1000)]
    with pytest.raises(ResultStreamError, match=r"at most 999 columns.*another format"):
        negotiate("fits").writer(columns, ResultHeader())


def test_a_full_temporary_folder_is_reported(monkeypatch):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda **_: Full())
    columns = [Column("n", "int")]
    writer = negotiate("fits").writer(columns, ResultHeader())
    with pytest.raises(ResultStreamError, match=r"No space left on device.*TMPDIR"):
        writer.rows(copy_binary(columns, [(1,)]))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300))
def test_strings_of_any_length_and_with_quotes_are_read_back_from_cards(value):
    record = card("TCOMM1", value)
    assert len(record) % 80 == 0
    read = fits.Header.fromstring(record)["TCOMM1"]
    assert read.rstrip() == value.rstrip()
    lines = fits.Header.fromstring(comment(value)).get("COMMENT", "")
    assert len("".join(str(line).ljust(72) for line in lines)) >= len(value.rstrip())
