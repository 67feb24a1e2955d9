"""What queries give, run on PostgreSQL."""

from __future__ import annotations

import math

import pytest

from epntap.adql import AdqlError, translate


def value(run, expression: str):
    """Evaluate an expression on the row 'a'."""
    return run(f"SELECT {expression} AS v FROM icme.epn_core WHERE granule_uid = 'a'")[0][0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 / 2.0", 3.5),
        ("2 + 3 * 4 - 1", 13),
        ("(2 + 3) * 4", 20),
        ("10 - 4 - 3", 3),
        ("- 2 - -3", 1),
        ("quality * 30000", 30000),
        ("2147483647 + 10000000000", 12147483647),
        ("LOG(EXP(2))", 2.0),
        ("LOG10(1000)", 3.0),
        ("MOD(-7, 3)", -1),
        ("MOD(7, -3)", 1),
        ("MOD(-7.5, 2)", -1.5),
        ("ROUND(2.5)", 3.0),
        ("ROUND(-2.5)", -3.0),
        ("ROUND(2.675, 2)", 2.68),
        ("ROUND(2455197.123456789, 5)", 2455197.12346),
        ("ROUND(1234.5, -2)", 1200.0),
        ("TRUNCATE(-2.7)", -2.0),
        ("TRUNCATE(2.679, 2)", 2.67),
        ("CEILING(1.2)", 2.0),
        ("FLOOR(-1.2)", -2.0),
        ("ABS(-5)", 5),
        ("POWER(2, 10)", 1024.0),
        ("SQRT(16)", 4.0),
        ("PI()", math.pi),
        ("DEGREES(PI())", 180.0),
        ("RADIANS(180)", math.pi),
        ("ATAN2(1, 1)", math.pi / 4),
        ("COT(RADIANS(45))", pytest.approx(1)),
        ("LOWER('ABC')", "abc"),
        ("UPPER('abc')", "ABC"),
        ("'a' || 'b' || 1", "ab1"),
        ("COALESCE(NULL, 2, 3.5)", 2.0),
        ("COALESCE(NULL, 'x')", "x"),
        ("CASE WHEN 1 = 2 THEN 'a' WHEN 2 = 2 THEN 'b' END", "b"),
        ("CASE quality WHEN 2 THEN 'two' ELSE 'other' END", "other"),
        ("CASE quality WHEN 2 THEN 'two' END", None),
        ("CAST('12' AS INTEGER)", 12),
        ("CAST(2.0 AS BIGINT)", 2),
        ("CAST(5 AS DOUBLE PRECISION)", 5.0),
        ("CAST(0.1 AS REAL)", pytest.approx(0.1, rel=1e-6)),
        ("CAST(quality AS SMALLINT)", 1),
        ("CAST(12345 AS VARCHAR(3))", "123"),
        ("CAST('abc' AS CHAR(2))", "ab"),
        ("CAST('abc' AS CHAR(5))", "abc  "),
        ("CAST('abc' AS CHAR)", "a"),
        ("CAST('' AS CHAR)", " "),
        ("CAST(NULL AS CHAR(3))", None),
        ("CAST(quality AS CHAR(3)) || '|'", "1  |"),
        ("CAST(creation_date AS CHAR(10))", "2010-01-01"),
        ("CAST('Schröter' AS CHAR(10))", "Schröter  "),
        ("CAST('abc' AS VARCHAR(5))", "abc"),
        ("CAST('abc' AS VARCHAR)", "abc"),
        ("CAST(creation_date AS VARCHAR)", "2010-01-01T00:00:00.5"),
        ("CAST('2010-01-04' AS TIMESTAMP)", "2010-01-04T00:00:00"),
        ("TIMESTAMP('2021-01-14T11:25:00')", "2021-01-14T11:25:00"),
        ("creation_date", "2010-01-01T00:00:00.5"),
        ("IN_UNIT(distance_km, 'm')", 1.5e11),
        ("IN_UNIT(speed, 'm/s')", 400500.0),
        ("'it' 's'", "its"),
        ("'it''s'", "it's"),
        ("NULL", None),
        ("(SELECT MAX(v_max) FROM sir.epn_core)", 700.25),
        ("(SELECT COUNT(*) FROM sir.epn_core AS s WHERE s.granule_uid = epn_core.granule_uid)", 1),
    ],
)
def test_an_expression_has_its_value(run, expression: str, expected: object):
    found = value(run, expression)
    assert found == expected
    assert type(found) is type(expected) or hasattr(expected, "rel")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("time_min > '2455197.5'", "bC"),
        ("time_min BETWEEN '2455197.5' AND 2455200", "ab"),
        ("time_min NOT BETWEEN 2455197 AND 2455201", "C"),
        ("processing_level IN (3, '4', NULL)", "C"),
        ("processing_level NOT IN (3, 4)", "ab"),
        ("granule_uid IN ('a', 'C%\\')", "aC"),
        ("granule_uid IN (SELECT granule_uid FROM sir.epn_core)", "a"),
        (
            "granule_uid IN ((SELECT 'b' FROM sir.epn_core) UNION SELECT 'a' FROM sir.epn_core)",
            "ab",
        ),
        ("NOT granule_uid = 'a' AND NOT granule_uid = 'b'", "C"),
        ("granule_uid = 'a' OR granule_uid = 'b' AND time_min < 0", "a"),
        ("granule_uid LIKE 'C\\%\\'", ""),
        ("granule_uid LIKE 'C%\\'", "C"),
        ("granule_uid LIKE '%' || '\\'", "C"),
        ("target_name ILIKE 'EARTH'", "a"),
        ("target_name NOT LIKE '%Earth%'", "C"),
        ("s_region IS NULL", "bC"),
        ("s_region IS NOT NULL", "a"),
        ("s_region LIKE 'Circle%'", "a"),
        ("creation_date < '2010-01-02'", "a"),
        ("creation_date BETWEEN '2010-01-02' AND '2010-01-05T12:00:00Z'", "b"),
        ("EXISTS (SELECT 1 FROM sir.epn_core AS s WHERE s.time_min = epn_core.time_min)", "a"),
        ("NOT EXISTS (SELECT * FROM sir.epn_core WHERE v_max > 1000)", "abC"),
        ("1 = ivo_hashlist_has(target_name, 'EARTH')", "ab"),
        ("ivo_hashlist_has(target_name, 'earth') <> 1", "C"),
        ("0 = ivo_hashlist_has(target_name, 'earth')", "C"),
        ("ivo_hashlist_has(target_name, 'earth') + 1 > 1", "ab"),
        ("ivo_interval_overlaps(time_min, time_max, 2455198, 2455199) = 1", "a"),
        ("time_max = NULL", ""),
        ("(c1min + 10) / 2 > 5 AND (c1max - 1) * 2 > 40", "b"),
    ],
)
def test_a_condition_finds_its_rows(run, condition: str, expected: str):
    found = run(f"SELECT granule_uid FROM icme.epn_core WHERE {condition} ORDER BY time_min")
    assert "".join(row[0][0] for row in found) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT TOP 1 granule_uid FROM icme.epn_core ORDER BY time_min DESC", ["C%\\"]),
        ("SELECT TOP 1 granule_uid FROM icme.epn_core ORDER BY 1 DESC OFFSET 1", ["a"]),
        ("SELECT granule_uid FROM icme.epn_core ORDER BY time_min OFFSET 2", ["C%\\"]),
        (
            "SELECT granule_uid AS time_min FROM icme.epn_core ORDER BY time_min DESC",
            ["b", "a", "C%\\"],
        ),
        ("SELECT DISTINCT processing_level FROM icme.epn_core ORDER BY 1", [3, 5]),
        (
            "SELECT DISTINCT creation_date FROM icme.epn_core ORDER BY creation_date DESC OFFSET 1",
            ["2010-01-04T00:00:00", "2010-01-01T00:00:00.5"],
        ),
        (
            "SELECT creation_date AS d "
            "FROM icme.epn_core WHERE creation_date IS NOT NULL ORDER BY d",
            ["2010-01-01T00:00:00.5", "2010-01-04T00:00:00"],
        ),
        ("SELECT 'x' FROM icme.epn_core ORDER BY 1", ["x", "x", "x"]),
        ("SELECT COUNT(*) FROM icme.epn_core", [3]),
        ("SELECT COUNT(time_max) FROM icme.epn_core", [2]),
        ("SELECT COUNT(DISTINCT processing_level) FROM icme.epn_core", [2]),
        ("SELECT SUM(quality) FROM icme.epn_core", [32770]),
        ("SELECT SUM(counter) FROM icme.epn_core", [9999999996]),
        ("SELECT SUM(speed) FROM icme.epn_core", [1050.5]),
        ("SELECT AVG(quality) FROM icme.epn_core WHERE quality < 3", [1.5]),
        ("SELECT MAX(creation_date) FROM icme.epn_core", ["2010-01-04T00:00:00"]),
        ("SELECT COUNT(*) AS n FROM icme.epn_core GROUP BY processing_level ORDER BY n", [1, 2]),
        ("SELECT processing_level + 1 AS p FROM icme.epn_core GROUP BY p ORDER BY p", [4, 6]),
        (
            "SELECT MOD(processing_level, 2) * 1 "
            "FROM icme.epn_core GROUP BY MOD(processing_level, 2)",
            [1],
        ),
        ("SELECT processing_level FROM icme.epn_core GROUP BY 1 HAVING COUNT(*) > 1", [5]),
        (
            "SELECT processing_level FROM icme.epn_core GROUP BY processing_level "
            "ORDER BY MAX(time_min) DESC",
            [3, 5],
        ),
        (
            "SELECT granule_uid "
            "FROM icme.epn_core EXCEPT SELECT granule_uid FROM sir.epn_core ORDER BY 1",
            ["C%\\", "b"],
        ),
        (
            "SELECT granule_uid FROM icme.epn_core INTERSECT SELECT granule_uid FROM sir.epn_core",
            ["a"],
        ),
        (
            "SELECT 1 FROM sir.epn_core UNION SELECT 2 FROM sir.epn_core INTERSECT "
            "SELECT 3 FROM sir.epn_core",
            [1],
        ),
        (
            "(SELECT 1 FROM sir.epn_core UNION SELECT 2 FROM sir.epn_core) INTERSECT "
            "SELECT 3 FROM sir.epn_core",
            [],
        ),
        (
            "SELECT 1 FROM sir.epn_core UNION ALL SELECT 2.5 FROM sir.epn_core ORDER BY 1",
            [1.0, 1.0, 2.5, 2.5],
        ),
        (
            "SELECT TOP 1 1 FROM sir.epn_core UNION ALL SELECT NULL FROM sir.epn_core ORDER BY 1",
            [1, None, None],
        ),
        (
            "(SELECT TOP 1 time_min FROM sir.epn_core ORDER BY time_min DESC) UNION "
            "SELECT TOP 1 0 FROM sir.epn_core ORDER BY 1 OFFSET 1",
            [2455400.0],
        ),
        (
            "(SELECT creation_date FROM icme.epn_core) UNION SELECT '2009-01-01' FROM sir.epn_core "
            "ORDER BY 1",
            ["2009-01-01T00:00:00", "2010-01-01T00:00:00.5", "2010-01-04T00:00:00", None],
        ),
        (
            "WITH w AS (SELECT granule_uid AS u, time_min FROM icme.epn_core), "
            "v (x) AS (SELECT u FROM w WHERE time_min > 2455198) SELECT x FROM v ORDER BY x",
            ["C%\\", "b"],
        ),
        (
            "SELECT a.granule_uid FROM icme.epn_core AS a JOIN sir.epn_core AS b "
            "ON a.granule_uid = b.granule_uid",
            ["a"],
        ),
        (
            "SELECT b.v_max "
            "FROM icme.epn_core AS a LEFT JOIN sir.epn_core AS b USING (granule_uid) "
            "ORDER BY granule_uid",
            [None, 700.25, None],
        ),
        (
            "SELECT granule_uid FROM icme.epn_core AS a RIGHT OUTER JOIN sir.epn_core AS b "
            "USING (granule_uid) ORDER BY 1",
            ["a", "x"],
        ),
        (
            "SELECT granule_uid "
            "FROM icme.epn_core FULL JOIN sir.epn_core USING (granule_uid) ORDER BY 1",
            ["C%\\", "a", "b", "x"],
        ),
        (
            "SELECT processing_level FROM icme.epn_core NATURAL FULL JOIN sir.epn_core ORDER BY 1",
            [3, 4, 5, 5],
        ),
        (
            "SELECT a.granule_uid || b.Id FROM icme.epn_core AS a CROSS JOIN TAP_UPLOAD.mine AS b "
            "WHERE a.granule_uid <> 'b' ORDER BY 1",
            ["C%\\1", "C%\\2", "a1", "a2"],
        ),
        (
            "SELECT s.granule_uid FROM TAP_UPLOAD.mine AS x CROSS JOIN "
            "TAP_UPLOAD.mine AS y JOIN sir.epn_core AS s ON s.processing_level = x.Id + y.Id + 1",
            ["a", "x", "x"],
        ),
        (
            "SELECT COUNT(*) FROM sir.epn_core AS s LEFT JOIN "
            "(TAP_UPLOAD.mine AS x CROSS JOIN TAP_UPLOAD.mine AS y) "
            "ON s.processing_level = x.Id + y.Id + 1",
            [3],
        ),
        (
            "SELECT x.Id FROM (TAP_UPLOAD.mine AS x JOIN TAP_UPLOAD.mine AS y ON x.Id = y.Id) "
            "JOIN icme.epn_core ON quality = x.Id ORDER BY 1",
            [1, 2],
        ),
        (
            "SELECT x.Id FROM TAP_UPLOAD.mine AS x JOIN TAP_UPLOAD.mine AS y "
            "JOIN icme.epn_core ON quality = y.Id ON x.Id = y.Id",
            [1, 2],
        ),
        (
            "SELECT s.n "
            "FROM ((SELECT 1 AS n FROM sir.epn_core) UNION SELECT 2 FROM sir.epn_core) AS s "
            "ORDER BY n",
            [1, 2],
        ),
        ('SELECT "weird name" FROM TAP_UPLOAD.mine ORDER BY id2', [0.5, None]),
        ('SELECT "size" FROM TAP_SCHEMA.columns', [None]),
        ("SELECT table_name FROM tap_schema.COLUMNS", ["icme.epn_core"]),
        ("SELECT TIME_MIN FROM ICME.EPN_CORE WHERE Granule_UID = 'a'", [2455197.5]),
        ("SELECT ivo_string_agg(granule_uid, '+') FROM sir.epn_core", ["a+x"]),
    ],
)
def test_a_query_gives_its_rows(run, query: str, expected: list[object]):
    found = [row[0] for row in run(query)]
    if "ORDER" not in query:
        found = sorted(found)
    assert found == expected


