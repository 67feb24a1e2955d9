"""What the pipeline reads: height models, shaded pictures of the ground, or simulated sites."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import SourceError
from pipelines.images.errors import GeoreferenceError, ImageError
from pipelines.images.georeference import Georeference
from pipelines.images.paths import image_paths
from pipelines.images.quality import check_image
from pipelines.images.raster import Image, Raster, open_raster
from pipelines.images.survey import file_digest
from pipelines.images.tiles import InMemory, Readable
from pipelines.mars_mounds.channels import slopes
from pipelines.mars_mounds.simulate import Site, simulate_site

Values = NDArray[np.float64]
Kind = Literal["heights", "pictures"]

#: Beginning of sources that are simulated: a seed follows.
SIMULATION = "simulation:"

#: Endings of files in a folder that are taken for rasters, and of names that are masks instead.
SUFFIXES = (".tif", ".tiff", ".png", ".jp2", ".cub", ".img")
_MASKS = ("_mask", "_label", "_labels")

#: Metres a pixel that finer height models are averaged to, so that mounds of radii from some 25 to
#: 250 m have the sizes in pixels that were learnt from.
RESOLUTION = 5.0

#: Rows that are averaged at once.
_STRIP = 64

#: Pixels along a side of the part of a raster that is looked at before anything else.
_PROBE = 2048

#: Median slope from which on heights cannot be in metres.
_TOO_STEEP = np.radians(50.0)

#: Where simulated sites are put: somewhere in Arabia Terra.
_SPHERE = "+proj=eqc +R=3396190 +lat_ts=0 +lon_0=0 +units=m +no_defs"
_LONGITUDE, _LATITUDE = -9.4, 2.6


@dataclass(frozen=True)
class Terrain:
    """A raster, ready for detection.

    Attributes
    ----------
    name
        That of the file, or of the simulated site.
    raster
        One band: heights in m, or brightness from 0 to 255.
    kind
        Which of the two.
    place
        On the body; `None` if the file does not tell.
    spacing
        Distance of neighbouring rows and columns in m; not numbers where nobody knows.
    level
        Median brightness of a picture; 0 for heights.
    digest
        Hexadecimal SHA-256 of what is read.
    flags
        What is missing or doubtful.
    site
        What was simulated, of simulated sites.
    factor
        Pixels of the file along the side of one of `raster`.
    """

    name: str
    raster: Readable
    kind: Kind
    place: Georeference | None
    spacing: tuple[float, float]
    level: float
    digest: str
    flags: tuple[str, ...] = ()
    site: Site | None = None
    factor: int = 1

    @property
    def pixel(self) -> float:
        """Size of a pixel in m: the root of its area."""
        return float(np.sqrt(self.spacing[0] * self.spacing[1]))


@dataclass(frozen=True)
class OneBand:
    """A raster seen as one band, averaged over squares of pixels.

    Attributes
    ----------
    raster
        What is read. Of pictures in colour the mean is taken, of anything else the first band.
    factor
        Pixels along a side of a square; incomplete ones at the edges are left out.
    colour
        Whether bands are colours.
    """

    raster: Readable
    factor: int = 1
    colour: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns after averaging."""
        rows, cols = self.raster.shape
        return rows // self.factor, cols // self.factor

    def read(self, rows: slice, cols: slice) -> Values:
        """Return a window, shape (1, rows, cols); NaN where any of its pixels has no data."""
        made = np.empty((rows.stop - rows.start, cols.stop - cols.start))
        for first in range(0, made.shape[0], _STRIP):
            strip = slice(first, min(first + _STRIP, made.shape[0]))
            made[strip] = self._strip(rows.start + strip.start, rows.start + strip.stop, cols)
        return made[np.newaxis]

    def _strip(self, first: int, last: int, cols: slice) -> Values:
        """Return some rows; fine pixels of a whole window would need much memory."""
        factor = self.factor
        fine = self.raster.read(
            slice(first * factor, last * factor), slice(cols.start * factor, cols.stop * factor)
        )
        band = fine[:3].mean(axis=0) if self.colour else fine[0]
        squares = band.reshape(last - first, factor, cols.stop - cols.start, factor)
        return np.asarray(squares.mean(axis=(1, 3)))


def raster_paths(source: str | Path) -> list[Path]:
    """Return the rasters that a source names: a file, or those in a folder by name, without masks.

    Raises
    ------
    ImageError
        If there are none.
    """
    rasters = image_paths(source, SUFFIXES)
    if rasters == [Path(source)]:
        return rasters
    # Figures that lie beside images with masks are not what is to be looked at.
    paired = [each for each in rasters if each.stem.endswith("_image")]
    found = paired or [each for each in rasters if not each.stem.lower().endswith(_MASKS)]
    if not found:
        raise ImageError(f"only masks are in {source}", hint="put the rasters beside them")
    return found


def sources_of(source: str | Path) -> list[str | Path]:
    """Return what `open_terrain` opens one after the other."""
    if str(source).startswith(SIMULATION):
        return [str(source)]
    return list(raster_paths(source))


