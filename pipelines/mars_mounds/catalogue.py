"""The native catalogue of mounds, and the files that belong to a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import NativeColumn, complete_frame
from pipelines.errors import PipelineError
from pipelines.images.columns import place_values
from pipelines.images.georeference import Georeference
from pipelines.images.outlines import Footprint, footprint
from pipelines.images.pictures import write_geojson, write_mask, write_thumbnail
from pipelines.mars_mounds.channels import filled, hillshade, slopes
from pipelines.mars_mounds.detect import Detection
from pipelines.mars_mounds.simulate import CONE
from pipelines.mars_mounds.source import Terrain
from pipelines.products import safe_name

Values = NDArray[np.float64]

_NUMBER, _TEXT = "float64", "str"

#: Columns that name files, and what the names end with.
_ENDINGS = {
    "thumbnail_file": ".png",
    "mask_file": "_mask.tif",
    "footprint_file": "_footprint.geojson",
}

#: Pixels around a mound in its files, as part of its larger side, and at least.
_AROUND, _LEAST_AROUND = 0.5, 8

COLUMNS: tuple[NativeColumn, ...] = (
    NativeColumn("mound_id", _TEXT, "", "Identifier: the raster and the place of the middle in it"),
    NativeColumn("raster_id", _TEXT, "", "Height model or picture that it was found in"),
    NativeColumn("target", _TEXT, "", "Body"),
    NativeColumn("simulated", "bool", "", "Whether the ground was simulated"),
    NativeColumn("instrument_host", _TEXT, "", "'simulation', or nothing"),
    NativeColumn("mound_class", _TEXT, "", "'mound' or 'cone with vent'"),
    NativeColumn("confidence", _NUMBER, "", "Probability of a mound with about that outline"),
    NativeColumn("lon", _NUMBER, "deg", "East longitude of the middle"),
    NativeColumn("lat", _NUMBER, "deg", "Planetocentric latitude of the middle"),
    NativeColumn("lon_west", _NUMBER, "deg", "Western end, east longitude"),
    NativeColumn("lon_east", _NUMBER, "deg", "Eastern end, east longitude"),
    NativeColumn("lat_min", _NUMBER, "deg", "Least planetocentric latitude"),
    NativeColumn("lat_max", _NUMBER, "deg", "Largest planetocentric latitude"),
    NativeColumn("outline", _TEXT, "", "Convex outline as STC-S"),
    NativeColumn("map_projection", _TEXT, "", "Projection of the raster as a PROJ string"),
    NativeColumn("pixel_scale", _NUMBER, "m/pix", "Size of a pixel that was worked on"),
    NativeColumn("row", _NUMBER, "", "Row of the middle in the raster that was worked on"),
    NativeColumn("column", _NUMBER, "", "Column of the middle"),
    NativeColumn("diameter", _NUMBER, "m", "Diameter of a circle as large as the outline"),
    NativeColumn("diameter_error", _NUMBER, "m", "Its standard deviation"),
    NativeColumn("height", _NUMBER, "m", "Largest height over a plane through the ground about it"),
    NativeColumn("height_error", _NUMBER, "m", "Its standard deviation"),
    NativeColumn("volume", _NUMBER, "m**3", "Volume over that plane"),
    NativeColumn("volume_error", _NUMBER, "m**3", "Its standard deviation"),
    NativeColumn("vent_depth", _NUMBER, "m", "Depth of the vent below its crest; 0 without one"),
    NativeColumn("flags", _TEXT, "", "What is doubtful, joined by +; empty if nothing is"),
    NativeColumn("input_kind", _TEXT, "", "'heights' or 'pictures'"),
    NativeColumn("model_version", _TEXT, "", "Version of the method"),
    NativeColumn("thumbnail_file", _TEXT, "", "Hillshade of the mound with its outline"),
    NativeColumn("mask_file", _TEXT, "", "Pixels of the mound as GeoTIFF, 0 and 1"),
    NativeColumn("footprint_file", _TEXT, "", "Convex outline of the mound as GeoJSON"),
)


def build_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows, by column each, as a frame with all columns and their types."""
    return complete_frame(rows, COLUMNS)


