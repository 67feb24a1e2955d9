"""Labelled objects of images in the format of COCO: read, checked, and written.

The format is that of the COCO challenge (Lin et al. 2014, arXiv:1405.0312): a JSON object with
``images``, ``categories`` and ``annotations``; outlines are polygons in pixels (x to the right, y
downward, the corner of the first pixel at 0, 0) or run lengths, plain or packed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import LabelError
from pipelines.images.shapefiles import fill

Flags = NDArray[np.bool_]

#: Pixels of the largest image whose masks are made whole.
_MOST_PIXELS = 2**26


@dataclass(frozen=True)
class Annotation:
    """A labelled object.

    Attributes
    ----------
    category
        Name of its class.
    box
        Left, top, right, bottom, pixels.
    outline
        Polygons as arrays of x and y, shape (n, 2) each; or run lengths down the columns, which
        begin with the pixels that are outside.
    crowd
        Whether it stands for many objects that were not told apart.
    """

    category: str
    box: tuple[float, float, float, float]
    outline: tuple[NDArray[np.float64], ...] | NDArray[np.int64]
    crowd: bool = False

    def mask(
        self, shape: tuple[int, int], rows: slice | None = None, cols: slice | None = None
    ) -> Flags:
        """Return its pixels; those whose centre is within its polygons.

        Parameters
        ----------
        shape
            Rows and columns of the image.
        rows, cols
            Of a window, with both ends; all of the image when not given.

        Raises
        ------
        LabelError
            If run lengths are those of an image of another size.
        """
        rows, cols = rows or slice(0, shape[0]), cols or slice(0, shape[1])
        if not isinstance(self.outline, tuple):
            return decode(self.outline, shape)[rows, cols]
        filled = np.zeros((rows.stop - rows.start, cols.stop - cols.start), dtype=bool)
        for ring in self.outline:
            filled |= fill((ring - [cols.start, rows.start],), filled.shape)
        return filled


@dataclass(frozen=True)
class LabelledImage:
    """An image and the objects in it.

    Attributes
    ----------
    path
        Of the image.
    shape
        Rows and columns, as the labels have them.
    annotations
        The objects.
    """

    path: Path
    shape: tuple[int, int]
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True)
class Labels:
    """A file of labels.

    Attributes
    ----------
    path
        Of the file.
    categories
        Names of the classes, in the order of their numbers.
    images
        In the order of the file.
    """

    path: Path
    categories: tuple[str, ...]
    images: tuple[LabelledImage, ...] = field(repr=False)


def read_labels(path: Path) -> Labels:
    """Read a file of labels, or the only one in a folder.

    Paths of images are looked for from the folder of the file, then from ``images`` in it.

    Raises
    ------
    LabelError
        If there is none, or something in it does not fit; the message names the entry.
    """
    file = _only_file(path) if path.is_dir() else path
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise LabelError(f"{file} cannot be read: {error}") from error
    names = ("images", "categories", "annotations")
    if not isinstance(content, dict) or any(not isinstance(content.get(n), list) for n in names):
        raise LabelError(
            f"{file} is no file of labels in the format of COCO",
            hint="an object with the lists images, categories and annotations is needed",
        )
    categories = _categories(file, content["categories"])
    grouped: dict[Any, list[Annotation]] = {}
    shapes = _shapes(file, content["images"])
    for each in content["annotations"]:
        where = f"{file}, annotation {each.get('id')!r}"
        if each.get("image_id") not in shapes:
            raise LabelError(f"{where}: there is no image {each.get('image_id')!r}")
        if each.get("category_id") not in categories:
            raise LabelError(f"{where}: there is no category {each.get('category_id')!r}")
        made = _annotation(where, each, categories[each["category_id"]], shapes[each["image_id"]])
        grouped.setdefault(each["image_id"], []).append(made)
    images = tuple(
        LabelledImage(
            _image_path(file, str(each["file_name"])),
            shapes[each["id"]],
            tuple(grouped.get(each["id"], ())),
        )
        for each in content["images"]
    )
    ordered = tuple(categories[number] for number in sorted(categories, key=str))
    if all(isinstance(number, int) for number in categories):
        ordered = tuple(categories[number] for number in sorted(categories))
    return Labels(file, ordered, images)


def _only_file(folder: Path) -> Path:
    found = sorted(
        each for each in folder.glob("*.json") if '"annotations"' in each.read_text("utf-8")
    )
    if len(found) != 1:
        what = "no file" if not found else f"{len(found)} files"
        raise LabelError(
            f"{folder} has {what} of labels in the format of COCO (*.json)",
            hint="name the file itself" if found else "labelme and CVAT export it",
        )
    return found[0]


def _categories(file: Path, given: Sequence[Mapping[str, Any]]) -> dict[Any, str]:
    found: dict[Any, str] = {}
    for each in given:
        if "id" not in each or not str(each.get("name", "")).strip():
            raise LabelError(f"{file}: category {dict(each)} has no id or no name")
        if each["id"] in found:
            raise LabelError(f"{file}: two categories have the id {each['id']}")
        found[each["id"]] = str(each["name"]).strip()
    if not found:
        raise LabelError(f"{file} has no categories")
    return found


def _shapes(file: Path, given: Sequence[Mapping[str, Any]]) -> dict[Any, tuple[int, int]]:
    found: dict[Any, tuple[int, int]] = {}
    for each in given:
        try:
            number, _ = each["id"], str(each["file_name"])
            shape = int(each["height"]), int(each["width"])
        except (KeyError, TypeError, ValueError) as error:
            raise LabelError(
                f"{file}: image {dict(each)} lacks {error}",
                hint="id, file_name, width and height are needed",
            ) from error
        if number in found:
            raise LabelError(f"{file}: two images have the id {number}")
        if min(shape) < 1:
            raise LabelError(f"{file}, image {number}: {shape[0]} x {shape[1]} pixels cannot be")
        found[number] = shape
    if not found:
        raise LabelError(f"{file} has no images")
    return found


def _image_path(file: Path, name: str) -> Path:
    plain = Path(name.replace("\\", "/"))
    candidates = [file.parent / plain, file.parent / "images" / plain, file.parent / plain.name]
    return next((each for each in candidates if each.is_file()), candidates[0])


def _annotation(
    where: str, given: Mapping[str, Any], category: str, shape: tuple[int, int]
) -> Annotation:
    outline = _outline(where, given, shape)
    box = given.get("bbox")
    if box is not None:
        if len(box) != 4 or not np.isfinite(np.asarray(box, float)).all():
            raise LabelError(f"{where}: bbox {box} is not four numbers")
        left, top, width, height = (float(each) for each in box)
        limits = (left, top, left + width, top + height)
    else:
        limits = _box_of(outline, shape)
    if limits[2] <= limits[0] or limits[3] <= limits[1]:
        raise LabelError(f"{where}: its box {limits} has no area")
    return Annotation(category, limits, outline, bool(given.get("iscrowd", 0)))


def _outline(
    where: str, given: Mapping[str, Any], shape: tuple[int, int]
) -> tuple[NDArray[np.float64], ...] | NDArray[np.int64]:
    found = given.get("segmentation")
    if isinstance(found, dict):
        size = tuple(int(each) for each in found.get("size", ()))
        if size != shape:
            raise LabelError(f"{where}: run lengths are of {size} pixels, its image has {shape}")
        counts = found.get("counts", ())
        lengths = unpacked(counts) if isinstance(counts, str) else np.asarray(counts, np.int64)
        if lengths.sum() != shape[0] * shape[1] or (lengths < 0).any():
            raise LabelError(f"{where}: run lengths do not add up to the pixels of its image")
        return lengths
    if not found:
        raise LabelError(
            f"{where} has no segmentation",
            hint="boxes alone do not say where the rim is; outline the objects",
        )
    rings = []
    for each in found:
        numbers = np.asarray(each, dtype=np.float64)
        if numbers.ndim != 1 or len(numbers) < 6 or len(numbers) % 2:
            raise LabelError(f"{where}: a polygon is a list of at least three pairs x, y")
        if not np.isfinite(numbers).all():
            raise LabelError(f"{where}: a polygon has a vertex that is not a number")
        rings.append(numbers.reshape(-1, 2))
    return tuple(rings)


def _box_of(
    outline: tuple[NDArray[np.float64], ...] | NDArray[np.int64], shape: tuple[int, int]
) -> tuple[float, float, float, float]:
    if isinstance(outline, tuple):
        points = np.concatenate(outline)
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return float(left), float(top), float(right), float(bottom)
    rows, cols = np.nonzero(decode(outline, shape))
    if len(rows) == 0:
        return 0.0, 0.0, 0.0, 0.0
    return float(cols.min()), float(rows.min()), float(cols.max() + 1), float(rows.max() + 1)


def encode(mask: Flags) -> NDArray[np.int64]:
    """Return the run lengths of a mask down its columns, those outside first."""
    flat = np.concatenate([[False], mask.ravel(order="F")])
    starts = np.flatnonzero(np.diff(flat))
    edges = np.concatenate([[0], starts, [mask.size]])
    return np.asarray(np.diff(edges), np.int64)


def decode(lengths: NDArray[np.int64], shape: tuple[int, int]) -> Flags:
    """Return the mask of run lengths.

    Raises
    ------
    LabelError
        If they are those of an image of another size, or of one too large to be held whole.
    """
    if int(lengths.sum()) != shape[0] * shape[1]:
        raise LabelError(f"run lengths of {int(lengths.sum())} pixels are not of {shape}")
    if shape[0] * shape[1] > _MOST_PIXELS:
        raise LabelError(f"a mask of {shape} pixels is too large", hint="label polygons")
    inside = np.arange(len(lengths)) % 2 == 1
    return np.repeat(inside, lengths).reshape(shape, order="F")


def unpacked(text: str) -> NDArray[np.int64]:
    """Return the run lengths of a packed text.

    Five bits a character, the lowest first, the sixth bit for "more follows", all 48 above zero;
    from the fourth length on differences to the one before the last are kept. This is how
    pycocotools writes them.

    Raises
    ------
    LabelError
        If it is no such text.
    """
    lengths: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise LabelError(f"{character!r} cannot be in packed run lengths")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value, shift = 0, 0
    if shift:
        raise LabelError("packed run lengths end within a number")
    return np.asarray(lengths, np.int64)


def coco(
    images: Sequence[tuple[str, tuple[int, int], Sequence[tuple[str, Flags]]]],
    categories: Sequence[str],
    *,
    info: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return labels in the format of COCO, with run lengths.

    Parameters
    ----------
    images
        Name of the file, rows and columns, and the category and mask of each object.
    categories
        Names; the numbers are those of their order, from 1.
    info
        What else is told of them.
    """
    content: dict[str, Any] = {
        "info": dict(info or {}),
        "images": [],
        "categories": [
            {"id": number, "name": name} for number, name in enumerate(categories, start=1)
        ],
        "annotations": [],
    }
    for image, (name, shape, objects) in enumerate(images, start=1):
        content["images"].append(
            {"id": image, "file_name": name, "height": shape[0], "width": shape[1]}
        )
        for category, mask in objects:
            rows, cols = np.nonzero(mask)
            box = [cols.min(), rows.min(), np.ptp(cols) + 1, np.ptp(rows) + 1]
            counts = [int(each) for each in encode(mask)]
            content["annotations"].append(
                {
                    "id": len(content["annotations"]) + 1,
                    "image_id": image,
                    "category_id": list(categories).index(category) + 1,
                    "bbox": [int(each) for each in box],
                    "area": len(rows),
                    "iscrowd": 0,
                    "segmentation": {"size": list(shape), "counts": counts},
                }
            )
    return content


def write_labels(path: Path, content: Mapping[str, Any]) -> None:
    """Write labels as `coco` made them.

    Raises
    ------
    LabelError
        If the file cannot be written.
    """
    try:
        path.write_text(json.dumps(content), "utf-8")
    except OSError as error:
        raise LabelError(f"{path} cannot be written: {error}") from error
