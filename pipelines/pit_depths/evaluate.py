"""Measured shadows and depths against known ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.errors import LabelError
from pipelines.images.matching import PixelScores, compare_masks
from pipelines.images.raster import read_image
from pipelines.images.shapefiles import fill, read_shapes
from pipelines.pit_depths.detect import Measurement

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Truth:
    """What is known about the shadow of a pit.

    Attributes
    ----------
    mask
        Its pixels, shape of the image; `None` if they are not known.
    depth
        Maximum apparent depth, metres; `None` if it is not known.
    """

    mask: Flags | None
    depth: float | None


def read_truth(labels: Path, found: Sequence[Measurement]) -> list[Truth]:
    """Read what is known about measured pits.

    Parameters
    ----------
    labels
        ``.csv`` with the columns ``image`` (name of the image without ending, or identifier of the
        pit) and ``depth_m``, ``mask`` or both (paths from the table's folder); or outlines
        (shapefile, GeoJSON) in degrees or in the image's pixels' reference system, those with
        ``class`` 1 if they have classes; or a raster that is not 0 in the shadow.
    found
        The pits.

    Returns
    -------
    truths
        One for each pit, in order.

    Raises
    ------
    LabelError
        If nothing fits.
    """
    suffix = labels.suffix.lower()
    if suffix == ".csv":
        table = _read_table(labels)
        truths = [_of_table(table, labels, each) for each in found]
    elif suffix in (".shp", ".json", ".geojson"):
        truths = [Truth(_filled(labels, each), None) for each in found]
    else:
        truths = [Truth(_mask(labels, each), None) for each in found]
    if all(truth.mask is None and truth.depth is None for truth in truths):
        raise LabelError(
            f"{labels} knows nothing of {', '.join(each.scene.name for each in found[:3])}",
            hint="the column image has to have the names of the images, without endings",
        )
    return truths


def _read_table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"image": str, "mask": str})
    except (OSError, ValueError) as error:
        raise LabelError(f"{path} cannot be read: {error}") from error
    if "image" not in table or not {"depth_m", "mask"} & set(table.columns):
        raise LabelError(
            f"{path} has the columns {', '.join(map(str, table.columns))}",
            hint="image, and depth_m or mask or both, are needed",
        )
    return table


def _of_table(table: pd.DataFrame, path: Path, each: Measurement) -> Truth:
    names = table["image"].map(lambda name: Path(str(name)).stem)
    rows = table[names.isin({each.scene.name, each.scene.image.path.stem})]
    if len(rows) == 0:
        return Truth(None, None)
    if len(rows) > 1:
        raise LabelError(f"{path} has {len(rows)} rows for {each.scene.name}")
    row = rows.iloc[0]
    mask = row.get("mask")
    depth = row.get("depth_m")
    return Truth(
        None if pd.isna(mask) else _mask(path.parent / str(mask), each),
        None if pd.isna(depth) else float(depth),
    )


def _mask(path: Path, each: Measurement) -> Flags:
    found = np.nan_to_num(read_image(path).pixels[0]) > 0.0
    if found.shape != each.scene.image.shape:
        raise LabelError(
            f"{path} has {found.shape} pixels, the image of {each.scene.name}"
            f" {each.scene.image.shape}"
        )
    return np.asarray(found)


def _filled(path: Path, each: Measurement) -> Flags:
    place = each.scene.image.require_georeference()
    shapes = read_shapes(path)
    classes = [shape for shape in shapes if shape.attributes.get("class", 1) == 1]
    if not classes:
        raise LabelError(f"{path} has no outline of class 1")
    rings = []
    for shape in classes:
        for ring in shape.rings:
            rows, cols = place.pixel(ring[:, 0], ring[:, 1])
            rings.append(np.stack([cols, rows], axis=1))
    return fill(tuple(rings), each.scene.image.shape)


def score(found: Sequence[Measurement], truths: Iterable[Truth]) -> Mapping[str, Any]:
    """Score shadows and depths.

    Parameters
    ----------
    found, truths
        In the same order.

    Returns
    -------
    scores
        ``n_images``; of all pixels together ``f1``, ``iou``, ``precision``, ``recall``, and
        ``f1_median`` over the images, where masks are known; the median, mean and largest relative
        error of the depth ``depth_error_median``, ``depth_error_mean``, ``depth_error_max``, its
        median with sign ``depth_bias``, and ``within_errors``, the part of depths that are right
        to within their own standard deviation, where depths are known. Plain numbers.
    """
    masks: list[PixelScores] = []
    errors: list[float] = []
    deviations: list[float] = []
    for each, truth in zip(found, truths, strict=True):
        if truth.mask is not None:
            masks.append(compare_masks(each.shadow.mask, truth.mask, each.scene.known))
        if truth.depth is not None and truth.depth > 0.0:
            difference = each.profile.maximum - truth.depth
            errors.append(difference / truth.depth)
            deviations.append(abs(difference) / float(each.profile.error[each.profile.deepest]))
    return {"n_images": len(found), **_mask_scores(masks), **_depth_scores(errors, deviations)}


def _mask_scores(masks: Sequence[PixelScores]) -> dict[str, float]:
    if not masks:
        return {}
    together = sum(masks[1:], start=masks[0])
    return {
        "f1": together.f1,
        "iou": together.iou,
        "precision": together.precision,
        "recall": together.recall,
        "f1_median": float(np.median([each.f1 for each in masks])),
        "f1_min": float(np.min([each.f1 for each in masks])),
    }


def _depth_scores(errors: Sequence[float], deviations: Sequence[float]) -> dict[str, float]:
    if not errors:
        return {}
    sizes = np.abs(errors)
    return {
        "depth_error_median": float(np.median(sizes)),
        "depth_error_mean": float(np.mean(sizes)),
        "depth_error_max": float(np.max(sizes)),
        "depth_bias": float(np.median(errors)),
        "within_errors": float(np.mean(np.asarray(deviations) <= 1.0)),
    }
