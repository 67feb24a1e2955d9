"""Images and height models as arrays with their place, from whatever format they come in."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.images.errors import GeoreferenceError, ImageError
from pipelines.images.georeference import Georeference

Values = NDArray[np.float64]

#: Formats of detached labels: the pixels are in another file, which pdr finds.
_LABEL_SUFFIXES = (".lbl", ".xml")
#: Bytes of decoded pixels that GDAL keeps; its own choice is a twentieth of the machine's memory.
_CACHE = 2**26


@dataclass(frozen=True)
class Image:
    """Part of a raster, or all of it, in memory.

    Attributes
    ----------
    pixels
        Shape (bands, rows, cols); NaN where there are no data.
    georeference
        Its place on the body; `None` if the file does not tell.
    path
        Where it comes from.
    tags
        What else the file says, names in capitals.
    steps
        Distance between neighbouring values of each band, in units of the pixels; 1 for whole
        numbers, 0 where it is not known.
    ceiling
        Largest value that the type of the pixels can hold; infinite for fractions.
    """

    pixels: Values
    georeference: Georeference | None
    path: Path
    tags: Mapping[str, str] = field(default_factory=dict)
    steps: float = 0.0
    ceiling: float = float("inf")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pixels.shape[1], self.pixels.shape[2]

    def require_georeference(self) -> Georeference:
        """Return the place of the image.

        Raises
        ------
        GeoreferenceError
            If the file does not tell.
        """
        if self.georeference is None:
            raise GeoreferenceError(
                f"{self.path} does not say where on the body it lies",
                hint="map-project it (ISIS cam2map), or add transform and reference system"
                " (gdal_translate -a_ullr -a_srs)",
            )
        return self.georeference

    def part(self, rows: slice, cols: slice) -> Image:
        """Return a part of the image; the slices have both ends and lie within it."""
        place = self.georeference
        return Image(
            self.pixels[:, rows, cols],
            None if place is None else place.shifted(rows.start, cols.start),
            self.path,
            self.tags,
            self.steps,
            self.ceiling,
        )


class Raster:
    """An open file, read window by window; made by `open_raster`.

    Parameters
    ----------
    dataset
        As rasterio opened it.
    path
        Of the file.
    """

    def __init__(self, dataset: Any, path: Path) -> None:
        self._dataset = dataset
        self.path = path

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self._dataset.height), int(self._dataset.width)

    @property
    def bands(self) -> int:
        """How many."""
        return int(self._dataset.count)

    @property
    def georeference(self) -> Georeference | None:
        """Place of the whole raster; `None` if the file does not tell."""
        dataset = self._dataset
        if dataset.crs is None or dataset.transform.is_identity:
            return None
        a, b, c, d, e, f = tuple(dataset.transform)[:6]
        if a * e - b * d == 0.0:
            raise GeoreferenceError(f"{self.path}: the transform {(a, b, c, d, e, f)} is singular")
        return Georeference((a, b, c, d, e, f), dataset.crs.to_wkt())

    @property
    def tags(self) -> dict[str, str]:
        """Keywords of the file, names in capitals."""
        return {str(key).upper(): str(value) for key, value in self._dataset.tags().items()}

    def read(self, rows: slice, cols: slice) -> Values:
        """Return a window, shape (bands, rows, cols), NaN where there are no data.

        Raises
        ------
        ImageError
            If the file is damaged there.
        """
        rasterio = require("rasterio", "images")
        window = rasterio.windows.Window.from_slices(rows, cols)
        try:
            found = self._dataset.read(window=window, masked=True)
        except rasterio.errors.RasterioIOError as error:
            raise ImageError(f"{self.path} cannot be read: {error}") from error
        values = found.filled(0).astype(np.float64)
        values[np.ma.getmaskarray(found)] = np.nan
        values[~np.isfinite(values)] = np.nan
        return values

    def image(self, rows: slice | None = None, cols: slice | None = None) -> Image:
        """Return a window, by default everything, with its place.

        Raises
        ------
        ImageError
            If the window is empty or the file is damaged there.
        """
        height, width = self.shape
        rows = _within(rows, height)
        cols = _within(cols, width)
        if rows.start >= rows.stop or cols.start >= cols.stop:
            raise ImageError(
                f"{self.path}: rows {rows.start}:{rows.stop}, columns {cols.start}:{cols.stop} lie"
                f" outside of its {height} x {width} pixels"
            )
        place = self.georeference
        kind = np.dtype(self._dataset.dtypes[0])
        whole = kind.kind in "iu"
        return Image(
            self.read(rows, cols),
            None if place is None else place.shifted(rows.start, cols.start),
            self.path,
            self.tags,
            1.0 if whole else 0.0,
            float(np.iinfo(kind).max) if whole else float("inf"),
        )


def _within(part: slice | None, length: int) -> slice:
    if part is None:
        return slice(0, length)
    start = 0 if part.start is None else max(0, int(part.start))
    stop = length if part.stop is None else min(length, int(part.stop))
    return slice(start, stop)


@contextmanager
def open_raster(path: Path) -> Iterator[Raster]:
    """Open a raster: GeoTIFF, JP2, ISIS cube, PDS3, PDS4 and whatever else GDAL reads.

    Raises
    ------
    ImageError
        If it is none, or cannot be read.
    """
    rasterio = require("rasterio", "images")
    if not path.is_file():
        raise ImageError(f"there is no file {path}")
    with rasterio.Env(GDAL_CACHEMAX=_CACHE), warnings.catch_warnings():
        # A missing georeference is told where it is needed.
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        try:
            dataset = rasterio.open(path)
        except rasterio.errors.RasterioIOError as error:
            raise ImageError(
                f"{path} is no image that can be read: {error}",
                hint="GeoTIFF, JP2, ISIS cubes, PDS3 and PDS4 are read",
            ) from error
        with dataset:
            yield Raster(dataset, path)


def read_image(path: Path) -> Image:
    """Read a whole raster; what GDAL cannot read is tried with pdr.

    Raises
    ------
    ImageError
        If neither can read it.
    """
    try:
        with open_raster(path) as raster:
            return raster.image()
    except ImageError:
        if path.suffix.lower() not in (*_LABEL_SUFFIXES, ".img", ".dat") or not path.is_file():
            raise
    return _read_with_pdr(path)


def _read_with_pdr(path: Path) -> Image:
    """Return the first image of a PDS product, without a place."""
    pdr = require("pdr", "images")
    try:
        product = pdr.read(str(path))
        names = [
            name
            for name in product.keys()  # noqa: SIM118 - not a mapping: it has only this method
            if isinstance(product[name], np.ndarray) and product[name].ndim in (2, 3)
        ]
    # pdr raises whatever the parser at hand does: of labels, tables, compression.
    except Exception as error:
        raise ImageError(f"{path} is no product of the PDS that can be read: {error}") from error
    if not names:
        raise ImageError(f"{path} holds no image")
    found = np.asarray(product.get_scaled(names[0]))
    pixels = np.ma.filled(np.ma.masked_invalid(found.astype(np.float64)), np.nan)
    kind = product[names[0]].dtype
    return Image(
        pixels if pixels.ndim == 3 else pixels[np.newaxis],
        None,
        path,
        {},
        1.0 if kind.kind in "iu" else 0.0,
        float(np.iinfo(kind).max) if kind.kind in "iu" else float("inf"),
    )


def write_geotiff(
    path: Path,
    pixels: NDArray[Any],
    georeference: Georeference | None,
    *,
    nodata: float | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write an array as a compressed GeoTIFF.

    Parameters
    ----------
    path
        Where to.
    pixels
        Shape (bands, rows, cols).
    georeference
        Its place.
    nodata
        Value that stands for no data.
    tags
        Keywords to keep with it.

    Raises
    ------
    ImageError
        If the file cannot be written.
    """
    rasterio = require("rasterio", "images")
    bands, height, width = pixels.shape
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "count": bands,
        "height": height,
        "width": width,
        "dtype": pixels.dtype.name,
        "nodata": nodata,
        "compress": "deflate",
    }
    if georeference is not None:
        profile |= {
            "crs": rasterio.crs.CRS.from_wkt(georeference.wkt),
            "transform": rasterio.Affine(*georeference.transform),
        }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        try:
            with rasterio.open(path, "w", **profile) as file:
                file.write(pixels)
                file.update_tags(**dict(tags or {}))
        except rasterio.errors.RasterioIOError as error:
            raise ImageError(f"{path} cannot be written: {error}") from error
