"""Objects that were found against labelled ones: average precision, F1, pixels, confusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.images.matching import (
    ImageMatch,
    ObjectScores,
    PixelScores,
    average_precision,
    box_overlaps,
    compare_masks,
    f1_at,
    score_objects,
)
from pipelines.mars_pits.regions import Region, region_overlaps

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Where a found object is nothing, or a labelled one was not found, in the confusion.
NOTHING = "nothing"


@dataclass(frozen=True)
class Objects:
    """Objects of one image.

    Attributes
    ----------
    kinds
        Number of the class of each, shape (n,).
    boxes
        Left, top, right, bottom, shape (n, 4).
    regions
        Pixels of each.
    scores
        Confidence; 1 for labelled ones; shape (n,).
    shape
        Rows and columns of the image.
    """

    kinds: NDArray[np.int64]
    boxes: Values
    regions: tuple[Region, ...]
    scores: Values
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.kinds)

    def painted(self, keep: Flags) -> Flags:
        """Return the pixels of some of them together, shape of the image."""
        canvas = np.zeros(self.shape, dtype=bool)
        for number in np.flatnonzero(keep):
            self.regions[number].paint(canvas)
        return canvas


def objects_of(
    regions: Sequence[Region],
    kinds: Sequence[int],
    shape: tuple[int, int],
    scores: Sequence[float] | None = None,
) -> Objects:
    """Return objects with boxes around their pixels.

    Parameters
    ----------
    regions, kinds, scores
        Of each; scores are 1 when not given.
    shape
        Rows and columns of the image.
    """
    boxes = np.array([each.box for each in regions], float).reshape(len(regions), 4)
    values = np.ones(len(regions)) if scores is None else np.asarray(scores, float)
    return Objects(
        np.asarray(kinds, np.int64), boxes, tuple(regions), values.reshape(len(regions)), shape
    )


@dataclass(frozen=True)
class Overlaps:
    """Found and labelled objects of one image, and how they overlap.

    Attributes
    ----------
    found, true
        The objects.
    boxes, masks
        Intersections over union, shape (found, true).
    """

    found: Objects
    true: Objects
    boxes: Values = field(repr=False)
    masks: Values = field(repr=False)

    @classmethod
    def of(cls, found: Objects, true: Objects) -> Overlaps:
        """Compare the objects of an image."""
        return cls(
            found,
            true,
            box_overlaps(found.boxes, true.boxes),
            region_overlaps(found.regions, true.regions),
        )

    def match(self, kind: int, least: float, *, masks: bool) -> ImageMatch:
        """Return the objects of one class whose confidence is not below `least`."""
        own = (self.found.kinds == kind) & (self.found.scores >= least)
        table = self.masks if masks else self.boxes
        return ImageMatch(self.found.scores[own], table[own][:, self.true.kinds == kind])


def average_precisions(
    images: Sequence[Overlaps], classes: Sequence[str], counted: Sequence[str], *, masks: bool
) -> ObjectScores:
    """Return the mean average precision over some classes; all confidences count."""
    return score_objects(
        {
            name: [each.match(classes.index(name), 0.0, masks=masks) for each in images]
            for name in counted
        }
    )


def object_f1(
    images: Sequence[Overlaps],
    classes: Sequence[str],
    counted: Sequence[str],
    least: float,
    *,
    masks: bool,
) -> float:
    """Return the F1 of objects of some classes at an overlap of one half; classes have to agree."""
    matches = [
        each.match(classes.index(name), least, masks=masks) for name in counted for each in images
    ]
    return f1_at(matches)


def pixel_scores(
    images: Sequence[Overlaps], classes: Sequence[str], counted: Sequence[str], least: float
) -> PixelScores:
    """Return how the pixels of all objects of some classes together agree."""
    numbers = [classes.index(name) for name in counted]
    total = PixelScores(0, 0, 0)
    for each in images:
        masks = []
        for objects in (each.found, each.true):
            own = np.isin(objects.kinds, numbers) & (objects.scores >= least)
            masks.append(objects.painted(own))
        total = total + compare_masks(masks[0], masks[1])
    return total


def confusion(
    images: Sequence[Overlaps], classes: Sequence[str], least: float
) -> dict[str, dict[str, int]]:
    """Return how often objects of a class were found as another, by mask overlaps of one half.

    Returns
    -------
    table
        Labelled class to found class to number, `NOTHING` for either.
    """
    names = [*classes, NOTHING]
    table = {true: dict.fromkeys(names, 0) for true in names}
    for each in images:
        kept = np.flatnonzero(each.found.scores >= least)
        free = set(range(len(each.true)))
        for number in sorted(kept, key=lambda one: -each.found.scores[one]):
            candidates = [k for k in free if each.masks[number, k] >= 0.5]
            name = classes[each.found.kinds[number]]
            if candidates:
                best = max(candidates, key=lambda k: each.masks[number, k])
                free.remove(best)
                table[classes[each.true.kinds[best]]][name] += 1
            else:
                table[NOTHING][name] += 1
        for left in free:
            table[classes[each.true.kinds[left]]][NOTHING] += 1
    return table


def diameter_errors(images: Sequence[Overlaps], least: float) -> Values:
    """Return the relative errors of the diameters of objects that are matched by half or more.

    Diameters are those of circles of the same area.
    """
    errors = []
    for each in images:
        for number in np.flatnonzero(each.found.scores >= least):
            matched = np.flatnonzero(each.masks[number] >= 0.5)
            if len(matched):
                best = matched[int(np.argmax(each.masks[number][matched]))]
                areas = each.found.regions[number].area, each.true.regions[best].area
                errors.append((areas[0] / areas[1]) ** 0.5 - 1.0)
    return np.array(errors, float)


@dataclass(frozen=True)
class ClassScores:
    """How objects of one class were found.

    Attributes
    ----------
    objects
        Labelled ones.
    box_ap50, box_ap, mask_ap50, mask_ap
        Average precision at an overlap of 0.5, and mean over 0.5 to 0.95.
    box_f1, mask_f1
        At an overlap of 0.5 with the confidence of the rule.
    """

    objects: int
    box_ap50: float
    box_ap: float
    mask_ap50: float
    mask_ap: float
    box_f1: float
    mask_f1: float


def class_scores(
    images: Sequence[Overlaps], classes: Sequence[str], name: str, least: float
) -> ClassScores:
    """Score one class."""
    number = classes.index(name)
    values = []
    for masks in (False, True):
        matches = [each.match(number, 0.0, masks=masks) for each in images]
        values += [average_precision(matches, 0.5), score_objects({name: matches}).map50_95]
    f1 = [object_f1(images, classes, [name], least, masks=masks) for masks in (False, True)]
    count = sum(int((each.true.kinds == number).sum()) for each in images)
    return ClassScores(count, *values, *f1)


def summary(
    images: Sequence[Overlaps],
    classes: Sequence[str],
    negatives: frozenset[str],
    least: float,
    error: float,
) -> dict[str, Any]:
    """Return all scores as plain values.

    Parameters
    ----------
    images
        With what was found and what is there.
    classes
        Names by number.
    negatives
        Classes that are no pits: a crater that is taken for a pit is wrong, and none is asked for.
    least
        Confidence from which on objects count for F1, pixels, diameters and confusion.
    error
        Relative standard deviation that diameters are said to have.

    Returns
    -------
    scores
        Over the classes of pits: ``map50``, ``map50_95`` of boxes, ``mask_map50``,
        ``mask_map50_95``; ``box_f1``, ``mask_f1`` at an overlap of one half with classes that
        agree, ``box_f1_any``, ``mask_f1_any`` whatever class of pit; ``f1``, ``iou``,
        ``precision``, ``recall`` of pixels; ``diameter_error_median`` (relative) and
        ``diameter_within_errors``, the part that is right to within ``error``; ``n_images``,
        ``n_objects``; ``classes`` with the scores of each, the negative ones too; ``confusion``.
        None where nothing is labelled.
    """
    pits = [name for name in classes if name not in negatives]
    boxes = average_precisions(images, classes, pits, masks=False)
    masks = average_precisions(images, classes, pits, masks=True)
    pixels = pixel_scores(images, classes, pits, least)
    merged = [_as_one_class(each, classes, pits) for each in images]
    diameters = np.abs(diameter_errors(images, least))
    scores: dict[str, Any] = {
        "n_images": len(images),
        "n_objects": sum(int(np.sum(each.true.kinds == 0)) for each in merged),
        "f1": pixels.f1,
        "iou": pixels.iou,
        "precision": pixels.precision,
        "recall": pixels.recall,
        "map50": boxes.map50,
        "map50_95": boxes.map50_95,
        "mask_map50": masks.map50,
        "mask_map50_95": masks.map50_95,
        "box_f1": object_f1(images, classes, pits, least, masks=False),
        "mask_f1": object_f1(images, classes, pits, least, masks=True),
        "box_f1_any": object_f1(merged, ["pit", "none"], ["pit"], least, masks=False),
        "mask_f1_any": object_f1(merged, ["pit", "none"], ["pit"], least, masks=True),
        "diameter_error_median": float(np.median(diameters)) if len(diameters) else np.nan,
        "diameter_within_errors": float(np.mean(diameters <= error)) if len(diameters) else np.nan,
    }
    plain = {key: _plain(value) for key, value in scores.items()}
    plain["classes"] = {
        name: {
            key: _plain(value)
            for key, value in vars_of(class_scores(images, classes, name, least)).items()
        }
        for name in classes
    }
    plain["confusion"] = confusion(images, classes, least)
    return plain


def vars_of(scores: ClassScores) -> dict[str, float]:
    """Return the fields of the scores of a class by name."""
    return {name: getattr(scores, name) for name in ClassScores.__dataclass_fields__}


def _plain(value: float) -> float | int | None:
    """Return a number that JSON can hold; nothing for what is not defined."""
    if isinstance(value, int):
        return value
    return None if np.isnan(value) else float(value)


def _as_one_class(each: Overlaps, classes: Sequence[str], pits: Sequence[str]) -> Overlaps:
    """Return the objects of an image with all pits as class 0, everything else as class 1."""
    numbers = [classes.index(name) for name in pits]

    def renamed(objects: Objects) -> Objects:
        kinds = np.where(np.isin(objects.kinds, numbers), 0, 1)
        return replace(objects, kinds=kinds)

    return Overlaps(renamed(each.found), renamed(each.true), each.boxes, each.masks)
