"""Simulated sites: ground with mounds and cones with vents on it, and the truth about them.

A site is a ground (`terrain`), a size of pixel and a population of mounds, drawn from one seed.
Mounds cluster about one another at distances of a power law, as those of Firsoff crater do on all
scales (R. Pozzobon et al., 2019, Icarus 321, 938). Radii are log-normal, heights
0.05 to 0.15 of the diameter; outlines are ellipses with a few waves on them. No profile is that of
another: bowls turned over, cones and bells, so that no detector can know the formula.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.mars_mounds.terrain import (
    Ground,
    Random,
    Values,
    around,
    draw_ground,
    ground_heights,
    with_noise,
)

#: Words for what is found.
MOUND, CONE = "mound", "cone with vent"

#: Radii in pixels that mounds of a simulation have: smaller ones cannot be told from roughness,
#: larger ones are seen at a coarser scale.
SMALLEST, LARGEST = 4.5, 48.0

#: Slope above which dry loose ground would slide, so that no mound is steeper.
_STEEPEST = np.tan(np.radians(28.0))


@dataclass(frozen=True, slots=True)
class TrueMound:
    """A mound as it was made.

    Attributes
    ----------
    row, col
        Its middle, in pixels.
    diameter
        Of a circle as large as its label, in m.
    height
        Its largest height over the ground without it, in m.
    volume
        Between its surface and the ground without it, within its label, m**3.
    kind
        `MOUND` or `CONE`.
    whole
        Whether no edge of the site and no other mound takes a part of it.
    """

    row: float
    col: float
    diameter: float
    height: float
    volume: float
    kind: str
    whole: bool


@dataclass(frozen=True)
class Site:
    """A simulated height model and what is true in it.

    Attributes
    ----------
    heights
        In m, shape (rows, cols).
    pixel
        Size of a pixel in m.
    labels
        Number of the mound that a pixel belongs to, from 1 on as in `mounds`; 0 on the ground.
    vents
        Pixels within the rim of a vent.
    mounds
        In the order of their numbers.
    ground
        What the site is like.
    seed
        That it was drawn from.
    """

    heights: Values
    pixel: float
    labels: NDArray[np.int32]
    vents: NDArray[np.bool_]
    mounds: tuple[TrueMound, ...]
    ground: Ground
    seed: int


@dataclass(frozen=True, slots=True)
class _Shape:
    """Outline and profile of one mound, in pixels and m."""

    row: float
    col: float
    radius: float
    height: float
    profile: int
    power: float
    waves: tuple[tuple[float, float, float], ...]
    vent: float
    vent_depth: float


def simulate_site(seed: int, *, size: int = 384, rough: bool = False) -> Site:
    """Draw a site.

    Parameters
    ----------
    seed
        Everything follows from it.
    size
        Pixels along a side.
    rough
        Whether the ground is rougher and noisier than that of any training.
    """
    random = np.random.default_rng([7, seed, int(rough)])
    ground = draw_ground(random, rough=rough)
    pixel = float(np.exp(random.uniform(np.log(2.0), np.log(12.0))))
    bare = ground_heights((size, size), pixel, ground, random)
    shapes = _population(size, pixel, random)
    added, labels, vents = _raise(shapes, (size, size))
    heights = with_noise(bare + added, ground, random)
    shapes, labels = _visible(shapes, labels)
    mounds = tuple(
        _truth(number, shape, labels, added, pixel) for number, shape in enumerate(shapes, start=1)
    )
    return Site(heights, pixel, labels, vents & (labels > 0), mounds, ground, seed)


def _population(size: int, pixel: float, random: Random) -> list[_Shape]:
    """Draw mounds until they cover what they should of a site."""
    median = float(np.exp(random.uniform(np.log(7.0), np.log(20.0))))
    spread = random.uniform(0.2, 0.45)
    cones = random.uniform(0.0, 0.5)
    wanted = random.uniform(0.02, 0.14) * size**2
    made: list[_Shape] = []
    for _ in range(2000):
        radius = float(
            np.clip(median * np.exp(spread * random.standard_normal()), SMALLEST, LARGEST)
        )
        row, col = _place(made, size, random)
        if any(
            np.hypot(row - each.row, col - each.col) < 0.75 * (radius + each.radius)
            for each in made
        ):
            continue
        made.append(_draw_shape(row, col, radius, pixel, random.random() < cones, random))
        wanted -= np.pi * radius**2
        if wanted < 0.0:
            break
    return made


def _place(made: list[_Shape], size: int, random: Random) -> tuple[float, float]:
    """Draw a place: anywhere, or about a mound that is there, at a distance of a power law."""
    if not made or random.random() < 0.35:
        return random.uniform(0, size), random.uniform(0, size)
    near = made[random.integers(len(made))]
    distance = 1.6 * near.radius * (1.0 + random.pareto(1.2))
    towards = random.uniform(0.0, 2.0 * np.pi)
    row = (near.row + distance * np.sin(towards)) % size
    return row, (near.col + distance * np.cos(towards)) % size


def _draw_shape(
    row: float, col: float, radius: float, pixel: float, vented: bool, random: Random
) -> _Shape:
    profile = 1 if vented else int(random.integers(3))
    power = (random.uniform(0.9, 1.4), random.uniform(0.9, 1.15), random.uniform(1.4, 2.4))[profile]
    steep = float(np.abs(np.diff(_profile(np.linspace(0, 1, 65), profile, power))).max() * 64)
    ratio = min(random.uniform(0.05, 0.15), _STEEPEST / (2.0 * steep))
    squeeze = float(np.clip(abs(random.normal(0.0, 0.08)), 0.0, 0.18))
    sizes = (squeeze, *random.uniform(0.0, (0.05, 0.035, 0.025)))
    waves = tuple(
        (float(order), float(size), random.uniform(0.0, 2.0 * np.pi))
        for order, size in zip((2, 3, 4, 5), sizes, strict=True)
    )
    vent = random.uniform(0.2, 0.42) if vented and radius > 7.0 else 0.0
    height = 2.0 * radius * pixel * ratio
    return _Shape(
        row, col, radius, height, profile, power, waves, vent, random.uniform(0.2, 0.7)
    )  # fmt: skip


def _profile(rho: Values, profile: int, power: float) -> Values:
    """Return the height, 0 to 1, at a distance from the middle, 1 at the outline."""
    inside = np.clip(1.0 - rho, 0.0, 1.0)
    if profile == 0:
        return np.asarray(np.clip(1.0 - rho**2, 0.0, 1.0) ** power)
    if profile == 1:  # a cone with a round top
        return np.asarray((np.sqrt(1.0 + 0.02) - np.sqrt(np.minimum(rho, 1.0) ** 2 + 0.02)) ** power
                          / (np.sqrt(1.02) - np.sqrt(0.02)) ** power)  # fmt: skip
    low = np.exp(-power)
    return np.where(inside > 0.0, (np.exp(-power * rho**2) - low) / (1.0 - low), 0.0)


def _surface(shape: _Shape, size: tuple[int, int]) -> tuple[tuple[slice, slice], Values, Values]:
    """Return the window of a mound, its height there and the relative distance rho."""
    window, distance = around(size, shape.row, shape.col, 1.4 * shape.radius)
    rows = np.arange(window[0].start, window[0].stop) + 0.5 - shape.row
    cols = np.arange(window[1].start, window[1].stop) + 0.5 - shape.col
    angle = np.arctan2(rows[:, None], cols[None, :])
    outline = 1.0 + sum(size * np.cos(order * angle + at) for order, size, at in shape.waves)
    rho = distance / (shape.radius * outline)
    height = _profile(rho, shape.profile, shape.power)
    if shape.vent:
        rim = float(_profile(np.array(shape.vent), shape.profile, shape.power))
        within = 1.0 - (rho / shape.vent) ** 2
        # Above the ground, or its floor would not belong to the mound.
        floor = np.maximum(rim - shape.vent_depth * within, 0.05 * rim)
        height = np.where(rho < shape.vent, floor, height) / rim
    return window, shape.height * height, rho


def _raise(
    shapes: list[_Shape], size: tuple[int, int]
) -> tuple[Values, NDArray[np.int32], NDArray[np.bool_]]:
    """Return what mounds add to the ground: where two meet, the higher one."""
    added = np.zeros(size)
    labels = np.zeros(size, dtype=np.int32)
    vents = np.zeros(size, dtype=bool)
    for number, shape in enumerate(shapes, start=1):
        window, height, rho = _surface(shape, size)
        higher = (rho < 1.0) & (height > added[window])
        added[window][higher] = height[higher]
        labels[window][higher] = number
        vents[window][higher] = rho[higher] < shape.vent
    return added, labels, vents


def _visible(
    shapes: list[_Shape], labels: NDArray[np.int32]
) -> tuple[list[_Shape], NDArray[np.int32]]:
    """Leave out mounds of which hardly anything is within the site, and count anew."""
    areas = np.bincount(labels.ravel(), minlength=len(shapes) + 1)
    least = np.pi * SMALLEST**2 / 3.0
    kept = [number for number in range(1, len(shapes) + 1) if areas[number] > least]
    renamed = np.zeros(len(shapes) + 1, dtype=np.int32)
    renamed[kept] = np.arange(1, len(kept) + 1)
    return [shapes[number - 1] for number in kept], renamed[labels]


def _truth(
    number: int, shape: _Shape, labels: NDArray[np.int32], added: Values, pixel: float
) -> TrueMound:
    window, _, rho = _surface(shape, labels.shape)
    own = labels[window] == number
    all_of_it = 1.4 * shape.radius
    within = all(
        all_of_it < at < side - all_of_it
        for at, side in zip((shape.row, shape.col), labels.shape, strict=True)
    )
    area = float(own.sum())
    return TrueMound(
        row=shape.row,
        col=shape.col,
        diameter=2.0 * float(np.sqrt(area / np.pi)) * pixel,
        height=float(added[window][own].max()),
        volume=float(added[window][own].sum()) * pixel**2,
        kind=CONE if shape.vent else MOUND,
        whole=within and area > 0.95 * float((rho < 1.0).sum()),
    )
