"""Rows in the form of a binary COPY arrive as they were sent."""

from __future__ import annotations

import io
import math
from datetime import datetime

import numpy as np
import psycopg2.errors
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2 import sql

from epntap.epncore.rows import arrow_type
from epntap.publish.copying import CopyStream
from epntap.publish.encoding import HEADER, TRAILER, RowEncoder
from epntap.publish.loading import create_table
from epntap.tables import Column, Relation

COLUMNS = (
    Column("uid", "char", "*"),
    Column("s", "short"),
    Column("i", "int"),
    Column("n", "long"),
    Column("d", "double"),
    Column("t", "char", "*", "timestamp"),
    Column("a", "double", "*"),
    Column("u", "unicodeChar", "*"),
    Column("f", "float"),
    Column("p", "float", "*"),
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
lists = st.lists(st.floats(width=32), max_size=4)
moments = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
VALUES = {
    "uid": texts,
    "s": st.integers(-(2**15), 2**15 - 1),
    "i": st.integers(-(2**31), 2**31 - 1),
    "n": st.integers(-(2**63), 2**63 - 1),
    # NaN stands for a missing number everywhere else.
    "d": st.floats(allow_nan=False),
    "t": moments,
    "a": lists,
    "u": texts,
    "f": st.floats(allow_nan=False, width=32),
    "p": lists,
}


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    size = draw(st.integers(0, 6))
    arrays = []
    for column in COLUMNS:
        cell = VALUES[column.name]
        if draw(st.booleans()):
            cell = st.none() | cell
        arrays.append(
            pa.array(draw(st.lists(cell, min_size=size, max_size=size)), arrow_type(column))
        )
    return pa.record_batch(arrays, names=[column.name for column in COLUMNS])


@pytest.fixture
def table(database):
    """An empty table that goes with its transaction, its cursor, and the COPY into it."""
    relation = Relation("encoding", "t")
    name = sql.Identifier(relation.schema, relation.name)
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA encoding")
        create_table(cursor, relation, COLUMNS)
        yield cursor, name, sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(name)
        connection.rollback()


def copied(cursor, name) -> bytes:
    out = io.BytesIO()
    cursor.copy_expert(sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(name), out)
    return out.getvalue()


def alike(here: object, there: object) -> bool:
    if isinstance(here, list):
        return isinstance(there, list) and len(here) == len(there) and all(map(alike, here, there))
    if isinstance(here, float) and math.isnan(here):
        return isinstance(there, float) and math.isnan(there)
    return here == there


@given(batches())
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_rows_arrive_as_they_were_sent_and_in_the_bytes_of_postgresql(table, rows):
    cursor, name, statement = table
    cursor.execute(sql.SQL("TRUNCATE {}").format(name))
    piece = bytes(RowEncoder(COLUMNS).encode(rows))
    cursor.copy_expert(statement, io.BytesIO(HEADER + piece + TRAILER))
    # As doubles: the text of a float has no more digits than a float needs.
    cursor.execute(
        sql.SQL(
            "SELECT uid, s, i, n, d, t, a, u, f::double precision, p::double precision[]"
            " FROM {} ORDER BY ctid"
        ).format(name)
    )
    assert alike(
        [list(row) for row in cursor.fetchall()], [list(row.values()) for row in rows.to_pylist()]
    )
    assert copied(cursor, name) == HEADER + piece + TRAILER


def test_part_of_a_batch_is_encoded_as_if_it_stood_alone():
    rows = pa.record_batch(
        [
            pa.array(["a", None, "c", "d"], pa.large_string()),
            pa.array([1, 2, None, 4], pa.int64()),
            pa.array([[1.0], [], None, [2.0, 3.0]], pa.large_list(pa.float64())),
        ],
        names=["uid", "n", "a"],
    )
    encoder = RowEncoder(tuple(c for name in ["uid", "n", "a"] for c in COLUMNS if c.name == name))
    parts = [bytes(encoder.encode(rows.slice(i, 1))) for i in range(4)]
    assert bytes(encoder.encode(rows)) == b"".join(parts)


def numbers(size: int) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array(np.arange(size))})


N = (Column("n", "long"),)


def sent(cursor, name, pieces) -> None:
    statement = sql.SQL("COPY {} (n) FROM STDIN (FORMAT binary)").format(name)
    with CopyStream(cursor, statement) as stream:
        for piece in pieces:
            stream.send(piece)


def test_pieces_arrive_whole_and_in_order_however_long_they_are(table):
    cursor, name, _ = table
    sent(cursor, name, [RowEncoder(N).encode(numbers(size)) for size in (0, 3, 100_000, 1, 7)])
    cursor.execute(sql.SQL("SELECT n FROM {} ORDER BY ctid").format(name))
    assert [row[0] for row in cursor.fetchall()] == [*range(3), *range(100_000), 0, *range(7)]


def test_an_error_where_the_rows_are_made_fails_the_copy(table):
    cursor, name, _ = table

    def failing():
        yield RowEncoder(N).encode(numbers(10))
        raise RuntimeError("no more rows")

    cursor.execute("SAVEPOINT before")
    with pytest.raises(RuntimeError, match="no more rows"):
        sent(cursor, name, failing())
    cursor.execute("ROLLBACK TO before")
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(name))
    assert cursor.fetchone() == (0,)


def test_an_error_of_the_server_reaches_who_makes_the_rows(table):
    cursor, name, _ = table
    cursor.execute("SAVEPOINT before")
    wrong = memoryview(b"\0\1\0\0\0\3abc" * 1000)
    with pytest.raises(psycopg2.errors.ProtocolViolation, match="insufficient data"):
        sent(cursor, name, [wrong] * 100)
    cursor.execute("ROLLBACK TO before")
