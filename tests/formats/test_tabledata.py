"""VOTable TABLEDATA, read back by astropy."""

from __future__ import annotations

import math
import re
from typing import Any

import lxml.etree
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.tables import Column

from .streams import assert_rows, copied, document, literal_rows, read, results

QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
BATCHES = st.lists(st.integers(1, 7), min_size=1, max_size=4)
_NO_CHAR = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def cells_of(votable: bytes) -> list[list[str]]:
    """The cells as any XML parser sees them."""
    tree = lxml.etree.fromstring(votable)
    return [
        [cell.text or "" for cell in row]
        for row in tree.iter("{http://www.ivoa.net/xml/VOTable/v1.3}TR")
    ]


def legal(value: Any) -> Any:
    return _NO_CHAR.sub("", value) if isinstance(value, str) else value


def stripped(value: Any) -> Any:
    """A cell as astropy gives it, which takes off the white space of XML around every text."""
    return legal(value).strip(" \t\n\r") if isinstance(value, str) else value


@QUICK
@given(results(most=6), BATCHES)
def test_astropy_reads_every_value_back(database, result, sizes):
    columns, rows = result
    messages = copied(database, literal_rows(database, columns, rows), columns, "text")
    votable = document("votable/td", columns, messages, sizes=sizes)
    expected = [tuple(map(stripped, row)) for row in rows]
    assert_rows(read(votable), columns, expected)


@QUICK
@given(results(most=4, kinds=["char", "unicodeChar"]), BATCHES)
def test_texts_are_the_same_to_the_last_blank_and_line_end(database, result, sizes):
    columns, rows = result
    messages = copied(database, literal_rows(database, columns, rows), columns, "text")
    votable = document("votable/td", columns, messages, sizes=sizes)
    assert cells_of(votable) == [[legal(value) or "" for value in row] for row in rows]


def test_infinity_is_respelled_in_numbers_and_left_alone_in_texts(database):
    columns = [
        Column("a", "char", "*"),
        Column("b", "double"),
        Column("c", "float"),
        Column("d", "double", "*"),
        Column("e", "char", "*"),
    ]
    sql = (
        "SELECT 'Infinity', 'Infinity'::float8, '-Infinity'::float4,"
        " ARRAY['-Infinity', 1.5, 'Infinity', NULL]::float8[], '-Infinity'"
        " UNION ALL SELECT 'to Infinity', 1, 'NaN', NULL, 'x'"
    )
    votable = document("votable/td", columns, copied(database, sql, columns, "text"))
    assert cells_of(votable) == [
        ["Infinity", "+Inf", "-Inf", "-Inf 1.5 +Inf NaN", "-Infinity"],
        ["to Infinity", "1", "NaN", "", "x"],
    ]
    array = read(votable)
    assert array["b"][0] == math.inf
    assert array["c"][0] == -math.inf


@pytest.mark.parametrize("datatype", ["short", "int", "long"])
def test_missing_integers_are_masked_and_extreme_ones_are_not(database, datatype):
    columns = [Column("x", datatype)]
    size = {"short": 16, "int": 32, "long": 64}[datatype]
    rows = [(None,), (-(2 ** (size - 1)),), (2 ** (size - 1) - 1,)]
    messages = copied(database, literal_rows(database, columns, rows), columns, "text")
    assert_rows(read(document("votable/td", columns, messages)), columns, rows)


def test_missing_arrays_and_elements_are_spelt_as_their_columns_declare(database):
    columns = [
        Column("a", "double", "2"),
        Column("b", "int", "2"),
        Column("c", "short", "*"),
        Column("d", "char", "*"),
    ]
    sql = (
        "SELECT NULL::float8[], NULL::int[], NULL::int2[], 'NaN'"
        " UNION ALL SELECT ARRAY[1, NULL], ARRAY[NULL, 2], ARRAY[NULL, 3], '\\N Infinity'"
    )
    votable = document("votable/td", columns, copied(database, sql, columns, "text"))
    none = str(-(2**31))
    assert cells_of(votable) == [
        ["NaN NaN", f"{none} {none}", "", "NaN"],
        ["1 NaN", f"{none} 2", "-32768 3", "\\N Infinity"],
    ]
