"""The ground around pits: fractal relief, ridges, boulders and patches of albedo.

Lengths are in pixels of the picture, heights too; the grid of posts is finer by an oversampling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Site:
    """What the pictures of one place have in common.

    Attributes
    ----------
    pixel
        Size of a pixel, m.
    slope
        Root mean square slope of the relief over a pixel.
    exponent
        Of the power spectrum of the relief, k**-exponent in one dimension.
    tilt
        Largest slope of the ground at large.
    albedo
        Standard deviation of the albedo, as a fraction.
    albedo_exponent
        Of its power spectrum.
    boulders, ridges
        Mean numbers in a picture of 128 x 128 pixels.
    crowding
        Mean number of pits and craters in such a picture.
    raggedness
        How far rims leave their curves, as a fraction of the radius.
    infill
        How much of their depth craters have lost at most.
    """

    pixel: float
    slope: float
    exponent: float
    tilt: float
    albedo: float
    albedo_exponent: float
    boulders: float
    ridges: float
    crowding: float
    raggedness: float
    infill: float


def random_site(seed: int, number: int) -> Site:
    """Return the site of a number; those of a seed differ in scale, roughness and albedo.

    Ranges are those of the plains and flanks of volcanoes where pits are: slopes over a few metres
    with a root mean square of 1 to 4 degrees and spectra of k**-2.6 to k**-3.4, albedo that varies
    by some per cent.
    """
    rng = np.random.default_rng([seed, number, 71])
    return Site(
        pixel=float(np.exp(rng.uniform(math.log(1.0), math.log(6.0)))),
        slope=math.tan(math.radians(float(rng.uniform(1.0, 4.0)))),
        exponent=float(rng.uniform(2.6, 3.4)),
        tilt=math.tan(math.radians(float(rng.uniform(0.0, 4.0)))),
        albedo=float(rng.uniform(0.02, 0.08)),
        albedo_exponent=float(rng.uniform(1.5, 3.0)),
        boulders=float(rng.uniform(0.0, 25.0)),
        ridges=float(rng.uniform(0.0, 2.0)),
        crowding=float(rng.uniform(2.0, 4.5)),
        raggedness=float(rng.uniform(0.02, 0.08)),
        # Of craters filled by more the rim is lower than the relief: nobody tells them from bowls.
        infill=float(rng.uniform(0.0, 0.35)),
    )


def fractal(size: int, exponent: float, rng: np.random.Generator) -> Values:
    """Return a random field with a power spectrum of k**-exponent along any line.

    Parameters
    ----------
    size
        Posts along each side.
    exponent
        Of the one-dimensional spectrum; that over the plane is steeper by one.
    rng
        Of the phases and amplitudes.

    Returns
    -------
    field
        Mean 0, standard deviation 1, shape (size, size); not periodic.
    """
    length = _fast_length(size)
    rows = np.fft.fftfreq(length).astype(np.float32)[:, None]
    cols = np.fft.rfftfreq(length).astype(np.float32)[None, :]
    wave = np.hypot(rows, cols)
    wave[0, 0] = np.inf
    # White noise is made flat in space: its transform has the symmetry that a real field needs.
    noise = require("scipy.fft").rfft2(rng.standard_normal((length, length), dtype=np.float32))
    coloured = noise * wave ** np.float32(-(exponent + 1.0) / 2.0)
    field = require("scipy.fft").irfft2(coloured, s=(length, length))[:size, :size]
    part = field.astype(np.float64)
    return np.asarray((part - part.mean()) / part.std())


def _fast_length(size: int) -> int:
    """Return a length that is transformed quickly, a quarter larger than what is kept.

    What is made so is periodic: opposite edges fit each other, and should not both be seen.
    """
    return int(require("scipy.fft").next_fast_len(size + size // 4, real=True))


def relief(site: Site, size: int, post: float, rng: np.random.Generator) -> Values:
    """Return heights of the ground without pits, pixels, shape (size, size).

    Parameters
    ----------
    site
        What it is like.
    size
        Posts along each side.
    post
        Distance of two posts, pixels.
    rng
        Of everything random.
    """
    heights = fractal(size, site.exponent, rng)
    step = max(1, round(1.0 / post))
    slope = float(np.std(heights[:, step:] - heights[:, :-step])) / (step * post)
    heights *= site.slope / slope
    place = (np.arange(size) + 0.5) * post
    x, y = np.meshgrid(place, place)
    steep, towards = rng.uniform(0.0, site.tilt), rng.uniform(0.0, 2.0 * math.pi)
    heights += steep * (x * math.cos(towards) + y * math.sin(towards))
    extent = size * post
    part = (extent / 128.0) ** 2
    for _ in range(rng.poisson(site.ridges * part)):
        heights += _ridge(x, y, extent, rng)
    for _ in range(rng.poisson(site.boulders * part)):
        _add_boulder(heights, post, rng)
    return heights


def _ridge(x: Values, y: Values, extent: float, rng: np.random.Generator) -> Values:
    """Return a wrinkle ridge: long, gently winding, a few pixels high."""
    angle = rng.uniform(0.0, math.pi)
    middle = rng.uniform(0.0, extent, 2)
    along = (x - middle[0]) * math.cos(angle) + (y - middle[1]) * math.sin(angle)
    across = (y - middle[1]) * math.cos(angle) - (x - middle[0]) * math.sin(angle)
    across = across + rng.uniform(0.0, 8.0) * np.sin(
        along / rng.uniform(10.0, 40.0) + rng.uniform(0.0, 6.28)
    )
    width = rng.uniform(2.0, 8.0)
    # Either sign: troughs of grabens are as common where pits are.
    height = width * rng.uniform(0.1, 0.35) * rng.choice([-1.0, 1.0])
    length = rng.uniform(20.0, extent)
    profile = np.exp(-0.5 * (across / width) ** 2) * np.exp(-0.5 * (along / length) ** 4)
    return np.asarray(height * profile)


def _add_boulder(heights: Values, post: float, rng: np.random.Generator) -> None:
    radius = rng.uniform(0.5, 2.2)
    size = heights.shape[0]
    row, col = rng.uniform(0.0, size, 2)
    reach = math.ceil(radius / post) + 1
    rows = slice(max(0, int(row) - reach), min(size, int(row) + reach + 1))
    cols = slice(max(0, int(col) - reach), min(size, int(col) + reach + 1))
    y, x = np.mgrid[rows, cols]
    square = 1.0 - ((y - row) ** 2 + (x - col) ** 2) * (post / radius) ** 2
    heights[rows, cols] += 0.8 * radius * np.sqrt(np.clip(square, 0.0, None))


def albedo_of(site: Site, size: int, rng: np.random.Generator) -> Values:
    """Return the relative reflectance of the ground, about 1, shape (size, size)."""
    field = fractal(size, site.albedo_exponent, rng)
    return np.asarray(np.clip(1.0 + site.albedo * field, 0.5, 1.6))
