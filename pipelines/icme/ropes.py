"""Magnetic flux ropes: the field that a spacecraft meets inside a magnetic obstacle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require

Values = NDArray[np.float64]

#: First zero of J0: the field of a Lundquist rope is purely azimuthal at its edge
#: (Lepping et al. 1990, J. Geophys. Res. 95, 11957).
FIRST_ZERO_J0 = 2.404825557695773


@dataclass(frozen=True, slots=True)
class Rope:
    """A straight flux rope that passes over a spacecraft.

    Attributes
    ----------
    profile
        `lundquist` or `gold_hoyle`.
    handedness
        +1 for right-handed, -1 for left-handed.
    latitude, longitude
        Direction of the axis in RTN-like axes (x away from the Sun, z north), degrees.
    impact
        Closest approach of the spacecraft to the axis over the radius, from -1 to 1.
    """

    profile: Callable[[Values, int], tuple[Values, Values]]
    handedness: int
    latitude: float
    longitude: float
    impact: float


def lundquist(radius: Values, handedness: int) -> tuple[Values, Values]:
    """Return the axial and the azimuthal field of the linear force-free rope.

    B_z = J0(a r), B_phi = H J1(a r), a = 2.405 / R0 (Lundquist 1950; Burlaga 1988,
    J. Geophys. Res. 93, 7217). The field on the axis is 1.

    Parameters
    ----------
    radius
        Distance from the axis over that of the edge, 0 to 1.
    handedness
        +1 or -1.
    """
    special = require("scipy.special")
    argument = FIRST_ZERO_J0 * radius
    return special.j0(argument), handedness * special.j1(argument)


def gold_hoyle(radius: Values, handedness: int, twist: float = 2.0) -> tuple[Values, Values]:
    """Return the axial and the azimuthal field of the rope of uniform twist.

    B_z = 1 / (1 + T^2 r^2), B_phi = H T r / (1 + T^2 r^2) (Gold & Hoyle 1960, MNRAS 120, 89).

    Parameters
    ----------
    radius
        Distance from the axis over that of the edge, 0 to 1.
    handedness
        +1 or -1.
    twist
        Angle, radians, by which a field line turns over one radius of the rope's length.
    """
    axial = 1 / (1 + (twist * radius) ** 2)
    return axial, handedness * twist * radius * axial


def rope_field(rope: Rope, samples: int) -> Values:
    """Return the field along the path of the spacecraft through a rope.

    The path is the chord along x at distance `impact` from the axis; the rope moves outwards, so
    its front (largest x) is met first.

    Returns
    -------
    field
        Shape (samples, 3), in units of the field on the axis.
    """
    latitude, longitude = np.radians(rope.latitude), np.radians(rope.longitude)
    axis = np.array(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ]
    )
    outwards = np.array([1.0, 0.0, 0.0])
    aside = np.cross(axis, outwards)
    aside /= np.linalg.norm(aside)
    across = np.cross(aside, axis)  # the part of the path that crosses the rope
    half_chord = np.sqrt(1 - rope.impact**2)
    along_path = np.linspace(half_chord, -half_chord, samples)
    radius = np.hypot(along_path, rope.impact)
    axial, azimuthal = rope.profile(radius, rope.handedness)
    safe = np.where(radius > 0, radius, 1.0)
    radial = (np.outer(along_path, across) + np.outer(np.full(samples, rope.impact), aside)) / safe[
        :, None
    ]
    around = np.cross(np.broadcast_to(axis, radial.shape), radial)
    return np.asarray(np.outer(axial, axis) + azimuthal[:, None] * around)
