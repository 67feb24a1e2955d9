"""Detected objects against true ones: pixels, matches at an overlap, average precision as in COCO.

The average precision is that of the COCO challenge (Lin et al. 2014, arXiv:1405.0312, and its
evaluation rules): detections of a class over all images in order of confidence, each given to the
true object of its image that it overlaps most and that is still free; precision made monotonic and
read at 101 values of recall; the mean over overlaps from 0.50 to 0.95 and over classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Intersections over union at which detections are matched.
OVERLAPS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0.0, 1.0, 101)
#: Detections of one class in one image that count, the most confident ones.
MOST_DETECTIONS = 100


@dataclass(frozen=True)
class PixelScores:
    """How a mask agrees with the true one.

    Attributes
    ----------
    true_positive, false_positive, false_negative
        Numbers of pixels.
    """

    true_positive: int
    false_positive: int
    false_negative: int

    @property
    def precision(self) -> float:
        """Part of the found pixels that are right; not a number if none was found."""
        return _ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Part of the true pixels that were found; not a number if there are none."""
        return _ratio(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        wrong = self.false_positive + self.false_negative
        return _ratio(2 * self.true_positive, 2 * self.true_positive + wrong)

    @property
    def iou(self) -> float:
        """Intersection over union."""
        return _ratio(
            self.true_positive, self.true_positive + self.false_positive + self.false_negative
        )

    def __add__(self, other: PixelScores) -> PixelScores:
        return PixelScores(
            self.true_positive + other.true_positive,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
        )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def compare_masks(found: Flags, true: Flags, valid: Flags | None = None) -> PixelScores:
    """Count the pixels on which two masks agree.

    Parameters
    ----------
    found, true
        Same shape.
    valid
        Pixels that count, all when not given.
    """
    counted = np.ones_like(true) if valid is None else valid
    return PixelScores(
        int(np.sum(found & true & counted)),
        int(np.sum(found & ~true & counted)),
        int(np.sum(~found & true & counted)),
    )


def box_overlaps(found: Values, true: Values) -> Values:
    """Return the intersection over union of boxes.

    Parameters
    ----------
    found, true
        Left, top, right, bottom; shapes (n, 4) and (m, 4).

    Returns
    -------
    overlaps
        Shape (n, m).
    """
    low = np.maximum(found[:, None, :2], true[None, :, :2])
    top = np.minimum(found[:, None, 2:], true[None, :, 2:])
    shared = np.prod(np.clip(top - low, 0.0, None), axis=2)
    areas = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (found, true)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0.0)


def mask_overlaps(found: Flags, true: Flags) -> Values:
    """Return the intersection over union of masks, shapes (n, rows, cols) and (m, rows, cols)."""
    pixels = math.prod(true.shape[1:])
    a = found.reshape(len(found), pixels).astype(np.float64)
    b = true.reshape(len(true), pixels).astype(np.float64)
    shared = a @ b.T
    union = a.sum(axis=1)[:, None] + b.sum(axis=1)[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0.0)


@dataclass(frozen=True)
class ImageMatch:
    """Detections and true objects of one class in one image.

    Attributes
    ----------
    scores
        Confidence of each detection, shape (n,).
    overlaps
        With each true object, shape (n, m).
    """

    scores: Values
    overlaps: Values


def _matched(image: ImageMatch, overlap: float) -> tuple[Values, Flags]:
    """Return the scores in order and which of the detections found an object of their own."""
    order = np.argsort(-image.scores, kind="stable")[:MOST_DETECTIONS]
    free = np.ones(image.overlaps.shape[1], dtype=bool)
    hit = np.zeros(len(order), dtype=bool)
    for place, number in enumerate(order):
        candidates = np.where(free, image.overlaps[number], -1.0)
        # Of equal overlaps the last counts, as in the reference implementation.
        best = len(candidates) - 1 - int(np.argmax(candidates[::-1])) if len(candidates) else -1
        if best >= 0 and candidates[best] >= min(overlap, 1.0 - 1e-10):
            free[best] = False
            hit[place] = True
    return image.scores[order], hit


def precision_recall(images: Sequence[ImageMatch], overlap: float) -> tuple[Values, Values]:
    """Return recall and precision of one class at one overlap as the least confidence falls.

    Returns
    -------
    recall, precision
        One value a detection, the most confident first; empty if there are no true objects.
    """
    total = sum(image.overlaps.shape[1] for image in images)
    if total == 0:
        return np.empty(0), np.empty(0)
    pairs = [_matched(image, overlap) for image in images]
    scores = np.concatenate([each[0] for each in pairs])
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(np.concatenate([each[1] for each in pairs])[order])
    return found / total, found / np.arange(1, len(found) + 1)


def average_precision(images: Sequence[ImageMatch], overlap: float) -> float:
    """Return the average precision of one class at one overlap, 0 to 1.

    Not a number if there are no true objects.
    """
    if sum(image.overlaps.shape[1] for image in images) == 0:
        return float("nan")
    recall, precision = precision_recall(images, overlap)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, _RECALLS, side="left")
    read = np.append(falling, 0.0)[np.minimum(places, len(falling))]
    return float(np.mean(read))


@dataclass(frozen=True)
class ObjectScores:
    """How objects were found.

    Attributes
    ----------
    map50, map50_95
        Mean average precision over the classes at an overlap of 0.5, and over overlaps from 0.5
        to 0.95.
    by_class
        The latter for each class.
    """

    map50: float
    map50_95: float
    by_class: Mapping[str, float]


def score_objects(classes: Mapping[str, Sequence[ImageMatch]]) -> ObjectScores:
    """Score the detections of several classes; those without true objects do not count."""
    table = {
        name: [average_precision(images, float(overlap)) for overlap in OVERLAPS]
        for name, images in classes.items()
    }
    known = {name: row for name, row in table.items() if not np.isnan(row[0])}
    if not known:
        return ObjectScores(float("nan"), float("nan"), {})
    return ObjectScores(
        float(np.mean([row[0] for row in known.values()])),
        float(np.mean([np.mean(row) for row in known.values()])),
        {name: float(np.mean(row)) for name, row in known.items()},
    )


def f1_at(images: Sequence[ImageMatch], overlap: float = 0.5) -> float:
    """Return the F1 of all detections of one class that are matched at an overlap."""
    hits = sum(int(_matched(image, overlap)[1].sum()) for image in images)
    detections = sum(min(len(image.scores), MOST_DETECTIONS) for image in images)
    objects = sum(image.overlaps.shape[1] for image in images)
    return _ratio(2 * hits, detections + objects)
