"""Units of files: those that are stated are converted, those that are not are found out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.table import Table
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.sources.files import read_insitu
from pipelines.sources.insitu import CHANNELS, KM_PER_AU
from pipelines.sources.spacecraft import find_spacecraft
from pipelines.sources.units import likely_units, parse_unit, to_own_unit

COUNT = 12
VALUES = {"bx": 3.0, "by": 0.0, "bz": -4.0, "bt": 5.0, "vt": 400.0, "np": 5.0, "tp": 8e4}


def wind(**factors: float) -> pd.DataFrame:
    """Constant wind, with columns multiplied."""
    start = np.datetime64("2019-05-10T00:00:00")
    frame = pd.DataFrame({name: np.full(COUNT, value) for name, value in VALUES.items()})
    frame.insert(0, "time", [str(start + 10 * np.timedelta64(i, "m")) for i in range(COUNT)])
    for name, factor in factors.items():
        frame[name] *= factor
    return frame


def write(folder, frame, name="wind.csv"):
    path = folder / name
    frame.to_csv(path, index=False)
    return path


FIELD = ("bx", "by", "bz", "bt")


@pytest.mark.parametrize(
    ("factors", "told"),
    [
        ({"vt": 1000.0}, "column vt looks to be in m/s"),
        (dict.fromkeys(FIELD, 1e-9), "columns bx, by, bz, bt look to be in T"),
        (dict.fromkeys(FIELD, 1e-5), "columns bx, by, bz, bt look to be in G"),
        ({"np": 1e6}, "column np looks to be in m-3"),
        ({"tp": 1 / 11604.5}, "column tp looks to be in eV"),
        ({"tp": 1e-6}, "column tp looks to be in MK"),
    ],
)
def test_a_column_in_another_unit_is_named_with_its_unit_and_the_way_out(tmp_path, factors, told):
    with pytest.raises(SourceError) as caught:
        read_insitu(write(tmp_path, wind(**factors)))
    assert told in str(caught.value)
    assert "or say the unit in the header" in caught.value.hint


def test_a_thermal_speed_in_place_of_a_temperature_is_among_what_is_suspected():
    assert "km/s" in likely_units("tp", 36.0)
    assert likely_units("tp", 8e4) == likely_units("vt", 400.0) == likely_units("bt", 5.0) == ()


STATED = {
    "vt": ("m/s", 1000.0),
    "np": ("m**-3", 1e6),
    "tp": ("eV", 1 / 11604.518),
    "bx": ("T", 1e-9),
    "by": ("T", 1e-9),
    "bz": ("T", 1e-9),
    "bt": ("T", 1e-9),
}


def assert_is_the_wind(series):
    for name, value in VALUES.items():
        assert series.channel(name) == pytest.approx(value, rel=1e-6), name
    assert len(series) == COUNT


def test_units_in_the_header_are_converted(tmp_path):
    frame = wind(**{name: factor for name, (_, factor) in STATED.items()})
    frame.columns = [f"{name} [{STATED[name][0]}]" if name in STATED else name for name in frame]
    series = read_insitu(write(tmp_path, frame))
    assert_is_the_wind(series)
    assert "vt from m/s" in series.cleaning.converted
    assert any(told.startswith("units were converted") for told in series.cleaning.told())


def test_units_in_a_row_below_the_header_are_converted_and_lines_still_counted(tmp_path):
    frame = wind(vt=1000.0)
    stated = {"time": "UTC", **CHANNELS, "vt": "m/s"}
    rows = pd.concat([pd.DataFrame([stated]), frame.astype(str)])
    assert_is_the_wind(read_insitu(write(tmp_path, rows)))
    rows.iloc[3, rows.columns.get_loc("np")] = "many"
    with pytest.raises(SourceError, match="line 5, column np: 'many' is not a number"):
        read_insitu(write(tmp_path, rows))


@pytest.mark.parametrize(("suffix", "kind"), [("ecsv", "ascii.ecsv"), ("vot", "votable")])
def test_units_of_astropy_tables_are_converted(tmp_path, suffix, kind):
    table = Table.from_pandas(wind(**{name: factor for name, (_, factor) in STATED.items()}))
    table["time"] = table["time"].astype(str)
    for name, (unit, _) in STATED.items():
        table[name].unit = units.Unit(unit)
    table["x_heeq"] = np.full(COUNT, 0.99) * units.AU
    table["y_heeq"] = table["z_heeq"] = np.zeros(COUNT) * units.AU
    path = tmp_path / f"wind.{suffix}"
    table.write(path, format=kind)
    series = read_insitu(path)
    assert_is_the_wind(series)
    assert series.channel("x_heeq") == pytest.approx(0.99 * KM_PER_AU)


def test_times_of_an_ecsv_are_taken_as_astropy_has_them(tmp_path):
    table = Table.from_pandas(wind())
    table["time"] = Time(list(table["time"].astype(str)), format="isot", scale="utc")
    table.write(tmp_path / "wind.ecsv", format="ascii.ecsv")
    assert_is_the_wind(read_insitu(tmp_path / "wind.ecsv"))


def test_a_unit_of_something_else_is_refused_and_a_damaged_table_too(tmp_path):
    frame = wind().rename(columns={"vt": "vt [nT]"})
    with pytest.raises(SourceError, match="column vt is said to be in nT"):
        read_insitu(write(tmp_path, frame))
    frame = wind().rename(columns={"vt": "vt [furlongs a fortnight]"})
    with pytest.raises(SourceError, match="'furlongs a fortnight' is not a unit"):
        read_insitu(write(tmp_path, frame))
    (tmp_path / "wind.vot").write_text("<VOTABLE")
    with pytest.raises(SourceError, match="cannot be read as a table"):
        read_insitu(tmp_path / "wind.vot")


@pytest.mark.parametrize("text", ["#/cc", "cm-3", "cm^-3", "1/cm3", "n/cc", "cm**-3"])
def test_the_spellings_of_data_sets_are_understood(text):
    assert parse_unit(text) == units.cm**-3


@given(value=st.floats(1e2, 1e8), unit=st.sampled_from(["eV", "MK", "kK", "J"]))
def test_a_temperature_in_any_unit_comes_back(value, unit):
    there = (value * units.K).to(unit, equivalencies=units.temperature_energy()).value
    back = to_own_unit("tp", np.array([there]), unit)
    assert back[0] == pytest.approx(value, rel=1e-9)


def test_fields_near_the_sun_are_plausible_for_a_spacecraft_that_gets_there(tmp_path):
    strong = wind(bx=150.0, by=150.0, bz=150.0, bt=150.0, np=800.0)
    with pytest.raises(SourceError, match="column"):
        read_insitu(write(tmp_path, strong))
    near = read_insitu(write(tmp_path, strong, "near.csv"), find_spacecraft("PSP"))
    assert near.channel("np")[0] == pytest.approx(4000)
