"""Pictures of simulated sites: what is drawn into them, and what is seen at their edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")
pytest.importorskip("rasterio", reason="the extra [images] is not installed")

from pipelines.mars_mounds.channels import hillshade, slopes
from pipelines.mars_mounds.detect import extent
from pipelines.mars_mounds.pictures import (
    PLAIN,
    Shading,
    as_picture,
    draw_shading,
    shaded,
    with_aprons,
)
from pipelines.mars_mounds.simulate import simulate_site


@pytest.fixture(scope="module")
def site():
    return simulate_site(9, size=192)


def pixels(terrain) -> np.ndarray:
    rows, cols = terrain.raster.shape
    return terrain.raster.read(slice(0, rows), slice(0, cols))[0]


def test_a_plain_picture_is_the_stretched_hillshade(site):
    lit = hillshade(slopes(site.heights, (site.pixel, site.pixel)))
    expected = 255.0 * (lit - lit.min()) / (lit.max() - lit.min())
    made = pixels(as_picture(site, varied=False))
    np.testing.assert_allclose(made, expected, atol=0.5001)
    assert np.array_equal(made, np.round(made))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_picture_has_whole_numbers_of_8_bits_and_follows_from_its_seed(seed):
    heights = simulate_site(3, size=64).heights
    made = []
    for _ in range(2):
        random = np.random.default_rng(seed)
        made.append(shaded(heights, 5.0, draw_shading(random), random))
    np.testing.assert_array_equal(made[0], made[1])
    assert made[0].shape == heights.shape
    assert np.array_equal(made[0], np.clip(np.round(made[0]), 0, 255))


def test_pictures_differ_in_light_stretch_and_artefacts():
    drawn = [draw_shading(np.random.default_rng(seed)) for seed in range(60)]
    for name in ("blur", "blocky", "failures", "tracks"):
        some = [getattr(each, name) > 0 for each in drawn]
        assert 0.1 < np.mean(some) < 0.9, name
    assert {np.sign(each.clipped) for each in drawn} == {-1.0, 0.0, 1.0}
    assert all(30.0 <= each.altitude <= 60.0 for each in drawn)


@pytest.mark.parametrize("artefact", ["blocky", "failures", "tracks"])
def test_each_artefact_is_seen_where_the_ground_is_flat(artefact):
    value = {"blocky": 0.05, "failures": 30.0, "tracks": 1}[artefact]
    flat = np.zeros((100, 100))
    bare = shaded(flat, 5.0, replace(PLAIN, clipped=-1.0), np.random.default_rng(1))
    shading = Shading(clipped=-1.0, **{artefact: value})
    made = shaded(flat, 5.0, shading, np.random.default_rng(1))
    assert np.ptp(bare) == 0.0
    assert np.ptp(made) > 5.0


def test_a_stretch_that_clips_makes_some_pixels_black_and_as_many_white(site):
    shading = replace(PLAIN, clipped=2.0)
    made = shaded(site.heights, site.pixel, shading, np.random.default_rng(0))
    assert np.mean(made == 0.0) == pytest.approx(0.02, abs=0.01)
    assert np.mean(made == 255.0) == pytest.approx(0.02, abs=0.01)


def test_aprons_lie_outside_of_outlines_and_leave_the_ground_far_away(site):
    made = with_aprons(site)
    assert made.mounds == site.mounds
    np.testing.assert_array_equal(made.labels, site.labels)
    added = made.heights - site.heights
    assert (added > -1e-9).all()
    for number, each in enumerate(site.mounds, start=1):
        assert added[site.labels == number].max() < 0.2 * each.height + 1e-9
    from scipy import ndimage

    away = ndimage.distance_transform_edt(site.labels == 0)
    assert added[(away > 0) & (away < 4)].max() > 0.0
    assert added[away > 60].max(initial=0.0) < 1e-3
    bare = replace(site, labels=np.zeros_like(site.labels), mounds=())
    assert with_aprons(bare) is bare


@settings(max_examples=60, deadline=None)
@given(
    first=st.tuples(st.integers(0, 95), st.integers(0, 95)),
    last=st.tuples(st.integers(0, 95), st.integers(0, 95)),
)
def test_the_extent_of_known_pixels_holds_all_of_them_and_lies_on_the_grid(first, last):
    known = np.zeros((96, 96), dtype=bool)
    known[first] = known[last] = True
    rows, cols = extent(known)
    assert known[rows, cols].sum() == known.sum()
    for part, ends in ((rows, (first[0], last[0])), (cols, (first[1], last[1]))):
        assert part.start % 16 == part.stop % 16 == 0
        assert part.start > min(ends) - 16
        assert part.stop <= max(ends) + 16
    assert extent(np.zeros((96, 96), dtype=bool)) is None
