"""Simulated ground without mounds: a fractal surface with what could be mistaken for them.

Everything is in pixels but heights, which are in metres. A surface has a power spectrum f^-b, as
topography has over many scales (D. L. Turcotte, 1997, Fractals and Chaos in Geology and Geophysics,
chapter 7), with a tilt, steps, ridges, ripples and craters; then what stereo matching adds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Values = NDArray[np.float64]
Random = np.random.Generator

#: Lag in pixels at which the roughness of a surface is stated.
LAG = 8


@dataclass(frozen=True, slots=True)
class Ground:
    """What the ground of a site is like.

    Attributes
    ----------
    exponent
        b of the power spectrum f^-b in two dimensions.
    roughness
        Root mean square of the slope between points `LAG` pixels apart.
    tilt
        Slope of the whole site.
    craters, ridges, steps
        Craters in 100 x 100 pixels, ridges and level-set steps in the site.
    ripples
        Height of transverse ripples in pixels, from crest to mean.
    white, blocky, seams
        Standard deviation of white noise and of noise in blocks, and height of seams, in m.
    """

    exponent: float
    roughness: float
    tilt: float
    craters: float
    ridges: int
    steps: int
    ripples: float
    white: float
    blocky: float
    seams: float


def draw_ground(random: Random, *, rough: bool = False) -> Ground:
    """Draw a ground; the rough ones are rougher and noisier than any of the others.

    Exponents of 2.6 to 3.4 are Hurst exponents of 0.3 to 0.7;
    slopes of plains over some tens of metres are about a degree (M. A. Kreslavsky and J. W. Head,
    2000, J. Geophys. Res. 105, 26695).
    """
    low, top = (0.03, 0.045) if rough else (0.004, 0.028)
    return Ground(
        exponent=random.uniform(2.6, 3.4),
        roughness=float(np.exp(random.uniform(np.log(low), np.log(top)))),
        tilt=random.uniform(0.0, 0.06),
        craters=random.uniform(0.1, 1.2) * (1.5 if rough else 1.0),
        ridges=int(random.integers(0, 7)),
        steps=int(random.integers(0, 3)),
        ripples=random.uniform(0.02, 0.18) if random.random() < 0.5 else 0.0,
        white=random.uniform(0.05, 0.4) * (1.5 if rough else 1.0),
        blocky=random.uniform(0.0, 0.5) * (1.5 if rough else 1.0),
        seams=random.uniform(0.3, 1.2) if random.random() < 0.5 else 0.0,
    )


def fractal(shape: tuple[int, int], exponent: float, random: Random) -> Values:
    """Return a surface of mean 0 and standard deviation 1 with a power spectrum f^-exponent.

    It is cut out of one twice as large, since what a Fourier transform makes meets itself at
    opposite edges.
    """
    rows, cols = 2 * shape[0], 2 * shape[1]
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(cols)[None, :])
    frequency[0, 0] = np.inf
    noise = np.fft.rfft2(random.standard_normal((rows, cols)))
    surface = np.fft.irfft2(noise * frequency ** (-exponent / 2.0), s=(rows, cols))
    cut = surface[: shape[0], : shape[1]]
    return np.asarray((cut - cut.mean()) / cut.std())


def ground_heights(shape: tuple[int, int], pixel: float, ground: Ground, random: Random) -> Values:
    """Return the heights of a ground, in m, without noise.

    Parameters
    ----------
    shape
        Rows and columns.
    pixel
        Size of a pixel in m.
    ground
        What it is like.
    random
        Draws everything else.
    """
    surface = fractal(shape, ground.exponent, random)
    steps = np.diff(surface[:, ::LAG], axis=1)
    heights = surface * (ground.roughness * LAG * pixel / np.sqrt(np.mean(steps**2)))
    rows, cols = np.indices(shape, dtype=np.float64)
    towards = random.uniform(0.0, 2.0 * np.pi)
    heights += ground.tilt * pixel * (rows * np.sin(towards) + cols * np.cos(towards))
    for _ in range(ground.steps):
        heights += _step(shape, pixel, random)
    for _ in range(ground.ridges):
        heights += _ridge(shape, pixel, random)
    if ground.ripples:
        heights += ground.ripples * pixel * _ripples(shape, random)
    for _ in range(int(random.poisson(ground.craters * shape[0] * shape[1] / 1e4))):
        _add_crater(heights, pixel, random)
    return heights


def with_noise(heights: Values, ground: Ground, random: Random) -> Values:
    """Return heights as stereo matching would give them: noise, blocks, seams, failed patches."""
    shape = heights.shape
    noisy = heights + ground.white * random.standard_normal(shape)
    if ground.blocky:
        size = int(random.integers(3, 8))
        coarse = random.standard_normal([-(-side // size) for side in shape])
        blocks = np.kron(coarse, np.ones((size, size)))[: shape[0], : shape[1]]
        patches = np.clip(fractal(shape, 3.0, random), 0.0, 1.5)
        noisy += ground.blocky * patches * ndimage.uniform_filter(blocks, 3)
        failed = (fractal(shape, 2.8, random) > 2.2) & (random.random(shape) < 0.15)
        spikes = failed * random.standard_normal(shape) * 6.0 * ground.blocky
        noisy += ndimage.gaussian_filter(spikes, 0.7)
    if ground.seams:
        noisy += _seam(shape, ground.seams, random)
    return np.asarray(noisy)


def _step(shape: tuple[int, int], pixel: float, random: Random) -> Values:
    """Return a scarp between two plains, along a line of equal height of a smooth surface."""
    smooth = ndimage.gaussian_filter(fractal(shape, 4.0, random), 3.0)
    steepness = np.median(np.hypot(*np.gradient(smooth)))
    level = np.quantile(smooth, random.uniform(0.15, 0.85))
    width = random.uniform(3.0, 20.0)
    height = width * pixel * random.uniform(0.08, 0.35)
    return np.asarray(height * np.tanh((smooth - level) / (steepness * width)) / 2.0)


def _ridge(shape: tuple[int, int], pixel: float, random: Random) -> Values:
    """Return a ridge or a trough along a winding line."""
    length = int(random.integers(25, 160))
    turns = np.cumsum(random.normal(0.0, 0.06, length)) + random.uniform(0.0, 2.0 * np.pi)
    rows = random.uniform(0, shape[0]) + np.cumsum(np.sin(turns))
    cols = random.uniform(0, shape[1]) + np.cumsum(np.cos(turns))
    away = np.ones(shape, dtype=bool)
    inside = (rows >= 0) & (rows < shape[0]) & (cols >= 0) & (cols < shape[1])
    away[rows[inside].astype(int), cols[inside].astype(int)] = False
    if away.all():
        return np.zeros(shape)
    width = random.uniform(1.5, 6.0)
    height = width * pixel * random.uniform(0.1, 0.4) * (1.0 if random.random() < 0.8 else -1.0)
    return np.asarray(height * np.exp(-((ndimage.distance_transform_edt(away) / width) ** 2)))


def _ripples(shape: tuple[int, int], random: Random) -> Values:
    """Return winding waves of height 1 in some parts."""
    rows, cols = np.indices(shape, dtype=np.float64)
    towards = random.uniform(0.0, np.pi)
    length = random.uniform(6.0, 16.0)
    bent = 1.5 * length * ndimage.gaussian_filter(fractal(shape, 3.2, random), 4.0)
    phase = 2.0 * np.pi * (rows * np.sin(towards) + cols * np.cos(towards) + bent) / length
    where = 1.0 / (1.0 + np.exp(-6.0 * ndimage.gaussian_filter(fractal(shape, 3.4, random), 6.0)))
    return np.asarray(np.sin(phase) * where)


def _add_crater(heights: Values, pixel: float, random: Random) -> None:
    """Add a bowl with a raised rim, fresh or worn.

    Fresh simple craters are a fifth as deep as wide, with a rim a twenty-fifth as high (R. J. Pike,
    1977, in Impact and Explosion Cratering, 489).
    """
    radius = float(np.clip(2.5 * random.pareto(1.8) + 2.5, 2.5, 45.0))
    fresh = random.uniform(0.15, 1.0)
    row, col = random.uniform(0, heights.shape[0]), random.uniform(0, heights.shape[1])
    window, distance = around(heights.shape, row, col, 3.0 * radius)
    if distance.size == 0:
        return
    depth, rim = 0.4 * radius * pixel * fresh, 0.08 * radius * pixel * fresh
    rho = distance / radius
    bowl = rim - depth * (1.0 - np.minimum(rho, 1.0) ** 2)
    heights[window] += np.where(rho < 1.0, bowl, rim * np.maximum(rho, 1.0) ** -4.0)


def _seam(shape: tuple[int, int], height: float, random: Random) -> Values:
    """Return offsets between strips of a push-broom camera, with a groove where they meet."""
    rows, cols = np.indices(shape, dtype=np.float64)
    place = random.uniform(0, shape[1]) + random.uniform(-0.3, 0.3) * rows
    across = cols - place
    return np.asarray(
        height * (0.5 * np.tanh(across / 2.0) + random.uniform(-1, 1) * np.exp(-(across**2) / 4.0))
    )


def around(
    shape: tuple[int, int], row: float, col: float, radius: float
) -> tuple[tuple[slice, slice], Values]:
    """Return the window around a place and the distance of its pixels' centres, in pixels."""
    top, left = max(0, int(row - radius)), max(0, int(col - radius))
    bottom = min(shape[0], int(row + radius) + 2)
    right = min(shape[1], int(col + radius) + 2)
    rows = np.arange(top, max(bottom, top)) + 0.5 - row
    cols = np.arange(left, max(right, left)) + 0.5 - col
    return (slice(top, bottom), slice(left, right)), np.hypot(rows[:, None], cols[None, :])
