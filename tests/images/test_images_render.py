"""Rendered height fields: shadows, view and photometry where they are known exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")

from pipelines.images.illumination import Illumination
from pipelines.images.render import Camera, apparent_depths, render, shadow_surface

CLEAN = Camera(psf_sigma=0.0, noise=0.0, bits=16, ambient=0.0, photometry="lambert")


def box_pit(depth: float, size: int = 60, side: int = 20) -> np.ndarray:
    heights = np.zeros((size, size))
    middle = slice((size - side) // 2, (size + side) // 2)
    heights[middle, middle] = -depth
    return heights


def taken(heights: np.ndarray, light: Illumination, pixel: float = 1.0):
    return render(heights, pixel, light, CLEAN, np.random.default_rng(1))


@pytest.mark.parametrize(
    ("sun", "side"), [(0.0, "north"), (90.0, "east"), (180.0, "south"), (270.0, "west")]
)
def test_a_wall_casts_a_shadow_of_its_height_times_the_tangent(sun, side):
    light = Illumination(math.degrees(math.atan(1.5)), 0.0, sun, sun)
    shadow = taken(box_pit(6.0), light).shadow > 0.5
    expected = np.zeros((60, 60), bool)
    parts = {
        "north": (slice(20, 29), slice(20, 40)),
        "south": (slice(31, 40), slice(20, 40)),
        "west": (slice(20, 40), slice(20, 29)),
        "east": (slice(20, 40), slice(31, 40)),
    }
    expected[parts[side]] = True
    # Between the last post of the rim and the first of the floor the wall stands on a slope.
    assert (shadow != expected).sum() <= 20


@settings(max_examples=25, deadline=None)
@given(incidence=st.floats(20.0, 75.0), azimuth=st.floats(0.0, 360.0), depth=st.floats(3.0, 15.0))
def test_the_depth_below_the_caster_is_never_more_than_the_pit_is_deep(incidence, azimuth, depth):
    found = taken(box_pit(depth), Illumination(incidence, 0.0, azimuth, azimuth))
    assert found.ray_depth.max() <= depth + 1e-9
    assert ((found.ray_depth > 0.0) <= (found.shadow > 0.0)).all()
    chord = 20.0 / math.tan(math.radians(incidence))
    step = 1.5 / math.tan(math.radians(incidence))
    assert found.ray_depth.max() >= min(depth, chord) - step


@settings(max_examples=25, deadline=None)
@given(incidence=st.floats(20.0, 75.0), side=st.integers(0, 3), depth=st.floats(3.0, 15.0))
def test_the_apparent_depth_of_a_box_is_known_exactly(incidence, side, depth):
    found = apparent_depths(np.kron(box_pit(depth), np.ones((5, 5))), 0.2, incidence, side * 90.0)
    chord = 20.0 / math.tan(math.radians(incidence))
    # The walls stand on a slope of one post.
    assert found.max() == pytest.approx(min(depth, chord), abs=0.25)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    turns=st.integers(1, 3),
    azimuth=st.floats(0, 90),
    tilt=st.floats(30, 70),
)
def test_turning_the_ground_with_the_sun_turns_the_shadow(seed, turns, azimuth, tilt):
    from scipy.ndimage import gaussian_filter

    ground = gaussian_filter(np.random.default_rng(seed).normal(0, 40, (48, 48)), 3)
    straight, _ = shadow_surface(ground, 1.0, tilt, azimuth)
    turned, _ = shadow_surface(np.rot90(ground, -turns).copy(), 1.0, tilt, azimuth + 90.0 * turns)
    np.testing.assert_allclose(np.rot90(turned, turns), straight, atol=1e-6)


def test_flat_ground_has_no_shadow_and_the_brightness_of_one():
    for photometry in ("lambert", "lommel-seeliger"):
        camera = Camera(0.0, 0.0, 16, 0.5, 0.1, photometry)
        light = Illumination(60.0, 20.0, 100.0, 200.0)
        found = render(np.zeros((20, 20)), 1.0, light, camera, np.random.default_rng(1))
        assert not found.shadow.any()
        np.testing.assert_allclose(found.image, round(0.5 * 65535), atol=1)


def test_a_slope_towards_the_sun_is_brighter_by_the_law_of_lambert():
    slope = np.outer(np.ones(20), np.arange(20.0)) * -math.tan(math.radians(10.0))  # falls eastward
    bright = taken(slope, Illumination(50.0, 0.0, 90.0, 0.0)).image[10, 10]
    dark = taken(slope, Illumination(50.0, 0.0, 270.0, 0.0)).image[10, 10]
    expected = math.cos(math.radians(40.0)) / math.cos(math.radians(60.0))
    assert bright / dark == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("view", "sign"), [(270.0, -1.0), (90.0, 1.0)])
def test_a_floor_that_is_seen_obliquely_is_displaced_by_depth_times_tangent(view, sign):
    depth, emission = 6.0, math.degrees(math.atan(0.5))
    # The Sun in the west: the shadow ends 9 m east of the western wall.
    light = Illumination(math.degrees(math.atan(1.5)), emission, 270.0, view)
    shadow = taken(np.kron(box_pit(depth), np.ones((4, 4))), light, 0.25).shadow[120] > 0.5
    edges = np.flatnonzero(np.diff(shadow.astype(int))) / 4.0
    # Seen from the west the rim hides 3 m of it; from the east 3 m of shaded wall come in front.
    assert edges[-1] - 20.0 == pytest.approx(9.0 + sign * 3.0, abs=0.6)
    assert edges[0] == pytest.approx(20.0, abs=0.6)


def test_noise_blur_and_rounding_are_those_of_the_camera():
    camera = Camera(psf_sigma=0.0, noise=0.02, bits=10, exposure=0.5, ambient=0.0)
    light = Illumination(40.0, 0.0, 90.0, 0.0)
    image = render(np.zeros((200, 200)), 1.0, light, camera, np.random.default_rng(1)).image
    assert (image == image.round()).all()
    assert image.std() == pytest.approx(0.02 * 0.5 * 1023, rel=0.03)
    again = render(np.zeros((200, 200)), 1.0, light, camera, np.random.default_rng(1)).image
    np.testing.assert_array_equal(image, again)


def test_heights_that_cannot_be_rendered_are_refused():
    light = Illumination(40.0, 0.0, 90.0, 0.0)
    with pytest.raises(ValueError, match="finite"):
        taken(np.full((4, 4), np.nan), light)
    with pytest.raises(ValueError, match="no multiple"):
        render(np.zeros((5, 4)), 1.0, light, CLEAN, np.random.default_rng(1), oversampling=2)


@pytest.mark.parametrize("part", [5, 17])
def test_parts_in_which_rays_are_followed_change_nothing(monkeypatch, part):
    rng = np.random.default_rng(4)
    heights = np.cumsum(rng.normal(size=(40, 53)), axis=1)
    light = Illumination(63.0, 21.0, 118.0, 300.0)
    whole = taken(heights, light, 0.7)
    monkeypatch.setattr("pipelines.images.render._PART", part)
    parts = taken(heights, light, 0.7)
    for name in ("image", "shadow", "ray_depth"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
