"""What the FIELDs of a result say."""

from __future__ import annotations

import psycopg2.extensions
import pytest

from epntap.adql import AdqlError, translate
from epntap.tables import Column, TableSet, TimeSystem, wire_type

UTC = TimeSystem("UTC", "UNKNOWN")


def field(tableset: TableSet, expression: str, source: str = "icme.epn_core") -> Column:
    return translate(f"SELECT {expression} FROM {source}", tableset).columns[0]


def test_columns_of_a_table_are_described_as_the_table_has_them(tableset: TableSet):
    translation = translate("SELECT * FROM icme.epn_core", tableset)
    assert translation.columns == tableset.table("icme.epn_core").columns
    assert translation.tables == ("icme.epn_core",)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT time_min AS t FROM icme.epn_core",
        "SELECT q.t FROM (SELECT time_min AS t FROM icme.epn_core) AS q",
        "WITH w AS (SELECT time_min AS t FROM icme.epn_core) SELECT * FROM w",
        "WITH w (t) AS (SELECT time_min FROM icme.epn_core) SELECT t FROM w",
        "SELECT time_min AS t FROM icme.epn_core UNION SELECT v_max FROM sir.epn_core",
        "(SELECT time_min AS t FROM icme.epn_core ORDER BY 1) EXCEPT SELECT 5 FROM sir.epn_core",
        "SELECT (SELECT e.time_min FROM sir.epn_core AS s) AS t FROM icme.epn_core AS e",
        "SELECT e.time_min AS t FROM icme.epn_core AS e LEFT JOIN sir.epn_core AS s "
        "ON s.granule_uid = e.granule_uid",
        "SELECT DISTINCT time_min AS t FROM icme.epn_core ORDER BY t",
    ],
)
def test_metadata_follow_a_column_through_the_query(tableset: TableSet, query: str):
    column = translate(query, tableset).columns[0]
    assert (column.name, column.datatype, column.unit) == ("t", "double", "d")
    assert column.ucd == "time.start;obs"
    assert column.system == UTC


@pytest.mark.parametrize(
    ("expression", "unit", "ucd", "system"),
    [
        ("MAX(time_min)", "d", "time.start;obs;stat.max", UTC),
        ("MIN(c1min)", "deg", "pos.eq.ra;stat.min", None),
        ("AVG(speed)", "km/s", "phys.veloc;stat.mean", None),
        ("SUM(distance_km)", "km", None, None),
        ("COUNT(*)", None, "meta.number", None),
        ("time_max - time_min", "d", None, None),
        ("time_min - 2400000.5", "d", "time.start;obs", None),
        ("time_min + time_min", "d", "time.start;obs", None),
        ("time_min - time_min", "d", None, None),
        ("time_min + c1min", None, None, None),
        ("time_min + quality", None, None, None),
        ("time_min * 24", None, None, None),
        ("time_min / 24", None, None, None),
        ("(time_max - time_min) * distance_km", "d.km", None, None),
        ("distance_km * distance_km", "km**2", None, None),
        ("distance_km / time_min", "km/d", None, None),
        ("distance_km / distance_km", None, None, None),
        ("speed / speed", None, None, None),
        ("distance_km / speed", None, None, None),
        ("- speed", "km/s", "phys.veloc", None),
        ("ABS(speed)", "km/s", "phys.veloc", None),
        ("ROUND(c1min, 1)", "deg", "pos.eq.ra;stat.min", None),
        ("RADIANS(c1min)", "rad", None, None),
        ("DEGREES(ATAN2(1, 2))", "deg", None, None),
        ("SQRT(speed)", None, None, None),
        ("IN_UNIT(speed, 'm/s')", "m/s", "phys.veloc", None),
        ("COALESCE(time_min, 0)", "d", "time.start;obs", UTC),
        ("COALESCE(time_min, time_max)", "d", None, UTC),
        ("COALESCE(time_min, c1min)", None, None, None),
        ("CASE WHEN quality = 1 THEN speed END", "km/s", "phys.veloc", None),
        ("CASE WHEN quality = 1 THEN speed ELSE distance_km END", None, None, None),
        ("CAST(speed AS INTEGER)", "km/s", "phys.veloc", None),
        ("CAST(speed AS VARCHAR)", None, "phys.veloc", None),
        ("ivo_to_jd(creation_date)", "d", "time", None),
        ("target_name || 'x'", None, None, None),
        ("5", None, None, None),
    ],
)
def test_units_and_ucds_are_kept_only_where_they_stay_true(
    tableset: TableSet, expression: str, unit: str | None, ucd: str | None, system: object
):
    column = field(tableset, expression)
    assert (column.unit, column.ucd, column.system) == (unit, ucd, system)


