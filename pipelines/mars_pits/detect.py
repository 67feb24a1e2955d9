"""Pits in a raster of any size, at every scale that they can have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.images.survey import LARGEST_CROP, survey
from pipelines.images.tiles import Readable
from pipelines.mars_pits.instances import Found, separate
from pipelines.mars_pits.regions import Region
from pipelines.mars_pits.weights import Detector

Values = NDArray[np.float64]

#: Blocks that the network sees with their margins; the result depends on them.
BLOCK, MARGIN = 512, 64
#: Rasters are halved until the shorter side has fewer pixels than this.
_SHORTEST = 96
#: Diameters in pixels between which objects of a halved raster count: smaller ones were seen
#: better before it was halved; larger ones are seen better after.
_SMALLEST, _LARGEST = 26.0, 72.0
#: Pixels along a side that are read at once to make coarser ones of them.
_AT_ONCE = 2048
#: Two objects are one if so much of the smaller lies in the larger.
_SAME = 0.5


@dataclass(frozen=True)
class Detection:
    """An object in a raster.

    Attributes
    ----------
    kind
        Name of its class.
    confidence
        Probability that there is such an object of that class.
    kinds
        Probability of each class.
    region
        Its pixels in the raster.
    factor
        How often the raster was made coarser before it was found: 1, 2, 4, ...
    at_edge
        Whether it reaches the edge of the raster, so that part of it may be missing.
    """

    kind: str
    confidence: float
    kinds: tuple[float, ...]
    region: Region
    factor: int
    at_edge: bool

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column of the middle of its pixels; that of the first pixel is 0.5, 0.5."""
        rows, cols = np.nonzero(self.region.mask)
        return (
            self.region.rows.start + float(rows.mean()) + 0.5,
            self.region.cols.start + float(cols.mean()) + 0.5,
        )

    @property
    def elongation(self) -> float:
        """Longer by shorter axis of the ellipse with the same moments, 1 or more."""
        rows, cols = np.nonzero(self.region.mask)
        if len(rows) < 2:
            return 1.0
        # A pixel is a square: a twelfth in each direction.
        moments = np.cov(np.stack([rows, cols])) + np.eye(2) / 12.0
        small, large = np.linalg.eigvalsh(moments)
        return math.sqrt(float(large / small))


