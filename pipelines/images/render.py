"""Images of height fields: cast shadows, oblique view, photometry and what a camera adds.

A height field is an array of heights in metres; its first axis runs southward and its second
eastward unless the caller says otherwise by the azimuths, which are counted clockwise from the
direction of decreasing rows. Rays are followed from one row (or column) to the next, whichever the
ray crosses faster, with heights interpolated between the two neighbours: exact for what a grid of
heights can say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.images.illumination import Illumination

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Photometry = Literal["lambert", "lommel-seeliger"]
#: Rows and columns of a part of a raster.
Part = tuple[slice, slice]

#: Posts along a side of the parts that rays are followed in.
_PART = 96
#: Steps of a ray after which it is looked whether it can meet anything yet.
_LOOKED_AT = 8


@dataclass(frozen=True, slots=True)
class Camera:
    """What happens to the light on its way into the file.

    Attributes
    ----------
    psf_sigma
        Standard deviation of the point spread, pixels of the image.
    noise
        Standard deviation of the noise, as a fraction of the brightness of flat lit ground.
    bits
        Of the numbers in the file.
    exposure
        Brightness of flat lit ground as a fraction of the largest number.
    ambient
        Light that reaches shadows from sky and walls, as a fraction of flat lit ground.
    photometry
        How surfaces reflect.
    """

    psf_sigma: float = 0.6
    noise: float = 0.01
    bits: int = 10
    exposure: float = 0.4
    ambient: float = 0.05
    photometry: Photometry = "lommel-seeliger"


@dataclass(frozen=True)
class Rendering:
    """A picture with what is known to be true about it.

    Attributes
    ----------
    image
        Whole numbers of the camera, shape (rows, cols), float64.
    shadow
        Fraction of each pixel that lies in cast shadow, 0 to 1.
    ray_depth
        Metres by which the border of light over a pixel lies below what casts the shadow; at the
        far edge of a shadow that is the depth of the ground. 0 where there is no shadow.
    """

    image: Values
    shadow: Values
    ray_depth: Values


def _steps(azimuth: float) -> tuple[float, float, float]:
    """Return the rows and columns of one step along an azimuth, and its length in pixels.

    The longer of the two is one whole pixel.
    """
    east, north = math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))
    longest = max(abs(east), abs(north))
    return -north / longest, east / longest, 1.0 / longest


def _shifted(field: Values, rows: float, cols: float, fill: float, part: Part) -> Values:
    """Return the values `rows` down and `cols` right of each place of a part; one is whole."""
    row, col = math.floor(rows + 1e-9), math.floor(cols + 1e-9)
    share = max(rows - row, cols - col, 0.0)
    near = _moved(field, row, col, fill, part)
    if share < 1e-9:
        return near
    far = _moved(field, row + (rows - row > 1e-9), col + (cols - col > 1e-9), fill, part)
    return (1.0 - share) * near + share * far


def _moved(field: Values, row: int, col: int, fill: float, part: Part) -> Values:
    """Return the values of a part moved by whole pixels; not to be changed."""
    starts = (part[0].start + row, part[1].start + col)
    stops = (part[0].stop + row, part[1].stop + col)
    inner = tuple(
        slice(min(max(0, start), size), min(max(0, stop), size))
        for start, stop, size in zip(starts, stops, field.shape, strict=True)
    )
    found = field[inner]
    shape = (stops[0] - starts[0], stops[1] - starts[1])
    if found.shape == shape:
        return found
    out = np.full(shape, fill)
    top, left = inner[0].start - starts[0], inner[1].start - starts[1]
    if found.size:
        out[top : top + found.shape[0], left : left + found.shape[1]] = found
    return out


def _parts(shape: tuple[int, int]) -> Iterator[Part]:
    """Yield parts small enough to stay near the processor, and to be finished one by one."""
    for top in range(0, shape[0], _PART):
        for left in range(0, shape[1], _PART):
            yield (
                slice(top, min(top + _PART, shape[0])),
                slice(left, min(left + _PART, shape[1])),
            )


def shadow_surface(
    heights: Values, pixel: float, incidence: float, azimuth: float
) -> tuple[Values, Values]:
    """Return the height below which each place is in cast shadow, and that of what casts it.

    Parameters
    ----------
    heights
        Metres, shape (rows, cols), finite.
    pixel
        Size of a pixel, m.
    incidence, azimuth
        Of the Sun, degrees.

    Returns
    -------
    surface
        Metres, same shape; 1000 km below everything where nothing stands between a place and the
        Sun. A point above it, on the ground or on a wall, is lit.
    caster
        Height in metres of the ground that the ray to the Sun grazes, same shape.
    """
    rows, cols, length = _steps(azimuth)
    drop = length * pixel / math.tan(math.radians(incidence))
    low = float(heights.min())
    surface = np.full_like(heights, low - 1.0e6)
    caster = heights.copy()
    span = float(heights.max()) - low
    count = min(math.ceil(span / drop), max(heights.shape)) if span > 0.0 else 0
    for part in _parts(heights.shape):
        own, its_caster = surface[part], caster[part]
        for step in range(1, count + 1):
            # From so far away not even the highest ground casts a shadow here.
            if step % _LOOKED_AT == 0 and low + span - drop * step <= own.min():
                break
            # The edge is not known to be higher than the lowest ground.
            towards = _shifted(heights, rows * step, cols * step, low, part)
            limit = towards - drop * step
            higher = limit > own
            np.copyto(own, limit, where=higher)
            np.copyto(its_caster, towards, where=higher)
    return surface, caster


def apparent_depths(heights: Values, pixel: float, incidence: float, azimuth: float) -> Values:
    """Return how deep the ground lies below what casts a shadow, where that shadow ends.

    This is what a perfect measurement of shadows can give: the ray that grazes the caster is
    followed to where it meets the ground, between two posts.

    Parameters
    ----------
    heights, pixel, incidence, azimuth
        As for `shadow_surface`.

    Returns
    -------
    depths
        Metres, same shape; at the last post in shadow before lit ground, 0 everywhere else.
    """
    rows, cols, length = _steps(azimuth)
    drop = length * pixel / math.tan(math.radians(incidence))
    surface, caster = shadow_surface(heights, pixel, incidence, azimuth)
    below = surface - heights
    whole = (slice(0, below.shape[0]), slice(0, below.shape[1]))
    following = _shifted(np.maximum(below, -1.0e3), -rows, -cols, 1.0, whole)
    ends = (below > 0.0) & (following <= 0.0)
    part = below / np.maximum(below - following, 1e-12)
    return np.where(ends, caster - surface + np.clip(part, 0.0, 1.0) * drop, 0.0)


@dataclass(frozen=True)
class _Seen:
    """What a ray from the camera through each pixel of the plane of height 0 meets first."""

    rows: Values
    cols: Values
    heights: Values


def _seen(heights: Values, pixel: float, emission: float, azimuth: float) -> _Seen:
    grid_rows, grid_cols = np.indices(heights.shape, dtype=np.float64)
    if emission < 1e-6:
        return _Seen(grid_rows, grid_cols, heights)
    rows, cols, length = _steps(azimuth)
    drop = length * pixel / math.tan(math.radians(emission))
    # Away from the camera rays go down: `distance` counts steps from the plane of height 0.
    first = -math.ceil(max(0.0, float(heights.max())) / drop) - 2
    last = math.ceil(max(0.0, -float(heights.min())) / drop) + 1
    flat = float(np.median(heights))
    distance = np.full(heights.shape, float(last))
    for part in _parts(heights.shape):
        own = distance[part]
        met = np.zeros(own.shape, dtype=bool)
        above = np.zeros(own.shape)
        for step in range(first, last + 1):
            ground = _shifted(heights, -rows * step, -cols * step, flat, part)
            clearance = -drop * step - ground
            hit = ~met & (clearance <= 0.0)
            # Between the last step and this one, where the clearance went through zero.
            share = above / np.maximum(above - clearance, 1e-12)
            own[hit] = step - 1.0 + np.clip(share[hit], 0.0, 1.0)
            met |= hit
            if met.all():
                break
            above = np.where(met, above, clearance)
    return _Seen(grid_rows - rows * distance, grid_cols - cols * distance, -drop * distance)


def _sample(field: Values, rows: Values, cols: Values) -> Values:
    return np.asarray(
        require("scipy.ndimage").map_coordinates(field, [rows, cols], order=1, mode="nearest")
    )


def _brightness(
    heights: Values, pixel: float, light: Illumination, photometry: Photometry
) -> Values:
    """Return the brightness of each place without cast shadows; 1 for flat ground."""
    down, right = _slope(heights, pixel, 0), _slope(heights, pixel, 1)
    up = np.stack([-right, down, np.ones_like(heights)])  # east, north, up
    up /= np.linalg.norm(up, axis=0)
    sun = _direction(light.incidence, light.sun_azimuth)
    camera = _direction(light.emission, light.view_azimuth)
    cos_i = np.clip(np.tensordot(sun, up, axes=1), 0.0, None)
    if photometry == "lambert":
        return cos_i / math.cos(math.radians(light.incidence))
    cos_e = np.clip(np.tensordot(camera, up, axes=1), 0.05, None)
    mu0, mu = (math.cos(math.radians(angle)) for angle in (light.incidence, light.emission))
    return cos_i / (cos_i + cos_e) * (mu0 + mu) / mu0


def _slope(heights: Values, pixel: float, axis: int) -> Values:
    """Return the slope along an axis: of the differences to both neighbours the smaller one.

    A mean of the two would make a slope of the flat ground on either side of a cliff, and darken or
    brighten it.
    """
    step = np.diff(heights, axis=axis) / pixel
    ends = [(0, 0), (0, 0)]
    ends[axis] = (1, 0)
    before = np.pad(step, ends, mode="edge")
    ends[axis] = (0, 1)
    after = np.pad(step, ends, mode="edge")
    return np.where(np.abs(before) < np.abs(after), before, after)


def _direction(zenith: float, azimuth: float) -> Values:
    z, a = math.radians(zenith), math.radians(azimuth)
    return np.array([math.sin(z) * math.sin(a), math.sin(z) * math.cos(a), math.cos(z)])


def render(
    heights: Values,
    pixel: float,
    light: Illumination,
    camera: Camera,
    rng: np.random.Generator,
    *,
    albedo: Values | None = None,
    oversampling: int = 1,
) -> Rendering:
    """Take a picture of a height field, projected onto the plane of height 0.

    Parameters
    ----------
    heights
        Metres, shape (rows, cols), finite; both a multiple of `oversampling`.
    pixel
        Size of a pixel of `heights`, m.
    light
        Where Sun and camera are.
    camera
        What else is done to the picture.
    rng
        Of the noise.
    albedo
        Relative reflectance of each place, same shape; the same everywhere when not given.
    oversampling
        Pixels of `heights` along a side of a pixel of the image.

    Raises
    ------
    ValueError
        If heights are not finite or the shape does not fit.
    """
    if not np.isfinite(heights).all():
        raise ValueError("a height field to be rendered has to be finite everywhere")
    if heights.shape[0] % oversampling or heights.shape[1] % oversampling:
        raise ValueError(f"{heights.shape} is no multiple of {oversampling}")
    seen = _seen(heights, pixel, light.emission, light.view_azimuth)
    surface, caster = shadow_surface(heights, pixel, light.incidence, light.sun_azimuth)
    limit = _sample(surface, seen.rows, seen.cols)
    dark = limit > seen.heights + 1e-9
    depth = np.clip(_sample(caster, seen.rows, seen.cols) - limit, 0.0, None) * dark
    bright = _brightness(heights, pixel, light, camera.photometry)
    if albedo is not None:
        bright = bright * albedo
    lit = _sample(bright, seen.rows, seen.cols)
    radiance = np.where(dark, 0.0, lit) * (1.0 - camera.ambient) + camera.ambient
    return Rendering(
        expose(_binned(radiance, oversampling), camera, rng),
        _binned(dark.astype(np.float64), oversampling),
        _binned(depth, oversampling),
    )


def expose(radiance: Values, camera: Camera, rng: np.random.Generator) -> Values:
    """Blur, add noise, and round to the numbers of the file.

    Parameters
    ----------
    radiance
        Brightness with 1 for flat lit ground, shape (rows, cols).
    camera
        Point spread, noise, bits.
    rng
        Of the noise.
    """
    blurred = radiance
    if camera.psf_sigma > 0.0:
        blurred = require("scipy.ndimage").gaussian_filter(
            radiance, camera.psf_sigma, mode="nearest"
        )
    noisy = blurred + rng.normal(0.0, 1.0, radiance.shape) * camera.noise
    top = 2.0**camera.bits - 1.0
    # 0 stands for no data in many archives; the darkest number of a picture is 1.
    return np.clip(np.round(noisy * camera.exposure * top), 1.0, top)


def _binned(field: Values, factor: int) -> Values:
    if factor == 1:
        return field
    height, width = field.shape
    blocks = field.reshape(height // factor, factor, width // factor, factor)
    return np.asarray(blocks.mean(axis=(1, 3)))
