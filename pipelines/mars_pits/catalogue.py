"""The native catalogue of pits in images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import NativeColumn, complete_frame
from pipelines.images.columns import (
    ANGLE_COLUMNS,
    IMAGE_COLUMNS,
    image_values,
    place_columns,
    place_values,
)
from pipelines.images.outlines import Footprint, footprint, hull, simplified
from pipelines.images.pictures import write_geojson, write_thumbnail
from pipelines.mars_pits.detect import Detection
from pipelines.mars_pits.regions import Region
from pipelines.mars_pits.source import Scene
from pipelines.products import safe_name

Flags = NDArray[np.bool_]
_NUMBER, _TEXT = "float64", "str"
#: Vertices of a footprint at most.
_VERTICES = 16

COLUMNS: tuple[NativeColumn, ...] = (
    NativeColumn("pit_id", _TEXT, "", "Identifier: the image and a number"),
    NativeColumn("image_id", _TEXT, "", "Image that the pit was found in"),
    *IMAGE_COLUMNS,
    *place_columns("pit"),
    *ANGLE_COLUMNS,
    NativeColumn("pit_class", _TEXT, "", "skylight, pit, elongated or shallow"),
    NativeColumn("confidence", _NUMBER, "", "Probability that it is a pit of that class"),
    NativeColumn("class_probability", _NUMBER, "", "Probability of the class, if it is a pit"),
    NativeColumn("diameter", _NUMBER, "m", "Diameter of the circle of the same area"),
    NativeColumn("diameter_error", _NUMBER, "m", "Its standard deviation"),
    NativeColumn("area", _NUMBER, "m**2", "Area within the rim"),
    NativeColumn("elongation", _NUMBER, "", "Longer by shorter axis"),
    NativeColumn("box_row", "int64", "pix", "First row of the box in the image"),
    NativeColumn("box_column", "int64", "pix", "First column of the box in the image"),
    NativeColumn("box_height", "int64", "pix", "Rows of the box"),
    NativeColumn("box_width", "int64", "pix", "Columns of the box"),
    NativeColumn("is_cut", "bool", "", "Whether it reaches the edge of the image"),
    NativeColumn("flags", _TEXT, "", "What is doubtful, joined by +; empty if nothing is"),
    NativeColumn("thumbnail_file", _TEXT, "", "Picture of the pit with its outline"),
    NativeColumn("footprint_file", _TEXT, "", "Outline of the pit as GeoJSON"),
    NativeColumn("model_version", _TEXT, "", "Version of the method"),
)


@dataclass(frozen=True)
class Pit:
    """A detection and the image that it was found in.

    Attributes
    ----------
    detection
        What was found.
    scene
        The image.
    number
        Of the pit in the image, from 1.
    thumbnail, footprint
        Names of files; `None` where there is none.
    """

    detection: Detection
    scene: Scene
    number: int
    thumbnail: str | None = None
    footprint: str | None = None

    @property
    def name(self) -> str:
        """Identifier of the pit."""
        return f"{self.scene.name}_{self.number:05d}"

    @property
    def outline(self) -> Footprint | None:
        """Where on the body it lies; `None` for an image that is on no map."""
        place = self.scene.georeference
        if place is None:
            return None
        region = self.detection.region
        corner = np.array([region.rows.start, region.cols.start], float)
        return footprint(simplified(hull(region.mask), _VERTICES) + corner, place)


def build_frame(found: Sequence[Pit], *, error: float, version: str) -> pd.DataFrame:
    """Return the rows of some pits.

    Parameters
    ----------
    found
        In the order of the rows.
    error
        Relative standard deviation of a diameter.
    version
        Of the method.

    Returns
    -------
    frame
        Columns `COLUMNS`.
    """
    return complete_frame([_row(each, error) for each in found], COLUMNS, model_version=version)


def _row(each: Pit, error: float) -> dict[str, Any]:
    scene, found, label = each.scene, each.detection, each.scene.label
    pixel = scene.pixel(*found.centre)
    area = found.region.area * pixel**2
    diameter = math.sqrt(4.0 * area / math.pi)
    left, top, right, bottom = found.region.box
    flags = [*scene.flags, *(["edge_of_image"] if found.at_edge else [])]
    return {
        "pit_id": each.name,
        "image_id": scene.name,
        **image_values(label, target=scene.target, simulated=scene.simulated, time=scene.time),
        **place_values(each.outline, scene.georeference),
        "pixel_scale": pixel,
        "incidence": scene.angles.incidence,
        "emission": scene.angles.emission,
        "phase": scene.angles.phase,
        "pit_class": found.kind,
        "confidence": found.confidence,
        "class_probability": max(found.kinds),
        "diameter": diameter,
        "diameter_error": error * diameter,
        "area": area,
        "elongation": found.elongation,
        "box_row": top,
        "box_column": left,
        "box_height": bottom - top,
        "box_width": right - left,
        "is_cut": found.at_edge,
        "flags": "+".join(flags) or None,
        "thumbnail_file": each.thumbnail,
        "footprint_file": each.footprint,
    }


def write_files(each: Pit, folder: Path) -> Pit:
    """Write the thumbnail of a pit and its outline; its image has to be open still.

    Parameters
    ----------
    each
        The pit.
    folder
        Made if it is not there.

    Returns
    -------
    pit
        The same with the names of its files.

    Raises
    ------
    PipelineError
        If they cannot be written.
    """
    thumbnail = safe_name(each.name, ".png")
    rows, cols, mask = _surroundings(each)
    pixels = each.scene.raster.read(rows, cols).mean(axis=0)
    write_thumbnail(folder / thumbnail, pixels, mask=mask)
    found = each.outline
    if found is None:
        return replace(each, thumbnail=thumbnail)
    outline = safe_name(each.name, ".geojson")
    detection = each.detection
    told = {
        "pit_id": each.name,
        "class": detection.kind,
        "confidence": round(detection.confidence, 4),
    }
    write_geojson(folder / outline, [found], [told])
    return replace(each, thumbnail=thumbnail, footprint=outline)


def _surroundings(each: Pit) -> tuple[slice, slice, Flags]:
    """Return rows and columns about a pit, and its pixels in them."""
    region = each.detection.region
    height, width = each.scene.raster.shape
    margin = max(region.mask.shape) // 2 + 4
    rows = slice(max(0, region.rows.start - margin), min(height, region.rows.stop + margin))
    cols = slice(max(0, region.cols.start - margin), min(width, region.cols.stop + margin))
    mask = np.zeros((rows.stop - rows.start, cols.stop - cols.start), dtype=bool)
    Region(
        slice(region.rows.start - rows.start, region.rows.stop - rows.start),
        slice(region.cols.start - cols.start, region.cols.stop - cols.start),
        region.mask,
    ).paint(mask)
    return rows, cols, mask
