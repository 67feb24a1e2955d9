"""From the width of a shadow in a picture to the depth of the pit.

A ray of the Sun over the rim reaches a floor at the depth h a distance h tan i further on. In a
picture on the plane of the rim, that floor is displaced towards the camera by h tan e, where e is
the emission angle. So the edge of the shadow lies h times the *displacement*

    w = tan i s + tan e v

from the rim, where s points on the ground away from the Sun and v towards the camera, and h is the
distance between rim and edge in the picture, along w, divided by the length of w. This holds for
any direction of the camera.

Le Corre et al. (2023, RASTI 2, 492) measure along s, and take of the emission angle the part along
s: with the part across being zero, both are the same. Their three cases - camera on the side of the
Sun (part of the shadow is hidden by the rim), on the other side (the shaded wall is seen besides),
and across - are the signs of cos(ground phase).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.images.errors import AngleError
from pipelines.images.illumination import Illumination

Values = NDArray[np.float64]
Correction = Literal["exact", "published"]
#: What distances in the picture are measured in: the ground (projected onto a map) or the plane
#: across the camera's direction.
Plane = Literal["map", "camera"]

#: Least part of the shadow's length that has to be visible.
_LEAST_VISIBLE = 0.05
#: Part of the emission across the Sun's direction, as tan e sin(phase), above which the camera's
#: side has to be known for the exact correction.
_ACROSS = 0.02


@dataclass(frozen=True, slots=True)
class Displacement:
    """How the edge of a shadow moves in the picture with the depth of the floor.

    Attributes
    ----------
    direction
        Unit vector on the ground, east and north, from the rim to the edge of the shadow.
    per_depth
        Distance in the picture for each metre of depth.
    incidence_slope, emission_slope
        Change of `per_depth` with each of the angles, per radian.
    length_factor
        What distances across `direction` are multiplied with.
    flags
        What a reader of the depth should know.
    """

    direction: tuple[float, float]
    per_depth: float
    incidence_slope: float
    emission_slope: float
    length_factor: float
    flags: tuple[str, ...] = ()


def _unit(azimuth: float) -> Values:
    angle = math.radians(azimuth)
    return np.array([math.sin(angle), math.cos(angle)])


def displacement(
    light: Illumination, *, correction: Correction = "exact", plane: Plane = "map"
) -> Displacement:
    """Return how the edge of a shadow moves with depth.

    Parameters
    ----------
    light
        Where Sun and camera are.
    correction
        ``exact``: see the module; where the camera's side is not known the part of the emission
        across the Sun's direction is left out, and flagged if it is large. ``published``: the
        formulas of Le Corre et al., which take distances to be in the plane of the camera.
    plane
        What distances are in, for ``exact``.

    Raises
    ------
    AngleError
        If the camera sees (almost) nothing of the shadow, since the rim is before it.
    """
    if correction == "published":
        return _published(light)
    away, towards = -_unit(light.sun_azimuth), _unit(light.view_azimuth)
    flags: tuple[str, ...] = ()
    if not light.view_known:
        turned = math.radians(light.ground_phase)
        if math.tan(math.radians(light.emission)) * abs(math.sin(turned)) > _ACROSS:
            flags = ("view_side_unknown",)
        # Of two mirror images the mean: the part along the Sun's direction.
        towards = -away * math.cos(turned)
    i, e = math.radians(light.incidence), math.radians(light.emission)
    moved = math.tan(i) * away + math.tan(e) * towards
    stretch = _camera_plane(light, moved) if plane == "camera" else 1.0
    size = float(np.hypot(*moved))
    along = moved / max(size, 1e-12)
    _require_visible(float(moved @ away), math.tan(i), light)
    return Displacement(
        (float(along[0]), float(along[1])),
        size * stretch,
        float(along @ away) / math.cos(i) ** 2 * stretch,
        float(along @ towards) / math.cos(e) ** 2 * stretch,
        1.0,
        flags,
    )


def _camera_plane(light: Illumination, moved: Values) -> float:
    """Return how much shorter a distance on the ground is in the plane across the view."""
    part = float(moved @ _unit(light.view_azimuth)) / max(float(np.hypot(*moved)), 1e-12)
    return math.sqrt(1.0 - (part * math.sin(math.radians(light.emission))) ** 2)


def _published(light: Illumination) -> Displacement:
    """Return Le Corre et al.'s S_obs of a depth of one metre: S_true = tan i, solved for S_obs."""
    i, e, turned = (
        math.radians(angle) for angle in (light.incidence, light.emission, light.ground_phase)
    )
    along = math.atan(math.tan(e) * abs(math.cos(turned)))
    across = math.atan(math.tan(e) * abs(math.sin(turned)))
    away = -_unit(light.sun_azimuth)

    def observed(i: float, along: float) -> float:
        if math.isclose(math.cos(turned), 0.0, abs_tol=1e-9):
            return math.tan(i)
        if turned < math.pi / 2.0:
            # S_true = S_vis + S_hid = S_vis tan i / (tan i - tan e), and S_vis = S_obs / cos e.
            return (math.tan(i) - math.tan(along)) * math.cos(along)
        # S_true = d sin i with d = S_obs / cos(90 - i - e).
        return math.tan(i) * math.sin(i + along) / math.sin(i)

    size = observed(i, along)
    _require_visible(size, math.tan(i), light)
    step = 1e-6
    by_emission = math.atan(math.tan(e + step) * abs(math.cos(turned)))
    return Displacement(
        (float(away[0]), float(away[1])),
        size,
        (observed(i + step, along) - size) / step,
        (observed(i, by_emission) - size) / step,
        1.0 / math.cos(across),
    )


