"""What is done to measurements before they are used: sorted, freed of spikes, counted, told."""

from __future__ import annotations

import json
import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.sources.channels import require_channels, what_remains
from pipelines.sources.files import read_insitu
from pipelines.sources.grid import cadences_of
from pipelines.sources.insitu import CHANNELS
from pipelines.sources.spikes import FIELD_JUMPS, PLASMA_JUMPS, find_spikes

START = np.datetime64("2019-05-10T00:00:00")


def times(count: int, seconds: int = 60) -> np.ndarray:
    return START + np.arange(count) * np.timedelta64(seconds, "s")


def wind(count: int, seconds: int = 60) -> pd.DataFrame:
    """Steady wind with a little noise, one row a sample."""
    random = np.random.default_rng(5)
    noise = random.normal(size=(3, count))
    field = np.array([[3.0], [-4.0], [0.5]]) + 0.3 * noise
    return pd.DataFrame(
        {
            "time": np.datetime_as_string(times(count, seconds), unit="s"),
            "bx": field[0],
            "by": field[1],
            "bz": field[2],
            "bt": np.sqrt((field**2).sum(axis=0)),
            "vt": 400 + 3 * random.normal(size=count),
            "np": 5 * np.exp(0.05 * random.normal(size=count)),
            "tp": 8e4 * np.exp(0.05 * random.normal(size=count)),
        }
    )


def read(folder, frame: pd.DataFrame, name: str = "wind.csv"):
    path = folder / name
    frame.to_csv(path, index=False)
    return read_insitu(path)


def test_clean_data_are_told_nothing_about(tmp_path, caplog):
    series = read(tmp_path, wind(120))
    assert list(series.cleaning.told()) == []
    assert series.cleaning.samples == 120
    assert caplog.records == []


@pytest.mark.parametrize(
    ("channel", "value", "kind"),
    [
        ("bx", 60.0, "spikes_field"),
        ("bz", -45.0, "spikes_field"),
        ("vt", 900.0, "spikes_plasma"),
        ("vt", 150.0, "spikes_plasma"),
        ("np", 80.0, "spikes_plasma"),
        ("tp", 3e6, "spikes_plasma"),
    ],
)
def test_a_single_sample_that_jumps_out_and_back_becomes_a_gap_and_is_counted(
    tmp_path, caplog, channel, value, kind
):
    frame = wind(60, seconds=600)
    frame.loc[30, channel] = value
    with caplog.at_level(logging.WARNING):
        series = read(tmp_path, frame)
    assert getattr(series.cleaning, kind) == 1
    assert series.cleaning.spikes_field + series.cleaning.spikes_plasma == 1
    # Of the instrument that failed nothing is left, of the other everything.
    lost = {"bx", "by", "bz", "bt"} if kind == "spikes_field" else {"vt", "np", "tp"}
    assert {name for name in CHANNELS if np.isnan(series.channel(name)[30])} == lost
    assert all(np.isfinite(series.channel(name)[[29, 31]]).all() for name in CHANNELS)
    assert "spikes of the" in caplog.text
    assert "wind.csv" in caplog.text


def test_a_spike_in_fast_samples_does_not_spoil_the_mean_of_its_bin(tmp_path):
    frame = wind(120)
    frame.loc[34, "vt"] = 2500.0
    assert read(tmp_path, frame).channel("vt")[3] == pytest.approx(400, abs=5)


def test_a_shock_a_gap_and_a_magnetic_hole_are_no_spikes():
    frame = wind(120, seconds=600)
    at = times(120, 600)
    shock = {name: frame[name].to_numpy().copy() for name in CHANNELS}
    shock["vt"][60:] += 350
    shock["np"][60:] *= 3.5
    for name in ("bx", "by", "bz", "bt"):
        shock[name][60:] *= 6
    assert not find_spikes(at, shock, FIELD_JUMPS).any()
    assert not find_spikes(at, shock, PLASMA_JUMPS).any()
    hole = {name: frame[name].to_numpy().copy() for name in CHANNELS}
    for name in ("bx", "by", "bz", "bt"):
        hole[name][60] *= 0.05
    assert not find_spikes(at, hole, FIELD_JUMPS).any()
    alone = {name: frame[name].to_numpy().copy() for name in CHANNELS}
    alone["vt"][50:60] = alone["vt"][61:71] = np.nan
    alone["vt"][60] = 900  # with nothing near there is nothing that it jumps out of
    assert not find_spikes(at, alone, PLASMA_JUMPS).any()


def test_whether_a_sample_is_a_spike_depends_on_the_hour_around_it_alone():
    frame = wind(400, seconds=300)
    channels = {name: frame[name].to_numpy().copy() for name in CHANNELS}
    channels["bx"][200] = 60.0
    channels["vt"][[100, 300]] = 900.0
    at = times(400, 300)
    everything = find_spikes(at, channels, FIELD_JUMPS | PLASMA_JUMPS)
    assert np.flatnonzero(everything).tolist() == [100, 200, 300]
    part = {name: values[188:213] for name, values in channels.items()}
    assert find_spikes(at[188:213], part, FIELD_JUMPS | PLASMA_JUMPS).tolist() == list(
        everything[188:213]
    )


