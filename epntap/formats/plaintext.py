"""Aligned columns for a terminal, from COPY TEXT.

The width of a column is that of its longest cell in the first batch, up to a limit; a longer cell
pushes the rest of its line to the right and is never cut. Control characters and backslashes in
texts are written as backslash escapes, so that a row is a line and nothing reaches the terminal
as a command.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np

from epntap.formats.cells import NUMBERS
from epntap.formats.writer import CountedWriter, ResultHeader
from epntap.tables import Column

#: Widest column that is reserved for texts, in characters.
_WIDEST = 48
_GAP = "  "

#: C0 controls, DEL, and the C1 controls in UTF-8, but for what separates cells and rows.
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")


class TextWriter(CountedWriter):
    """Writes aligned columns: names, units, a rule, the rows, and how many they are.

    Parameters are those of `CountedWriter`; of the header nothing is written.
    """

    def __init__(
        self, columns: Sequence[Column], header: ResultHeader, *, maxrec: int | None = None
    ) -> None:
        super().__init__(columns, header, maxrec=maxrec)
        self._names = [_safe(column.name) for column in columns]
        self._units = [_safe(column.unit or "") for column in columns]
        self._right = [column.datatype in NUMBERS for column in columns]
        self._widths: list[int] | None = None

    def begin(self) -> bytes:
        """Return nothing: the head is written when the widths are known from the first rows."""
        return b""

    def rows(self, messages: Sequence[bytes]) -> bytes:
        """Return a line for every row."""
        joined = b"".join(self._limit.admit(messages))
        if not joined:
            return b""
        if _may_have_controls(joined, joined.count(b"\n") * len(self._names)):
            joined = _CONTROL.sub(_escape, joined)
        lines = joined.decode()[:-1].split("\n")
        rows = [tuple(line.split("\t")) for line in lines]
        head = self._head(rows)
        widths = self._measured(rows)
        form = _GAP.join(
            f"%{width}s" if right else f"%-{width}s"
            for width, right in zip(widths, self._right, strict=True)
        )
        written = [
            (form % row if line.isascii() else self._line(row)).rstrip(" ") + "\n"
            for row, line in zip(rows, lines, strict=True)
        ]
        return head + "".join(written).encode()

    def end(self, *, overflow: bool = False) -> Iterator[bytes]:
        """Yield the number of rows."""
        cut = ", truncated" if overflow or self.overflow else ""
        rows = "row" if self.row_count == 1 else "rows"
        yield self._head([]) + f"({self.row_count} {rows}{cut})\n".encode()

    def fail(self, message: str) -> bytes:
        """Say after the last whole row why no more come."""
        return self._head([]) + f"(incomplete: {_safe(message)})\n".encode()

    def _measured(self, rows: Sequence[Sequence[str]]) -> list[int]:
        """Return the widths of the columns, taken from these rows if they are the first."""
        if self._widths is None:
            longest = [0] * len(self._names)
            for row in rows:
                longest = [
                    max(width, _width(cell)) for width, cell in zip(longest, row, strict=True)
                ]
            heads = zip(self._names, self._units, longest, strict=True)
            self._widths = [
                max(_width(name), _width(unit), min(width, _WIDEST), 1)
                for name, unit, width in heads
            ]
        return self._widths

    def _head(self, rows: Sequence[Sequence[str]]) -> bytes:
        """Return the lines before the first row, when nothing has been written yet."""
        if self._widths is not None:
            return b""
        widths = self._measured(rows)
        lines = [self._line(self._names)]
        if any(self._units):
            lines.append(self._line(self._units))
        lines.append(_GAP.join("-" * width for width in widths))
        return "".join(line.rstrip(" ") + "\n" for line in lines).encode()

    def _line(self, cells: Sequence[str]) -> str:
        """Align cells whatever their characters are."""
        widths = self._measured([])
        padded = []
        for cell, width, right in zip(cells, widths, self._right, strict=True):
            blanks = " " * max(width - _width(cell), 0)
            padded.append(blanks + cell if right else cell + blanks)
        return _GAP.join(padded)


def _width(cell: str) -> int:
    """Return how many places of a terminal the cell takes (Unicode Standard Annex 11)."""
    if cell.isascii():
        return len(cell)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in cell
    )


def _may_have_controls(rows: bytes, separators: int) -> bool:
    """Tell whether a closer look is needed, without taking it."""
    codes = np.frombuffer(rows, dtype=np.uint8)
    return bool(np.count_nonzero(codes < 0x20) != separators or b"\x7f" in rows or b"\xc2" in rows)


def _safe(words: str) -> str:
    """Return the words without line ends, tabs and controls."""
    blank = re.sub(r"[\t\n]", " ", words).encode("utf-8", "replace")
    return _CONTROL.sub(_escape, blank).decode()


def _escape(control: re.Match[bytes]) -> bytes:
    return b"\\x%02x" % control[0][-1]
