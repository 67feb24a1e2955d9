"""Cells of a VOTable, in text or in bytes, as cells of PostgreSQL's COPY TEXT.

A missing value becomes NULL: an empty cell, the null value of an integer column, NaN in a column
of single reals (VOTable 1.4, section 2.1, gives it that meaning; as a number it would count as
the largest). Within arrays NaN stays, and integers can be NULL.
"""

from __future__ import annotations

import math
import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence

from epntap.adql.conversion import timestamp_text
from epntap.adql.errors import Fault
from epntap.tap.uploads.fields import Field

#: How COPY TEXT writes NULL.
NULL = "\\N"

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

_TRUE = frozenset({"t", "true", "1"})
_FALSE = frozenset({"f", "false", "0"})
_UNDECIDED = frozenset({"", "?", "\0"})


#: Codes of the module struct.
_INTEGER_CODES = {"unsignedByte": "B", "short": "h", "int": "i", "long": "q"}


class CellError(ValueError):
    """A cell that is not of the type that its FIELD declares."""


class CellReader(ABC):
    """Reads the cells of one column.

    Parameters
    ----------
    field
        The column.

    Attributes
    ----------
    size
        Bytes of a cell in BINARY and BINARY2, ``None`` when it is preceded by a count.
    """

    def __init__(self, field: Field) -> None:
        self.field = field
        self.size = None if field.length is None else self.bytes_of(field.length)

    @abstractmethod
    def bytes_of(self, count: int) -> int:
        """Return the bytes that so many primitives take in a stream."""

    @abstractmethod
    def from_text(self, cell: str) -> str:
        """Return the cell of a TD element as a cell of COPY TEXT.

        Raises
        ------
        CellError
            If it cannot be one of the column.
        """

    @abstractmethod
    def from_bytes(self, cell: bytes, count: int) -> str:
        """Return a cell of a stream, of `count` primitives, as a cell of COPY TEXT.

        Raises
        ------
        CellError
            If it cannot be one of the column.
        """


class TextReader(CellReader):
    """Text: ``char``, which is ASCII or UTF-8, and ``unicodeChar``, which is UTF-16."""

    def __init__(self, field: Field) -> None:
        self._encoding = "utf-8" if field.datatype == "char" else "utf-16-be"
        self._width = 1 if field.datatype == "char" else 2
        super().__init__(field)

    def bytes_of(self, count: int) -> int:
        """As many bytes as characters, or twice as many."""
        return count * self._width

    def from_text(self, cell: str) -> str:
        """Keep the text; an empty one is a missing one (VOTable 1.4, section 5.1)."""
        return cell.translate(_ESCAPES) if cell else NULL

    def from_bytes(self, cell: bytes, count: int) -> str:
        """Decode the text up to the NUL that ends it."""
        try:
            text = cell.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise CellError(f"is not {self._encoding.upper()}") from error
        return self.stored(self._unpadded(text))

    def _unpadded(self, text: str) -> str:
        if not self.field.several_texts:
            return text.partition("\0")[0]
        # What fills them up tells where each ends, but PostgreSQL stores no NUL.
        return text.rstrip("\0").replace("\0", " ")

    def stored(self, text: str) -> str:
        """Return a decoded text as a cell of COPY TEXT."""
        return text.translate(_ESCAPES)


class TimestampReader(TextReader):
    """Timestamps of DALI, with a T or a blank between date and time."""

    def from_text(self, cell: str) -> str:
        """Check and respell the timestamp."""
        return self.stored(cell)

    def stored(self, text: str) -> str:
        """Check and respell the timestamp."""
        if not text or text.isspace():
            return NULL
        try:
            return timestamp_text(text, 0)
        except Fault as fault:
            raise CellError(f"{text[:40]!r} is not a timestamp") from fault


class NumberReader(CellReader):
    """Numbers and truth values of a fixed width, single or in arrays."""

    #: Bytes of a primitive, and of how many parts it is.
    width: int
    parts = 1

    def __init__(self, field: Field) -> None:
        self._is_array = field.is_array
        super().__init__(field)

    def bytes_of(self, count: int) -> int:
        """As many bytes as the width says."""
        return count * self.width

    @abstractmethod
    def element_of(self, text: str) -> str:
        """Return one element as PostgreSQL reads it, `NULL` if it is missing."""

    @abstractmethod
    def elements(self, cell: bytes, count: int) -> Sequence[str]:
        """Return the elements of a cell of a stream as PostgreSQL reads them."""

    def words(self, cell: str) -> list[str]:
        """Return the elements of a TD element."""
        return cell.split()

    def from_text(self, cell: str) -> str:
        """Read one element, or all of an array."""
        if not self._is_array:
            text = cell.strip()
            return self.element_of(text) if text else NULL
        words = self.words(cell)
        if not words:
            return NULL
        expected = self.field.length
        if len(words) % self.parts or (expected and len(words) != expected * self.parts):
            raise CellError(f"has {len(words)} elements")
        return _array([self.element_of(word) for word in words])

    def from_bytes(self, cell: bytes, count: int) -> str:
        """Read one element, or all of an array."""
        elements = self.elements(cell, count)
        return _array(elements) if self._is_array else elements[0]


