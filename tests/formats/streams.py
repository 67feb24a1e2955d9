"""Rows as COPY sends them, and documents as writers make them, for the tests of this folder."""

from __future__ import annotations

import io
import math
import struct
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from astropy.io.votable import parse_single_table
from hypothesis import strategies as st

from epntap.formats import ResultHeader, copy_statement, negotiate
from epntap.tables import Column, wire_type

CODES = {"short": "h", "int": "i", "long": "q", "float": "f", "double": "d"}
TEXTS = ("char", "unicodeChar")
VOTABLES = ("votable/b2", "votable/b", "votable/td")

#: What PostgreSQL can store: no NUL, no lone surrogates.
ANY_CHARACTER = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
ASCII = st.characters(min_codepoint=1, max_codepoint=127)
NASTY = st.sampled_from(
    [
        "", "\\N", "\\", "\\n", "\\\\N", "]]>", "&amp;", "<TD>", '"', "'", ",", "\t", "\n", "\r\n",
        "Infinity", "-Infinity", "NaN", "NULL", "\\.", "a\tb\\tc", " x ", "x" * 300, "\x01\x0b",
    ]
)  # fmt: skip


def least(datatype: str) -> int:
    return int(np.iinfo(f"i{struct.calcsize('>' + CODES[datatype])}").min)


def integers(datatype: str) -> st.SearchStrategy[int]:
    low = least(datatype)
    return st.integers(low, -low - 1) | st.sampled_from([low, -low - 1, 0, -1])


def numbers(datatype: str) -> st.SearchStrategy[Any]:
    if datatype in ("float", "double"):
        return st.floats(width=32 if datatype == "float" else 64)
    return integers(datatype)


def texts(datatype: str) -> st.SearchStrategy[str]:
    return NASTY | st.text(ASCII if datatype == "char" else ANY_CHARACTER, max_size=40)


def cells(column: Column) -> st.SearchStrategy[Any]:
    if column.datatype in TEXTS:
        return st.none() | texts(column.datatype)
    if column.arraysize == "*":
        return st.none() | st.lists(numbers(column.datatype), max_size=5)
    if column.arraysize is not None:
        size = int(column.arraysize)
        return st.none() | st.lists(numbers(column.datatype), min_size=size, max_size=size)
    return st.none() | numbers(column.datatype)


@st.composite
def column_lists(
    draw: st.DrawFn, most: int = 70, *, kinds: Sequence[str] = (*CODES, *TEXTS)
) -> list[Column]:
    """Columns of random types; scalars, texts, and now and then an array of floats."""
    found = []
    for number in range(draw(st.integers(1, most))):
        datatype = draw(st.sampled_from(kinds))
        if datatype in TEXTS:
            size = "*"
        elif datatype in ("float", "double"):
            size = draw(st.sampled_from([None, None, None, "*", "3"]))
        else:
            size = None
        found.append(Column(f"c{number}", datatype, size))
    return found


@st.composite
def results(
    draw: st.DrawFn, most: int = 12, *, kinds: Sequence[str] = (*CODES, *TEXTS), rows: int = 12
) -> tuple[list[Column], list[tuple[Any, ...]]]:
    """Columns and rows that fit them."""
    columns = draw(column_lists(most, kinds=kinds))
    row = st.tuples(*map(cells, columns))
    return columns, draw(st.lists(row, max_size=rows))


