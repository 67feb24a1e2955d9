"""Intervals of time find the same rows with their index's condition as without it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2 import sql as pg
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from epntap.adql import translate
from epntap.tables import Column, Relation, Schema, Table, TableSet

QUICK = settings(max_examples=60, deadline=None, derandomize=True)

TABLES = TableSet(
    (
        Schema(
            "events",
            (
                Table(
                    "events",
                    "epn_core",
                    (
                        Column("n", "int"),
                        Column("time_min", "double"),
                        Column("time_max", "double"),
                    ),
                    Relation("pg_temp", "events"),
                ),
            ),
        ),
    )
)

VALUES = [None, float("nan"), float("-inf"), -1.0, 0.0, 1.0, 2.5, 3.0, float("inf")]
NUMBERS = st.sampled_from(["-1", "0", "1.0", "2.5", "'2.5'", "3", "1e300", "7"])
BOUNDS = st.sampled_from(["time_min", "time_max"])
SIGNS = st.sampled_from(["<", "<=", ">", ">="])


@pytest.fixture(scope="module")
def rows(database: Connection) -> Iterator[Cursor]:
    """Every pair of limits, some of which no catalogue has, in a table of this connection."""
    with database.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE events (n int, time_min float8, time_max float8)")
        for number, pair in enumerate(itertools.product(VALUES, VALUES)):
            cursor.execute("INSERT INTO pg_temp.events VALUES (%s, %s, %s)", (number, *pair))
        yield cursor


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    column, sign, number = draw(BOUNDS), draw(SIGNS), draw(NUMBERS)
    return draw(st.sampled_from([f"{column} {sign} {number}", f"{number} {sign} {column}"]))


@QUICK
@given(st.lists(comparisons(), min_size=1, max_size=4), st.booleans())
def test_every_row_that_meets_the_conditions_is_found(rows, parts, negated):
    condition = f"NOT ({' AND '.join(parts)})" if negated else " AND ".join(parts)
    query = f"SELECT n FROM events.epn_core WHERE {condition} ORDER BY n"
    rows.execute(translate(query, TABLES).sql)
    found = rows.fetchall()
    plain = condition.replace("'2.5'", "2.5")
    rows.execute(pg.SQL("SELECT n FROM pg_temp.events WHERE {} ORDER BY n").format(pg.SQL(plain)))
    assert found == rows.fetchall()


def test_an_interval_is_asked_of_the_index():
    text = translate(
        "SELECT n FROM events.epn_core AS e WHERE e.time_max >= 10 AND (n > 1 AND '20' > time_min)",
        TABLES,
    ).sql
    assert "udf.period(" in text
    assert "point('20.0'::float8, 'Infinity'::float8)" in text
    assert "point('-Infinity'::float8, '10.0'::float8)" in text


@pytest.mark.parametrize(
    "condition",
    [
        "time_max >= 10",
        "time_min >= 10 AND time_min <= 20",
        "time_max >= 10 OR time_min <= 20",
        "NOT (time_max >= 10 AND time_min <= 20)",
        "time_max >= 10 AND time_min <> 20",
        "time_max >= n AND time_min <= 20",
    ],
)
def test_what_implies_no_interval_is_left_as_it_is(condition):
    assert "period" not in translate(f"SELECT n FROM events.epn_core WHERE {condition}", TABLES).sql


def test_each_table_of_a_join_has_its_own_interval():
    text = translate(
        "SELECT a.n FROM events.epn_core AS a JOIN events.epn_core AS b ON a.n = b.n"
        " WHERE a.time_max >= 1 AND a.time_min <= 2 AND b.time_max >= 3 AND b.time_min <= 4"
        " AND a.time_min <= 9",
        TABLES,
    ).sql
    assert text.count("udf.period(") == 2