@dataclass(frozen=True)
class Coarser:
    """A raster with pixels that are several times larger, in one band: the mean of those it has.

    Attributes
    ----------
    raster
        The finer one.
    factor
        Its pixels along the side of one of these.
    """

    raster: Readable
    factor: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns; pixels that are not whole are left out."""
        height, width = self.raster.shape
        return height // self.factor, width // self.factor

    def read(self, rows: slice, cols: slice) -> Values:
        """Return a window, shape (1, rows, cols), NaN where half or more has no data."""
        if self.factor == 1:
            return self.raster.read(rows, cols).mean(axis=0, keepdims=True)
        made = np.empty((1, rows.stop - rows.start, cols.stop - cols.start))
        # Piece by piece: a window may stand for a thousand times as many pixels.
        side = max(1, _AT_ONCE // self.factor)
        for top in range(rows.start, rows.stop, side):
            for left in range(cols.start, cols.stop, side):
                part = (
                    slice(top, min(top + side, rows.stop)),
                    slice(left, min(left + side, cols.stop)),
                )
                place = (
                    slice(part[0].start - rows.start, part[0].stop - rows.start),
                    slice(part[1].start - cols.start, part[1].stop - cols.start),
                )
                made[0][place] = self._mean(*part)
        return made

    def _mean(self, rows: slice, cols: slice) -> Values:
        factor = self.factor
        fine = self.raster.read(
            slice(rows.start * factor, rows.stop * factor),
            slice(cols.start * factor, cols.stop * factor),
        ).mean(axis=0)
        height, width = fine.shape
        blocks = fine.reshape(height // factor, factor, width // factor, factor)
        known = np.isfinite(blocks)
        count = known.sum(axis=(1, 3))
        total = np.where(known, blocks, 0.0).sum(axis=(1, 3))
        mean = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
        return np.asarray(np.where(2 * count > factor**2, mean, np.nan))


def factors_of(
    shape: tuple[int, int], pixel: float | None, smallest: float | None, largest: float | None
) -> list[int]:
    """Return how often a raster is to be made coarser, each twice the one before.

    Parameters
    ----------
    shape
        Rows and columns.
    pixel
        Metres; `None` if it is not known.
    smallest, largest
        Diameters in metres that are looked for; `None` for all that can be seen.
    """
    first = 1
    if pixel and smallest:
        while 2 * first * pixel * _SMALLEST / 2.0 <= smallest:
            first *= 2
    factors = [first]
    while True:
        coarser = 2 * factors[-1]
        if min(shape) // coarser < _SHORTEST:
            return factors
        if pixel and largest and _SMALLEST * coarser * pixel > largest:
            return factors
        factors.append(coarser)


def detect(
    raster: Readable,
    detector: Detector,
    *,
    factors: Sequence[int] = (1,),
    folder: Path | None = None,
    key: str = "",
    progress: Progress = silent,
) -> list[Detection]:
    """Find the objects of a raster, with every confidence.

    Parameters
    ----------
    raster
        What to look at.
    detector
        The network with its rule.
    factors
        See `factors_of`.
    folder
        Where maps are kept, so that an interrupted run goes on.
    key
        Of the raster: the digest of its file.
    progress
        Told how the work goes on.

    Returns
    -------
    detections
        By row and column of their first pixel; none twice.
    """
    found: list[Detection] = []
    for factor in factors:
        coarser = Coarser(raster, factor)
        low = _SMALLEST if factor > factors[0] else 0.0
        top = _LARGEST if factor < factors[-1] else math.inf
        surveyed = survey(
            coarser,
            detector.maps,
            channels=2 + len(detector.classes),
            block=BLOCK,
            margin=MARGIN,
            threshold=detector.rule.inside,
            folder=folder,
            key=f"{key}:{detector.digest}:{factor}" if folder is not None else "",
            progress=progress,
        )
        with surveyed:
            for component in surveyed.components(least=detector.rule.least_area):
                if component.shape[0] * component.shape[1] > LARGEST_CROP:
                    continue  # no pit is as large: the edge of a swath, a shadow of relief
                crop = surveyed.crop(component)
                for each in separate(crop.maps, detector.rule, crop.mask):
                    diameter = math.sqrt(4.0 * each.region.area / math.pi)
                    if low <= diameter <= top:
                        start = (crop.rows.start, crop.cols.start)
                        found.append(_detection(each, start, detector, coarser))
    return sorted(_without_doubles(found), key=_place)


def _place(each: Detection) -> tuple[int, int]:
    return each.region.rows.start, each.region.cols.start


def _detection(
    each: Found, start: tuple[int, int], detector: Detector, coarser: Coarser
) -> Detection:
    """Return an object of a crop that begins at a row and column as one of the raster."""
    left, top, right, bottom = each.region.box
    top, bottom, left, right = top + start[0], bottom + start[0], left + start[1], right + start[1]
    height, width = coarser.shape
    factor = coarser.factor
    return Detection(
        detector.classes[each.kind],
        each.confidence(detector.rule),
        tuple(float(value) for value in each.kinds),
        Region(
            slice(top * factor, bottom * factor),
            slice(left * factor, right * factor),
            np.kron(each.region.mask, np.ones((factor, factor), dtype=bool)),
        ),
        factor,
        top == 0 or left == 0 or bottom == height or right == width,
    )


def _without_doubles(found: Sequence[Detection]) -> list[Detection]:
    """Return the objects, of those that are the same at several scales the most confident."""
    order = sorted(found, key=lambda one: -one.confidence)
    boxes = np.array([each.region.box for each in order], float).reshape(len(order), 4)
    factors = np.array([each.factor for each in order])
    kept = np.ones(len(order), dtype=bool)
    for number, each in enumerate(order):
        near = (boxes[:number, :2] < boxes[number, 2:]) & (boxes[:number, 2:] > boxes[number, :2])
        other_scale = factors[:number] != each.factor
        rivals = np.flatnonzero(near.all(axis=1) & other_scale & kept[:number])
        kept[number] = not any(_same(each.region, order[other].region) for other in rivals)
    return [each for each, keep in zip(order, kept, strict=True) if keep]


def _same(a: Region, b: Region) -> bool:
    """Whether most of the smaller of two objects lies in the other."""
    return a.shared(b) >= _SAME * min(a.area, b.area)
