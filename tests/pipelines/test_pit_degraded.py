"""Where the Sun grazes the ground: lit slopes beside shadows, jumps of the width, coarse models."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy")

from pipelines.images.illumination import Illumination
from pipelines.images.matching import compare_masks
from pipelines.pit_depths.geometry import Errors, depth_errors, displacement
from pipelines.pit_depths.profile import Profile, measure
from pipelines.pit_depths.shadow import Shadow, find_shadow
from pipelines.pit_depths.simulate import Pit, Sight, degraded_sight, pit_heights, random_sight


def measured(found: Sight, method="subpixel") -> tuple[Shadow, Profile]:
    pixels = found.rendering.image[np.newaxis]
    shadow = find_shadow(pixels, method)
    scale = np.diag([found.pixel, -found.pixel])
    known = np.ones(pixels.shape[1:], bool)
    return shadow, measure(shadow, known, scale, displacement(found.light), Errors())


def test_walls_that_the_sun_grazes_are_not_shadow():
    # Emission 12 degrees at an incidence of 34: the lit walls beside the shadow are seen, and dark.
    found = random_sight(3, 13)
    shadow, profile = measured(found)
    assert compare_masks(shadow.mask, found.true_mask).f1 >= 0.99
    assert profile.maximum == pytest.approx(found.true_depth, rel=0.01)
    # Clusters of brightness take them for shadow: this is what the method is for.
    clusters, too_deep = measured(found, "published")
    assert compare_masks(clusters.mask, found.true_mask).f1 < 0.97
    assert too_deep.maximum > 1.3 * profile.maximum


@pytest.fixture(scope="module")
def degraded() -> list[Sight]:
    return [degraded_sight(number, 31) for number in range(8)]


def test_degraded_pits_are_measured_to_two_per_cent(degraded):
    masks, errors, ratios = [], [], []
    for found in degraded:
        shadow, profile = measured(found)
        masks.append(compare_masks(shadow.mask, found.true_mask))
        errors.append(profile.maximum / found.true_depth - 1.0)
        ratios.append(errors[-1] * found.true_depth / profile.error[profile.deepest])
    assert sum(masks[1:], start=masks[0]).f1 >= 0.97
    assert np.median(np.abs(errors)) <= 0.02
    assert 0.25 < np.median(np.abs(ratios)) < 1.6


def test_degraded_pits_are_the_same_every_time_and_differ_by_number(degraded):
    again = degraded_sight(0, 31)
    np.testing.assert_array_equal(again.rendering.image, degraded[0].rendering.image)
    assert len({found.true_depth for found in degraded}) == len(degraded)
    assert all(found.light.emission == 0.0 for found in degraded)


def box_shadow(widths: np.ndarray) -> Shadow:
    """Return a shadow whose lines, from west to east, have the given widths."""
    mask = np.zeros((len(widths) + 8, int(widths.max()) + 20), bool)
    for row, width in enumerate(widths.astype(int)):
        mask[row + 4, 5 : 5 + width] = True
    return Shadow(mask, mask.astype(float), 2, 0.5, 0.5)


def measured_box(widths: np.ndarray) -> Profile:
    shadow = box_shadow(widths)
    light = Illumination(45.0, 0.0, 270.0, 270.0)
    known = np.ones(shadow.mask.shape, bool)
    return measure(shadow, known, np.diag([1.0, -1.0]), displacement(light), Errors())


def test_a_jump_of_the_width_near_the_maximum_is_told():
    smooth = np.round(20.0 + 10.0 * np.sin(np.linspace(0.0, math.pi, 40)))
    assert not measured_box(smooth).jumps
    jumping = smooth.copy()
    jumping[18:24] += 8.0
    found = measured_box(jumping)
    assert found.jumps
    assert found.error[found.deepest] > 2.0 * measured_box(smooth).error[20]
    # Far from the maximum it does no harm.
    jumping = smooth.copy()
    jumping[3:5] -= 8.0
    assert not measured_box(jumping).jumps


def test_the_scatter_of_neighbouring_widths_is_part_of_the_error():
    moved = displacement(Illumination(45.0, 0.0, 270.0, 270.0))
    errors = Errors(width=0.3, scatter=0.5, incidence=0.0, emission=0.0)
    found = depth_errors(np.array([10.0, 10.0]), moved, 2.0, errors, np.array([0.0, 1.6]))
    np.testing.assert_allclose(found, [0.6, 1.0])


def test_a_lower_scatter_of_the_published_method_changes_nothing_but_the_error(degraded):
    found = degraded[0]
    shadow = find_shadow(found.rendering.image[np.newaxis])
    known = np.ones(shadow.mask.shape, bool)
    scale = np.diag([found.pixel, -found.pixel])
    one, other = (
        measure(shadow, known, scale, displacement(found.light), errors)
        for errors in (Errors(), replace(Errors(), width=1.0, scatter=0.0))
    )
    np.testing.assert_array_equal(one.depth, other.depth)
    assert one.error[one.deepest] != other.error[other.deepest]


def stretched_model(path, stretch: float):
    """Write a height model whose columns are closer than its rows on the ground by a factor."""
    rasterio = pytest.importorskip("rasterio", reason="the extra [images] is not installed")
    pyproj = pytest.importorskip("pyproj", reason="the extra [images] is not installed")
    from scipy import ndimage

    from pipelines.images.georeference import Georeference
    from pipelines.images.raster import write_geotiff

    assert rasterio
    rng = np.random.default_rng(5)
    heights = ndimage.gaussian_filter(pit_heights(Pit(32.0, 20.0, 0.8), 0.5, 480, rng), 3.0)
    rows, cols = np.meshgrid(
        np.arange(120) * 4 + 1.5, np.arange(int(120 / stretch)) * 4 * stretch + 1.5, indexing="ij"
    )
    coarse = ndimage.map_coordinates(heights, [rows, cols], order=1, mode="nearest")
    latitude = math.degrees(math.acos(stretch))
    crs = pyproj.CRS.from_string("+proj=eqc +lat_ts=0 +lon_0=20 +R=1737400 +units=m")
    y = 1737400.0 * math.radians(latitude)
    place = Georeference((2.0, 0.0, 0.0, 0.0, -2.0, y), crs.to_wkt())
    write_geotiff(path, coarse[np.newaxis], place)
    return path


def test_a_height_model_with_oblong_pixels_gives_the_same_depths(tmp_path):
    from pipelines.pit_depths.terrain import cut_pit, read_image, terrain_sights

    models = [stretched_model(tmp_path / f"{each}.tif", each) for each in (1.0, 0.8)]
    parts = [cut_pit(read_image(model)) for model in models]
    for part in parts:
        height, width = part.shape
        scale = np.abs(part.require_georeference().local_scale(height / 2, width / 2))
        assert scale[0, 0] == pytest.approx(scale[1, 1], rel=2e-3)
        assert height == pytest.approx(width, abs=2)
    suns = [[next(sights), next(sights)] for sights in map(terrain_sights, models)]
    for one, other in zip(*suns, strict=True):
        assert other.true_depth == pytest.approx(one.true_depth, rel=0.02)
        assert other.true_mask.sum() * other.pixel**2 == pytest.approx(
            one.true_mask.sum() * one.pixel**2, rel=0.06
        )
        assert measured(other)[1].maximum == pytest.approx(other.true_depth, rel=0.05)


def test_the_map_of_the_rendered_pits_is_true_to_scale_where_they_lie():
    pytest.importorskip("pyproj", reason="the extra [images] is not installed")
    from pipelines.pit_depths.terrain import exact_place

    for number in (0, 25):
        scale = exact_place(0.5, number).local_scale(150.0, 150.0)
        np.testing.assert_allclose(scale, np.diag([0.5, -0.5]), atol=2e-4)


def test_the_report_renders_scores_and_tells_the_spread(tmp_path):
    pytest.importorskip("rasterio", reason="the extra [images] is not installed")
    from pipelines.pit_depths.report import Rendered, rows_of, scores_of_rendered, spread_line

    scores = scores_of_rendered(Rendered("few", "degraded", 31, 2))
    rows = rows_of("few", scores)
    assert [row.split(" | ")[1:4] for row in rows] == [
        ["subpixel", "exact", "2"],
        ["published", "exact", "2"],
        ["published", "published", "2"],
    ]
    assert scores[0]["f1"] > scores[1]["f1"]
    line = spread_line("Few pits", [scores, scores])
    assert f"F1 {scores[0]['f1']:.4f} ± 0.0000" in line
