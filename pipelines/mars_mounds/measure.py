"""Diameter, height and volume of a mound, each with a standard deviation.

The diameter is that of a circle as large as the outline. The ground beneath is a plane through a
ring about it, without other mounds; the height is the largest one over that plane, smoothed over
the noise of single pixels, the volume the sum of the heights over it. What is measured is brought
to the true scale, and given an error, by the rules: both were learnt on simulated sites that no
network learnt from. A vent is as deep as the middle lies below the crest around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipelines.mars_mounds.channels import filled
from pipelines.mars_mounds.instances import Instance
from pipelines.mars_mounds.rules import Rules, Scale

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Ring about the outline: its inner and outer edge as parts of the radius, and at least in pixels.
_INNER, _OUTER = (0.15, 2.0), (0.6, 6.0)

#: Rays from the middle; how far they go to find the crest, and what is the floor of a vent, as
#: parts of the radius.
_RAYS, _CREST, _FLOOR = 24, 0.6, 0.12

#: Fewest pixels that a plane is laid through, and largest residual in standard deviations.
_FEWEST, _CLIPPED = 24, 2.5


@dataclass(frozen=True, slots=True)
class Size:
    """What was measured, before the rules.

    Attributes
    ----------
    diameter, height, volume
        In m and m**3; the latter two are not numbers where there are no heights.
    roughness
        Root mean square of the ring about its plane, in m.
    softness
        Width of the outline in m.
    vent
        Depth of the middle below the crest around it, in m; about 0 without a vent.
    """

    diameter: float
    height: float
    volume: float
    roughness: float
    softness: float
    vent: float

    @property
    def diameter_sources(self) -> tuple[float, float]:
        """Sources of error of the diameter, m."""
        return self.softness, self.diameter

    @property
    def height_sources(self) -> tuple[float, float]:
        """Sources of error of the height, m."""
        return self.roughness, self.height

    @property
    def volume_sources(self) -> tuple[float, float]:
        """Sources of error of the volume, m**3."""
        return self.roughness * self.diameter**2, self.volume


@dataclass(frozen=True, slots=True)
class Measured:
    """Sizes to publish with their standard deviations, m and m**3."""

    diameter: float
    diameter_error: float
    height: float
    height_error: float
    volume: float
    volume_error: float


def plane_beneath(heights: Values, ring: Flags) -> tuple[Values, float] | None:
    """Return a plane through the ground of a ring, and the roughness of the ring about it.

    Pixels far off the plane are left out three times.

    Parameters
    ----------
    heights
        In m, shape (rows, cols).
    ring
        Pixels that it is laid through.

    Returns
    -------
    plane, roughness
        Heights of the plane everywhere, and m; nothing if there are too few pixels.
    """
    rows, cols = np.nonzero(ring)
    if len(rows) < _FEWEST:
        return None
    middle = (rows.mean(), cols.mean())
    terms = np.stack([np.ones(len(rows)), rows - middle[0], cols - middle[1]], axis=1)
    values = heights[ring]
    used = np.ones(len(values), dtype=bool)
    for _ in range(3):
        found = np.linalg.lstsq(terms[used], values[used], rcond=None)[0]
        residual = values - terms @ found
        spread = float(np.sqrt(np.mean(residual[used] ** 2)))
        kept = np.abs(residual) <= _CLIPPED * max(spread, 1e-9)
        if kept.sum() < _FEWEST:
            break
        used = kept
    down, right = np.indices(heights.shape, dtype=np.float64)
    plane = found[0] + found[1] * (down - middle[0]) + found[2] * (right - middle[1])
    return plane, spread


def size_of(
    instance: Instance, heights: Values | None, others: Flags, spacing: tuple[float, float]
) -> Size:
    """Measure an instance.

    Parameters
    ----------
    instance
        In a window.
    heights
        Of the window in m, NaN where there are none; nothing for pictures.
    others
        Pixels of anything that may be a mound, this one among them.
    spacing
        Distance of neighbouring rows and columns in m.
    """
    pixel = float(np.sqrt(spacing[0] * spacing[1]))
    diameter = 2.0 * np.sqrt(instance.area / np.pi) * pixel
    none = float("nan")
    softness = max(instance.softness, 0.1) * pixel
    if heights is None:
        return Size(diameter, none, none, none, softness, none)
    radius = diameter / pixel / 2.0
    away = ndimage.distance_transform_edt(~instance.mask)
    inner, outer = (max(part * radius, least) for part, least in (_INNER, _OUTER))
    ring = (away > inner) & (away <= outer) & ~others & np.isfinite(heights)
    found = plane_beneath(heights, ring)
    if found is None:
        return Size(diameter, none, none, none, softness, none)
    plane, roughness = found
    over = filled(heights) - plane
    smooth = ndimage.gaussian_filter(over, 1.0)
    height = float(smooth[instance.mask].max())
    volume = float(over[instance.mask].sum()) * pixel**2
    vent = vent_depth(smooth, (instance.row, instance.col), radius)
    return Size(diameter, height, volume, roughness, softness, vent)


def vent_depth(heights: Values, middle: tuple[float, float], radius: float) -> float:
    """Return how far the middle of a mound lies below the crest around it.

    The crest is the median of the highest points along rays from the middle, so that a breach or a
    side cone does not make it; on a mound without a vent they are next to the middle.

    Parameters
    ----------
    heights
        Without noise of single pixels, m.
    middle
        Row and column in pixels; that of the first pixel is 0.5, 0.5.
    radius
        Of the mound in pixels.
    """
    angles = np.linspace(0.0, 2.0 * np.pi, _RAYS, endpoint=False)
    lengths = np.arange(0.0, _CREST * radius + 0.25, 0.5)
    rows = middle[0] - 0.5 + lengths[None, :] * np.sin(angles)[:, None]
    cols = middle[1] - 0.5 + lengths[None, :] * np.cos(angles)[:, None]
    along = ndimage.map_coordinates(heights, [rows, cols], order=1, mode="nearest")
    floor = along[:, lengths <= max(1.0, _FLOOR * radius)].mean()
    return float(np.median(along.max(axis=1)) - floor)


def published(size: Size, rules: Rules) -> Measured:
    """Return the sizes to publish."""
    return Measured(
        *_scaled(size.diameter, size.diameter_sources, rules.diameter),
        *_scaled(size.height, size.height_sources, rules.height),
        *_scaled(size.volume, size.volume_sources, rules.volume),
    )


def _scaled(value: float, sources: tuple[float, float], scale: Scale) -> tuple[float, float]:
    return scale.factor * value, scale.error(*sources)
