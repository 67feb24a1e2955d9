"""Files that show what was found in an image: thumbnails, masks, footprints.

The same content gives the same bytes, so that files whose objects did not change keep their names
when a catalogue is made again.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PipelineError
from pipelines.images.georeference import Georeference
from pipelines.images.outlines import Footprint
from pipelines.images.raster import write_geotiff

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

#: Side of the pictures that portals show in a list (EPN-TAP 2.0, thumbnail_url: about 200 pixels).
_SIDE = 200

#: Brightness between these percentiles is shown, as in `pipelines.pit_depths.figures`.
_STRETCH = (0.5, 99.5)

#: Orange of the outlines, as in the figures.
_OUTLINE = (255, 127, 14)

#: Half of the longitudes: where GeoJSON cuts polygons (RFC 7946, section 3.1.9).
_ANTIMERIDIAN = 180.0


def write_thumbnail(
    path: Path,
    pixels: Values,
    outlines: Iterable[Values] = (),
    *,
    mask: Flags | None = None,
    side: int = _SIDE,
) -> None:
    """Write a small picture of an image, with outlines in it, as PNG.

    Parameters
    ----------
    path
        Of the file.
    pixels
        Shape (rows, cols), or (bands, rows, cols), whose mean is shown; NaN is shown as black.
    outlines
        Closed lines as rows and columns of their vertices, each of shape (n, 2); the corner of the
        first pixel is (0, 0).
    mask
        Its border is drawn, too; shape (rows, cols).
    side
        Length of the longer side; small images are made larger, pixel by pixel.

    Raises
    ------
    PipelineError
        If the file cannot be written.
    """
    grey = np.asarray(pixels, np.float64)
    if grey.ndim == 3:
        grey = grey.mean(axis=0)
    rows, cols = _places(grey.shape[0], grey.shape[1], side)
    shown = _stretched(_averaged(grey, rows, cols))
    picture = np.repeat(shown[:, :, np.newaxis], 3, axis=2)
    scale = (len(rows) - 1) / grey.shape[0], (len(cols) - 1) / grey.shape[1]
    if mask is not None:
        inside = _averaged(np.asarray(mask, np.float64), rows, cols) >= 0.5
        picture[_border(inside)] = _OUTLINE
    for outline in outlines:
        _draw(picture, np.asarray(outline, float) * scale)
    _write_png(path, picture)


def write_mask(path: Path, mask: Flags, place: Georeference | None = None) -> None:
    """Write which pixels belong to an object.

    Parameters
    ----------
    path
        Of the file: ``.png`` for a picture of 0 and 255, ``.tif`` for a GeoTIFF of 0 and 1.
    mask
        Shape (rows, cols).
    place
        Of the mask on the body, for a GeoTIFF.

    Raises
    ------
    PipelineError
        If the name ends otherwise, or the file cannot be written.
    """
    flags = np.asarray(mask, bool)
    match path.suffix.lower():
        case ".png":
            _write_png(path, np.where(flags, 255, 0).astype(np.uint8))
        case ".tif" | ".tiff":
            write_geotiff(path, flags.astype(np.uint8)[np.newaxis], place)
        case other:
            raise PipelineError(
                f"{path}: masks cannot end in {other or 'nothing'!r}", hint="use .png or .tif"
            )


def write_geojson(
    path: Path, footprints: Sequence[Footprint], properties: Sequence[Mapping[str, Any]]
) -> None:
    """Write outlines with what is known of them as a FeatureCollection (RFC 7946).

    Longitudes are -180 to 180 east in it, and a polygon that crosses 180 is cut there, as the
    standard wants.

    Parameters
    ----------
    path
        Of the file.
    footprints
        Not around a pole.
    properties
        Of each footprint, values that JSON can hold; NaN becomes null.

    Raises
    ------
    PipelineError
        If the file cannot be written.
    """
    features = [
        {"type": "Feature", "geometry": _geometry(each), "properties": _plain(known)}
        for each, known in zip(footprints, properties, strict=True)
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features}, allow_nan=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise PipelineError(f"{path} cannot be written: {error}") from error


def _places(rows: int, cols: int, side: int) -> tuple[Values, Values]:
    """Return the edges of the picture's pixels in those of the image."""
    factor = side / max(rows, cols)
    if factor > 1.0:
        factor = float(int(factor))
    down, across = max(1, round(rows * factor)), max(1, round(cols * factor))
    return np.linspace(0.0, rows, down + 1), np.linspace(0.0, cols, across + 1)