@contextmanager
def open_terrain(
    source: str | Path,
    *,
    kind: Kind | Literal["auto"] = "auto",
    resolution: float = RESOLUTION,
    pixel_scale: float | None = None,
) -> Iterator[Terrain]:
    """Open a raster, or simulate a site.

    Parameters
    ----------
    source
        A file, or ``simulation:SEED``.
    kind
        What the numbers are; ``auto`` takes 8 bits for a picture and anything else for heights.
    resolution
        Metres a pixel that finer height models are averaged to.
    pixel_scale
        Metres a pixel of a raster that does not tell.

    Raises
    ------
    ImageError
        If the raster cannot be used.
    GeoreferenceError
        If it lies on another body than Mars, or heights have no size of a pixel.
    SourceError
        If a seed is no whole number.
    """
    if str(source).startswith(SIMULATION):
        yield terrain_of(simulate_site(_seed(str(source))))
        return
    path = Path(source)
    with open_raster(path) as raster:
        yield _opened(raster, path, kind, resolution, pixel_scale)


def _seed(source: str) -> int:
    text = source.removeprefix(SIMULATION)
    if not text.isdigit():
        raise SourceError(
            f"{source!r} names no simulated site: {text!r} is no seed",
            hint=f"write a whole number, e.g. {SIMULATION}1",
        )
    return int(text)


def terrain_of(site: Site) -> Terrain:
    """Return a simulated site, put somewhere on Mars."""
    from pyproj import CRS

    metres = np.radians(1.0) * 3396190.0
    place = Georeference(
        (site.pixel, 0.0, _LONGITUDE * metres, 0.0, -site.pixel, _LATITUDE * metres),
        CRS.from_proj4(_SPHERE).to_wkt(),
    )
    return Terrain(
        name=f"simulation_{site.seed}",
        raster=InMemory(site.heights[np.newaxis]),
        kind="heights",
        place=place,
        spacing=(site.pixel, site.pixel),
        level=0.0,
        digest=hashlib.sha256(np.ascontiguousarray(site.heights).tobytes()).hexdigest(),
        flags=("simulated",),
        site=site,
    )


def _opened(
    raster: Raster,
    path: Path,
    kind: Kind | Literal["auto"],
    resolution: float,
    pixel_scale: float | None,
) -> Terrain:
    probe = _probe(raster)
    if kind == "auto":
        kind = "pictures" if probe.ceiling == 255.0 else "heights"
    quality = check_image(replace(probe, steps=min(probe.steps, 1.0)))
    place = raster.georeference
    flags = list(quality.flags)
    if place is None:
        flags.insert(0, "no_georeference")
        side = pixel_scale or _number(raster.tags.get("PIXEL_SCALE"))
        spacing = (side, side)
    else:
        place.require_body("Mars")
        scale = np.hypot(*place.local_scale(raster.shape[0] / 2.0, raster.shape[1] / 2.0))
        spacing = (float(scale[1]), float(scale[0]))
    if kind == "heights" and not np.isfinite(spacing[0]):
        raise GeoreferenceError(
            f"{path}: nobody tells how large a pixel is, and slopes cannot be computed without",
            hint="give a georeferenced file, or the option pixel_scale in metres",
        )
    factor = 1
    if kind == "heights":
        _check_heights(probe, spacing)
        factor = max(1, int(resolution / max(spacing)))
    return Terrain(
        name=path.stem,
        raster=OneBand(raster, factor, kind == "pictures" and raster.bands >= 3),
        kind=kind,
        place=None if place is None else coarser(place, factor),
        spacing=(spacing[0] * factor, spacing[1] * factor),
        level=float(np.nanmedian(probe.pixels[:3])) if kind == "pictures" else 0.0,
        digest=file_digest(path),
        flags=tuple(flags),
        factor=factor,
    )


def _number(text: str | None) -> float:
    try:
        return float(text) if text else float("nan")
    except ValueError:
        return float("nan")


def _probe(raster: Raster) -> Image:
    """Return the middle of a raster, all of it if it is small."""
    parts = []
    for side in raster.shape:
        first = max(0, (side - _PROBE) // 2)
        parts.append(slice(first, min(side, first + _PROBE)))
    return raster.image(*parts)


def _check_heights(probe: Image, spacing: tuple[float, float]) -> None:
    known = np.where(np.isfinite(probe.pixels[0]), probe.pixels[0], np.nanmean(probe.pixels[0]))
    steep = float(np.median(slopes(known, spacing).slope))
    if steep > _TOO_STEEP:
        raise ImageError(
            f"{probe.path}: half of the ground is steeper than {np.degrees(steep):.0f} degrees",
            hint="heights have to be in metres; for a picture give the option kind=pictures",
        )


def coarser(place: Georeference, factor: int) -> Georeference:
    """Return the place of a raster averaged over squares of pixels."""
    a, b, c, d, e, f = place.transform
    return Georeference((a * factor, b * factor, c, d * factor, e * factor, f), place.wkt)
