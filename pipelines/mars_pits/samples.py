"""Pictures with labelled objects, as the network learns from them and is scored on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.mars_pits.simulate import Picture, purpose_of

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int32]

#: Relative differences of brightness are multiplied by this, so that most are about 1.
_GAIN = 2.0
#: They are cut off so far away from the middle.
_FURTHEST = 4.0


@dataclass(frozen=True)
class Sample:
    """A window with the objects in it.

    Attributes
    ----------
    name
        Of the picture it comes from.
    pixels
        Brightness, NaN where there are no data; shape (rows, cols).
    cover
        How much of each pixel lies in any object, 0 to 1, same shape.
    numbers
        Which object a pixel belongs to, 1 for the first; 0 for none; same shape.
    kinds
        Class of each object, as a number.
    mirrored
        Whether its mirror image may be learnt from, too.
    """

    name: str
    pixels: Values
    cover: NDArray[np.float32]
    numbers: Numbers
    kinds: tuple[int, ...]
    mirrored: bool = True

    def masks(self) -> Flags:
        """Return the pixels of each object of which half or more is its own, (n, rows, cols)."""
        inside = self.cover >= 0.5
        found = [(self.numbers == number + 1) & inside for number in range(len(self.kinds))]
        return np.array(found, bool).reshape(len(found), *self.numbers.shape)

    def window(self, rows: slice, cols: slice) -> Sample:
        """Return a part, with the objects that are in it."""
        numbers = self.numbers[rows, cols]
        inside = self.cover[rows, cols]
        kept = [k for k in range(1, len(self.kinds) + 1) if (inside[numbers == k] >= 0.5).any()]
        renumbered = np.zeros_like(numbers)
        for new, old in enumerate(kept, start=1):
            renumbered[numbers == old] = new
        return Sample(
            self.name,
            self.pixels[rows, cols],
            np.where(renumbered > 0, inside, np.float32(0.0)),
            renumbered,
            tuple(self.kinds[old - 1] for old in kept),
            self.mirrored,
        )


def normalised(pixels: Values) -> NDArray[np.float32]:
    """Return brightness relative to the median of a window, 0 there and where data lack.

    Lit ground is what most of a window shows, so that shadows are near the same negative number
    whether a window has many pits or one. A range of the window's values would depend on how much
    of it pits take up. Numbers of which the median is not positive (differences, filtered images)
    are divided by their range instead.

    Parameters
    ----------
    pixels
        Shape (rows, cols), NaN where there are no data.
    """
    known = np.isfinite(pixels)
    if not known.any():
        return np.zeros(pixels.shape, np.float32)
    values = pixels[known]
    middle = float(np.median(values))
    unit = middle if middle > 0.0 else float(np.ptp(values)) or 1.0
    scaled = _GAIN * (np.where(known, pixels, middle) - middle) / unit
    return np.clip(scaled, -_FURTHEST, _FURTHEST).astype(np.float32)


def sample_of(picture: Picture, classes: Sequence[str]) -> Sample:
    """Return a rendered picture as a sample."""
    numbers = np.zeros(picture.pixels.shape, np.int32)
    for number, cover in enumerate(picture.cover, start=1):
        numbers[cover > 0.0] = number
    return Sample(
        picture.name,
        picture.pixels,
        np.clip(picture.cover.sum(axis=0), 0.0, 1.0).astype(np.float32),
        numbers,
        tuple(classes.index(thing.kind) for thing in picture.things),
        # A mirror image has another Sun, which may be one that is held back.
        purpose_of(picture.light.incidence, -picture.light.sun_azimuth) == "training",
    )


def samples_of(pictures: Iterable[Picture], classes: Sequence[str]) -> list[Sample]:
    """Return rendered pictures as samples."""
    return [sample_of(each, classes) for each in pictures]
