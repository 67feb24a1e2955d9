"""Where the Sun stands and the camera is, seen from the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipelines.images.errors import AngleError

#: How far in degrees given angles may contradict each other: labels round, and hold for the
#: centre of an image.
TOLERANCE = 1.0


def ground_phase(incidence: float, emission: float, phase: float) -> float:
    """Return the angle between the azimuths of Sun and camera, 0 to 180 degrees.

    Parameters
    ----------
    incidence, emission, phase
        Degrees; the sides of a spherical triangle zenith, Sun, camera.

    Returns
    -------
    angle
        The angle at the zenith; 0 where one of them stands there and no angle is defined.

    Raises
    ------
    AngleError
        If no triangle has these sides, by more than `TOLERANCE`.
    """
    if not (abs(incidence - emission) - TOLERANCE <= phase <= incidence + emission + TOLERANCE):
        raise AngleError(
            f"incidence {incidence:g}, emission {emission:g} and phase {phase:g} degrees contradict"
            " each other",
            hint="phase lies between the difference and the sum of the other two",
        )
    i, e, g = (math.radians(angle) for angle in (incidence, emission, phase))
    product = math.sin(i) * math.sin(e)
    if product < 1e-9:
        return 0.0
    cosine = (math.cos(g) - math.cos(i) * math.cos(e)) / product
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))


@dataclass(frozen=True, slots=True)
class Illumination:
    """Directions of Sun and camera.

    Attributes
    ----------
    incidence, emission
        Angles from the zenith to the Sun and to the camera, degrees.
    sun_azimuth, view_azimuth
        Directions on the ground towards the Sun and towards the camera, degrees clockwise from
        north.
    view_known
        Whether the camera's side is known, or only its angle with the Sun's direction (the phase
        angle leaves two places for the camera, mirror images of each other).

    Raises
    ------
    AngleError
        If an angle is not a number or impossible: with the Sun in the zenith or below the horizon
        there are no shadows to be measured.
    """

    incidence: float
    emission: float
    sun_azimuth: float
    view_azimuth: float
    view_known: bool = True

    def __post_init__(self) -> None:
        names = ("incidence", "emission", "sun_azimuth", "view_azimuth")
        for name in names:
            if not math.isfinite(getattr(self, name)):
                raise AngleError(f"{name} is {getattr(self, name)}, not an angle")
        if not 0.0 < self.incidence < 90.0:
            raise AngleError(
                f"an incidence of {self.incidence:g} degrees casts no shadow that can be measured",
                hint="the Sun has to be above the horizon and not in the zenith",
            )
        if not 0.0 <= self.emission < 90.0:
            raise AngleError(f"an emission of {self.emission:g} degrees cannot be")

    @classmethod
    def of_angles(
        cls, incidence: float, emission: float, phase: float, sun_azimuth: float, side: int = 0
    ) -> Illumination:
        """Return the directions that labels describe.

        Parameters
        ----------
        incidence, emission, phase
            Degrees.
        sun_azimuth
            Degrees clockwise from north.
        side
            1 if the camera is clockwise of the Sun, -1 if counter-clockwise, 0 if not known.

        Raises
        ------
        AngleError
            If the angles are impossible.
        """
        angle = ground_phase(incidence, emission, phase)
        return cls(
            incidence,
            emission,
            sun_azimuth % 360.0,
            (sun_azimuth + (side or 1) * angle) % 360.0,
            view_known=side != 0,
        )

    @property
    def ground_phase(self) -> float:
        """Angle between the azimuths of Sun and camera, 0 to 180 degrees."""
        turned = (self.view_azimuth - self.sun_azimuth) % 360.0
        return min(turned, 360.0 - turned)

    @property
    def phase(self) -> float:
        """Angle between the directions to Sun and camera, degrees."""
        i, e = math.radians(self.incidence), math.radians(self.emission)
        cosine = math.cos(i) * math.cos(e) + math.sin(i) * math.sin(e) * math.cos(
            math.radians(self.ground_phase)
        )
        return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
