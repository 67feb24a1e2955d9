"""What is wrong with rows: counted in full, put into words where somebody wants to read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Violation:
    """One value that breaks a rule.

    Attributes
    ----------
    row
        Number of the row in the source, the first one being 1; 0 for the table as a whole.
    column
        Name of the EPNcore column.
    message
        What is wrong, with the value.
    """

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        where = f"row {self.row}, " if self.row else ""
        return f"{where}column {self.column}: {self.message}"


@dataclass
class Findings:
    """The violations of a chunk of rows.

    Parameters
    ----------
    numbers
        Number of each row in the source, shape ``(rows,)``.
    columns
        Names of the columns in order.
    """

    numbers: np.ndarray
    columns: tuple[str, ...]
    _found: list[tuple[np.ndarray, str, Callable[[int], str]]] = field(default_factory=list)

    def add(self, mask: np.ndarray, column: str, message: Callable[[int], str]) -> None:
        """Add the cells of a column that break one rule.

        Parameters
        ----------
        mask
            Which rows, shape ``(rows,)``.
        message
            Says what is wrong with the cell of a row, given by its place in the chunk.
        """
        if mask.any():
            self._found.append((mask, column, message))

    @property
    def per_row(self) -> np.ndarray:
        """Violations of each row, shape ``(rows,)``."""
        counts = np.zeros(len(self.numbers), dtype=np.int64)
        for mask, _, _ in self._found:
            counts += mask
        return counts

    def violations(self, most: int | None = None) -> list[Violation]:
        """Return the violations in the order of rows, then columns.

        Parameters
        ----------
        most
            The most that are returned: the first ones.
        """
        upto = len(self.numbers)
        if most is not None:
            upto = min(upto, int(np.searchsorted(np.cumsum(self.per_row), most, side="left")) + 1)
        order = {name: i for i, name in enumerate(self.columns)}
        found = [
            Violation(int(self.numbers[i]), column, message(int(i)))
            for mask, column, message in self._found
            for i in np.flatnonzero(mask[:upto])
        ]
        found.sort(key=lambda violation: (violation.row, order.get(violation.column, -1)))
        return found[:most]
