"""Polygons of an ESRI shapefile with their attributes, and of GeoJSON.

Read here since labels of planetary surfaces are handed around in these two formats; of the
shapefile only what they need: polygons, and texts and numbers of the dBASE table beside it (ESRI
Shapefile Technical Description, 1998).
"""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.images.errors import OutlineError

Values = NDArray[np.float64]

_POLYGONS = (5, 15, 25)  # plain, with heights, with measures


@dataclass(frozen=True)
class Shape:
    """A polygon with its attributes.

    Attributes
    ----------
    rings
        Outlines and holes: x and y of their vertices, shape (n, 2), in what the file counts in.
    attributes
        Of the table beside the file, or the properties of GeoJSON.
    """

    rings: tuple[Values, ...]
    attributes: Mapping[str, Any]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Least x, least y, largest x, largest y."""
        points = np.concatenate(self.rings)
        low, top = points.min(axis=0), points.max(axis=0)
        return float(low[0]), float(low[1]), float(top[0]), float(top[1])


def read_shapes(path: Path) -> list[Shape]:
    """Read the polygons of a file; other shapes are left out.

    Parameters
    ----------
    path
        ``.shp`` (its ``.dbf`` beside it counts if it is there) or GeoJSON.

    Raises
    ------
    OutlineError
        If the file cannot be read or is damaged.
    """
    try:
        if path.suffix.lower() == ".shp":
            return list(_shapefile(path))
        return list(_geojson(path))
    except (OSError, struct.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise OutlineError(
            f"{path} is no shapefile or GeoJSON that can be read: {error}"
        ) from error


def _shapefile(path: Path) -> Iterator[Shape]:
    content = path.read_bytes()
    if struct.unpack(">i", content[:4])[0] != 9994:
        raise ValueError("it does not begin as a shapefile does")
    rows = _dbase(path.with_suffix(".dbf"))
    place, number = 100, 0
    while place + 12 <= len(content):
        words = struct.unpack(">i", content[place + 4 : place + 8])[0]
        record = content[place + 8 : place + 8 + 2 * words]
        if len(record) < 2 * words:
            raise ValueError("it ends within a record")
        if struct.unpack("<i", record[:4])[0] in _POLYGONS:
            yield Shape(_rings(record), rows[number] if number < len(rows) else {})
        place += 8 + 2 * words
        number += 1


def _rings(record: bytes) -> tuple[Values, ...]:
    parts, points = struct.unpack("<2i", record[36:44])
    if parts < 1 or points < 3 or 44 + 4 * parts + 16 * points > len(record):
        raise ValueError(f"a polygon of {parts} parts and {points} points cannot be")
    starts = [*struct.unpack(f"<{parts}i", record[44 : 44 + 4 * parts]), points]
    flat = np.frombuffer(record, "<f8", 2 * points, 44 + 4 * parts).reshape(points, 2)
    return tuple(flat[first:last].copy() for first, last in itertools.pairwise(starts))


def _dbase(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    content = path.read_bytes()
    count, header, length = struct.unpack("<IHH", content[4:12])
    fields: list[tuple[str, str, int]] = []
    place = 32
    while content[place] != 0x0D:
        name = content[place : place + 11].partition(b"\0")[0].decode("latin-1")
        fields.append((name, chr(content[place + 11]), content[place + 16]))
        place += 32
    rows = []
    for number in range(count):
        start = header + number * length + 1
        row: dict[str, Any] = {}
        for name, kind, width in fields:
            text = content[start : start + width].decode("latin-1").strip()
            row[name] = float(text) if kind in "NF" and text else text
            start += width
        rows.append(row)
    return rows


def _geojson(path: Path) -> Iterator[Shape]:
    document = json.loads(path.read_text("utf-8"))
    for feature in document.get("features", [document]):
        geometry = feature.get("geometry") or feature
        if geometry["type"] == "Polygon":
            polygons = [geometry["coordinates"]]
        elif geometry["type"] == "MultiPolygon":
            polygons = geometry["coordinates"]
        else:
            continue
        rings = tuple(np.array(ring, float)[:, :2] for each in polygons for ring in each)
        yield Shape(rings, feature.get("properties") or {})


def fill(rings: tuple[Values, ...], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pixels have their centre inside of a polygon (even-odd rule).

    Parameters
    ----------
    rings
        Columns (x) and rows (y) of the vertices in pixels, shape (n, 2); pixel centres are at 0.5.
    shape
        Rows and columns of the mask.
    """
    height, width = shape
    crossings = np.zeros((height, width + 1), dtype=np.int32)
    for ring in rings:
        closed = np.concatenate([ring, ring[:1]])
        for (x0, y0), (x1, y1) in itertools.pairwise(closed):
            low, top = sorted((y0, y1))
            rows = np.arange(max(0, int(np.ceil(low - 0.5))), min(height, int(np.ceil(top - 0.5))))
            if len(rows) == 0 or y0 == y1:
                continue
            x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
            # Centres at or right of the crossing are beyond it.
            first = np.clip(np.ceil(x - 0.5).astype(int), 0, width)
            np.add.at(crossings, (rows, first), 1)
    return np.cumsum(crossings, axis=1)[:, :width] % 2 == 1
