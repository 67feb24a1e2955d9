"""From the cells of COPY BINARY to the cells of VOTable's binary serialisations.

Numbers are the same bytes in both (big-endian, IEEE 754) and so is text (length as int32, then
the bytes), so both are moved without being looked at. Only arrays, ``unicodeChar`` and what does
not fit its declaration is converted cell by cell.
"""

from __future__ import annotations

import struct
import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from epntap.formats.copying import element_count, is_array
from epntap.formats.errors import ResultStreamError
from epntap.formats.packing import Block, FixedBlock, VaryingBlock
from epntap.formats.pgcopy import PADDING, Cells, CopyBatch, unaligned
from epntap.tables import Column


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric VOTable datatype (VOTable 1.4, section 2.1).

    Attributes
    ----------
    size
        Bytes of a value.
    missing
        What stands for a missing value where there is no other way to say it: NaN, or the least
        integer.
    sentinel
        The same as it is written in ``<VALUES null="...">``; ``None`` for floats.
    """

    size: int
    missing: bytes
    sentinel: int | None


def _integer(code: str) -> Number:
    size = struct.calcsize(f">{code}")
    least = -(1 << (8 * size - 1))
    return Number(size, struct.pack(f">{code}", least), least)


NUMBERS = {
    "short": _integer("h"),
    "int": _integer("i"),
    "long": _integer("q"),
    "float": Number(4, struct.pack(">f", float("nan")), None),
    "double": Number(8, struct.pack(">d", float("nan")), None),
}

#: Row n has the highest bit set in its first n bytes: and-ed with a piece of text of n bytes, it
#: leaves what is not ASCII.
_HIGH_BITS = np.tril(np.full((PADDING + 1, PADDING), 0x80, dtype=np.uint8), k=-1)


@dataclass
class Losses:
    """Values of one column that the serialisation could not keep.

    Attributes
    ----------
    characters
        Text values in which characters outside ASCII were replaced.
    sentinels
        Integers that equal the value that stands for NULL.
    """

    characters: int = 0
    sentinels: int = 0


@dataclass
class CellCodec(ABC):
    """Turns the cells of one column; `losses` tells what was lost in doing so."""

    column: Column
    losses: Losses = field(default_factory=Losses)

    @abstractmethod
    def encode(self, batch: CopyBatch, cells: Cells) -> Block:
        """Return the VOTable cells of the column.

        Raises
        ------
        ResultStreamError
            If a value does not have the size that the column declares.
        """

    @abstractmethod
    def cell(self, value: bytes | None) -> bytes:
        """Return the VOTable cell of a single value, ``None`` for NULL.

        Raises
        ------
        ResultStreamError
            If the value does not have the size that the column declares.
        """

    def misfit(self, found: str) -> ResultStreamError:
        """Return the error that names the column, what it declares, and what came instead."""
        return misfit(self.column, found)


def misfit(column: Column, found: str) -> ResultStreamError:
    """Return the error that a column declares one thing and the database sends another."""
    declared = column.datatype
    if column.arraysize is not None:
        declared += f"[{column.arraysize}]"
    return ResultStreamError(f"column {column.name} is declared {declared} but {found}")


class NumberCodec(CellCodec):
    """Scalars: the same bytes, with NULL as the datatype's missing value."""

    @cached_property
    def _number(self) -> Number:
        return NUMBERS[self.column.datatype]

    def cell(self, value: bytes | None) -> bytes:
        """Return the value as it is."""
        number = self._number
        if value is None:
            return number.missing
        if len(value) != number.size:
            raise self.misfit(f"the database sends values of {len(value)} bytes")
        if value == number.missing and number.sentinel is not None:
            self.losses.sentinels += 1
        return value

    def encode(self, batch: CopyBatch, cells: Cells) -> FixedBlock:
        """Gather the values of all rows in one step."""
        number = NUMBERS[self.column.datatype]
        values = self.values(batch, cells)
        if number.sentinel is not None:
            integers = values.view(f">i{number.size}")
            collisions = (integers == number.sentinel) & ~cells.nulls
            self.losses.sentinels += int(np.count_nonzero(collisions))
        if cells.any_null:
            values[cells.nulls] = np.void(number.missing)
        return FixedBlock(values)

    def values(self, batch: CopyBatch, cells: Cells) -> npt.NDArray[Any]:
        """Return the values as void elements of their size; what stands for NULL is undefined.

        Raises
        ------
        ResultStreamError
            If a value has another size than the datatype.
        """
        self.check(cells)
        return unaligned(batch.data, f"V{NUMBERS[self.column.datatype].size}")[cells.starts]

    def check(self, cells: Cells) -> None:
        """Make sure that all values have the size of the datatype.

        Raises
        ------
        ResultStreamError
            If one has not.
        """
        fits = cells.lengths == NUMBERS[self.column.datatype].size
        if cells.any_null:
            fits |= cells.nulls
        if not fits.all():
            size = cells.lengths[~fits][0]
            raise self.misfit(f"the database sends values of {size} bytes")


