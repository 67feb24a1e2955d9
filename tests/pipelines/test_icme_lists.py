"""Lists of ejections: reading them, and how far they agree."""

from __future__ import annotations

import pandas as pd
import pytest

from pipelines.errors import LabelError
from pipelines.icme.labels import (
    BACKGROUND,
    FAST_SIDE,
    INTERACTION,
    NO_EJECTION,
    OBSTACLE,
    SLOW_SIDE,
    label_regions,
    read_regions,
)
from pipelines.icme.lists import agreement, agreement_table, read_richardson_cane
from pipelines.signals.events import REGION_COLUMNS, TRUTH_COLUMNS

PAGE = """<table><tr><td><b>Disturbance</b></td><td>Start</td><td>End</td></tr>
<tr><td>2019/05/10 1754 </td><td> 2019/05/11 0600 </td><td> 2019/05/13 0700 </td></tr>
<TR><td>
2019/05/13 2326 W</td><td>2019/05/14 0600</td><td>2019/05/15 1600</td><td>...</td></tr></table>"""


def events(*rows: tuple[str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(TRUTH_COLUMNS))
    return frame.apply(pd.to_datetime, format="ISO8601").astype("datetime64[us]")


def test_the_page_of_richardson_and_cane_is_read_without_its_header(tmp_path):
    path = tmp_path / "list.htm"
    path.write_text(PAGE)
    labels = read_richardson_cane(path)
    assert len(labels) == 2
    assert labels.icme_start_time[0] == pd.Timestamp("2019-05-10T17:54")
    assert labels.mo_start_time[1] == pd.Timestamp("2019-05-14T06:00")


def test_a_page_without_events_is_refused(tmp_path):
    path = tmp_path / "list.htm"
    path.write_text("<html></html>")
    with pytest.raises(LabelError, match="no event"):
        read_richardson_cane(path)
    with pytest.raises(LabelError, match="cannot be read"):
        read_richardson_cane(tmp_path / "none.htm")


def test_agreement_is_counted_over_the_time_that_both_lists_cover():
    long = events(
        ("2000-01-01", "2000-01-01", "2000-01-02"),
        ("2001-01-01", "2001-01-01", "2001-01-03"),
        ("2001-06-01", "2001-06-01", "2001-06-02"),
        ("2009-01-01", "2009-01-01", "2009-01-02"),
    )
    short = events(
        ("2001-01-01T12:00", "2001-01-02", "2001-01-02"),
        ("2002-01-01", "2002-01-01", "2002-01-02"),
    )
    compared = {(each.rows, each.columns): each for each in agreement({"a": long, "b": short})}
    assert (compared["a", "b"].events, compared["a", "b"].found) == (1, 0)
    assert (compared["b", "a"].events, compared["b", "a"].found) == (2, 1)
    strict = {(each.rows, each.columns): each for each in agreement({"a": long, "b": short}, 0.51)}
    assert strict["b", "a"].found == 1
    lines = agreement_table(list(compared.values()))
    assert "1 of 2 (50 %)" in lines[-1]


def test_a_list_of_regions_is_read_in_all_spellings(tmp_path):
    rows = "2013-01-10T00:00Z,2013-01-10T12:00Z,2013-01-11T00:00Z\n"
    for number, header in enumerate(
        (
            "sir_start_time,interface_time,sir_end_time",
            "sir_start,pmax_time,sir_end",
            "start,interface,end",
        )
    ):
        path = tmp_path / f"{number}.csv"
        path.write_text(f"{header}\n{rows}")
        regions = read_regions(path)
        assert list(regions.columns) == list(REGION_COLUMNS)
        assert regions.interface_time[0] == pd.Timestamp("2013-01-10T12:00")


def test_an_interface_outside_of_its_region_is_unknown_and_wrong_lists_are_refused(tmp_path):
    path = tmp_path / "regions.csv"
    path.write_text("start,interface,end\n2013-01-10,2013-01-09,2013-01-11\n")
    assert read_regions(path).interface_time.isna().all()
    path.write_text("start,interface,end\n2013-01-10,2013-01-09,2013-01-08\n")
    with pytest.raises(LabelError, match="not in order"):
        read_regions(path)
    path.write_text("when\n2013-01-10\n")
    with pytest.raises(LabelError, match="interaction regions has"):
        read_regions(path)


def test_samples_belong_to_the_ejection_where_both_lists_claim_them(simulated_year):
    series = simulated_year.series
    at = [pd.Timestamp(each) for each in series.time[[100, 150, 200, 180, 190, 260]]]
    regions = pd.DataFrame([at[:3]], columns=list(REGION_COLUMNS)).astype("datetime64[us]")
    ejections = pd.DataFrame([at[3:]], columns=list(TRUTH_COLUMNS)).astype("datetime64[us]")
    codes = label_regions(ejections, regions, series, complete=True)
    assert codes[[99, 100, 149, 150, 179]].tolist() == [
        BACKGROUND,
        SLOW_SIDE,
        SLOW_SIDE,
        FAST_SIDE,
        FAST_SIDE,
    ]
    assert codes[195] == OBSTACLE
    assert codes[259] == OBSTACLE
    open_ended = label_regions(ejections, None, series, complete=False)
    assert open_ended[50] == NO_EJECTION
    unknown = regions.assign(interface_time=pd.NaT).astype("datetime64[us]")
    assert label_regions(ejections, unknown, series, complete=True)[120] == INTERACTION
