"""Objects from maps, their overlaps and scores, and the rule that is chosen by them."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("scipy")
pytest.importorskip("sklearn")

from pipelines.images.annotations import encode
from pipelines.images.matching import mask_overlaps, score_objects
from pipelines.mars_pits.choose import Read, choose_rule, true_objects
from pipelines.mars_pits.instances import Rule, quantised, separate
from pipelines.mars_pits.regions import Region, region_overlaps
from pipelines.mars_pits.samples import Sample, normalised
from pipelines.mars_pits.scores import NOTHING, Overlaps, diameter_errors, objects_of, summary

CLASSES = ("pit", "shallow", "crater")
NEGATIVES = frozenset({"crater"})
SHAPE = (64, 64)


def disc(row: float, col: float, radius: float, shape=SHAPE) -> np.ndarray:
    rows, cols = np.indices(shape)
    return np.hypot(rows + 0.5 - row, cols + 0.5 - col) < radius


def maps_of(discs, *, sure: float = 0.95) -> np.ndarray:
    """Return maps as a network would give them of discs: row, column, radius, class."""
    maps = np.zeros((2 + len(CLASSES), *SHAPE), np.float32)
    for row, col, radius, kind in discs:
        maps[0][disc(row, col, radius)] = sure
        maps[1][disc(row, col, 0.5 * radius)] = sure
        maps[2 + kind][disc(row, col, radius)] = 0.9
    return quantised(maps)


def sample_of(discs) -> Sample:
    numbers = np.zeros(SHAPE, np.int32)
    for number, (row, col, radius, _) in enumerate(discs, start=1):
        numbers[disc(row, col, radius)] = number
    cover = (numbers > 0).astype(np.float32)
    return Sample("x", np.ones(SHAPE), cover, numbers, tuple(each[3] for each in discs))


some_masks = st.lists(
    arrays(bool, (7, 8), elements=st.booleans()).filter(np.any), min_size=0, max_size=3
)


@given(some_masks, some_masks)
def test_overlaps_of_regions_are_those_of_their_masks(found, true):
    expected = mask_overlaps(
        np.array(found).reshape(len(found), 7, 8), np.array(true).reshape(len(true), 7, 8)
    )
    made = region_overlaps([Region.of(each) for each in found], [Region.of(each) for each in true])
    np.testing.assert_allclose(made, expected)


@given(arrays(bool, (6, 5), elements=st.booleans()).filter(np.any), st.integers(0, 9))
def test_a_region_paints_the_mask_that_it_was_made_of(mask, moved):
    canvas = np.zeros((20, 20), bool)
    Region.of(mask, moved, moved).paint(canvas)
    np.testing.assert_array_equal(canvas[moved : moved + 6, moved : moved + 5], mask)
    assert canvas.sum() == mask.sum()


def test_touching_objects_are_told_apart_by_their_cores():
    found = separate(maps_of([(30, 20, 10, 0), (30, 39, 10, 1)]), Rule())
    assert sorted(each.kind for each in found) == [0, 1]
    for each, col in zip(
        sorted(found, key=lambda one: one.region.cols.start), (20, 39), strict=True
    ):
        true = Region.of(disc(30, col, 10))
        assert region_overlaps([each.region], [true])[0, 0] > 0.9


def test_specks_are_no_objects_and_holes_in_objects_are_filled():
    maps = maps_of([(30, 30, 12, 0), (5, 5, 2, 0)])
    maps[0, 30, 30] = 0
    (only,) = separate(maps, Rule(least_area=40))
    assert only.region.area == disc(30, 30, 12).sum()


def test_only_pixels_within_count_where_that_is_said():
    maps = maps_of([(20, 20, 8, 0), (44, 44, 8, 1)])
    (only,) = separate(maps, Rule(), disc(20, 20, 12))
    assert only.kind == 0


def test_brightness_is_relative_to_lit_ground_and_holes_are_like_it():
    rng = np.random.default_rng(0)
    pixels = rng.normal(100.0, 2.0, (32, 32))
    pixels[:4, :4] = 5.0
    np.testing.assert_allclose(normalised(7.0 * pixels), normalised(pixels), atol=1e-5)
    few, many = normalised(pixels), normalised(np.where(np.indices((32, 32))[1] < 8, 5.0, pixels))
    assert few[0, 0] == pytest.approx(many[0, 0], abs=0.02)
    pixels[:4] = np.nan
    made = normalised(pixels)
    assert np.all(made[:4] == 0.0)
    assert np.median(made[4:]) == pytest.approx(0.0, abs=1e-6)
    assert not normalised(np.full((4, 4), np.nan)).any()
    assert np.ptp(normalised(np.linspace(-3.0, 1.0, 16).reshape(4, 4))) == pytest.approx(2.0)


def overlaps(found, true) -> Overlaps:
    """Compare discs with a confidence and discs."""
    return Overlaps.of(
        objects_of(
            [Region.of(disc(*each[:3])) for each in found],
            [each[3] for each in found],
            SHAPE,
            [each[4] for each in found],
        ),
        objects_of(
            [Region.of(disc(*each[:3])) for each in true], [each[3] for each in true], SHAPE
        ),
    )


def test_everything_right_scores_one_and_nothing_found_scores_nothing():
    true = [(20, 20, 8, 0), (44, 40, 9, 1)]
    right = summary([overlaps([(*e, 0.9) for e in true], true)], CLASSES, NEGATIVES, 0.5, 0.05)
    for key in ("f1", "iou", "map50", "map50_95", "box_f1", "mask_f1", "mask_f1_any"):
        assert right[key] == pytest.approx(1.0), key
    assert right["diameter_error_median"] == 0.0
    assert right["diameter_within_errors"] == 1.0
    nothing = summary([overlaps([], true)], CLASSES, NEGATIVES, 0.5, 0.05)
    assert (nothing["map50"], nothing["mask_f1"], nothing["f1"]) == (0.0, 0.0, 0.0)
    assert nothing["diameter_error_median"] is None
    assert json.loads(json.dumps(nothing)) == nothing


def test_a_crater_taken_for_a_pit_is_wrong_and_one_that_is_known_does_not_count():
    true = [(20, 20, 8, 0), (44, 40, 9, 2)]
    taken = overlaps([(20, 20, 8, 0, 0.9), (44, 40, 9, 0, 0.8)], true)
    scores = summary([taken], CLASSES, NEGATIVES, 0.5, 0.05)
    assert scores["mask_f1"] == pytest.approx(2 / 3)
    assert scores["n_objects"] == 1
    assert scores["confusion"]["crater"]["pit"] == 1
    known = overlaps([(20, 20, 8, 0, 0.9), (44, 40, 9, 2, 0.8)], true)
    assert summary([known], CLASSES, NEGATIVES, 0.5, 0.05)["mask_f1"] == 1.0


def test_the_wrong_class_of_pit_is_wrong_but_a_pit():
    wrong = overlaps([(20, 20, 8, 1, 0.9)], [(20, 20, 8, 0)])
    scores = summary([wrong], CLASSES, NEGATIVES, 0.5, 0.05)
    assert scores["mask_f1"] == 0.0
    assert scores["mask_f1_any"] == 1.0
    assert scores["confusion"]["pit"]["shallow"] == 1


def test_low_confidences_count_for_precision_averages_only():
    unsure = overlaps([(20, 20, 8, 0, 0.2)], [(20, 20, 8, 0)])
    scores = summary([unsure], CLASSES, NEGATIVES, 0.5, 0.05)
    assert scores["map50"] == pytest.approx(1.0)
    assert scores["mask_f1"] == 0.0
    assert scores["confusion"]["pit"][NOTHING] == 1


def test_errors_of_diameters_are_relative():
    (error,) = diameter_errors([overlaps([(30, 30, 22, 0, 0.9)], [(30, 30, 20, 0)])], 0.5)
    assert error == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_average_precision_of_masks_agrees_with_pycocotools(seed):
    coco = pytest.importorskip("pycocotools.coco", reason="the peer pycocotools is not installed")
    from pycocotools.cocoeval import COCOeval

    rng = np.random.default_rng(seed)

    def random_discs(count: int) -> list[tuple[float, float, float, int]]:
        return [
            (*rng.uniform(8, 56, 2), float(rng.uniform(4, 14)), int(rng.integers(2)))
            for _ in range(count)
        ]

    images, truths, answers = [], [], []
    scores = iter(rng.permutation(1000) / 1000)
    for number in range(1, 11):
        true = random_discs(int(rng.integers(0, 6)))
        kept = [each for each in true if rng.random() > 0.2]
        moved = [(r + rng.normal(0, 1.5), c + rng.normal(0, 1.5), d, k) for r, c, d, k in kept]
        found = [(*each, float(next(scores))) for each in moved + random_discs(2)]
        images.append(overlaps(found, true))
        for each in (*true, *found):
            mask = disc(*each[:3])
            outline = {"size": list(SHAPE), "counts": [int(n) for n in encode(mask)]}
            entry = {"image_id": number, "category_id": each[3] + 1, "segmentation": outline}
            entry |= {"area": float(mask.sum()), "iscrowd": 0}
            if len(each) == 5:
                answers.append(entry | {"score": each[4]})
            else:
                truths.append(entry | {"id": len(truths) + 1, "bbox": [0, 0, 1, 1]})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {
            "images": [{"id": n, "height": 64, "width": 64} for n in range(1, 11)],
            "categories": [{"id": 1}, {"id": 2}],
            "annotations": truths,
        }
        truth.createIndex()
        for each in answers:
            packed = coco.maskUtils.frPyObjects(each["segmentation"], *SHAPE)
            each["segmentation"] = packed
        judge = COCOeval(truth, truth.loadRes(answers), "segm")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    ours = score_objects(
        {str(kind): [each.match(kind, 0.0, masks=True) for each in images] for kind in (0, 1)}
    )
    assert ours.map50_95 == pytest.approx(judge.stats[0], abs=1e-9)
    assert ours.map50 == pytest.approx(judge.stats[1], abs=1e-9)


def test_the_rule_learns_which_objects_are_right_from_validation_pictures():
    rng = np.random.default_rng(5)
    maps, samples = [], []
    for _ in range(20):
        place = rng.uniform(16, 48, 2)
        true = [(*place, 9.0, 0)]
        ghost = ((place[0] + 32) % 64, (place[1] + 32) % 64, 6.0, 0)
        made = maps_of(true)
        weak = maps_of([ghost], sure=0.62)
        maps.append(np.maximum(made, weak))
        samples.append(sample_of(true))
    rule, precision = choose_rule(maps, samples, CLASSES, NEGATIVES)
    assert precision > 0.9
    reads = [
        Read.of(each, one, rule).overlaps(rule) for each, one in zip(maps, samples, strict=True)
    ]
    scores = summary(reads, CLASSES, NEGATIVES, rule.confidence, rule.diameter_error)
    assert scores["mask_f1"] == pytest.approx(1.0)
    ghosts = [
        float(score)
        for each in reads
        for score, best in zip(each.found.scores, each.masks.max(axis=1), strict=True)
        if best < 0.5
    ]
    assert max(ghosts, default=0.0) < rule.confidence


def doubtful(kinds: tuple[float, ...]) -> np.ndarray:
    """Return maps of one disc of which the class is in doubt."""
    maps = maps_of([(32, 32, 10, 0)]).astype(np.float32) / 255.0
    for number, value in enumerate(kinds):
        maps[2 + number] = value * disc(32, 32, 10)
    return quantised(maps)


def test_a_class_that_counts_for_less_gives_way_to_one_that_is_nearly_as_likely():
    maps = doubtful((0.05, 0.45, 0.5))
    (plain,) = separate(maps, Rule())
    (weighed,) = separate(maps, Rule(class_weights=(1.0, 1.0, 0.7)))
    assert (plain.kind, weighed.kind) == (2, 1)
    np.testing.assert_allclose(weighed.kinds, np.array([5, 45, 35]) / 85, atol=0.01)
    assert weighed.kinds.sum() == pytest.approx(1.0)
    # The confidence is that of the class it has now.
    assert weighed.features[3] == pytest.approx(np.log(45 / 40), abs=0.05)
    np.testing.assert_array_equal(np.delete(weighed.features, 3), np.delete(plain.features, 3))


def test_pixels_that_rule_a_class_out_count_for_more_than_those_in_doubt():
    maps = doubtful((0.55, 0.45, 0.0))
    rim = disc(32, 32, 10) & ~disc(32, 32, 8)
    maps[2][rim], maps[3][rim] = 13, 242
    (found,) = separate(maps, Rule())
    # The mean over the pixels is that of the first class.
    assert maps[2][disc(32, 32, 10)].mean() > 0.5 * 0.55 * 255
    assert found.kind == 1


def test_the_rule_calls_more_pits_where_that_finds_more_of_them():
    maps, samples = [], []
    for number in range(24):
        bowl = number % 3 > 0
        # In doubt, two of three are bowls: more likely craters by the maps, but seldom so.
        maps.append(doubtful((0.02, 0.44, 0.54)))
        samples.append(sample_of([(32, 32, 10.0, 1 if bowl else 2)]))
    rule, _ = choose_rule(maps, samples, CLASSES, NEGATIVES)
    assert rule.class_weights[:2] == (1.0, 1.0)
    assert rule.class_weights[2] < 0.44 / 0.54
    assert all(separate(each, rule)[0].kind == 1 for each in maps)
    only_pits, _ = choose_rule(maps, samples, CLASSES, frozenset())
    assert only_pits.class_weights == ()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20))
def test_objects_of_a_sample_are_those_with_a_whole_pixel(seed):
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, 3, (8, 8)).astype(np.int32)
    cover = np.where(numbers > 0, rng.choice([0.2, 0.8], (8, 8)), 0.0).astype(np.float32)
    sample = Sample("x", np.ones((8, 8)), cover, numbers, (0, 2))
    objects = true_objects(sample)
    expected = [k for k in (1, 2) if ((numbers == k) & (cover >= 0.5)).any()]
    assert list(objects.kinds) == [sample.kinds[k - 1] for k in expected]


def test_tables_have_a_line_a_network_class_and_group():
    from pipelines.mars_pits.report import (
        Outcome,
        cell,
        class_lines,
        confidence_lines,
        confusion_lines,
        network_lines,
        size_lines,
    )
    from pipelines.mars_pits.weights import Detector

    true = [(20, 20, 8, 0), (44, 40, 9, 2)]
    images = [overlaps([(20, 20, 8, 0, 0.95), (44, 40, 9, 0, 0.6)], true)]
    detector = Detector((), Rule(confidence=0.5), CLASSES, NEGATIVES, "", True)
    made = Outcome(detector, images, summary(images, CLASSES, NEGATIVES, 0.5, 0.05))
    lines = network_lines([made, made], made)
    assert len(lines) == 1 + 2 + 2
    assert lines[-2].startswith("| mean ± standard deviation | 1.000 ± 0.000 |")
    assert lines[-1].startswith("| all together | 1.000 |")
    assert len(class_lines([made])) == 1 + len(CLASSES)
    assert "| crater | 1 | 0 | 0 | 0 |" in confusion_lines(made)
    assert size_lines([made])[2] == "| 16 to 24 | 1 | 100.0 % | 100.0 % |"
    assert size_lines([made])[1] == "| 0 to 16 | 0 |  |  |"
    assert confidence_lines([made])[1:] == [
        "| 0.5 to 0.75 | 1 | 0.600 | 0.000 |",
        "| 0.9 to 1 | 1 | 0.950 | 1.000 |",
    ]
    assert cell(None) == cell(float("nan")) == ""