@pytest.mark.parametrize(
    ("expression", "datatype", "xtype"),
    [
        ("quality + quality", "int", None),
        ("quality + counter", "long", None),
        ("processing_level / 2", "int", None),
        ("processing_level * 2.0", "double", None),
        ("speed * speed", "float", None),
        ("speed + 1", "double", None),
        ("SUM(quality)", "long", None),
        ("SUM(speed)", "double", None),
        ("AVG(quality)", "double", None),
        ("MAX(quality)", "short", None),
        ("MAX(creation_date)", "char", "timestamp"),
        ("COUNT(quality)", "long", None),
        ("ABS(speed)", "float", None),
        ("FLOOR(quality)", "double", None),
        ("MOD(counter, 2)", "long", None),
        ("MOD(speed, 2)", "double", None),
        ("CAST(speed AS SMALLINT)", "short", None),
        ("CAST('2010-01-01' AS TIMESTAMP)", "char", "timestamp"),
        ("creation_date", "char", "timestamp"),
        ("s_region", "char", "adql:REGION"),
        ("COALESCE(s_region, 'x')", "char", None),
        ("spectrum", "double", None),
        ("COALESCE(spectrum, NULL)", "double", None),
        ("COALESCE((SELECT MAX(NULL) FROM sir.epn_core), spectrum)", "double", None),
        ("CASE WHEN 1 = 2 THEN NULL ELSE spectrum END", "double", None),
        ("1 - ivo_hashlist_has(target_name, 'x')", "int", None),
        ("ivo_hashlist_has(target_name, 'x')", "int", None),
        ("9999999999", "long", None),
        ("1.5", "double", None),
        ("'x'", "char", None),
        ("NULL", "char", None),
        ("-5", "int", None),
        ("-1.5", "double", None),
        ("(SELECT TOP 1 'x' FROM sir.epn_core)", "char", None),
        ("CASE WHEN 1 = 1 THEN quality ELSE counter END", "long", None),
        ("RAND(3)", "double", None),
        ("ROUND(2.5)", "double", None),
    ],
)
def test_a_result_arrives_in_exactly_the_type_that_its_field_declares(
    database: psycopg2.extensions.connection,
    tableset: TableSet,
    expression: str,
    datatype: str,
    xtype: str | None,
):
    translation = translate(f"SELECT {expression} AS v FROM icme.epn_core", tableset)
    column = translation.columns[0]
    assert (column.datatype, column.xtype) == (datatype, xtype)
    with database.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE arrived AS {translation.sql}")
        cursor.execute(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = 'arrived'::regclass AND attnum = 1"
        )
        assert cursor.fetchone() == (wire_type(column),)
        cursor.execute("DROP TABLE pg_temp.arrived")


def test_a_column_that_has_its_type_gets_no_cast(tableset: TableSet):
    sql = translate("SELECT time_min, speed, s_region, spectrum FROM icme.epn_core", tableset).sql
    assert "::" not in sql


@pytest.mark.parametrize(
    ("items", "names"),
    [
        ("TIME_MIN", ["time_min"]),
        ("time_min AS TMin", ["TMin"]),
        (
            "time_min, e.time_min, time_min AS time_min_1",
            ["time_min", "time_min_1", "time_min_1_1"],
        ),
        ("e.*, time_min", None),
        ("COUNT(*), MAX(Time_Min), MAX(time_min)", ["count_all", "max_time_min", "max_time_min_1"]),
        ("1, 'a', 1 + 1", ["column_1", "column_2", "column_3"]),
        (f"1 AS {'a' * 63}, 2 AS {'a' * 63}", ["a" * 63, "a" * 61 + "_1"]),
        ('1 AS "Straße", 2 AS "straße"', ["Straße", "straße_1"]),
    ],
)
def test_names_are_those_of_the_table_or_the_alias_and_unique(
    database: psycopg2.extensions.connection,
    tableset: TableSet,
    items: str,
    names: list[str] | None,
):
    translation = translate(f"SELECT {items} FROM icme.epn_core AS e", tableset)
    found = [column.name for column in translation.columns]
    assert len({name.lower() for name in found}) == len(found)
    if names is not None:
        assert found == names
    with database.cursor() as cursor:
        cursor.execute(translation.sql)
        assert [column.name for column in cursor.description] == found


def test_two_columns_of_one_name_in_a_subquery_are_ambiguous_outside(tableset: TableSet):
    query = "SELECT time_min FROM (SELECT time_min, time_max AS time_min FROM icme.epn_core) AS q"
    with pytest.raises(AdqlError, match="ambiguous"):
        translate(query, tableset)


def test_tables_are_named_once_in_the_order_of_the_query(tableset: TableSet):
    query = (
        "SELECT 1 FROM sir.epn_core AS a, sir.epn_core AS b "
        "WHERE EXISTS (SELECT 1 FROM Icme.Epn_Core)"
    )
    assert translate(query, tableset).tables == ("sir.epn_core", "icme.epn_core")
