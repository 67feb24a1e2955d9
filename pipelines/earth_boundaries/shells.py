"""How far inside or outside of the model boundaries points are, for wind that changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.boundaries.earth import (
    dynamic_pressure,
    farris_russell_standoff,
    jelinek2012_bow_shock,
    shue1998,
)
from pipelines.boundaries.frames import aberrate, aberration_angle
from pipelines.boundaries.shapes import JelinekSurface, ShueSurface

Values = NDArray[np.float64]

#: Mean speed of the Earth on its orbit, km/s (Allen's Astrophysical Quantities, 4th ed.).
EARTH_SPEED = 29.8

#: Dynamic pressure of usual wind, nPa: the one at which Jelínek et al. (2012) state their nose.
USUAL_PRESSURE = 2.056

#: The bow shock stands at least this much farther out than the magnetopause; the two models are
#: fits to different data and may meet far down the tail.
_LEAST_GAP = 1.1


@dataclass(frozen=True)
class Shells:
    """Shell factors of points (`pipelines.boundaries.shapes.Surface.shell_factor`), shape (n,).

    Attributes
    ----------
    magnetopause
        Of Shue et al. (1998): below 1 inside.
    bow_shock
        Of Jelínek et al. (2012): above 1 outside.
    """

    magnetopause: Values
    bow_shock: Values


def usual_surfaces() -> tuple[ShueSurface, JelinekSurface]:
    """Return magnetopause and bow shock in usual wind without a northward field."""
    return shue1998(USUAL_PRESSURE, 0.0), jelinek2012_bow_shock(USUAL_PRESSURE)


def usual_shells(position: Values) -> Shells:
    """Return shell factors of points in GSE, Earth radii, shape (n, 3), in usual wind."""
    apparent = aberrate(position, aberration_angle(np.array(EARTH_SPEED)))
    magnetopause, shock = usual_surfaces()
    return Shells(magnetopause.shell_factor(apparent), shock.shell_factor(apparent))


def driven_shells(
    position: Values, density: Values, speed: Values, bz: Values, mach: Values
) -> Shells:
    """Return shell factors of points in the boundaries that the wind of each time makes.

    The bow shock of Jelínek et al. is moved by as much as Farris & Russell (1994) let the Mach
    number move it, relative to a Mach number of 6.

    Parameters
    ----------
    position
        GSE, Earth radii, shape (n, 3).
    density, speed, bz, mach
        Of the wind, cm-3, km/s, nT in GSM, magnetosonic; shape (n,).
    """
    apparent = aberrate(position, aberration_angle(np.full(len(speed), EARTH_SPEED)))
    winds = zip(density.tolist(), speed.tolist(), bz.tolist(), mach.tolist(), strict=True)
    usual = farris_russell_standoff(1.0, 6.0)
    table = np.empty((len(position), 3))
    for number, (dense, fast, north, quick) in enumerate(winds):
        pressure = dynamic_pressure(dense, fast, 0.04)
        pause = shue1998(pressure, north)
        moved = farris_russell_standoff(1.0, max(quick, 1.6)) / usual
        table[number] = (
            pause.nose,
            pause.flaring,
            jelinek2012_bow_shock(pressure).nose * moved,
        )
    nose, flaring, shock = table.T
    # Surfaces of one family differ in size alone, or in size and in the exponent of one opening:
    # that of size and exponent 1 serves all, and all points are looked at together.
    opening = ShueSurface(1.0, 1.0).shell_factor(apparent)
    distance = np.linalg.norm(apparent, axis=1)
    inner = distance / (nose * (distance / opening) ** flaring)
    family = JelinekSurface(1.0, usual_surfaces()[1].stretch)
    outer = family.shell_factor(apparent) / shock
    return Shells(inner, np.minimum(outer, inner / _LEAST_GAP))
