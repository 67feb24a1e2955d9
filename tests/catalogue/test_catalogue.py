"""What a catalogue's YAML may say, and what it is told when it is wrong."""

from pathlib import Path

import pytest

from epntap.adql.words import RESERVED_WORDS
from epntap.catalogue import known_catalogues, read_catalogue, stored_catalogue
from epntap.errors import CatalogueError
from epntap.publish.checking import check_examples

GOOD = """\
name: craters
title: Craters of a test
description: Three craters.
creators: [Jane Doe]
publisher: Example
contact: {name: Jane Doe, email: jane@example.org}
rights: CC0
subjects: [planetary-science]
spatial_frame_type: body
mapping:
  granule_uid: id
  target_class: {constant: planet}
  c1min: {column: lon, modulo: 360}
  diameter: {column: d, unit: m}
columns:
  - {name: depth, datatype: double, unit: m, ucd: phys.size, description: Depth of the floor}
"""


@pytest.fixture
def write(tmp_path):
    def writer(text: str) -> Path:
        path = tmp_path / "craters.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return writer


def error_of(path: Path) -> str:
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(path)
    return str(caught.value)


def test_ten_lines_of_yaml_make_a_table_with_all_mandatory_columns(write):
    catalogue = read_catalogue(write(GOOD))
    names = [column.name for column in catalogue.columns]
    assert names[:46] == list(catalogue.standard.mandatory)
    assert names[46:] == ["diameter", "run_id", "depth"]


def test_units_and_ucds_of_coordinates_follow_the_frame(write):
    body = read_catalogue(write(GOOD)).column("c1min")
    assert (body.unit, body.ucd) == ("deg", "pos.bodyrc.lon;stat.min")
    cartesian = read_catalogue(write(GOOD.replace("body", "cartesian"))).column("c1min")
    assert (cartesian.unit, cartesian.ucd) == ("km", "pos.cartesian.x;stat.min")


def test_a_frame_of_none_has_coordinates_without_unit_and_ucd(write):
    column = read_catalogue(write(GOOD.replace("frame_type: body", "frame_type: none"))).column(
        "c3max"
    )
    assert (column.unit, column.ucd) == (None, None)


def test_an_upper_bound_without_mapping_repeats_the_lower_one(write):
    mapping = read_catalogue(write(GOOD)).mapping
    assert mapping["c1max"] == mapping["c1min"]


@pytest.mark.parametrize(
    ("datatype", "declared"),
    [
        ("double", ("double", None, None)),
        ("char", ("char", "*", None)),
        ("unicodeChar", ("unicodeChar", "*", None)),
        ("timestamp", ("char", "*", "timestamp")),
    ],
)
def test_a_column_of_ones_own_is_declared_in_its_type(write, datatype, declared):
    unit = "unit: m, " if datatype == "double" else ""
    yaml = GOOD.replace("datatype: double, unit: m, ", f"datatype: {datatype}, {unit}")
    column = read_catalogue(write(yaml)).column("depth")
    assert (column.datatype, column.arraysize, column.xtype) == declared


def test_a_description_survives_being_stored(write):
    catalogue = read_catalogue(write(GOOD))
    dumped = catalogue.description.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert stored_catalogue(dumped).columns == catalogue.columns
    assert stored_catalogue(dumped).mapping == catalogue.mapping


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("title:", "titel:", 2, "did you mean 'title'"),
        ("  c1min:", "  c1mim:", 13, "did you mean 'c1min'"),
        ("frame_type: body", "frame_type: bodi", 9, "did you mean 'body'"),
        ("publisher: Example\n", "", 1, "missing"),
        ("name: depth", "name: diameter", 16, "cannot be defined anew"),
        ("name: depth", "name: size", 16, "reserved word of ADQL"),
        ("name: depth", "name: Depth", 16, "lower-case"),
        ("name: craters", "name: tap_schema", 1, "of the service itself"),
        ("name: craters", "name: region", 1, "reserved word of ADQL"),
        ("unit: m, ucd", "unit: metres, ucd", 16, "not a unit"),
        ("ucd: phys.size", "ucd: phys.depth", 16, "not a valid UCD"),
        ("column: d, unit: m", "column: d, unit: s", 14, "cannot be converted to 'km'"),
        ("[planetary-science]", "[mars]", 8, "one of them has to be one of"),
        ("{constant: planet}", "{constant: planet, column: x}", 12, "exactly one of"),
        ("  granule_uid: id\n", "", 10, "granule_uid is missing"),
        ("datatype: double", "datatype: real", 16, "'double'"),
        ("rights: CC0", "rights: CC0\nrights: CC1", 8, "stands there twice"),
        ("c1min: {column: lon, modulo: 360}", "c1min: {column: lon, time: mjd}", 13, "Julian Date"),
        ("rights: CC0", "rights: [", 7, "not valid YAML"),
    ],
)
def test_a_fault_is_told_with_file_line_and_what_to_do(write, before, after, line, said):
    assert before in GOOD
    path = write(GOOD.replace(before, after, 1))
    message = error_of(path)
    assert said in message
    assert f"{path}, line {line}" in message


def test_every_reserved_word_is_refused_as_the_name_of_a_column(write):
    for word in sorted(RESERVED_WORDS):
        if word.replace("_", "").isalnum():
            assert "reserved" in error_of(
                write(GOOD.replace("name: depth", f"name: {word.lower()}"))
            )


def test_no_column_of_the_standard_is_a_reserved_word(write):
    standard = read_catalogue(write(GOOD)).standard
    assert not {name.upper() for name in standard.columns} & RESERVED_WORDS


def test_an_unknown_catalogue_is_answered_with_those_there_are():
    with pytest.raises(CatalogueError, match="icme"):
        read_catalogue("icmes")


@pytest.mark.parametrize("name", known_catalogues())
def test_the_catalogues_that_come_along_are_right_and_so_are_their_queries(name):
    catalogue = read_catalogue(name)
    assert catalogue.name == name
    assert catalogue.description.examples
    check_examples(catalogue)


OWN_TIME = (
    "  - {name: peak, datatype: double, unit: d, ucd: time.epoch, description: Of the flash,"
    " from: {column: peak, time: iso}}\n"
)


def test_a_time_of_ones_own_is_in_the_time_system_of_the_others(write):
    catalogue = read_catalogue(
        write(GOOD.replace("columns:", "time: {scale: TDB}\ncolumns:") + OWN_TIME)
    )
    assert catalogue.column("peak").system == catalogue.column("time_min").system
    assert catalogue.column("peak").system.timescale == "TDB"
    assert catalogue.column("depth").system is None


def test_a_time_of_ones_own_in_another_unit_is_refused_where_it_stands(write):
    said = error_of(write(GOOD + OWN_TIME.replace("unit: d", "unit: h")))
    assert "columns.1.from.time" in said
    assert "not a Julian Date" in said
