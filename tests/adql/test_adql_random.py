"""Whatever is asked, the answer is SQL that PostgreSQL accepts or an error for the user."""

from __future__ import annotations

import psycopg2
import psycopg2.extensions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.adql import AdqlError, translate
from epntap.adql.features import REGISTRY
from epntap.adql.words import RESERVED_WORDS
from epntap.tables import TableSet

# --- Token soup -----------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        *sorted(RESERVED_WORDS),
        *("icme.epn_core", "epn_core", "sir.epn_core", "TAP_SCHEMA.columns", "granule_uid", "a", "t"),
        *("time_min", "t.time_min", '"size"', "*", ",", "(", ")", "=", "<", "<>", "+", "-", "/"),
        *("||", ".", ";", "'x'", "'2.5'", "''", "1", "2.5", "1e3", "0", "--", "\n", "\0", "\\", "$$"),
        *("E'a'", "/*", "*/", "%", "¤", "ﬁ", "ivo_to_jd", "pg_sleep", "SELECT", "FROM", "WHERE"),
    ]
)
SOUP = st.lists(WORDS, max_size=40).map(" ".join)


@given(st.one_of(SOUP, SOUP.map(lambda text: f"SELECT {text}"), st.text(max_size=60)))
@settings(max_examples=600, deadline=None, derandomize=True)
def test_token_soup_is_translated_or_refused_with_an_adql_error(tableset: TableSet, query: str):
    try:
        translation = translate(query, tableset)
    except AdqlError as error:
        assert error.message
        assert error.line >= 1
        assert error.column >= 1
    else:
        assert translation.sql


# --- Queries that mostly make sense ---------------------------------------------------------------

NUMBER_COLUMNS = ["time_min", "time_max", "c1min", "processing_level", "speed", "quality", "counter"]
TEXT_COLUMNS = ["granule_uid", "target_name", "s_region"]
OTHER_COLUMNS = ["creation_date", "spectrum"]
LITERALS = ["1", "0", "2", "2.5", "1e-3", "'5'", "'2455197.5'", "9999999999", "NULL", "-3"]
TEXT_LITERALS = ["'a'", "''", "'it''s'", r"'\'", "'%_'", "NULL", "'Schröter'", "'1,2'"]
TIMES = ["creation_date", "'2010-01-01'", "TIMESTAMP('2010-01-01T00:00:00')", "NULL"]
ARGUMENTS = {
    name: len(signatures[-1].parameters)
    for name, signatures in REGISTRY.items()
    if not signatures[0].aggregate
}


def _call(name: str, arguments: list[str]) -> str:
    return f"{name}({', '.join(arguments[: ARGUMENTS[name]])})"


