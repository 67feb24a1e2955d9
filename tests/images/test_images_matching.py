"""Average precision: known values, and those of pycocotools."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from pipelines.images.matching import (
    ImageMatch,
    PixelScores,
    average_precision,
    box_overlaps,
    compare_masks,
    f1_at,
    mask_overlaps,
    score_objects,
)


def test_pixels_are_counted_where_they_are_valid():
    true = np.array([[1, 1, 0, 0]], bool)
    found = np.array([[1, 0, 1, 0]], bool)
    scores = compare_masks(found, true)
    assert (scores.precision, scores.recall, scores.f1) == (0.5, 0.5, 0.5)
    assert scores.iou == pytest.approx(1 / 3)
    valid = np.array([[1, 0, 1, 1]], bool)
    assert compare_masks(found, true, valid) + scores == PixelScores(2, 2, 1)
    assert np.isnan(PixelScores(0, 0, 0).f1)


def test_overlaps_of_boxes_and_masks_agree():
    boxes = np.array([[0, 0, 4, 4], [2, 2, 6, 6], [5, 0, 7, 1]], float)
    masks = np.zeros((3, 8, 8), bool)
    for mask, (left, top, right, bottom) in zip(masks, boxes.astype(int), strict=True):
        mask[top:bottom, left:right] = True
    expected = np.array([[1, 4 / 28, 0], [4 / 28, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(box_overlaps(boxes, boxes), expected)
    np.testing.assert_allclose(mask_overlaps(masks, masks), expected)


def test_average_precision_of_a_case_by_hand():
    # Right, wrong, right, of two objects: precision 1 up to recall 0.5, then 2/3.
    overlaps = np.array([[0.9, 0.0], [0.0, 0.1], [0.0, 0.8]])
    image = ImageMatch(np.array([0.9, 0.8, 0.7]), overlaps)
    assert average_precision([image], 0.5) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert f1_at([image]) == pytest.approx(0.8)


def test_a_second_detection_of_the_same_object_is_wrong():
    image = ImageMatch(np.array([0.9, 0.8]), np.array([[0.9], [0.95]]))
    assert f1_at([image]) == pytest.approx(2 / 3)


def test_classes_without_true_objects_do_not_count():
    nothing = ImageMatch(np.array([0.5]), np.zeros((1, 0)))
    right = ImageMatch(np.array([0.5]), np.ones((1, 1)))
    assert score_objects({"a": [nothing], "b": [right]}).map50_95 == pytest.approx(1.0)
    assert np.isnan(score_objects({"a": [nothing]}).map50)


def random_images(seed: int):
    """Boxes of two classes in some images, with detections that miss, double and shift."""
    rng = np.random.default_rng(seed)
    images = []
    for number in range(12):
        count = int(rng.integers(0, 7))
        corner, side = rng.uniform(0, 150, (count, 2)), rng.uniform(12, 50, (count, 2))
        kinds = rng.integers(1, 3, count)
        true = np.concatenate([corner, corner + side], axis=1)
        keep = rng.random(count) > 0.2
        found = true[keep] + rng.normal(0, 3, (int(keep.sum()), 4))
        found_kinds = kinds[keep]
        extra = int(rng.integers(0, 4))
        place, size = rng.uniform(0, 150, (extra, 2)), rng.uniform(12, 50, (extra, 2))
        found = np.concatenate([found, np.concatenate([place, place + size], axis=1)])
        found_kinds = np.concatenate([found_kinds, rng.integers(1, 3, extra)])
        scores = rng.permutation(1000)[: len(found)] / 1000 + number / 1e5
        images.append((true, kinds, found, found_kinds, scores))
    return images


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_average_precision_agrees_with_pycocotools(seed):
    coco = pytest.importorskip("pycocotools.coco", reason="the peer pycocotools is not installed")
    from pycocotools.cocoeval import COCOeval

    images = random_images(seed)
    truths, answers = [], []
    matches: dict[str, list[ImageMatch]] = {"1": [], "2": []}
    for number, (true, kinds, found, found_kinds, scores) in enumerate(images, start=1):
        for box, kind in zip(true, kinds, strict=True):
            width, height = (float(each) for each in box[2:] - box[:2])
            truths.append(
                {"id": len(truths) + 1, "image_id": number, "category_id": int(kind), "iscrowd": 0}
                | {"bbox": [float(box[0]), float(box[1]), width, height], "area": width * height}
            )
        for box, kind, score in zip(found, found_kinds, scores, strict=True):
            width, height = (float(each) for each in box[2:] - box[:2])
            answers.append(
                {"image_id": number, "category_id": int(kind), "score": float(score)}
                | {"bbox": [float(box[0]), float(box[1]), width, height]}
            )
        for kind in (1, 2):
            own = found_kinds == kind
            overlaps = box_overlaps(found[own], true[kinds == kind])
            matches[str(kind)].append(ImageMatch(scores[own], overlaps))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {
            "images": [{"id": number} for number in range(1, len(images) + 1)],
            "categories": [{"id": 1}, {"id": 2}],
            "annotations": truths,
        }
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(answers), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    ours = score_objects(matches)
    assert ours.map50_95 == pytest.approx(judge.stats[0], abs=1e-9)
    assert ours.map50 == pytest.approx(judge.stats[1], abs=1e-9)
