"""Shapes of pits and craters as heights, each class with what tells it from the others.

A shape is a field that is 0 in the middle and 1 at the rim; a profile makes heights of it.
Skylights are deep holes with walls that no light from above meets; pits have steep walls that are
seen, and a floor; elongated ones are troughs or pits in a row; shallow ones are bowls without a
rim; craters have a raised rim with ejecta outside. Depths are those of pits of Mars: Cushing et al.
2015 (J. Geophys. Res. Planets 120, 1023); fresh simple craters are a fifth of their
diameter deep, their rims a twenty-eighth high (Pike 1977, Impact and Explosion Cratering, 489).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.mars_pits.surface import Site, fractal

Values = NDArray[np.float64]

#: Height of the rim of a crater as a part of its diameter (Pike 1977).
_RIM = 0.036
#: How far ejecta are followed, in radii.
_EJECTA = 2.5
#: Middles of shapes lie at least so many pixels within a picture.
_INSIDE = 4.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A pit or crater in a picture.

    Attributes
    ----------
    kind
        Name of its class.
    row, col
        Of its middle, pixels.
    radius
        Of the rim; of elongated ones half the width. Pixels.
    depth
        From the rim to the lowest place, pixels.
    wall
        Width of the wall, as a part of the radius; of shallow ones and craters, the exponent of
        their bowl.
    stretch
        Longer by shorter axis; of elongated ones length by width.
    angle
        Direction of the longer axis, radians from the columns' towards the rows'.
    beads
        Pits in the row; 0 for troughs and everything that is round.
    seed
        Of its raggedness.
    """

    kind: str
    row: float
    col: float
    radius: float
    depth: float
    wall: float
    stretch: float
    angle: float
    beads: int
    seed: int

    @property
    def reach(self) -> float:
        """Distance from the middle within which all of the rim lies, pixels."""
        return self.radius * self.stretch * 1.15

    @property
    def outer(self) -> float:
        """Distance from the middle within which heights are changed, pixels."""
        return self.radius * _EJECTA if self.kind == "crater" else self.reach


def random_shape(
    kind: str, site: Site, extent: float, sizes: tuple[float, float], rng: np.random.Generator
) -> Shape:
    """Return a random shape of a class somewhere in a picture.

    Parameters
    ----------
    kind
        The class.
    site
        Gives the infill of craters.
    extent
        Of the picture, pixels.
    sizes
        Smallest and largest diameter, pixels.
    rng
        Of everything random.
    """
    radius = float(np.exp(rng.uniform(*np.log(sizes)))) / 2.0
    stretch, beads = float(rng.uniform(1.0, 1.25)), 0
    if kind == "skylight":
        ratio, wall = rng.uniform(0.6, 1.2), rng.uniform(0.03, 0.12)
    elif kind == "pit":
        ratio, wall = rng.uniform(0.3, 0.5), rng.uniform(0.35, 0.6)
    elif kind == "elongated":
        radius = min(radius, sizes[1] / 3.0)
        ratio, wall = rng.uniform(0.3, 0.6), rng.uniform(0.15, 0.55)
        stretch = float(rng.uniform(2.2, max(2.3, min(4.5, 0.45 * extent / radius))))
        if rng.random() < 0.5:
            # So close that they run into each other: further apart they are pits of their own.
            beads = math.ceil(2.0 * (stretch - 1.0) / float(rng.uniform(1.0, 1.6))) + 1
    elif kind == "shallow":
        ratio, wall = rng.uniform(0.08, 0.16), rng.uniform(1.0, 1.5)
    else:
        stretch = float(rng.uniform(1.0, 1.1))
        ratio, wall = 0.2 * (1.0 - rng.uniform(0.0, site.infill)), rng.uniform(0.9, 1.3)
    return Shape(
        kind,
        float(rng.uniform(_INSIDE, extent - _INSIDE)),
        float(rng.uniform(_INSIDE, extent - _INSIDE)),
        radius,
        float(ratio) * 2.0 * radius,
        float(wall),
        stretch,
        float(rng.uniform(0.0, math.pi)),
        beads,
        int(rng.integers(2**31)),
    )


def rim_distance(shape: Shape, rows: Values, cols: Values, raggedness: float) -> Values:
    """Return the field that is 0 in the middle of a shape and 1 at its rim.

    Parameters
    ----------
    shape
        The shape.
    rows, cols
        Places, pixels, shapes (n, 1) and (1, n): as many of one as of the other.
    raggedness
        How far the rim leaves its curve, as a part of the radius.
    """
    right, down = cols - shape.col, rows - shape.row
    along = right * math.cos(shape.angle) + down * math.sin(shape.angle)
    across = down * math.cos(shape.angle) - right * math.sin(shape.angle)
    if shape.kind != "elongated":
        mean = math.sqrt(shape.stretch)
        distance = np.hypot(along / (shape.radius * mean), across * mean / shape.radius)
    else:
        half = shape.radius * (shape.stretch - 1.0)  # of the line between the ends' middles
        if shape.beads:
            places = np.linspace(-half, half, shape.beads)
            each = [np.hypot(along - place, across) for place in places]
            distance = np.minimum.reduce(each) / shape.radius
        else:
            beyond = np.clip(np.abs(along) - half, 0.0, None)
            distance = np.hypot(beyond, across) / shape.radius
    if raggedness > 0.0:
        # Rims are broken at all sizes; the middle stays where it is.
        noise = fractal(max(rows.size, cols.size), 2.2, np.random.default_rng(shape.seed))
        broken = noise[: rows.size, : cols.size]
        distance = distance + raggedness * broken * np.clip(distance, 0.0, 1.0)
    return np.asarray(distance)


def profile(shape: Shape, distance: Values) -> Values:
    """Return the heights over the ground that a shape has, pixels.

    Parameters
    ----------
    shape
        The shape.
    distance
        As `rim_distance` gives it.
    """
    if shape.kind == "shallow":
        return np.asarray(-shape.depth * np.clip(1.0 - distance**2, 0.0, 1.0) ** shape.wall)
    if shape.kind == "crater":
        # Rims are worn down together with the bowl's filling.
        rim = _RIM * 2.0 * shape.radius * shape.depth / (0.2 * 2.0 * shape.radius)
        inside = shape.depth * (np.clip(distance, 0.0, 1.0) ** (2.0 * shape.wall) - 1.0) + rim
        fade = np.clip((_EJECTA - distance) / (_EJECTA - 1.0), 0.0, 1.0)
        outside = rim * np.maximum(distance, 1.0) ** -3.0 * fade
        return np.where(distance < 1.0, inside, outside)
    return np.asarray(-shape.depth * np.clip((1.0 - distance) / shape.wall, 0.0, 1.0))