def row_of(
    each: Detection, terrain: Terrain, *, version: str, products: Path | None = None
) -> dict[str, Any]:
    """Return the row of a mound by column, and write its files where a folder is given for them.

    Parameters
    ----------
    each
        The mound.
    terrain
        What it was found in, still open.
    version
        Of the method.
    products
        Folder for the files.

    Raises
    ------
    PipelineError
        If a file cannot be written.
    """
    size = each.size
    # A place is as good as a number and does not change when another mound is found or not.
    name = f"{terrain.name}_r{int(each.row)}_c{int(each.col)}"
    found = None if terrain.place is None else footprint(each.outline, terrain.place)
    vent = each.raw.vent if each.kind == CONE else 0.0
    return {
        "mound_id": name,
        "raster_id": terrain.name,
        "target": "Mars",
        "simulated": terrain.site is not None,
        "instrument_host": None if terrain.site is None else "simulation",
        "mound_class": each.kind,
        "confidence": each.confidence,
        **_place(each, found, terrain.place),
        "pixel_scale": terrain.pixel,
        "row": each.row,
        "column": each.col,
        "diameter": size.diameter,
        "diameter_error": size.diameter_error,
        "height": size.height,
        "height_error": size.height_error,
        "volume": size.volume,
        "volume_error": size.volume_error,
        "vent_depth": vent if np.isfinite(size.height) else np.nan,
        "flags": "+".join((*terrain.flags, *each.flags)) or None,
        "input_kind": terrain.kind,
        "model_version": version,
        **_files(each, name, terrain, found, products),
    }


def _place(each: Detection, found: Footprint | None, place: Georeference | None) -> dict[str, Any]:
    middle = (np.nan, np.nan) if place is None else place.lonlat(each.row, each.col)
    return {"lon": float(middle[0]), "lat": float(middle[1]), **place_values(found, place)}


def _files(
    each: Detection, name: str, terrain: Terrain, found: Footprint | None, folder: Path | None
) -> dict[str, str | None]:
    """Write the files of a mound, and return their names by column; no outline without a map."""
    if folder is None:
        return dict.fromkeys(_ENDINGS)
    names: dict[str, str | None] = {
        column: safe_name(name, ending) for column, ending in _ENDINGS.items()
    }
    thumbnail, mask, outline = (folder / str(file) for file in names.values())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PipelineError(f"{folder} cannot be made: {error}") from error
    rows, cols = _surroundings(each, terrain.raster.shape)
    own = np.zeros((rows.stop - rows.start, cols.stop - cols.start), dtype=bool)
    top, left = each.rows.start - rows.start, each.cols.start - cols.start
    own[top : top + each.mask.shape[0], left : left + each.mask.shape[1]] = each.mask
    write_thumbnail(thumbnail, shaded(terrain, rows, cols), mask=own)
    place = None if terrain.place is None else terrain.place.shifted(rows.start, cols.start)
    write_mask(mask, own, place)
    if found is None:
        return {**names, "footprint_file": None}
    known = {"mound_id": name, "class": each.kind, "diameter_m": each.size.diameter}
    write_geojson(outline, [found], [known])
    return names


def _surroundings(each: Detection, shape: tuple[int, int]) -> tuple[slice, slice]:
    around = max(_LEAST_AROUND, int(_AROUND * max(each.mask.shape)))
    rows, cols = (
        slice(max(0, part.start - around), min(side, part.stop + around))
        for part, side in zip((each.rows, each.cols), shape, strict=True)
    )
    return rows, cols


def shaded(terrain: Terrain, rows: slice, cols: slice) -> Values:
    """Return a window of a raster as a picture: heights shaded, pictures as they are."""
    window = terrain.raster.read(rows, cols)[0]
    if terrain.kind == "pictures":
        return window
    return hillshade(slopes(filled(window), terrain.spacing))