@pytest.mark.parametrize(
    "file_name", ["insitu_wind_2019_10min.csv.gz", "insitu_stereob_2013_2014_10min.csv.gz"]
)
def test_series_that_their_authors_cleaned_lose_nothing_and_spikes_put_in_are_found(
    real_data, file_name
):
    series = read_insitu(real_data / file_name)
    assert series.cleaning.spikes_field == series.cleaning.spikes_plasma == 0
    assert [each.seconds for each in series.cleaning.cadences] == [600]
    random = np.random.default_rng(1)
    at = random.choice(np.arange(10, len(series) - 10, 10), 300, replace=False)
    channels = {name: series.channel(name).copy() for name in CHANNELS}
    channels["bx"][at] += 40.0
    channels["vt"][at] *= 2.0
    for name, jumps in (("bx", FIELD_JUMPS), ("vt", PLASMA_JUMPS)):
        found = find_spikes(series.time, channels, jumps)
        there = at[np.isfinite(channels[name][at])]
        assert found[there].mean() > 0.9
        assert found.sum() == found[there].sum()


def test_rows_out_of_order_are_sorted_and_counted(tmp_path):
    frame = wind(60, seconds=600)
    mixed = pd.concat([frame[20:], frame[:20]])
    series = read(tmp_path, mixed)
    assert series.cleaning.unordered == 1
    assert series.sha256() == read(tmp_path, frame).sha256()
    assert list(series.cleaning.told()) == ["samples out of order of time, sorted: 1"]


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(list(range(12))))
def test_the_order_of_the_rows_does_not_matter(tmp_path_factory, order):
    frame = wind(12, seconds=600)
    folder = tmp_path_factory.mktemp("order")
    assert read(folder, frame.iloc[order]).sha256() == read(folder, frame).sha256()


def test_rows_that_are_there_twice_are_left_out_and_counted(tmp_path):
    frame = wind(60, seconds=600)
    frame.loc[10, "np"] = np.nan
    series = read(tmp_path, pd.concat([frame, frame[5:15]]))
    assert series.cleaning.repeated == 10
    assert series.sha256() == read(tmp_path, frame).sha256()


def test_rows_of_one_time_that_contradict_one_another_are_refused_by_line(tmp_path):
    frame = wind(60, seconds=600)
    other = frame[10:11].assign(vt=555.0)
    with pytest.raises(SourceError, match=r"line 62, column time: 2019-05-10T01:40:00 repeats"):
        read(tmp_path, pd.concat([frame, other]))


def test_a_cadence_that_changes_is_told_and_both_parts_are_averaged(tmp_path):
    fast, slow = wind(600), wind(36, seconds=600)
    slow["time"] = np.datetime_as_string(times(36, 600) + np.timedelta64(600, "m"), unit="s")
    series = read(tmp_path, pd.concat([fast, slow]))
    assert [each.seconds for each in series.cleaning.cadences] == [60, 600]
    assert any("60 s (94 %), 600 s (6 %)" in told for told in series.cleaning.told())
    assert len(series) == 96
    assert series.channel("vt")[5] == pytest.approx(fast.vt[50:60].mean(), rel=1e-12)
    assert series.channel("vt")[70] == pytest.approx(slow.vt[10], rel=1e-12)


def test_gaps_are_no_change_of_cadence():
    at = times(1000, 600)
    at = np.delete(at, np.arange(50, 1000, 50))
    assert [each.seconds for each in cadences_of(at)] == [600]
    assert cadences_of(at[:1]) == cadences_of(at[:2]) == ()


def test_fill_values_are_counted(tmp_path):
    frame = wind(60, seconds=600)
    frame.loc[3, ["bx", "by", "bz", "bt"]] = -1e31
    frame.loc[4, "vt"] = 9999.9
    frame.loc[5, "tp"] = np.nan  # a gap from the start
    series = read(tmp_path, frame)
    assert series.cleaning.fill_values == 5
    assert np.isnan(series.channel("bt")[3])
    assert np.isnan(series.channel("vt")[4])


def test_a_series_without_plasma_can_be_read_and_says_what_it_is_good_for(tmp_path):
    frame = wind(60, seconds=600)
    frame[["vt", "np", "tp"]] = np.nan
    series = read(tmp_path, frame, "stereo_b.csv")
    assert series.cleaning.missing == ("vt", "np", "tp")
    assert "channels without measurements: vt, np, tp" in list(series.cleaning.told())
    with pytest.raises(SourceError, match=r"stereo_b\.csv has no measurements of vt, np") as caught:
        require_channels(series)
    assert "without the plasma nothing is detected" in caught.value.hint
    assert "training can use such a series" in caught.value.hint
    assert "without tp nothing is detected" in what_remains(("tp",))
    assert "neither detection nor training" in what_remains(("bx", "by", "bz", "bt"))


def test_the_account_is_plain_values(tmp_path):
    frame = wind(60, seconds=600)
    frame.loc[30, "vt"] = 900.0
    record = json.loads(json.dumps(read(tmp_path, frame).cleaning.as_dict()))
    assert record["spikes_plasma"] == 1
    assert record["cadences"] == [{"seconds": 600.0, "share": 1.0}]
