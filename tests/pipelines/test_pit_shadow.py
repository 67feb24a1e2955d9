"""Shadows of pits: clusters, edges, widths, and the geometry from widths to depths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")
pytest.importorskip("sklearn.metrics")

from sklearn import metrics as sklearn_metrics

from pipelines.images.errors import AngleError, ImageError
from pipelines.images.illumination import Illumination
from pipelines.images.matching import compare_masks
from pipelines.images.render import Camera
from pipelines.pit_depths.geometry import Errors, depth_errors, depths_of, displacement
from pipelines.pit_depths.kmeans import cluster
from pipelines.pit_depths.profile import measure
from pipelines.pit_depths.shadow import find_shadow
from pipelines.pit_depths.simulate import Pit, exact_depth, pit_heights, take

PIXEL = 0.5


def sight(
    light: Illumination, pit: Pit | None = None, *, camera: Camera | None = None, seed: int = 1
):
    """Take a small picture; by default of a pit of 30 m across and 8 m deep."""
    shape = pit or Pit(15.0, 8.0)
    rng = np.random.default_rng(seed)
    size = int(2.8 * shape.radius / PIXEL) // 2 * 2
    heights = pit_heights(shape, PIXEL / 4, size * 4, rng)
    depth = exact_depth(shape, light)
    return take("pit", heights, PIXEL, light, camera or Camera(), rng, true_depth=depth)


def measured(found, method="subpixel", correction="exact"):
    pixels = found.rendering.image[np.newaxis]
    shadow = find_shadow(pixels, method)
    moved = displacement(found.light, correction=correction)
    scale = np.diag([found.pixel, -found.pixel])
    return shadow, measure(shadow, np.ones(pixels.shape[1:], bool), scale, moved, Errors())


def test_clusters_and_silhouette_are_those_of_all_pixels():
    rng = np.random.default_rng(1)
    levels = rng.choice([20, 90, 160], 900, p=[0.3, 0.5, 0.2])
    image = (levels + rng.normal(0, 6, 900)).round().reshape(1, 30, 30)
    found = cluster(image, np.ones((30, 30), bool))
    assert found.count == 3
    np.testing.assert_allclose(found.centres[:, 0], [20, 90, 160], atol=2.0)
    values = image.reshape(-1, 1)
    expected = sklearn_metrics.silhouette_score(values, found.labels.ravel())
    assert found.silhouette == pytest.approx(expected, abs=0.01)
    inertia = ((values[:, 0] - found.centres[found.labels.ravel(), 0]) ** 2).sum()
    from sklearn.cluster import KMeans

    best = KMeans(3, n_init=10, random_state=1).fit(values)
    assert inertia <= best.inertia_ * 1.01


def test_several_bands_are_divided_together():
    rng = np.random.default_rng(2)
    dark = np.zeros((40, 40), bool)
    dark[10:25, 10:30] = True
    bands = np.stack([np.where(dark, low, 100.0) for low in (20.0, 30.0, 60.0)])
    found = cluster(bands + rng.normal(0, 5, bands.shape), np.ones((40, 40), bool), range(2, 3))
    np.testing.assert_array_equal(found.labels == 0, dark)


@pytest.mark.parametrize("method", ["subpixel", "published"])
@pytest.mark.parametrize("bands", [1, 3])
def test_the_shadow_is_found_with_one_band_or_several(method, bands):
    found = sight(Illumination(55.0, 0.0, 300.0, 300.0))
    pixels = np.stack([found.rendering.image * (1.0 + 0.3 * band) for band in range(bands)])
    shadow = find_shadow(pixels, method)
    assert compare_masks(shadow.mask, found.true_mask).f1 >= 0.97
    assert shadow.contrast > 0.5


def test_bright_features_in_a_shadow_and_holes_of_the_data_are_no_edges():
    found = sight(Illumination(55.0, 0.0, 300.0, 300.0))
    image = found.rendering.image.copy()
    rows, cols = np.argwhere(found.true_mask).mean(axis=0).astype(int)
    image[rows : rows + 2, cols : cols + 2] = 600.0
    image[:3, :3] = np.nan
    shadow = find_shadow(image[np.newaxis])
    assert shadow.mask[rows, cols]
    assert not shadow.mask[:3, :3].any()


def test_an_image_without_shadow_is_refused():
    rng = np.random.default_rng(1)
    image = rng.normal(100.0, 1.0, (40, 40)).round()
    image[5, 5] = 0.0
    with pytest.raises(ImageError, match="dark part"):
        find_shadow(image[np.newaxis], "published")


@pytest.mark.parametrize("azimuth", [0.0, 37.0, 122.0, 250.0])
@pytest.mark.parametrize("incidence", [40.0, 60.0])
def test_depths_from_above_are_right_to_a_third_of_a_pixel(azimuth, incidence):
    found = sight(Illumination(incidence, 0.0, azimuth, azimuth), Pit(15.0, 6.0))
    shadow, profile = measured(found)
    third = PIXEL / 3.0 / math.tan(math.radians(incidence))
    assert profile.maximum == pytest.approx(found.true_depth, abs=third)
    assert compare_masks(shadow.mask, found.true_mask).f1 >= 0.98


@pytest.mark.parametrize("ground_phase", [0.0, 50.0, 90.0, 140.0, 180.0, 260.0])
def test_depths_seen_obliquely_are_right_in_all_cases_of_the_phase(ground_phase):
    light = Illumination(52.0, 18.0, 200.0, (200.0 + ground_phase) % 360.0)
    found = sight(light, Pit(15.0, 7.0))
    _, profile = measured(found)
    assert profile.maximum == pytest.approx(found.true_depth, rel=0.02)
    assert not profile.limited(profile.far_wall)


def test_the_error_of_a_depth_is_about_as_large_as_it_says():
    ratios = []
    for seed in range(6):
        light = Illumination(40.0 + 5.0 * seed, 3.0 * seed, 77.0 * seed % 360.0, 31.0 * seed)
        found = sight(light, Pit(15.0, 6.0), seed=seed)
        _, profile = measured(found)
        ratios.append((profile.maximum - found.true_depth) / profile.error[profile.deepest])
    assert max(abs(ratio) for ratio in ratios) < 3.0
    assert np.median(np.abs(ratios)) < 1.2


def test_the_profile_follows_the_chord_where_the_floor_is_not_reached():
    light = Illumination(60.0, 0.0, 270.0, 270.0)
    pit = Pit(15.0, 40.0)
    found = sight(light, pit)
    _, profile = measured(found)
    assert profile.limited(profile.far_wall)
    assert profile.maximum == pytest.approx(exact_depth(pit, light), rel=0.02)
    middle = profile.length.mean()
    chord = 2.0 * np.sqrt(np.maximum(15.0**2 - (profile.length - middle) ** 2, 0.0))
    inner = np.abs(profile.length - middle) < 12.0
    np.testing.assert_allclose(profile.width[inner], chord[inner], atol=0.8)


def test_a_shadow_at_the_edge_of_the_image_gives_a_lower_limit():
    found = sight(Illumination(50.0, 0.0, 270.0, 270.0))
    _, cols = np.argwhere(found.true_mask).mean(axis=0).astype(int)
    pixels = found.rendering.image[np.newaxis, :, :cols]
    shadow = find_shadow(pixels)
    moved = displacement(found.light)
    known = np.ones(pixels.shape[1:], bool)
    profile = measure(shadow, known, np.diag([PIXEL, -PIXEL]), moved, Errors())
    assert profile.limited(profile.edge)
    whole = measured(found)[1]
    assert not whole.edge.any()
    assert profile.maximum < whole.maximum


@given(
    incidence=st.floats(20.0, 80.0),
    emission=st.floats(0.0, 30.0),
    sun=st.floats(0.0, 359.0),
    turn=st.sampled_from([0.0, 180.0]),
)
def test_in_the_plane_of_the_sun_both_corrections_are_one(incidence, emission, sun, turn):
    if turn == 0.0 and emission > 0.8 * incidence:
        return
    light = Illumination(incidence, emission, sun, (sun + turn) % 360.0)
    published = displacement(light, correction="published")
    camera = displacement(light, plane="camera")
    assert camera.per_depth == pytest.approx(published.per_depth, rel=1e-6)
    assert camera.direction == pytest.approx(published.direction, abs=1e-6)


@given(incidence=st.floats(20.0, 80.0), emission=st.floats(1.0, 30.0))
def test_the_published_cases_are_those_of_the_paper(incidence, emission):
    i, e = math.radians(incidence), math.radians(emission)

    def shadow(turn: float) -> float:
        light = Illumination(incidence, emission, 100.0, 100.0 + turn)
        return math.tan(i) / displacement(light, correction="published").per_depth  # S_true / S_obs

    assert shadow(180.0) == pytest.approx(math.sin(i) / math.cos(math.pi / 2 - i - e))
    assert shadow(90.0) == pytest.approx(1.0, rel=1e-4)
    if emission < 0.8 * incidence:
        visible = 1.0 / math.cos(e)
        hidden = visible * math.tan(e) / (math.tan(i) - math.tan(e))
        assert shadow(0.0) == pytest.approx(visible + hidden)


@settings(max_examples=60)
@given(
    incidence=st.floats(25.0, 75.0),
    emission=st.floats(0.5, 20.0),
    view=st.floats(0.0, 359.0),
    width=st.floats(1.0, 200.0),
)
def test_errors_are_those_of_differences(incidence, emission, view, width):
    def depth(di: float, de: float, dw: float) -> float:
        light = Illumination(incidence + di, emission + de, 80.0, view)
        return (width + dw) / displacement(light).per_depth

    light = Illumination(incidence, emission, 80.0, view)
    errors = Errors(width=0.7, incidence=0.02, emission=0.03)
    found = depth_errors(np.array([width]), displacement(light), PIXEL, errors)[0]
    parts = (
        depth(0, 0, 0.35) - depth(0, 0, 0),
        (depth(0.02, 0, 0) - depth(-0.02, 0, 0)) / 2,
        (depth(0, 0.03, 0) - depth(0, -0.03, 0)) / 2,
    )
    assert found == pytest.approx(math.sqrt(sum(part**2 for part in parts)), rel=0.01)


def test_an_unknown_side_of_the_camera_is_flagged_where_it_matters():
    across = Illumination.of_angles(50.0, 15.0, 51.6, 100.0)
    assert displacement(across).flags == ("view_side_unknown",)
    nearly_above = Illumination.of_angles(44.0, 0.4, 43.8, 100.0)
    assert displacement(nearly_above).flags == ()
    width = np.array([10.0])
    known = Illumination.of_angles(44.0, 0.4, 43.8, 100.0, side=1)
    one, other = (depths_of(width, displacement(each)) for each in (nearly_above, known))
    assert one == pytest.approx(other, rel=1e-3)


def test_a_rim_that_hides_the_shadow_is_an_error():
    with pytest.raises(AngleError, match="the rim hides the shadow"):
        displacement(Illumination(20.0, 25.0, 10.0, 10.0))
    with pytest.raises(AngleError, match="the rim hides the shadow"):
        displacement(Illumination(20.0, 20.0, 10.0, 10.0), correction="published")
