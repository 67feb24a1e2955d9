"""Pictures of sites with pits and craters, under Suns that are learnt from, chosen by or scored on.

Three things keep the pictures of learning, of choosing and of scoring apart: seeds, sites, and the
directions of the Sun. Directions are cells of incidence and azimuth, dealt to the three in a
pattern that a quarter turn of a picture leaves as it is, so that turned pictures can be learnt
from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.images.illumination import Illumination
from pipelines.images.render import Camera, render
from pipelines.mars_pits.classes import CLASSES
from pipelines.mars_pits.shapes import Shape, profile, random_shape, rim_distance
from pipelines.mars_pits.surface import Site, albedo_of, random_site, relief

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Purpose = Literal["training", "validation", "test"]

#: Pixels along a side of a picture, and posts of the heights along a side of a pixel.
SIZE, OVERSAMPLING = 128, 2
#: Diameters in pixels: below, edges are all there is of a pit; above, a coarser picture shows it.
DIAMETERS = (14.0, 52.0)
#: Diameters in metres of pits, the widest range that is told of skylights and pits.
METRES = (20.0, 300.0)

#: Seeds of sites and pictures; those of scores are learnt from nowhere.
SEEDS: dict[Purpose, int] = {"training": 1000, "validation": 2000, "test": 7000}
#: How many sites each has.
SITES: dict[Purpose, int] = {"training": 60, "validation": 15, "test": 30}
#: Cells of the Sun's direction: degrees of incidence from the first to the last, and of azimuth.
_INCIDENCES, _INCIDENCE_STEP, _AZIMUTH_STEP = (28.0, 70.0), 6.0, 15.0
#: Shapes that are looked for places for in a crowded picture of `SIZE`, and the largest diameter.
_CROWDED, _CROWDED_LARGEST = 14.0, 32.0
#: Part of the pictures without pits.
_EMPTY = 0.08
#: Pits have to lie apart by so many pixels.
_APART = 3.0
#: How often a place is looked for.
_TRIES = 8
#: Pixels that are rendered around a picture, so that what lies outside throws its shadow into it.
_AROUND = 16


@dataclass(frozen=True)
class Thing:
    """A pit or crater in a picture, as it is.

    Attributes
    ----------
    kind
        Its class.
    mask
        Pixels of which half or more lies within its rim, shape of the picture.
    diameter
        Of the circle of the same area as what is within the rim, m; of the whole, also where the
        picture cuts it.
    """

    kind: str
    mask: Flags
    diameter: float


@dataclass(frozen=True)
class Picture:
    """A rendered picture with what is true about it.

    Attributes
    ----------
    name
        Of the picture.
    pixels
        Numbers of the camera, shape (rows, cols).
    cover
        Of each thing, how much of each pixel lies within its rim, shape (n, rows, cols), 0 to 1.
    things
        The pits and craters.
    light, camera
        How it was taken.
    site
        Where.
    """

    name: str
    pixels: Values
    cover: Values
    things: tuple[Thing, ...]
    light: Illumination
    camera: Camera
    site: Site


def purpose_of(incidence: float, azimuth: float) -> Purpose:
    """Return what a direction of the Sun is for.

    The pattern repeats after 90 degrees of azimuth, so that turning a picture by a quarter never
    brings it from one to another. A sixth of the directions is for scores, a sixth for choices.
    """
    step = math.floor((incidence - _INCIDENCES[0]) / _INCIDENCE_STEP)
    cell = (step + math.floor((azimuth % 360.0) / _AZIMUTH_STEP)) % 6
    return {0: "test", 3: "validation"}.get(cell, "training")  # type: ignore[return-value]


def random_sun(purpose: Purpose, rng: np.random.Generator) -> tuple[float, float]:
    """Return incidence and azimuth of a Sun that is for a purpose, degrees."""
    while True:
        incidence = float(rng.uniform(*_INCIDENCES))
        azimuth = float(rng.uniform(0.0, 360.0))
        if purpose_of(incidence, azimuth) == purpose:
            return incidence, azimuth


def picture(
    purpose: Purpose,
    number: int,
    *,
    seed: int | None = None,
    size: int = SIZE,
    crowded: bool = False,
) -> Picture:
    """Render a picture.

    Parameters
    ----------
    purpose
        What it is for: decides over sites and Suns.
    number
        Which one.
    seed
        Of sites and everything else; that of the purpose when not given.
    size
        Pixels along each side.
    crowded
        Many round shapes, none of them large, instead of what is asked for otherwise: what is hard
        to tell apart is learnt from more quickly.
    """
    first = SEEDS[purpose] if seed is None else seed
    site = random_site(first, number % SITES[purpose])
    rng = np.random.default_rng([first, number, 17])
    incidence, azimuth = random_sun(purpose, rng)
    light = Illumination(
        incidence, float(rng.uniform(0.0, 12.0)), azimuth, float(rng.uniform(0.0, 360.0))
    )
    camera = Camera(
        psf_sigma=float(rng.uniform(0.4, 1.0)),
        noise=float(rng.uniform(0.005, 0.03)),
        bits=int(rng.choice([8, 10])),
        exposure=float(rng.uniform(0.25, 0.5)),
        ambient=float(rng.uniform(0.02, 0.12)),
        photometry="lommel-seeliger" if rng.random() < 0.5 else "lambert",
    )
    shapes = place_shapes(site, size, rng, crowded=crowded)
    name = "crowded" if crowded else purpose
    return take_picture(f"{name}_{first}_{number:05d}", site, shapes, light, camera, rng, size)


def place_shapes(
    site: Site, size: int, rng: np.random.Generator, *, crowded: bool = False
) -> tuple[Shape, ...]:
    """Return shapes that lie apart in a picture of `size` pixels; `crowded` as for `picture`."""
    if not crowded and rng.random() < _EMPTY:
        return ()
    largest = _CROWDED_LARGEST if crowded else DIAMETERS[1]
    sizes = (
        max(DIAMETERS[0], METRES[0] / site.pixel),
        min(largest, METRES[1] / site.pixel),
    )
    crowding = _CROWDED if crowded else site.crowding
    classes = [name for name in CLASSES if not (crowded and name == "elongated")]
    wanted = 1 + int(rng.poisson((crowding - 1.0) * (size / SIZE) ** 2))
    kinds = [classes[int(each)] for each in rng.integers(len(classes), size=wanted)]
    placed: list[Shape] = []
    # Elongated ones need most room: placed last they would be rare.
    for kind in sorted(kinds, key=lambda each: each != "elongated"):
        for _ in range(_TRIES):
            shape = random_shape(kind, site, float(size), sizes, rng)
            if all(_apart(shape, other) for other in placed):
                placed.append(shape)
                break
    return tuple(placed)


def _apart(a: Shape, b: Shape) -> bool:
    """Whether two shapes leave ground between them."""
    distance = math.hypot(a.row - b.row, a.col - b.col)
    # Ejecta may reach a neighbour, but not cover it.
    return distance > _APART + a.reach + b.reach


def take_picture(
    name: str,
    site: Site,
    shapes: tuple[Shape, ...],
    light: Illumination,
    camera: Camera,
    rng: np.random.Generator,
    size: int = SIZE,
) -> Picture:
    """Build the heights of a site with shapes and take the picture.

    Parameters
    ----------
    name
        Of the picture.
    site, shapes
        What is there.
    light, camera
        How it is taken.
    rng
        Of ground and noise.
    size
        Pixels along each side.
    """
    whole, post = size + 2 * _AROUND, 1.0 / OVERSAMPLING
    posts = whole * OVERSAMPLING
    heights = relief(site, posts, post, rng)
    heights -= np.median(heights)
    dug = [_dig(heights, shape, site, post) for shape in shapes]
    albedo = albedo_of(site, posts, rng)
    shown = render(heights, post, light, camera, rng, albedo=albedo, oversampling=OVERSAMPLING)
    within = (slice(_AROUND, _AROUND + size),) * 2
    cover = np.zeros((len(shapes), size, size))
    for number, (_, inside) in enumerate(dug):
        cover[number] = inside.reshape(whole, OVERSAMPLING, whole, OVERSAMPLING).mean(axis=(1, 3))[
            within
        ]
    seen = [number for number, each in enumerate(cover) if (each >= 0.5).any()]
    things = tuple(
        Thing(
            shapes[number].kind,
            cover[number] >= 0.5,
            math.sqrt(4.0 * dug[number][0] / math.pi) * site.pixel,
        )
        for number in seen
    )
    return Picture(name, shown.image[within], cover[seen], things, light, camera, site)


def _dig(heights: Values, shape: Shape, site: Site, post: float) -> tuple[float, Values]:
    """Dig a shape into heights; return its area in pixels squared and the posts within its rim."""
    size = heights.shape[0]
    reach = shape.outer
    rows, cols = (
        np.arange(math.floor((at - reach) / post), math.ceil((at + reach) / post) + 1)
        for at in (shape.row + _AROUND, shape.col + _AROUND)
    )
    distance = rim_distance(
        shape,
        ((rows + 0.5) * post - _AROUND)[:, None],
        ((cols + 0.5) * post - _AROUND)[None, :],
        site.raggedness,
    )
    change = profile(shape, distance)
    row_part, col_part = (np.flatnonzero((each >= 0) & (each < size)) for each in (rows, cols))
    place, part = np.ix_(rows[row_part], cols[col_part]), np.ix_(row_part, col_part)
    heights[place] += change[part]
    inside = np.zeros_like(heights)
    inside[place] = distance[part] < 1.0
    return float(np.sum(distance < 1.0)) * post**2, inside


def pictures(
    purpose: Purpose,
    count: int,
    *,
    seed: int | None = None,
    size: int = SIZE,
    progress: Progress = silent,
) -> Iterator[Picture]:
    """Yield the first pictures of a purpose, see `picture`."""
    for number in range(count):
        yield picture(purpose, number, seed=seed, size=size)
        progress(f"rendering {purpose} pictures", number + 1, count)
