"""The COPY statement by which a result leaves the database."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

from epntap.tables import Column

#: Forms in which PostgreSQL can send rows.
CopyForm = Literal["binary", "text", "csv", "json"]


def is_array(column: Column) -> bool:
    """Tell whether the cells are numeric arrays (text is an array of characters, but not here)."""
    return column.arraysize is not None and column.datatype not in ("char", "unicodeChar")


def element_count(column: Column) -> int | None:
    """Return how many elements each cell has, ``None`` when that varies."""
    if column.arraysize is None:
        return 1
    if column.arraysize.endswith("*"):
        return None
    return prod(int(length) for length in column.arraysize.split("x"))


def copy_statement(sql: str, columns: Sequence[Column], form: CopyForm) -> str:
    """Return the statement that sends the rows of a query in a form.

    Where rows are sent as text, arrays are written as VOTable and DALI do: elements separated by
    blanks, a missing element being NaN. NULL is sent as nothing, since no format that is made of
    text distinguishes it from an empty text, but for the quotes of CSV and of JSON.

    Parameters
    ----------
    sql
        The query, with as many columns as `columns`, of their `epntap.tables.wire_type`.
    columns
        The columns of the result.
    form
        What the format reads, `ResultFormat.copy`.
    """
    if form == "json":
        return _json_statement(sql, columns)
    if form != "binary" and any(is_array(column) for column in columns):
        names = [f"c{number}" for number in range(1, len(columns) + 1)]
        cells = [
            f"array_to_string({name}, ' ', 'NaN')" if is_array(column) else name
            for name, column in zip(names, columns, strict=True)
        ]
        sql = f"SELECT {', '.join(cells)} FROM ({sql}) AS result ({', '.join(names)})"
    null = "" if form == "binary" else ", NULL ''"
    return f"COPY ({sql}) TO STDOUT (FORMAT {form}{null}, ENCODING 'UTF8')"


def _json_statement(sql: str, columns: Sequence[Column]) -> str:
    """Return the statement that sends rows whose cells are JSON already, separated by tabs.

    That is CSV with every text in quotes, a backslash before quotes and backslashes, and the word
    ``null``. Only control characters and numbers that are not finite are left to be spelt.
    """
    names = [f"c{number}" for number in range(1, len(columns) + 1)]
    cells = [
        f"'[' || array_to_string({name}, ',', 'null') || ']' AS {name}"
        if is_array(column)
        else name
        for name, column in zip(names, columns, strict=True)
    ]
    sql = f"SELECT {', '.join(cells)} FROM ({sql}) AS result ({', '.join(names)})"
    options = "FORMAT csv, DELIMITER E'\\t', ESCAPE E'\\\\', NULL 'null', ENCODING 'UTF8'"
    texts = [
        name
        for name, column in zip(names, columns, strict=True)
        if column.datatype in ("char", "unicodeChar")
    ]
    if texts:
        options += f", FORCE_QUOTE ({', '.join(texts)})"
    return f"COPY ({sql}) TO STDOUT ({options})"
