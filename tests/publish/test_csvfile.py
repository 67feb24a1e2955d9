"""A CSV file has the same cells whoever parses it."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.errors import PublishError
from epntap.publish import csvfile
from epntap.publish.csvfile import read_csv

REFUSALS = (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError)


def cells(frames: list[pd.DataFrame]) -> tuple[list[str], list[tuple[str | None, ...]]]:
    rows = [
        tuple(None if pd.isna(cell) else cell for cell in row)
        for frame in frames
        for row in frame.itertuples(index=False, name=None)
    ]
    return list(frames[0].columns), rows


def by_pandas(path: Path):
    """What pandas reads; None if it refuses, or would take the first cells for labels."""
    try:
        frame = pd.read_csv(
            path, dtype=str, keep_default_na=False, na_values=[""], skipinitialspace=True
        )
    except REFUSALS:
        return None
    return cells([frame]) if isinstance(frame.index, pd.RangeIndex) else None


def by_us(path: Path):
    try:
        return cells(list(read_csv(path, 3)))
    except PublishError:
        return None


plain = st.text("abc1.é", max_size=4)
quoted = st.lists(
    st.sampled_from(["a", ", ", '""', "\n", "\n ", "\r\n", " ", "é"]), max_size=5
).map(lambda parts: f'"{"".join(parts)}"')
odd = st.text('a ,"\t', max_size=4)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Mostly regular tables, some with cells that only pandas reads, some with uneven lines."""
    width = draw(st.integers(1, 4))
    cell = draw(st.sampled_from([plain, plain | quoted, plain | quoted | odd]))
    line = st.lists(cell, min_size=width, max_size=width)
    lines = draw(st.lists(line, min_size=1, max_size=12))
    if draw(st.integers(0, 9)) == 0:
        lines.append(["x"] * draw(st.integers(1, 6)))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = end.join(",".join(parts) for parts in lines) + draw(st.sampled_from(["", end, end * 2]))
    return draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + text.encode()


@given(
    tables() | st.text('a,"\n \r\té1', max_size=40).map(str.encode), st.sampled_from([90, 2**20])
)
@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_cells_are_those_that_pandas_reads(tmp_path, content, block):
    """Whatever is quoted, blank, doubled or too short, and wherever a block of the file ends."""
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csvfile, "BLOCK_BYTES", block)
        assert by_us(path) == by_pandas(path)


@pytest.fixture
def _pandas_reads_no_row(monkeypatch):
    def refuse(path, done, chunk_rows):
        raise AssertionError(f"pandas was asked for the rows after {done}")
        yield

    monkeypatch.setattr(csvfile, "_pandas_rows", refuse)


@pytest.mark.usefixtures("_pandas_reads_no_row")
@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("a,b\n1,2\n3,4\n", [("1", "2"), ("3", "4")]),
        ("\ufeffa,b\r\n1,\r\n,4", [("1", None), (None, "4")]),
        ('a,b\n"Doe, Jane","a ""b"""\n', [("Doe, Jane", 'a "b"')]),
        ('a,b\n"",x\n"two\n lines",007\n', [(None, "x"), ("two\n lines", "007")]),
        ("a,b\nNA,nan\nnull,None\n", [("NA", "nan"), ("null", "None")]),
        ("a,b\n1 ,\u00a02\n", [("1 ", "\u00a02")]),
    ],
)
def test_what_is_written_plainly_is_read_by_arrow(tmp_path, content, rows):
    path = tmp_path / "rows.csv"
    path.write_text(content, encoding="utf-8", newline="")
    assert cells(list(read_csv(path, 100)))[1] == rows


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("a,b\n1, 2\n", [("1", "2")]),
        ('a,b\n1, "x, y"\n', [("1", "x, y")]),
        ('a,b\n5" pipe,x\n', [('5" pipe', "x")]),
        ("a,b\n1\n2,3\n", [("1", None), ("2", "3")]),
        ("a,b\n  \n2,3\n", [("2", "3")]),
    ],
)
def test_what_is_not_is_read_all_the_same(tmp_path, content, rows):
    path = tmp_path / "rows.csv"
    path.write_text(content, encoding="utf-8", newline="")
    assert cells(list(read_csv(path, 100)))[1] == rows


def test_a_place_that_is_not_plain_costs_no_row_before_it(tmp_path, monkeypatch):
    monkeypatch.setattr(csvfile, "BLOCK_BYTES", 4096)
    lines = [f"{i},text {i}" for i in range(5000)]
    lines[3000] = "3000, text 3000"
    path = tmp_path / "rows.csv"
    path.write_text("n,t\n" + "\n".join(lines), encoding="utf-8")
    frames = list(read_csv(path, 700))
    assert max(map(len, frames)) <= 700
    assert cells(frames) == (["n", "t"], [(str(i), f"text {i}") for i in range(5000)])


@pytest.mark.parametrize(("ending", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_a_compressed_file_is_read_and_a_damaged_one_named(tmp_path, ending, compress):
    content = compress(b"a,b\n" + b"1,2\n" * 5000)
    path = tmp_path / f"rows.csv{ending}"
    path.write_bytes(content)
    assert sum(map(len, read_csv(path, 1000))) == 5000
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(PublishError, match="cannot be read"):
        list(read_csv(path, 1000))


def test_a_line_that_ends_in_a_comma_shifts_no_column(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2,\n3,4,\n")
    with pytest.raises(PublishError, match="more cells than the header"):
        list(read_csv(path, 1000))
