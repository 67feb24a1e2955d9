"""The file that COPY writes rows into: what it sends, and when."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.errors import UserError
from epntap.formats import BATCH_BYTES, ResultHeader, ResultStreamError, negotiate
from epntap.tables import Column
from epntap.tap.rowfile import RowFile
from tests.formats.streams import assert_rows, copy_binary, document, read

COLUMNS = [Column("n", "int"), Column("t", "char", "*"), Column("x", "double")]


class Sent:
    """Pieces that were sent."""

    def __init__(self):
        self.pieces = []
        self.is_whole = False

    def __call__(self, piece, *, last):
        assert not self.is_whole
        self.pieces.append(piece)
        self.is_whole = last


def row_file(sent, name, maxrec=None, check=lambda: None):
    writer = negotiate(name).writer(COLUMNS, ResultHeader(), maxrec=maxrec)
    return RowFile(writer, sent, check)


def write(file, messages):
    for message in messages:
        file.write(message)


def rows_of(count, length=3):
    return [
        (number, "y" * (number % (length + 1)), None if number % 7 else number / 3)
        for number in range(count)
    ]


def without_lines(votable):
    """The document with base64 in one line: where it is broken depends on the batches."""
    return re.sub(rb"(?<=<STREAM)[^<]*", lambda found: found[0].replace(b"\n", b""), votable)


@pytest.mark.parametrize("name", ["votable/b2", "votable/b", "fits"])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    count=st.sampled_from([0, 1, 31, 32, 33, 127, 128, 129, 1000, 1151, 1152, 1153, 3000])
    | st.integers(0, 3000),
    maxrec=st.none() | st.integers(0, 3000),
)
def test_the_document_is_the_same_as_in_one_piece(name, count, maxrec):
    messages = copy_binary(COLUMNS, rows_of(count))
    sent = Sent()
    file = row_file(sent, name, maxrec)
    write(file, messages)
    file.finish()
    whole = document(name, COLUMNS, messages, sizes=[len(messages)], maxrec=maxrec)
    assert without_lines(b"".join(sent.pieces)) == without_lines(whole)
    assert sent.is_whole


@settings(max_examples=25, deadline=None, derandomize=True)
@given(count=st.integers(0, 3000), length=st.sampled_from([3, 5000]))
def test_text_is_the_same_as_in_one_piece(count, length):
    messages = [b"%d,%s,\n" % (number, text.encode()) for number, text, _ in rows_of(count, length)]
    sent = Sent()
    file = row_file(sent, "csv")
    write(file, messages)
    file.finish()
    assert b"".join(sent.pieces) == document("csv", COLUMNS, messages, sizes=[5000])


def test_the_first_rows_are_sent_before_more_than_a_small_batch_has_come():
    sent = Sent()
    file = row_file(sent, "votable/b2")
    messages = copy_binary(COLUMNS, rows_of(2000))
    write(file, messages[:200])
    assert file.begun
    assert len(sent.pieces) == 1
    assert b"<STREAM" in sent.pieces[0]


def test_a_small_result_is_one_piece():
    sent = Sent()
    file = row_file(sent, "votable/b2")
    write(file, copy_binary(COLUMNS, rows_of(100)))
    assert not file.begun
    file.finish()
    assert file.begun
    assert len(sent.pieces) == 1


def test_pieces_of_a_large_result_are_about_a_megabyte():
    sent = Sent()
    file = row_file(sent, "csv")
    for number in range(20_000):
        file.write(b"%d,%s,\n" % (number, b"z" * 500))
    file.finish()
    sizes = [len(piece) for piece in sent.pieces]
    assert len(sizes) < 14
    assert max(sizes) < 1.5 * BATCH_BYTES


def test_after_a_failure_the_rows_of_whole_batches_are_there_and_the_reason():
    sent = Sent()
    file = row_file(sent, "votable/b2")
    rows = rows_of(5000)
    write(file, copy_binary(COLUMNS, rows)[:2000])
    file.fail("the database went away")
    votable = b"".join(sent.pieces)
    assert b"the database went away" in votable
    found = read(votable)
    assert len(found) >= 128
    assert_rows(found, COLUMNS, rows[: len(found)])
    assert sent.is_whole


def test_rows_that_cannot_be_converted_end_the_run_before_anything_is_sent():
    sent = Sent()
    file = row_file(sent, "votable/b2")
    wrong = copy_binary([Column("n", "long"), *COLUMNS[1:]], rows_of(200))
    with pytest.raises(ResultStreamError, match="column n is declared int"):
        write(file, wrong)
    assert not file.begun
    assert not sent.pieces


def test_a_run_that_is_to_end_ends_with_the_next_piece():
    stopped = []

    def check():
        if stopped:
            raise UserError("stopped")

    sent = Sent()
    file = row_file(sent, "votable/b2", check=check)
    messages = copy_binary(COLUMNS, [(1, "y" * 2000, 1.0)] * 3000)
    write(file, messages[:1000])
    stopped.append(True)
    with pytest.raises(UserError, match="stopped"):
        write(file, messages[1000:])
