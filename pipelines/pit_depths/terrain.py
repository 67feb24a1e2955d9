"""Real height models under rendered Suns, and sets of pictures written with their truth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import require
from pipelines.images.errors import ImageError
from pipelines.images.georeference import Georeference
from pipelines.images.illumination import Illumination
from pipelines.images.raster import Image, read_image, write_geotiff
from pipelines.images.render import Camera
from pipelines.pit_depths.shadow import largest_part
from pipelines.pit_depths.simulate import (
    OVERSAMPLING,
    Sight,
    degraded_sight,
    random_sight,
    take,
)

Values = NDArray[np.float64]

#: Suns that a height model is seen under: all pairs of incidence and azimuth in turn.
INCIDENCES = (35.0, 45.0, 55.0, 65.0, 75.0)
SUNS = 20
#: A picture shows this many diameters of the pit.
_DIAMETERS = 3.2
#: Where the rendered pits of known shape lie: south of Arsia Mons, where there are real ones. The
#: map is true to scale there (its y of -821 km is a latitude of -13.856 degrees): the pits are
#: rendered with pixels that are as wide as high.
_EXACT_PLACE = "+proj=eqc +lat_ts=-13.856 +lon_0=180 +R=3394839.813 +units=m +no_defs"
_EXACT_ORIGIN = (3_501_000.0, -821_000.0)
#: Difference between the sides of a pixel on the ground from which on heights are sampled anew.
_SQUARE = 1e-3


def cut_pit(model: Image) -> Image:
    """Return the surroundings of the deepest pit of a height model.

    Their pixels are as wide as high on the ground, whatever the projection made of them.

    Raises
    ------
    ImageError
        If it has no data, or no pit.
    """
    model = _square(model)
    heights = model.pixels[0]
    known = np.isfinite(heights)
    if known.mean() < 0.5:
        raise ImageError(f"{model.path}: more than half of the height model has no data")
    depth = np.where(known, float(np.median(heights[known])) - heights, 0.0)
    if depth.max() <= 0.0:
        raise ImageError(f"{model.path}: the height model has no pit")
    pit = largest_part(depth > depth.max() / 2.0)
    rows, cols = np.nonzero(pit)
    half = math.ceil(_DIAMETERS * math.sqrt(4.0 * len(rows) / math.pi) / 2.0)
    middle = (round(float(rows.mean())), round(float(cols.mean())))
    parts = [
        slice(max(0, each - half), min(length, each + half))
        for each, length in zip(middle, heights.shape, strict=True)
    ]
    return model.part(parts[0], parts[1])


def _square(model: Image) -> Image:
    """Return a height model with pixels that are as wide as high on the ground."""
    place = model.require_georeference()
    height, width = model.shape
    scale = place.local_scale(height / 2.0, width / 2.0)
    sides = np.hypot(scale[0], scale[1])  # of a pixel, along columns and rows
    pixel = float(np.sqrt(sides[0] * sides[1]))
    if abs(sides[0] / sides[1] - 1.0) < _SQUARE:
        return model
    across, down = (float(each) for each in sides / pixel)
    rows = (np.arange(math.floor(height * down)) + 0.5) / down - 0.5
    cols = (np.arange(math.floor(width * across)) + 0.5) / across - 0.5
    heights = require("scipy.ndimage").map_coordinates(
        model.pixels[0], np.meshgrid(rows, cols, indexing="ij"), order=1, mode="nearest"
    )
    a, b, c, d, e, f = place.transform
    moved = Georeference((a / across, b / down, c, d / across, e / down, f), place.wkt)
    return replace(model, pixels=heights[np.newaxis], georeference=moved)


def terrain_sights(path: Path, *, seed: int = 0, progress: Progress = silent) -> Iterator[Sight]:
    """Yield pictures of the pit of a height model under `SUNS` Suns, taken from above.

    Parameters
    ----------
    path
        The height model, heights in metres on a map in metres.
    seed
        Of the noise.
    progress
        Told after each picture.

    Raises
    ------
    ImageError
        If it is none, or has no pit.
    """
    part = cut_pit(read_image(path))
    heights = part.pixels[0]
    level = float(np.nanmedian(heights))
    # Holes are filled with the plain; pits of interest have none.
    filled = np.where(np.isfinite(heights), heights, level) - level
    height, width = part.shape
    scale = part.require_georeference().local_scale(height / 2.0, width / 2.0)
    pixel = math.sqrt(abs(float(np.linalg.det(scale))))
    fine = require("scipy.ndimage").zoom(
        filled, OVERSAMPLING, order=1, grid_mode=True, mode="nearest"
    )
    for number in range(SUNS):
        incidence = INCIDENCES[number % len(INCIDENCES)]
        azimuth = 360.0 * number / SUNS
        light = Illumination(incidence, 0.0, azimuth, azimuth)
        rng = np.random.default_rng([seed, number])
        name = f"{path.stem}_i{incidence:.0f}_a{azimuth:03.0f}"
        yield take(name, fine, pixel, light, Camera(), rng)
        progress("Suns", number + 1, SUNS)


def exact_sights(count: int, *, seed: int, progress: Progress = silent) -> Iterator[Sight]:
    """Yield pictures of pits of exactly known shape, see `random_sight`."""
    for number in range(count):
        yield random_sight(number, seed)
        progress("pits", number + 1, count)


def degraded_sights(count: int, *, seed: int, progress: Progress = silent) -> Iterator[Sight]:
    """Yield pictures of degraded pits, see `degraded_sight`."""
    for number in range(count):
        yield degraded_sight(number, seed)
        progress("pits", number + 1, count)


def exact_place(pixel: float, number: int) -> Georeference:
    """Return a place for the picture of a pit of exact shape; they lie 2 km apart."""
    crs = require("pyproj", "images").CRS.from_string(_EXACT_PLACE)
    x, y = _EXACT_ORIGIN
    transform = (pixel, 0.0, x + 2000.0 * (number % 10), 0.0, -pixel, y - 2000.0 * (number // 10))
    return Georeference(transform, crs.to_wkt())


def write_sights(
    sights: Iterable[Sight], folder: Path, *, place: Georeference | None = None
) -> Path:
    """Write pictures as GeoTIFF with their angles, masks of the true shadows, and a table.

    Parameters
    ----------
    sights
        The pictures.
    folder
        Made if it is not there.
    place
        Of every picture; a place for each pit of exact shape when not given.

    Returns
    -------
    labels
        Path of the table: ``image, depth_m, mask``.
    """
    images, masks = folder / "images", folder / "masks"
    images.mkdir(parents=True, exist_ok=True)
    masks.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, sight in enumerate(sights):
        where = place or exact_place(sight.pixel, number)
        # Their azimuths are from the rows of the picture, the file's from true north.
        height, width = sight.rendering.image.shape
        scale = where.local_scale(height / 2.0, width / 2.0)
        north = math.degrees(math.atan2(-scale[0, 1], -scale[1, 1]))
        tags = {
            "INCIDENCE_ANGLE": f"{sight.light.incidence:.6f}",
            "EMISSION_ANGLE": f"{sight.light.emission:.6f}",
            "SUN_AZIMUTH": f"{sight.light.sun_azimuth + north:.6f}",
            "VIEW_AZIMUTH": f"{sight.light.view_azimuth + north:.6f}",
            "INSTRUMENT_HOST_ID": "simulation",
            "INSTRUMENT_ID": "renderer",
        }
        pixels = sight.rendering.image.astype(np.uint16)
        write_geotiff(images / f"{sight.name}.tif", pixels[np.newaxis], where, nodata=0, tags=tags)
        mask = sight.true_mask.astype(np.uint8)
        write_geotiff(masks / f"{sight.name}.tif", mask[np.newaxis], where)
        rows.append((sight.name, sight.true_depth, f"masks/{sight.name}.tif"))
    labels = folder / "labels.csv"
    pd.DataFrame(rows, columns=["image", "depth_m", "mask"]).to_csv(labels, index=False)
    return labels
