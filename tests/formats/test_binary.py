"""VOTable BINARY2 and BINARY, read back by astropy."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from epntap.formats import ResultHeader, ResultStreamError, negotiate
from epntap.tables import Column

from .streams import (
    ANY_CHARACTER,
    CODES,
    assert_rows,
    cells,
    column_lists,
    copied,
    copy_binary,
    document,
    least,
    literal_rows,
    read,
    results,
)

QUICK = settings(max_examples=60, deadline=None, derandomize=True)
FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
BATCHES = st.lists(st.integers(1, 7), min_size=1, max_size=4)


@QUICK
@given(results(), BATCHES)
def test_binary2_gives_back_every_value_whatever_the_batches(result, sizes):
    columns, rows = result
    votable = document("votable/b2", columns, copy_binary(columns, rows), sizes=sizes)
    assert_rows(read(votable), columns, rows)


@QUICK
@given(results(), BATCHES)
def test_binary_gives_back_every_value_but_the_integer_that_means_null(result, sizes):
    columns, rows = result
    numbers = [i for i, c in enumerate(columns) if c.datatype in ("short", "int", "long")]
    assume(all(row[i] != least(columns[i].datatype) for row in rows for i in numbers))
    votable = document("votable/b", columns, copy_binary(columns, rows), sizes=sizes)
    assert_rows(read(votable), columns, rows)
    assert b"WARNING" not in votable


@FEW
@given(st.data(), column_lists(70))
def test_null_flags_of_up_to_seventy_columns_are_where_they_belong(data, columns):
    rows = data.draw(st.lists(st.tuples(*map(cells, columns)), min_size=1, max_size=2))
    votable = document("votable/b2", columns, copy_binary(columns, rows))
    assert_rows(read(votable), columns, rows)


@settings(QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(results(most=6), BATCHES)
def test_what_postgresql_really_sends_is_read_back_exactly(database, result, sizes):
    columns, rows = result
    messages = copied(database, literal_rows(database, columns, rows), columns, "binary")
    votable = document("votable/b2", columns, messages, sizes=sizes)
    assert_rows(read(votable), columns, rows)


def test_one_message_is_one_row_on_every_server(every_database):
    columns = [Column("number", "long"), Column("text", "char", "*")]
    for count in (0, 1, 5):
        sql = f"SELECT i::int8, repeat('x', i * 40000) FROM generate_series(1, {count}) AS i"
        messages = copied(every_database, sql, columns, "binary")
        rows = [(i, "x" * i * 40000) for i in range(1, count + 1)]
        assert messages == copy_binary(columns, rows)
        assert_rows(read(document("votable/b2", columns, messages)), columns, rows)
        assert len(copied(every_database, sql, columns, "text")) == count
        assert len(copied(every_database, sql, columns, "csv")) == count


def test_arrays_of_postgresql_are_read_with_missing_elements_and_more_dimensions(database):
    columns = [
        Column("bounds", "double", "2"),
        Column("region", "float", "*"),
        Column("grid", "int", "*"),
    ]
    sql = (
        "SELECT ARRAY[1, NULL]::float8[], ARRAY[]::float4[], ARRAY[[1, 2], [3, NULL]]::int[]"
        " UNION ALL SELECT NULL, ARRAY[1e-5, 'Infinity']::float4[], NULL"
    )
    array = read(document("votable/b2", columns, copied(database, sql, columns, "binary")))
    np.testing.assert_array_equal(np.ma.getdata(array["bounds"][0]), [1, math.nan])
    assert np.isnan(np.ma.getdata(array["bounds"][1])).all()
    assert len(array["region"][0]) == 0
    np.testing.assert_array_equal(array["region"][1], np.array([1e-5, np.inf], dtype="f4"))
    grid = np.ma.asarray(array["grid"][0])
    np.testing.assert_array_equal(grid.filled(-9), [1, 2, 3, -9])


@QUICK
@given(st.lists(st.text(ANY_CHARACTER, max_size=300), min_size=1, max_size=9))
def test_unicode_char_columns_keep_every_character(values):
    columns = [Column("name", "unicodeChar", "*"), Column("number", "int")]
    rows = [(value, i) for i, value in enumerate(values)]
    for name in ("votable/b2", "votable/b"):
        assert_rows(read(document(name, columns, copy_binary(columns, rows))), columns, rows)


@QUICK
@given(st.lists(st.none() | st.text(ANY_CHARACTER, max_size=300), min_size=1, max_size=9))
def test_char_columns_stay_readable_and_as_long_whatever_the_text(values):
    columns = [Column("name", "char", "*"), Column("number", "double")]
    rows = [(value, float(i)) for i, value in enumerate(values)]
    votable = document("votable/b2", columns, copy_binary(columns, rows))
    array = read(votable)
    for value, found in zip(values, array["name"], strict=True):
        value = value or ""
        assert len(found) == len(value)
        assert all(a == b for a, b in zip(found, value, strict=True) if b.isascii())
    lost = sum(value is not None and not value.isascii() for value in values)
    told = re.search(rb"replaced in (\d+) values", votable)
    assert (int(told[1]) if told else 0) == lost


def test_accents_fall_off_letters_and_the_rest_becomes_question_marks():
    columns = [Column("name", "char", "*")]
    votable = document("votable/b2", columns, copy_binary(columns, [("Schröter € ½",)]))
    assert read(votable)["name"][0] == "Schroter ? 1"
    assert b'name="WARNING"' in votable
    assert b"column name" in votable


def test_binary_warns_of_values_that_look_like_null_and_binary2_keeps_them():
    columns = [Column("number", name) for name in ("short", "int", "long")]
    columns = [Column(f"c{i}", c.datatype) for i, c in enumerate(columns)]
    rows = [tuple(least(c.datatype) for c in columns), (None, None, None)]
    messages = copy_binary(columns, rows)
    binary2 = document("votable/b2", columns, messages)
    assert_rows(read(binary2), columns, rows)
    assert b"WARNING" not in binary2
    binary = document("votable/b", columns, messages)
    assert binary.count(b"1 values of column c") == 3
    assert np.ma.getmaskarray(read(binary)["c2"]).all()


@pytest.mark.parametrize("datatype", CODES)
def test_extreme_numbers_survive(datatype):
    columns = [Column("x", datatype)]
    if datatype in ("float", "double"):
        limits = np.finfo("f4" if datatype == "float" else "f8")
        values: list[Any] = [limits.max, limits.min, limits.tiny, limits.smallest_subnormal]
        values = [*map(float, values), 0.0, -0.0, math.inf, -math.inf, math.nan]
    else:
        values = [least(datatype), -least(datatype) - 1, 0, -1]
    rows = [(value,) for value in values]
    assert_rows(read(document("votable/b2", columns, copy_binary(columns, rows))), columns, rows)


@pytest.mark.parametrize("length", [0, 1, 251, 252, 253, 255, 256, 257, 508, 512, 513, 9000])
def test_texts_of_any_length_stand_between_their_neighbours_unharmed(length):
    columns = [Column("a", "char", "*"), Column("b", "short"), Column("c", "char", "*")]
    rows = [("x" * length, 1, "y"), ("", 2, "z" * length), (None, None, None), ("q", 3, "r")] * 3
    votable = document("votable/b2", columns, copy_binary(columns, rows), sizes=(5,))
    assert_rows(read(votable), columns, rows)


def test_texts_of_fixed_size_are_filled_up():
    columns = [Column("a", "char", "4"), Column("b", "unicodeChar", "3"), Column("c", "int")]
    rows = [("ab", "ö", 1), ("abcd", "öüä", 2), (None, None, 3)]
    for name in ("votable/b2", "votable/b"):
        array = read(document(name, columns, copy_binary(columns, rows)))
        assert [str(v) for v in array["a"].data] == ["ab", "abcd", ""]
        assert [str(v) for v in array["b"].data] == ["ö", "öüä", ""]
        assert array["c"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        (Column("x", "char", "2"), "abc", "text of 3 characters"),
        (Column("x", "unicodeChar", "2"), "äöü", "text of 3 characters"),
        (Column("x", "double", "2"), [1.0, 2.0, 3.0], "array of 3 elements"),
    ],
)
def test_values_that_do_not_fit_their_declaration_are_refused(column, value, complaint):
    with pytest.raises(ResultStreamError, match=complaint) as caught:
        document("votable/b2", [column], copy_binary([column], [(value,)]))
    assert "column x" in str(caught.value)


def test_numbers_and_elements_of_another_size_are_refused():
    sent = [Column("x", "double"), Column("y", "long", "*")]
    messages = copy_binary(sent, [(1.0, [1])])
    with pytest.raises(ResultStreamError, match="values of 8 bytes"):
        document("votable/b2", [Column("x", "int"), sent[1]], messages)
    with pytest.raises(ResultStreamError, match="elements of 8 bytes"):
        document("votable/b2", [sent[0], Column("y", "int", "*")], messages)


def test_streams_of_another_shape_are_refused():
    columns = [Column("x", "int"), Column("y", "int")]
    messages = copy_binary(columns, [(1, 2)])
    with pytest.raises(ResultStreamError, match="2 fields for 1 columns"):
        document("votable/b2", columns[:1], messages)
    with pytest.raises(ResultStreamError, match="COPY BINARY"):
        document("votable/b2", columns, [b"1\t2\n"])
    with pytest.raises(ResultStreamError, match="last field"):
        document("votable/b2", columns, [messages[0] + b"\0", messages[1]])


def test_a_datatype_that_votable_does_not_have_is_refused_at_once():
    with pytest.raises(ResultStreamError, match="numeric"):
        negotiate("votable").writer([Column("x", "numeric")], ResultHeader())


def test_a_batch_that_is_refused_leaves_the_rows_before_it_in_a_whole_document():
    columns = [Column("x", "char", "2"), Column("n", "short")]
    good = copy_binary(columns, [("ab", i) for i in range(10)])[:-1]
    bad = copy_binary(columns, [("abc", 1)])[0][19:]
    writer = negotiate("votable").writer(columns, ResultHeader())
    parts = [writer.begin(), writer.rows(good)]
    with pytest.raises(ResultStreamError) as caught:
        writer.rows([bad])
    assert writer.row_count == 10
    votable = b"".join([*parts, writer.fail(str(caught.value))])
    assert read(votable)["n"].tolist() == list(range(10))