def _values(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(children, st.sampled_from(["+", "-", "*", "/", "||"]), children)
    return st.one_of(
        pair.map(lambda parts: f"{parts[0]} {parts[1]} {parts[2]}"),
        children.map(lambda value: f"({value})"),
        children.map(lambda value: f"- {value}"),
        st.tuples(
            st.sampled_from(["INTEGER", "DOUBLE PRECISION", "VARCHAR(3)", "SMALLINT", "TIMESTAMP"]),
            children,
        ).map(lambda parts: f"CAST({parts[1]} AS {parts[0]})"),
        st.tuples(st.sampled_from(sorted(ARGUMENTS)), st.lists(children, min_size=4, max_size=4)).map(
            lambda parts: _call(*parts)
        ),
        st.tuples(children, children).map(lambda parts: f"COALESCE({parts[0]}, {parts[1]})"),
        st.tuples(children, children, children).map(
            lambda parts: f"CASE {parts[0]} WHEN {parts[1]} THEN {parts[2]} ELSE {parts[0]} END"
        ),
        st.tuples(
            st.sampled_from(["MIN", "MAX", "AVG", "SUM", "COUNT", "COUNT"]),
            st.sampled_from(["", "DISTINCT "]),
            children,
        ).map(lambda parts: f"{parts[0]}({parts[1]}{parts[2]})"),
        children.map(lambda value: f"(SELECT TOP 1 {value} FROM sir.epn_core)"),
        children.map(lambda value: f"(SELECT MAX({value}) FROM sir.epn_core AS s WHERE s.time_min < 0)"),
    )


LEAVES = st.sampled_from(
    [*NUMBER_COLUMNS * 3, *TEXT_COLUMNS, *OTHER_COLUMNS, *LITERALS, *TEXT_LITERALS, *TIMES]
)
VALUE = st.recursive(LEAVES, _values, max_leaves=5)


def _conditions(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(children, st.sampled_from(["AND", "OR"]), children).map(" ".join),
        children.map(lambda condition: f"NOT ({condition})"),
    )


SIMPLE = st.one_of(
    st.tuples(VALUE, st.sampled_from(["=", "<>", "<", ">=", "!="]), VALUE).map(" ".join),
    st.tuples(VALUE, VALUE, VALUE).map(lambda v: f"{v[0]} NOT BETWEEN {v[1]} AND {v[2]}"),
    st.tuples(VALUE, st.lists(VALUE, min_size=1, max_size=3)).map(
        lambda v: f"{v[0]} IN ({', '.join(v[1])})"
    ),
    st.tuples(VALUE, VALUE).map(lambda v: f"{v[0]} IN (SELECT {v[1]} FROM sir.epn_core)"),
    st.tuples(VALUE, st.sampled_from(["LIKE", "NOT ILIKE"]), VALUE).map(" ".join),
    VALUE.map(lambda value: f"{value} IS NOT NULL"),
    VALUE.map(lambda value: f"EXISTS (SELECT {value} FROM sir.epn_core AS s)"),
    st.tuples(VALUE, VALUE).map(lambda v: f"1 = ivo_nocasematch({v[0]}, {v[1]})"),
)
CONDITION = st.recursive(SIMPLE, _conditions, max_leaves=3)
SOURCES = st.sampled_from(
    [
        "icme.epn_core",
        "icme.epn_core AS t",
        "icme.epn_core LEFT JOIN TAP_UPLOAD.mine ON Id = processing_level",
        "icme.epn_core FULL JOIN TAP_UPLOAD.mine ON Id = processing_level AND speed > id2",
        "icme.epn_core NATURAL RIGHT JOIN (SELECT granule_uid, v_max FROM sir.epn_core) AS s",
        "icme.epn_core JOIN (SELECT granule_uid, v_max FROM sir.epn_core) AS s USING (granule_uid)",
        "(SELECT * FROM icme.epn_core) AS d",
        "(SELECT DISTINCT * FROM icme.epn_core UNION SELECT * FROM icme.epn_core) AS d",
    ]
)


@st.composite
def _selects(draw: st.DrawFn) -> str:
    items = draw(
        st.one_of(
            st.just(["*"]),
            st.lists(st.one_of(VALUE, VALUE.map(lambda v: f"{v} AS x")), min_size=1, max_size=3),
        )
    )
    query = f"SELECT {draw(st.sampled_from(['', 'DISTINCT ', 'TOP 3 ']))}{', '.join(items)}"
    query += f" FROM {draw(SOURCES)}"
    if draw(st.booleans()):
        query += f" WHERE {draw(CONDITION)}"
    grouping = draw(st.sampled_from(["none", "none", "none", "first", "random"]))
    if grouping == "first" and items != ["*"]:
        keys = [str(number) for number in range(1, len(items) + 1)]
        query += f" GROUP BY {', '.join(keys)}"
    elif grouping == "random":
        query += f" GROUP BY {draw(VALUE)} HAVING {draw(CONDITION)}"
    return query


@st.composite
def _queries(draw: st.DrawFn) -> str:
    query = draw(_selects())
    if draw(st.integers(0, 3)) == 0:
        operator = draw(st.sampled_from(["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]))
        query = f"({query}) {operator} {draw(_selects())}"
    order = draw(st.sampled_from(["", "", "1", "1 DESC", "x", "value"]))
    if order:
        query += f" ORDER BY {draw(VALUE) if order == 'value' else order}"
    if draw(st.integers(0, 5)) == 0:
        query += " OFFSET 2"
    if draw(st.integers(0, 5)) == 0:
        query = f"WITH w AS ({query}) SELECT * FROM w"
    return query


@given(_queries())
@settings(
    max_examples=500,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_every_translated_query_is_accepted_by_postgresql(
    database: psycopg2.extensions.connection, tableset: TableSet, query: str
):
    try:
        translation = translate(query, tableset, limit=100)
    except AdqlError:
        return
    _explain(database, translation.sql, query)


def _explain(database: psycopg2.extensions.connection, sql: str, query: str) -> None:
    with database.cursor() as cursor:
        try:
            cursor.execute(f"EXPLAIN {sql}")
        except psycopg2.DataError:
            # Constants are folded when a query is planned: 1/0, LOG(0) or '' cast to a number.
            return
        except psycopg2.Error as error:
            pytest.fail(f"{query}\n{sql}\n{error}")
