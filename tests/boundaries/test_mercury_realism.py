"""Simulated orbits against real ones, and the published protocol of the forest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.boundaries.mercury import winslow2013_bow_shock, winslow2013_magnetopause
from pipelines.errors import LabelError, SourceError
from pipelines.mercury_boundaries.files import read_regions
from pipelines.mercury_boundaries.labels import MAGNETOSPHERE, SHEATH, SOLAR_WIND
from pipelines.mercury_boundaries.lists import Crossings
from pipelines.mercury_boundaries.random_series import wander
from pipelines.mercury_boundaries.realism import (
    Stretch,
    crossing_samples,
    durations,
    field_samples,
    listed_places,
    shell_factors,
)
from pipelines.mercury_boundaries.region_samples import (
    accuracies,
    balanced,
    neighbouring_tenth,
    random_tenth,
    read_samples,
)
from pipelines.mercury_boundaries.series import MagSeries


def step_stretch():
    """A shock at which a quiet field of 10 nT becomes 30 nT, forth, back and forth again."""
    random = np.random.default_rng(1)
    size = np.full(4000, 10.0)
    size[1500:1600] = 30.0
    size[1700:] = 30.0
    field = np.outer(size, [0.6, 0.8, 0.0]) + random.normal(0, 0.01, (4000, 3))
    classes = np.full(4000, SOLAR_WIND, np.int8)
    classes[1700:] = SHEATH
    crossings = Crossings(np.array([1500.0]), np.array([1700.0]), np.array([0]))
    return Stretch(MagSeries(0, field.astype(np.float32), None), classes, crossings)


def test_jumps_and_steps_at_a_shock_are_counted():
    found = crossing_samples([step_stretch()])
    np.testing.assert_allclose(found["jump of the strength at the shock"], [3.0], rtol=0.01)
    np.testing.assert_array_equal(found["steps at the bow shock"], [3])
    assert len(found["rotation at the magnetopause (deg)"]) == 0
    lengths = durations([step_stretch().crossings])
    np.testing.assert_array_equal(lengths["duration, bow shock (s)"], [200])


def test_fields_are_told_by_region():
    found = field_samples([step_stretch()])
    assert np.median(found["strength in wind (nT)"]) == pytest.approx(10, abs=0.1)
    assert np.median(found["strength in sheath (nT)"]) == pytest.approx(30, abs=0.1)
    quiet = found["spread in 4 s, sheath (of B)"]
    assert np.median(quiet) == pytest.approx(0.01 * np.sqrt(3) / 30, rel=0.3)
    assert len(found["strength in magnetosphere (nT)"]) == 0
    assert MAGNETOSPHERE not in step_stretch().classes


def test_points_on_the_models_have_the_size_of_the_models():
    places = {
        "bow shock": np.array([[winslow2013_bow_shock().standoff, 0, 0]]),
        "magnetopause": 1.5 * np.array([[winslow2013_magnetopause().standoff, 0, 0]]),
    }
    found = shell_factors(places)
    np.testing.assert_allclose(found["size over the model, bow shock"], 1.0)
    np.testing.assert_allclose(found["size over the model, magnetopause"], 1.5)


def test_a_list_without_places_is_refused(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("start,end,Type\n2012-01-01,2012-01-01,bs_in\n")
    with pytest.raises(LabelError, match="has no places"):
        listed_places(path)


def test_inertia_leaves_the_variance_and_takes_the_jitter():
    bare, smooth = (
        wander(400_000, 100.0, np.random.default_rng(3), inertia) for inertia in (0.0, 20.0)
    )
    assert smooth.std() == pytest.approx(bare.std(), rel=0.05)
    assert np.diff(smooth).std() < 0.3 * np.diff(bare).std()


def test_regions_are_read_from_files_that_hold_nothing_else(tmp_path):
    (tmp_path / "orbit_1.csv").write_text("time,type_num\n2012-01-01T00:00:05,3\n")
    (tmp_path / "orbit_0.csv").write_text("time,type_num\n2012-01-01T00:00:01,1\n")
    first, regions = read_regions(tmp_path)
    assert first == np.datetime64("2012-01-01T00:00:01").astype("datetime64[s]").astype(int)
    np.testing.assert_array_equal(regions, [1, 0, 0, 0, 3])
    (tmp_path / "orbit_0.csv").write_text("time,mag\n2012-01-01T00:00:01,1\n")
    with pytest.raises(SourceError, match=r"orbit_0.csv has no regions"):
        read_regions(tmp_path)


def drifting_samples(path):
    """Samples whose field drifts with the row, so that neighbours give each other away."""
    random = np.random.default_rng(0)
    count = 300
    rows = []
    for name in ("solar_wind", "magnetosheath", "magnetosphere"):
        walk = np.cumsum(random.normal(0, 1, (count, 5)), axis=0)
        rows += [(name, *each) for each in walk]
    columns = ["region", "mag_total", "mag_x", "mag_y", "mag_z", "mag_variability"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)


def test_neighbouring_rows_are_held_back_together_and_each_row_once():
    regions = np.repeat(["a", "b"], [100, 57])
    held = np.array([neighbouring_tenth(regions, number) for number in range(10)])
    np.testing.assert_array_equal(held.sum(axis=0), 1)
    assert np.count_nonzero(np.diff(held[3, :100])) == 2


def test_samples_drawn_at_random_look_better_than_neighbours_held_back(tmp_path):
    path = tmp_path / "samples.csv"
    drifting_samples(path)
    features, regions = read_samples(path)
    assert features.shape == (900, 5)
    random = np.random.default_rng(0)
    assert (
        np.unique(regions[balanced(regions, random)], return_counts=True)[1].tolist() == [300] * 3
    )
    assert random_tenth(regions, random).sum() == 90
    found = accuracies(path, range(2))
    assert found["drawn at random"].mean() > found["neighbouring rows"].mean() + 0.1


def test_samples_without_a_feature_are_refused(tmp_path):
    path = tmp_path / "samples.csv"
    path.write_text("region,mag_total\nsolar_wind,1\n")
    with pytest.raises(LabelError, match="has no samples of regions"):
        read_samples(path)
