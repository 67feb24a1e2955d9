"""The statistics of ICMECAT, its identifiers, and how far both agree."""

from __future__ import annotations

import http.server
import math
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipelines.errors import LabelError
from pipelines.icme.catalogue import COLUMNS, build_frame
from pipelines.icme.comparison import compare, measured_in_list, table
from pipelines.icme.decide import Detections
from pipelines.icme.icmecat import match, read_icmecat
from pipelines.icme.statistics import ICMECAT_COLUMNS
from pipelines.sources.files import read_insitu
from pipelines.sources.insitu import CHANNELS, KM_PER_AU, InSituSeries
from pipelines.sources.spacecraft import find_spacecraft

SCHEMA = Path(__file__).resolve().parents[2] / "schema"

LIST = """,icmecat_id,sc_insitu,icme_start_time,mo_start_time,mo_end_time
0,ICME_Wind_NASA_20190510_01,Wind,2019-05-10T10:00Z,2019-05-10T15:00Z,2019-05-11T10:00Z
1,ICME_STEREO_B_JIAN_20190510_01,STEREO-B,2019-05-10T10:00Z,2019-05-10T15:00Z,2019-05-11T16:00Z
2,ICME_BEPI_MOESTL_20190510_01,BepiColombo,2019-05-10T10:00Z,2019-05-10T10:00Z,2019-05-11T16:00Z
"""


def steps(**channels: np.ndarray) -> InSituSeries:
    """Fifty hours from 2019-05-10; constant but for the channels given."""
    values = {"bx": 3.0, "by": 0.0, "bz": -4.0, "bt": 5.0, "vt": 400.0, "np": 5.0, "tp": 1e5}
    data = pd.DataFrame({name: np.full(300, values[name]) for name in CHANNELS})
    for name, column in channels.items():
        data[name] = column
    start = np.datetime64("2019-05-10T00:00:00", "us")
    return InSituSeries(find_spacecraft("Wind"), start, data, "steps", "MFI#SWE")


def row_of(series: InSituSeries, first: int, obstacle: int, end: int, **options) -> pd.Series:
    detections = Detections(np.array([[first, end]]), np.array([obstacle]), np.array([0.8]))
    frame = build_frame(series, detections, model="m", version="1", digest="abc", **options)
    return frame.iloc[0]


@pytest.fixture
def listed(tmp_path) -> Path:
    path = tmp_path / "icmecat.csv"
    path.write_text(LIST)
    return path


def test_every_part_is_measured_in_its_own_samples():
    number = np.arange(300)
    speed = np.where(number < 90, 500.0, 450.0 - (number - 90))
    field = np.where(number < 90, 10.0, np.where(number % 2, 20.0, 16.0))
    row = row_of(steps(vt=speed, bt=field, np=np.where(number < 90, 20.0, 4.0)), 60, 90, 240)
    assert (row.icme_duration, row.mo_duration) == (30, 25)
    assert (row.icme_bmax, row.mo_bmax, row.mo_bmean, row.mo_bstd) == (20, 20, 18, 2)
    assert row.icme_bmean == pytest.approx((30 * 10 + 150 * 18) / 180)
    assert (row.sheath_speed_mean, row.sheath_speed_std) == (500, 0)
    assert (row.sheath_density_mean, row.mo_density_mean) == (20, 4)
    assert row.mo_speed_mean == pytest.approx(450 - 149 / 2)
    assert row.mo_speed_std == pytest.approx(math.sqrt((150**2 - 1) / 12))
    assert row.mo_expansion_speed == pytest.approx(149 / 2)
    assert (row.mo_bzmean, row.mo_bzmin, row.mo_bzstd, row.mo_bymean) == (-4, -4, 0, 0)
    assert row.sheath_pdyn_mean == pytest.approx(1.67262192e-27 * 20e6 * (5e5) ** 2 * 1e9)
    assert row.mo_temperature_mean == 1e5
    # The columns with names of their own say the same.
    assert (row.bmax, row.bmean, row.duration_h) == (row.icme_bmax, row.icme_bmean, 30)


def test_the_place_is_that_at_the_start_of_the_obstacle():
    angle = np.radians(np.linspace(0, 30, 300))
    series = steps(
        x_heeq=0.9 * np.cos(angle) * KM_PER_AU,
        y_heeq=0.9 * np.sin(angle) * KM_PER_AU,
        z_heeq=np.zeros(300),
    )
    row = row_of(series, 60, 90, 240)
    assert row.mo_sc_heliodistance == pytest.approx(0.9)
    assert row.mo_sc_long_heeq == pytest.approx(30 * 90 / 299)
    assert row.mo_sc_lat_heeq == pytest.approx(0)


def test_an_event_without_sheath_or_without_obstacle_has_no_statistics_of_them():
    alone = row_of(steps(), 60, 60, 240)
    assert np.isnan(alone.sheath_speed_mean)
    assert alone.mo_bmean == 5
    open_ended = row_of(steps(), 60, -1, 240)
    names = [each.name for each in ICMECAT_COLUMNS if each.name.startswith(("mo_", "sheath_"))]
    assert open_ended[names].isna().all()
    assert open_ended.icme_bmean == 5


def test_gaps_are_left_out_and_an_expansion_over_a_gap_is_unknown():
    speed = np.linspace(500, 400, 300)
    speed[90:94] = np.nan
    assert row_of(steps(vt=speed), 60, 90, 240).mo_expansion_speed > 0
    speed[90:100] = np.nan
    row = row_of(steps(vt=speed), 60, 90, 240)
    assert np.isnan(row.mo_expansion_speed)
    assert np.isfinite(row.mo_speed_mean)
    assert np.isnan(row_of(steps(tp=np.full(300, np.nan)), 60, 90, 240).mo_temperature_mean)


