"""Surfaces of revolution about the line to the Sun that stand for average boundaries.

Every surface answers the same three questions: how far it is from its centre in a direction, how
large it would have to be to hold a point (the *shell factor*), and where its normal points there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

#: Step of the numerical gradient, in units of the distance from the centre.
_STEP = 1e-5


@dataclass(frozen=True, slots=True)
class Surface(ABC):
    """A surface of revolution about the axis that points to the Sun."""

    @property
    def centre(self) -> float:
        """Where on the axis distances are counted from, in the surface's unit of length."""
        return 0.0

    @abstractmethod
    def radius(self, angle: Values) -> Values:
        """Return the distance from the centre to the surface.

        Parameters
        ----------
        angle
            Between the direction and that to the Sun, radians, any shape.

        Returns
        -------
        radius
            Same shape; infinite where the surface is open.
        """

    @property
    def standoff(self) -> float:
        """Distance of the subsolar point from the origin."""
        return self.centre + float(self.radius(np.zeros(1))[0])

    def shell_factor(self, position: Values) -> Values:
        """Return by how much the surface must be blown up about its centre to hold a point.

        Parameters
        ----------
        position
            Shape (..., 3), x towards the Sun, in the surface's unit of length.

        Returns
        -------
        factor
            Shape (...,): below 1 inside, above 1 outside, 0 where the surface is open.
        """
        moved = np.asarray(position, dtype=np.float64) - np.array([self.centre, 0.0, 0.0])
        distance = np.linalg.norm(moved, axis=-1)
        cosine = np.divide(moved[..., 0], distance, out=np.ones_like(distance), where=distance > 0)
        return np.asarray(distance / self.radius(np.arccos(np.clip(cosine, -1.0, 1.0))))

    def normal(self, position: Values) -> Values:
        """Return the outward unit normal of the surface of the family that holds each point.

        Parameters
        ----------
        position
            Shape (..., 3), away from the centre.

        Returns
        -------
        normal
            Shape (..., 3); NaN where the surface is open.
        """
        position = np.asarray(position, dtype=np.float64)
        step = _STEP * np.linalg.norm(position, axis=-1, keepdims=True)
        slopes = [
            self.shell_factor(position + step * axis) - self.shell_factor(position - step * axis)
            for axis in np.eye(3)
        ]
        gradient = np.stack(slopes, axis=-1)
        length = np.linalg.norm(gradient, axis=-1, keepdims=True)
        return np.asarray(
            np.divide(gradient, length, out=np.full_like(gradient, np.nan), where=length > 0)
        )


@dataclass(frozen=True, slots=True)
class ShueSurface(Surface):
    """The form of Shue et al. (1997, J. Geophys. Res. 102, 9497): r = r0 (2 / (1 + cos))**flaring.

    Attributes
    ----------
    nose
        Stand-off distance r0.
    flaring
        Exponent: below 0.5 the tail is closed, above it opens.
    """

    nose: float
    flaring: float

    def radius(self, angle: Values) -> Values:
        """Return the distance to the surface; see `Surface.radius`."""
        opening = 1.0 + np.cos(angle)
        with np.errstate(divide="ignore"):
            return np.asarray(self.nose * (2.0 / opening) ** self.flaring)


@dataclass(frozen=True, slots=True)
class ConicSurface(Surface):
    """A conic section turned about the axis: r = parameter / (1 + eccentricity cos).

    Attributes
    ----------
    focus
        Place of the focus on the axis; distances and angles are counted from there.
    parameter
        Semilatus rectum.
    eccentricity
        Above 1 the surface is a hyperboloid.
    """

    focus: float
    parameter: float
    eccentricity: float

    @property
    def centre(self) -> float:
        """The focus."""
        return self.focus

    def radius(self, angle: Values) -> Values:
        """Return the distance from the focus; see `Surface.radius`."""
        denominator = 1.0 + self.eccentricity * np.cos(angle)
        open_ = denominator <= 0
        return np.where(open_, np.inf, self.parameter / np.where(open_, 1.0, denominator))


@dataclass(frozen=True, slots=True)
class JelinekSurface(Surface):
    """The parabola-like form of Jelínek et al. (2012), equation 1, in polar coordinates.

    r = 2 R / (cos + sqrt(cos**2 + (stretch sin)**2)); open in no direction.

    Attributes
    ----------
    nose
        Stand-off distance R.
    stretch
        Flaring of the flanks.
    """

    nose: float
    stretch: float

    def radius(self, angle: Values) -> Values:
        """Return the distance to the surface; see `Surface.radius`."""
        cosine, sine = np.cos(angle), np.sin(angle)
        denominator = cosine + np.sqrt(cosine**2 + (self.stretch * sine) ** 2)
        open_ = denominator <= 1e-12
        return np.where(open_, np.inf, 2.0 * self.nose / np.where(open_, 1.0, denominator))
