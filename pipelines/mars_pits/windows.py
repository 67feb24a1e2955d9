"""Labelled images of any size, cut to the windows that the network learns from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.errors import LabelError
from pipelines.images.annotations import LabelledImage, Labels
from pipelines.images.tiles import Readable
from pipelines.mars_pits.classes import CLASSES, NEGATIVES, known_class
from pipelines.mars_pits.detect import Coarser
from pipelines.mars_pits.evaluate import check_shape, labelled_images, region_of
from pipelines.mars_pits.regions import Region
from pipelines.mars_pits.samples import Sample
from pipelines.mars_pits.simulate import SIZE
from pipelines.mars_pits.source import open_scene

#: An image is made coarser until its median object has at most so many pixels across.
_MEDIAN = 48.0
#: Windows without objects that are kept for each with some.
_EMPTY = 0.5
#: With so many images or more, whole images are held back; with fewer, parts of them.
_WHOLE_IMAGES = 6
#: Parts that are learnt from, chosen by, and scored on.
_TRAINING, _VALIDATION = 0.7, 0.15


@dataclass(frozen=True)
class Division:
    """Windows with their purposes.

    Attributes
    ----------
    training, validation, test
        No image, or no part of one, gives to two of them.
    by_image
        Whether whole images were held back.
    """

    training: list[Sample]
    validation: list[Sample]
    test: list[Sample]
    by_image: bool


def classes_of(several: Sequence[Labels]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the classes that labels have, and which of them are no pits.

    Those of the package if they are among them, so that what was learnt of them is kept; else
    their own, in order.
    """
    names = {known_class(name) for each in several for name in each.categories}
    if names <= set(CLASSES):
        return CLASSES, NEGATIVES
    return tuple(sorted(names)), NEGATIVES & names


def read_windows(
    sources: Sequence[tuple[Path, Path]], classes: Sequence[str], *, progress: Progress = silent
) -> list[list[Sample]]:
    """Read labelled images as windows of `simulate.SIZE` pixels.

    Parameters
    ----------
    sources
        Image or folder of images, and its labels.
    classes
        Names by number.
    progress
        Told after each image.

    Returns
    -------
    windows
        Of each image, in rows from its top; those with objects, and some without.

    Raises
    ------
    PipelineError
        If images or labels cannot be used.
    """
    found = []
    for source, labels in sources:
        read, images = labelled_images(source, labels)
        for done, image in enumerate(images, start=1):
            with open_scene(image.path) as scene:
                check_shape(image, scene.raster.shape, read.path)
                found.append(_windows(scene.raster, image, classes))
            progress("labelled images", done, len(images))
    return found


