"""Conversions that go on step by step while rows come."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.formats import ResultHeader, ResultStreamError, negotiate
from epntap.formats.packing import VaryingBlock, pack_rows, packing_steps
from epntap.tables import Column
from tests.formats.streams import assert_rows, batched, copy_binary, document, read, results

FORMATS = ["votable/b2", "votable/b", "fits"]


def stepped(name, columns, messages, sizes):
    writer = negotiate(name).writer(columns, ResultHeader())
    parts = [writer.begin()]
    for batch in batched(messages, sizes):
        conversion = writer.steps(batch)
        while True:
            try:
                next(conversion)
            except StopIteration as done:
                parts.append(done.value)
                break
    return b"".join([*parts, *writer.end()])


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(result=results(rows=70), sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_steps_give_the_same_bytes_as_no_steps(name, result, sizes):
    columns, rows = result
    messages = copy_binary(columns, rows)
    expected = document(name, columns, messages, sizes=sizes)
    assert stepped(name, columns, messages, sizes) == expected


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    before=st.integers(1, 40), among=st.integers(25, 60), steps=st.integers(1, 8), data=st.data()
)
def test_a_conversion_that_is_given_up_leaves_the_rows_before_it_whole(before, among, steps, data):
    columns = [Column("t", "char", "*"), Column("n", "int"), Column("u", "char", "*")]
    words = st.text("abc", max_size=5)
    rows = data.draw(
        st.lists(st.tuples(words, st.integers(0, 9), words), min_size=before, max_size=before)
    )
    messages = copy_binary(columns, rows)[:-1]
    writer = negotiate("votable/b2").writer(columns, ResultHeader())
    parts = [writer.begin(), writer.rows(messages)]
    conversion = writer.steps([messages[-1] if before > 1 else messages[0][19:]] * among)
    for _ in range(steps):
        next(conversion)
    conversion.close()
    assert writer.row_count == before
    assert_rows(read(b"".join([*parts, writer.fail("lost")])), columns, rows)


def test_a_conversion_that_fails_says_so_at_some_step_and_counts_no_row():
    columns = [Column("n", "int"), Column("t", "char", "*")]
    wrong = copy_binary([Column("n", "long"), Column("t", "char", "*")], [(1, "a")] * 50)[1:-1]
    writer = negotiate("votable/b2").writer(columns, ResultHeader())
    writer.begin()
    writer.rows(copy_binary(columns, [(1, "a")])[:-1])
    with pytest.raises(ResultStreamError, match="column n is declared int"):
        for _ in writer.steps(wrong):
            pass
    assert writer.row_count == 1


@given(before=st.binary(max_size=5), cells=st.lists(st.binary(max_size=30), min_size=1))
def test_rows_are_laid_out_behind_the_bytes_that_are_to_stand_before_them(before, cells):
    blocks = [VaryingBlock.of(cells)]
    packing = packing_steps(blocks, len(cells), before)
    while True:
        try:
            next(packing)
        except StopIteration as done:
            packed = done.value
            break
    assert packed.tobytes() == before + pack_rows(blocks, len(cells)).tobytes()
    assert pack_rows(blocks, len(cells)).tobytes() == b"".join(cells)
