"""Columns that the catalogues of objects in images have in common, and what stands in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from pipelines.contract import NativeColumn
from pipelines.images.georeference import Georeference
from pipelines.images.labels import ImageLabel
from pipelines.images.outlines import Footprint

_TIME, _NUMBER, _TEXT = "datetime64[us]", "float64", "str"

#: Classes of the bodies that are known by their radius; all others are planets.
_CLASSES = {"Moon": "satellite"}

#: Of the image itself.
IMAGE_COLUMNS: tuple[NativeColumn, ...] = (
    NativeColumn("target", _TEXT, "", "Body"),
    NativeColumn("target_class", _TEXT, "", "Class of the body"),
    NativeColumn("simulated", "bool", "", "Whether the image was rendered"),
    NativeColumn("instrument_host", _TEXT, "", "Spacecraft, or 'simulation'"),
    NativeColumn("instrument", _TEXT, "", "Camera"),
    NativeColumn("observation_time", _TIME, "", "Start of the image, UTC"),
)

#: Of Sun and camera.
ANGLE_COLUMNS: tuple[NativeColumn, ...] = (
    NativeColumn("incidence", _NUMBER, "deg", "Incidence angle"),
    NativeColumn("emission", _NUMBER, "deg", "Emission angle"),
    NativeColumn("phase", _NUMBER, "deg", "Phase angle"),
)


def place_columns(what: str) -> tuple[NativeColumn, ...]:
    """Return the columns that say where an object lies on its body.

    Parameters
    ----------
    what
        The object that has the outline, for people.
    """
    return (
        NativeColumn("lon_west", _NUMBER, "deg", f"Western end of the {what}, east longitude"),
        NativeColumn("lon_east", _NUMBER, "deg", f"Eastern end of the {what}, east longitude"),
        NativeColumn("lat_min", _NUMBER, "deg", f"Least planetocentric latitude of the {what}"),
        NativeColumn("lat_max", _NUMBER, "deg", f"Largest planetocentric latitude of the {what}"),
        NativeColumn("outline", _TEXT, "", f"Convex outline of the {what} as STC-S"),
        NativeColumn("map_projection", _TEXT, "", "Projection of the image as a PROJ string"),
        NativeColumn("pixel_scale", _NUMBER, "m/pix", "Size of a pixel on the ground"),
    )


def image_values(
    label: ImageLabel, *, target: str, simulated: bool, time: datetime | None
) -> dict[str, Any]:
    """Return what stands in `IMAGE_COLUMNS` of an image."""
    return {
        "target": target or None,
        "target_class": _CLASSES.get(target, "planet"),
        "simulated": simulated,
        "instrument_host": label.text("INSTRUMENT_HOST_NAME", "INSTRUMENT_HOST_ID") or None,
        "instrument": label.text("INSTRUMENT_NAME", "INSTRUMENT_ID") or None,
        "observation_time": pd.NaT if time is None else time,
    }


def place_values(found: Footprint | None, place: Georeference | None) -> dict[str, Any]:
    """Return where an object lies, without its pixel scale; nothing for one that is on no map."""
    if found is None or place is None:
        numbers = dict.fromkeys(("lon_west", "lon_east", "lat_min", "lat_max"), np.nan)
        return {**numbers, "outline": None, "map_projection": None}
    west, east, south, north = found.ranges
    return {
        "lon_west": west,
        "lon_east": east,
        "lat_min": south,
        "lat_max": north,
        "outline": found.stcs,
        "map_projection": place.projection,
    }
