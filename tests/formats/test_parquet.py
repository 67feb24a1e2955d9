"""Parquet, read back by pyarrow and astropy."""

from __future__ import annotations

import io
import math
import tracemalloc
from typing import Any

import pyarrow as pa
import pytest
from astropy.io import votable
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from epntap.formats import ResultHeader, ResultStreamError, negotiate
from epntap.tables import Column, TimeSystem

from .streams import batched, copied, copy_binary, document, literal_rows, results, same

QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
BATCHES = st.lists(st.integers(1, 7), min_size=1, max_size=4)
CONTENT = b"IVOA.VOTable-Parquet.content"


def equal(found: Any, expected: Any) -> bool:
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(equal, found, expected))
    if expected is None or isinstance(expected, str):
        return found == expected
    return found is not None and same(found, expected)


def assert_table(table: pa.Table, columns, rows) -> None:
    table.validate(full=True)
    assert table.column_names == [column.name for column in columns]
    assert table.num_rows == len(rows)
    for number, column in enumerate(columns):
        for found, row in zip(table.column(number).to_pylist(), rows, strict=True):
            assert equal(found, row[number]), f"{column}: {found!r} for {row[number]!r}"


@QUICK
@given(results(), BATCHES)
def test_pyarrow_reads_every_value_back_exactly(result, sizes):
    columns, rows = result
    file = document("parquet", columns, copy_binary(columns, rows), sizes=sizes)
    assert_table(parquet.read_table(io.BytesIO(file)), columns, rows)


@QUICK
@given(results(most=6), BATCHES)
def test_what_postgresql_really_sends_is_read_back_exactly(database, result, sizes):
    columns, rows = result
    messages = copied(database, literal_rows(database, columns, rows), columns, "binary")
    file = document("parquet", columns, messages, sizes=sizes)
    assert_table(parquet.read_table(io.BytesIO(file)), columns, rows)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.none() | st.integers(0, 1200), min_size=1, max_size=30))
def test_texts_of_any_length_stand_beside_each_other_unharmed(lengths):
    columns = [Column("t", "char", "*")]
    texts = [n if n is None else "".join(chr(97 + (i + n) % 26) for i in range(n)) for n in lengths]
    rows = [(text,) for text in texts]
    file = document("parquet", columns, copy_binary(columns, rows), sizes=(11,))
    assert_table(parquet.read_table(io.BytesIO(file)), columns, rows)


def test_types_are_those_of_the_columns_and_missing_elements_stay_missing(database):
    columns = [
        Column("a", "short"),
        Column("b", "int"),
        Column("c", "long"),
        Column("d", "float"),
        Column("e", "double"),
        Column("f", "char", "*"),
        Column("g", "int", "*"),
        Column("h", "float", "2"),
    ]
    sql = (
        "SELECT 1::int2, 2, 3::int8, 0.1::float4, 0.1::float8, 'é', ARRAY[1, NULL, 3],"
        " ARRAY[NULL, 'NaN']::float4[] UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
        " NULL"
    )
    file = document("parquet", columns, copied(database, sql, columns, "binary"))
    table = parquet.read_table(io.BytesIO(file))
    kinds = [pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.string()]
    assert table.schema.types[:6] == kinds
    assert [kind.value_type for kind in table.schema.types[6:]] == [pa.int32(), pa.float32()]
    first, second = table.to_pylist()
    assert first["g"] == [1, None, 3]
    assert first["h"][0] is None
    assert math.isnan(first["h"][1])
    assert set(second.values()) == {None}


def test_astropy_gets_units_and_descriptions_from_the_votable_in_the_footer():
    columns = [
        Column("t", "double", unit="d", ucd="time.start", description="begin"),
        Column("name", "char", "*", ucd="meta.id"),
        Column("n", "long"),
    ]
    rows = [(2455197.5, "Schröter", 2**63 - 1), (1.5, "", 0)]
    file = document("parquet", columns, copy_binary(columns, rows))
    table = Table.read(io.BytesIO(file), format="parquet.votable")
    assert str(table["t"].unit) == "d"
    assert table["t"].description == "begin"
    assert table["t"].meta["ucd"] == "time.start"
    assert [tuple(row) for row in table] == rows


