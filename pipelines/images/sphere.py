"""A few directions and distances on a sphere."""

from __future__ import annotations

import math


def azimuth(longitude: float, latitude: float, to_longitude: float, to_latitude: float) -> float:
    """Return the direction from one place to another along the great circle.

    Parameters
    ----------
    longitude, latitude, to_longitude, to_latitude
        East longitudes and latitudes, degrees.

    Returns
    -------
    azimuth
        Degrees clockwise from north, 0 to 360.
    """
    lat, to_lat = math.radians(latitude), math.radians(to_latitude)
    step = math.radians(to_longitude - longitude)
    east = math.sin(step) * math.cos(to_lat)
    north = math.cos(lat) * math.sin(to_lat) - math.sin(lat) * math.cos(to_lat) * math.cos(step)
    return math.degrees(math.atan2(east, north)) % 360.0