class TextCodec(CellCodec):
    """Text of any length in ``char``: the same bytes, as long as they are ASCII.

    ``char`` is ASCII up to VOTable 1.5, and readers hold to that: astropy refuses the whole table
    for one other byte, STIL takes UTF-8 for Latin-1. Other characters therefore become their base
    letters where they are letters with accents, else a question mark, and are counted.
    """

    def encode(self, batch: CopyBatch, cells: Cells) -> VaryingBlock:
        """Point to the texts where they are; the length that precedes them is part of the cell."""
        if not all_ascii(batch, cells):
            return self._replaced(batch, cells)
        starts, sizes = cells.starts - 4, cells.lengths + 4
        if cells.any_null:
            starts[cells.nulls] = batch.zeros_at
            sizes[cells.nulls] = 4
        return VaryingBlock(batch.data, starts, sizes)

    def _replaced(self, batch: CopyBatch, cells: Cells) -> VaryingBlock:
        return VaryingBlock.of([self.cell(value) for value in batch.values(cells)])

    def cell(self, value: bytes | None) -> bytes:
        """Return the text with its length before it."""
        text = ascii_text(value or b"", self.losses)
        return len(text).to_bytes(4, "big") + text


class FixedTextCodec(CellCodec):
    """Text of a fixed size in ``char``, filled up with NUL."""

    def encode(self, batch: CopyBatch, cells: Cells) -> VaryingBlock:
        """Fill up cell by cell."""
        return VaryingBlock.of([self.cell(value) for value in batch.values(cells)])

    def cell(self, value: bytes | None) -> bytes:
        """Return the text with NUL behind it."""
        size = element_count(self.column) or 1
        text = ascii_text(value or b"", self.losses)
        if len(text) > size:
            raise self.misfit(f"the database sends a text of {len(text)} characters")
        return text.ljust(size, b"\0")


