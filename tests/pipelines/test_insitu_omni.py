"""Hourly OMNI values on the grid of the other series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.icme.source import open_source
from pipelines.sources.insitu import SAMPLES_PER_HOUR
from pipelines.sources.omni import read_omni

HEADER = "ts,b,bz,n,v,f10,dst\n"


def write(folder, rows):
    path = folder / "hourly.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def hours(values):
    return [
        f"1998-01-01 {number:02d}:00:00+00:00,{value},-1,5,400,98,-9"
        for number, value in enumerate(values)
    ]


def test_values_are_interpolated_between_the_middles_of_hours(tmp_path):
    series = read_omni(write(tmp_path, hours([4, 10])))
    field = series.channel("bt")
    assert len(series) == 2 * SAMPLES_PER_HOUR
    assert str(series.start) == "1998-01-01T00:00:00.000000"
    assert field[:3] == pytest.approx(4), "before the first middle nothing is known to change"
    assert field[5:7] == pytest.approx([6.5, 7.5])
    assert field[9:] == pytest.approx(10)


@given(st.lists(st.floats(0.1, 80), min_size=1, max_size=20))
def test_interpolated_values_stay_within_the_measured_ones(tmp_path_factory, values):
    series = read_omni(write(tmp_path_factory.mktemp("omni"), hours(values)))
    assert np.nanmin(series.channel("bt")) >= min(values) - 1e-9
    assert np.nanmax(series.channel("bt")) <= max(values) + 1e-9


def test_an_hour_without_measurement_is_a_gap_and_what_the_file_lacks_is_one_throughout(tmp_path):
    series = open_source(f"omni:{write(tmp_path, hours([4, '', 6]))}")
    assert np.isnan(series.channel("bt")[6:12]).all()
    assert np.isfinite(np.delete(series.channel("bt"), np.arange(6, 12))).all()
    for name in ("tp", "bx", "by"):
        assert np.isnan(series.channel(name)).all()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([hours([4])[0], hours([4, 5, 6])[2]], "line 3, column ts"),
        ([hours([4])[0].replace("1998-01-01", "soon")], "line 2, column ts"),
        (hours([4, "strong"]), "line 3, column b: 'strong'"),
        ([], "no rows"),
    ],
)
def test_wrong_files_are_refused_with_the_place(tmp_path, rows, told):
    with pytest.raises(SourceError) as caught:
        read_omni(write(tmp_path, rows))
    assert told in str(caught.value)


def test_a_file_without_its_columns_says_which(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("ts,b\n1998-01-01,4\n")
    with pytest.raises(SourceError, match="no column bz, v, n"):
        read_omni(path)


def test_fill_values_are_gaps_and_counted_and_missing_channels_named(tmp_path):
    rows = hours([4, 999.9, 6])
    rows[0] = rows[0].replace(",400,", ",9999.,")
    series = read_omni(write(tmp_path, rows))
    assert np.isnan(series.channel("bt")[6:12]).all()
    assert np.isnan(series.channel("vt")[:6]).all()
    assert series.cleaning.fill_values == 2
    assert series.cleaning.missing == ("bx", "by", "tp")
