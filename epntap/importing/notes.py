"""What the translation of a descriptor could not do, or had to make up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person has to look at.

    Attributes
    ----------
    line
        Line of the descriptor, 0 where there is none.
    what
        The part of the descriptor.
    reason
        What became of it, and why.
    """

    line: int
    what: str
    reason: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.what}: {self.reason}"


class Notes:
    """Notes as they are made."""

    def __init__(self) -> None:
        self._notes: list[Note] = []

    def add(self, line: int, what: str, reason: str) -> None:
        """Note something about a line."""
        self._notes.append(Note(line, what, reason))

    def missing(self, what: str, instead: str) -> str:
        """Note that something is not given; returns what stands in its place."""
        self.add(0, what, f"is not given; {instead!r} stands in its place, write what is right")
        return instead

    def in_order(self) -> tuple[Note, ...]:
        """Return the notes by line."""
        return tuple(sorted(self._notes, key=lambda note: note.line))
