"""Synthetic images of any size with pits and mounds at known places.

Written strip by strip: self-affine ground of Mars under a low Sun, and rendered objects that are
used again and again. It is simulation throughout, and says so in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import require
from pipelines.images.illumination import Illumination
from pipelines.images.render import Camera, render

Values = NDArray[np.float64]

#: Mars on a sphere; pixels of 6 m as those of CTX.
_PLACE = "+proj=eqc +lat_ts=0 +lon_0=0 +R=3396190 +units=m +no_defs"
_PIXEL = 6.0
_ORIGIN = (-7_200_000.0, 300_000.0)
_STRIP = 512
#: Sizes of two periodic grounds whose sum does not repeat within the image.
_PERIODS = (2048, 1501)
#: One object lies somewhere in each square of so many pixels, or of a quarter of a small image.
_CELL = 2048
#: Kinds of stamps, and the radii in pixels of pits and mounds.
_PITS, _MOUNDS = 24, 8
_RADII = (7.0, 20.0)
_LIGHT = Illumination(50.0, 0.0, 290.0, 290.0)
#: Number of flat lit ground in the file.
FLAT = 110.0
_STAMP = 96


@dataclass(frozen=True)
class Stamp:
    """A rendered object, as factors of the brightness of flat ground.

    Attributes
    ----------
    kind
        ``pit`` or ``mound``.
    radius
        Pixels.
    factor
        Shape (rows, cols), 1 at the edges.
    """

    kind: str
    radius: float
    factor: Values


def _stamp(kind: str, rng: np.random.Generator) -> Stamp:
    """Render a pit with steep walls, or a mound, on flat ground."""
    radius = float(rng.uniform(*_RADII))
    oversampling = 2
    place = (np.arange(_STAMP * oversampling) + 0.5) / oversampling - _STAMP / 2.0
    distance = np.hypot(*np.meshgrid(place, place)) / radius
    if kind == "pit":
        heights = -float(rng.uniform(0.6, 1.2)) * radius * np.clip((1.0 - distance) / 0.15, 0, 1)
    else:
        heights = 0.25 * radius * np.clip(1.0 - distance**2, 0.0, None)
    picture = render(
        heights * _PIXEL,
        _PIXEL / oversampling,
        _LIGHT,
        Camera(noise=0.0, bits=16),
        rng,
        oversampling=oversampling,
    ).image
    return Stamp(kind, radius, picture / np.median(picture))


def planted(side: int, rng: np.random.Generator) -> tuple[list[Stamp], pd.DataFrame]:
    """Return stamps, and where each is put.

    Returns
    -------
    stamps
        Rendered once and used again.
    places
        ``stamp, kind, row, col, radius``: number of the stamp, its centre and radius in pixels;
        sorted by row.
    """
    stamps = [_stamp("pit", rng) for _ in range(_PITS)]
    stamps += [_stamp("mound", rng) for _ in range(_MOUNDS)]
    cell = min(_CELL, side // 4)
    cells = np.indices((side // cell, side // cell)).reshape(2, -1).T * cell
    inner = rng.integers(_STAMP // 2, cell - _STAMP // 2, cells.shape)
    number = rng.integers(0, len(stamps), len(cells))
    places = pd.DataFrame((cells + inner), columns=["row", "col"])
    places["stamp"] = number
    places["kind"] = [stamps[each].kind for each in number]
    places["radius"] = [stamps[each].radius for each in number]
    return stamps, places.sort_values("row", ignore_index=True)


def _ground(period: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the shading of self-affine ground that repeats after a number of pixels."""
    along = np.fft.rfftfreq(period)
    wave = np.hypot(np.fft.fftfreq(period)[:, None], along)
    amplitude = np.where(wave > 0.0, np.maximum(wave, 1.0 / period) ** -0.9, 0.0)
    phase = np.exp(2j * np.pi * rng.random(wave.shape))
    shading = np.fft.irfft2(amplitude * phase, s=(period, period))
    return (shading / shading.std()).astype(np.float32)


def strips(side: int, seed: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the rows of the image strip by strip: the first row and the pixels."""
    rng = np.random.default_rng(seed)
    stamps, places = planted(side, rng)
    grounds = [_ground(period, rng) for period in _PERIODS]
    columns = np.arange(side)
    half = _STAMP // 2
    for top in range(0, side, _STRIP):
        rows = np.arange(top, min(top + _STRIP, side))
        strip = np.full((len(rows), side), FLAT, np.float32)
        for ground in grounds:
            strip += 7.0 * ground[np.ix_(rows % len(ground), columns % len(ground))]
        near = places[(places.row > top - half) & (places.row < rows[-1] + 1 + half)]
        for each in near.itertuples():
            first = each.row - half - top
            low, high = max(0, first), min(len(rows), first + _STAMP)
            factor = stamps[each.stamp].factor[low - first : high - first]
            strip[low:high, each.col - half : each.col + half] *= factor
        strip += rng.normal(0.0, 1.5, strip.shape).astype(np.float32)
        yield top, np.clip(np.round(strip), 1, 255).astype(np.uint8)


def write_image(path: Path, side: int, seed: int, progress: Progress = silent) -> None:
    """Write an image, and beside it what was planted, as CSV.

    Parameters
    ----------
    path
        Of the GeoTIFF.
    side
        Rows and columns.
    seed
        Of ground and places.
    progress
        Told after each strip.
    """
    rasterio = require("rasterio", "images")
    crs = require("pyproj", "images").CRS.from_string(_PLACE).to_wkt()
    profile = {
        "driver": "GTiff",
        "count": 1,
        "height": side,
        "width": side,
        "dtype": "uint8",
        "nodata": 0,
        "tiled": True,
        "crs": rasterio.crs.CRS.from_wkt(crs),
        "transform": rasterio.Affine(_PIXEL, 0.0, _ORIGIN[0], 0.0, -_PIXEL, _ORIGIN[1]),
    }
    tags = {
        "INSTRUMENT_HOST_ID": "simulation",
        "INSTRUMENT_ID": "renderer",
        "INCIDENCE_ANGLE": f"{_LIGHT.incidence:g}",
        "EMISSION_ANGLE": f"{_LIGHT.emission:g}",
        "SUN_AZIMUTH": f"{_LIGHT.sun_azimuth:g}",
    }
    with rasterio.Env(GDAL_CACHEMAX=2**26), rasterio.open(path, "w", **profile) as file:
        file.update_tags(**tags)
        for top, strip in strips(side, seed):
            window = rasterio.windows.Window(0, top, side, len(strip))
            file.write(strip, 1, window=window)
            progress("rows", top + len(strip), side)
    _, places = planted(side, np.random.default_rng(seed))
    places.to_csv(path.with_suffix(".csv"), index=False)
