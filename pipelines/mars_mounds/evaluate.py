"""Detections against what is true: pixels, objects, classes and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipelines.errors import LabelError
from pipelines.images.matching import (
    ImageMatch,
    PixelScores,
    box_overlaps,
    compare_masks,
    f1_at,
    score_objects,
)
from pipelines.images.raster import read_image
from pipelines.images.shapefiles import fill, read_shapes
from pipelines.mars_mounds.detect import Detection
from pipelines.mars_mounds.simulate import CONE, MOUND, Site, TrueMound
from pipelines.mars_mounds.source import SUFFIXES, Terrain

Values = NDArray[np.float64]
Labels = NDArray[np.int32]

#: Overlap from which on a detection is right.
OVERLAP = 0.5

_OUTLINES = (".shp", ".json", ".geojson")


@dataclass(frozen=True)
class Truth:
    """What is true in a raster.

    Attributes
    ----------
    labels
        Number of the mound that a pixel belongs to, from 1 on; 0 on the ground.
    mounds
        In the order of their numbers; nothing where only outlines are known.
    """

    labels: Labels
    mounds: tuple[TrueMound, ...] | None = None

    @property
    def count(self) -> int:
        """How many mounds there are."""
        return int(self.labels.max(initial=0))


@dataclass(frozen=True)
class Scored:
    """One raster with what was found, however unsure, and what is true.

    Attributes
    ----------
    found
        With any confidence.
    truth
        Of the raster.
    confident
        From which confidence on a detection is reported.
    """

    found: Sequence[Detection]
    truth: Truth
    confident: float

    @property
    def reported(self) -> list[Detection]:
        """Detections that a catalogue would have."""
        return [each for each in self.found if each.confidence >= self.confident]


def truth_of_site(site: Site) -> Truth:
    """Return what is true of a simulated site."""
    return Truth(site.labels, site.mounds)


def read_truth(labels: Path, terrain: Terrain) -> Truth:
    """Read what is true of a raster from a mask or outlines.

    Parameters
    ----------
    labels
        A raster of the same shape, positive within mounds; polygons as shapefile or GeoJSON in
        degrees; or a folder that holds such a file for each raster, of its name with ``_mask`` or
        ``_labels`` behind it or instead of ``_image``.
    terrain
        What was looked at.

    Raises
    ------
    LabelError
        If there is no such file, or it does not fit the raster.
    """
    path = _label_file(labels, terrain.name) if labels.is_dir() else labels
    if not path.is_file():
        raise LabelError(f"there is no file of labels {path}")
    if path.suffix.lower() in _OUTLINES:
        return Truth(_filled(path, terrain))
    mask = _coarser(np.nan_to_num(read_image(path).pixels[0]) > 0.0, terrain.factor)
    if mask.shape != terrain.raster.shape:
        raise LabelError(
            f"{path} has {mask.shape} pixels where {terrain.name} has {terrain.raster.shape}",
            hint="give a mask with as many pixels as the raster, or outlines",
        )
    labels_of, _ = ndimage.label(mask, np.ones((3, 3)))
    return Truth(labels_of.astype(np.int32))


def _coarser(mask: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """Return a mask averaged as its raster was: what is half within is within."""
    if factor == 1:
        return mask
    rows, cols = (side // factor for side in mask.shape)
    squares = mask[: rows * factor, : cols * factor].reshape(rows, factor, cols, factor)
    return np.asarray(squares.mean(axis=(1, 3)) >= 0.5)


def _label_file(folder: Path, name: str) -> Path:
    stems = [f"{name}_mask", f"{name}_labels", name]
    if name.endswith("_image"):
        stems.insert(0, name.removesuffix("_image") + "_mask")
    for stem in stems:
        for suffix in (*SUFFIXES, *_OUTLINES):
            path = folder / f"{stem}{suffix}"
            # A raster that lies beside its labels is not one of them.
            if path.is_file() and not (stem == name and suffix in SUFFIXES):
                return path
    raise LabelError(
        f"{folder} has no labels for {name}", hint=f"looked for {', '.join(stems)} with any ending"
    )


def _filled(path: Path, terrain: Terrain) -> Labels:
    if terrain.place is None:
        raise LabelError(
            f"{path}: outlines in degrees cannot be laid on {terrain.name}, which is on no map"
        )
    labels = np.zeros(terrain.raster.shape, dtype=np.int32)
    number = 0
    for shape in read_shapes(path):
        rings = []
        for ring in shape.rings:
            rows, cols = terrain.place.pixel(ring[:, 0], ring[:, 1])
            rings.append(np.stack([cols, rows], axis=1))
        inside = fill(tuple(rings), labels.shape)
        if inside.any():
            number += 1
            labels[inside] = number
    return labels


def numbered(found: Sequence[Detection], shape: tuple[int, int]) -> Labels:
    """Return the number of the detection that a pixel belongs to, from 1 on; 0 elsewhere."""
    labels = np.zeros(shape, dtype=np.int32)
    for number, each in enumerate(found, start=1):
        labels[each.rows, each.cols][each.mask] = number
    return labels


def overlaps_of(found: Labels, true: Labels, counts: tuple[int, int]) -> Values:
    """Return intersection over union of numbered objects, shape (found, true)."""
    rows, cols = counts[0] + 1, counts[1] + 1
    shared = np.bincount(found.ravel() * cols + true.ravel(), minlength=rows * cols)
    table = shared.reshape(rows, cols).astype(np.float64)
    inner = table[1:, 1:]
    union = table[1:].sum(axis=1)[:, None] + table[:, 1:].sum(axis=0)[None, :] - inner
    return np.divide(inner, union, out=np.zeros_like(inner), where=union > 0.0)


def boxes_of(labels: Labels) -> Values:
    """Return left, top, right, bottom of numbered objects, shape (n, 4)."""
    found = ndimage.find_objects(labels)
    boxes = [
        (0, 0, 0, 0) if each is None else (each[1].start, each[0].start, each[1].stop, each[0].stop)
        for each in found
    ]
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def pairs_of(overlaps: Values, scores: Values, overlap: float = OVERLAP) -> list[tuple[int, int]]:
    """Return which detection is which object: the most confident first, each to its best."""
    free = np.ones(overlaps.shape[1], dtype=bool)
    pairs = []
    for number in np.argsort(-scores, kind="stable"):
        rest = np.where(free, overlaps[number], -1.0)
        best = int(np.argmax(rest)) if len(rest) else -1
        if best >= 0 and rest[best] >= overlap:
            free[best] = False
            pairs.append((int(number), best))
    return pairs


def score(rasters: Sequence[Scored]) -> dict[str, Any]:
    """Score detections in some rasters together.

    Returns
    -------
    scores
        Of pixels ``f1``, ``iou``, ``precision``, ``recall``; of objects at an overlap of 0.5
        ``object_precision``, ``object_recall``, ``mask_f1``, ``box_f1``; ``map50``, ``map50_95`` of
        masks over the classes that are known; ``class_accuracy`` of matched objects; for each of
        diameter, height and volume ``..._error_median`` (relative), ``..._bias`` and
        ``..._within_sigma`` of matched whole objects; counts. Plain numbers, `None` where there is
        nothing to tell.
    """
    pixels = PixelScores(0, 0, 0)
    masks: list[ImageMatch] = []
    boxes: list[ImageMatch] = []
    pairs: list[tuple[Detection, TrueMound]] = []
    for each in rasters:
        reported, truth = each.reported, each.truth
        labels = numbered(reported, truth.labels.shape)
        pixels = pixels + compare_masks(labels > 0, truth.labels > 0)
        scores = np.array([one.confidence for one in reported])
        overlaps = overlaps_of(labels, truth.labels, (len(reported), truth.count))
        masks.append(ImageMatch(scores, overlaps))
        boxes.append(ImageMatch(scores, box_overlaps(boxes_of(labels), boxes_of(truth.labels))))
        if truth.mounds is not None:
            known = truth.mounds
            pairs += [(reported[a], known[b]) for a, b in pairs_of(overlaps, scores)]
    objects = sum(each.truth.count for each in rasters)
    count = sum(len(each.reported) for each in rasters)
    mask_f1 = f1_at(masks, OVERLAP)
    hits = 0.0 if np.isnan(mask_f1) else mask_f1 * (objects + count) / 2.0
    precise = score_objects(_by_class(rasters))
    result: dict[str, Any] = {
        "f1": pixels.f1,
        "iou": pixels.iou,
        "precision": pixels.precision,
        "recall": pixels.recall,
        "mask_f1": mask_f1,
        "box_f1": f1_at(boxes, OVERLAP),
        "object_precision": hits / count if count else float("nan"),
        "object_recall": hits / objects if objects else float("nan"),
        "map50": precise.map50,
        "map50_95": precise.map50_95,
        **_sizes(pairs),
    }
    plain = {name: None if np.isnan(value) else float(value) for name, value in result.items()}
    return {**plain, "objects": objects, "detections": count, "rasters": len(rasters)}


def _by_class(rasters: Sequence[Scored]) -> dict[str, list[ImageMatch]]:
    """Return detections of each class, unsure ones among them; one class where none is known."""
    classes: dict[str, list[ImageMatch]] = {}
    for each in rasters:
        labels = numbered(each.found, each.truth.labels.shape)
        overlaps = overlaps_of(labels, each.truth.labels, (len(each.found), each.truth.count))
        scores = np.array([one.confidence for one in each.found])
        if each.truth.mounds is None:
            classes.setdefault(MOUND, []).append(ImageMatch(scores, overlaps))
            continue
        for kind in (MOUND, CONE):
            own = np.array([one.kind == kind for one in each.found], dtype=bool)
            true = np.array([one.kind == kind for one in each.truth.mounds], dtype=bool)
            match = ImageMatch(scores[own], overlaps[own][:, true])
            classes.setdefault(kind, []).append(match)
    return classes


def _sizes(pairs: Sequence[tuple[Detection, TrueMound]]) -> dict[str, float]:
    if not pairs:
        return {}
    result = {"class_accuracy": float(np.mean([a.kind == b.kind for a, b in pairs]))}
    whole = [(a, b) for a, b in pairs if b.whole and "edge_of_raster" not in a.flags]
    for name in ("diameter", "height", "volume"):
        measured = np.array([getattr(a.size, name) for a, _ in whole])
        errors = np.array([getattr(a.size, f"{name}_error") for a, _ in whole])
        true = np.array([getattr(b, name) for _, b in whole])
        known = np.isfinite(measured)
        if not known.any():
            continue
        off = measured[known] - true[known]
        result[f"{name}_error_median"] = float(np.median(np.abs(off) / true[known]))
        result[f"{name}_bias"] = float(np.median(off / true[known]))
        result[f"{name}_within_sigma"] = float(np.mean(np.abs(off) <= errors[known]))
    return result
