"""What the networks see: shape of the ground without units, or a shaded picture of it.

From heights come five bands that do not know the size of a pixel: height over the surroundings,
slope, sine and cosine of the aspect, and a hillshade. From a picture that somebody else shaded
there is one band. Importing this module needs scipy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Values = NDArray[np.float64]
Bands = NDArray[np.float32]

HEIGHT_BANDS = ("relative height", "slope", "aspect sine", "aspect cosine", "hillshade")
PICTURE_BANDS = ("brightness",)

#: Side of the square whose mean is taken off the heights, in pixels.
SURROUNDINGS = 65

#: Slope that counts as one, radians; and slope below which an aspect means little.
_SLOPE, _FLAT = np.radians(30.0), np.radians(3.0)

#: Where the light of the hillshade band comes from: as maps are shaded by custom.
ALTITUDE, AZIMUTH = 45.0, 315.0

#: Grey levels from the median that count as one.
_CONTRAST = 64.0


@dataclass(frozen=True)
class Slopes:
    """Slope and aspect of a surface.

    Attributes
    ----------
    slope
        Radians.
    aspect
        Direction in which it falls, radians clockwise from up in the raster.
    """

    slope: Values
    aspect: Values


def filled(heights: Values) -> Values:
    """Return heights with the nearest known one where there are none; 0 where all are missing."""
    missing = ~np.isfinite(heights)
    if not missing.any():
        return heights
    if missing.all():
        return np.zeros_like(heights)
    nearest = ndimage.distance_transform_edt(missing, return_distances=False, return_indices=True)
    return np.asarray(heights[tuple(nearest)])


def slopes(heights: Values, spacing: tuple[float, float]) -> Slopes:
    """Return slope and aspect from differences over three by three pixels.

    B. K. P. Horn (1981), Proc. IEEE 69, 14.

    Parameters
    ----------
    heights
        In m, without gaps.
    spacing
        Distance of neighbouring rows and columns in m.
    """
    down = ndimage.sobel(heights, axis=0, mode="nearest") / (8.0 * spacing[0])
    right = ndimage.sobel(heights, axis=1, mode="nearest") / (8.0 * spacing[1])
    return Slopes(np.arctan(np.hypot(down, right)), np.arctan2(-right, down))


def hillshade(ground: Slopes, altitude: float = ALTITUDE, azimuth: float = AZIMUTH) -> Values:
    """Return the cosine of the incidence angle of parallel light, 0 where it comes from below.

    Parameters
    ----------
    ground
        What it falls on.
    altitude, azimuth
        Of the light, degrees; azimuth clockwise from up in the raster.
    """
    high, towards = np.radians(altitude), np.radians(azimuth)
    lit = np.sin(high) * np.cos(ground.slope) + np.cos(high) * np.sin(ground.slope) * np.cos(
        towards - ground.aspect
    )
    return np.maximum(lit, 0.0)


def height_bands(heights: Values, spacing: tuple[float, float]) -> Bands:
    """Return the bands `HEIGHT_BANDS` of a window.

    A value depends on pixels at most half of `SURROUNDINGS` away, but for the filling of gaps.

    Parameters
    ----------
    heights
        In m, NaN where there are none, shape (rows, cols).
    spacing
        Distance of neighbouring rows and columns in m.

    Returns
    -------
    bands
        Shape (5, rows, cols).
    """
    known = filled(heights)
    known = known - known.mean()  # for the sake of precision
    pixel = float(np.sqrt(spacing[0] * spacing[1]))
    relative = (known - ndimage.uniform_filter(known, SURROUNDINGS, mode="nearest")) / (8.0 * pixel)
    ground = slopes(known, spacing)
    firm = np.minimum(ground.slope / _FLAT, 1.0)
    flat = np.sin(np.radians(ALTITUDE))
    return np.stack(
        [
            np.clip(relative, -3.0, 3.0),
            ground.slope / _SLOPE,
            firm * np.sin(ground.aspect),
            firm * np.cos(ground.aspect),
            2.0 * (hillshade(ground) - flat),
        ]
    ).astype(np.float32)


def picture_bands(brightness: Values, level: float) -> Bands:
    """Return the band `PICTURE_BANDS` of a window of a picture.

    Parameters
    ----------
    brightness
        0 to 255, NaN where there is none, shape (rows, cols).
    level
        Median of the whole picture, so that a window does not choose it for itself.
    """
    return ((filled(brightness) - level) / _CONTRAST).astype(np.float32)[np.newaxis]
