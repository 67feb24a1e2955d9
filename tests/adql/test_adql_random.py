"""Whatever is asked, the answer is SQL that PostgreSQL accepts or an error for the user."""

from __future__ import annotations

import psycopg2
import psycopg2.extensions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.adql import AdqlError, translate
from epntap.adql.features import REGISTRY
from epntap.adql.registry import Accepts
from epntap.adql.values import Kind
from epntap.adql.words import RESERVED_WORDS
from epntap.tables import TableSet

# --- Token soup -----------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        *sorted(RESERVED_WORDS),
        *(
            "icme.epn_core",
            "epn_core",
            "sir.epn_core",
            "TAP_SCHEMA.columns",
            "granule_uid",
            "a",
            "t",
        ),
        *("time_min", "t.time_min", '"size"', "*", ",", "(", ")", "=", "<", "<>", "+", "-", "/"),
        *(
            "||",
            ".",
            ";",
            "'x'",
            "'2.5'",
            "''",
            "1",
            "2.5",
            "1e3",
            "0",
            "--",
            "\n",
            "\0",
            "\\",
            "$$",
        ),
        *("E'a'", "/*", "*/", "%", "¤", "ﬁ", "ivo_to_jd", "pg_sleep", "SELECT", "FROM", "WHERE"),
    ]
)
SOUP = st.lists(WORDS, max_size=40).map(" ".join)


@given(st.one_of(SOUP, SOUP.map(lambda text: f"SELECT {text}"), st.text(max_size=60)))
@settings(max_examples=600, deadline=None, derandomize=True)
def test_token_soup_is_translated_or_refused_with_an_adql_error(tableset: TableSet, query: str):
    fault: AdqlError | None = None
    try:
        translate(query, tableset)
    except AdqlError as error:
        fault = error
    if fault is not None:
        assert fault.message
        assert fault.line >= 1
        assert fault.column >= 1
        assert "\n" not in fault.snippet


# --- Queries that mostly make sense ---------------------------------------------------------------

NUMBER_COLUMNS = [
    "time_min",
    "time_max",
    "c1min",
    "processing_level",
    "speed",
    "quality",
    "counter",
]
TEXT_COLUMNS = ["granule_uid", "target_name", "s_region"]
TEXT_LITERALS = ["'a'", "''", "'it''s'", r"'\'", "'%_'", "NULL", "'Schröter'", "'1,2'"]
TIMES = ["creation_date", "TIMESTAMP('2010-01-01T00:00:00')", "'2010-01-01'", "NULL"]
NUMERIC_FUNCTIONS = [
    function
    for signatures in REGISTRY.values()
    for function in signatures
    if not any(
        parameter.accepts in (Kind.TEXT, Kind.TIMESTAMP) for parameter in function.parameters
    )
    and not any(parameter.literal for parameter in function.parameters)
    and function.returns is not Kind.TEXT
    and not {Accepts.TIME, Accepts.SHAPE, Accepts.INTERVAL, Kind.POINT}
    & {parameter.accepts for parameter in function.parameters}
    and function.returns is not Kind.POINT
]


