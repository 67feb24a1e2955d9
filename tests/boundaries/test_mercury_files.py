"""Files of the magnetometer and lists of crossings are read as they are meant."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import LabelError, SourceError
from pipelines.mercury_boundaries.files import (
    data_files,
    label_columns,
    read_labelled,
    read_mag,
    write_csv,
)
from pipelines.mercury_boundaries.lists import KINDS, make_crossings, read_crossings, read_pymess
from pipelines.mercury_boundaries.series import MagSeries, to_datetime, to_seconds

ROWS = (
    "2011 362 23 59 58.5 1 20 100.0 -200.0 300.0 10.0 -20.0 30.0 0.1 0.2 0.3\n"
    "2011 362 23 59 59.5 2 20 101.0 -201.0 301.0 11.0 -21.0 31.0 0.1 0.2 0.3\n"
    "2011 363  0  0  1.5 3 20 103.0 -203.0 303.0 13.0 -23.0 9999.0 0.1 0.2 0.3\n"
)


def label_text(names):
    objects = [
        f"  OBJECT = COLUMN\r\n    NAME = {name}\r\n    DATA_TYPE = ASCII_REAL\r\n  END_OBJECT\r\n"
        for name in names
    ]
    return (
        "PDS_VERSION_ID = PDS3\r\nOBJECT = TABLE\r\n" + "".join(objects) + "END_OBJECT = TABLE\r\n"
    )


def test_a_table_of_the_pds_is_read_onto_seconds_with_its_gap_and_without_what_cannot_be(tmp_path):
    path = tmp_path / "MAGMSOSCIAVG11362_01_V08.TAB"
    path.write_text(ROWS)
    series = read_mag(path)
    assert to_datetime(series.first).isoformat() == "2011-12-28T23:59:58"
    assert len(series) == 4
    np.testing.assert_allclose(series.field[:2], [[10, -20, 30], [11, -21, 31]])
    assert np.isnan(series.field[2:]).all()  # a second without a row, and 9999 nT
    np.testing.assert_allclose(series.position[3], [103, -203, 303])


def test_the_label_says_where_the_columns_stand(tmp_path):
    path = tmp_path / "MAGMSOSCIAVG11362_01_V08.TAB"
    path.write_text("30 10 20 300 100 200 2011 362 23 59 58.5\n")
    names = "BZ_MSO BX_MSO BY_MSO Z_MSO X_MSO Y_MSO YEAR DAY_OF_YEAR HOUR MINUTE SECOND"
    path.with_suffix(".LBL").write_text(label_text(names.split()))
    series = read_mag(path)
    np.testing.assert_allclose(series.field, [[10, 20, 30]])
    np.testing.assert_allclose(series.position, [[100, 200, 300]])


def test_a_label_without_the_field_is_refused(tmp_path):
    path = tmp_path / "MAGRTNSCIAVG11362_60_V08.TAB"
    path.write_text(ROWS)
    path.with_suffix(".LBL").write_text(label_text(["YEAR", "DAY_OF_YEAR", "HOUR"]))
    with pytest.raises(SourceError, match="describes no column"):
        read_mag(path)


def test_columns_of_several_items_are_counted_one_by_one():
    text = label_text(["TIME"]) + (
        'OBJECT = COLUMN\n NAME = "POS"\n ITEMS = 3\nEND_OBJECT = COLUMN\n' + label_text(["BX"])
    )
    assert label_columns(text) == ["TIME", "POS_1", "POS_2", "POS_3", "BX"]


@settings(max_examples=25, deadline=None)
@given(
    start=st.integers(1_300_000_000, 1_430_000_000),
    places=st.lists(st.tuples(*[st.floats(-17, 17)] * 3), min_size=1, max_size=12),
)
def test_an_orbit_that_is_written_comes_back(tmp_path_factory, start, places):
    path = tmp_path_factory.mktemp("orbits") / "orbit_00.csv"
    position = (np.array(places) * 1000).astype(np.float32)
    field = position[:, ::-1] / 50
    regions = (np.arange(len(places)) % 5 + 1).astype(np.int8)
    write_csv(MagSeries(start, field, position), regions, path)
    series, types = read_labelled(path)
    assert series.first == start
    np.testing.assert_allclose(series.position, position, atol=0.6)  # four digits of 2440 km
    np.testing.assert_allclose(series.field, field, atol=0.002)
    np.testing.assert_array_equal(types, regions)


def test_files_of_a_folder_make_one_series_whatever_they_are_called(tmp_path):
    for name, first in (("orbit_b.csv.gz", 100), ("orbit_a.csv", 103)):
        rows = [f"{np.datetime64(first + each, 's')},1,2,3,{first + each},0,0" for each in range(2)]
        text = "time,ephx,ephy,ephz,magx,magy,magz\n" + "\n".join(rows) + "\n"
        opened = gzip.open if name.endswith("gz") else open
        with opened(tmp_path / name, "wt") as file:
            file.write(text)
    (tmp_path / "notes.csv").write_text("nothing\n")
    assert [each.name for each in data_files(tmp_path)] == ["orbit_a.csv", "orbit_b.csv.gz"]
    series = read_mag(tmp_path)
    strength = np.linalg.norm(series.field, axis=1)
    np.testing.assert_allclose(strength, [100, 101, np.nan, 103, 104], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("orbit.csv", "time,ephx\n2012-01-01,1\n", "lacks the columns"),
        ("orbit.csv", "time,ephx,ephy,ephz,magx,magy,magz\nsoon,1,2,3,4,5,6\n", "cannot be read"),
        ("a.TAB", "2011 362 twelve 0 0 0 0 1 2 3 4 5 6\n", "cannot be read"),
        ("a.TAB", "", "cannot be read"),
    ],
)
def test_files_that_are_something_else_are_refused(tmp_path, name, text, complaint):
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match=complaint):
        read_mag(tmp_path / name)


def test_a_path_without_data_is_refused(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        read_mag(tmp_path / "nowhere")
    with pytest.raises(SourceError, match="holds no file"):
        read_mag(tmp_path)


def test_the_digest_knows_measurements_but_not_where_the_series_was_cut():
    random = np.random.default_rng(3)
    series = MagSeries(
        1000, random.normal(size=(500, 3)).astype("f4"), random.normal(size=(500, 3)).astype("f4")
    )
    inner = series.between(1100, 1400)
    assert inner.digest(inner.extent) == series.digest(inner.extent)
    changed = series.field.copy()
    changed[200, 1] += 0.01
    assert MagSeries(1000, changed, series.position).digest(inner.extent) != series.digest(
        inner.extent
    )
    assert to_seconds(series.extent.stop) == 1500


# Lists ------------------------------------------------------------------------------------------


def test_intervals_whose_ends_are_exchanged_are_put_in_order():
    found = make_crossings(
        np.array(["2012-01-01T00:10:05", "2012-01-01T00:00:00"], "datetime64[s]"),
        np.array(["2012-01-01T00:10:00", "2012-01-01T00:05:00"], "datetime64[s]"),
        ["mp_in", "bs_in"],
    )
    assert [KINDS[each] for each in found.kind] == ["bs_in", "mp_in"]
    assert (found.end >= found.start).all()
    assert found.end[1] - found.start[1] == 5


def test_the_edges_of_philpott_become_intervals_of_their_orbit(tmp_path):
    path = tmp_path / "philpott.csv"
    rows = [
        "Boundary number,Yr_pass,Day_orbit,Hour,Minute,Second,Orbit_number,"
        "X_MSO (km),Y_MSO (km),Z_MSO (km)",
        *(
            f"{number},2012,1,{hour},{minute},0.5,700,0,0,0"
            for number, hour, minute in [
                (1, 1, 0),
                (2, 1, 5),
                (3, 1, 30),
                (4, 1, 32),
                (5, 3, 0),
                (6, 3, 1),
                (7, 3, 40),
                (8, 3, 50),
                (9, 9, 0),
            ]
        ),
    ]
    path.write_text("\ufeff" + "\n".join(rows) + "\n", encoding="utf-8")
    found = read_crossings(path)
    assert [KINDS[each] for each in found.kind] == ["bs_in", "mp_in", "mp_out", "bs_out"]
    np.testing.assert_allclose(found.end - found.start, [300, 120, 60, 600])
    first = np.datetime64("2012-01-01T01:00:00.5", "ms").astype(np.int64) / 1000
    assert found.start[0] == first


def test_a_list_of_pymess_keeps_its_positions_and_gets_identifiers(tmp_path):
    path = tmp_path / "MessBS.dat"
    path.write_text(
        "Date0 ut0 Date1 ut1 DateMid utMid ctype x y z xo yo zo xi yi zi source\n"
        "20110324 23.5 20110325 0.5 20110325 0.0 o 1.5 1.0 -6.0 2.0 2.0 -6.5 1.0 0.0 -5.5 w\n"
    )
    table = read_pymess([path])
    row = table.iloc[0]
    assert row["crossing_id"] == "MESS_BS_out_20110324T233000"
    assert (row["x_min"], row["x_max"], row["z_min"], row["z_max"]) == (1.0, 2.0, -6.5, -5.5)
    found = read_crossings(path)
    assert KINDS[found.kind[0]] == "bs_out"
    assert found.end[0] - found.start[0] == 3600


def test_a_file_that_is_no_list_is_refused(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(LabelError, match="no list of crossings"):
        read_crossings(path)
    with pytest.raises(LabelError, match="cannot be read"):
        read_crossings(tmp_path / "absent.csv")


def test_the_real_files_are_what_their_manifest_says(mercury_data):
    series, types = read_labelled(mercury_data / "messenger_mag_orbits")
    assert series.extent.start.isoformat() == "2011-12-27T18:34:24"
    strength = np.linalg.norm(series.field, axis=1)
    medians = [float(np.nanmedian(strength[types == each])) for each in (1, 2, 3)]
    assert 60 < medians[0] < 80
    assert 35 < medians[1] < 50
    assert 15 < medians[2] < 25
    sun = read_crossings(mercury_data / "sun2023_messenger_boundaries_with_ephemeris.csv")
    assert [int((sun.kind == each).sum()) for each in range(4)] == [4026, 4050, 4050, 4043]
    philpott = read_crossings(mercury_data / "philpott2020_messenger_crossings.csv")
    assert len(philpott) > 16000


def test_positions_of_real_orbits_in_mso_agree_with_those_of_philpott(mercury_data):
    series = read_mag(mercury_data / "messenger_mag_orbits")
    table = pd.read_csv(
        mercury_data / "philpott2020_crossings_in_13orbits_span.csv", parse_dates=["time"]
    )
    seconds = table["time"].to_numpy("datetime64[s]").astype(np.int64) - series.first
    inside = (seconds >= 0) & (seconds < len(series))
    ours = series.position[seconds[inside]]
    theirs = table[["X_MSO (km)", "Y_MSO (km)", "Z_MSO (km)"]].to_numpy()[inside]
    known = np.isfinite(ours).all(axis=1)
    assert known.sum() > 60
    distance = np.linalg.norm(ours[known] - theirs[known], axis=1)
    assert np.median(distance) < 20  # km; the orbits' CSV has 2.4 km steps and another angle


def test_the_list_of_pymess_is_in_msm_without_aberration(mercury_data):
    table = read_pymess([mercury_data / "pymess_MessBS.dat", mercury_data / "pymess_MessMP.dat"])
    assert len(table) == 16144
    assert table["crossing_id"].is_unique
    philpott = pd.read_csv(
        mercury_data / "philpott2020_messenger_crossings.csv", encoding="utf-8-sig"
    )
    days = pd.to_datetime(philpott["Yr_pass"].astype(int).astype(str)) + pd.to_timedelta(
        philpott["Day_orbit"] - 1, unit="D"
    )
    times = days + pd.to_timedelta(
        philpott["Hour"] * 3600 + philpott["Minute"] * 60 + philpott["Second"], unit="s"
    )
    philpott = philpott.assign(time=times.astype("datetime64[us]")).sort_values("time")
    # Of outbound bow shocks the later end is the outer edge: largest distance.
    mine = table[(table["boundary"] == "bow_shock") & (table["direction"] == "out")]
    mine = mine.assign(end_time=mine["end_time"].astype("datetime64[us]")).sort_values("end_time")
    raw = pd.read_csv(mercury_data / "pymess_MessBS.dat", sep=r"\s+")
    outer = raw[raw["ctype"] == "o"].reset_index(drop=True)
    mine = mine.reset_index(drop=True).assign(x=outer["xo"], y=outer["yo"], z=outer["zo"])
    both = pd.merge_asof(
        mine[["end_time", "x", "y", "z"]],
        philpott[["time", "X_MSO (km)", "Y_MSO (km)", "Z_MSO (km)"]],
        left_on="end_time",
        right_on="time",
        direction="nearest",
        tolerance=pd.Timedelta("4s"),
    ).dropna()
    assert len(both) > 1000
    assert (both["z"] * 2439.7 - both["Z_MSO (km)"]).median() == pytest.approx(-484, abs=2)
    angle = np.degrees(
        np.arctan2(both["y"], both["x"]) - np.arctan2(both["Y_MSO (km)"], both["X_MSO (km)"])
    )
    assert abs(((angle + 180) % 360 - 180).median()) < 0.02
