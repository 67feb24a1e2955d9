"""When and where the rows of a catalogue are, counted for a drawing whose parts are queries."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epntap.tables import Table

if TYPE_CHECKING:
    from epntap.catalogue import Description

#: Asks in ADQL; returns the header and the rows, as CSV has them.
Ask = Callable[[str], list[list[str]]]

#: Bars of a histogram over time.
_BARS = 60

#: Side of a field of a map, in degrees.
_FIELD = 5

#: Frames whose first two coordinates are longitude and latitude, and whether maps of them are seen
#: from within: longitude grows to the left then.
_MAPS = {"body": False, "celestial": True}

#: Of the largest count, this much is drawn of a single row among very many.
_FAINTEST = 0.25


@dataclass(frozen=True, slots=True)
class Part:
    """A bar or a field.

    Attributes
    ----------
    place
        Of a bar its number; of a field column and row, from the upper left.
    count
        Rows in it.
    share
        From 0 to 1: height of a bar, strength of a field's colour.
    query
        ADQL that selects these rows.
    """

    place: tuple[int, ...]
    count: int
    share: float
    query: str


@dataclass(frozen=True)
class Histogram:
    """Rows by the time at which they begin.

    Attributes
    ----------
    first, last
        Julian Dates of the first and the last beginning, as CSV has them.
    bars
        Those that have rows.
    number
        How many there would be.
    """

    first: str
    last: str
    bars: tuple[Part, ...]
    number: int = _BARS


@dataclass(frozen=True)
class Map:
    """Rows by longitude and latitude.

    Attributes
    ----------
    fields
        Those that have rows; `Part.place` counts from the upper left.
    size
        Columns and rows.
    left, right
        Longitudes at the edges, in degrees.
    """

    fields: tuple[Part, ...]
    size: tuple[int, int]
    left: int
    right: int


@dataclass(frozen=True)
class Overview:
    """What can be drawn of a catalogue; `None` where nothing can."""

    times: Histogram | None
    places: Map | None


def overview(ask: Ask, table: Table, description: Description) -> Overview:
    """Count the rows of a catalogue for drawing.

    Rows of files are left out where a catalogue has them: each object counts once.
    """
    # Publishing fills this column in rows of files, and there alone.
    objects = "internal_reference IS NULL" if description.products else "1 = 1"
    name = table.qualified_name
    is_map = description.spatial_frame_type in _MAPS
    return Overview(
        _histogram(ask, name, objects),
        _map(ask, name, objects, mirrored=_MAPS[description.spatial_frame_type])
        if is_map
        else None,
    )


def _histogram(ask: Ask, table: str, objects: str) -> Histogram | None:
    first, last = ask(
        f"SELECT MIN(time_min) AS first_one, MAX(time_min) AS last_one FROM {table} WHERE {objects}"
    )[1]
    if not first or float(first) == float(last):
        return None
    start, width = float(first), (float(last) - float(first)) / _BARS
    counted = ask(
        f"SELECT FLOOR((time_min - {start!r}) / {width!r}) AS bar, COUNT(*) AS n FROM {table}"
        f" WHERE time_min IS NOT NULL AND {objects} GROUP BY bar"
    )[1:]
    counts = [0] * _BARS
    for bar, count in counted:
        # The last row lies on the upper edge of the last bar.
        counts[min(max(int(float(bar)), 0), _BARS - 1)] += int(count)
    edges = [start + i * width for i in range(_BARS)] + [math.nextafter(float(last), math.inf)]
    bars = tuple(
        Part(
            (i,),
            count,
            count / max(counts),
            f"SELECT * FROM {table} WHERE time_min >= {edges[i]!r} AND time_min < {edges[i + 1]!r}"
            f" AND {objects} ORDER BY time_min",
        )
        for i, count in enumerate(counts)
        if count
    )
    return Histogram(first, last, bars)


def _map(ask: Ask, table: str, objects: str, *, mirrored: bool) -> Map | None:
    counted = ask(
        f"SELECT FLOOR(c1min / {_FIELD}) AS lon, FLOOR(c2min / {_FIELD}) AS lat, COUNT(*) AS n"
        f" FROM {table} WHERE c1min IS NOT NULL AND c2min IS NOT NULL AND {objects}"
        " GROUP BY lon, lat"
    )[1:]
    if not counted:
        return None
    fields = _merged(counted)
    largest = max(fields.values())
    columns, rows = 360 // _FIELD, 180 // _FIELD
    return Map(
        tuple(
            Part(
                (columns - 1 - lon if mirrored else lon, rows // 2 - 1 - lat),
                count,
                _FAINTEST + (1 - _FAINTEST) * math.log(count + 1) / math.log(largest + 1),
                f"SELECT * FROM {table} WHERE {_within('c1min', lon, columns - 1)}"
                f" AND {_within('c2min', lat, rows // 2 - 1)} AND {objects}",
            )
            for (lon, lat), count in sorted(fields.items())
        ),
        (columns, rows),
        *((360, 0) if mirrored else (0, 360)),
    )


def _merged(counted: Sequence[Sequence[str]]) -> dict[tuple[int, int], int]:
    """Return counts by field; what lies on the upper edges belongs to the last fields."""
    fields: dict[tuple[int, int], int] = {}
    for lon, lat, count in counted:
        field = (min(int(float(lon)), 360 // _FIELD - 1), min(int(float(lat)), 90 // _FIELD - 1))
        fields[field] = fields.get(field, 0) + int(count)
    return fields


def _within(column: str, number: int, last: int) -> str:
    low, high = number * _FIELD, (number + 1) * _FIELD
    return f"{column} >= {low} AND {column} {'<=' if number == last else '<'} {high}"
