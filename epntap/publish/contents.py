"""What the columns of a table hold, as far as the choice of its indexes depends on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow.compute as pc

#: A word of a list with no more different values than this is in a large part of the rows.
_FEW = 20


class Contents:
    """Which columns have values at all, and which of some have many different ones.

    Parameters
    ----------
    watched
        Columns of text whose different values are counted.
    """

    def __init__(self, watched: Iterable[str] = ()) -> None:
        self._filled: set[str] = set()
        self._values: dict[str, set[str]] = {name: set() for name in watched}

    def add(self, rows: Any) -> None:
        """Look at further rows, a record batch."""
        for name, cells in zip(rows.schema.names, rows.columns, strict=True):
            if cells.null_count < len(cells):
                self._filled.add(name)
        for name, values in self._values.items():
            if len(values) <= _FEW:
                found = pc.unique(rows.column(name).drop_null())
                values.update(found.slice(0, _FEW + 1).to_pylist())

    def has_values(self, name: str) -> bool:
        """Whether any row has a value in a column."""
        return name in self._filled

    def is_varied(self, name: str) -> bool:
        """Whether a watched column has many different values."""
        return len(self._values[name]) > _FEW
