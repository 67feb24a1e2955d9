"""Widths of a shadow along the direction in which it was cast, and the depths that follow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.images.errors import ImageError
from pipelines.pit_depths.geometry import Displacement, Errors, depth_errors, depths_of
from pipelines.pit_depths.shadow import Shadow

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Samples per pixel along a line.
_SAMPLES = 2
#: Lines over which the median is taken before the maximum is looked for.
_SMOOTHED = 5
#: Lines on either side of a line that its width is compared with.
_BESIDE = 4
#: From one line to the next, a change of the width by more than so many pixels, and by more than
#: this part of the largest width, is a jump: part of the rim may have come in between.
_JUMP_PIXELS = 2.0
_JUMP_PART = 0.1
#: A shadow that is as wide as this part of the pit ends at the far wall and not on the floor.
_WHOLE_CHORD = 0.93
#: Least part of a circle's turn, in degrees, that the rim on the Sun's side has to cover for the
#: rest of the circle to be drawn from it.
_LEAST_ARC = 70.0


@dataclass(frozen=True)
class Profile:
    """Apparent depth along the shadow: h(L).

    Attributes
    ----------
    length
        Distance across the direction of the shadow from its first line, metres, shape (n,).
    width
        Width of the shadow along its direction, on the ground, metres.
    depth, error
        Apparent depth and its standard deviation, metres.
    start, end
        Row and column of the rim and of the edge of the shadow on each line, shape (n, 2).
    edge
        Whether the line meets the edge of the image or pixels without data within the shadow, so
        that the depth is a lower limit.
    far_wall
        Whether the shadow reaches the wall or rim opposite, so that the depth is a lower limit;
        `False` where that cannot be told.
    jump
        Whether the width jumps from this line to the next.
    """

    length: Values
    width: Values
    depth: Values
    error: Values
    start: Values
    end: Values
    edge: Flags
    far_wall: Flags
    jump: Flags

    def __len__(self) -> int:
        return len(self.length)

    @property
    def deepest(self) -> int:
        """Number of the line of the maximum apparent depth, after a median over five lines."""
        return int(np.argmax(self.smoothed))

    @property
    def smoothed(self) -> Values:
        """Depths after a median over five lines, which a ragged rim cannot exceed."""
        if len(self) < _SMOOTHED:
            return self.depth
        return np.asarray(
            require("scipy.ndimage").median_filter(self.depth, _SMOOTHED, mode="nearest")
        )

    def limited(self, flags: Flags) -> bool:
        """Whether the maximum is but a lower limit, by flags of the lines.

        It is where more than half of the lines are flagged that come near to the maximum, to within
        twice its error.
        """
        near = self.smoothed >= self.maximum - 2.0 * self.error[self.deepest]
        return bool(flags[near].mean() > 0.5)

    @property
    def jumps(self) -> bool:
        """Whether the width jumps near to the maximum.

        Then something other than the rim beside it casts the shadow there, and which of the two the
        depth is below depends on details that the image hardly shows.
        """
        near = slice(max(0, self.deepest - _BESIDE), self.deepest + _BESIDE)
        return bool(self.jump[near].any())

    @property
    def maximum(self) -> float:
        """Maximum apparent depth, metres."""
        return float(self.smoothed[self.deepest])


@dataclass(frozen=True)
class _Lines:
    """Lines across an image, along one direction.

    Attributes
    ----------
    rows, cols
        Pixel coordinates of the samples, shape (lines, samples).
    spacing
        Metres from line to line.
    step
        Metres from sample to sample.
    """

    rows: Values
    cols: Values
    spacing: float
    step: float


def _lines(mask: Flags, scale: Values, direction: tuple[float, float]) -> _Lines:
    """Lay lines over a mask, a pixel apart."""
    inverse = np.linalg.inv(scale)  # of a step in metres, the columns and rows
    pixel = math.sqrt(abs(float(np.linalg.det(scale))))
    along = inverse @ np.array(direction) * (pixel / _SAMPLES)
    across = inverse @ np.array([direction[1], -direction[0]]) * pixel
    rows, cols = np.nonzero(mask)
    middle = np.array([cols.mean() + 0.5, rows.mean() + 0.5])
    offsets = np.stack([cols + 0.5, rows + 0.5]) - middle[:, None]
    steps, lines = np.linalg.solve(np.stack([along, across], axis=1), offsets)
    margin = 4 * _SAMPLES
    step = np.arange(math.floor(steps.min()) - margin, math.ceil(steps.max()) + margin + 1)
    line = np.arange(math.ceil(lines.min()), math.floor(lines.max()) + 1)
    place = middle + line[:, None, None] * across + step[None, :, None] * along
    return _Lines(place[..., 1] - 0.5, place[..., 0] - 0.5, pixel, pixel / _SAMPLES)


def measure(
    shadow: Shadow, known: Flags, scale: Values, moved: Displacement, errors: Errors
) -> Profile:
    """Measure the width of a shadow on lines along its direction, a pixel apart.

    On each line the longest piece in the shadow counts; its ends are where half of a pixel would be
    dark, between two samples.

    Parameters
    ----------
    shadow
        Of the image.
    known
        Where the image has data, shape (rows, cols).
    scale
        East and north in metres of a step of one column and of one row, shape (2, 2).
    moved
        How far the edge moves with depth, and in which direction.
    errors
        Of widths and angles.

    Raises
    ------
    ImageError
        If the shadow is narrower than a line.
    """
    ndimage = require("scipy.ndimage")
    lines = _lines(shadow.mask, scale, moved.direction)
    if len(lines.rows) == 0:
        raise ImageError("the shadow is too narrow to be measured")
    places = [lines.rows, lines.cols]
    dark = ndimage.map_coordinates(shadow.fraction, places, order=1, mode="constant", cval=0.0)
    first, last = _longest_runs(dark >= 0.5)
    number = np.flatnonzero(first >= 0)
    if len(number) == 0:
        raise ImageError("the shadow is too narrow to be measured")
    first, last = first[number], last[number]
    begin = first - _part(dark[number, first], dark[number, np.maximum(first - 1, 0)])
    size = dark.shape[1] - 1
    end = last + _part(dark[number, last], dark[number, np.minimum(last + 1, size)])
    width = (end - begin) * lines.step
    edge = _beside_nothing(known, lines, number, first, last)
    length = (number - number[0]) * lines.spacing * moved.length_factor
    start, stop = _at(lines, number, begin), _at(lines, number, end)
    step = np.abs(np.diff(width, append=width[-1]))
    jump = (step > _JUMP_PIXELS * lines.spacing) & (step > _JUMP_PART * width.max())
    return Profile(
        length,
        width,
        depths_of(width, moved),
        depth_errors(width, moved, lines.spacing, errors, _scatter(width)),
        start,
        stop,
        edge,
        _far_wall(start, stop, scale, width),
        jump,
    )


def _scatter(width: Values) -> Values:
    """Return the standard deviation of the widths of each line and its neighbours."""
    ndimage = require("scipy.ndimage")
    size = 2 * _BESIDE + 1
    mean = ndimage.uniform_filter1d(width, size, mode="nearest")
    square = ndimage.uniform_filter1d(width**2, size, mode="nearest")
    return np.sqrt(np.maximum(square - mean**2, 0.0))


def _part(inside: Values, outside: Values) -> Values:
    """Return how far beyond the last dark sample the value of one half lies, 0 to 1 samples."""
    fall = inside - outside
    return np.where(fall > 1e-9, np.clip((inside - 0.5) / np.maximum(fall, 1e-9), 0.0, 1.0), 0.0)


def _longest_runs(dark: Flags) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and last sample of the longest dark piece of each line; -1 without one."""
    lines, samples = dark.shape
    padded = np.zeros((lines, samples + 2), dtype=np.int8)
    padded[:, 1:-1] = dark
    change = np.diff(padded, axis=1)
    line, begin = np.nonzero(change == 1)
    _, after = np.nonzero(change == -1)
    # Both are in order of lines, and within them of samples: they belong together pair by pair.
    order = np.lexsort((begin, -(after - begin), line))
    line, begin, after = line[order], begin[order], after[order]
    own, place = np.unique(line, return_index=True)
    first, last = np.full(lines, -1), np.full(lines, -1)
    first[own], last[own] = begin[place], after[place] - 1
    return first, last