def copy_binary(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> list[bytes]:
    """The messages of COPY BINARY, made after the manual."""
    header = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    tuples = [
        struct.pack(">h", len(columns))
        + b"".join(_field(column, value) for column, value in zip(columns, row, strict=True))
        for row in rows
    ]
    return [header + tuples[0], *tuples[1:], b"\xff\xff"] if tuples else [header + b"\xff\xff"]


_OIDS = {"short": 21, "int": 23, "long": 20, "float": 700, "double": 701}


def _field(column: Column, value: Any) -> bytes:
    if value is None:
        return struct.pack(">i", -1)
    if column.datatype in TEXTS:
        data = value.encode()
    elif column.arraysize is None:
        data = struct.pack(f">{CODES[column.datatype]}", value)
    else:
        scalar = Column(column.name, column.datatype)
        has_nulls = int(None in value)
        data = struct.pack(">iii", 1 if value else 0, has_nulls, _OIDS[column.datatype])
        data += struct.pack(">ii", len(value), 1) if value else b""
        data += b"".join(_field(scalar, element) for element in value)
    return struct.pack(">i", len(data)) + data


class Collector:
    """What psycopg2 writes to."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def write(self, message: bytes) -> None:
        self.messages.append(message)


def copied(connection: Any, sql: str, columns: Sequence[Column], form: Any) -> list[bytes]:
    """The messages that PostgreSQL really sends."""
    collector = Collector()
    with connection.cursor() as cursor:
        cursor.copy_expert(copy_statement(sql, columns, form), collector)
    return collector.messages


def literal_rows(connection: Any, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> str:
    """A query that returns the rows, every value having gone through PostgreSQL's own input."""
    types = ["text" if column.datatype in TEXTS else wire_type(column) for column in columns]
    with connection.cursor() as cursor:
        lines = [
            cursor.mogrify(
                "(" + ", ".join(["%s"] * (len(columns) + 1)) + ")",
                [number, *(_literal(value) for value in row)],
            ).decode()
            for number, row in enumerate(rows)
        ]
    names = [f"v{number}" for number in range(len(columns))]
    select = ", ".join(f"{name}::text::{kind}" for name, kind in zip(names, types, strict=True))
    if not lines:
        lines = ["(" + ", ".join(["NULL"] * (len(columns) + 1)) + ")"]
        select += " "
    source = f"(VALUES {', '.join(lines)}) AS given (number, {', '.join(names)})"
    return f"SELECT {select} FROM {source} WHERE number::int IS NOT NULL ORDER BY number::int"


def _literal(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return "{" + ",".join("NULL" if v is None else repr(v) for v in value) + "}"
    return repr(value)


def batched(messages: Sequence[bytes], sizes: Sequence[int]) -> Iterator[Sequence[bytes]]:
    """The messages in batches of the given sizes, over and over."""
    at = turn = 0
    while at < len(messages):
        size = sizes[turn % len(sizes)]
        yield messages[at : at + size]
        at, turn = at + size, turn + 1


def document(
    name: str,
    columns: Sequence[Column],
    messages: Sequence[bytes],
    *,
    sizes: Sequence[int] = (2048,),
    header: ResultHeader | None = None,
    maxrec: int | None = None,
) -> bytes:
    """The whole document of a format."""
    writer = negotiate(name).writer(columns, header or ResultHeader(), maxrec=maxrec)
    parts = [writer.begin()]
    parts += [writer.rows(batch) for batch in batched(messages, sizes)]
    return b"".join([*parts, *writer.end()])


def read(votable: bytes) -> Any:
    """The masked array that astropy reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parse_single_table(io.BytesIO(votable)).array


def same(found: Any, expected: Any) -> bool:
    """Whether two numbers are the same, zeros with their sign and NaN like NaN."""
    if isinstance(expected, float):
        found = float(found)
        if math.isnan(expected):
            return math.isnan(found)
        return found == expected and math.copysign(1, found) == math.copysign(1, expected)
    return int(found) == expected


def assert_cell(found: Any, masked: Any, column: Column, expected: Any) -> None:
    """Assert that astropy's cell is the value; empty and missing texts and arrays are one."""
    where = f"{column}: {found!r} for {expected!r}"
    if column.datatype in TEXTS:
        assert str(found) == (expected or "") or (expected is None and np.all(masked)), where
    elif column.arraysize is not None:
        elements = [] if expected is None else expected
        if column.arraysize != "*" and expected is None:
            assert np.all(np.isnan(np.ma.getdata(found))) or np.all(masked), where
            return
        data = np.ma.getdata(found)
        assert len(data) == len(elements), where
        if column.datatype == "float":  # astropy reads arrays of any length as float64 from text
            data = np.asarray(data, dtype=np.float32)
        assert all(same(a, b) for a, b in zip(data, elements, strict=True)), where
    elif expected is None:
        assert bool(masked) is True, where
    else:
        data = np.ma.getdata(found)
        assert same(data, expected), where
        is_nan = isinstance(expected, float) and math.isnan(expected)
        assert is_nan or bool(masked) is False, where


def assert_rows(array: Any, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    """Assert that astropy read exactly these rows."""
    assert len(array) == len(rows)
    assert list(array.dtype.names) == [column.name for column in columns]
    for column, *expected in zip(columns, *rows, strict=True):
        values, masks = array[column.name].data, np.ma.getmaskarray(array[column.name])
        for found, masked, value in zip(values, masks, expected, strict=True):
            assert_cell(found, masked, column, value)
