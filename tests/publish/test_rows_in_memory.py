"""A column means the same whether it comes as texts of Arrow or as a column of pandas."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.catalogue import Catalogue, Description
from epntap.epncore import read_standard
from epntap.publish.contents import Contents
from epntap.publish.mapping import RowMapper

CATALOGUE = Catalogue(
    Description.model_validate(
        {
            "name": "memory",
            "title": "t",
            "description": "d",
            "creators": ["x"],
            "publisher": "x",
            "contact": "x",
            "rights": "x",
            "subjects": ["planetary-science"],
            "spatial_frame_type": "body",
            "mapping": {
                "granule_uid": {"template": "{id}-{word}"},
                "granule_gid": {"template": "all alike"},
                "target_class": {"constant": "planet"},
                "target_name": {"column": "word", "values": {"a": "Mars", "b": None}},
                "processing_level": {"constant": 5},
                "time_min": "moment",
                "c1min": {"column": "number", "scale": 2.0},
                "c2min": {"column": "word", "values": {"a": 1.5, "b": "2"}},
                "creation_date": "date",
            },
            "columns": [
                {"name": "whole", "datatype": "long", "description": "x", "from": "whole"},
                {"name": "short", "datatype": "int", "description": "x", "from": "number"},
                {
                    "name": "half",
                    "datatype": "float",
                    "description": "x",
                    "from": {"constant": 0.5},
                },
            ],
        }
    ),
    read_standard(),
)

numbers = st.sampled_from(["1", "2.5", "-3e2", "nan", " 7", "x", "0x10", "1e400", "NULL", "5 "])
CELLS = {
    "id": st.text("ab1é\0", min_size=1, max_size=3),
    "word": st.sampled_from(["a", "b", "c", "nan", "1.25"]),
    "number": numbers,
    "whole": numbers | st.integers(-(2**64), 2**64).map(str),
    "moment": st.sampled_from(["2020-01-01T12:00:00", "2020-01-01", "2451545.25", "soon", "nan"]),
    "date": st.sampled_from(["2020-01-01T12:00:00.123456", "2020-01-01T12:00:00Z", "2020", "x"]),
}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[str | None]]:
    size = draw(st.integers(0, 5))
    return {
        name: draw(st.lists(st.none() | cell, min_size=size, max_size=size))
        for name, cell in CELLS.items()
    }


def mapped(rows: object):
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    return RowMapper(CATALOGUE, list(CELLS), {}, moment, "run-1").map(rows, 1)


@given(tables())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_rows_are_the_same_from_arrow_and_from_pandas(table):
    one = mapped(
        pa.record_batch({name: pa.array(v, pa.large_string()) for name, v in table.items()})
    )
    other = mapped(pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in table.items()}))
    assert one.rows.equals(other.rows)
    assert one.violations == other.violations
    assert np.array_equal(one.numbers, other.numbers)


def test_what_a_table_holds_is_gathered_over_its_pieces():
    contents = Contents(["word"])
    empty = pa.nulls(2, pa.large_string())
    for i in range(3):
        words = pa.array([f"word {i}-{j}" for j in range(10)], pa.large_string())
        contents.add(pa.record_batch({"word": words, "nothing": pa.nulls(10)}))
        assert contents.is_varied("word") == (i == 2)
    contents.add(pa.record_batch({"word": empty, "nothing": pa.array([None, 1])}))
    assert contents.has_values("nothing")
    assert not Contents(["word"]).has_values("word")


@pytest.mark.parametrize("count", [20, 21])
def test_the_same_words_again_do_not_make_a_list_varied(count):
    contents = Contents(["word"])
    for _ in range(3):
        words = pa.array([f"word {i}" for i in range(count)], pa.large_string())
        contents.add(pa.record_batch({"word": words}))
    assert contents.is_varied("word") == (count > 20)
