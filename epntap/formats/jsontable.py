"""JSON from a COPY whose cells are JSON already.

The document is one object::

    {"metadata": [{"name": "granule_uid", "datatype": "char", "arraysize": "*", ...}, ...],
     "infos": [{"name": "QUERY", "value": "SELECT ..."}],
     "data": [
    ["a", 2455197.5, null],
    ...
    ],
     "status": {"value": "OK"}}

It is strict JSON (RFC 8259): NULL, NaN and the infinities are ``null``. Integers are numbers with
all their digits, floats have the shortest digits that give the same value back. Arrays are arrays,
of one dimension.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

import numpy as np

from epntap.formats.copying import is_array
from epntap.formats.errors import ResultStreamError
from epntap.formats.writer import TEXT_BATCH_ROWS, CountedWriter, ResultHeader
from epntap.tables import Column, CoordinateSystem, TimeSystem

_FLOATS = ("float", "double")

#: How PostgreSQL writes numbers that JSON cannot have.
_NOT_FINITE = re.compile(rb"-?Infinity|NaN")
#: The same as a whole cell, between tabs and line ends.
_NOT_FINITE_CELL = re.compile(rb"(?<![^\t\n])(?:-?Infinity|NaN)(?![^\t\n])")
#: A cell that is an array.
_ARRAY_CELL = re.compile(rb"(?<![^\t\n])\[[^\t\n]*")

#: A text in its quotes.
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x1f]")
_SHORT_ESCAPES = {8: b"\\b", 9: b"\\t", 10: b"\\n", 12: b"\\f", 13: b"\\r"}


class JsonWriter(CountedWriter):
    """Writes JSON.

    Parameters are those of `CountedWriter`.
    """

    batch_rows = TEXT_BATCH_ROWS

    def __init__(
        self, columns: Sequence[Column], header: ResultHeader, *, maxrec: int | None = None
    ) -> None:
        super().__init__(columns, header, maxrec=maxrec)
        self._float_scalars = any(c.datatype in _FLOATS and not is_array(c) for c in columns)
        self._float_arrays = any(c.datatype in _FLOATS and is_array(c) for c in columns)
        self._begun = False

    def begin(self) -> bytes:
        """Return the metadata and the start of the rows."""
        columns = ",\n".join(_dumped(_described(column)) for column in self._columns)
        infos = [{"name": info.name, "value": info.value} for info in self._header.statements()]
        return (f'{{"metadata": [\n{columns}\n],\n"infos": {_dumped(infos)},\n"data": [\n').encode()

    def rows(self, messages: Sequence[bytes]) -> bytes:
        """Return the rows as arrays.

        Raises
        ------
        ResultStreamError
            If a row does not have as many cells as there are columns.
        """
        admitted = self._limit.admit(messages)
        if not admitted:
            return b""
        rows = b"".join(admitted)
        if self._has_controls(rows, len(admitted)):
            rows = b"".join(map(_without_controls, admitted))
        if _count(rows, b"\t") != len(admitted) * (len(self._columns) - 1):
            self._limit.count -= len(admitted)
            raise ResultStreamError(
                f"the database sends rows that do not have {len(self._columns)} cells"
            )
        rows = self._finite(rows)
        rows = rows[:-1].replace(b"\t", b",").replace(b"\n", b"],\n[")
        start = b",\n[" if self._begun else b"["
        self._begun = True
        return start + rows + b"]"

    def end(self, *, overflow: bool = False) -> Iterator[bytes]:
        """Yield the end of the rows and the status."""
        if overflow or self.overflow:
            message = f"the result is truncated after {self.row_count} rows"
            yield _tail({"value": "OVERFLOW", "message": message})
        else:
            yield _tail({"value": "OK"})

    def fail(self, message: str) -> bytes:
        """Close the rows and say why no more come."""
        return _tail({"value": "ERROR", "message": message})

    def _has_controls(self, rows: bytes, row_count: int) -> bool:
        """Tell whether texts have characters that JSON wants escaped, tabs and newlines too."""
        codes = np.frombuffer(rows, dtype=np.uint8)
        return int(np.count_nonzero(codes < 0x20)) != row_count * len(self._columns)

    def _finite(self, rows: bytes) -> bytes:
        """Return the rows, in which tabs and newlines only separate, with finite numbers only."""
        if not (self._float_scalars or self._float_arrays) or not (
            b"NaN" in rows or b"Infinity" in rows
        ):
            return rows
        if self._float_scalars:
            rows = _NOT_FINITE_CELL.sub(b"null", rows)
        if self._float_arrays:
            rows = _ARRAY_CELL.sub(lambda cell: _NOT_FINITE.sub(b"null", cell[0]), rows)
        return rows


def _count(rows: bytes, character: bytes) -> int:
    """Count a character that is in every cell, which numpy does faster than `bytes.count`."""
    return int(np.count_nonzero(np.frombuffer(rows, dtype=np.uint8) == character[0]))


def _without_controls(message: bytes) -> bytes:
    """Return a row with the control characters of its texts escaped."""
    return _TEXT.sub(lambda cell: _CONTROL.sub(_escape, cell[0]), message)


def _escape(control: re.Match[bytes]) -> bytes:
    code = control[0][0]
    return _SHORT_ESCAPES.get(code) or b"\\u%04x" % code


def _described(column: Column) -> dict[str, object]:
    """Return what is known of a column; what is not known is left out."""
    described: dict[str, object] = {"name": column.name, "datatype": column.datatype}
    for name in ("arraysize", "xtype", "unit", "ucd", "utype", "description"):
        if value := getattr(column, name):
            described[name] = value
    if isinstance(column.system, TimeSystem):
        described["timesys"] = _present(
            timescale=column.system.timescale,
            refposition=column.system.refposition,
            timeorigin=column.system.timeorigin,
        )
    elif isinstance(column.system, CoordinateSystem):
        described["coosys"] = _present(system=column.system.system, epoch=column.system.epoch)
    return described


def _present(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _dumped(value: object) -> str:
    # Lone surrogates cannot be sent as UTF-8; they are the only thing in need of an escape.
    return (
        json.dumps(value, ensure_ascii=False, allow_nan=False)
        .encode("utf-8", "backslashreplace")
        .decode()
    )


def _tail(status: dict[str, str]) -> bytes:
    return f'\n],\n"status": {_dumped(status)}}}\n'.encode()
