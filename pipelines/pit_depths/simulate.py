"""Pits of exactly known shape, seen under any Sun, with the truth about their shadows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.images.illumination import Illumination
from pipelines.images.render import Camera, Rendering, apparent_depths, render
from pipelines.pit_depths.shadow import largest_part

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Heights are made on a grid this many times finer than the image, along each side.
OVERSAMPLING = 4
#: Amplitudes of rough ground fall off with this power of the wave number: their power in two
#: dimensions with 3.2, which is a Hurst exponent of 0.6.
_ROUGHNESS = 1.6
#: Pixels that the shadow of a degraded pit has at least.
_LEAST_DEGRADED = 150


@dataclass(frozen=True, slots=True)
class Pit:
    """A pit with a flat floor and a round or ragged rim.

    Attributes
    ----------
    radius, depth
        Of the rim, and from the rim to the floor, metres.
    floor
        Radius of the floor as a part of that of the rim: 1 for vertical walls.
    raggedness
        How far the rim leaves the circle, as a part of the radius.
    """

    radius: float
    depth: float
    floor: float = 1.0
    raggedness: float = 0.0


@dataclass(frozen=True)
class Sight:
    """A picture of a pit with the truth.

    Attributes
    ----------
    name
        Of the picture.
    rendering
        Picture, shadow and depths below the caster.
    light, camera
        How it was taken.
    pixel
        Metres.
    true_mask
        Pixels of which half or more is in the main shadow.
    true_depth
        Maximum apparent depth that the geometry allows, metres: of all places at the far edge of
        the main shadow, the largest depth below what casts the shadow there.
    """

    name: str
    rendering: Rendering
    light: Illumination
    camera: Camera
    pixel: float
    true_mask: Flags
    true_depth: float


def pit_heights(
    pit: Pit, pixel: float, size: int, rng: np.random.Generator, *, terrain: float = 0.0
) -> Values:
    """Return the heights of a pit in the middle of a plain.

    Parameters
    ----------
    pit
        Its shape.
    pixel
        Size of a post, m.
    size
        Posts along each side.
    rng
        Of raggedness and terrain.
    terrain
        Standard deviation of the heights of the plain, m.
    """
    place = (np.arange(size) + 0.5 - size / 2.0) * pixel
    x, y = np.meshgrid(place, -place)
    distance = np.hypot(x, y)
    angle = np.arctan2(y, x)
    rim = np.full_like(distance, pit.radius)
    if pit.raggedness > 0.0:
        # Rims are broken into lobes of all sizes; amplitudes fall off with their number.
        for wave in range(3, 24):
            amplitude = pit.raggedness * pit.radius * rng.normal() / wave
            rim += amplitude * np.cos(wave * angle + rng.uniform(0, 2 * math.pi))
    wall = rim * max(1.0 - pit.floor, 1e-9)
    heights = -pit.depth * np.clip((rim - distance) / wall, 0.0, 1.0)
    if terrain > 0.0:
        noise = require("scipy.ndimage").gaussian_filter(rng.normal(size=(size, size)), 6.0)
        heights += noise / noise.std() * terrain
    return np.asarray(heights)


def take(
    name: str,
    heights: Values,
    pixel: float,
    light: Illumination,
    camera: Camera,
    rng: np.random.Generator,
    *,
    oversampling: int = OVERSAMPLING,
    true_depth: float | None = None,
    albedo: Values | None = None,
) -> Sight:
    """Take a picture of a height field that has one pit, and say what is true about its shadow.

    Parameters
    ----------
    name
        Of the picture.
    heights
        Metres; the rim is near height 0.
    pixel
        Size of a pixel of the picture, m.
    light, camera, rng
        As for `pipelines.images.render.render`.
    oversampling
        Posts of `heights` along a side of a pixel.
    true_depth
        Maximum apparent depth, where it is known by construction; else it is measured in the
        heights.
    albedo
        Relative reflectance, same shape as `heights`.
    """
    post = pixel / oversampling
    picture = render(heights, post, light, camera, rng, albedo=albedo, oversampling=oversampling)
    mask = largest_part(picture.shadow >= 0.5)
    if true_depth is None:
        near = np.kron(mask, np.ones((oversampling, oversampling), dtype=bool))
        depths = apparent_depths(heights, post, light.incidence, light.sun_azimuth)
        true_depth = float(depths[near].max())
    return Sight(name, picture, light, camera, pixel, mask, true_depth)


def exact_depth(pit: Pit, light: Illumination) -> float:
    """Return the maximum apparent depth of a round pit with vertical walls, metres.

    The shadow ends on the floor, or where the ray over the rim meets the wall opposite.
    """
    return min(pit.depth, 2.0 * pit.radius / math.tan(math.radians(light.incidence)))


def _camera(rng: np.random.Generator) -> Camera:
    return Camera(
        psf_sigma=float(rng.uniform(0.4, 1.0)),
        noise=float(rng.uniform(0.005, 0.03)),
        bits=int(rng.choice([8, 10])),
        ambient=float(rng.uniform(0.02, 0.12)),
        photometry="lommel-seeliger" if rng.random() < 0.5 else "lambert",
    )


def _from_above(rng: np.random.Generator, least: float, most: float) -> Illumination:
    """Return a random Sun with an incidence between two angles, the camera in the zenith."""
    incidence, azimuth = float(rng.uniform(least, most)), float(rng.uniform(0.0, 360.0))
    return Illumination(incidence, 0.0, azimuth, azimuth)


def random_sight(number: int, seed: int) -> Sight:
    """Return a picture of a random pit under a random Sun and view.

    Pits, angles and cameras are those of HiRISE and LROC NAC images of pits: incidence 25 to 70
    degrees, emission up to 15, pixels of a quarter to half a metre, shadows that end on the floor.
    """
    rng = np.random.default_rng([seed, number])
    pixel = float(rng.choice([0.25, 0.5]))
    light = Illumination(
        float(rng.uniform(25.0, 70.0)),
        float(rng.uniform(0.0, 15.0)),
        float(rng.uniform(0.0, 360.0)),
        float(rng.uniform(0.0, 360.0)),
    )
    radius = float(rng.uniform(45.0, 110.0)) * pixel
    most = 2.0 * radius / math.tan(math.radians(light.incidence))
    depth = float(rng.uniform(0.35, 0.75)) * most
    pit = Pit(radius, depth, float(rng.choice([1.0, 0.95])), float(rng.uniform(0.0, 0.05)))
    size = int(2.8 * radius / pixel) // 2 * 2
    camera = _camera(rng)
    posts = size * OVERSAMPLING
    heights = pit_heights(pit, pixel / OVERSAMPLING, posts, rng, terrain=0.05 * pixel)
    relief = require("scipy.ndimage").gaussian_filter(rng.normal(size=(posts, posts)), 12.0)
    albedo = 1.0 + float(rng.uniform(0.02, 0.08)) * relief / relief.std()
    return take(
        f"pit_{seed}_{number:03d}",
        heights,
        pixel,
        light,
        camera,
        rng,
        true_depth=depth,
        albedo=np.clip(albedo, 0.5, 1.5),
    )


def degraded_sight(number: int, seed: int) -> Sight:
    """Return a picture from above of a random pit as height models show them, coarse and rounded.

    Walls lean, rims are rounded and lie in a funnel on rough ground, and the pit is but some ten
    pixels wide, as the pits of the Moon are in height models of 2 m. Here the Sun grazes much of
    the ground, and what a shadow allows to be measured is computed in the heights. Pits with hardly
    any shadow are drawn again.
    """
    rng = np.random.default_rng([seed, number, 1])
    while True:
        sight = _degraded(f"degraded_{seed}_{number:03d}", rng)
        if sight.true_depth > 0.0 and sight.true_mask.sum() >= _LEAST_DEGRADED:
            return sight


def _degraded(name: str, rng: np.random.Generator) -> Sight:
    pixel = float(rng.choice([1.0, 2.0]))
    light = _from_above(rng, 30.0, 72.0)
    radius = float(rng.uniform(11.0, 30.0)) * pixel
    depth = float(rng.uniform(0.4, 0.9)) * 2.0 * radius / math.tan(math.radians(light.incidence))
    pit = Pit(radius, depth, float(rng.uniform(0.6, 0.95)), float(rng.uniform(0.0, 0.06)))
    posts = int(3.2 * radius / pixel) // 2 * 2 * OVERSAMPLING
    post = pixel / OVERSAMPLING
    heights = require("scipy.ndimage").gaussian_filter(
        pit_heights(pit, post, posts, rng), float(rng.uniform(0.5, 1.5)) * OVERSAMPLING
    )
    place = (np.arange(posts) + 0.5 - posts / 2.0) * post
    beyond = np.clip(np.hypot(*np.meshgrid(place, place)) - radius, 0.0, None)
    funnel = float(rng.uniform(0.0, 0.25)) * depth
    heights -= funnel * np.exp(-beyond / (float(rng.uniform(0.2, 0.6)) * radius))
    heights += _rough_ground(posts, rng) * float(rng.uniform(0.01, 0.04)) * radius
    return take(name, heights - np.median(heights), pixel, light, _camera(rng), rng)


def _rough_ground(posts: int, rng: np.random.Generator) -> Values:
    """Return self-affine heights of standard deviation 1, without waves shorter than a pixel."""
    along = np.fft.fftfreq(posts)
    wave = np.hypot(*np.meshgrid(along, along))
    amplitude = np.where(wave > 0.0, np.maximum(wave, 1.0 / posts) ** -_ROUGHNESS, 0.0)
    amplitude *= np.exp(-((wave * OVERSAMPLING * 2.4) ** 2))
    ground = np.fft.ifft2(np.fft.fft2(rng.normal(size=(posts, posts))) * amplitude).real
    return np.asarray(ground / ground.std())
