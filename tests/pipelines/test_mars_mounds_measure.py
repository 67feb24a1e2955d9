"""Single mounds out of maps, and their sizes, on surfaces that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")
pytest.importorskip("rasterio", reason="the extra [images] is not installed")

from pipelines.errors import WeightsError
from pipelines.mars_mounds.choose import fit_scale
from pipelines.mars_mounds.evaluate import Scored, Truth, overlaps_of, pairs_of, score
from pipelines.mars_mounds.instances import separate
from pipelines.mars_mounds.measure import ground_beneath, plane_beneath, published, size_of
from pipelines.mars_mounds.rules import Rules, Scale, read_rules, write_rules
from pipelines.mars_mounds.terrain import fractal


def discs(places: list[tuple[float, float, float]], side: int = 96) -> np.ndarray:
    """Maps of perfect confidence: discs with a hill on the middle of each."""
    rows, cols = np.indices((side, side)) + 0.5
    maps = np.zeros((3, side, side))
    for row, col, radius in places:
        away = np.hypot(rows - row, cols - col)
        maps[0] = np.maximum(maps[0], away < radius)
        maps[1] = np.maximum(maps[1], np.exp(-((away / (radius / 4.0)) ** 2) / 2.0))
    return np.round(255 * maps).astype(np.uint8)


def found_in(maps: np.ndarray):
    return separate(maps, maps[0] >= 128, centre=0.2, least=20)


def test_two_discs_that_touch_become_two_mounds_of_their_own_sizes():
    places = [(40.0, 30.0, 18.0), (44.0, 58.0, 11.0)]
    made = sorted(found_in(discs(places)), key=lambda each: each.col)
    assert len(made) == 2
    for each, (row, col, radius) in zip(made, places, strict=True):
        assert (each.row, each.col) == pytest.approx((row, col), abs=1.0)
        assert each.area == pytest.approx(np.pi * radius**2, rel=0.06)
    assert not (made[0].mask & made[1].mask).any()


def test_several_peaks_around_a_vent_are_one_mound():
    maps = discs([(48.0, 48.0, 24.0)])
    rows, cols = np.indices(maps[1].shape) + 0.5
    for angle in (0.3, 2.4, 4.5):
        away = np.hypot(rows - 48 - 9 * np.sin(angle), cols - 48 - 9 * np.cos(angle))
        maps[1] = np.maximum(maps[1], 250 * np.exp(-((away / 2.0) ** 2))).astype(np.uint8)
    assert len(found_in(maps)) == 1


def test_a_part_without_a_middle_is_one_mound_and_a_tiny_one_is_none():
    maps = discs([(30.0, 30.0, 12.0)])
    maps[1] = 0
    assert len(found_in(maps)) == 1
    assert found_in(discs([(30.0, 30.0, 2.0)])) == []


def test_holes_within_a_mound_belong_to_it():
    maps = discs([(40.0, 40.0, 15.0)])
    maps[0, 38:42, 38:42] = 0
    assert found_in(maps)[0].area == pytest.approx(np.pi * 15.0**2, rel=0.03)


def mound(radius: float, height: float, pixel: float, tilt: tuple[float, float], vent: float = 0.0):
    """A bowl turned over on a plane, with a vent of a third of its height at the summit."""
    rows, cols = np.indices((96, 96)) + 0.5
    away = np.hypot(rows - 48.0, cols - 48.0)
    shape = np.clip(1.0 - (away / radius) ** 2, 0.0, None)
    if vent:
        rim = 1.0 - vent**2
        within = away < vent * radius
        inner = rim - (1.0 - (away / (vent * radius)) ** 2) / 3.0
        shape = np.where(within, inner, shape) / rim
    return height * shape + pixel * (tilt[0] * rows + tilt[1] * cols)


@settings(max_examples=40, deadline=None)
@given(
    radius=st.floats(10.0, 28.0),
    ratio=st.floats(0.03, 0.2),
    pixel=st.floats(0.5, 20.0),
    tilt=st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)),
)
def test_diameter_height_and_volume_of_a_known_mound_are_found_on_any_tilt(
    radius, ratio, pixel, tilt
):
    height = ratio * 2.0 * radius * pixel
    heights = mound(radius, height, pixel, tilt)
    instance = found_in(discs([(48.0, 48.0, radius)]))[0]
    size = size_of(instance, heights, instance.mask, (pixel, pixel))
    assert size.diameter == pytest.approx(2.0 * radius * pixel, rel=0.03)
    # Smoothing over a pixel lowers a summit as round as that of the smallest by 3 %.
    assert size.height == pytest.approx(height, rel=0.04)
    volume = np.pi * (radius * pixel) ** 2 * height / 2.0
    assert size.volume == pytest.approx(volume, rel=0.04)
    assert abs(size.vent) < 0.05 * height
    assert size.roughness < 1e-6 * max(height, 1.0) + 1e-6


def test_the_depth_of_a_vent_is_measured_from_its_crest():
    heights = mound(20.0, 30.0, 5.0, (0.05, 0.0), vent=0.4)
    instance = found_in(discs([(48.0, 48.0, 20.0)]))[0]
    size = size_of(instance, heights, instance.mask, (5.0, 5.0))
    depth = 30.0 / 3.0 / (1.0 - 0.4**2)
    assert size.vent == pytest.approx(depth, rel=0.25)
    assert size.height == pytest.approx(30.0, rel=0.06)


def test_a_neighbour_or_a_spike_in_the_ring_does_not_lift_the_ground():
    heights = mound(15.0, 20.0, 5.0, (0.0, 0.0))
    instance = found_in(discs([(48.0, 48.0, 15.0)]))[0]
    others = instance.mask.copy()
    heights[20:30, 40:56] += 40.0
    others[20:30, 40:56] = True
    heights[48, 70] += 500.0
    size = size_of(instance, heights, others, (5.0, 5.0))
    assert size.height == pytest.approx(20.0, rel=0.05)


def test_without_ground_about_it_or_heights_only_the_diameter_is_known():
    instance = found_in(discs([(48.0, 48.0, 15.0)]))[0]
    everywhere = np.ones((96, 96), dtype=bool)
    for heights in (None, mound(15.0, 20.0, 5.0, (0.0, 0.0))):
        size = published(size_of(instance, heights, everywhere, (5.0, 5.0)), Rules())
        assert size.diameter == pytest.approx(150.0, rel=0.03)
        assert np.isnan(size.height)
        assert np.isnan(size.volume)
        assert np.isnan(size.height_error)


def test_a_plane_is_found_through_the_pixels_of_a_ring_alone():
    rows, cols = np.indices((40, 40))
    heights = 3.0 + 0.5 * rows - 0.25 * cols
    ring = np.hypot(rows - 20, cols - 20) > 12
    broken = np.where(ring, heights, 1e4)
    plane, roughness = plane_beneath(broken, ring)
    np.testing.assert_allclose(plane, heights, atol=1e-9)
    assert roughness < 1e-9
    assert plane_beneath(heights, np.zeros_like(ring)) is None


def test_scales_take_out_a_bias_and_errors_hold_two_thirds_of_the_deviations():
    random = np.random.default_rng(0)
    true = random.uniform(50.0, 500.0, 600)
    soft = random.uniform(1.0, 20.0, 600)
    measured = (true + soft * random.standard_normal(600)) / 1.1
    sources = np.stack([soft, measured], axis=1)
    scale = fit_scale(measured, true, sources, np.zeros(600, dtype=int))
    assert scale.factor == pytest.approx(1.1, rel=0.01)
    errors = np.hypot(scale.parts[0] * soft, scale.parts[1] * measured)
    assert np.mean(np.abs(scale.factor * measured - true) <= errors) == pytest.approx(
        0.683, abs=0.01
    )
    # The error that is there is found, and not one in proportion to the size.
    assert scale.parts[0] == pytest.approx(1.0, rel=0.25)


def test_errors_are_larger_where_sites_differ_more_than_the_mounds_of_one():
    random = np.random.default_rng(1)
    sites = np.repeat(np.arange(20), 15)
    true = random.uniform(50.0, 500.0, len(sites))
    # Two sites of five are ten times as bad, and nothing that was measured tells which.
    spread = np.where(sites % 5 < 2, 0.2, 0.02)
    measured = true * (1.0 + spread * random.standard_normal(len(sites)))
    sources = np.stack([measured, measured], axis=1)
    together = fit_scale(measured, true, sources, sites)
    alone = fit_scale(measured, true, sources, np.zeros_like(sites))
    assert np.hypot(*together.parts) > np.hypot(*alone.parts)


def test_the_ground_beneath_a_mound_is_foretold_better_than_by_a_plane():
    off = {"plane": [], "kriging": []}
    mask = found_in(discs([(48.0, 48.0, 18.0)]))[0].mask
    away = np.hypot(*(np.indices((96, 96)) - 47.5))
    ring = (away > 20.0) & (away < 31.0)
    for seed in range(12):
        heights = 20.0 * fractal((96, 96), 3.0, np.random.default_rng(seed))
        plane, roughness = plane_beneath(heights, ring)
        ground, same = ground_beneath(np.where(mask, 1e3, heights), ring, mask)
        assert same == roughness
        assert np.array_equal(ground[away > 30.0], plane[away > 30.0])
        for name, each in (("plane", plane), ("kriging", ground)):
            off[name].append((each - heights)[mask].mean())
    assert np.std(off["kriging"]) < 0.85 * np.std(off["plane"])


def test_ground_that_a_few_pixels_in_a_line_tell_of_is_a_plane():
    rows, cols = np.indices((60, 60))
    heights = 0.1 * rows
    ring = np.zeros((60, 60), dtype=bool)
    ring[5, 10:50] = True
    mask = np.hypot(rows - 30, cols - 30) < 8
    ground, roughness = ground_beneath(heights, ring, mask)
    assert np.isfinite(ground).all()
    assert roughness < 1e-9
    assert ground_beneath(heights, np.zeros_like(ring), mask) is None


def test_rules_are_read_as_they_were_written_and_damaged_ones_refused(tmp_path):
    rules = Rules(mound=0.4, confidence=(1.0, 2.0, 3.0, 4.0), height=Scale(1.1, (0.2, 0.3)))
    write_rules(tmp_path, {"heights": rules, "pictures": Rules()})
    assert read_rules(tmp_path) == {"heights": rules, "pictures": Rules()}
    (tmp_path / "rules.json").write_text('{"heights": {"mound": 1}}')
    with pytest.raises(WeightsError, match=r"rules\.json"):
        read_rules(tmp_path)


def test_overlaps_of_numbered_objects_are_those_of_their_pixels():
    found = np.zeros((4, 6), dtype=np.int32)
    true = np.zeros((4, 6), dtype=np.int32)
    found[:2, :3], found[2:, 3:] = 1, 2
    true[:2, :2], true[3:, 3:] = 1, 2
    overlaps = overlaps_of(found, true, (2, 2))
    np.testing.assert_allclose(overlaps, [[4 / 6, 0.0], [0.0, 0.5]])
    assert pairs_of(overlaps, np.array([0.1, 0.9])) == [(1, 1), (0, 0)]


def test_a_raster_where_nothing_is_and_nothing_was_found_has_no_scores_but_counts():
    empty = Scored([], Truth(np.zeros((8, 8), dtype=np.int32)), 0.5)
    result = score([empty])
    assert result["f1"] is None
    assert (result["objects"], result["detections"], result["rasters"]) == (0, 0, 1)
