"""Few rows go cell by cell and many by runs of columns: the bytes must be the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.formats import ResultHeader, ResultStreamError, binary, negotiate
from epntap.tables import Column

from .streams import ANY_CHARACTER, assert_rows, cells, copy_binary, document, read, results

MANY = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def written(
    name: str,
    columns: list[Column],
    messages: list[bytes],
    few: int,
    sizes: Sequence[int] = (4096,),
) -> bytes:
    """The document, with `few` as the number of rows that go cell by cell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binary, "FEW_ROWS", few)
        return document(name, columns, messages, sizes=sizes)


def assert_same(columns: list[Column], rows: list[tuple[Any, ...]], sizes: list[int]) -> None:
    messages = copy_binary(columns, rows)
    for name in ("votable/b2", "votable/b"):
        by_cells = written(name, columns, messages, few=1 << 30, sizes=sizes)
        assert written(name, columns, messages, few=0, sizes=sizes) == by_cells


@MANY
@given(results(most=20, rows=30), st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_cells_and_runs_give_the_same_bytes(result, sizes):
    columns, rows = result
    assert_same(columns, rows, sizes)


@MANY
@given(results(most=20, rows=30))
def test_runs_are_read_back_by_astropy(result):
    columns, rows = result
    votable = written("votable/b2", columns, copy_binary(columns, rows), few=0)
    assert_rows(read(votable), columns, rows)


@MANY
@given(st.data())
def test_rows_of_more_shapes_than_a_batch_may_have_give_the_same_bytes(data):
    kinds = ["short", "int", "long", "float", "double"]
    datatypes = data.draw(st.lists(st.sampled_from(kinds), min_size=4, max_size=9))
    columns = [Column(f"c{i}", datatype) for i, datatype in enumerate(datatypes)]
    columns.insert(2, Column("text", "char", "*"))
    row = st.tuples(*map(cells, columns))
    assert_same(columns, data.draw(st.lists(row, min_size=20, max_size=60)), [60])


@MANY
@given(st.lists(st.none() | st.text(ANY_CHARACTER, max_size=300), min_size=2, max_size=40))
def test_texts_of_every_length_and_alphabet_give_the_same_bytes(texts):
    columns = [Column("a", "char", "*"), Column("b", "char", "*"), Column("n", "int")]
    rows = [
        (text, texts[-1 - number], number if number % 3 else None)
        for number, text in enumerate(texts)
    ]
    assert_same(columns, rows, [40])


@pytest.mark.parametrize("length", [127, 128, 255, 256, 65_535, 70_000])
def test_long_texts_stay_whole_whatever_their_length(length):
    columns = [Column("a", "char", "*"), Column("x", "double"), Column("b", "char", "*")]
    rows = [("y" * (length * number // 30), 1.5, "z" * length) for number in range(31)]
    rows.append((None, None, None))
    assert_same(columns, rows, [32])
    votable = written("votable/b2", columns, copy_binary(columns, rows), few=0)
    assert_rows(read(votable), columns, rows)


@pytest.mark.parametrize("few", [0, 100])
def test_values_of_another_size_are_refused_and_the_rows_before_stay(few):
    columns = [Column("n", "int"), Column("x", "double")]
    wrong = [Column("n", "long"), Column("x", "double")]
    good = copy_binary(columns, [(1, 2.0), (3, 4.0)])[:-1]
    bad = copy_binary(wrong, [(5, 6.0)] * 3)[1:-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binary, "FEW_ROWS", few)
        writer = negotiate("votable/b2").writer(columns, ResultHeader())
        writer.begin()
        writer.rows(good)
        with pytest.raises(ResultStreamError, match=r"column n is declared int but .* 8 bytes"):
            writer.rows(bad)
        assert writer.row_count == 2


@pytest.mark.parametrize("few", [0, 100])
def test_rows_of_another_number_of_fields_are_refused(few):
    columns = [Column("n", "int"), Column("x", "double")]
    messages = copy_binary(columns[:1], [(1,), (2,)])
    with pytest.raises(ResultStreamError, match=re.escape("1 fields for 2 columns")):
        written("votable/b2", columns, messages, few)


@pytest.mark.parametrize("few", [0, 100])
def test_rows_with_something_behind_the_last_field_are_refused(few):
    columns = [Column("n", "int"), Column("t", "char", "*")]
    messages = copy_binary(columns, [(1, "a"), (2, "b")])
    messages[1] += b"rest"
    with pytest.raises(ResultStreamError, match="do not end with their last field"):
        written("votable/b2", columns, messages, few)


@pytest.mark.parametrize("few", [0, 100])
def test_integers_that_mean_null_are_counted_in_both_ways(few):
    columns = [Column("n", "short"), Column("m", "int")]
    rows = [(-32768, 1), (None, 2), (-32768, None), (7, -(1 << 31))]
    votable = written("votable/b", columns, copy_binary(columns, rows), few)
    assert b"2 values of column n equal the one that means NULL" in votable
    assert b"1 values of column m equal the one that means NULL" in votable
