"""The first rows of a table as people read them: dates, rounded numbers, links and pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from epntap.tables import Column, Table, TimeSystem

#: Columns that a person looks for first, as far as the catalogue fills them.
_FIRST = (
    "thumbnail_url",
    "granule_uid",
    "target_name",
    "feature_name",
    "time_min",
    "time_max",
)

#: The column whose links are to pictures that fit into a row (EPN-TAP 2.0, thumbnail_url).
_PICTURES = "thumbnail_url"

#: The beginnings of texts that are links; nothing else that a catalogue says becomes one.
_LINKS = ("https://", "http://")

#: Of numbers that are shown; what a cell holds is told by its title.
_DIGITS = 6

#: From here on a number is shown with an exponent.
_LARGE = 1e15

#: Julian Date of 2000-01-01T12:00:00.
_JD_2000 = 2451545.0
_NOON_2000 = datetime(2000, 1, 1, 12)


@dataclass(frozen=True, slots=True)
class Cell:
    """What a page shows of a value.

    Attributes
    ----------
    text
        To be read.
    title
        The value itself where `text` is not, else empty.
    link
        Where it leads, else empty.
    picture
        Whether the link is to a picture that belongs in the row.
    """

    text: str
    title: str = ""
    link: str = ""
    picture: bool = False


@dataclass(frozen=True)
class Preview:
    """The first rows of a table, without the columns that are empty in all of them."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def preview(
    table: Table, added: frozenset[str], header: Sequence[str], rows: Sequence[Sequence[str]]
) -> Preview:
    """Return rows in the order that people look for: names and dates, what is special, the rest.

    Parameters
    ----------
    table
        Where the rows are from.
    added
        Columns that every catalogue has besides those of the standard.
    header, rows
        Names of columns, and values as CSV has them.
    """
    columns = {column.name: column for column in table.columns}
    place = {name: i for i, name in enumerate(_FIRST)}

    def rank(i: int) -> int:
        name = header[i]
        is_usual = columns[name].std or name in added
        return place.get(name, len(place) + is_usual)

    filled = sorted((i for i in range(len(header)) if any(row[i] for row in rows)), key=rank)
    shown = [_reader(columns[header[i]]) for i in filled]
    return Preview(
        tuple(header[i] for i in filled),
        tuple(tuple(show(row[i]) for show, i in zip(shown, filled, strict=True)) for row in rows),
    )


def _reader(column: Column) -> Callable[[str], Cell]:
    """Return how the values of a column are shown."""
    if isinstance(column.system, TimeSystem) and column.system.timeorigin == "JD-origin":
        return date_of
    if column.datatype in ("float", "double") and column.arraysize is None:
        return _number
    return _picture if column.name == _PICTURES else _text


def _text(value: str) -> Cell:
    if not value.startswith(_LINKS):
        return Cell(value)
    return Cell(value.rstrip("/").rsplit("/", 1)[-1] or value, value, value)


def _picture(value: str) -> Cell:
    cell = _text(value)
    return Cell(cell.text, cell.title, cell.link, picture=bool(cell.link))


def _number(value: str) -> Cell:
    if not value:
        return Cell("")
    number = float(value)
    # Digits before the point are never left out.
    digits = max(_DIGITS, len(f"{abs(number):.0f}")) if abs(number) < _LARGE else _DIGITS
    text = f"{number:.{digits}g}"
    return Cell(text, value if float(text) != number else "")


def date_of(value: str) -> Cell:
    """Return how a Julian Date is shown; what has no date in the calendar is left as it is."""
    if not value:
        return Cell("")
    try:
        moment = _NOON_2000 + timedelta(days=float(value) - _JD_2000)
    except (OverflowError, ValueError):  # before year 1, after 9999, or no number of days at all
        return Cell(value)
    # A double holds a Julian Date of our time to a twenty-thousandth of a second.
    rounded = (moment + timedelta(milliseconds=0.5)).isoformat(timespec="milliseconds")
    return Cell(rounded.removesuffix(".000"), f"JD {value}")
