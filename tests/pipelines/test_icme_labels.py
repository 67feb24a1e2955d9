"""Lists of ejections in their several spellings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.errors import LabelError
from pipelines.icme.labels import (
    BACKGROUND,
    OBSTACLE,
    SHEATH,
    add_obstacles,
    label_classes,
    label_intervals,
    read_labels,
)
from pipelines.sources.insitu import CHANNELS, InSituSeries
from pipelines.sources.spacecraft import find_spacecraft


def series(samples: int = 100) -> InSituSeries:
    data = pd.DataFrame(np.ones((samples, len(CHANNELS))), columns=list(CHANNELS))
    start = np.datetime64("2020-01-01", "us")
    return InSituSeries(find_spacecraft("Wind"), start, data, "ones", "MFI#SWE")


def write(folder, text):
    path = folder / "labels.csv"
    path.write_text(text)
    return path


def test_interval_lists_have_no_obstacles(tmp_path):
    labels = read_labels(write(tmp_path, "start,end\n2020-01-01 02:00:00,2020-01-01 05:00:00\n"))
    assert labels.mo_start_time.isna().all()
    assert label_intervals(labels, series()).tolist() == [[12, 30]]


def test_two_formats_of_time_in_one_list_are_understood(tmp_path):
    labels = read_labels(
        write(
            tmp_path,
            "begin,end\n2020/01/02 03:00,2020/01/02 05:00\n2020-01-01T02:00Z,2020-01-01T05:00Z\n",
        )
    )
    assert labels.icme_start_time.dt.day.tolist() == [1, 2], "and put in order"


def test_of_a_list_of_many_spacecraft_only_the_one_asked_for_is_taken(tmp_path):
    text = (
        "sc_insitu,icme_start_time,mo_start_time,mo_end_time\n"
        "Wind,2020-01-01T01:00Z,2020-01-01T02:00Z,2020-01-01T05:00Z\n"
        "STEREO-A,2020-01-01T07:00Z,2020-01-01T07:00Z,2020-01-01T09:00Z\n"
        "MESSENGER,2020-01-01T07:00Z,2020-01-01T07:00Z,2020-01-01T09:00Z\n"
    )
    labels = read_labels(write(tmp_path, text), "Wind")
    classes = label_classes(labels, series())
    assert len(labels) == 1
    assert classes[5] == BACKGROUND
    assert (classes[6:12] == SHEATH).all()
    assert (classes[12:30] == OBSTACLE).all()
    assert classes[30] == BACKGROUND


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from,to\n1,2\n", "has the columns from, to"),
        ("start,end\nsoon,2020-01-01\n", "line 2, column start: 'soon'"),
        ("start,end\n2020-01-02,2020-01-01\n", "line 2"),
        ("start,end\n2020-01-02,\n", "line 2"),
    ],
)
def test_wrong_lists_are_refused_with_the_place(tmp_path, text, told):
    with pytest.raises(LabelError) as caught:
        read_labels(write(tmp_path, text))
    assert told in str(caught.value)


def test_an_obstacle_that_starts_outside_its_event_is_unknown(tmp_path):
    text = (
        "start,mo_start,end\n"
        "2020-01-01T11:02Z,2020-01-01T10:48Z,2020-01-02T07:10Z\n"
        "2020-01-03T11:02Z,2020-01-03T12:00Z,2020-01-04T07:10Z\n"
    )
    assert read_labels(write(tmp_path, text)).mo_start_time.isna().tolist() == [True, False]


def test_the_events_of_every_spacecraft_of_the_catalogue_can_be_read(real_data):
    for craft, least in (("Wind", 400), ("STEREO-A", 250), ("STEREO-B", 140)):
        assert len(read_labels(real_data / "HELIO4CAST_ICMECAT_v22.csv", craft)) > least


def test_a_missing_list_is_told(tmp_path):
    with pytest.raises(LabelError, match="does not exist"):
        read_labels(tmp_path / "none.csv")


def test_obstacles_are_filled_from_the_catalogued_event_that_overlaps_most(real_data):
    labels = read_labels(real_data / "label_intervals_stereob_2013_2014.csv")
    filled = add_obstacles(
        labels, read_labels(real_data / "HELIO4CAST_ICMECAT_v22.csv", "STEREO-B")
    )
    assert labels.mo_start_time.isna().all()
    assert filled.mo_start_time.notna().all()
    assert (filled.mo_start_time >= filled.icme_start_time).all()
    assert (filled.mo_start_time < filled.mo_end_time).all()
    assert (filled.mo_start_time > filled.icme_start_time).sum() > 15, "sheaths are there"


def test_events_outside_the_series_are_left_out_but_not_cut_at_its_ends():
    times = [
        ("2019-12-30", "2019-12-31"),
        ("2019-12-31", "2020-01-01T01:00"),
        ("2021-01-01", "2021-01-02"),
    ]
    labels = pd.DataFrame(
        [(start, pd.NaT, end) for start, end in times],
        columns=["icme_start_time", "mo_start_time", "mo_end_time"],
    ).astype("datetime64[us]")
    assert label_intervals(labels, series()).tolist() == [[-144, 6]]
