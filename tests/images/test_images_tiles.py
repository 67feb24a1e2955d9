"""Tiles without seams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy.ndimage")

from scipy import ndimage

from pipelines.images.tiles import InMemory, map_tiles, read_in_pieces, tiles_of

PIXELS = np.random.default_rng(3).random((2, 61, 83))
RADIUS = 4


def smoothed(window: np.ndarray) -> np.ndarray:
    """Depend on neighbours up to `RADIUS` away and on nothing else."""
    footprint = (0, 2 * RADIUS + 1, 2 * RADIUS + 1)
    return ndimage.maximum_filter(window, (1, *footprint[1:]), mode="nearest").sum(axis=0)


def put_together(size: int, margin: int) -> np.ndarray:
    whole = np.full((61, 83), np.nan)
    for tile, values in map_tiles(InMemory(PIXELS), smoothed, size=size, margin=margin):
        whole[tile.rows, tile.cols] = values
    return whole


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 100), extra=st.integers(0, 7))
def test_the_result_is_the_same_whatever_the_size_of_the_tiles(size, extra):
    np.testing.assert_array_equal(put_together(size, RADIUS + extra), smoothed(PIXELS))


def test_a_margin_that_is_too_small_would_show_seams():
    assert (put_together(20, 1) != smoothed(PIXELS)).any()


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    size=st.integers(1, 70),
    margin=st.integers(0, 9),
)
def test_tiles_cover_a_raster_once(height, width, size, margin):
    count = np.zeros((height, width), dtype=int)
    for tile in tiles_of((height, width), size, margin):
        count[tile.rows, tile.cols] += 1
        assert tile.read_rows.start == max(0, tile.rows.start - margin)
        assert tile.read_cols.stop == min(width, tile.cols.stop + margin)
    assert (count == 1).all()


@pytest.mark.parametrize("height", [1, 127, 128, 129, 300])
def test_a_window_read_in_pieces_is_the_window(height):
    pixels = np.random.default_rng(1).random((2, 310, 20))
    found = read_in_pieces(InMemory(pixels), slice(7, 7 + height), slice(3, 11))
    np.testing.assert_array_equal(found, pixels[:, 7 : 7 + height, 3:11])


def test_progress_ends_with_the_last_tile():
    told: list[tuple[str, int, int]] = []
    list(map_tiles(InMemory(PIXELS), smoothed, size=30, progress=lambda *each: told.append(each)))
    assert told[-1] == ("tiles", 9, 9)
    assert len(told) == 9


def test_a_function_that_changes_the_size_is_refused():
    with pytest.raises(ValueError, match="were made"):
        list(map_tiles(InMemory(PIXELS), lambda window: window[:, 1:], size=30))
    with pytest.raises(ValueError, match="cannot be"):
        list(tiles_of((3, 3), 0, 1))


def test_tiles_of_a_file_are_those_of_its_pixels(tmp_path):
    pytest.importorskip("rasterio", reason="the extra [images] is not installed")
    from pipelines.images.raster import open_raster, write_geotiff

    write_geotiff(tmp_path / "a.tif", PIXELS, None)
    whole = np.full((61, 83), np.nan)
    with open_raster(tmp_path / "a.tif") as raster:
        for tile, values in map_tiles(raster, smoothed, size=17, margin=RADIUS):
            whole[tile.rows, tile.cols] = values
    np.testing.assert_array_equal(whole, smoothed(PIXELS))
