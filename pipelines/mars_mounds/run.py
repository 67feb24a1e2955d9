"""One raster of a source after the other, with the detector that fits it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.contract import Progress
from pipelines.errors import PipelineError
from pipelines.mars_mounds.detect import (
    SHIPPED_WEIGHTS,
    Detection,
    Detector,
    detect,
    load_detector,
)
from pipelines.mars_mounds.source import Kind, Terrain, open_terrain, sources_of


@dataclass(frozen=True)
class Choice:
    """What a user chose; see `pipelines.mars_mounds.MarsMoundsPipeline.run`.

    Raises
    ------
    PipelineError
        If a number makes no sense.
    """

    kind: Kind | Literal["auto"]
    resolution: float
    pixel_scale: float | None
    confidence: float | None
    networks: int | None
    weights: Path | None
    work: Path | None

    def __post_init__(self) -> None:
        for name in ("resolution", "pixel_scale", "networks"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise PipelineError(f"{name} cannot be {value}", hint="give a positive number")
        if self.confidence is not None and not 0.0 <= self.confidence <= 1.0:
            raise PipelineError(
                f"confidence cannot be {self.confidence}", hint="give a number from 0 to 1"
            )

    def load(self, kind: Kind) -> Detector:
        """Return the detector of a kind."""
        return load_detector(self.weights or SHIPPED_WEIGHTS, kind, self.networks)

    def detect(self, terrain: Terrain, detector: Detector, progress: Progress) -> list[Detection]:
        """Detect in a raster."""
        return detect(
            terrain,
            detector,
            least_confidence=self.confidence,
            folder=self.work,
            progress=progress,
        )


def open_all(source: str | Path, choice: Choice) -> Iterator[tuple[Terrain, Detector]]:
    """Open the rasters of a source one after the other, each with its detector.

    A raster is open until the next one is asked for.
    """
    detectors: dict[Kind, Detector] = {}
    for each in sources_of(source):
        with open_terrain(
            each, kind=choice.kind, resolution=choice.resolution, pixel_scale=choice.pixel_scale
        ) as terrain:
            if terrain.kind not in detectors:
                detectors[terrain.kind] = choice.load(terrain.kind)
            yield terrain, detectors[terrain.kind]
