"""Found pits against labels in the format of COCO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.errors import LabelError
from pipelines.images.annotations import Annotation, LabelledImage, Labels, read_labels
from pipelines.mars_pits.classes import known_class
from pipelines.mars_pits.detect import Detection, detect, factors_of
from pipelines.mars_pits.regions import Region
from pipelines.mars_pits.scores import Objects, Overlaps, objects_of, summary
from pipelines.mars_pits.source import SUFFIXES, open_scene
from pipelines.mars_pits.weights import Detector

#: Pixels around a box within which the outline of its object is looked for.
_AROUND = 2


def labelled_images(source: str | Path, labels: Path) -> tuple[Labels, list[LabelledImage]]:
    """Return the images that are to be scored: those of a source that have labels.

    Parameters
    ----------
    source
        An image, or a folder of images, in it or in its folder ``images``.
    labels
        A file of labels or a folder with one.

    Raises
    ------
    LabelError
        If none of the labelled images is there.
    """
    read = read_labels(labels)
    path = Path(source)
    if path.is_dir():
        folders = (path, path / "images")
        there = {
            each.name: each
            for folder in folders
            if folder.is_dir()
            for each in sorted(folder.iterdir())
            if each.suffix.lower() in (*SUFFIXES, ".jpg", ".jpeg")
        }
    else:
        there = {path.name: path}
    images = [
        LabelledImage(there[each.path.name], each.shape, each.annotations)
        for each in read.images
        if each.path.name in there
    ]
    if not images:
        names = ", ".join(each.path.name for each in read.images[:3])
        raise LabelError(
            f"none of the {len(read.images)} labelled images of {read.path} is in {source}",
            hint=f"files with the names that the labels have are looked for: {names}",
        )
    return read, images


def check_shape(image: LabelledImage, shape: tuple[int, int], labels: Path) -> None:
    """Check that labels and image are of the same size.

    Raises
    ------
    LabelError
        If they are not.
    """
    if image.shape != shape:
        raise LabelError(
            f"{labels}: {image.path.name} is said to have {image.shape[0]} x {image.shape[1]}"
            f" pixels, and has {shape[0]} x {shape[1]}",
            hint="labels belong to the image as it is, not to one that was cut or made smaller",
        )


def true_of(image: LabelledImage, classes: Sequence[str], labels: Path) -> Objects:
    """Return the labelled objects of an image.

    Crowds and outlines without a pixel are left out.

    Raises
    ------
    LabelError
        If a class is not one of those that the network knows.
    """
    regions, kinds = [], []
    for each in image.annotations:
        name = known_class(each.category)
        if name not in classes:
            raise LabelError(
                f"{labels}: the network does not know the class {each.category!r}",
                hint=f"it knows {', '.join(classes)}; train one with your classes:"
                " epntap train mars_pits --data FOLDER",
            )
        region = None if each.crowd else region_of(image.shape, each)
        if region is not None:
            regions.append(region)
            kinds.append(classes.index(name))
    return objects_of(regions, kinds, image.shape)


def region_of(shape: tuple[int, int], annotation: Annotation) -> Region | None:
    """Return the pixels of a labelled object; `None` if there are none in the image."""
    height, width = shape
    outline = annotation.outline
    left, top, right, bottom = annotation.box
    if isinstance(outline, tuple):
        points = np.concatenate(outline)
        left, top = min(left, points[:, 0].min()), min(top, points[:, 1].min())
        right, bottom = max(right, points[:, 0].max()), max(bottom, points[:, 1].max())
    rows = slice(max(0, int(top) - _AROUND), min(height, int(bottom) + _AROUND))
    cols = slice(max(0, int(left) - _AROUND), min(width, int(right) + _AROUND))
    if rows.start >= rows.stop or cols.start >= cols.stop:
        return None
    mask = annotation.mask(shape, rows, cols)
    return Region.of(mask, rows.start, cols.start) if mask.any() else None


def overlaps_of(found: Sequence[Detection], true: Objects, classes: Sequence[str]) -> Overlaps:
    """Compare the detections in an image with the labelled objects."""
    objects = objects_of(
        [each.region for each in found],
        [classes.index(each.kind) for each in found],
        true.shape,
        [each.confidence for each in found],
    )
    return Overlaps.of(objects, true)


def score_images(
    source: str | Path,
    labels: Path,
    detector: Detector,
    *,
    sizes: tuple[float | None, float | None] = (None, None),
    progress: Progress = silent,
) -> Mapping[str, Any]:
    """Find pits in labelled images and score them.

    Parameters
    ----------
    source, labels
        See `labelled_images`.
    detector
        The network with its rule.
    sizes
        Smallest and largest diameter that is looked for, m.
    progress
        Told after each image.

    Returns
    -------
    scores
        See `pipelines.mars_pits.scores.summary`.

    Raises
    ------
    PipelineError
        If images or labels cannot be used.
    """
    read, images = labelled_images(source, labels)
    compared = []
    for done, image in enumerate(images, start=1):
        with open_scene(image.path) as scene:
            check_shape(image, scene.raster.shape, read.path)
            true = true_of(image, detector.classes, read.path)
            height, width = scene.raster.shape
            pixel = scene.pixel(height / 2.0, width / 2.0)
            factors = factors_of((height, width), pixel, *sizes)
            found = detect(scene.raster, detector, factors=factors)
        compared.append(overlaps_of(found, true, detector.classes))
        progress("images", done, len(images))
    rule = detector.rule
    return summary(
        compared, detector.classes, detector.negatives, rule.confidence, rule.diameter_error
    )
