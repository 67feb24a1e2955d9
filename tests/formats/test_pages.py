"""HTML and plain text."""

from __future__ import annotations

import re
import unicodedata

import lxml.html
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.formats import Info, ResultHeader, negotiate
from epntap.tables import Column

from .streams import copied, document, literal_rows, results
from .test_delimited import assert_field
from .test_tabledata import legal

QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
BATCHES = st.lists(st.integers(1, 7), min_size=1, max_size=4)
TEXT = [Column("t", "char", "*")]


def sent(database, columns, rows) -> list[bytes]:
    return copied(database, literal_rows(database, columns, rows), columns, "text")


def page(html: bytes) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(html.decode(), parser=lxml.html.HTMLParser(encoding=None))


def cells_of(html: bytes) -> list[list[str]]:
    return [[cell.text_content() for cell in row] for row in page(html).iterfind(".//tbody/tr")]


@QUICK
@given(results(most=5), BATCHES)
def test_a_page_shows_every_value_as_text(database, result, sizes):
    columns, rows = result
    html = document("html", columns, sent(database, columns, rows), sizes=sizes)
    found = cells_of(html)
    assert len(found) == len(rows)
    for cells, row in zip(found, rows, strict=True):
        for cell, column, value in zip(cells, columns, row, strict=True):
            assert_field(cell, column, legal(value))


@QUICK
@given(st.text(max_size=30).map(lambda t: t.replace("\0", "")))
def test_nothing_that_is_said_of_a_result_becomes_markup(words):
    hostile = f"<script>x</script>\"'&{words}"
    column = Column(hostile, "int", unit=hostile, ucd=hostile, description=hostile)
    header = ResultHeader(query=hostile, infos=(Info(hostile, hostile),), description=hostile)
    writer = negotiate("html").writer([column], header)
    tree = page(writer.begin() + writer.fail(hostile))
    assert not tree.findall(".//script")
    kinds = {element.tag for element in tree.iter()}
    assert kinds <= {
        "html", "head", "meta", "title", "style", "body", "h1", "p", "pre", "table", "thead",
        "tbody", "tr", "th", "small",
    }  # fmt: skip
    assert all(not name.startswith("on") for element in tree.iter() for name in element.attrib)


def test_column_heads_have_units_and_what_they_mean_as_titles():
    columns = [Column("t", "double", unit="d", ucd="time.start", description='"when" & so')]
    head = page(document("html", columns, [])).find(".//th")
    assert head.text_content() == "td"
    assert head.find("small").text == "d"
    assert head.get("title") == '"when" & so\ntime.start'


@pytest.mark.parametrize(
    ("value", "linked"),
    [
        ("https://example.org/a?b=1&c=<2>", True),
        ("https://example.org/a?b=1&c=2", True),
        ("http://example.org/\u00e9", True),
        ("HTTP://example.org", True),
        ("javascript:alert(1)", False),
        ("ftp://example.org", False),
        ("see https://example.org", False),
        ('https://example.org/"onclick="x', False),
        ("https://example.org/'", False),
        ("https://example.org/\n", False),
    ],
)
def test_urls_alone_in_their_cells_are_links(database, value, linked):
    html = document("html", TEXT, sent(database, TEXT, [(value,)]))
    links = page(html).findall(".//a")
    assert [link.get("href") for link in links] == ([value] if linked else [])
    assert cells_of(html) == [[value]]


@pytest.mark.parametrize("name", ["html", "text"])
@pytest.mark.parametrize("maxrec", [0, 1, 3, 8])
def test_people_are_told_how_many_rows_there_are_and_whether_that_is_all(database, name, maxrec):
    columns = [Column("n", "int")]
    messages = sent(database, columns, [(i,) for i in range(8)])
    words = document(name, columns, messages, sizes=(2, 6), maxrec=maxrec).decode()
    assert ("truncated" in words) == (maxrec < 8)
    shown = re.findall(r"^(?:<tr><td>)? *(\d)(?:</td></tr>)?$", words, re.MULTILINE)
    assert shown == [str(i) for i in range(maxrec)]
    writer = negotiate(name).writer(columns, ResultHeader())
    broken = (writer.begin() + writer.rows(messages[:3]) + writer.fail("lost")).decode()
    assert re.search("incomplete: lost", broken)
    assert re.findall(r"^(?:<tr><td>)? *(\d)(?:</td></tr>)?$", broken, re.MULTILINE) == [*"012"]


def test_text_is_aligned_with_names_units_and_a_rule(database):
    columns = [Column("name", "char", "*"), Column("b", "double", unit="nT"), Column("n", "int")]
    rows = [("Wind", 5.25, 1), ("Schröter", -12.0, None), ("日本", None, 300)]
    assert document("text", columns, sent(database, columns, rows)).decode() == (
        "name         b    n\n"
        "            nT\n"
        "--------  ----  ---\n"
        "Wind      5.25    1\n"
        "Schröter   -12\n"
        "日本            300\n"
        "(3 rows)\n"
    )


def test_longer_cells_of_later_batches_are_whole(database):
    columns = [Column("t", "char", "*"), Column("n", "int")]
    rows = [("a", 1), ("b" * 100, 22222)]
    lines = document("text", columns, sent(database, columns, rows), sizes=(1,)).decode()
    assert lines.splitlines()[2:4] == ["a  1", "b" * 100 + "  22222"]


@QUICK
@given(results(most=5), BATCHES)
def test_every_row_is_a_line_without_control_characters(database, result, sizes):
    columns, rows = result
    text = document("text", columns, sent(database, columns, rows), sizes=sizes).decode()
    *lines, last = text[:-1].split("\n")
    assert len(lines) == len(rows) + 2
    assert last == f"({len(rows)} row{'s' * (len(rows) != 1)})"
    assert not any(unicodedata.category(character) == "Cc" for line in lines for character in line)
    for line, row in zip(lines[2:], rows, strict=True):
        for column, value in zip(columns, row, strict=True):
            if column.datatype == "long" and value is not None:
                assert str(value) in line


def test_escape_sequences_do_not_reach_the_terminal(database):
    rows = [("\x1b[31mred\x9b2J\\",)]
    lines = document("text", TEXT, sent(database, TEXT, rows)).decode().splitlines()
    assert lines[2] == "\\x1b[31mred\\x9b2J\\\\"
