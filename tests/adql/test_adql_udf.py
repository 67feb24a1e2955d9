"""The service's own functions: the reference values of their catalogue, and their limits."""

from __future__ import annotations

import itertools
import re
from datetime import datetime, timedelta
from pathlib import Path

import astropy.units as u
import pytest
from adql.conftest import TABLESET
from astropy.coordinates import Distance, SkyCoord
from astropy.time import Time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.adql import AdqlError, translate
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


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # Reference values of the Catalogue of ADQL User Defined Functions 1.2.
        ("ivo_healpix_index(0, 1, 1)", 4),
        ("ivo_healpix_index(17, 1, 1)", 81609757711),
        ("ivo_healpix_index(17, POINT(359, -1))", 73009064944),
        ("ivo_healpix_index(3, NULL, 1)", None),
        # Centres of the faces (Gorski et al. 2005, section 4).
        ("COORD1(ivo_healpix_center(0, 0))", 45),
        ("COORD2(ivo_healpix_center(0, 0))", pytest.approx(41.8103148957786, abs=1e-12)),
        ("COORD1(ivo_healpix_center(0, 6))", 180),
        ("COORD2(ivo_healpix_center(0, 6))", 0),
        ("COORD1(ivo_healpix_center(0, 11))", 315),
        ("COORD2(ivo_healpix_center(0, 11))", pytest.approx(-41.8103148957786, abs=1e-12)),
        ("ivo_interval_has(1, '1 2')", 1),
        ("ivo_interval_has(2.5, '1 2')", 0),
        ("ivo_interval_has(2, spectrum)", 1),
        ("ivo_interval_has(NULL, '1 2')", None),
        ("ivo_hms_to_degrees('20:17:46.7')", pytest.approx(304.4445833333333, abs=1e-11)),
        ("ivo_hms_to_degrees('20h17m46.7s')", pytest.approx(304.4445833333333, abs=1e-11)),
        ("ivo_hms_to_degrees('00 00 00')", 0),
        ("ivo_hms_to_degrees('25:00:00')", None),
        ("ivo_hms_to_degrees('20:61:00')", None),
        ("ivo_hms_to_degrees('20:17')", None),
        ("ivo_dms_to_degrees('-00:30:36')", pytest.approx(-0.51, abs=1e-15)),
        ("ivo_dms_to_degrees('+89 59 59.999')", pytest.approx(89.99999972222222, abs=1e-12)),
        ("ivo_dms_to_degrees('12d30m00s')", 12.5),
        ("ivo_dms_to_degrees('north')", None),
        ("gavo_to_jd(TIMESTAMP('2000-01-02T12:00:00'))", 2451546.0),
        ("gavo_to_mjd('2000-01-02T12:00:00')", 51545.5),
        ("gavo_match('^[A-Z]-.*x$', 'A-42x')", 1),
        ("gavo_match('a|b', 'cde')", 0),
        ("gavo_getauthority('ivo://org.gavo.dc/foo/bar#baz')", "org.gavo.dc"),
        ("gavo_getauthority('IVO://vopdc.obspm?x')", "vopdc.obspm"),
        ("gavo_getauthority('https://example.org:8080/tap')", "example.org:8080"),
        ("gavo_getauthority('ivo:///nobody')", None),
        ("gavo_getauthority('org.gavo.dc/foo')", None),
        ("gavo_getauthority('')", None),
        ("gavo_vocmatch('timescale', 'UTC', 'utc')", 1),
        ("gavo_vocmatch('timescale', 'UTC', 'TAI')", 0),
        ("gavo_specconv(1, 'um', 'nm')", pytest.approx(1000)),
        ("gavo_specconv(1.0, 'um', 'eV')", pytest.approx(1.239841984)),
        ("gavo_specconv(12398.41984, 'eV', 'Angstrom')", pytest.approx(1)),
        ("gavo_specconv(0, 'um', 'eV')", None),
        ("BITWISE_AND(12, 10)", 8),
        ("BITWISE_OR(12, 10)", 14),
        ("BITWISE_XOR(12, 10)", 6),
        ("BITWISE_NOT(12)", -13),
    ],
)
def test_a_computed_function_gives_its_value(run, expression: str, expected: object):
    assert run(f"SELECT TOP 1 {expression} AS v FROM icme.epn_core") == [(expected,)]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("ivo_healpix_index(5, '1 2')", "must be a POINT"),
        ("gavo_transform('ICRS', 'FK4', POINT(1, 2))", "there is no frame FK4"),
        ("gavo_transform('ICRS', 'GALAKTIC', POINT(1, 2))", "GALACTIC"),
        ("gavo_transform(target_name, 'ICRS', POINT(1, 2))", "literal"),
        ("gavo_transform('ICRS', 'FK5', s_region)", "must be a shape"),
        ("gavo_specconv(quality, 'nm')", "not known"),
        ("gavo_specconv(1, 'nm', 'kg')", "cannot be given in kg"),
        ("gavo_specconv(1, 'nm', 'furlong')", "not a unit"),
        ("gavo_vocmatch('timescales', 'UTC', target_name)", "timescale"),
        ("gavo_vocmatch('timescale', 'UTX', target_name)", "no term"),
        ("ivo_histogram(quality, 2, 1, 5)", "above the lower"),
        ("ivo_histogram(quality, 1, 2, 0)", "bins"),
        ("ivo_histogram(quality, speed, 2, 5)", "literal"),
        ("ivo_interval_has(1, '1 2 3')", "two numbers"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(tableset, expression: str, message: str):
    with pytest.raises(AdqlError) as caught:
        translate(f"SELECT {expression} FROM icme.epn_core", tableset)
    assert message in str(caught.value)


def test_a_histogram_has_a_cell_below_and_one_above(run):
    query = "SELECT ivo_histogram(time_max, 2455197, 2455203, 3) AS h FROM icme.epn_core"
    # Rows: 2455198, 2455203.25 and NULL.
    assert run(query) == [([1, 1, 0, 0, 1],)]
    (column,) = translate(query, TABLESET).columns
    assert (column.datatype, column.arraysize) == ("int", "*")


def test_normal_random_numbers_have_the_mean_and_deviation_asked_for(database):
    sql = translate("SELECT ivo_normal_random(5, 2) FROM icme.epn_core", TABLESET).sql
    expression = sql.removeprefix("SELECT ").split(" AS ")[0]
    with database.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute(
            f"SELECT avg(x), stddev(x) FROM (SELECT {expression} AS x"
            " FROM generate_series(1, 20000)) AS q"
        )
        mean, deviation = cursor.fetchone()
    assert mean == pytest.approx(5, abs=0.06)
    assert deviation == pytest.approx(2, abs=0.05)


def test_transforms_agree_with_astropy_and_turn_back(run):
    query = (
        "SELECT TOP 1 gavo_transform('ICRS', 'GALACTIC', POINT(266.4051, -28.936175)) AS g,"
        " ivo_geom_transform('FK5', 'ICRS', ivo_geom_transform('ICRS', 'FK5', CIRCLE(1, 2, 3)))"
        " AS c, ivo_geom_transform('ICRS', 'ECLIPTIC', POLYGON(0, 0, 1, 0, 1, 1)) AS p"
        " FROM icme.epn_core"
    )
    ((galactic, circle, polygon),) = run(query)
    expected = SkyCoord(266.4051, -28.936175, unit="deg").galactic
    assert galactic == pytest.approx([expected.l.deg, expected.b.deg], abs=1e-11)
    assert circle == pytest.approx([1, 2, 3], abs=1e-11)
    corner = SkyCoord(1, 1, unit="deg").transform_to("barycentricmeanecliptic")
    assert polygon[4:] == pytest.approx([corner.lon.deg, corner.lat.deg], abs=1e-11)


def test_epoch_propagation_agrees_with_astropy(run):
    """Barnard's star over 25 years; both move it along the same straight line."""
    star = "269.452, 4.6933, 547.45, -802.8, 10362.5, -110.5"
    ((found, still),) = run(
        f"SELECT TOP 1 ivo_epoch_prop_pos({star}, 2016.0, 1991.25) AS p,"
        " ivo_epoch_prop_pos(10, 20, NULL, 0, 0, NULL, 2016.0, 1991.25) AS q FROM icme.epn_core"
    )
    moved = SkyCoord(
        ra=269.452 * u.deg,
        dec=4.6933 * u.deg,
        distance=Distance(parallax=547.45 * u.mas),
        pm_ra_cosdec=-802.8 * u.mas / u.yr,
        pm_dec=10362.5 * u.mas / u.yr,
        radial_velocity=-110.5 * u.km / u.s,
        obstime=Time(2016.0, format="jyear"),
    ).apply_space_motion(new_obstime=Time(1991.25, format="jyear"))
    assert found == pytest.approx([moved.ra.deg, moved.dec.deg], abs=1e-6)
    assert still == pytest.approx([10, 20], abs=1e-12)


@given(st.integers(0, 29), st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_centre_of_a_healpix_cell_is_in_the_cell(database, order: int, data: st.DataObject):
    index = data.draw(st.integers(0, 12 * 4**order - 1))
    found = call(
        database,
        "udf.ivo_healpix_index(%s, c[1], c[2]) FROM udf.ivo_healpix_center(%s, %s::bigint) AS c",
        order,
        order,
        index,
    )
    assert found == index


@given(st.floats(-400, 800), st.floats(-90, 90))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_healpix_cells_are_parts_of_larger_ones_and_their_centres_are_near(database, long, lat):
    cells = [call(database, "udf.ivo_healpix_index(%s, %s, %s)", n, long, lat) for n in range(30)]
    assert all(cell // 4 == parent for parent, cell in itertools.pairwise(cells))
    for order, cell in enumerate(cells):
        away = call(
            database,
            "udf.separation(c[1], c[2], %s, %s) FROM udf.ivo_healpix_center(%s, %s::bigint) AS c",
            long,
            lat,
            order,
            cell,
        )
        # The limit for small cells, hypot(2 / 3 / cos b, pi / 4 cos b) where sin b = 2 / 3.
        assert away <= 61.3 / 2**order + 1e-12


def test_a_sample_has_about_the_share_of_rows(database):
    sql = translate("SELECT a.id2 FROM TAP_UPLOAD.mine TABLESAMPLE(25) AS a", TABLESET).sql
    assert "TABLESAMPLE BERNOULLI (25.0)" in sql
    with database.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE many AS SELECT x AS id2 FROM generate_series(1,9999) x"
        )
        cursor.execute(sql.replace('"upload_1"."mine"', "pg_temp.many"))
        assert 2000 < len(cursor.fetchall()) < 3000
    both = "SELECT COUNT(*) AS n FROM TAP_UPLOAD.mine AS a TABLESAMPLE(100)"
    with database.cursor() as cursor:
        cursor.execute(translate(both, TABLESET).sql)
        assert cursor.fetchone() == (2,)
    for wrong in ("TABLESAMPLE(0)", "TABLESAMPLE(101)", "TABLESAMPLE('x')"):
        with pytest.raises(AdqlError):
            translate(f"SELECT Id FROM TAP_UPLOAD.mine {wrong}", TABLESET)


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


def test_every_function_of_the_service_stands_in_the_documentation():
    page = (Path(__file__).resolve().parents[2] / "docs" / "adql.md").read_text(encoding="utf-8")
    names = {function.name for entries in REGISTRY.values() for function in entries if function.udf}
    table = page.split("## Functions of this service")[1].split("### Adding one")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([A-Za-z_]+)\(", " ".join(rows))) == names


def test_functions_of_the_service_do_not_depend_on_the_search_path(database):
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'udf'::regnamespace "
            # The constructors of a range type are PostgreSQL's own.
            "AND (prosqlbody IS NULL AND prolang NOT IN (SELECT oid FROM pg_language"
            " WHERE lanname IN ('plpgsql', 'internal')) OR proparallel = 'u')"
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


def test_functions_in_plpgsql_write_the_schema_of_what_is_not_in_pg_catalog(database):
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT p.proname, array_agg(q.proname) FROM pg_proc p JOIN pg_proc q"
            " ON p.prosrc ~ ('(^|[^.a-z_])' || q.proname || '[(]')"
            " WHERE p.pronamespace = 'udf'::regnamespace AND q.pronamespace = 'udf'::regnamespace"
            " AND p.prosqlbody IS NULL AND NOT EXISTS (SELECT FROM pg_proc s WHERE"
            " s.proname = q.proname AND s.pronamespace = 'pg_catalog'::regnamespace) GROUP BY 1"
        )
        assert cursor.fetchall() == []


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)


@given(st.lists(WORDS, min_size=1, max_size=5), WORDS)
@fewer
def test_a_hash_list_holds_its_words_and_no_others(database, words: list[str], other: str):
    hashlist = "#".join(words)
    for word in words:
        assert call(database, "udf.ivo_hashlist_has(%s, %s)", hashlist, word.swapcase())
    expected = other.lower() in [word.lower() for word in words]
    assert call(database, "udf.ivo_hashlist_has(%s, %s)", hashlist, other) is expected
