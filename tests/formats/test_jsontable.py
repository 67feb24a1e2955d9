"""JSON, read back by the standard library."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.formats import ResultHeader, ResultStreamError, negotiate
from epntap.tables import Column, CoordinateSystem, TimeSystem

from .streams import batched, copied, document, literal_rows, results, same

QUICK = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
BATCHES = st.lists(st.integers(1, 7), min_size=1, max_size=4)


def loaded(text: bytes) -> Any:
    """The document, read strictly: Python's reader would take NaN."""

    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text.decode(), parse_constant=refuse)


def sent(database, columns, rows) -> list[bytes]:
    return copied(database, literal_rows(database, columns, rows), columns, "json")


def finite(value: Any) -> Any:
    """A value with the rule of the format: what is not finite is null."""
    if isinstance(value, list):
        return [finite(element) for element in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def assert_value(found: Any, column: Column, value: Any) -> None:
    if isinstance(value, list):
        assert isinstance(found, list)
        for one, other in zip(found, value, strict=True):
            assert_value(one, column, other)
    elif isinstance(value, float):
        assert isinstance(found, int | float)
        found = float(np.float32(found)) if column.datatype == "float" else float(found)
        assert same(found, value) or (value == 0 == found)  # -0 is read as the integer 0
    else:
        assert found == value
        assert type(found) is type(value)


@QUICK
@given(results(most=6), BATCHES)
def test_every_value_is_read_back(database, result, sizes):
    columns, rows = result
    whole = loaded(document("json", columns, sent(database, columns, rows), sizes=sizes))
    assert [each["name"] for each in whole["metadata"]] == [column.name for column in columns]
    assert len(whole["data"]) == len(rows)
    for found, row in zip(whole["data"], rows, strict=True):
        for cell, column, value in zip(found, columns, row, strict=True):
            assert_value(cell, column, finite(value))
    assert whole["status"] == {"value": "OK"}


@QUICK
@given(
    st.lists(
        st.tuples(
            st.none() | st.text(st.sampled_from('\t\n\r\b\f\v\x01\x1f\x7f"\\,[]NaIu'), max_size=8),
            st.none() | st.floats(),
        ),
        max_size=6,
    )
)
def test_texts_made_of_separators_and_controls_are_texts(database, rows):
    columns = [Column("t", "char", "*"), Column("d", "double")]
    whole = loaded(document("json", columns, sent(database, columns, rows)))
    assert [row[0] for row in whole["data"]] == [row[0] for row in rows]
    for found, (_, value) in zip(whole["data"], rows, strict=True):
        assert_value(found[1], columns[1], finite(value))


def test_what_is_not_finite_is_null_in_numbers_and_arrays_but_not_in_texts(database):
    columns = [
        Column("a", "double"),
        Column("b", "char", "*"),
        Column("c", "float", "*"),
        Column("d", "float"),
        Column("e", "int", "*"),
    ]
    sql = (
        "SELECT 'NaN'::float8, 'NaN', ARRAY['-Infinity', 1.5, 'NaN', NULL]::float4[],"
        " '-Infinity'::float4, ARRAY[1, NULL] UNION ALL"
        " SELECT 'Infinity', '[NaN,Infinity]', ARRAY[]::float4[], 1, NULL UNION ALL"
        " SELECT 1, E'\\tNaN\\t[NaN]\\n-Infinity', NULL, NULL, ARRAY[]::int[]"
    )
    whole = loaded(document("json", columns, copied(database, sql, columns, "json")))
    assert whole["data"] == [
        [None, "NaN", [None, 1.5, None, None], None, [1, None]],
        [None, "[NaN,Infinity]", [], 1, None],
        [1, "\tNaN\t[NaN]\n-Infinity", None, None, []],
    ]


def test_the_columns_and_the_query_stand_in_the_document(database):
    columns = [
        Column("t", "double", unit="d", ucd="time.start", system=TimeSystem("UTC", "UNKNOWN")),
        Column("x", "double", unit="deg", system=CoordinateSystem("ICRS"), utype="a.b"),
        Column("é", "char", "*", xtype="timestamp", description='say "hi"\n\ud800'),
    ]
    header = ResultHeader(query='SELECT "é"', run_id="7")
    whole = loaded(document("json", columns, [], header=header))
    assert whole["metadata"] == [
        {
            "name": "t",
            "datatype": "double",
            "unit": "d",
            "ucd": "time.start",
            "timesys": {"timescale": "UTC", "refposition": "UNKNOWN", "timeorigin": "JD-origin"},
        },
        {
            "name": "x",
            "datatype": "double",
            "unit": "deg",
            "utype": "a.b",
            "coosys": {"system": "ICRS"},
        },
        {
            "name": "é",
            "datatype": "char",
            "arraysize": "*",
            "xtype": "timestamp",
            "description": 'say "hi"\n\ud800',
        },
    ]
    assert whole["infos"] == [
        {"name": "QUERY", "value": 'SELECT "é"'},
        {"name": "RUNID", "value": "7"},
    ]
    assert whole["data"] == []


@pytest.mark.parametrize("maxrec", [0, 3, 8])
def test_a_truncated_result_says_so(database, maxrec):
    columns = [Column("n", "int")]
    messages = sent(database, columns, [(i,) for i in range(8)])
    whole = loaded(document("json", columns, messages, sizes=(2, 6), maxrec=maxrec))
    assert whole["data"] == [[i] for i in range(maxrec)]
    assert whole["status"]["value"] == ("OVERFLOW" if maxrec < 8 else "OK")


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_failure_in_the_middle_leaves_a_whole_document_with_the_reason(database, count):
    columns = [Column("n", "int"), Column("t", "char", "*")]
    messages = sent(database, columns, [(i, None) for i in range(6)])[:count]
    writer = negotiate("json").writer(columns, ResultHeader())
    parts = [writer.begin(), *(writer.rows(part) for part in batched(messages, [2]))]
    whole = loaded(b"".join([*parts, writer.fail('lost "it"')]))
    assert whole["data"] == [[i, None] for i in range(count)]
    assert whole["status"] == {"value": "ERROR", "message": 'lost "it"'}


def test_rows_of_another_width_are_refused(database):
    columns = [Column("a", "int"), Column("b", "int")]
    writer = negotiate("json").writer(columns[:1], ResultHeader())
    with pytest.raises(ResultStreamError, match="do not have 1 cells"):
        writer.rows(sent(database, columns, [(1, 2)]))
    assert writer.row_count == 0
