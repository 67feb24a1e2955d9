"""The main shadow of a pit: which pixels, and how much of each pixel at its edge.

Two methods. *Published* is that of Le Corre et al. (2023): the darkest cluster of brightness, its
largest connected part, with bright features in it filled up. *Subpixel* looks for the dark part
with the strongest contrast over its edge, takes of it what is about as dark as its darkest part -
walls and slopes that the Sun grazes are dark too, but lit - and then asks of each pixel at the edge
how much of it is dark, between the level of the shadow inside and that of the lit ground outside at
that place, where the ground may become brighter with the distance from the edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.images.errors import ImageError
from pipelines.pit_depths.kmeans import Clusters, cluster

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Method = Literal["subpixel", "published"]

#: Pixels that a shadow has at least.
LEAST_PIXELS = 30
#: Scale in pixels over which the levels beside an edge are averaged.
_NEIGHBOURHOOD = 3.0
#: How far above the level of the shadow, as a part of the way to lit ground, pixels may be before
#: their share is asked for. Half-way would take in slopes on which the Sun stands at less than half
#: its height. This and `_RISING` were chosen on rendered pits of other seeds and on a height model
#: under other Suns than those of the README.
_GRAZING = 0.25
#: At least so many standard deviations of the shadow's own brightness.
_SCATTER = 4.0
#: Part of the rise of the brightness with the distance from the edge that is followed to the edge:
#: on ground that bends away from the Sun all of it would be right, at a cliff nothing.
_RISING = 0.75
#: Distance in pixels from the edge up to which the rise is measured.
_RISE_REACH = 6.0
#: Least contrast at the edge, as a part of that measured beside it.
_LEAST_SPAN = 0.25
#: Pixels from the edge within which the point spread mixes both sides.
_MIXED = 2
#: Levels that are tried to begin with, and the longer side of the image that they are tried on.
_LEVELS = 16
_COARSE = 128
#: Percentile of the brightness around a shadow that stands for lit ground.
_DIM = 25.0
#: Standard deviation in pixels of the smoothing before the division into lit and dark.
_SMOOTHING = 0.8


@dataclass(frozen=True)
class Shadow:
    """The main shadow.

    Attributes
    ----------
    mask
        Pixels that belong to it, shape (rows, cols).
    fraction
        Part of each pixel that is in it, 0 to 1, same shape.
    clusters, silhouette
        Number of clusters of brightness, and how well they are apart (-1 to 1).
    contrast
        Difference of the levels outside and inside as a part of their sum, 0 to 1.
    """

    mask: Flags
    fraction: Values
    clusters: int
    silhouette: float
    contrast: float


def find_shadow(pixels: Values, method: Method = "subpixel") -> Shadow:
    """Find the main shadow of an image.

    Parameters
    ----------
    pixels
        Shape (bands, rows, cols); NaN without data.
    method
        See the module.

    Raises
    ------
    ImageError
        If there is none of `LEAST_PIXELS` or more.
    """
    known = np.isfinite(pixels).all(axis=0)
    clusters = cluster(pixels, known)
    if method == "published":
        mask = _main_part(clusters.labels == 0)
        grey = _grey(pixels, known)
        return Shadow(
            mask,
            mask.astype(np.float64),
            clusters.count,
            clusters.silhouette,
            _contrast(grey, mask, known)[0],
        )
    return _subpixel(pixels, known, clusters)


def _grey(pixels: Values, known: Flags) -> Values:
    """Return the mean of the bands, each with its own span of brightness as the unit.

    Where there are no data the brightness is that of the median, so that holes are no shadows.
    """
    filled = np.zeros(known.shape)
    for band in pixels:
        low, top = (float(each) for each in np.percentile(band[known], [0.5, 99.5]))
        span = max(top - low, 1e-12)
        filled += np.where(known, band, np.median(band[known])) / span
    return filled / len(pixels)


def _main_part(mask: Flags) -> Flags:
    """Return the largest connected part of a mask, with its holes filled.

    Raises
    ------
    ImageError
        If it is too small to be measured.
    """
    found = largest_part(mask)
    if found.sum() < LEAST_PIXELS:
        raise _too_small(int(found.sum()))
    return found


def _too_small(pixels: int) -> ImageError:
    return ImageError(
        f"the largest dark part of the image has {pixels} pixels, fewer than {LEAST_PIXELS}",
        hint="cut the image so that the pit fills a good part of it",
    )


def largest_part(mask: Flags) -> Flags:
    """Return the largest connected part of a mask with its holes filled; empty if that is."""
    ndimage = require("scipy.ndimage")
    labels, count = ndimage.label(mask)
    found = np.zeros_like(mask)
    if count:
        number = int(np.argmax(np.bincount(labels.ravel())[1:]))
        rows, cols = ndimage.find_objects(labels)[number]
        found[rows, cols] = ndimage.binary_fill_holes(labels[rows, cols] == number + 1)
    return found


def _contrast(
    grey: Values, mask: Flags, known: Flags, reach: tuple[int, int] = (_MIXED, 6)
) -> tuple[float, float, float]:
    """Return the contrast over the edge of a mask, and the levels inside and outside of it.

    Pixels count from the first to the second distance of `reach` from the edge.
    """
    ndimage = require("scipy.ndimage")
    part = _box(mask, reach[1] + 2)
    grey, mask, known = grey[part], mask[part], known[part]
    inside = mask & known
    core = ndimage.binary_erosion(mask, iterations=reach[0]) & inside
    near = ndimage.binary_dilation(mask, iterations=reach[0])
    ring = ndimage.binary_dilation(near, iterations=reach[1] - reach[0]) & ~near & known
    dark = float(np.median(grey[core if core.any() else inside])) if inside.any() else 0.0
    # Of lit ground the darker part: rubble at the rim is half lit, and a bright wall opposite must
    # not draw the level up to where the floor is.
    lit = float(np.percentile(grey[ring], _DIM)) if ring.any() else dark
    return (lit - dark) / max(lit + dark, 1e-12), dark, lit


def _subpixel(pixels: Values, known: Flags, clusters: Clusters) -> Shadow:
    ndimage = require("scipy.ndimage")
    grey = _grey(pixels, known)
    smooth = ndimage.gaussian_filter(grey, _SMOOTHING, mode="nearest")
    mask = _begin(grey, smooth, known)
    # Twice: the level of lit ground is that beside the edge that was found.
    for _ in range(2):
        again = _touching((smooth < _highest(grey, mask, known)) & known, mask)
        if again.sum() < LEAST_PIXELS:
            break
        mask = again
    fraction = _fractions(grey, mask, known)
    final = _touching(fraction >= 0.5, mask)
    kept = ndimage.binary_dilation(final, iterations=_MIXED)
    return Shadow(
        final,
        np.where(final, np.maximum(fraction, 0.5), np.where(kept, np.minimum(fraction, 0.5), 0.0)),
        clusters.count,
        clusters.silhouette,
        _contrast(grey, final, known)[0],
    )


def _highest(grey: Values, mask: Flags, known: Flags) -> float:
    """Return the level below which pixels of a dark part are taken for shadow."""
    ndimage = require("scipy.ndimage")
    _, _, lit = _contrast(grey, mask, known)
    core = ndimage.binary_erosion(mask, iterations=_MIXED) & known
    dark, scatter = _darkest_level(grey[core if core.any() else mask & known])
    rise = max(_GRAZING * (lit - dark), _SCATTER * scatter)
    return dark + min(rise, (lit - dark) / 2.0)


def _darkest_level(values: Values) -> tuple[float, float]:
    """Return the level about which the darkest values gather, and their standard deviation.

    Values above it, of ground that is lit a little, do not count.
    """
    level = float(np.median(np.sort(values)[: max(1, len(values) // 2)]))
    scatter = 0.0
    for _ in range(6):
        # Of the half below the level, so that what is brighter for other reasons has no part.
        scatter = 1.4826 * float(np.median(np.abs(values[values <= level] - level)))
        again = float(np.median(values[values <= level + 3.0 * scatter]))
        if again == level:
            break
        level = again
    return level, scatter


def _begin(grey: Values, smooth: Values, known: Flags) -> Flags:
    """Return the dark part with the strongest contrast over its edge, up to the level half-way.

    Levels between the darkest and the median are tried on an image of a size at which that costs
    little; of dark parts the largest counts at each.

    Raises
    ------
    ImageError
        If no dark part is large enough.
    """
    step = max(1, math.ceil(max(grey.shape) / _COARSE))
    part = (slice(step // 2, None, step), slice(step // 2, None, step))
    coarse, certain = smooth[part], known[part]
    low, top = (float(each) for each in np.percentile(coarse[certain], [0.05, 60.0]))
    reach = (_MIXED, 6) if step == 1 else (1, 3)
    best: tuple[float, float] | None = None
    for threshold in np.linspace(low, top, _LEVELS + 2)[1:-1]:
        mask = largest_part((coarse < threshold) & certain)
        if mask.sum() * step**2 < LEAST_PIXELS:
            continue
        contrast, inside, outside = _contrast(coarse, mask, certain, reach)
        if best is None or contrast > best[0]:
            best = contrast, (inside + outside) / 2.0
    if best is None:
        raise _too_small(0)
    return _main_part((smooth < best[1]) & known)


def _touching(mask: Flags, seed: Flags) -> Flags:
    """Return the connected part of a mask that shares most pixels with another, holes filled."""
    ndimage = require("scipy.ndimage")
    labels, count = ndimage.label(mask)
    if count == 0 or not (labels[seed] > 0).any():
        return np.zeros_like(mask)
    number = int(np.argmax(np.bincount(labels[seed])[1:]))
    rows, cols = ndimage.find_objects(labels)[number]
    found = np.zeros_like(mask)
    found[rows, cols] = ndimage.binary_fill_holes(labels[rows, cols] == number + 1)
    return found


def _fractions(grey: Values, mask: Flags, known: Flags) -> Values:
    """Return how much of each pixel is dark, by the levels on both sides of the edge near it."""
    ndimage = require("scipy.ndimage")
    edge_out = ndimage.binary_dilation(mask, iterations=_MIXED)
    edge_in = ndimage.binary_erosion(mask, iterations=_MIXED, border_value=1)
    part = _box(edge_out, 4 * int(_NEIGHBOURHOOD))
    near = grey[part]
    dark = _level(near, edge_in[part] & known[part], near[mask[part]].mean())
    lit = _lit_level(near, mask[part], known[part], dark)
    span = np.maximum(lit - dark, 1e-12)
    mixed = edge_out[part] & ~edge_in[part]
    fraction = np.where(mixed, np.clip((lit - near) / span, 0.0, 1.0), edge_in[part])
    whole = np.zeros(grey.shape)
    whole[part] = fraction
    return whole


def _smoothed(values: Values) -> Values:
    return np.asarray(
        require("scipy.ndimage").gaussian_filter(
            values.astype(np.float64), _NEIGHBOURHOOD, mode="nearest", truncate=3.0
        )
    )


def _level(values: Values, valid: Flags, otherwise: float) -> Values:
    """Return the mean of the valid neighbours of each pixel; `otherwise` where there are none."""
    weight = _smoothed(valid)
    total = _smoothed(np.where(valid, values, 0.0))
    return np.where(weight > 1e-3, total / np.maximum(weight, 1e-3), otherwise)


def _lit_level(values: Values, mask: Flags, known: Flags, dark: Values) -> Values:
    """Return the level that each pixel would have if it were lit.

    A straight line through the brightness of its lit neighbours against their distance from the
    shadow, by weighted least squares, of whose rise `_RISING` is followed inwards.
    """
    away = require("scipy.ndimage").distance_transform_edt(~mask)
    valid = (away > _MIXED) & (away <= _RISE_REACH) & known
    weight = _smoothed(valid)
    safe = np.maximum(weight, 1e-3)
    lit = np.where(valid, values, 0.0)
    mean_away, mean_lit = _smoothed(valid * away) / safe, _smoothed(lit) / safe
    spread = np.maximum(_smoothed(valid * away**2) / safe - mean_away**2, 1e-6)
    rise = (_smoothed(lit * away) / safe - mean_away * mean_lit) / spread
    level = mean_lit + _RISING * np.maximum(rise, 0.0) * (away - mean_away)
    level = np.maximum(level, dark + _LEAST_SPAN * (mean_lit - dark))
    outside = ~mask & known
    otherwise = float(values[outside].mean()) if outside.any() else float(values.max())
    return np.where(weight > 1e-3, level, otherwise)


def _box(mask: Flags, margin: int) -> tuple[slice, slice]:
    """Return the rows and columns that hold a mask and a margin around it."""
    spans = []
    for axis, length in enumerate(mask.shape):
        used = np.flatnonzero(mask.any(axis=1 - axis))
        spans.append(slice(max(0, used[0] - margin), min(length, used[-1] + 1 + margin)))
    return spans[0], spans[1]