def _require_visible(size: float, whole: float, light: Illumination) -> None:
    if size < _LEAST_VISIBLE * whole:
        raise AngleError(
            f"seen at an emission of {light.emission:g} degrees from the Sun's side, the rim hides"
            f" the shadow of an incidence of {light.incidence:g} degrees",
            hint="an image taken more from above is needed",
        )


@dataclass(frozen=True, slots=True)
class Errors:
    """Uncertainties that depths inherit, one standard deviation each.

    Attributes
    ----------
    width
        Of a width, in pixels, where the edges are sharp and straight.
    scatter
        Part of the standard deviation of the widths of neighbouring lines that is added to it:
        where a rim is ragged, or the shadow of something before it comes and goes, the width
        depends on what a pixel cannot show. Both were chosen so that two thirds of the widths of
        rendered pits, of other seeds than those of the README, are right to within their errors.
    incidence, emission
        Of the angles, degrees: labels give those of the image's centre.
    """

    width: float = 0.2
    scatter: float = 0.5
    incidence: float = 0.05
    emission: float = 0.1


def depths_of(widths: Values, moved: Displacement) -> Values:
    """Return the depth of which each width in metres is the shadow's."""
    return widths / moved.per_depth


def depth_errors(
    widths: Values,
    moved: Displacement,
    pixel: float,
    errors: Errors,
    scatter: Values | float = 0.0,
) -> Values:
    """Return one standard deviation of each depth.

    Parameters
    ----------
    widths
        Metres.
    moved
        What the depths were computed with.
    pixel
        Size of a pixel along the widths, m.
    errors
        Of widths and angles, taken to be independent.
    scatter
        Standard deviation of the widths about each, metres.
    """
    depth = widths / moved.per_depth
    by_width = np.hypot(errors.width * pixel, errors.scatter * scatter) / moved.per_depth
    by_incidence = depth * moved.incidence_slope / moved.per_depth * math.radians(errors.incidence)
    by_emission = depth * moved.emission_slope / moved.per_depth * math.radians(errors.emission)
    return np.sqrt(by_width**2 + by_incidence**2 + by_emission**2)
