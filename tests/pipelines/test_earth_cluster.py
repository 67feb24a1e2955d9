"""The list of the four Cluster spacecraft: read, timed, written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.earth_boundaries.cluster_list import (
    SPACECRAFT,
    Group,
    Track,
    build_table,
    main,
    read_list,
    read_positions,
    time_group,
    without_repetitions,
)
from pipelines.errors import LabelError, SourceError

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "earth_boundaries"
LIST = SHARED / "cluster_bow_shock_crossings.txt"

#: A tetrahedron with sides of about 1000 km around a place at the bow shock, km.
PLACES = np.array([[80_000.0, 0, 0], [81_000, 100, 0], [80_400, 900, 50], [80_300, 300, 800]])
NOON = np.datetime64("2003-02-01T12:00:00", "us")


def tracks(velocity=(0.0, 0.0, 0.0)) -> dict[str, Track]:
    """Return positions every five minutes over an hour around noon."""
    seconds = np.arange(-1800, 1801, 300)
    times = NOON + seconds * np.timedelta64(1, "s")
    moved = seconds[:, None] * np.array(velocity)
    return {
        name: Track(times, place + moved) for name, place in zip(SPACECRAFT, PLACES, strict=True)
    }


def passing(normal, speed) -> Group:
    """Return when a plane passes the four places."""
    seconds = PLACES @ np.asarray(normal) / speed
    offsets = ((seconds - seconds[0]) * 1e6).round().astype(np.int64)
    return Group(NOON + offsets * np.timedelta64(1, "us"))


@settings(max_examples=60, deadline=None)
@given(x=st.floats(-1, 1), y=st.floats(-1, 1), z=st.floats(-1, 1), speed=st.floats(5, 200))
def test_timing_gives_back_normal_and_speed_of_a_plane(x, y, z, speed):
    size = np.sqrt(x * x + y * y + z * z)
    assume(size > 0.1)
    normal = np.array([x, y, z]) / size
    _, timing = time_group(passing(normal, speed), tracks())
    assert timing is not None
    np.testing.assert_allclose(timing.normal, normal, atol=1e-3)
    assert timing.speed == pytest.approx(speed, rel=1e-3)
    assert timing.speed_error > 0


def test_positions_are_taken_at_the_time_of_each_spacecraft():
    group = passing((1.0, 0.0, 0.0), 10.0)
    place, _ = time_group(group, tracks(velocity=(2.0, 0.0, 0.0)))
    seconds = (group.times - NOON) / np.timedelta64(1, "s")
    np.testing.assert_allclose(place[:, 0], PLACES[:, 0] + 2 * seconds, atol=1e-3)


def test_without_a_position_there_is_no_timing_and_no_place_beyond_the_ends_of_a_track():
    some = tracks()
    del some["C3"]
    place, timing = time_group(passing((1.0, 0.0, 0.0), 10.0), some)
    assert timing is None
    assert np.isnan(place[2]).all()
    assert np.isfinite(place[[0, 1, 3]]).all()
    assert np.isnan(some["C1"].at(NOON + np.timedelta64(2, "h"))).all()


def test_positions_are_not_interpolated_over_long_gaps():
    times = NOON + np.array([-3600, 3600]) * np.timedelta64(1, "s")
    assert np.isnan(Track(times, PLACES[:2]).at(NOON)).all()


def test_four_spacecraft_in_a_plane_allow_no_timing():
    flat = {
        name: Track(track.times, track.position * np.array([1, 1, 0]))
        for name, track in tracks().items()
    }
    _, timing = time_group(passing((1.0, 0.0, 0.0), 10.0), flat)
    assert timing is None


def test_the_table_has_four_rows_a_crossing_with_order_and_delays():
    table = build_table([passing((1.0, 0.0, 0.0), 10.0)], tracks())
    assert len(table) == 4
    assert table.group_id.nunique() == 1
    assert table.crossing_id.is_unique
    assert table.spacecraft.tolist() == ["Cluster 1", "Cluster 2", "Cluster 3", "Cluster 4"]
    np.testing.assert_allclose(table.delay, [0, 100, 40, 30], atol=1e-3)
    assert table.sequence_number.tolist() == [1, 4, 3, 2]
    assert (table.shock_speed.round(3) == 10).all()
    assert table.local_time.between(11.9, 12.1).all()


def test_a_list_that_lacks_a_spacecraft_is_refused(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("C1 2001-01-14T22:02:09\nC2 2001-01-14T22:01:12\nC4 2001-01-14T22:02:11\n")
    with pytest.raises(LabelError, match="crossing 1 was not seen"):
        read_list(path)


def test_a_line_of_another_form_is_named(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("C1 2001-01-14T22:02:09\nC5 yesterday\n")
    with pytest.raises(LabelError, match="line 2"):
        read_list(path)


def test_repeated_crossings_count_once():
    group = passing((1.0, 0.0, 0.0), 10.0)
    assert without_repetitions([group, group]) == [group]


def test_positions_without_a_column_are_refused(tmp_path):
    path = tmp_path / "positions.csv"
    path.write_text("spacecraft,time,x,y\nC1,2003-02-01T12:00:00,1,2\n")
    with pytest.raises(SourceError, match="no column 'z'"):
        read_positions(path)


def test_the_command_adds_motion_from_a_file_of_positions(tmp_path, monkeypatch, capsys):
    group = passing((0.8, 0.6, 0.0), 25.0)
    listing, positions = tmp_path / "list.txt", tmp_path / "positions.csv"
    listing.write_text(
        "".join(
            f"{name} {np.datetime_as_string(time, unit='ms')}\n"
            for name, time in zip(SPACECRAFT, group.times, strict=True)
        )
    )
    rows = [
        {"spacecraft": name, "time": time, "x": place[0], "y": place[1], "z": place[2]}
        for name, track in tracks().items()
        for time, place in zip(track.times, track.position, strict=True)
    ]
    pd.DataFrame(rows).to_csv(positions, index=False)
    output = tmp_path / "table.csv"
    monkeypatch.setattr(
        "sys.argv",
        ["cluster_list", "--list", str(listing), "--positions", str(positions),
         "--output", str(output)],
    )  # fmt: skip
    assert main() == 0
    assert "1 crossings with normal and speed" in capsys.readouterr().out
    table = pd.read_csv(output)
    assert table.shock_speed.iloc[0] == pytest.approx(25, rel=0.01)
    assert table.normal_x.iloc[0] == pytest.approx(0.8, abs=0.01)


def test_the_published_list_has_1931_crossings_without_repetitions():
    if not LIST.is_file():
        pytest.skip("the list is not beside this repository (../shared)")
    groups = read_list(LIST)
    assert len(groups) == 1942
    kept = without_repetitions(groups)
    assert len(kept) == 1931
    spread = np.array([each.seconds.max() for each in kept])
    assert 50 < np.median(spread) < 63