def test_the_footer_holds_a_votable_without_data_and_the_convention_s_version(tmp_path):
    columns = [Column("t", "double", system=TimeSystem("UTC", "UNKNOWN"), unit="d", ucd="time")]
    header = ResultHeader(query="SELECT 'é'")
    path = tmp_path / "result.parquet"
    path.write_bytes(document("parquet", columns, copy_binary(columns, []), header=header))
    metadata = parquet.read_metadata(path).metadata
    assert metadata[b"IVOA.VOTable-Parquet.version"] == b"1.0"
    parsed = votable.parse(io.BytesIO(metadata[CONTENT]))
    assert b"<DATA" not in metadata[CONTENT]
    assert parsed.resources[0].time_systems[0].timescale == "UTC"
    field = parquet.read_schema(path).field("t")
    assert field.metadata[b"unit"] == b"d"
    assert field.metadata[b"ucd"] == b"time"


@pytest.mark.parametrize("maxrec", [0, 3, 8])
def test_a_truncated_result_says_so_in_its_footer(maxrec):
    columns = [Column("n", "int")]
    messages = copy_binary(columns, [(i,) for i in range(8)])
    file = io.BytesIO(document("parquet", columns, messages, sizes=(2, 6), maxrec=maxrec))
    assert parquet.read_table(file).column("n").to_pylist() == list(range(maxrec))
    content = parquet.read_metadata(file).metadata[CONTENT]
    assert (b'value="OVERFLOW"' in content) == (maxrec < 8)


def test_row_groups_leave_as_soon_as_they_are_full():
    columns = [Column("n", "int"), Column("t", "char", "*")]
    rows = [(i, str(i)) for i in range(70_000)]
    writer = negotiate("parquet").writer(columns, ResultHeader())
    assert writer.begin() == b"PAR1"
    pieces = [writer.rows(batch) for batch in batched(copy_binary(columns, rows), [2048])]
    assert sum(map(bool, pieces)) == 2
    file = io.BytesIO(b"".join([b"PAR1", *pieces, *writer.end()]))
    metadata = parquet.read_metadata(file)
    assert [metadata.row_group(i).num_rows for i in range(3)] == [32768, 32768, 4464]
    assert_table(parquet.read_table(file), columns, rows)


def test_memory_is_that_of_one_row_group_however_many_there_are():
    columns = [Column("t", "char", "*")]
    first, *rest = copy_binary(columns, [("x" * 4000,)] * 500)[:-1]
    writer = negotiate("parquet").writer(columns, ResultHeader())
    writer.begin()
    writer.rows([first])
    tracemalloc.start()
    pool = pa.default_memory_pool()
    try:
        for _ in range(60):
            writer.rows(rest)
            assert tracemalloc.get_traced_memory()[0] < 20_000_000
            assert pool.bytes_allocated() < 40_000_000
    finally:
        tracemalloc.stop()
    assert writer.row_count == 1 + 60 * 499


def test_a_failed_result_cannot_be_taken_for_a_whole_one():
    columns = [Column("n", "int")]
    writer = negotiate("parquet").writer(columns, ResultHeader())
    messages = copy_binary(columns, [(i,) for i in range(40_000)])
    file = writer.begin() + writer.rows(messages[:-1]) + writer.fail("lost")
    assert len(file) > 1000
    with pytest.raises(pa.ArrowInvalid, match="magic"):
        parquet.read_table(io.BytesIO(file))


def test_values_that_do_not_fit_their_declaration_are_refused():
    column = Column("v", "double", "2")
    with pytest.raises(ResultStreamError, match=r"column v .* array of 3 elements"):
        document("parquet", [column], copy_binary([column], [([1.0, 2.0, 3.0],)]))
    messages = copy_binary([Column("x", "double")], [(1.0,)])
    with pytest.raises(ResultStreamError, match="values of 8 bytes"):
        document("parquet", [Column("x", "int")], messages)
