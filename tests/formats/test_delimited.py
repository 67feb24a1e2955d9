"""CSV and TSV."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.tables import Column

from .streams import copied, document, literal_rows, results, same

QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
BATCHES = st.lists(st.integers(1, 7), min_size=1, max_size=4)
CONTROLS = re.compile("[\t\n\r\v\f\b]")


def assert_field(found: str, column: Column, value: Any) -> None:
    if value is None:
        assert found == ""
    elif isinstance(value, str):
        assert found == value
    elif isinstance(value, list):
        elements = found.split(" ") if found else []
        assert len(elements) == len(value)
        for element, expected in zip(elements, value, strict=True):
            assert_field(element, column, expected)
    elif isinstance(value, float):
        kind = np.float32 if column.datatype == "float" else np.float64
        assert same(kind(found), value)
    else:
        assert int(found) == value


@QUICK
@given(results(most=6), BATCHES)
def test_csv_readers_get_every_value_back(database, result, sizes):
    columns, rows = result
    messages = copied(database, literal_rows(database, columns, rows), columns, "csv")
    text = document("csv", columns, messages, sizes=sizes).decode()
    header, *records = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == [column.name for column in columns]
    assert len(records) == len(rows)
    for record, row in zip(records, rows, strict=True):
        for found, column, value in zip(record, columns, row, strict=True):
            assert_field(found, column, value)


@QUICK
@given(results(most=6), BATCHES)
def test_every_line_of_tsv_is_a_row_and_every_tab_a_border(database, result, sizes):
    columns, rows = result
    messages = copied(database, literal_rows(database, columns, rows), columns, "text")
    text = document("tsv", columns, messages, sizes=sizes).decode()
    header, *lines = text.split("\n")[:-1]
    assert header.split("\t") == [column.name for column in columns]
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        for found, column, value in zip(line.split("\t"), columns, row, strict=True):
            expected = CONTROLS.sub(" ", value) if isinstance(value, str) else value
            assert_field(found, column, expected)


def test_csv_tells_null_from_empty_text_and_ends_lines_as_the_rfc_says(database):
    columns = [Column("a", "char", "*"), Column("b", "char", "*")]
    rows = [(None, ""), ('say "hi"', "x,y"), ("two\nlines", "é")]
    messages = copied(database, literal_rows(database, columns, rows), columns, "csv")
    assert document("csv", columns, messages).decode() == (
        'a,b\r\n,""\r\n"say ""hi""","x,y"\r\n"two\nlines",é\r\n'
    )


def test_a_null_alone_in_a_row_of_csv_is_not_an_empty_line(database):
    columns = [Column("a", "int")]
    messages = copied(
        database, literal_rows(database, columns, [(1,), (None,), (3,)]), columns, "csv"
    )
    text = document("csv", columns, messages).decode()
    assert text == 'a\r\n1\r\n""\r\n3\r\n'
    assert Table.read(text, format="ascii.csv")["a"].tolist() == [1, None, 3]


def test_csv_names_are_quoted_where_they_must_be():
    names = ["plain", "a,b", 'q"q', "", " x", "two words", "l\nl"]
    text = document("csv", [Column(name, "int") for name in names], []).decode()
    assert text == 'plain,"a,b","q""q",""," x",two words,"l\nl"\r\n'
    assert next(csv.reader(io.StringIO(text, newline=""))) == names


def test_tsv_names_cannot_break_the_header():
    text = document("tsv", [Column("a\tb", "int"), Column("c\nd", "int")], []).decode()
    assert text == "a b\tc d\n"