def _choices(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return what can be made of values of any kind, and is of that kind."""
    return st.one_of(
        children.map(lambda value: f"({value})"),
        st.tuples(children, children).map(lambda v: f"COALESCE({v[0]}, {v[1]})"),
        st.tuples(children, children, children).map(
            lambda v: f"CASE {v[0]} WHEN {v[1]} THEN {v[2]} ELSE {v[0]} END"
        ),
        st.tuples(children, children).map(lambda v: f"CASE WHEN {v[0]} < {v[1]} THEN {v[1]} END"),
        st.tuples(st.sampled_from(["MIN", "MAX", "MAX(DISTINCT "]), children).map(
            lambda parts: f"{parts[0]}{'' if '(' in parts[0] else '('}{parts[1]})"
        ),
        children.map(lambda value: f"(SELECT TOP 1 {value} FROM sir.epn_core AS s)"),
    )


def _numbers(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        _choices(children),
        st.tuples(children, st.sampled_from("+-*/"), children).map(" ".join),
        children.map(lambda value: f"- {value}"),
        st.tuples(children, st.sampled_from(["INTEGER", "DOUBLE PRECISION", "REAL", "BIGINT"])).map(
            lambda parts: f"CAST({parts[0]} AS {parts[1]})"
        ),
        st.tuples(
            st.sampled_from(NUMERIC_FUNCTIONS), st.lists(children, min_size=4, max_size=4)
        ).map(lambda parts: f"{parts[0].name}({', '.join(parts[1][: len(parts[0].parameters)])})"),
        st.tuples(st.sampled_from(["AVG", "SUM", "COUNT"]), children).map(
            lambda parts: f"{parts[0]}(DISTINCT {parts[1]})"
        ),
        st.just("(SELECT SUM(s.processing_level) FROM sir.epn_core AS s WHERE s.time_min < c1min)"),
        st.tuples(st.sampled_from(["AREA", "COORD1", "COORD2"]), _shapes(children)).map(
            lambda parts: f"{parts[0]}({parts[1]})"
        ),
        st.tuples(st.sampled_from(["CONTAINS", "INTERSECTS"]), SHAPE, _shapes(children)).map(
            lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})"
        ),
        st.tuples(children, children, children).map(
            lambda v: f"DISTANCE(POINT({v[0]}, {v[1]}), POINT({v[2]}, c1min))"
        ),
        _shapes(children).map(lambda shape: f"ivo_healpix_index(3, CENTROID({shape}))"),
    )


def _shapes(numbers: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return geometries of numbers of any kind."""
    three = st.tuples(numbers, numbers, numbers)
    return st.one_of(
        SHAPE,
        three.map(lambda v: f"POINT({v[0]}, {v[1]})"),
        three.map(lambda v: f"CIRCLE({v[0]}, {v[1]}, {v[2]})"),
        three.map(lambda v: f"CIRCLE(POINT({v[0]}, {v[1]}), {v[2]})"),
        three.map(lambda v: f"POLYGON('', {v[0]}, {v[1]}, {v[2]}, 3, 4, c1min)"),
        three.map(lambda v: f"POLYGON(POINT(0, 1), CENTROID(s_region), POINT({v[1]}, {v[2]}))"),
        three.map(lambda v: f"BOX(10, {v[0]}, {v[1]}, {v[2]})"),
        three.map(lambda v: f"gavo_transform('ICRS', 'GALACTIC', CIRCLE({v[0]}, {v[1]}, {v[2]}))"),
        three.map(lambda v: f"COALESCE(POINT({v[0]}, {v[1]}), CENTROID(CIRCLE(1, 2, {v[2]})))"),
    )


def _texts(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        _choices(children),
        st.tuples(children, st.just("||"), st.one_of(children, LEAF_NUMBERS)).map(" ".join),
        st.tuples(st.one_of(children, LEAF_NUMBERS), st.integers(1, 9)).map(
            lambda parts: f"CAST({parts[0]} AS VARCHAR({parts[1]}))"
        ),
        st.tuples(children, st.integers(1, 9)).map(
            lambda parts: f"CAST({parts[0]} AS CHAR({parts[1]}))"
        ),
        children.map(lambda value: f"UPPER({value})"),
        children.map(lambda value: f"ivo_string_agg({value}, ',')"),
    )


SHAPE = st.sampled_from(
    [
        "s_region",
        "POINT(c1min, c1max)",
        "POINT('UNKNOWNFrame', 10, 20)",
        "CIRCLE('ICRS', 10, 20, 1)",
        "POLYGON(0, 0, 10, 0, 10, 10)",
        "REGION('Box ICRS 1 2 3 4')",
        "REGION('Circle 1 2 3')",
        "CAST('1 2 3' AS CIRCLE)",
        "CAST(target_name || '' AS POLYGON)",
        "ivo_healpix_center(3, counter)",
        "NULL",
    ]
)
LEAF_NUMBERS = st.sampled_from(
    [*NUMBER_COLUMNS * 2, "1", "0", "2", "2.5", "1e-3", "9999999999", "NULL", "-3"]
)
NUMBER = st.recursive(LEAF_NUMBERS, _numbers, max_leaves=5)
TEXT = st.recursive(st.sampled_from([*TEXT_COLUMNS * 2, *TEXT_LITERALS]), _texts, max_leaves=4)
TIME = st.recursive(st.sampled_from(TIMES), _choices, max_leaves=3)
VALUE = st.one_of(NUMBER, NUMBER, TEXT, TIME, st.just("spectrum"))
PAIR = st.one_of(
    st.tuples(NUMBER, NUMBER),
    st.tuples(NUMBER, NUMBER),
    st.tuples(TEXT, TEXT),
    st.tuples(TIME, TIME),
    st.tuples(NUMBER, st.sampled_from(["'5'", "'2455197.5'"])),
    st.tuples(VALUE, VALUE),
)


def _conditions(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(children, st.sampled_from(["AND", "OR"]), children).map(" ".join),
        children.map(lambda condition: f"NOT ({condition})"),
    )


COMPARISON = st.sampled_from(["=", "<>", "<", ">=", "!="])
SIMPLE = st.one_of(
    st.tuples(PAIR, COMPARISON).map(lambda v: f"{v[0][0]} {v[1]} {v[0][1]}"),
    PAIR.map(lambda v: f"{v[0]} NOT BETWEEN {v[1]} AND {v[1]}"),
    PAIR.map(lambda v: f"{v[0]} IN ({v[1]}, {v[1]}, NULL)"),
    PAIR.map(lambda v: f"{v[0]} IN (SELECT {v[1]} FROM sir.epn_core AS s)"),
    st.tuples(TEXT, st.sampled_from(["LIKE", "NOT ILIKE"]), TEXT).map(" ".join),
    VALUE.map(lambda value: f"{value} IS NOT NULL"),
    VALUE.map(lambda value: f"EXISTS (SELECT {value} FROM sir.epn_core AS s)"),
    st.tuples(TEXT, TEXT).map(lambda v: f"1 = ivo_nocasematch({v[0]}, {v[1]})"),
    st.tuples(
        st.sampled_from(["1 = CONTAINS", "0 = CONTAINS", "1 = INTERSECTS", "1 > INTERSECTS"]),
        SHAPE,
        _shapes(NUMBER),
    ).map(lambda v: f"{v[0]}({v[1]}, {v[2]})"),
    st.tuples(NUMBER, COMPARISON, NUMBER).map(
        lambda v: f"DISTANCE({v[0]}, c1max, 10, 20) {v[1]} {v[2]}"
    ),
    NUMBER.map(lambda v: f"DISTANCE(POINT(c1min, c1max), POINT(1, {v})) BETWEEN 0 AND {v}"),
)
CONDITION = st.recursive(SIMPLE, _conditions, max_leaves=3)
SOURCES = st.sampled_from(
    [
        "icme.epn_core",
        "icme.epn_core AS t",
        "icme.epn_core LEFT JOIN TAP_UPLOAD.mine ON Id = processing_level",
        "icme.epn_core FULL JOIN TAP_UPLOAD.mine ON Id = processing_level AND speed > id2",
        "icme.epn_core CROSS JOIN TAP_UPLOAD.mine",
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
