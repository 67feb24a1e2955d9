"""What is wrong with an image before anything is measured in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.images.errors import ImageError
from pipelines.images.raster import Image

Values = NDArray[np.float64]

#: Part of the pixels without data, or at the largest value, from which on an image is flagged.
_MANY_HOLES = 0.001
_MANY_SATURATED = 0.01
#: Least part of pixels with data that something can be measured in.
_LEAST_DATA = 0.2
#: Least difference between the darkest and the brightest part, in steps of the numbers.
_LEAST_CONTRAST = 4.0


@dataclass(frozen=True)
class Quality:
    """What was found.

    Attributes
    ----------
    holes, saturated
        Part of the pixels without data, and at the largest value that their type can hold.
    flags
        Names of what a reader of the result should know: ``holes``, ``saturated``.
    """

    holes: float
    saturated: float
    flags: tuple[str, ...]


def check_image(image: Image) -> Quality:
    """Look at the pixels of an image.

    Raises
    ------
    ImageError
        If nothing can be measured in it: hardly any data, one value everywhere (all dark, all
        saturated), or hardly more than one.
    """
    known = np.isfinite(image.pixels).all(axis=0)
    part = float(known.mean())
    if part < _LEAST_DATA:
        raise ImageError(
            f"{image.path}: only {100 * part:.0f} % of the pixels have data",
            hint="cut out a part that is covered",
        )
    values = image.pixels[:, known]
    saturated = float((values >= image.ceiling).any(axis=0).mean())
    low, top = (float(each) for each in np.percentile(values, [0.5, 99.5]))
    least = _LEAST_CONTRAST * image.steps
    if top - low <= max(least, 1e-6 * max(abs(low), abs(top))):
        what = "saturated" if saturated > 0.5 else f"between {low:g} and {top:g}"
        raise ImageError(
            f"{image.path}: practically all pixels are {what}",
            hint="nothing can be told apart in such an image",
        )
    flags = []
    if 1.0 - part > _MANY_HOLES:
        flags.append("holes")
    if saturated > _MANY_SATURATED:
        flags.append("saturated")
    return Quality(1.0 - part, saturated, tuple(flags))
