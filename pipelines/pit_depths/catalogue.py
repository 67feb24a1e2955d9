"""The native catalogue of pit depths, and the files that belong to a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.contract import NativeColumn, complete_frame
from pipelines.errors import PipelineError
from pipelines.images.columns import (
    ANGLE_COLUMNS,
    IMAGE_COLUMNS,
    image_values,
    place_columns,
    place_values,
)
from pipelines.images.outlines import Footprint, footprint, hull, simplified
from pipelines.images.pictures import write_geojson, write_mask, write_thumbnail
from pipelines.pit_depths.detect import Measurement
from pipelines.products import safe_name

_NUMBER, _TEXT = "float64", "str"
#: Columns that name files, and what the names end with.
_ENDINGS = {
    "thumbnail_file": ".png",
    "profile_file": "_profile.csv",
    "mask_file": "_shadow.tif",
    "footprint_file": "_footprint.geojson",
}
#: Vertices of a footprint at most.
_VERTICES = 16

COLUMNS: tuple[NativeColumn, ...] = (
    NativeColumn("pit_id", _TEXT, "", "Identifier: the image, with a number where it has several"),
    NativeColumn("image_id", _TEXT, "", "Image that the shadow was measured in"),
    *IMAGE_COLUMNS,
    *place_columns("shadow"),
    *ANGLE_COLUMNS,
    NativeColumn("sun_azimuth", _NUMBER, "deg", "Azimuth of the Sun, clockwise from north"),
    NativeColumn("ground_phase", _NUMBER, "deg", "Angle between the azimuths of Sun and camera"),
    NativeColumn("apparent_depth", _NUMBER, "m", "Maximum apparent depth"),
    NativeColumn("apparent_depth_error", _NUMBER, "m", "Its standard deviation"),
    NativeColumn("depth_position", _NUMBER, "m", "Where along the shadow the maximum is"),
    NativeColumn("shadow_length", _NUMBER, "m", "Length of the shadow across the Sun's direction"),
    NativeColumn("shadow_width", _NUMBER, "m", "Largest width of the shadow along it"),
    NativeColumn("shadow_area", _NUMBER, "m**2", "Area of the shadow"),
    NativeColumn("is_lower_limit", "bool", "", "Whether the pit may well be deeper"),
    NativeColumn("flags", _TEXT, "", "What is doubtful, joined by +; empty if nothing is"),
    NativeColumn("shadow_method", _TEXT, "", "How the shadow was found"),
    NativeColumn("correction", _TEXT, "", "How the emission angle was corrected for"),
    NativeColumn("clusters", "int64", "", "Number of clusters of brightness"),
    NativeColumn("silhouette", _NUMBER, "", "Mean silhouette of the clusters, -1 to 1"),
    NativeColumn("contrast", _NUMBER, "", "Contrast over the edge of the shadow, 0 to 1"),
    NativeColumn("model_version", _TEXT, "", "Version of the method"),
    NativeColumn("thumbnail_file", _TEXT, "", "Picture of the pit with the outline of its shadow"),
    NativeColumn("profile_file", _TEXT, "", "Depths along the shadow, h(L), as CSV"),
    NativeColumn("mask_file", _TEXT, "", "Pixels of the shadow as GeoTIFF, 0 and 1"),
    NativeColumn("footprint_file", _TEXT, "", "Convex outline of the shadow as GeoJSON"),
)


def build_frame(
    found: Sequence[Measurement],
    *,
    method: str,
    correction: str,
    version: str,
    products: Path | None = None,
) -> pd.DataFrame:
    """Return the rows of some measurements.

    Parameters
    ----------
    found
        In the order of the rows.
    method, correction, version
        How they were made.
    products
        Folder that the files of each pit are written to; none are without it.

    Returns
    -------
    frame
        Columns `COLUMNS`.

    Raises
    ------
    PipelineError
        If a file cannot be written.
    """
    return complete_frame(
        [{**_row(each), **_files(each, products)} for each in found],
        COLUMNS,
        shadow_method=method,
        correction=correction,
        model_version=version,
    )


def _row(each: Measurement) -> dict[str, Any]:
    scene, profile, light = each.scene, each.profile, each.scene.light
    label = scene.label
    return {
        "pit_id": scene.name,
        "image_id": label.text("PRODUCT_ID") or scene.image.path.stem,
        **image_values(label, target=scene.target, simulated=scene.simulated, time=scene.time),
        **place_values(_footprint(each), scene.image.georeference),
        "pixel_scale": scene.pixel,
        "incidence": light.incidence,
        "emission": light.emission,
        "phase": light.phase,
        "sun_azimuth": light.sun_azimuth,
        "ground_phase": light.ground_phase,
        "apparent_depth": profile.maximum,
        "apparent_depth_error": float(profile.error[profile.deepest]),
        "depth_position": float(profile.length[profile.deepest]),
        "shadow_length": float(profile.length[-1]),
        "shadow_width": float(profile.width.max()),
        "shadow_area": float(each.shadow.fraction.sum()) * scene.pixel**2,
        "is_lower_limit": "edge_of_image" in each.flags or "far_wall" in each.flags,
        "flags": "+".join(each.flags) or None,
        "clusters": each.shadow.clusters,
        "silhouette": each.shadow.silhouette,
        "contrast": each.shadow.contrast,
    }


def _footprint(each: Measurement) -> Footprint | None:
    """Return the convex outline of the shadow; nothing for an image that is on no map."""
    place = each.scene.image.georeference
    if place is None:
        return None
    return footprint(simplified(hull(each.shadow.mask), _VERTICES), place)


def _files(each: Measurement, folder: Path | None) -> dict[str, str | None]:
    """Write the files of a pit, and return their names by column; no outline without a map."""
    if folder is None:
        return dict.fromkeys(_ENDINGS)
    names: dict[str, str | None] = {
        column: safe_name(each.scene.name, ending) for column, ending in _ENDINGS.items()
    }
    image = each.scene.image
    thumbnail, profile, mask, outline = (folder / str(name) for name in names.values())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        profile_frame(each).to_csv(profile, index=False, float_format="%.10g")
    except OSError as error:
        raise PipelineError(f"{profile} cannot be written: {error}") from error
    write_thumbnail(thumbnail, image.pixels, mask=each.shadow.mask)
    write_mask(mask, each.shadow.mask, image.georeference)
    found = _footprint(each)
    if found is None:
        return {**names, "footprint_file": None}
    known = {
        "pit_id": each.scene.name,
        "apparent_depth_m": each.profile.maximum,
        "apparent_depth_error_m": float(each.profile.error[each.profile.deepest]),
    }
    write_geojson(outline, [found], [known])
    return names


def profile_frame(each: Measurement) -> pd.DataFrame:
    """Return h(L): metres along the shadow, its width, depth with error, places and flags."""
    profile = each.profile
    columns = {
        "length_m": profile.length,
        "width_m": profile.width,
        "depth_m": profile.depth,
        "depth_error_m": profile.error,
        "rim_row": profile.start[:, 0],
        "rim_column": profile.start[:, 1],
        "edge_row": profile.end[:, 0],
        "edge_column": profile.end[:, 1],
        "edge_of_image": profile.edge,
        "far_wall": profile.far_wall,
    }
    place = each.scene.image.georeference
    if place is not None:
        longitude, latitude = place.lonlat(profile.end[:, 0], profile.end[:, 1])
        columns |= {"edge_longitude_deg": longitude, "edge_latitude_deg": latitude}
    return pd.DataFrame(columns)


def write_profiles(found: Sequence[Measurement], folder: Path) -> list[Path]:
    """Write h(L) of each pit as CSV and as a figure.

    Parameters
    ----------
    found
        What was measured.
    folder
        Made if it is not there; the files have the identifiers of the pits for names.

    Returns
    -------
    paths
        Of the files.

    Raises
    ------
    PipelineError
        If they cannot be written.
    """
    from pipelines.pit_depths.figures import draw

    paths: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in found:
            table, figure = (folder / f"{each.scene.name}{end}" for end in (".csv", ".png"))
            profile_frame(each).to_csv(table, index=False, float_format="%.10g")
            draw(each, figure)
            paths += [table, figure]
    except OSError as error:
        raise PipelineError(f"{folder}: profiles cannot be written: {error}") from error
    return paths
