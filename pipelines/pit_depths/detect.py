"""From a scene to the shadow, its profile and the maximum apparent depth."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.images.quality import check_image
from pipelines.pit_depths.geometry import Correction, Displacement, Errors, displacement
from pipelines.pit_depths.profile import Profile, measure
from pipelines.pit_depths.shadow import Method, Shadow, find_shadow
from pipelines.pit_depths.source import Scene


@dataclass(frozen=True)
class Measurement:
    """What was measured of one pit.

    Attributes
    ----------
    scene
        What it was measured in.
    shadow
        The main shadow.
    moved
        How its edge moves with depth.
    profile
        Depths along it.
    flags
        What a reader of the depth should know: those of scene, image and geometry, and
        ``edge_of_image`` and ``far_wall`` where the depth is but a lower limit, and
        ``jump_of_width`` where it is not clear which part of the rim it is below.
    """

    scene: Scene
    shadow: Shadow
    moved: Displacement
    profile: Profile
    flags: tuple[str, ...]


def measure_scene(
    scene: Scene,
    *,
    method: Method = "subpixel",
    correction: Correction = "exact",
    errors: Errors | None = None,
) -> Measurement:
    """Measure the apparent depth of a pit.

    Parameters
    ----------
    scene
        The pit.
    method, correction
        See `pipelines.pit_depths.shadow` and `pipelines.pit_depths.geometry`.
    errors
        Of widths and angles; those of the method when not given: a pixel of the width as published,
        or what was found to be right for shadows that are known to a part of a pixel.

    Raises
    ------
    PipelineError
        If nothing can be measured in it.
    """
    used = errors or (Errors(width=1.0, scatter=0.0) if method == "published" else Errors())
    quality = check_image(scene.image)
    shadow = find_shadow(scene.image.pixels, method)
    moved = displacement(scene.light, correction=correction, plane=scene.plane)
    profile = measure(shadow, scene.known, scene.scale, moved, used)
    limits = [
        name
        for name, lines in (("edge_of_image", profile.edge), ("far_wall", profile.far_wall))
        if profile.limited(lines)
    ]
    if profile.jumps:
        limits.append("jump_of_width")
    return Measurement(
        scene,
        shadow,
        moved,
        profile,
        (*scene.flags, *quality.flags, *moved.flags, *limits),
    )
