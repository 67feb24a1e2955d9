"""Diameter, height and volume of a mound, each with a standard deviation.

The diameter is that of a circle as large as the outline. The ground beneath is foretold from a ring
about it, without other mounds, by kriging; the height is the largest one over that ground, smoothed
a little over the noise of single pixels, the volume the sum of the heights over it. What is
measured is brought to the true scale, and given an error, by the rules: both were learnt on
simulated sites that no network learnt from. A vent is as deep as the middle lies below the crest
around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import RBFInterpolator

from pipelines.mars_mounds.channels import filled
from pipelines.mars_mounds.instances import Instance
from pipelines.mars_mounds.rules import Rules, Scale

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Ring about the outline: its inner and outer edge as parts of the radius, and at least in pixels.
_INNER, _OUTER = (0.12, 1.5), (0.7, 7.0)

#: The ring is averaged over squares with a side of this part of the radius, of two pixels at least.
_SQUARE = 0.2

#: Variance of a square's mean that is not the ground's: as much as the ground varies over so many
#: pixels. And the fewest squares to foretell ground from.
_NUGGET, _FEWEST_SQUARES = 3.0, 12

#: Pixels about the outline where the ground is foretold, too, since heights are smoothed.
_BESIDE = 4

#: Smoothing before the summit is sought, and before the crest of a vent is, in pixels. More would
#: cut the tops of small cones: over one pixel they lose a tenth of their height.
_SUMMIT, _VENT = 0.6, 1.0

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


def ground_beneath(heights: Values, ring: Flags, mask: Flags) -> tuple[Values, float] | None:
    """Return the ground beneath a mound, foretold from a ring, and the roughness of the ring.

    Universal kriging: a plane, and what deviates from it. The variogram is linear, which is that of
    a surface with a power spectrum f^-3, in the middle of what topography has (G. Matheron, 1963,
    Economic Geology 58, 1246; D. L. Turcotte, 1997, Fractals and Chaos in Geology and Geophysics,
    chapter 7).

    Parameters
    ----------
    heights
        In m, without gaps, shape (rows, cols).
    ring, mask
        Pixels that tell, and pixels beneath which the ground is wanted.

    Returns
    -------
    ground, roughness
        In m: near the mask the ground, the plane elsewhere; and the root mean square of the ring
        about the plane. Nothing if there are too few pixels.
    """
    found = plane_beneath(heights, ring)
    if found is None:
        return None
    plane, roughness = found
    residual = heights - plane
    used = ring & (np.abs(residual) <= _CLIPPED * max(roughness, 1e-9))
    side = max(2, round(_SQUARE * float(np.sqrt(mask.sum() / np.pi))))
    places, means = _squares(residual, used, side)
    if len(places) < _FEWEST_SQUARES or np.linalg.matrix_rank(places - places.mean(axis=0)) < 2:
        return found
    foretell = RBFInterpolator(places, means, kernel="linear", degree=1, smoothing=_NUGGET)
    wanted = np.argwhere(ndimage.binary_dilation(mask, iterations=_BESIDE))
    ground = plane.copy()
    ground[wanted[:, 0], wanted[:, 1]] += foretell(wanted)
    return ground, roughness


def _squares(values: Values, used: Flags, side: int) -> tuple[Values, Values]:
    """Return the middles and means of squares of pixels, shapes (n, 2) and (n,)."""
    places = np.argwhere(used)
    _, square, count = np.unique(places // side, axis=0, return_inverse=True, return_counts=True)
    square = square.ravel()
    sums = [np.bincount(square, weights) for weights in (places[:, 0], places[:, 1], values[used])]
    return np.stack(sums[:2], axis=1) / count[:, None], sums[2] / count


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
    known = filled(heights)
    found = ground_beneath(known, ring, instance.mask)
    if found is None:
        return Size(diameter, none, none, none, softness, none)
    ground, roughness = found
    over = known - ground
    height = float(ndimage.gaussian_filter(over, _SUMMIT)[instance.mask].max())
    volume = float(over[instance.mask].sum()) * pixel**2
    smooth = ndimage.gaussian_filter(over, _VENT)
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
