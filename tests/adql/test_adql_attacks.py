"""What does not belong into a query is refused with a message, by construction."""

from __future__ import annotations

import re

import pytest

from epntap.adql import AdqlError, translate
from epntap.tables import TableSet

ATTACKS = {
    "catalogue of the server": "SELECT * FROM pg_catalog.pg_shadow",
    "catalogue without schema": "SELECT * FROM pg_roles",
    "catalogue in double quotes": 'SELECT * FROM "pg_catalog"."pg_authid"',
    "information schema": "SELECT * FROM information_schema.tables",
    "three-part name": "SELECT * FROM postgres.icme.epn_core",
    "physical relation": "SELECT * FROM icme.epn_core_v1",
    "sleep": "SELECT pg_sleep(10) FROM icme.epn_core",
    "qualified sleep": "SELECT pg_catalog.pg_sleep(10) FROM icme.epn_core",
    "quoted function": 'SELECT "pg_sleep"(10) FROM icme.epn_core',
    "settings": "SELECT set_config('role', 'owner', 0) FROM icme.epn_core",
    "function in FROM": "SELECT * FROM generate_series(1, 1000000000) AS g",
    "file function": "SELECT pg_read_file('/etc/passwd') FROM icme.epn_core",
    "large object": "SELECT lo_import('/etc/passwd') FROM icme.epn_core",
    "internal helper": "SELECT udf.adql_seed(1) FROM icme.epn_core",
    "stacked statement": "SELECT * FROM icme.epn_core; DROP TABLE icme.epn_core_v1",
    "two semicolons": "SELECT * FROM icme.epn_core;;",
    "stacked behind a comment": "SELECT * FROM icme.epn_core --\n; DELETE FROM icme.epn_core",
    "only a semicolon": ";",
    "leave the role": "RESET ROLE",
    "take a role": "SET ROLE owner",
    "write": "INSERT INTO icme.epn_core VALUES (1)",
    "delete": "DELETE FROM icme.epn_core",
    "copy": "COPY icme.epn_core TO '/tmp/x'",
    "select into": "SELECT * INTO t FROM icme.epn_core",
    "locking": "SELECT * FROM icme.epn_core FOR UPDATE",
    "dollar quoting": "SELECT $$a$$ FROM icme.epn_core",
    "tagged dollar quoting": "SELECT $x$a$x$ FROM icme.epn_core",
    "parameter": "SELECT $1 FROM icme.epn_core",
    "escape string": r"SELECT E'\x27' FROM icme.epn_core",
    "unicode string": r"SELECT U&'\0027' FROM icme.epn_core",
    "unicode identifier": r'SELECT U&"\0061" FROM icme.epn_core',
    "hexadecimal string": "SELECT X'1F' FROM icme.epn_core",
    "hexadecimal number": "SELECT 0x1F FROM icme.epn_core",
    "block comment": "SELECT /* */ * FROM icme.epn_core",
    "cast operator": "SELECT granule_uid::text FROM icme.epn_core",
    "cast to an object name": "SELECT CAST(granule_uid AS regclass) FROM icme.epn_core",
    "homoglyph table": "SELECT * FROM iсme.epn_core",
    "full-width quote": "SELECT * FROM icme.epn_core WHERE granule_uid = ＇a＇",
    "no-break space": "SELECT\u00a0* FROM icme.epn_core",
    "NUL in a string": "SELECT * FROM icme.epn_core WHERE granule_uid = 'a\0b'",
    "NUL in a name": 'SELECT "a\0b" FROM icme.epn_core',
    "lone surrogate": "SELECT * FROM icme.epn_core WHERE granule_uid = '\ud800'",
    "open string": "SELECT * FROM icme.epn_core WHERE granule_uid = 'a",
    "open identifier": 'SELECT "a FROM icme.epn_core',
    "system column": "SELECT ctid FROM icme.epn_core",
    "whole row": "SELECT epn_core FROM icme.epn_core",
    "regular expression operator": "SELECT * FROM icme.epn_core WHERE granule_uid ~ 'a'",
    "array subscript": "SELECT spectrum[1] FROM icme.epn_core",
    "lateral": "SELECT * FROM icme.epn_core, LATERAL (SELECT 1 FROM icme.epn_core) AS x",
    "data-changing WITH": "WITH x AS (DELETE FROM icme.epn_core) SELECT * FROM x",
    "recursive WITH": "WITH RECURSIVE x AS (SELECT * FROM x) SELECT * FROM x",
    "WITH of itself": "WITH x AS (SELECT * FROM x) SELECT * FROM x",
    "LIMIT": "SELECT * FROM icme.epn_core LIMIT 5",
    "ESCAPE": "SELECT * FROM icme.epn_core WHERE granule_uid LIKE 'a' ESCAPE 'b'",
    "no FROM": "SELECT 1",
    "nothing": "",
    "blanks": " \n\t ",
    "a comment": "-- SELECT * FROM icme.epn_core",
    "500 brackets": f"SELECT {'(' * 500}1{')' * 500} FROM icme.epn_core",
    "500 open brackets": f"SELECT {'(' * 500}",
    "500 subqueries": f"{'SELECT * FROM (' * 500}icme.epn_core",
    "500 brackets in FROM": f"SELECT * FROM {'(' * 500}icme.epn_core",
    "500 NOTs": f"SELECT * FROM icme.epn_core WHERE {'NOT ' * 500} 1 = 1",
    "500 signs": f"SELECT {'- ' * 500} 1 FROM icme.epn_core",
    "500 function calls": f"SELECT {'ABS(' * 500}1{')' * 500} FROM icme.epn_core",
    "500 CASEs": f"SELECT {'CASE WHEN 1 = 1 THEN ' * 500}1{' END' * 500} FROM icme.epn_core",
    "5000 terms": f"SELECT 1{' + 1' * 5000} FROM icme.epn_core",
    "5000 strings": f"SELECT 'a'{' || 1' * 5000} FROM icme.epn_core",
    "500 UNIONs": " UNION ".join(["SELECT granule_uid FROM icme.epn_core"] * 500),
    "5000 columns": f"SELECT {', '.join(['1'] * 5000)} FROM icme.epn_core",
    "500 joins": "SELECT 1 FROM icme.epn_core" + " NATURAL JOIN sir.epn_core" * 500,
    "more than 1 MiB": f"SELECT '{'a' * (1 << 20)}' FROM icme.epn_core",
    "many tokens": f"SELECT {', '.join(['1'] * 200_000)} FROM icme.epn_core",
    "a number of 400 digits": f"SELECT {'9' * 400} FROM icme.epn_core",
    "a number without end": "SELECT 1e999 FROM icme.epn_core",
    "a name of 64 letters": f"SELECT granule_uid AS {'a' * 64} FROM icme.epn_core",
    "TOP of an expression": "SELECT TOP (1) * FROM icme.epn_core",
    "a huge TOP": f"SELECT TOP {'9' * 30} * FROM icme.epn_core",
    "a negative OFFSET": "SELECT * FROM icme.epn_core OFFSET -1",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_with_a_message_and_a_place(tableset: TableSet, name: str):
    with pytest.raises(AdqlError) as caught:
        translate(ATTACKS[name], tableset)
    error = caught.value
    assert error.message
    lines = str(error).splitlines()
    assert re.search(rf"\(line {error.line}, column {error.column}\)$", lines[0])
    assert lines[2].strip() == "^"
    assert len(str(error)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "it's",
        "\\",
        "\\'",
        "'; DROP TABLE x; --",
        "$$",
        "E'\\x27'",
        "a\nb",
        "%s %(x)s {0}",
        "Schröter ☉",
    ],
)
def test_a_string_comes_back_as_it_was_written(run, text: str):
    quoted = text.replace("'", "''")
    assert run(f"SELECT TOP 1 '{quoted}' AS s FROM icme.epn_core") == [(text,)]