def _windows(raster: Readable, image: LabelledImage, classes: Sequence[str]) -> list[Sample]:
    regions = [region_of(image.shape, each) for each in image.annotations]
    objects = [
        (region, classes.index(known_class(each.category)))
        for region, each in zip(regions, image.annotations, strict=True)
        if region is not None and not each.crowd
    ]
    factor = _factor([region for region, _ in objects], image.shape)
    coarser = Coarser(raster, factor)
    size = SIZE * factor
    height, width = image.shape
    with_objects, without = [], []
    for top in _starts(height, size):
        for left in _starts(width, size):
            box = (slice(top, top + size), slice(left, left + size))
            near = [each for each in objects if _touches(each[0], box)]
            made = _sample(coarser, box, near, image.path.stem)
            if made is not None:
                (with_objects if made.kinds else without).append(made)
    most = max(1, round(_EMPTY * len(with_objects)))
    # Spread over the image, not all from its top.
    kept = without[:: max(1, len(without) // most)][:most]
    return [*with_objects, *kept]


def _factor(regions: Sequence[Region], shape: tuple[int, int]) -> int:
    """Return how much coarser an image is to be made, but not smaller than a window."""
    if not regions:
        return 1
    median = float(np.median([math.sqrt(4.0 * each.area / math.pi) for each in regions]))
    wanted, factor = median / _MEDIAN, 1
    while factor < wanted and min(shape) >= 2 * factor * SIZE:
        factor *= 2
    return factor


def _starts(length: int, size: int) -> list[int]:
    """Return where windows begin: side by side, what is left over at the end is filled up."""
    return list(range(0, max(length - size // 2, 1), size))


def _touches(region: Region, box: tuple[slice, slice]) -> bool:
    rows, cols = box
    return (
        region.rows.start < rows.stop
        and region.rows.stop > rows.start
        and region.cols.start < cols.stop
        and region.cols.stop > cols.start
    )


def _sample(
    coarser: Coarser,
    box: tuple[slice, slice],
    objects: Sequence[tuple[Region, int]],
    name: str,
) -> Sample | None:
    """Return a window; `None` if hardly any of it has data."""
    factor = coarser.factor
    top, left = box[0].start // factor, box[1].start // factor
    height, width = coarser.shape
    rows, cols = slice(top, min(top + SIZE, height)), slice(left, min(left + SIZE, width))
    pixels = np.full((SIZE, SIZE), np.nan)
    read = coarser.read(rows, cols)[0]
    pixels[: read.shape[0], : read.shape[1]] = read
    if np.isfinite(pixels).mean() < 0.3:
        return None
    numbers = np.zeros((SIZE, SIZE), np.int32)
    cover = np.zeros((SIZE, SIZE), np.float32)
    kinds = []
    for region, kind in objects:
        part = _cover(region, box, factor)
        if (part >= 0.5).any():
            kinds.append(kind)
            numbers[part > 0.0] = len(kinds)
            cover = np.maximum(cover, part)
    return Sample(name, pixels, cover, numbers, tuple(kinds)).window(slice(0, SIZE), slice(0, SIZE))


def _cover(region: Region, box: tuple[slice, slice], factor: int) -> np.ndarray:
    """Return how much of each pixel of a window lies in a region."""
    fine = np.zeros((SIZE * factor, SIZE * factor), dtype=bool)
    rows, cols = region.rows, region.cols
    top, left = max(rows.start, box[0].start), max(cols.start, box[1].start)
    bottom, right = min(rows.stop, box[0].stop), min(cols.stop, box[1].stop)
    fine[top - box[0].start : bottom - box[0].start, left - box[1].start : right - box[1].start] = (
        region.mask[top - rows.start : bottom - rows.start, left - cols.start : right - cols.start]
    )
    blocks = fine.reshape(SIZE, factor, SIZE, factor)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def divide(images: Sequence[Sequence[Sample]], *, seed: int) -> Division:
    """Divide windows among learning, choosing and scoring.

    With six images or more each image serves one purpose; with fewer, each is cut into three
    strips from top to bottom.

    Parameters
    ----------
    images
        Windows of each.
    seed
        Of the order of the images.

    Raises
    ------
    LabelError
        If that leaves nothing to learn from, or nothing labelled to score.
    """
    by_image = len(images) >= _WHOLE_IMAGES
    parts: tuple[list[Sample], list[Sample], list[Sample]] = ([], [], [])
    if by_image:
        order = np.random.default_rng(seed).permutation(len(images))
        for place, number in enumerate(order):
            parts[_purpose(place, len(images))].extend(images[number])
    else:
        for windows in images:
            for place, window in enumerate(windows):
                parts[_purpose(place, len(windows))].append(window)
    for name, part in zip(("learn from", "choose by", "score"), parts, strict=True):
        if not any(each.kinds for each in part):
            count = sum(len(each.kinds) for windows in images for each in windows)
            raise LabelError(
                f"of {count} labelled objects in {len(images)} images none is left to {name}",
                hint="label more: some dozens of objects in several images are the least",
            )
    return Division(*parts, by_image)


def _purpose(place: int, count: int) -> int:
    """Return 0, 1 or 2: the first part is learnt from, then one chosen by, then one scored on."""
    aside = max(1, round(_VALIDATION * count))
    training = max(1, min(round(_TRAINING * count), count - 2 * aside))
    return 0 if place < training else 1 if place < training + aside else 2
