"""Mounds in a raster of any size: maps of the networks, parts, instances, sizes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, digest_files, silent
from pipelines.errors import WeightsError, require
from pipelines.images.outlines import hull, simplified
from pipelines.images.survey import LARGEST_CROP, Component, Crop, Survey, survey
from pipelines.mars_mounds.channels import height_bands, picture_bands
from pipelines.mars_mounds.instances import Instance, separate
from pipelines.mars_mounds.measure import Measured, Size, published, size_of
from pipelines.mars_mounds.rules import FILE, Rules, read_rules
from pipelines.mars_mounds.simulate import CONE, MOUND
from pipelines.mars_mounds.source import Kind, Terrain

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Blocks and their margin: the reach of the network (137) and of its bands (33), made up to a
#: multiple of 16. They decide what the networks see, so they are not options.
BLOCK, MARGIN = 512, 176

#: Pixels along a side that are one at the lowest level of the networks.
_GRID = 16

#: Pixels around a part that are cut out with it: the ring about a mound lies in them.
_SURROUNDINGS = 40

#: Vertices of an outline at most.
_VERTICES = 24

#: Where the weights that come with the package are.
SHIPPED_WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Detector:
    """Networks of one kind with their rules.

    Attributes
    ----------
    kind
        What they look at.
    networks
        In evaluation mode; the mean of their probabilities counts.
    rules
        Of detection.
    digest
        Hexadecimal SHA-256 of their files.
    """

    kind: Kind
    networks: tuple[Any, ...]
    rules: Rules
    digest: str

    def maps(self, window: Values, terrain: Terrain) -> NDArray[np.float32]:
        """Return the probabilities of mound, middle and vent of a window, shape (3, rows, cols).

        Networks see it as far as there are data: beyond the edge of a raster is nothing, as it was
        beyond the windows that they learnt from.
        """
        made = np.zeros((3, *window.shape[1:]), dtype=np.float32)
        part = extent(np.isfinite(window[0]))
        if part is not None:
            made[:, part[0], part[1]] = self._maps(window[0][part], terrain)
        return made

    def _maps(self, values: Values, terrain: Terrain) -> NDArray[np.float32]:
        torch = require("torch")
        if self.kind == "heights":
            bands = height_bands(values, terrain.spacing)
        else:
            bands = picture_bands(values, terrain.level)
        seen = torch.from_numpy(bands[np.newaxis]).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            made = [torch.cat(list(each(seen).values()), dim=1) for each in self.networks]
            mean = torch.stack([torch.sigmoid(each[0]) for each in made]).mean(dim=0)
        probabilities: NDArray[np.float32] = mean.contiguous().numpy()
        return probabilities


def extent(known: Flags) -> tuple[slice, slice] | None:
    """Return the rows and columns from the first known pixel to the last.

    They begin and end at multiples of the pixels that become one at the lowest level of a network,
    as blocks do, so that a pixel has the same neighbours in each.
    """
    if not known.any():
        return None
    found = []
    for axis in (1, 0):
        numbers = np.flatnonzero(known.any(axis=axis))
        found.append(slice(numbers[0] // _GRID * _GRID, -(-(numbers[-1] + 1) // _GRID) * _GRID))
    return found[0], found[1]


@dataclass(frozen=True)
class Detection:
    """A mound in a raster.

    Attributes
    ----------
    rows, cols
        Window of the raster that `mask` is of.
    mask
        Its pixels.
    row, col
        Its middle in the raster, in pixels; that of the first pixel is 0.5, 0.5.
    kind
        `MOUND` or `CONE`.
    confidence
        Probability that there is a mound with about that outline.
    vent
        How much its summit looks as if it had one, 0 to 1.
    raw, size
        Before and after the rules of scale.
    instance
        What the network said.
    flags
        What is doubtful about it: ``edge_of_raster``, ``holes``, ``no_base``.
    """

    rows: slice
    cols: slice
    mask: Flags
    row: float
    col: float
    kind: str
    confidence: float
    vent: float
    raw: Size
    size: Measured
    instance: Instance
    flags: tuple[str, ...]

    @property
    def outline(self) -> Values:
        """Convex outline in pixels of the raster: rows and columns, shape (n, 2)."""
        corner = np.array([self.rows.start, self.cols.start])
        return simplified(hull(self.mask), _VERTICES) + corner


def load_detector(folder: Path, kind: Kind, networks: int | None = None) -> Detector:
    """Read networks and rules.

    Parameters
    ----------
    folder
        Of the weights.
    kind
        Heights or pictures.
    networks
        How many count at most, the first ones; all when not given.

    Raises
    ------
    WeightsError
        If they are missing or damaged.
    """
    from pipelines.images.network import load_network

    paths = sorted(folder.glob(f"{kind}_*.safetensors"))[:networks]
    if not paths:
        raise WeightsError(
            f"{folder} has no weights for {kind}",
            hint="train some: epntap train mars_mounds --output FOLDER",
        )
    rules = read_rules(folder)
    if kind not in rules:
        raise WeightsError(f"{folder / FILE} has no rules for {kind}", hint="train again")
    loaded = tuple(folded(load_network(path)[0]) for path in paths)
    return Detector(kind, loaded, rules[kind], digest_files([*paths, folder / FILE]))


def folded(network: Any) -> Any:
    """Return a network as it is used: normalisation folded, memory as processors like it."""
    torch = require("torch")
    return network.folded().to(memory_format=torch.channels_last)


def surveyed(
    terrain: Terrain,
    detector: Detector,
    *,
    folder: Path | None = None,
    progress: Progress = silent,
) -> Survey:
    """Return the maps of a raster; to be closed.

    Parameters
    ----------
    terrain
        Of the detector's kind.
    detector
        What makes the maps.
    folder
        Where they are kept, so that an interrupted run goes on; a temporary one if not given.
    progress
        Told after each block.
    """
    key = hashlib.sha256(
        f"{terrain.digest} {detector.digest} {len(detector.networks)} {terrain.kind}"
        f" {terrain.spacing} {terrain.level} {detector.rules.mound}".encode()
    ).hexdigest()
    return survey(
        terrain.raster,
        lambda window: detector.maps(window, terrain),
        channels=3,
        block=BLOCK,
        margin=MARGIN,
        threshold=detector.rules.mound,
        folder=folder,
        key=key,
        tile_blocks=1,
        progress=progress,
    )


def detect(
    terrain: Terrain,
    detector: Detector,
    *,
    least_confidence: float | None = None,
    folder: Path | None = None,
    progress: Progress = silent,
) -> list[Detection]:
    """Find the mounds of a raster.

    Parameters
    ----------
    terrain, detector, folder, progress
        As for `surveyed`.
    least_confidence
        Of what is returned; that of the rules when not given.

    Returns
    -------
    detections
        In an order that depends on the raster alone.
    """
    rules = detector.rules
    least = rules.confident if least_confidence is None else least_confidence
    with surveyed(terrain, detector, folder=folder, progress=progress) as found:
        made = [
            each
            for part in found.components(least=rules.least)
            for each in _of_part(part, found, terrain, rules)
        ]
    return [each for each in made if each.confidence >= least]


def _of_part(part: Component, found: Survey, terrain: Terrain, rules: Rules) -> list[Detection]:
    rows, cols = part.shape
    if (rows + 2 * _SURROUNDINGS) * (cols + 2 * _SURROUNDINGS) > LARGEST_CROP:
        return []  # a part as large as a map sheet is no mound, and nothing can be told apart in it
    crop = found.crop(part, margin=_SURROUNDINGS)
    instances = separate(crop.maps, crop.mask, centre=rules.centre, least=rules.least)
    return [_detection(each, crop, terrain, rules) for each in instances]


def _detection(instance: Instance, crop: Crop, terrain: Terrain, rules: Rules) -> Detection:
    heights = crop.pixels[0] if terrain.kind == "heights" else None
    others = instance.mask | (crop.maps[0] >= 255.0 * rules.mound)
    size = size_of(instance, heights, others, terrain.spacing)
    rows, cols = np.nonzero(instance.mask)
    box = (slice(rows.min(), rows.max() + 1), slice(cols.min(), cols.max() + 1))
    top, left = crop.rows.start, crop.cols.start
    placed = [
        slice(each.start + at, each.stop + at) for each, at in zip(box, (top, left), strict=True)
    ]
    return Detection(
        rows=placed[0],
        cols=placed[1],
        mask=instance.mask[box],
        row=instance.row + top,
        col=instance.col + left,
        kind=CONE if instance.vent >= rules.vent else MOUND,
        confidence=rules.confidence_of(instance),
        vent=instance.vent,
        raw=size,
        size=published(size, rules),
        instance=instance,
        flags=_flags(crop, instance, placed, terrain, size),
    )


def _flags(
    crop: Crop, instance: Instance, box: list[slice], terrain: Terrain, size: Size
) -> tuple[str, ...]:
    flags = []
    sides = zip(box, terrain.raster.shape, strict=True)
    if any(each.start == 0 or each.stop == side for each, side in sides):
        flags.append("edge_of_raster")
    if not np.isfinite(crop.pixels[0][instance.mask]).all():
        flags.append("holes")
    if terrain.kind == "heights" and not np.isfinite(size.height):
        flags.append("no_base")
    return tuple(flags)
