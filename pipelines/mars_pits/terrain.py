"""Pits of real height models under rendered Suns: how far what was learnt from simulation goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.images.raster import read_image
from pipelines.mars_pits.instances import separate
from pipelines.mars_pits.regions import Region, region_overlaps
from pipelines.mars_pits.weights import Detector
from pipelines.pit_depths.shadow import largest_part
from pipelines.pit_depths.terrain import cut_pit, terrain_sights

Flags = NDArray[np.bool_]

#: A place is in the pit if it lies below the plain by more than this part of the depth.
_RIM = 0.15


@dataclass(frozen=True)
class Sighting:
    """What was found of the pit of a height model under one Sun.

    Attributes
    ----------
    overlap
        Intersection over union of the object that fits best; 0 if there is none.
    kind, confidence
        Of that object; empty and 0 if there is none.
    others
        Other objects with the least confidence or more that are no craters.
    """

    overlap: float
    kind: str
    confidence: float
    others: int


def pit_of(path: Path) -> Flags:
    """Return the pixels of the pit of a height model, of what `terrain_sights` shows of it.

    Raises
    ------
    ImageError
        If it is none, or has no pit.
    """
    heights = cut_pit(read_image(path)).pixels[0]
    level = float(np.nanmedian(heights))
    depth = np.where(np.isfinite(heights), level - heights, 0.0)
    return np.asarray(largest_part(depth > _RIM * depth.max()))


def sightings(path: Path, detector: Detector, *, progress: Progress = silent) -> list[Sighting]:
    """Look at the pit of a height model under 20 Suns.

    Parameters
    ----------
    path
        The height model.
    detector
        The network with its rule.
    progress
        Told after each Sun.
    """
    true = Region.of(pit_of(path))
    made = []
    for sight in terrain_sights(path, progress=progress):
        found = separate(detector.maps(sight.rendering.image), detector.rule)
        overlaps = region_overlaps([each.region for each in found], [true])[:, 0]
        best = int(np.argmax(overlaps)) if len(found) else -1
        others = sum(
            1
            for number, each in enumerate(found)
            if number != best
            and each.confidence(detector.rule) >= detector.rule.confidence
            and detector.classes[each.kind] not in detector.negatives
        )
        if best < 0 or overlaps[best] == 0.0:
            made.append(Sighting(0.0, "", 0.0, others))
            continue
        each = found[best]
        kind = detector.classes[each.kind]
        confidence = each.confidence(detector.rule)
        made.append(Sighting(float(overlaps[best]), kind, confidence, others))
    return made


def terrain_lines(
    path: Path, detectors: Sequence[Detector], *, progress: Progress = silent
) -> list[str]:
    """Return lines of a table: how each network sees the pit of a height model."""
    lines = [
        f"| {path.stem}, 20 Suns | found at 0.5 | told of | mean overlap | classes | others |",
        "|---|---|---|---|---|---|",
    ]
    for number, detector in enumerate(detectors, start=1):
        several = sightings(path, detector, progress=progress)
        hits = [each for each in several if each.overlap >= 0.5]
        told = [
            each
            for each in hits
            if each.confidence >= detector.rule.confidence and each.kind not in detector.negatives
        ]
        kinds = sorted({each.kind for each in hits})
        classes = ", ".join(f"{sum(e.kind == kind for e in hits)} {kind}" for kind in kinds)
        overlap = np.mean([each.overlap for each in several])
        others = sum(each.others for each in several)
        name = f"network {number}" if len(detector.networks) == 1 else "all together"
        lines.append(
            f"| {name} | {len(hits)} of {len(several)} | {len(told)} | {overlap:.3f} |"
            f" {classes} | {others} |"
        )
    return lines