class UnicodeCodec(CellCodec):
    """Text in ``unicodeChar``: UTF-16, counted in its units, as astropy and STIL read it."""

    def encode(self, batch: CopyBatch, cells: Cells) -> VaryingBlock:
        """Convert cell by cell."""
        return VaryingBlock.of([self.cell(value) for value in batch.values(cells)])

    def cell(self, value: bytes | None) -> bytes:
        """Return the text in UTF-16."""
        size = element_count(self.column)
        text = (value or b"").decode().encode("utf-16-be")
        if size is None:
            return (len(text) // 2).to_bytes(4, "big") + text
        if len(text) > 2 * size:
            raise self.misfit(f"the database sends a text of {len(text) // 2} characters")
        return text.ljust(2 * size, b"\0")


class ArrayCodec(CellCodec):
    """Numeric arrays, of a fixed number of elements or preceded by their number.

    That number is the one of all scalars, also when the declared size has several dimensions:
    so STIL reads it, while astropy takes it for the length of the last dimension.
    """

    def encode(self, batch: CopyBatch, cells: Cells) -> VaryingBlock:
        """Convert cell by cell."""
        return VaryingBlock.of([self.cell(value) for value in batch.values(cells)])

    def cell(self, value: bytes | None) -> bytes:
        """Return the elements."""
        number = NUMBERS[self.column.datatype]
        count = element_count(self.column)
        if value is None:
            return bytes(4) if count is None else number.missing * count
        elements = self._elements(value, number)
        found = len(elements) // number.size
        if count is None:
            return found.to_bytes(4, "big") + elements
        if found != count:
            raise self.misfit(f"the database sends an array of {found} elements")
        return elements

    def _elements(self, value: bytes, number: Number) -> bytes:
        count, has_nulls, at = _array_header(value)
        if not has_nulls and len(value) == at + count * (4 + number.size):
            elements = np.frombuffer(value, dtype=np.uint8, offset=at)
            return elements.reshape(count, 4 + number.size)[:, 4:].tobytes()
        return b"".join(
            number.missing if element is None else element for element in self.elements(value)
        )

    def elements(self, value: bytes) -> list[bytes | None]:
        """Return the elements of an array one by one, ``None`` for NULL.

        Raises
        ------
        ResultStreamError
            If an element has another size than the datatype.
        """
        number = NUMBERS[self.column.datatype]
        count, _, at = _array_header(value)
        found: list[bytes | None] = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", value, at)
            if length not in (-1, number.size):
                raise self.misfit(f"the database sends an array of elements of {length} bytes")
            at += 4
            found.append(None if length == -1 else value[at : at + length])
            at += max(length, 0)
        return found


def _array_header(value: bytes) -> tuple[int, bool, int]:
    """Read the head of PostgreSQL's array (``array_send`` in arrayfuncs.c).

    Returns
    -------
    tuple
        Number of elements, whether some are NULL, and offset of the first.
    """
    dimensions, has_nulls, _ = struct.unpack_from(">iiI", value)
    sizes = struct.unpack_from(f">{2 * dimensions}i", value, 12)[::2]
    return prod(sizes) if dimensions else 0, bool(has_nulls), 12 + 8 * dimensions


def codec_for(column: Column) -> CellCodec:
    """Return what converts the cells of the column.

    Raises
    ------
    ResultStreamError
        If VOTable has no such datatype, or the service does not write it.
    """
    if column.datatype == "unicodeChar":
        return UnicodeCodec(column)
    if column.datatype == "char":
        return TextCodec(column) if element_count(column) is None else FixedTextCodec(column)
    if column.datatype not in NUMBERS:
        raise ResultStreamError(
            f"column {column.name} has datatype {column.datatype!r}, which cannot be written",
            hint=f"use one of {', '.join([*NUMBERS, 'char', 'unicodeChar'])}",
        )
    return ArrayCodec(column) if is_array(column) else NumberCodec(column)


def all_ascii(batch: CopyBatch, cells: Cells) -> bool:
    """Tell whether no text of the column has a character outside ASCII."""
    longest = int(cells.lengths.max())
    if longest > PADDING:
        memory = batch.data.data
        bounds = zip(cells.starts.tolist(), cells.lengths.tolist(), strict=True)
        return all(bytes(memory[at : at + max(size, 0)]).isascii() for at, size in bounds)
    if longest <= 0:
        return True
    pieces = unaligned(batch.data, f"V{longest}")[cells.starts]
    if pieces.view(np.uint8).max() < 0x80:  # even with what follows the shorter texts
        return True
    masks = np.ascontiguousarray(_HIGH_BITS[: longest + 1, :longest]).view(f"V{longest}").ravel()
    lengths = np.maximum(cells.lengths, 0) if cells.any_null else cells.lengths
    return not (pieces.view(np.uint8) & masks[lengths].view(np.uint8)).any()


def ascii_text(value: bytes, losses: Losses) -> bytes:
    """Return the text with characters outside ASCII replaced, and count it if there were any."""
    if value.isascii():
        return value
    losses.characters += 1
    return ascii_characters(value.decode())


def ascii_characters(words: str) -> bytes:
    """Return the words in ASCII: base letters for letters with accents, else question marks."""
    return words.encode() if words.isascii() else b"".join(map(_ascii_character, words))


def _ascii_character(character: str) -> bytes:
    if character.isascii():
        return character.encode()
    base = unicodedata.normalize("NFKD", character)[0]
    return base.encode() if base.isascii() and base.isalnum() else b"?"
