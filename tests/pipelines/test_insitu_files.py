"""The reader of in-situ files: what it understands and what it refuses."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.sources.files import read_insitu
from pipelines.sources.insitu import KM_PER_AU
from pipelines.sources.spacecraft import find_spacecraft, guess_spacecraft

HEADER = "time,bx,by,bz,bt,vt,np,tp"
ROWS = [
    "2019-01-01T00:00:00,3,0,4,5,400,5,100000",
    "2019-01-01T00:10:00,3,0,4,5,410,5,100000",
    "2019-01-01T00:40:00,3,0,4,5,420,5,100000",
]


def write(folder, rows, header=HEADER, name="wind.csv"):
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def with_row(row: int, cell: int, value: str) -> list[str]:
    rows = [line.split(",") for line in ROWS]
    rows[row][cell] = value
    return [",".join(line) for line in rows]


def test_samples_land_on_the_regular_grid_with_holes_where_nothing_was_measured(tmp_path):
    series = read_insitu(write(tmp_path, ROWS))
    assert series.spacecraft.name == "Wind"
    assert series.start == np.datetime64("2019-01-01T00:00:00")
    assert series.channel("vt") == pytest.approx([400, 410, np.nan, np.nan, 420], nan_ok=True)


def test_faster_samples_are_averaged_over_ten_minutes(tmp_path):
    rows = [f"2019-01-01T00:{minute:02d}:00,0,0,1,1,{400 + minute},5,1e5" for minute in range(20)]
    series = read_insitu(write(tmp_path, rows))
    assert series.channel("vt") == pytest.approx([404.5, 414.5])


def test_compressed_files_are_read_too(tmp_path):
    path = tmp_path / "sta_x.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *ROWS]).encode()))
    assert read_insitu(path).spacecraft.name == "STEREO-A"


def test_the_magnitude_is_computed_when_it_is_not_given(tmp_path):
    path = write(tmp_path, ["2019-01-01,3,0,4,400,5,1e5"], header="time,bx,by,bz,vt,np,tp")
    assert read_insitu(path).channel("bt") == pytest.approx([5])


def test_empty_cells_huge_numbers_and_nines_are_missing_values(tmp_path):
    rows = with_row(0, 5, "")
    rows[1] = rows[1].replace("410", "-1e31")
    rows[2] = rows[2].replace("420", "9999.9")
    series = read_insitu(write(tmp_path, rows))
    assert np.isnan(series.channel("vt")).all()
    assert series.channel("np")[0] == 5


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (with_row(1, 5, "fast"), "line 3, column vt: 'fast' is not a number"),
        (with_row(1, 0, "yesterday"), "line 3, column time: 'yesterday' is not a time"),
        (with_row(1, 0, "2019-01-01T00:00:00"), "repeats the time before it"),
        (with_row(2, 5, "420000"), "line 4, column vt: 420000 is impossible"),
        (with_row(0, 7, "8.6"), "line 2, column tp: 8.6 is impossible"),
        (with_row(0, 4, "-5"), "line 2, column bt"),
        (["2019-01-01T00:00:00,3,0,4,5000e-9,400,5,1e5"], "column bt is 1e-06 times"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_column(tmp_path, rows, told):
    with pytest.raises(SourceError, match=r"wind\.csv") as caught:
        read_insitu(write(tmp_path, rows))
    assert told in str(caught.value)


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(SourceError, match="has no column np, tp"):
        read_insitu(write(tmp_path, ["2019-01-01,3,0,4,5,400"], header="time,bx,by,bz,bt,vt"))


def test_a_file_without_rows_and_a_file_that_is_not_there_are_told_apart(tmp_path):
    with pytest.raises(SourceError, match="no rows"):
        read_insitu(write(tmp_path, []))
    with pytest.raises(SourceError, match="does not exist"):
        read_insitu(tmp_path / "ace.csv")


def test_a_damaged_archive_is_refused(tmp_path):
    path = tmp_path / "wind.csv.gz"
    path.write_bytes(gzip.compress(b"time")[:-9])
    with pytest.raises(SourceError, match="cannot be read"):
        read_insitu(path)


def test_positions_in_au_become_km(tmp_path):
    header = HEADER + ",x_heeq_au,y_heeq_au,z_heeq_au"
    series = read_insitu(write(tmp_path, [ROWS[0] + ",0.99,0,-0.1"], header=header))
    assert series.has_position
    assert series.channel("x_heeq") == pytest.approx([0.99 * KM_PER_AU])


def test_half_a_position_is_refused(tmp_path):
    with pytest.raises(SourceError, match="not all of"):
        read_insitu(write(tmp_path, [ROWS[0] + ",1"], header=HEADER + ",x_heeq"))


@pytest.mark.parametrize(
    ("file_name", "spacecraft"),
    [
        ("insitu_wind_2019_10min.csv.gz", "Wind"),
        ("insitu_stereob_2013_2014_10min.csv.gz", "STEREO-B"),
        ("STEREO-A_2019.csv", "STEREO-A"),
        ("stereo_a.csv", "STEREO-A"),
        ("ace-2001.csv", "ACE"),
    ],
)
def test_the_spacecraft_is_guessed_from_the_file_name(file_name, spacecraft):
    assert guess_spacecraft(file_name).name == spacecraft


@pytest.mark.parametrize("file_name", ["surface.csv", "data.csv", "wind_and_ace.csv"])
def test_a_file_name_that_names_no_or_two_spacecraft_asks_for_one(file_name):
    with pytest.raises(SourceError, match="--spacecraft"):
        guess_spacecraft(file_name)


def test_an_unknown_spacecraft_lists_the_known_ones():
    with pytest.raises(SourceError, match="STEREO-A"):
        find_spacecraft("Voyager")


@settings(max_examples=30, deadline=None)
@given(
    values=st.lists(
        st.one_of(st.none(), st.floats(300, 800).map(lambda v: round(v, 2))),
        min_size=2,
        max_size=40,
    )
)
def test_what_is_written_is_read_again(tmp_path_factory, values):
    start = np.datetime64("2020-02-28T23:00:00")
    rows = [
        f"{start + 10 * np.timedelta64(number, 'm')},1,2,2,3,{'' if v is None else v},5,1e5"
        for number, v in enumerate(values)
    ]
    series = read_insitu(write(tmp_path_factory.mktemp("round"), rows))
    expected = [np.nan if v is None else v for v in values]
    assert series.channel("vt") == pytest.approx(expected, nan_ok=True)
    assert (np.diff(series.time) == np.timedelta64(10, "m")).all()


def test_equal_data_have_equal_digests_and_changed_data_do_not(tmp_path):
    first = read_insitu(write(tmp_path, ROWS))
    again = read_insitu(write(tmp_path, ROWS, name="wind_again.csv"))
    other = read_insitu(write(tmp_path, with_row(0, 5, "401")))
    assert first.sha256() == again.sha256() != other.sha256()
