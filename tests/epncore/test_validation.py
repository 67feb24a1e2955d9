"""Every rule of EPNcore that rows are held to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.epncore import read_standard
from epntap.epncore.validation import RowValidator

FRAME = "body"
EXTRA = (
    "access_url",
    "access_format",
    "access_estsize",
    "coverage",
    "event_status",
    "time_scale",
    "species_inchikey",
    "local_time_min",
    "local_time_max",
    "solar_longitude_min",
    "solar_longitude_max",
    "alt_target_name",
)


def validator(frame: str = FRAME) -> RowValidator:
    standard = read_standard()
    columns = tuple(standard.column(name, frame=frame) for name in (*standard.mandatory, *EXTRA))
    return RowValidator(standard, columns, frame, "test")


def rows(frame: str = FRAME, size: int = 3, **changed: object) -> pd.DataFrame:
    """Rows without a fault, but for what is changed in the second of them."""
    values: dict[str, pd.Series] = {}
    good = {
        "granule_gid": "test",
        "obs_id": "one",
        "dataproduct_type": "ci",
        "target_class": "planet",
        "spatial_frame_type": frame,
        "service_title": "test",
    }
    for column in validator(frame).columns:
        if column.name == "granule_uid":
            cells: list[object] = [f"row {i}" for i in range(size)]
        elif column.xtype == "timestamp":
            values[column.name] = pd.Series([pd.Timestamp("2020-01-01")] * size)
            continue
        else:
            cells = [good.get(column.name)] * size
        if column.name in changed:
            cells[1] = changed[column.name]
        if column.datatype == "char":
            values[column.name] = pd.Series(cells, dtype=object)
        elif column.datatype in ("int", "long"):
            values[column.name] = pd.Series(pd.array(cells, dtype="Int64"))
        else:
            values[column.name] = pd.Series(
                [np.nan if cell is None else float(cell) for cell in cells]
            )
    return pd.DataFrame(values)


def faults(frame: str = FRAME, **changed: object) -> list[tuple[int, str, str]]:
    found = validator(frame).check(rows(frame, **changed), np.array([11, 12, 13]))
    return [(violation.row, violation.column, violation.message) for violation in found]


def test_rows_without_a_fault_have_none():
    assert faults() == []


@pytest.mark.parametrize(
    "name", [c.name for c in read_standard().columns.values() if c.requirement == "value"]
)
def test_a_value_that_is_required_has_to_be_there(name):
    if name.endswith("_date"):
        data = rows()
        data.loc[1, name] = pd.NaT
        (violation,) = validator().check(data, np.array([11, 12, 13]))
        assert (violation.row, violation.column) == (12, name)
    else:
        for missing in (None, ""):
            found = faults(**{name: missing})
            assert (12, name, "a value is required in every row") in found


@pytest.mark.parametrize(
    ("changed", "column", "said"),
    [
        ({"dataproduct_type": "xx"}, "dataproduct_type", "'xx' is not one of"),
        ({"dataproduct_type": "ci#"}, "dataproduct_type", "empty item"),
        ({"dataproduct_type": "#ci"}, "dataproduct_type", "empty item"),
        ({"dataproduct_type": "ci##ts"}, "dataproduct_type", "empty item"),
        ({"target_class": "planet # star"}, "target_class", "spaces around"),
        ({"target_class": "Planet"}, "target_class", "'Planet' is not one of"),
        ({"alt_target_name": "D'Arrest"}, "alt_target_name", "quote inside"),
        ({"measurement_type": "phys.magField#no ucd"}, "measurement_type", "not a UCD"),
        ({"granule_uid": "a#b"}, "granule_uid", "has a #"),
        ({"granule_uid": "Schröter"}, "granule_uid", "not ASCII"),
        ({"granule_uid": "a\0b"}, "granule_uid", "NUL"),
        ({"processing_level": 7}, "processing_level", "outside of 1..6"),
        ({"time_min": 51544.5, "time_max": 2451545.0}, "time_min", "Modified Julian Date?"),
        ({"time_min": 2451545.0}, "time_max", "give both or neither"),
        ({"time_max": 2451545.0}, "time_min", "give both or neither"),
        ({"time_min": 2451546.0, "time_max": 2451545.0}, "time_min", "is greater than time_max"),
        ({"c2min": -91.0, "c2max": 0.0}, "c2min", "outside of -90..90 deg"),
        ({"c1min": -1.0, "c1max": 1.0}, "c1min", "outside of 0..360 deg"),
        ({"c2min": np.inf, "c2max": np.inf}, "c2max", "not a finite number"),
        ({"c2min": 5.0, "c2max": 4.0}, "c2min", "is greater than c2max"),
        ({"incidence_min": 1.0, "incidence_max": 91.0}, "incidence_max", "outside of 0..90 deg"),
        ({"local_time_min": 1.0, "local_time_max": 25.0}, "local_time_max", "outside of 0..24 h"),
        ({"spatial_frame_type": "celestial"}, "spatial_frame_type", "is not 'body'"),
        ({"service_title": "Test"}, "service_title", "is not 'test'"),
        ({"s_region": "Polygon"}, "s_region", "not an STC-S region"),
        ({"s_region": "1 2 3 4 5 6"}, "s_region", "not an STC-S region"),
        ({"coverage": "MOC"}, "coverage", "not an ASCII MOC"),
        ({"event_status": "observed"}, "event_status", "not one of"),
        ({"time_scale": "utc"}, "time_scale", "not one of"),
        ({"species_inchikey": "short"}, "species_inchikey", "does not have the form"),
        ({"access_format": "text/csv"}, "access_url", "goes together with"),
        ({"access_format": "text/csv"}, "access_estsize", "goes together with"),
        (
            {"access_url": "ftp//x", "access_format": "text/csv", "access_estsize": 1},
            "access_url",
            "does not have the form",
        ),
        (
            {"access_url": "http://x/y", "access_format": "Text/CSV", "access_estsize": 1},
            "access_format",
            "does not have the form",
        ),
    ],
)  # fmt: skip
def test_a_fault_is_found_in_its_row_and_column(changed, column, said):
    found = [message for row, name, message in faults(**changed) if (row, name) == (12, column)]
    assert any(said in message for message in found), faults(**changed)
    assert {row for row, _, _ in faults(**changed)} == {12}


@pytest.mark.parametrize(
    "changed",
    [
        {"dataproduct_type": "ts#ci", "target_class": "star#planet", "target_name": "Sun#Earth"},
        {"c1min": 350.0, "c1max": 10.0},
        {"solar_longitude_min": 350.0, "solar_longitude_max": 10.0},
        {"s_region": "Polygon UNKNOWNFrame 1 2 3 4 5.5 -6e0"},
        {"s_region": "CIRCLE ICRS 10.5 -20 3"},
        {"coverage": "3/12-15 18 4/70"},
        {"access_url": "https://x/y.csv", "access_format": "text/csv", "access_estsize": 0},
        {"measurement_type": "phys.magField;stat.mean#phys.density;phys.newWord"},
        {"time_min": 2451545.0, "time_max": 2451545.0},
    ],
)
def test_what_the_standard_allows_is_let_pass(changed):
    assert faults(**changed) == []


def test_coordinates_of_a_frame_of_none_have_no_values():
    found = faults("none", c1min=1.0, c1max=1.0)
    assert {(row, column) for row, column, _ in found} == {(12, "c1min"), (12, "c1max")}


def test_longitudes_wrap_only_where_the_frame_has_them():
    assert faults("body", c1min=350.0, c1max=10.0) == []
    assert faults("cartesian", c1min=350.0, c1max=10.0) != []


@given(
    st.integers(1, 40).flatmap(
        lambda size: st.tuples(
            st.just(size), st.sets(st.integers(0, size - 1)), st.sets(st.integers(0, size - 1))
        )
    )
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_exactly_the_rows_that_break_a_rule_are_reported(case):
    """Whatever the mixture, a row is reported if and only if it was spoilt."""
    size, bad_latitudes, bad_classes = case
    data = rows(size=max(size, 2)).iloc[:size].copy()
    data["c2min"] = data["c2max"] = 10.0
    data.loc[sorted(bad_latitudes), "c2min"] = -100.0
    data.loc[sorted(bad_classes), "target_class"] = "planet#sun"
    numbers = np.arange(1, size + 1)
    found = validator().check(data, numbers)
    expected = {(i + 1, "c2min") for i in bad_latitudes} | {
        (i + 1, "target_class") for i in bad_classes
    }
    assert {(violation.row, violation.column) for violation in found} == expected
    assert [violation.row for violation in found] == sorted(violation.row for violation in found)