@pytest.mark.parametrize("name", ['a"b', "a.b", "pg_sleep(1)", "x\ny", "SELECT", "%s", "{0}"])
def test_a_delimited_alias_stays_a_name(run, tableset: TableSet, name: str):
    quoted = name.replace('"', '""')
    query = f'SELECT TOP 1 s."{quoted}" FROM (SELECT 5 AS "{quoted}" FROM icme.epn_core) AS s'
    assert run(query) == [(5,)]
    assert translate(query, tableset).columns[0].name == name


def test_a_string_is_safe_without_standard_conforming_strings(database, tableset: TableSet):
    sql = translate(r"SELECT TOP 1 '\' AS a, '; --' AS b FROM icme.epn_core", tableset).sql
    with database.cursor() as cursor:
        cursor.execute("SET standard_conforming_strings TO off; SET escape_string_warning TO off")
        try:
            cursor.execute(sql)
            assert cursor.fetchall() == [("\\", "; --")]
        finally:
            cursor.execute("RESET standard_conforming_strings")


def test_nesting_of_150_brackets_is_still_allowed(run):
    query = f"SELECT TOP 1 {'(' * 150}1{')' * 150} AS one FROM icme.epn_core"
    assert run(query) == [(1,)]


def test_a_caller_deep_in_calls_gets_an_adql_error(tableset: TableSet):
    query = f"SELECT {'ABS(' * 150}1{')' * 150} FROM icme.epn_core"

    def deeper(levels: int) -> str:
        return deeper(levels - 1) if levels else translate(query, tableset).sql

    with pytest.raises(AdqlError, match="nested too deeply"):
        deeper(700)