def test_limit_is_the_smaller_of_top_and_what_the_caller_says(run):
    query = "SELECT {} granule_uid FROM icme.epn_core"
    assert len(run(query.format("TOP 2"), limit=100)) == 2
    assert len(run(query.format("TOP 2"), limit=1)) == 1
    assert run(query.format(""), limit=0) == []
    assert len(run("SELECT 1 FROM sir.epn_core UNION ALL SELECT 2 FROM sir.epn_core", limit=3)) == 3
    assert len(run("SELECT TOP 2 DISTINCT_D.x FROM (SELECT creation_date AS x FROM icme.epn_core) "
                   "AS DISTINCT_D", limit=1)) == 1  # fmt: skip


def test_a_negative_limit_is_a_mistake_of_the_caller(run):
    with pytest.raises(ValueError, match="negative"):
        run("SELECT * FROM icme.epn_core", limit=-1)


def test_random_numbers_differ_by_row_and_repeat_with_their_seed(run):
    query = "SELECT RAND(5) AS r FROM icme.epn_core"
    first, second = run(query), run(query)
    assert first == second
    assert len(set(first)) == 3
    assert run("SELECT RAND(6) AS r FROM icme.epn_core") != first
    assert all(0 <= row[0] < 1 for row in run("SELECT RAND() AS r FROM icme.epn_core"))


