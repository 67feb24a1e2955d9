"""Each rule finds what it is made for, and nothing else does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_service import SqliteService, standard_columns
from validator_cases import EXTRA, craters, row

from epntap.tables import Column
from epntap.validator import RULES, Finding, Options, Report, Severity, validate

#: What the catalogue says of itself when nothing is wrong.
USUAL = {("I_PNNS", None)}


def found(report: Report) -> set[tuple[str, str | None]]:
    return {(finding.code, finding.column) for finding in report.all_findings} - USUAL


def finding(report: Report, code: str) -> Finding:
    return next(each for each in report.all_findings if each.code == code)


def test_a_clean_catalogue_gives_no_finding():
    report = validate(craters())
    assert found(report) == set()
    assert report.valid
    (table,) = report.tables
    assert (table.required, table.mandatory, table.optional, table.extra) == (46, 46, 19, 2)
    assert table.rows == 4


#: One broken cell a line: the change, and every finding that it has to give.
BROKEN_CELLS: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    ({"granule_gid": None}, {("E_PNUL", "granule_gid")}),
    ({"obs_id": ""}, {("E_PNUL", "obs_id")}),
    ({"time_max": None}, {("E_PNMM", "time_min")}),
    ({"incidence_min": 30.0}, {("E_PNMM", "incidence_min")}),
    ({"c2min": 6.0}, {("W_VORD", "c2min")}),
    ({"processing_level": 7}, {("E_PNPL", "processing_level")}),
    ({"time_min": 58849.0}, {("W_PNJD", "time_min")}),
    ({"local_time_max": 25.0}, {("E_PNLT", "local_time_max")}),
    ({"service_title": "Craters"}, {("E_PNST", "service_title")}),
    ({"service_title": None}, {("E_PNST", "service_title")}),
    ({"granule_uid": "crater 1"}, {("E_VUNQ", "granule_uid")}),
    ({"granule_uid": "crater#0"}, {("E_VUID", "granule_uid")}),
    ({"granule_uid": "cratère 0"}, {("E_VUID", "granule_uid")}),
    ({"alt_target_name": "4##Ares"}, {("E_VHSH", "alt_target_name")}),
    ({"alt_target_name": "#4"}, {("E_VHSH", "alt_target_name")}),
    ({"instrument_host_name": "MEX # Mars Express"}, {("E_VHSH", "instrument_host_name")}),
    ({"target_name": " Mars"}, {("E_VHSH", "target_name")}),
    ({"alt_target_name": "Barnard's"}, {("E_VQUO", "alt_target_name")}),
    ({"alt_target_name": '"Ares"'}, {("E_VQUO", "alt_target_name")}),
    ({"access_url": None}, {("E_VACC", "access_url")}),
    ({"access_format": ""}, {("E_VACC", "access_format")}),
    ({"access_estsize": None}, {("E_VACC", "access_estsize")}),
    ({"access_url": "/data.fits"}, {("E_VURL", "access_url")}),
    ({"external_link": "https://example.org/a page"}, {("E_VURL", "external_link")}),
    ({"c1min": -10.0}, {("E_VCRD", "c1min")}),
    ({"c2max": 91.0}, {("E_VCRD", "c2max")}),
    ({"incidence_max": 95.0}, {("E_VRNG", "incidence_max")}),
    ({"access_estsize": -1}, {("E_VRNG", "access_estsize")}),
    ({"depth_error": -0.5}, {("E_VNEG", "depth_error")}),
    ({"spatial_frame_type": "planet"}, {("E_PNFT", "spatial_frame_type"),
                                        ("I_PNSP", "spatial_frame_type")}),
    ({"spatial_frame_type": "none"}, {("E_VNOC", "spatial_frame_type"),
                                      ("I_PNSP", "spatial_frame_type")}),
    ({"spatial_frame_type": "cylindrical", "c2min": 1.0},
     {("I_PNSP", "spatial_frame_type"), ("W_VFRM", "c1min"), ("W_VFRM", "c2min"),
      ("W_VFRM", "c3min"), ("W_VORD", "c1min")}),
    ({"dataproduct_type": "image"}, {("E_PNDP", "dataproduct_type")}),
    ({"dataproduct_type": "im#"}, {("E_PNDP", "dataproduct_type")}),
    ({"dataproduct_type": None}, {("E_PNDP", "dataproduct_type")}),
    ({"target_class": "Planet"}, {("E_PNTG", "target_class")}),
    ({"messenger": "photon"}, {("E_PNMG", "messenger")}),
    ({"time_scale": "utc"}, {("W_PNTS", "time_scale")}),
    ({"geometry_type": "round"}, {("E_PNGT", "geometry_type")}),
    ({"event_status": "observed"}, {("E_VEVT", "event_status")}),
    ({"event_cite": "follow-up"}, {("E_VEVT", "event_cite")}),
    ({"event_type": "Lunar Flash"}, {("W_VEVT", "event_type")}),
    ({"measurement_type": "phot.radiance#a number"}, {("E_VMTY", "measurement_type")}),
    ({"access_format": "FITS"}, {("E_VMIM", "access_format")}),
    ({"creation_date": "2020-01-01 00:00:00"}, {("E_PN86", "creation_date")}),
    ({"release_date": None}, {("E_PN86", "release_date")}),
    ({"release_date": "2020-02-30"}, {("E_PN86", "release_date")}),
    ({"creation_date": "2020-01-01T12:60:00"}, {("E_PN86", "creation_date")}),
    ({"modification_date": "2019-12-31T23:59:59"}, {("W_VDAT", "modification_date")}),
    ({"modification_date": "2999-01-01"}, {("W_VFUT", "modification_date")}),
    ({"release_date": "2999-01-01"}, {("I_VREL", "release_date")}),
    ({"species_inchikey": "H2O"}, {("E_PNIK", "species_inchikey")}),
    ({"access_md5": "12"}, {("E_VMD5", "access_md5")}),
    ({"s_region": "Polygon 10 5 20 5"}, {("E_VREG", "s_region")}),
    ({"s_region": "Square 10 5 20 5"}, {("E_VREG", "s_region")}),
    ({"s_region": "Polygon 10 5 20 5 20 95"}, {("E_VREG", "s_region")}),
    ({"s_region": "Polygon 10 5 20 5 10 5"}, {("E_VREG", "s_region")}),
    ({"s_region": "Polygon 10 5 20 15 20 5"}, {("W_VORI", "s_region")}),
    ({"coverage": "3/768"}, {("E_VMOC", "coverage")}),
    ({"coverage": "12-15"}, {("E_VMOC", "coverage")}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), BROKEN_CELLS)
def test_one_broken_row_gives_exactly_its_findings_and_is_named(change, expected):
    report = validate(craters(change))
    assert found(report) == expected
    uid = change.get("granule_uid", "crater 0")
    for each in report.all_findings:
        if each.column is not None and not each.code.startswith(("I_PNSP", "W_VFRM")):
            assert each.examples == (uid,)


def changed(name: str, **given: Any) -> Callable[[list[Column]], Iterable[Column]]:
    """Change what a column is described as."""
    return lambda columns: [
        dataclasses.replace(column, **given) if column.name == name else column
        for column in columns
    ]


def without(*names: str) -> Callable[[list[Column]], Iterable[Column]]:
    return lambda columns: [column for column in columns if column.name not in names]


def added(*more: Column) -> Callable[[list[Column]], Iterable[Column]]:
    return lambda columns: [*columns, *more]


#: One broken description a line.
BROKEN_COLUMNS: list[tuple[Callable[..., Iterable[Column]], set[tuple[str, str | None]]]] = [
    (without("target_name"), {("E_PN0C", "target_name")}),
    (without("granule_uid"), {("E_PN0C", "granule_uid")}),
    (without("incidence_max"), {("E_PN0C", "incidence_max"), ("E_PNMX", "incidence_min")}),
    (without("local_time_min"), {("E_PNMX", "local_time_max")}),
    (without("access_estsize"), {("E_VACL", "access_estsize")}),
    (changed("time_min", ucd="time.start"), {("E_CUCD", "time_min")}),
    (changed("obs_id", ucd=None), {("E_CUCD", "obs_id")}),
    (changed("time_exp_min", unit="min"), {("E_CUNI", "time_exp_min")}),
    (changed("access_estsize", unit="kB"), {("E_CUNI", "access_estsize")}),
    (changed("spectral_resolution_max", unit="nm"), {("E_CUNI", "spectral_resolution_max")}),
    (changed("time_min", datatype="float"), {("E_PNDE", "time_min")}),
    (changed("granule_gid", arraysize=None), {("E_PNDE", "granule_gid")}),
    (changed("processing_level", datatype="double"), {("E_PNDE", "processing_level")}),
    (changed("release_date", xtype=None), {("E_PNXT", "release_date")}),
    (changed("coverage", xtype="MOC"), {("E_PNXT", "coverage")}),
    (changed("s_region", xtype=None), {("E_SRXT", "s_region")}),
    (changed("c1min", unit="rad"), {("W_SPUN", "c1min")}),
    (changed("c3_resol_max", ucd="pos.angResolution;stat.max"), {("W_SPUC", "c3_resol_max")}),
    (changed("depth", ucd="phys.deepness"), {("E_VUCD", "depth")}),
    (changed("depth", unit="kilometers"), {("E_VUNI", "depth")}),
    (changed("target_name", utype="Epn.TargetName"), {("W_VUTY", "target_name")}),
    (added(Column("distance", "double")), {("W_VRES", "distance")}),
    (added(Column("accref", "char", "*")), {("E_VACR", "accref")}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), BROKEN_COLUMNS)
def test_one_broken_column_gives_exactly_its_findings(change, expected):
    service = craters()
    service.columns = list(change(service.columns))
    assert found(validate(service)) == expected


def test_every_column_of_the_particle_extension_is_asked_for():
    service = craters()
    service.columns += standard_columns("body", "particle_spectral_type")[46:]
    missing = {column for code, column in found(validate(service)) if code == "E_VPTC"}
    assert missing == {
        f"particle_spectral_{axis}_{bound}"
        for axis in ("range", "sampling_step", "resolution")
        for bound in ("min", "max")
    }


def test_a_particle_axis_has_one_of_three_kinds():
    service = craters({"particle_spectral_type": "charge"})
    names = [column.name for column in service.columns]
    standard = standard_columns(
        "body",
        "particle_spectral_type",
        *(
            f"particle_spectral_{axis}_{bound}"
            for axis in ("range", "sampling_step", "resolution")
            for bound in ("min", "max")
        ),
    )
    service.columns += [column for column in standard if column.name not in names]
    assert found(validate(service)) == {("E_PPST", "particle_spectral_type")}


@pytest.mark.parametrize(
    ("name", "utype", "code"),
    [
        ("craters.epn_core", None, "E_PNUT"),
        ("craters.epn_core", "ivo://ivoa.net/std/epn-tap#table-2.0", "E_PNUT"),
        ("craters.epn_core", "ivo://vopdc.obspm/std/epncore#schema-2.0", "W_PNUB"),
        ("craters.epncore", "ivo://ivoa.net/std/epntap#table-2.0", "E_PNTN"),
    ],
)
def test_the_name_and_the_utype_of_the_table_are_checked(name, utype, code):
    service = craters(utype=utype)
    service.name = name
    assert found(validate(service)) == {(code, None)}


def test_a_service_without_an_epn_tap_table_is_invalid():
    service = craters(utype=None)
    service.name = "craters.rows"
    report = validate(service)
    assert found(report) == {("F_NOPN", None)}
    assert not report.valid


def test_tap_schema_and_vosi_have_to_agree():
    service = craters()
    service.vosi = [c for c in changed("depth", unit="m")(service.columns) if c.name != "obs_id"]
    findings = found(validate(service))
    assert {("E_VTSC", "depth"), ("E_VTSC", "obs_id")} <= findings
    assert {code for code, _ in findings} == {"E_VTSC", "E_VFLD", "E_PN0C"}


def test_results_have_to_agree_with_the_description():
    service = craters()
    service.fields = list(changed("depth", ucd="phys.size.radius")(service.columns))
    report = validate(service)
    assert found(report) == {("E_VFLD", "depth")}
    assert "'phys.size.radius' in results" in finding(report, "E_VFLD").message


def test_a_service_without_vosi_tables_is_described_by_tap_schema():
    assert found(validate(craters(has_vosi=False))) == set()


def test_a_refused_query_is_a_finding_and_the_other_rules_go_on():
    report = validate(craters({"service_title": "x"}, refused="GROUP BY"))
    assert found(report) == {("E_VQRY", "granule_uid"), ("E_PNST", "service_title")}
    assert "E_VUNQ could not be checked" in finding(report, "E_VQRY").message


def test_rows_that_could_not_be_read_are_told_of():
    report = validate(craters(), options=Options(rows=2))
    assert found(report) == {("W_VPAR", None)}
    assert report.tables[0].rows == 2


def test_as_many_examples_are_named_as_are_asked_for():
    service = craters(*[{"service_title": "x", "release_date": "x"}] * 4)
    for count in (1, 3):
        report = validate(service, options=Options(examples=count))
        assert len(finding(report, "E_PNST").examples) == count
        assert len(finding(report, "E_PN86").examples) == count


def test_contours_on_the_sky_go_round_the_other_way():
    """Seen from the centre of the sky, right ascension grows to the left."""
    sky = {"spatial_frame_type": "celestial", "c1min": 10.0, "c1max": 20.0}
    for outline, expected in (
        ("Polygon ICRS 10 5 20 5 20 15", {("W_VORI", "s_region")}),
        ("Polygon ICRS 10 5 20 15 20 5", set()),
    ):
        service = craters(*[sky | {"s_region": outline}] * 4)
        service.columns = [*standard_columns("celestial"), EXTRA]
        assert found(validate(service)) == expected


def test_contours_as_arrays_are_read_too():
    service = craters(
        {"s_region": "10 5 20 5 20 15"}, {"s_region": "10 5 20 15 20 5"}, {"s_region": "1 2 3"}, {}
    )
    service.rows[3]["s_region"] = None
    service.columns = list(changed("s_region", datatype="double", xtype="polygon")(service.columns))
    report = validate(service)
    assert found(report) == {("W_VORI", "s_region"), ("E_VREG", "s_region")}
    assert finding(report, "W_VORI").examples == ("crater 1",)
    assert finding(report, "E_VREG").examples == ("crater 2",)


def test_every_rule_is_shown_to_find_something():
    """The tables above and the tests below them have one broken thing per rule."""
    shown = {code for _, expected in BROKEN_CELLS + BROKEN_COLUMNS for code, _ in expected}
    elsewhere = {
        "E_PNUT", "W_PNUB", "E_PNTN", "F_NOPN", "I_PNNS", "E_VPTC", "E_PPST", "E_VTSC", "E_VFLD",
        "E_VQRY", "W_VPAR", "W_VLNK",
    }  # fmt: skip
    assert shown | elsewhere == {rule.code for rule in RULES}


def test_severities_follow_from_the_codes():
    assert {rule.severity for rule in RULES} == set(Severity)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(row(0))), st.text(max_size=12))
def test_no_cell_whatever_it_has_breaks_the_validation_off(name, text):
    text = "".join(letter for letter in text if letter.isprintable())
    service: SqliteService = craters({name: text})
    report = validate(service)
    assert not {code for code, _ in found(report)} & {"E_VQRY"}