def test_a_spacecraft_without_any_position_has_rows_without_it():
    series = steps()
    far = InSituSeries(find_spacecraft("PSP"), series.start, series.data, "near the Sun", "")
    row = row_of(far, 60, 90, 240)
    assert np.isnan([row.mo_sc_heliodistance, row.x_heeq_min, row.sun_distance_max]).all()
    assert row.mo_bmean == 5


def test_the_event_of_icmecat_that_overlaps_is_named_with_how_well_it_fits(listed):
    row = row_of(steps(), 60, 90, 240, icmecat=read_icmecat(listed))
    # 24 hours of ICMECAT, 30 detected, 24 common.
    assert row.icmecat_id == "ICME_Wind_NASA_20190510_01"
    assert row.icmecat_overlap == pytest.approx(24 / 30)
    none = row_of(steps(), 220, 230, 290, icmecat=read_icmecat(listed))
    assert pd.isna(none.icmecat_id)
    assert np.isnan(none.icmecat_overlap)
    unasked = row_of(steps(), 60, 90, 240)
    assert pd.isna(unasked.icmecat_id)


def test_the_better_of_two_events_is_named():
    time = partial(pd.to_datetime, format="ISO8601")
    listed = pd.DataFrame(
        {
            "icmecat_id": ["a", "b"],
            "icme_start_time": time(["2019-05-10", "2019-05-11"]),
            "mo_end_time": time(["2019-05-11", "2019-05-13"]),
        }
    )
    found = pd.DataFrame(
        {
            "icme_start_time": time(["2019-05-10T18:00", "2019-06-01"]),
            "icme_end_time": time(["2019-05-12T00:00", "2019-06-02"]),
        }
    )
    matches = match(found, listed)
    assert matches.icmecat_id[0] == "b"
    assert matches.icmecat_overlap[0] == pytest.approx(24 / 54)
    assert matches.icmecat_id.isna().tolist() == [False, True]
    assert len(match(found[:0], listed)) == 0


def test_the_list_may_be_at_an_address(listed):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(listed.parent))

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        assert read_icmecat(f"{address}/icmecat.csv").digest == read_icmecat(listed).digest
        with pytest.raises(LabelError, match=r"nothing\.csv cannot be read: 404"):
            read_icmecat(f"{address}/nothing.csv")
        server.shutdown()


def test_a_list_that_is_none_is_refused(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("start,end\n")
    with pytest.raises(LabelError, match="no column icmecat_id, sc_insitu"):
        read_icmecat(path)
    path.write_text(LIST.replace("2019-05-10T15:00Z", "soon", 1))
    with pytest.raises(LabelError, match="line 2, column mo_start_time: 'soon' is no time"):
        read_icmecat(path)
    with pytest.raises(LabelError, match="cannot be read"):
        read_icmecat(tmp_path / "none.csv")


def test_a_run_that_was_given_the_list_depends_on_it(listed):
    pytest.importorskip("torch")
    from pipelines.icme import pipeline

    assert pipeline.state(icmecat=listed) != pipeline.state()
    known = pipeline.state(icmecat=listed)
    listed.write_text(LIST.replace("NASA", "WEILER"))
    assert pipeline.state(icmecat=listed) != known


def test_the_description_of_the_catalogue_has_the_columns_of_icmecat_in_their_units():
    described = {
        each["name"]: each for each in yaml.safe_load((SCHEMA / "icme.yaml").read_text())["columns"]
    }
    reference = {
        each["name"]: each
        for each in yaml.safe_load((SCHEMA / "icmecat.yaml").read_text())["columns"]
    }
    for column in ICMECAT_COLUMNS:
        assert described[column.name]["unit"] == column.unit, column.name
        assert described[column.name]["from"]["column"].removesuffix("_h") == column.name
        if column.name in reference:
            for key in ("ucd", "unit"):
                assert described[column.name][key] == reference[column.name][key], column.name
    native = {column.name for column in COLUMNS}
    assert {each.get("from", {}).get("column", name) for name, each in described.items()} <= native


def test_all_columns_of_the_real_list_are_there_under_some_name(real_data):
    theirs = set(read_icmecat(real_data / "HELIO4CAST_ICMECAT_v22.csv").events.columns)
    ours = {each.name for each in COLUMNS}
    # Times and spacecraft have a place of their own in the catalogue.
    assert theirs - ours == {"Unnamed: 0", "sc_insitu", "mo_end_time"}


def test_in_the_intervals_of_icmecat_its_statistics_are_measured_again(real_data):
    listed = read_icmecat(real_data / "HELIO4CAST_ICMECAT_v22.csv")
    series = read_insitu(real_data / "insitu_stereob_2013_2014_10min.csv.gz")
    frame = measured_in_list(series, listed)
    assert len(frame) > 40
    differences = {each.column: each for each in compare(frame, listed.events)}
    for name in ("icme_bmean", "icme_speed_mean", "mo_bmean", "mo_speed_mean", "mo_density_mean",
                 "mo_temperature_mean", "sheath_speed_mean", "mo_sc_heliodistance"):  # fmt: skip
        assert differences[name].relative < 0.02, name
    # Extremes of means over ten minutes are less than those of the minutes of ICMECAT.
    assert -0.1 < differences["icme_bmax"].bias < 0
    assert max(each.relative for each in differences.values()) < 0.35
    lines = table(list(differences.values()), list(differences.values()))
    assert len(lines) == len(ICMECAT_COLUMNS) + 2
