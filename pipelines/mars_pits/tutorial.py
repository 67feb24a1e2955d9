"""Rendered pictures as files: GeoTIFFs with their angles, and labels in the format of COCO."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pipelines.errors import require
from pipelines.images.annotations import coco, write_labels
from pipelines.images.georeference import Georeference
from pipelines.images.raster import write_geotiff
from pipelines.mars_pits.classes import CLASSES
from pipelines.mars_pits.simulate import Picture

#: Where rendered pictures lie: south of Arsia Mons, where there are real pits; equirectangular on
#: the sphere of the radius there, and true to scale at the latitude of the pictures.
_PLACE = "+proj=eqc +lat_ts=-13.86 +lon_0=180 +R=3394839.813 +units=m +no_defs"
_ORIGIN = (3_501_000.0, -821_000.0)
#: Metres between two pictures, and pictures in a row.
_APART, _ROW = 2500.0, 10

LABELS = "labels.json"


def place_of(pixel: float, number: int) -> Georeference:
    """Return a place for a picture; they do not overlap.

    Parameters
    ----------
    pixel
        Metres.
    number
        Which picture.
    """
    crs = require("pyproj", "images").CRS.from_string(_PLACE)
    x = _ORIGIN[0] + _APART * (number % _ROW)
    y = _ORIGIN[1] - _APART * (number // _ROW)
    return Georeference((pixel, 0.0, x, 0.0, -pixel, y), crs.to_wkt())


def write_pictures(pictures: Iterable[Picture], folder: Path) -> Path:
    """Write pictures and what is in them.

    Parameters
    ----------
    pictures
        What to write.
    folder
        Made if it is not there; gets a folder ``images`` and `LABELS`.

    Returns
    -------
    labels
        Path of the file of labels.
    """
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, each in enumerate(pictures):
        light = each.light
        tags = {
            "INCIDENCE_ANGLE": f"{light.incidence:.4f}",
            "EMISSION_ANGLE": f"{light.emission:.4f}",
            "PHASE_ANGLE": f"{light.phase:.4f}",
            "INSTRUMENT_HOST_ID": "simulation",
            "INSTRUMENT_ID": "renderer",
        }
        place = place_of(each.site.pixel, number)
        kind = np.uint8 if each.camera.bits <= 8 else np.uint16
        pixels = each.pixels.astype(kind)
        path = images / f"{each.name}.tif"
        write_geotiff(path, pixels[np.newaxis], place, nodata=0, tags=tags)
        objects = [(thing.kind, thing.mask) for thing in each.things]
        entries.append((f"images/{path.name}", each.pixels.shape, objects))
    labels = folder / LABELS
    info = {"description": "pictures rendered by mars_pits, simulation and not observation"}
    write_labels(labels, coco(entries, CLASSES, info=info))
    return labels
