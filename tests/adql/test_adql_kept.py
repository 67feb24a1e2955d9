"""What is kept of ``SELECT *`` from one query to the next, and lists of many literals."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epntap.adql import AdqlError, translate
from epntap.adql.lexer import END, INTEGER, tokenize
from epntap.tables import Column, Relation, Schema, Table, TableSet

_TABLE = Table(
    "moons",
    "epn_core",
    (Column("granule_uid", "char", "*"), Column("c1min", "double", unit="deg")),
    Relation("moons", "epn_core_v1"),
)


def tables(table: Table) -> TableSet:
    return TableSet((Schema("moons", (table,)),))


def test_all_columns_are_the_same_the_second_time() -> None:
    query = "SELECT * FROM moons.epn_core"
    assert translate(query, tables(_TABLE)) == translate(query, tables(_TABLE))


def test_tables_of_one_name_and_relation_with_other_columns_are_not_mixed_up() -> None:
    """They have the same hash, and only what is equal is taken for the same."""
    other = replace(_TABLE, columns=(*_TABLE.columns, Column("c2min", "double", unit="deg")))
    assert hash(other) == hash(_TABLE)
    assert other != _TABLE
    for table in (_TABLE, other, _TABLE):
        found = translate("SELECT * FROM moons.epn_core", tables(table))
        assert found.columns == table.columns


def test_a_column_that_is_described_anew_is_seen() -> None:
    new = (_TABLE.columns[0], replace(_TABLE.columns[1], unit="rad"))
    for columns in (_TABLE.columns, new):
        table = replace(_TABLE, columns=columns)
        assert translate("SELECT * FROM moons.epn_core", tables(table)).columns == columns


def test_all_columns_of_a_group_are_held_to_the_rule_of_groups() -> None:
    with pytest.raises(AdqlError, match="c1min is neither in GROUP BY"):
        translate("SELECT * FROM moons.epn_core GROUP BY granule_uid", tables(_TABLE))
    found = translate("SELECT * FROM moons.epn_core GROUP BY granule_uid, c1min", tables(_TABLE))
    assert found.columns == _TABLE.columns


def test_all_columns_of_an_alias_and_of_a_subquery_are_named_by_it() -> None:
    found = translate("SELECT m.* FROM moons.epn_core AS m", tables(_TABLE))
    inner = translate("SELECT * FROM (SELECT * FROM moons.epn_core) AS q", tables(_TABLE))
    assert found.columns == inner.columns == _TABLE.columns


_LITERALS = st.one_of(
    st.integers(0, 2**70).map(str),
    st.floats(0, 1e300).map(repr),
    st.text("ab'\\ ", max_size=5).map(lambda text: "'" + text.replace("'", "''") + "'"),
)


@given(st.lists(_LITERALS, min_size=1, max_size=20), st.sampled_from(["", " ", "\n -- a\n"]))
def test_a_list_of_literals_means_what_its_items_mean_alone(items: list[str], space: str) -> None:
    """A bracket around an item keeps it from being taken as a bare literal."""
    query = "SELECT granule_uid FROM moons.epn_core WHERE granule_uid IN ({})"

    def translated(written: list[str]) -> str:
        try:
            return translate(query.format(f"{space},{space}".join(written)), tables(_TABLE)).sql
        except AdqlError as error:
            return error.message

    assert translated(items) == translated([f"({item})" for item in items])


@given(st.lists(st.sampled_from([" ", "\t", "\r\n", "-- 1, 2\n"]), max_size=5))
def test_white_space_and_comments_are_no_tokens_and_move_no_starts(spaces: list[str]) -> None:
    before = "".join(spaces)
    found = tokenize(f"{before}12{before}")
    assert found.kinds == [INTEGER, END]
    assert found.starts[0] == len(before)
