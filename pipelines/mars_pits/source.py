"""What the pipeline reads: images with their place, angles and what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.images.errors import AngleError, GeoreferenceError, ImageError
from pipelines.images.georeference import Georeference
from pipelines.images.illumination import ground_phase
from pipelines.images.labels import ImageLabel, find_label
from pipelines.images.quality import check_image
from pipelines.images.raster import Image, Raster, open_raster, read_image
from pipelines.images.survey import file_digest
from pipelines.images.tiles import InMemory, Readable

Values = NDArray[np.float64]

#: Endings of files in a folder that are taken for images.
SUFFIXES = (".tif", ".tiff", ".jp2", ".cub", ".img", ".png")
#: Of larger rasters the quality is that of so many windows along each side, of so many pixels.
_LOOKS, _LOOK = 8, 256


@dataclass(frozen=True)
class Angles:
    """Angles of Sun and camera in degrees, NaN where nobody told.

    Attributes
    ----------
    incidence, emission, phase
        As the label has them.
    """

    incidence: float = math.nan
    emission: float = math.nan
    phase: float = math.nan


@dataclass(frozen=True)
class Scene:
    """An image that is open.

    Attributes
    ----------
    path
        Of the file.
    raster
        Its pixels.
    georeference
        Its place; `None` if nothing tells.
    label
        What else is known.
    angles
        Of Sun and camera.
    digest
        Hexadecimal SHA-256 of the file.
    flags
        What is missing or doubtful.
    """

    path: Path
    raster: Readable
    georeference: Georeference | None
    label: ImageLabel
    angles: Angles
    digest: str
    flags: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the image: that of the product, or of the file without its ending."""
        return self.label.text("PRODUCT_ID") or self.path.stem

    @property
    def time(self) -> datetime | None:
        """When the image was taken, UTC."""
        return self.label.time

    @property
    def simulated(self) -> bool:
        """Whether the image was rendered."""
        return self.label.text("INSTRUMENT_HOST_ID").lower() == "simulation"

    @property
    def target(self) -> str:
        """Name of the body; empty if nothing tells."""
        named = self.label.text("TARGET_NAME").capitalize()
        place = self.georeference
        return named or (place.body or "" if place is not None else "")

    def pixel(self, row: float, col: float) -> float:
        """Return the size of a pixel about a place, m: the root of its area; NaN if unknown."""
        if self.georeference is not None:
            scale = self.georeference.local_scale(row, col)
            return math.sqrt(abs(float(np.linalg.det(scale))))
        told = self.label.number("PIXEL_SCALE", "SCALED_PIXEL_WIDTH", "RESOLUTION", "MAP_SCALE")
        return told if told is not None and told > 0.0 else math.nan


@contextmanager
def open_scene(
    path: Path,
    *,
    index: Path | None = None,
    given: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> Iterator[Scene]:
    """Open an image and look at its place, its angles and its pixels.

    Parameters
    ----------
    path
        The image: what GDAL reads, window by window; what only pdr reads, whole.
    index
        Of the instrument, where the image has a row.
    given
        Keywords of labels that count for more than any file's.
    progress
        Told while the file is read for its digest.

    Raises
    ------
    PipelineError
        If the image, its place or its angles cannot be used.
    """
    with _pixels(path) as (raster, place, tags, sample):
        label = find_label(path, index=index, tags=tags).updated(given or {})
        flags = [*_place_flags(path, place, label), *check_image(sample).flags]
        angles = angles_of(label)
        if math.isnan(angles.incidence):
            flags.append("no_angles")
        digest = file_digest(path, progress)
        yield Scene(path, raster, place, label, angles, digest, tuple(flags))


@contextmanager
def _pixels(
    path: Path,
) -> Iterator[tuple[Readable, Georeference | None, Mapping[str, str], Image]]:
    """Open a file; yield its pixels, place, keywords, and windows to judge it by as one image."""
    try:
        with open_raster(path) as raster:
            yield raster, raster.georeference, raster.tags, looked_at(raster)
            return
    except ImageError:
        if path.suffix.lower() not in (".lbl", ".xml", ".img", ".dat") or not path.is_file():
            raise
    image = read_image(path)
    yield InMemory(image.pixels), image.georeference, image.tags, image


def looked_at(raster: Raster) -> Image:
    """Return windows from all over a raster, one above the other; all of a small one."""
    height, width = raster.shape
    if height * width <= (_LOOKS * _LOOK) ** 2:
        return raster.image()
    windows = []
    for row in range(_LOOKS):
        for col in range(_LOOKS):
            top, left = (
                round((length - _LOOK) * step / (_LOOKS - 1)) if length > _LOOK else 0
                for length, step in ((height, row), (width, col))
            )
            image = raster.image(slice(top, top + _LOOK), slice(left, left + _LOOK))
            windows.append(image)
    pixels = np.concatenate([each.pixels.reshape(each.pixels.shape[0], -1) for each in windows], 1)
    first = windows[0]
    return Image(pixels[:, np.newaxis], None, raster.path, {}, first.steps, first.ceiling)


def _place_flags(path: Path, place: Georeference | None, label: ImageLabel) -> list[str]:
    if place is None:
        return ["no_georeference"]
    target = label.text("TARGET_NAME").capitalize()
    if target:
        place.require_body(target)
        return []
    if place.body == "Earth":
        raise GeoreferenceError(
            f"{path}: the coordinate reference system is that of the Earth",
            hint="give the system of the body, e.g. with gdal_translate -a_srs IAU_2015:49900, or"
            " say that it is the Earth by the option target=Earth",
        )
    return [] if place.body else ["unknown_body"]


def angles_of(label: ImageLabel) -> Angles:
    """Return the angles that a label tells.

    Raises
    ------
    AngleError
        If no Sun and camera can have them.
    """
    limits = {"INCIDENCE_ANGLE": 90.0, "EMISSION_ANGLE": 90.0, "PHASE_ANGLE": 180.0}
    values = {}
    for name, top in limits.items():
        value = label.number(name)
        if value is not None and not 0.0 <= value < top:
            raise AngleError(
                f"{label.origin}: {name} is {value:g} degrees, which cannot be in a picture of lit"
                " ground",
                hint="correct the label, or give incidence, emission and phase as options",
            )
        values[name] = math.nan if value is None else value
    incidence, emission, phase = values.values()
    if np.isfinite([incidence, emission, phase]).all():
        ground_phase(incidence, emission, phase)
    elif emission == 0.0:
        phase = incidence
    return Angles(incidence, emission, phase)
