"""Native cells of any kind as typed EPNcore values."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.catalogue import Catalogue, Description
from epntap.epncore import read_standard
from epntap.publish.mapping import RowMapper

BASE = {
    "name": "test",
    "title": "t",
    "description": "d",
    "creators": ["x"],
    "publisher": "x",
    "contact": "x",
    "rights": "x",
    "subjects": ["planetary-science"],
    "spatial_frame_type": "body",
}


def mapped(native: pd.DataFrame, units: dict[str, str] | None = None, columns=(), **mapping):
    description = Description.model_validate(
        {
            **BASE,
            "mapping": {
                "granule_uid": {"template": "row"},
                "target_class": {"constant": "planet"},
                **mapping,
            },
            "columns": list(columns),
        }
    )
    catalogue = Catalogue(description, read_standard())
    now = datetime(2020, 1, 1, tzinfo=UTC)
    return RowMapper(catalogue, list(native.columns), units or {}, now, "rows-1").map(native, 1)


def column(name: str, datatype: str) -> dict[str, str]:
    return {"name": name, "datatype": datatype, "description": "x"}


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_times_become_the_julian_dates_that_astropy_knows(moment):
    native = pd.DataFrame({"t": [moment.isoformat()], "d": [moment]})
    rows = mapped(native, time_min="t", time_max="d").values
    # Days of UTC have 86,400 s here, as Julian Dates of databases do; leap seconds are astropy's.
    expected = Time(moment, scale="tai").jd
    assert rows["time_min"][0] == pytest.approx(expected, abs=1e-8)
    assert rows["time_max"][0] == rows["time_min"][0]


@pytest.mark.parametrize(
    ("form", "value", "jd"),
    [
        ("jd", "2451545.0", 2451545.0),
        ("mjd", "51544.5", 2451545.0),
        ("unix", "946728000", 2451545.0),
        ("iso", "2000-01-01T12:00:00Z", 2451545.0),
        ("iso", "2000-01-01 14:00:00+02:00", 2451545.0),
        (None, "2451545.0", 2451545.0),
        (None, "2000-01-01T12:00", 2451545.0),
    ],
)
def test_a_time_is_read_as_the_mapping_says(form, value, jd):
    mapping = {"column": "t"} | ({"time": form} if form else {})
    assert mapped(pd.DataFrame({"t": [value]}), time_min=mapping).values["time_min"][0] == jd


def test_a_column_of_ones_own_is_a_time_where_its_source_says_so_whatever_its_ucd():
    own = {
        **column("found", "double"),
        "unit": "d",
        "ucd": "time.creation",
        "from": {"column": "t", "time": "iso"},
    }
    rows = mapped(pd.DataFrame({"t": ["2000-01-01T12:00:00"]}), columns=[own])
    assert not rows.violations
    assert rows.values["found"][0] == 2451545.0


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_numbers_are_the_same_from_text_and_from_floats(values):
    texts = pd.Series([None if v is None else repr(v) for v in values], dtype=object)
    floats = pd.Series([np.nan if v is None else v for v in values], dtype=float)
    columns = [column("a", "double"), column("b", "double")]
    rows = mapped(pd.DataFrame({"a": texts, "b": floats}), columns=columns)
    assert not rows.violations
    np.testing.assert_array_equal(rows.values["a"], rows.values["b"])


@given(st.integers(-(2**63), 2**63 - 1))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_large_integers_stay_exact(value):
    rows = mapped(pd.DataFrame({"n": [str(value)]}), columns=[column("n", "long")])
    assert not rows.violations
    assert rows.values["n"][0] == value


@pytest.mark.parametrize("datatype", ["char", "unicodeChar"])
def test_text_of_either_datatype_is_kept_and_numbers_become_text(datatype):
    native = pd.DataFrame({"x": ["Schröter", None, ""], "n": [1.0, 2.5, None]})
    rows = mapped(native, columns=[column("x", datatype), column("n", datatype)])
    assert not rows.violations
    assert list(rows.values["x"]) == ["Schröter", None, ""]
    assert list(rows.values["n"]) == ["1", "2.5", None]


@pytest.mark.parametrize(
    ("datatype", "value", "said"),
    [
        ("double", "12,5", "not a number"),
        ("int", "1.5", "not a whole number"),
        ("int", "2147483648", "does not fit into 32 bits"),
        ("short", "-32769", "does not fit into 16 bits"),
        ("timestamp", "yesterday", "not a time"),
        ("unicodeChar", "a\0b", "NUL"),
    ],
)
def test_a_cell_that_cannot_be_read_is_reported_with_its_row(datatype, value, said):
    native = pd.DataFrame({"x": [None, value]})
    (violation,) = mapped(native, columns=[column("x", datatype)]).violations
    assert (violation.row, violation.column) == (2, "x")
    assert said in violation.message


def test_units_are_converted_with_the_constants_of_the_standard():
    native = pd.DataFrame({"d": [1.0], "wl": [1000.0]})
    rows = mapped(
        native,
        target_distance_min={"column": "d", "unit": "AU"},
        spectral_range_min={"column": "wl", "unit": "nm"},
    ).values
    assert rows["target_distance_min"][0] == 1.495978707e8
    assert rows["spectral_range_max"][0] == pytest.approx(299792458 / 1e-6, rel=1e-15)


def test_linear_rules_modulo_replacements_and_templates():
    native = pd.DataFrame({"lat": [60.0], "lon": [-30.0], "flag": ["y"], "a": ["x"], "b": [3.0]})
    rows = mapped(
        native,
        c2min={"column": "lat", "scale": -1, "offset": 90},
        c1min={"column": "lon", "modulo": 360},
        target_name={"column": "flag", "values": {"y": "Mars"}},
        obs_id={"template": "{a}-{b}/{a}"},
    ).values
    assert rows["c2max"][0] == 30.0
    assert rows["c1min"][0] == 330.0
    assert rows["target_name"][0] == "Mars"
    assert rows["obs_id"][0] == "x-3/x"


def test_text_in_braces_is_never_evaluated():
    native = pd.DataFrame({"a": ["{b.__class__}"], "b": ["x"]})
    assert mapped(native, obs_id={"template": "{a}"}).values["obs_id"][0] == "{b.__class__}"


def test_a_template_with_a_missing_part_is_missing():
    native = pd.DataFrame({"a": ["x", None]})
    values = mapped(native, target_name={"template": "{a}!"}).values["target_name"]
    assert values.tolist() == ["x!", None]