def test_a_single_semicolon_at_the_end_is_accepted(run):
    assert run("SELECT COUNT(*) AS n FROM icme.epn_core ; -- done\n") == [(3,)]


def nested(query: str, levels: int = 38) -> str:
    text = "1"
    for _ in range(levels):
        text = query.replace("{}", text)
    return text


@pytest.mark.parametrize(
    "query",
    [
        nested("(SELECT {} FROM sir.epn_core GROUP BY 1)"),
        nested("(SELECT {} FROM sir.epn_core ORDER BY 1)"),
        nested("(SELECT {} AS x FROM sir.epn_core GROUP BY x ORDER BY x)"),
        nested("CASE {} WHEN 1 THEN 1 WHEN 2 THEN 2 WHEN 3 THEN 3 END"),
        nested("CASE WHEN {} BETWEEN 1 AND 'a' THEN NULL END"),
        nested("COALESCE({}, 1)"),
    ],
)
def test_nested_queries_do_not_grow_without_bounds(tableset: TableSet, query: str):
    try:
        sql = translate(f"SELECT {query} AS x FROM sir.epn_core", tableset).sql
    except AdqlError as error:
        assert re.search("characters of SQL|none", error.message)  # noqa: PT017
    else:
        assert len(sql) < 20_000


def test_columns_that_double_with_each_query_are_refused(tableset: TableSet):
    tables = ["w0 AS (SELECT * FROM icme.epn_core)"]
    tables += [f"w{n} AS (SELECT *, * FROM w{n - 1})" for n in range(1, 30)]
    with pytest.raises(AdqlError, match="columns"):
        translate(f"WITH {', '.join(tables)} SELECT * FROM w29", tableset)


@pytest.mark.parametrize(
    "unit", ["", "m" * 1000, "km**(1/0)", "1e999 m/s", "10**999 m/s", "m/s/s/s", "'x'", "(((", "K"]
)
def test_a_strange_unit_is_refused(tableset: TableSet, unit: str):
    quoted = unit.replace("'", "''")
    with pytest.raises(AdqlError):
        translate(f"SELECT IN_UNIT(speed, '{quoted}') FROM icme.epn_core", tableset)