def _array(elements: Sequence[str]) -> str:
    return "{" + ",".join("NULL" if one == NULL else one for one in elements) + "}"


class IntegerReader(NumberReader):
    """``unsignedByte``, ``short``, ``int`` and ``long``."""

    def __init__(self, field: Field) -> None:
        self._code = _INTEGER_CODES[field.datatype]
        self.width = struct.calcsize(f">{self._code}")
        bits = 8 * self.width
        signed = field.datatype != "unsignedByte"
        self._least = -(1 << (bits - 1)) if signed else 0
        self._greatest = (1 << (bits - signed)) - 1
        super().__init__(field)

    def element_of(self, text: str) -> str:
        """Read a decimal or hexadecimal integer."""
        try:
            value = int(text, 16) if text[:2] in ("0x", "0X") else int(text)
        except ValueError:
            # Some write integers that were real numbers once; what was missing is NaN then.
            value_or_none = _whole(text)
            if value_or_none is None:
                return NULL
            value = value_or_none
        if not self._least <= value <= self._greatest or "_" in text:
            raise CellError(f"{text[:40]!r} is not of the type {self.field.datatype}")
        return NULL if value == self.field.null else str(value)

    def elements(self, cell: bytes, count: int) -> list[str]:
        """Unpack all at once."""
        null = self.field.null
        values = struct.unpack(f">{count}{self._code}", cell)
        return [NULL if value == null else str(value) for value in values]


def _whole(text: str) -> int | None:
    try:
        value = float(text)
        return None if math.isnan(value) else int(value) if value.is_integer() else _refuse(text)
    except (ValueError, OverflowError):
        return _refuse(text)


def _refuse(text: str) -> int:
    raise CellError(f"{text[:40]!r} is not an integer")


class RealReader(NumberReader):
    """``float`` and ``double``; complex numbers as two of them."""

    def __init__(self, field: Field) -> None:
        single = field.datatype in ("float", "floatComplex")
        self._code = "f" if single else "d"
        self._single = struct.Struct(">f") if single else None
        self.parts = 2 if field.is_complex else 1
        self.width = self.parts * (4 if single else 8)
        self._nan = "NaN" if field.is_array else NULL
        super().__init__(field)

    def element_of(self, text: str) -> str:
        """Read a number, NaN or an infinity."""
        try:
            value = float(text)
            if self._single is not None:
                # Rounded here: PostgreSQL refuses what single precision makes zero of.
                (value,) = self._single.unpack(self._single.pack(value))
        except (ValueError, OverflowError):
            raise CellError(f"{text[:40]!r} is not of the type {self.field.datatype}") from None
        if "_" in text:
            raise CellError(f"{text[:40]!r} is not a number")
        return self._spelt(value)

    def elements(self, cell: bytes, count: int) -> list[str]:
        """Unpack all at once."""
        values = struct.unpack(f">{count * self.parts}{self._code}", cell)
        return [self._spelt(value) for value in values]

    def _spelt(self, value: float) -> str:
        return self._nan if value != value else repr(value)


class BooleanReader(NumberReader):
    """``boolean``, stored as 0 and 1: ADQL has no truth values."""

    width = 1

    def element_of(self, text: str) -> str:
        """Read one of the words that VOTable allows."""
        word = text.lower()
        if word in _TRUE:
            return "1"
        if word in _FALSE:
            return "0"
        if word in _UNDECIDED:
            return NULL
        raise CellError(f"{text[:40]!r} is not a boolean")

    def elements(self, cell: bytes, count: int) -> list[str]:
        """Read one letter a byte."""
        return [self.element_of(letter.strip()) for letter in cell.decode("latin-1")]


class BitReader(NumberReader):
    """``bit``, stored as 0 and 1; packed into bytes in streams."""

    width = 1

    def bytes_of(self, count: int) -> int:
        """Eight to the byte."""
        return (count + 7) // 8

    def words(self, cell: str) -> list[str]:
        """Return the digits, which may be written with or without blanks between them."""
        return [digit for digit in cell if not digit.isspace()]

    def element_of(self, text: str) -> str:
        """Read 0 or 1."""
        if text not in ("0", "1"):
            raise CellError(f"{text[:40]!r} is not a bit")
        return text

    def elements(self, cell: bytes, count: int) -> list[str]:
        """Take the bits of each byte from the highest on."""
        return [str(cell[index >> 3] >> (7 - (index & 7)) & 1) for index in range(count)]


def reader_of(field: Field) -> CellReader:
    """Return what reads the cells of a column."""
    if field.is_text:
        return TimestampReader(field) if field.column.xtype == "timestamp" else TextReader(field)
    if field.datatype == "boolean":
        return BooleanReader(field)
    if field.datatype == "bit":
        return BitReader(field)
    if field.datatype in ("float", "double", "floatComplex", "doubleComplex"):
        return RealReader(field)
    return IntegerReader(field)
