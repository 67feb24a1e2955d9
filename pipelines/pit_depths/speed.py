"""Measure how long images take: ``python -m pipelines.pit_depths.speed``.

Le Corre et al. (2023) report 5 to 500 s for images of 0.02 to 4.8 megapixels. Here a rendered pit
is enlarged, with new noise, to pixel counts of that range; only the measurement is timed, from
pixels in memory to the profile, in seconds of the processor.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from pipelines.errors import require
from pipelines.images.illumination import Illumination
from pipelines.images.render import Camera
from pipelines.pit_depths.geometry import Errors, displacement
from pipelines.pit_depths.profile import measure
from pipelines.pit_depths.shadow import Method, find_shadow
from pipelines.pit_depths.simulate import Pit, exact_depth, pit_heights, take

#: Sides of the square images: 0.02 to 4.8 megapixels.
SIDES = (142, 500, 1000, 2190)
#: Published seconds at both ends of that range; between them, in proportion to the pixels.
_PUBLISHED = ((0.02e6, 5.0), (4.8e6, 500.0))
_LIGHT = Illumination(50.0, 5.0, 300.0, 80.0)
_REPEATS = 3


def published_seconds(pixels: int) -> float:
    """Return the published duration for an image of so many pixels."""
    (low, first), (top, last) = _PUBLISHED
    return first + (last - first) * (pixels - low) / (top - low)


def picture(side: int) -> np.ndarray:
    """Return an image of a pit with so many rows and columns, shape (1, side, side)."""
    rng = np.random.default_rng(side)
    pit = Pit(25.0, 12.0, raggedness=0.02)
    heights = pit_heights(pit, 0.5, 142, rng)
    depth = exact_depth(pit, _LIGHT)
    small = take(
        "pit", heights, 0.5, _LIGHT, Camera(noise=0.0), rng, oversampling=1, true_depth=depth
    ).rendering.image
    image = require("scipy.ndimage").zoom(small, side / 142, order=1)
    return np.asarray((image + rng.normal(0.0, 5.0, image.shape)).round()[np.newaxis])


def timings(method: Method) -> Iterator[tuple[int, float]]:
    """Yield pixels and seconds of the processor for each size, the best of some repetitions."""
    for side in SIDES:
        pixels = picture(side)
        pixel = 0.5 * 142 / side
        best = np.inf
        for _ in range(_REPEATS):
            began = time.process_time()
            shadow = find_shadow(pixels, method)
            known = np.ones(pixels.shape[1:], dtype=bool)
            measure(shadow, known, np.diag([pixel, -pixel]), displacement(_LIGHT), Errors())
            best = min(best, time.process_time() - began)
        yield side * side, float(best)


def table() -> list[str]:
    """Return the timings as a table."""
    lines = [
        "| megapixels | published | published method here | times | subpixel | times |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for (pixels, first), (_, second) in zip(timings("published"), timings("subpixel"), strict=True):
        theirs = published_seconds(pixels)
        lines.append(
            f"| {pixels / 1e6:.2f} | {theirs:.0f} s | {first:.3f} s | {theirs / first:.0f}"
            f" | {second:.3f} s | {theirs / second:.0f} |"
        )
    return lines


def main() -> None:
    """Print the table."""
    print("\n".join(table()))


if __name__ == "__main__":
    main()
