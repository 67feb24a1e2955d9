"""A survey of a planted image that is killed half-way, at a small size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("scipy")
pytest.importorskip("rasterio", reason="the extra [images] is not installed")
pytest.importorskip("pyproj", reason="the extra [images] is not installed")

from bench.gigapixel import find_shadows, run_process, score
from pipelines.images.planted import FLAT, planted, strips, write_image
from pipelines.images.raster import open_raster

SIDE = 1536


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("planted") / "image.tif"
    write_image(path, SIDE, 3)
    return path


def test_the_image_says_that_it_is_simulated_and_where_it_lies(image):
    with open_raster(image) as raster:
        assert raster.shape == (SIDE, SIDE)
        assert raster.tags["INSTRUMENT_HOST_ID"] == "simulation"
        assert raster.georeference.body == "Mars"
        longitude, _ = raster.georeference.lonlat(0.0, 0.0)
        assert longitude == pytest.approx(238.5, abs=0.1)
        pixels = raster.read(slice(0, 200), slice(0, 300))
    assert np.median(pixels) == pytest.approx(FLAT, rel=0.2)


def test_an_image_is_the_same_every_time_whatever_its_strips(image):
    with open_raster(image) as raster:
        for top, strip in strips(SIDE, 3):
            rows = slice(top, top + len(strip))
            np.testing.assert_array_equal(raster.read(rows, slice(0, SIDE))[0], strip)


def test_what_was_planted_is_dark_where_it_should_be(image):
    truth = pd.read_csv(image.with_suffix(".csv"))
    assert len(truth) == 16
    _, places = planted(SIDE, np.random.default_rng(3))
    pd.testing.assert_frame_equal(truth, places)
    with open_raster(image) as raster:
        for each in truth.itertuples():
            size = int(each.radius)
            part = raster.read(
                slice(each.row - size, each.row + size), slice(each.col - size, each.col + size)
            )
            assert (part.min() < 0.3 * FLAT) == (each.kind == "pit")


def test_a_killed_survey_goes_on_and_finds_what_was_planted(image, tmp_path):
    killed = run_process("dark", image, tmp_path, kill_at=0.5)
    assert killed.found is None
    assert killed.memory > 10e6
    ended = run_process("dark", image, tmp_path, kill_at=None)
    assert 0 < ended.found.counts.reused < 9
    direct = find_shadows(image, tmp_path / "direct", lambda *_: None)
    np.testing.assert_array_equal(ended.found.places, direct.places)
    pits, hits, others = score(ended.found.places, pd.read_csv(image.with_suffix(".csv")))
    assert hits == pits > 5
    assert others == 0


def test_without_the_pre_screen_no_block_is_left_out(image, tmp_path):
    every = find_shadows(image, tmp_path, lambda *_: None, all_blocks=True)
    some = find_shadows(image, tmp_path, lambda *_: None)
    assert (every.counts.computed, every.counts.empty) == (9, 0)
    assert some.counts.empty > 0
    np.testing.assert_array_equal(every.places, some.places)


def test_detections_beside_planted_pits_are_counted_as_others():
    truth = pd.DataFrame(
        {"kind": ["pit", "pit", "mound"], "row": [10, 90, 50], "col": [10, 90, 50], "radius": 8.0}
    )
    found = np.array([[12.0, 11.0], [9.0, 9.0], [50.0, 50.0]])
    assert score(found, truth) == (2, 1, 1)
    assert score(np.zeros((0, 2)), truth) == (2, 0, 0)
