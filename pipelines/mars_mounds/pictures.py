"""Shaded pictures of heights, as varied as those that people make, to learn from and to score.

Pictures at hand are shaded from height models of stereo images: lit as maps are from the upper
left, at any altitude and exaggeration; stretched in one way or another to 8 bits; with tracks,
blocks and failed patches of the matching, which slopes show more sharply than heights; and people
draw an outline where the flank begins, not where the last of it runs out. All that is drawn here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from pipelines.images.tiles import InMemory
from pipelines.mars_mounds.channels import ALTITUDE, AZIMUTH, hillshade, slopes
from pipelines.mars_mounds.simulate import Site
from pipelines.mars_mounds.source import Terrain, terrain_of
from pipelines.mars_mounds.terrain import Random, Values

#: Share of the mounds with an apron below their outline.
_APRONS = 0.7


@dataclass(frozen=True, slots=True)
class Shading:
    """How a picture is made of heights.

    Attributes
    ----------
    altitude, azimuth
        Of the light, degrees; azimuth clockwise from up.
    steeper
        Factor of the heights.
    blur
        Standard deviation of a Gaussian over the heights, in pixels.
    block, blocky
        Pixels along a side of blocks, and the standard deviation of their heights in pixels.
    failures
        Failed patches of the matching in 100 x 100 pixels.
    tracks
        Straight lines, one or two pixels wide, where images meet.
    clipped
        Percent of the pixels that become black, and white; stretched from the cosine 0 to 1 if
        negative.
    gamma
        Exponent of the brightness.
    """

    altitude: float = ALTITUDE
    azimuth: float = AZIMUTH
    steeper: float = 1.0
    blur: float = 0.0
    block: int = 4
    blocky: float = 0.0
    failures: float = 0.0
    tracks: int = 0
    clipped: float = 0.0
    gamma: float = 1.0


#: A hillshade as most programs make it by default.
PLAIN = Shading()


def draw_shading(random: Random) -> Shading:
    """Draw a way to make a picture."""
    stretch = random.random()
    return Shading(
        altitude=random.uniform(30.0, 60.0),
        azimuth=random.normal(AZIMUTH, 20.0),
        steeper=float(np.exp(random.uniform(np.log(0.7), np.log(2.5)))),
        blur=random.uniform(0.4, 1.2) if random.random() < 0.5 else 0.0,
        block=int(random.integers(2, 7)),
        blocky=random.uniform(0.0, 0.06) if random.random() < 0.5 else 0.0,
        failures=random.uniform(0.0, 6.0) if random.random() < 0.6 else 0.0,
        tracks=int(random.integers(1, 3)) if random.random() < 0.3 else 0,
        clipped=-1.0 if stretch < 0.4 else 0.0 if stretch < 0.7 else random.uniform(0.1, 2.0),
        gamma=float(np.exp(random.uniform(-0.25, 0.25))),
    )


def shaded(heights: Values, pixel: float, shading: Shading, random: Random) -> Values:
    """Return a picture of heights.

    Parameters
    ----------
    heights
        In m, without gaps, shape (rows, cols).
    pixel
        Size of a pixel in m.
    shading
        How.
    random
        Draws where tracks, blocks and failures are.

    Returns
    -------
    brightness
        Whole numbers from 0 to 255, same shape.
    """
    ground = heights * (shading.steeper / pixel)
    if shading.blur:
        ground = ndimage.gaussian_filter(ground, shading.blur, mode="nearest")
    ground = ground + _matching(ground.shape, shading, random)
    lit = hillshade(slopes(ground, (1.0, 1.0)), shading.altitude, shading.azimuth)
    low, top = 0.0, 1.0
    if shading.clipped >= 0.0:
        low, top = np.percentile(lit, [shading.clipped, 100.0 - shading.clipped])
    grey = np.clip((lit - low) / max(float(top - low), 1e-9), 0.0, 1.0) ** shading.gamma
    return np.asarray(np.round(255.0 * grey))


def _matching(shape: tuple[int, ...], shading: Shading, random: Random) -> Values:
    """Return what stereo matching leaves behind, heights in pixels."""
    rows, cols = shape
    added = np.zeros((rows, cols))
    if shading.blocky:
        side = shading.block
        coarse = random.standard_normal((-(-rows // side), -(-cols // side)))
        blocks = np.kron(coarse, np.ones((side, side)))[:rows, :cols]
        added += shading.blocky * ndimage.uniform_filter(blocks, 2)
    count = int(random.poisson(shading.failures * rows * cols / 1e4))
    if count:
        # They come in groups, where the ground shows the matching nothing to hold on to.
        groups = random.uniform(0.0, 1.0, (max(1, count // 6), 2))
        places = groups[random.integers(len(groups), size=count)]
        places = (places * [rows, cols] + random.normal(0.0, 12.0, (count, 2))).astype(int)
        inside = ((places >= 0) & (places < [rows, cols])).all(axis=1)
        spikes = np.zeros((rows, cols))
        at = places[inside]
        spikes[at[:, 0], at[:, 1]] = random.normal(0.0, 4.0, len(at))
        added += ndimage.gaussian_filter(spikes, random.uniform(0.6, 1.2))
    for _ in range(shading.tracks):
        down, along = np.indices((rows, cols), dtype=np.float64)
        lean = random.uniform(-0.3, 0.3)
        across = (along - random.uniform(0, cols) - lean * down) / random.uniform(0.6, 1.2)
        added += random.uniform(-0.25, 0.25) * np.exp(-(across**2) / 2.0)
    return added


def with_aprons(site: Site) -> Site:
    """Return a site in which most mounds run out in an apron below their outlines.

    A mound is raised by a part of its height, and the ground about it falls to where it was over a
    part of its radius: the outline is where the flank gets steeper, as people draw it. The table of
    true sizes is that of the site before, so this is for pictures, which show no heights.
    """
    random = np.random.default_rng([17, site.seed])
    sizes = [(each.height, each.diameter / site.pixel / 2.0) for each in site.mounds]
    raised = np.array([0.0, *(random.uniform(0.03, 0.2) * height for height, _ in sizes)])
    widths = np.array([1.0, *(max(1.5, random.uniform(0.1, 0.4) * r) for _, r in sizes)])
    raised[1:] *= random.random(len(sizes)) < _APRONS
    if not sizes:
        return site
    away, nearest = ndimage.distance_transform_edt(site.labels == 0, return_indices=True)
    owner = site.labels[tuple(nearest)]
    lift = raised[owner] * np.exp(-((away / widths[owner]) ** 2))
    # Where two aprons meet, and at their upper edges, there are no steps in nature.
    return replace(site, heights=site.heights + ndimage.gaussian_filter(lift, 1.0))


def as_picture(site: Site, *, varied: bool = True) -> Terrain:
    """Return a simulated site as an 8-bit picture on no map.

    Parameters
    ----------
    site
        Simulated.
    varied
        Whether it has aprons and a shading of its own, drawn from its seed; else `PLAIN`.
    """
    random = np.random.default_rng([18, site.seed])
    shading = draw_shading(random) if varied else PLAIN
    heights = with_aprons(site).heights if varied else site.heights
    grey = shaded(heights, site.pixel, shading, random)
    return replace(
        terrain_of(site),
        raster=InMemory(grey[np.newaxis]),
        kind="pictures",
        level=float(np.median(grey)),
    )