def test_a_condition_on_a_predicate_function_is_served_by_an_index(database, tableset):
    query = "SELECT granule_uid FROM icme.epn_core WHERE 1 = ivo_hashlist_has(target_name, 'Mars')"
    with database.cursor() as cursor:
        cursor.execute(
            "CREATE INDEX hashlist ON icme.epn_core_v1 "
            "USING gin (string_to_array(lower(target_name), '#'))"
        )
        cursor.execute("SET enable_seqscan TO off")
        try:
            cursor.execute(f"EXPLAIN {translate(query, tableset).sql}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
        finally:
            cursor.execute("RESET enable_seqscan")
            cursor.execute("DROP INDEX icme.hashlist")
    assert "Bitmap Index Scan on hashlist" in plan


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT granule_uid FROM icme.epn_core WHERE time_min > 'abc'", "none"),
        (
            "SELECT granule_uid FROM icme.epn_core WHERE time_min > granule_uid",
            "cannot be compared",
        ),
        ("SELECT granule_uid FROM icme.epn_core WHERE creation_date > '2010-13-01'", "timestamp"),
        (
            "SELECT granule_uid FROM icme.epn_core WHERE creation_date > granule_uid",
            "cannot be compared",
        ),
        ("SELECT granule_uid FROM icme.epn_core WHERE spectrum = 1", "an array cannot be compared"),
        ("SELECT granule_uid FROM icme.epn_core WHERE granule_uid", "a condition is wanted"),
        ("SELECT granule_uid = 'a' FROM icme.epn_core", "a value is wanted"),
        ("SELECT (granule_uid = 'a') FROM icme.epn_core", "a value is wanted"),
        ("SELECT granule_uid + 1 FROM icme.epn_core", "must be a number"),
        ("SELECT granule_uid, COUNT(*) FROM icme.epn_core", "neither in GROUP BY"),
        ("SELECT * FROM icme.epn_core GROUP BY granule_uid", "neither in GROUP BY"),
        ("SELECT granule_uid FROM icme.epn_core WHERE COUNT(*) > 1", "cannot stand in WHERE"),
        ("SELECT MAX(MIN(time_min)) FROM icme.epn_core", "inside another"),
        ("SELECT granule_uid FROM icme.epn_core GROUP BY 2", "no column 2"),
        ("SELECT granule_uid FROM icme.epn_core ORDER BY 2", "no column 2"),
        ("SELECT DISTINCT granule_uid FROM icme.epn_core ORDER BY time_min", "DISTINCT"),
        ("SELECT 1 FROM sir.epn_core UNION SELECT 1, 2 FROM sir.epn_core", "1 and 2 columns"),
        (
            "SELECT 1 FROM sir.epn_core UNION SELECT granule_uid FROM sir.epn_core",
            "different types",
        ),
        ("SELECT granule_uid FROM icme.epn_core, sir.epn_core", "ambiguous"),
        ("SELECT epn_core.granule_uid FROM icme.epn_core, sir.epn_core", "ambiguous"),
        ("SELECT granule_uid FROM epn_core", "ambiguous"),
        ("SELECT a.granule_uid FROM icme.epn_core AS a, sir.epn_core AS a", "stands twice"),
        ("SELECT icme.epn_core.granule_uid FROM icme.epn_core AS a", "no table icme.epn_core"),
        (
            "SELECT * FROM icme.epn_core AS a FULL JOIN sir.epn_core AS b ON a.time_min "
            "< b.time_min",
            "FULL",
        ),
        ("SELECT * FROM TAP_UPLOAD.mine NATURAL JOIN sir.epn_core", "no column in common"),
        ("SELECT * FROM TAP_UPLOAD.mine NATURAL CROSS JOIN sir.epn_core", "before CROSS JOIN"),
        ("SELECT * FROM TAP_UPLOAD.mine LEFT CROSS JOIN sir.epn_core", "before CROSS JOIN"),
        ("SELECT * FROM TAP_UPLOAD.mine CROSS JOIN sir.epn_core ON 1 = 1", "the end of the query"),
        ("SELECT * FROM TAP_UPLOAD.mine CROSS JOIN TAP_UPLOAD.mine", "stands twice in FROM"),
        ("SELECT * FROM TAP_UPLOAD.mine JOIN sir.epn_core USING (Id)", "has no column Id"),
        ("SELECT * FROM (SELECT 1 FROM sir.epn_core)", "alias"),
        ("SELECT (SELECT 1, 2 FROM sir.epn_core) FROM sir.epn_core", "one column"),
        ("SELECT IN_UNIT(quality, 'm') FROM icme.epn_core", "not known"),
        ("SELECT IN_UNIT(speed, 'kg') FROM icme.epn_core", "cannot be given in kg"),
        ("SELECT IN_UNIT(speed, 'parrots') FROM icme.epn_core", "not a unit"),
        ("SELECT RAND(quality) FROM icme.epn_core", "literal"),
        ('SELECT "TIME_MIN" FROM icme.epn_core', 'no column "TIME_MIN"'),
        ('SELECT * FROM "ICME".epn_core', "no table"),
        ("SELECT CAST(70000 AS SMALLINT) FROM icme.epn_core", "range"),
    ],
)
def test_a_wrong_query_gets_a_message_that_says_why(run, query: str, message: str):
    with pytest.raises(AdqlError) as caught:
        run(query)
    assert message in str(caught.value)