def _averaged(values: Values, rows: Values, cols: Values) -> Values:
    """Return means over the pixels of a picture, of what there is in each; shape of its pixels."""
    there = np.isfinite(values)
    weights = _summed(there.astype(np.float64), rows, cols)
    sums = _summed(np.where(there, values, 0.0), rows, cols)
    # Differences of large sums are not exactly zero where nothing is.
    known = weights > 1e-6
    return np.divide(sums, weights, out=np.full(sums.shape, np.nan), where=known)


def _summed(values: Values, rows: Values, cols: Values) -> Values:
    """Integrate over rectangles whose edges may lie within pixels."""
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    np.cumsum(np.cumsum(values, axis=0), axis=1, out=total[1:, 1:])
    for axis, edges in ((0, rows), (1, cols)):
        low = np.minimum(edges.astype(int), total.shape[axis] - 2)
        part = edges - low
        shape = (-1, 1) if axis == 0 else (1, -1)
        first, second = np.take(total, low, axis=axis), np.take(total, low + 1, axis=axis)
        total = np.diff(first + (second - first) * part.reshape(shape), axis=axis)
    return total


def _stretched(grey: Values) -> Bytes:
    known = grey[np.isfinite(grey)]
    if known.size == 0:
        return np.zeros(grey.shape, np.uint8)
    low, top = np.percentile(known, _STRETCH)
    width = top - low if top > low else 1.0
    scaled = np.clip((np.nan_to_num(grey, nan=low) - low) / width, 0.0, 1.0)
    return np.rint(scaled * 255.0).astype(np.uint8)


def _border(inside: Flags) -> Flags:
    """Return the pixels within that have a neighbour without."""
    around = np.pad(inside, 1)
    core = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    return inside & ~core


def _draw(picture: Bytes, outline: Values) -> None:
    """Draw a closed line, given in pixels of the picture."""
    for first, last in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        count = int(np.ceil(np.abs(last - first).max())) * 2 + 1
        points = np.floor(first + (last - first) * np.linspace(0.0, 1.0, count)[:, np.newaxis])
        rows, cols = points.astype(int).T
        seen = (rows >= 0) & (cols >= 0) & (rows < picture.shape[0]) & (cols < picture.shape[1])
        picture[rows[seen], cols[seen]] = _OUTLINE


def _write_png(path: Path, pixels: Bytes) -> None:
    """Write grey (rows, cols) or coloured (rows, cols, 3) pixels (PNG, 2nd edition, clause 11)."""
    rows, cols = pixels.shape[:2]
    colour = 2 if pixels.ndim == 3 else 0
    lines = np.ascontiguousarray(pixels).reshape(rows, -1)
    # Each line begins with the number of its filter: none.
    data = zlib.compress(np.pad(lines, ((0, 0), (1, 0))).tobytes(), 9)
    header = struct.pack(">IIBBBBB", cols, rows, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    try:
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks))
    except OSError as error:
        raise PipelineError(f"{path} cannot be written: {error}") from error


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _geometry(footprint: Footprint) -> dict[str, Any]:
    relative = np.mod(footprint.longitude - footprint.longitude[0] + 180.0, 360.0) - 180.0
    start = np.mod(footprint.longitude[0] + 180.0, 360.0) - 180.0
    line = np.stack([start + relative, footprint.latitude], axis=1)
    pieces = [
        _ring(piece, turn)
        for turn in (0.0, 360.0, -360.0)
        if len(piece := _cut(line, turn - _ANTIMERIDIAN, turn + _ANTIMERIDIAN)) >= 3
    ]
    if len(pieces) == 1:
        return {"type": "Polygon", "coordinates": pieces}
    return {"type": "MultiPolygon", "coordinates": [[piece] for piece in pieces]}


def _ring(line: Values, turn: float) -> list[list[float]]:
    points = [[round(float(x) - turn, 8), round(float(y), 8)] for x, y in line]
    return [*points, points[0]]


def _cut(line: Values, west: float, east: float) -> Values:
    """Return the part of a polygon between two meridians (Sutherland and Hodgman 1974)."""
    for sign, limit in ((1.0, west), (-1.0, east)):
        kept: list[Values] = []
        for first, last in zip(np.roll(line, 1, axis=0), line, strict=True):
            before, here = sign * (first[0] - limit), sign * (last[0] - limit)
            if (before > 0.0) != (here > 0.0):
                met = first + (last - first) * before / (before - here)
                kept.append(np.array([limit, met[1]]))
            if here > 0.0:
                kept.append(last)
        line = np.array(kept).reshape(-1, 2)
    return line


def _plain(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that JSON can hold."""
    plain: dict[str, Any] = {}
    for name, value in known.items():
        native = value.item() if isinstance(value, np.generic) else value
        plain[name] = None if isinstance(native, float) and not np.isfinite(native) else native
    return plain