def _at(lines: _Lines, number: NDArray[np.int64], sample: Values) -> Values:
    """Return rows and columns of places between samples, shape (n, 2)."""
    low = np.clip(np.floor(sample).astype(int), 0, lines.rows.shape[1] - 2)
    part = sample - low
    found = [
        field[number, low] * (1.0 - part) + field[number, low + 1] * part
        for field in (lines.rows, lines.cols)
    ]
    return np.stack(found, axis=1) + 0.5


def _beside_nothing(
    known: Flags,
    lines: _Lines,
    number: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
) -> Flags:
    """Return which lines have pixels without data, or the image's end, in or beside the shadow."""
    rows = np.round(lines.rows[number]).astype(int)
    cols = np.round(lines.cols[number]).astype(int)
    height, width = known.shape
    within = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    seen = within & known[np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1)]
    sample = np.arange(rows.shape[1])[None, :]
    beside = 2 * _SAMPLES
    near = (sample >= first[:, None] - beside) & (sample <= last[:, None] + beside)
    return np.asarray((near & ~seen).any(axis=1))


def _far_wall(start: Values, end: Values, scale: Values, width: Values) -> Flags:
    """Return on which lines the shadow spans the whole pit.

    The rim on the Sun's side, where the lines start, is part of a circle for most pits; where it is
    a large part, the circle tells where the rim opposite is.
    """
    none = np.zeros(len(start), dtype=bool)
    if len(start) < 8:
        return none
    ground = (scale @ start[:, ::-1].T).T
    centre, radius = _circle(ground)
    turned = ground - centre
    miss = np.abs(np.hypot(*turned.T) - radius)
    angles = np.unwrap(np.arctan2(turned[:, 1], turned[:, 0]))
    arc = math.degrees(float(np.ptp(angles)))
    if arc < _LEAST_ARC or np.median(miss) > 0.1 * radius:
        return none
    towards = (scale @ (end - start)[:, ::-1].T).T
    towards /= np.maximum(np.hypot(*towards.T), 1e-12)[:, None]
    chord = -2.0 * (turned * towards).sum(axis=1)
    return np.asarray((width > _WHOLE_CHORD * chord) & (chord > 0.0))


def _circle(points: Values) -> tuple[Values, float]:
    """Return centre and radius of the circle through points, by least squares (Kasa 1976)."""
    middle = points.mean(axis=0)
    shifted = points - middle
    design = np.column_stack([2.0 * shifted, np.ones(len(shifted))])
    found = np.linalg.lstsq(design, (shifted**2).sum(axis=1), rcond=None)[0]
    radius = math.sqrt(max(float(found[2] + found[0] ** 2 + found[1] ** 2), 0.0))
    return middle + found[:2], radius
