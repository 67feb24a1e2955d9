"""Tables of the report, the experiment with few labels, and the context that the networks need."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra [pipelines] is not installed")
pytest.importorskip("safetensors", reason="the extra [pipelines] is not installed")
pytest.importorskip("rasterio", reason="the extra [images] is not installed")

import torch

from pipelines.images.network import UNet
from pipelines.mars_mounds import augment
from pipelines.mars_mounds.channels import SURROUNDINGS
from pipelines.mars_mounds.detect import BLOCK, MARGIN, SHIPPED_WEIGHTS, load_detector
from pipelines.mars_mounds.model import HEADS, height_network, mound_loss, picture_network
from pipelines.mars_mounds.report import Line, augmentation_lines, object_table, size_table
from pipelines.mars_mounds.shipped import fingerprint
from pipelines.mars_mounds.simulate import simulate_site
from pipelines.mars_mounds.source import terrain_of

SCORES = {"f1": 0.9, "iou": 0.8, "diameter_bias": -0.012, "class_accuracy": 1.0}


@pytest.fixture(scope="module")
def seeds():
    torch.set_num_threads(1)
    return augment.seed_windows(3)


def test_figures_of_several_networks_have_a_spread_and_unknown_ones_are_left_empty():
    several = Line("a", [SCORES, {**SCORES, "f1": 0.8}])
    assert several.cell("f1") == "0.850 ± 0.071"
    assert Line("b", [SCORES]).cell("diameter_bias", percent=True) == "-1.2 %"
    assert several.cell("map50") == ""
    for table in (object_table([several]), size_table([several])):
        assert len({line.count("|") for line in table}) == 1


def test_the_experiment_is_shown_with_what_it_gains(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"none": [0.5, 0.6], "other": [0.6, 0.6]}))
    lines = augmentation_lines(path)
    assert lines[2].startswith("| none | 0.550 ± 0.071 |")
    assert "+0.050 ± 0.071" in lines[3]
    assert augmentation_lines(tmp_path / "absent.json") == []


def test_moved_mounds_stand_on_the_ground_that_was_there(seeds):
    made = augment.moved_mounds(seeds, 4, np.random.default_rng(0))
    for each in made:
        assert each.heights.shape == (augment.SIDE, augment.SIDE)
        same = [np.isclose(each.heights, one.heights).mean() for one in seeds]
        ground = seeds[int(np.argmax(same))]
        added = (each.targets[0] > 0) & (ground.targets[0] == 0)
        assert np.array_equal(each.heights[~added], ground.heights[~added])
        assert (each.targets[0] >= ground.targets[0]).all()


def test_a_generator_makes_windows_of_new_masks_the_same_for_a_seed(seeds, monkeypatch):
    monkeypatch.setattr(augment, "ADVERSARIAL_STEPS", 2)
    first, again = (augment.generated(seeds, 2, 1) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.heights, b.heights)
        assert np.isfinite(a.heights).all()
        assert a.targets.shape == (3, augment.SIDE, augment.SIDE)


def test_the_margin_of_a_block_holds_the_context_of_network_and_bands():
    network = height_network()
    assert isinstance(network, UNet)
    assert network.reach + SURROUNDINGS // 2 <= MARGIN
    assert (BLOCK + 2 * MARGIN) % 2**network.levels == 0


def test_what_lies_beyond_the_margin_does_not_change_the_maps_of_a_block():
    detector = load_detector(SHIPPED_WEIGHTS, "heights", 1)
    terrain = terrain_of(simulate_site(6))
    side = BLOCK + 2 * MARGIN
    window = np.pad(terrain.raster.read(slice(0, 384), slice(0, 384)), (
        (0, 0), (MARGIN, side - MARGIN - 384), (MARGIN, side - MARGIN - 384)
    ), mode="reflect")  # fmt: skip
    changed = window.copy()
    changed[:, :4] += 300.0
    changed[:, :, -4:] -= 300.0
    own = slice(MARGIN, MARGIN + BLOCK)
    before, after = (detector.maps(each, terrain)[:, own, own] for each in (window, changed))
    np.testing.assert_allclose(after, before, atol=2e-3)


def test_pixels_outside_of_a_raster_change_nothing_and_have_no_mounds():
    detector = load_detector(SHIPPED_WEIGHTS, "heights", 1)
    terrain = terrain_of(simulate_site(6, size=192))
    values = terrain.raster.read(slice(0, 192), slice(0, 192))
    alone = detector.maps(values, terrain)
    around = np.pad(values, ((0, 0), (32, 48), (64, 16)), constant_values=np.nan)
    made = detector.maps(around, terrain)
    np.testing.assert_allclose(made[:, 32:224, 64:256], alone, atol=1e-6)
    assert made[:, :32].max() == made[:, :, :64].max() == 0.0


def test_untrained_networks_say_that_most_of_the_ground_is_none_of_it():
    torch.manual_seed(0)
    for network, bands in ((height_network(), 5), (picture_network(), 1)):
        with torch.no_grad():
            maps = network.eval()(torch.zeros(1, bands, 64, 64))
        shares = {head: float(torch.sigmoid(each).mean()) for head, each in maps.items()}
        assert max(shares.values()) < 0.15


def test_a_map_without_the_rare_vents_costs_more_than_one_with_them():
    true = torch.zeros(1, 3, 32, 32)
    true[:, 2, 12:18, 12:18] = 1.0
    weights = torch.ones(1, 1, 32, 32)
    right = {head: 12.0 * true[:, n : n + 1] - 6.0 for n, head in enumerate(HEADS)}
    empty = {**right, "vent": torch.full((1, 1, 32, 32), -6.0)}
    unweighted = {**right, "vent": torch.full((1, 1, 32, 32), 6.0)}
    losses = [float(mound_loss(each, true, weights)) for each in (right, empty, unweighted)]
    assert losses[0] + 1.0 < losses[1] < losses[2]


def test_where_nobody_knows_of_vents_their_map_costs_nothing():
    true = torch.zeros(1, 3, 32, 32)
    true[:, 2] = -1.0
    weights = torch.ones(1, 1, 32, 32)
    logits = {head: torch.full((1, 1, 32, 32), -6.0) for head in HEADS}
    other = {**logits, "vent": torch.full((1, 1, 32, 32), 6.0)}
    assert float(mound_loss(logits, true, weights)) == float(mound_loss(other, true, weights))


def test_what_is_learnt_from_has_one_fingerprint_that_labels_change(seeds):
    assert fingerprint("pictures", 3) == fingerprint("pictures", 3)
    made = {fingerprint("heights", 3), fingerprint("heights", 4), fingerprint("pictures", 3)}
    assert len({*made, fingerprint("heights", 3, seeds[:1])}) == 4
