"""What the pipeline reads: an image with its angles, cut to its pits."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.images.errors import GeoreferenceError, ImageError
from pipelines.images.georeference import Georeference
from pipelines.images.illumination import Illumination
from pipelines.images.labels import ImageLabel, find_label
from pipelines.images.raster import Image, open_raster, read_image
from pipelines.images.shapefiles import read_shapes
from pipelines.pit_depths.geometry import Plane

Values = NDArray[np.float64]

#: Endings of files in a folder that are taken for images.
SUFFIXES = (".tif", ".tiff", ".jp2", ".cub", ".img")
#: Around a box that is given, this part of its size is read besides.
_MARGIN = 0.15


@dataclass(frozen=True)
class Scene:
    """One pit in one image, ready to be measured.

    Attributes
    ----------
    name
        Identifier of the pit: that of the image, with a number where there are several.
    image
        Pixels about the pit, with their place.
    light
        Where Sun and camera were.
    scale
        East and north in metres of a step of one column and of one row, shape (2, 2).
    plane
        What the pixels are in.
    label
        Everything else that is known.
    flags
        What is missing or doubtful.
    """

    name: str
    image: Image
    light: Illumination
    scale: Values
    plane: Plane
    label: ImageLabel
    flags: tuple[str, ...]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where there are data, shape (rows, cols)."""
        return np.asarray(np.isfinite(self.image.pixels).all(axis=0))

    @property
    def pixel(self) -> float:
        """Size of a pixel, metres: the root of its area."""
        return math.sqrt(abs(float(np.linalg.det(self.scale))))

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
        place = self.image.georeference
        named = self.label.text("TARGET_NAME").capitalize()
        return named or (place.body or "" if place is not None else "")

    def digest(self) -> str:
        """Return the hexadecimal SHA-256 of pixels, scale and angles."""
        digest = hashlib.sha256(np.ascontiguousarray(self.image.pixels).tobytes())
        digest.update(self.scale.tobytes())
        light = self.light
        for angle in (light.incidence, light.emission, light.sun_azimuth, light.view_azimuth):
            digest.update(np.float64(angle).tobytes())
        return digest.hexdigest()


def open_scenes(
    path: Path,
    *,
    pits: Path | None = None,
    index: Path | None = None,
    angles: Mapping[str, Any] | None = None,
) -> list[Scene]:
    """Read an image and cut it to its pits.

    Parameters
    ----------
    path
        The image.
    pits
        Outlines or boxes of pits, east longitude (of any turn) and planetocentric latitude; by
        default the whole image is one pit's.
    index
        Of the instrument, where the image has a row.
    angles
        Keywords of labels with values that count for more than any file's.

    Raises
    ------
    PipelineError
        If the image, its place or its angles cannot be used.
    """
    if pits is None:
        return [_scene(path.stem, read_image(path), index, angles)]
    with open_raster(path) as raster:
        place = raster.georeference
        if place is None:
            raster.image(slice(0, 1), slice(0, 1)).require_georeference()
        windows = [_window(shape.bounds, place, raster.shape) for shape in read_shapes(pits)]
        within = [window for window in windows if window is not None]
        if not within:
            raise ImageError(
                f"none of the {len(windows)} outlines of {pits} lies in {path}",
                hint="outlines are east longitudes and planetocentric latitudes in degrees",
            )
        images = [raster.image(*window) for window in within]
    names = (
        [path.stem] if len(images) == 1 else [f"{path.stem}_{n + 1}" for n in range(len(images))]
    )
    return [_scene(name, each, index, angles) for name, each in zip(names, images, strict=True)]


def _window(
    bounds: tuple[float, float, float, float], place: Georeference | None, shape: tuple[int, int]
) -> tuple[slice, slice] | None:
    """Return rows and columns of a box in degrees with a margin; `None` outside of the image."""
    if place is None:
        return None
    west, south, east, north = bounds
    rows, cols = place.pixel([west, east, east, west], [south, south, north, north])
    slices = []
    for values, length in ((rows, shape[0]), (cols, shape[1])):
        low, top = float(np.min(values)), float(np.max(values))
        if not (np.isfinite([low, top]).all() and low < length and top > 0.0):
            return None
        margin = _MARGIN * (top - low)
        slices.append(slice(max(0, math.floor(low - margin)), min(length, math.ceil(top + margin))))
    return slices[0], slices[1]


def _scene(name: str, image: Image, index: Path | None, angles: Mapping[str, Any] | None) -> Scene:
    label = find_label(image.path, index=index, tags=image.tags).updated(angles or {})
    place = image.georeference
    if place is None:
        scale = _scale_of_label(image, label)
        light = label.illumination()
        plane: Plane = "map" if label.text("MAP_PROJECTION_TYPE") else "camera"
        return Scene(name, image, light, scale, plane, label, ("no_georeference",))
    target = label.text("TARGET_NAME").capitalize()
    if target:
        place.require_body(target)
    elif place.body == "Earth":
        raise GeoreferenceError(
            f"{image.path}: the coordinate reference system is that of the Earth",
            hint="give the system of the body, e.g. with gdal_translate -a_srs IAU_2015:49900, or"
            " say that it is the Earth by the option target=Earth",
        )
    height, width = image.shape
    longitude, latitude = place.lonlat(height / 2.0, width / 2.0)
    centred = label.updated(
        {"CENTER_LONGITUDE": float(longitude), "CENTER_LATITUDE": float(latitude)}
    )
    scale = place.local_scale(height / 2.0, width / 2.0)
    right = math.degrees(math.atan2(scale[0, 0], scale[1, 0])) % 360.0
    light = centred.illumination(right)
    flags = () if place.body else ("unknown_body",)
    return Scene(name, image, light, scale, "map", centred, flags)


def _scale_of_label(image: Image, label: ImageLabel) -> Values:
    """Return the scale of an image that is on no map, by what its label says.

    Raises
    ------
    GeoreferenceError
        If it says nothing.
    """
    pixel = label.number("PIXEL_SCALE", "SCALED_PIXEL_WIDTH", "RESOLUTION", "MAP_SCALE")
    north = label.number("NORTH_AZIMUTH")
    if pixel is None or north is None or pixel <= 0.0:
        raise GeoreferenceError(
            f"{image.path} does not say where on the body it lies, nor how large its pixels are"
            " and where north is",
            hint="map-project it (ISIS cam2map), or give PIXEL_SCALE (m) and NORTH_AZIMUTH (degrees"
            " clockwise from the image's right) in a JSON file beside it",
        )
    right = math.radians(-north)
    columns = np.array([math.sin(right), math.cos(right)])
    rows = np.array([math.sin(right + math.pi / 2.0), math.cos(right + math.pi / 2.0)])
    height = label.number("SCALED_PIXEL_HEIGHT") or pixel
    return np.stack([columns * pixel, rows * height], axis=1)


def digest_of(scenes: Sequence[Scene]) -> str:
    """Return the hexadecimal SHA-256 of several scenes."""
    return hashlib.sha256("".join(scene.digest() for scene in scenes).encode()).hexdigest()
