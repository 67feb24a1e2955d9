"""Simulated sites of mounds: the truth is what was built, the ground is what was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")

from pipelines.mars_mounds.channels import (
    HEIGHT_BANDS,
    filled,
    height_bands,
    hillshade,
    picture_bands,
    slopes,
)
from pipelines.mars_mounds.simulate import CONE, MOUND, simulate_site
from pipelines.mars_mounds.terrain import LAG, Ground, fractal, ground_heights


@pytest.fixture(scope="module")
def sites():
    return [simulate_site(seed, size=256) for seed in range(4)]


def test_a_seed_gives_the_same_site_and_another_seed_another(sites):
    again = simulate_site(1, size=256)
    np.testing.assert_array_equal(again.heights, sites[1].heights)
    np.testing.assert_array_equal(again.labels, sites[1].labels)
    assert again.mounds == sites[1].mounds
    assert not np.array_equal(sites[0].heights, sites[1].heights)


def test_rough_sites_are_rougher_than_all_others():
    plain = [simulate_site(seed, size=64).ground.roughness for seed in range(20)]
    rough = [simulate_site(seed, size=64, rough=True).ground.roughness for seed in range(20)]
    assert min(rough) > max(plain)


def test_the_table_of_mounds_is_that_of_the_labels(sites):
    for site in sites:
        assert site.labels.max() == len(site.mounds)
        areas = np.bincount(site.labels.ravel(), minlength=len(site.mounds) + 1)[1:]
        assert (areas > 0).all()
        diameters = np.array([each.diameter for each in site.mounds])
        np.testing.assert_allclose(diameters, 2.0 * np.sqrt(areas / np.pi) * site.pixel)
        for number, each in enumerate(site.mounds, start=1):
            assert 0.0 < each.volume < each.height * areas[number - 1] * site.pixel**2
            if each.whole:
                assert site.labels[int(each.row), int(each.col)] == number
                assert 0.04 < each.height / each.diameter < 0.2


def test_only_cones_have_vents(sites):
    kinds = set()
    for site in sites:
        for number, each in enumerate(site.mounds, start=1):
            kinds.add(each.kind)
            if each.whole:
                assert (site.vents & (site.labels == number)).any() == (each.kind == CONE)
        assert not (site.vents & (site.labels == 0)).any()
    assert kinds == {MOUND, CONE}


@pytest.mark.parametrize("exponent", [2.6, 3.0, 3.4])
def test_a_fractal_surface_has_the_spectrum_that_was_asked_for(exponent):
    random = np.random.default_rng(4)
    window = np.hanning(128)[:, None] * np.hanning(128)[None, :]
    power = np.zeros((128, 128))
    for _ in range(12):
        power += np.abs(np.fft.fft2(fractal((128, 128), exponent, random) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)[None, :])
    used = (frequency > 0.04) & (frequency < 0.35)
    slope = np.polyfit(np.log(frequency[used]), np.log(power[used]), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.2)


def test_the_ground_is_as_rough_as_it_says():
    bare = Ground(3.0, 0.02, 0.0, 0.0, 0, 0, 0.0, 0.0, 0.0, 0.0)
    heights = ground_heights((128, 128), 5.0, bare, np.random.default_rng(2))
    steps = heights[:, LAG::LAG] - heights[:, :-LAG:LAG]
    assert np.sqrt(np.mean(steps**2)) / (LAG * 5.0) == pytest.approx(0.02, rel=0.15)


@settings(max_examples=60, deadline=None)
@given(
    east=st.floats(-0.8, 0.8),
    north=st.floats(-0.8, 0.8),
    altitude=st.floats(20.0, 80.0),
    azimuth=st.floats(0.0, 360.0),
    wide=st.floats(0.5, 20.0),
    high=st.floats(0.5, 20.0),
)
def test_a_plane_has_its_slope_aspect_and_the_cosine_of_its_incidence_angle(
    east, north, altitude, azimuth, wide, high
):
    rows, cols = np.indices((9, 9))
    plane = east * cols * wide - north * rows * high  # rows go down, to the south
    ground = slopes(plane, (high, wide))
    middle = (4, 4)
    assert np.tan(ground.slope[middle]) == pytest.approx(np.hypot(east, north), abs=1e-9)
    if np.hypot(east, north) > 1e-6:
        falls = np.arctan2(-east, -north)
        assert np.cos(ground.aspect[middle] - falls) == pytest.approx(1.0, abs=1e-9)
    normal = np.array([-east, -north, 1.0]) / np.sqrt(1.0 + east**2 + north**2)
    h, a = np.radians(altitude), np.radians(azimuth)
    light = np.array([np.cos(h) * np.sin(a), np.cos(h) * np.cos(a), np.sin(h)])
    lit = hillshade(ground, altitude, azimuth)[middle]
    assert lit == pytest.approx(max(0.0, float(normal @ light)), abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(0.1, 50.0), offset=st.floats(-5000.0, 5000.0))
def test_bands_do_not_know_the_size_of_a_pixel_or_the_datum(scale, offset):
    heights = simulate_site(5, size=64).heights
    before = height_bands(heights, (4.0, 4.0))
    after = height_bands(heights * scale + offset, (4.0 * scale, 4.0 * scale))
    assert before.shape == (len(HEIGHT_BANDS), 64, 64)
    np.testing.assert_allclose(after, before, atol=2e-4)


def test_gaps_take_the_nearest_height_and_a_picture_its_own_level():
    heights = np.arange(25.0).reshape(5, 5)
    heights[2, 4] = np.nan
    assert filled(heights)[2, 4] in (heights[1, 4], heights[2, 3], heights[3, 4])
    assert (filled(np.full((3, 3), np.nan)) == 0.0).all()
    assert (picture_bands(np.full((3, 3), 120.0), 120.0) == 0.0).all()
