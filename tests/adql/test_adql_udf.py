"""The service's own functions: the reference values of their catalogue, and their limits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.adql.features import REGISTRY
from epntap.resources import sql_folder


def call(database, sql: str, *arguments: object):
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", arguments)
        return cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # Reference values of the Catalogue of ADQL User Defined Functions 1.2.
        ("ivo_to_jd(TIMESTAMP('2000-01-02T12:00:00'))", 2451546.0),
        ("ivo_to_mjd(TIMESTAMP('2000-01-02T12:00:00'))", 51545.5),
        ("ivo_to_jd('2000-01-02T12:00:00')", 2451546.0),
        ("ivo_to_mjd('2000-01-02T12:00:00')", 51545.5),
        ("ivo_to_jd(NULL)", None),
        ("ivo_to_jd('1970-01-01' || '')", 2440587.5),
        ("ivo_to_jd('yesterday' || '')", None),
        ("ivo_to_mjd('now' || '')", None),
        ("ivo_hashlist_has('foo#bar#baz', 'bar')", 1),
        ("ivo_hashlist_has('Foo#BAR', 'bar')", 1),
        ("ivo_hashlist_has('foo#bar', 'BAR')", 1),
        ("ivo_hashlist_has('foo#bar', 'ba')", 0),
        ("ivo_hashlist_has('foo#bar', 'foo#bar')", 0),
        ("ivo_hashlist_has('foo', 'foo')", 1),
        ("ivo_hashlist_has('', 'foo')", 0),
        ("ivo_hashlist_has(NULL, 'foo')", None),
        ("ivo_hasword('Solar wind at 1 au', 'WIND')", 1),
        ("ivo_hasword('Solar wind at 1 au', 'wind solar')", 1),
        ("ivo_hasword('Solar wind at 1 au', 'win')", 0),
        ("ivo_hasword('Solar wind at 1 au', 'wind magnetic')", 0),
        ("ivo_nocasematch('Wind/MFI', 'wind%')", 1),
        ("ivo_nocasematch('Wind/MFI', 'wind')", 0),
        ("ivo_nocasematch('50\\', '50\\')", 1),
        ("ivo_interval_overlaps(1, 2, 2, 3)", 1),
        ("ivo_interval_overlaps(1, 2, 3, 4)", 0),
        ("ivo_interval_overlaps(1, 4, 2, 3)", 1),
        ("ivo_interval_overlaps(2, 1, 0, 5)", 0),
        ("ivo_interval_overlaps(0, 5, 2, 1)", 0),
        ("ivo_interval_overlaps(1, 2, NULL, 3)", None),
    ],
)
def test_a_function_gives_its_reference_value(run, expression: str, expected: object):
    assert run(f"SELECT TOP 1 {expression} AS v FROM icme.epn_core") == [(expected,)]


def test_string_agg_leaves_out_nulls(run):
    query = "SELECT ivo_string_agg(s_region, ',') AS v FROM icme.epn_core"
    assert run(query) == [("Circle ICRS 10 10 1",)]


def test_every_registered_helper_has_its_file():
    files = {path.stem for path in (sql_folder() / "functions").glob("*.sql")}
    called = {
        function.sql.split("udf.")[1].split("(")[0]
        for signatures in REGISTRY.values()
        for function in signatures
        if "udf." in function.sql
    }
    assert called <= files


def test_functions_of_the_service_do_not_depend_on_the_search_path(database):
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'udf'::regnamespace "
            "AND (prosqlbody IS NULL OR proparallel = 'u')"
        )
        assert cursor.fetchall() == []


TIMES = st.datetimes(min_value=datetime(1600, 1, 1), max_value=datetime(2200, 1, 1))
fewer = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(TIMES)
@fewer
def test_julian_dates_of_a_timestamp_and_of_its_text_agree_and_turn_back(database, time: datetime):
    jd = call(database, "udf.ivo_to_jd(%s::timestamp)", time)
    assert jd == call(database, "udf.ivo_to_jd(%s::text)", time.isoformat())
    back = datetime(1970, 1, 1) + timedelta(days=jd - 2440587.5)
    assert abs(back - time) < timedelta(microseconds=50)  # the spacing of doubles at such a JD


@given(st.floats(-1e15, 1e15), st.integers(-5, 12))
@fewer
def test_round_and_truncate_stay_within_one_unit_of_the_last_place(database, x: float, n: int):
    rounded = call(database, "udf.adql_round(%s, %s)", x, n)
    cut = call(database, "udf.adql_truncate(%s, %s)", x, n)
    tolerance = abs(x) * 1e-15
    assert abs(rounded - x) <= 0.5 * 10.0**-n + tolerance
    assert abs(cut) <= abs(x) + tolerance
    assert abs(cut - x) < 10.0**-n + tolerance


@pytest.mark.parametrize("x", ["NaN", "Infinity", "-Infinity"])
def test_round_leaves_what_is_not_finite(database, x: str):
    assert call(database, "udf.adql_round(%s::float8, 2)::text", x) == x


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)


@given(st.lists(WORDS, min_size=1, max_size=5), WORDS)
@fewer
def test_a_hash_list_holds_its_words_and_no_others(database, words: list[str], other: str):
    hashlist = "#".join(words)
    for word in words:
        assert call(database, "udf.ivo_hashlist_has(%s, %s)", hashlist, word.swapcase())
    expected = other.lower() in [word.lower() for word in words]
    assert call(database, "udf.ivo_hashlist_has(%s, %s)", hashlist, other) is expected
