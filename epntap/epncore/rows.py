"""Rows of EPNcore in memory: one Arrow array a column, whatever the table they come from.

Texts are large strings, integers 64-bit ones, other numbers doubles, timestamps milliseconds,
arrays lists of doubles. What is missing is null, never NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from epntap.tables import TEXT_DATATYPES, Column

if TYPE_CHECKING:
    import pandas as pd

_INTEGERS = frozenset({"short", "int", "long"})


def arrow_type(column: Column) -> Any:
    """Return the Arrow type that a column has in memory."""
    if column.datatype in TEXT_DATATYPES:
        return pa.timestamp("ms") if column.xtype == "timestamp" else pa.large_string()
    if column.arraysize is not None:
        return pa.large_list(pa.float64())
    return pa.int64() if column.datatype in _INTEGERS else pa.float64()


def doubles(cells: Any) -> np.ndarray:
    """Return the cells of a column of numbers as doubles, missing ones as NaN."""
    numbers: np.ndarray = cells.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return numbers


def missing(cells: Any) -> np.ndarray:
    """Return which cells are missing, shape ``(len(cells),)``."""
    if cells.null_count == 0:
        return np.zeros(len(cells), dtype=bool)
    absent: np.ndarray = cells.is_null().to_numpy(zero_copy_only=False)
    return absent


def rows_from_frame(frame: pd.DataFrame, columns: tuple[Column, ...]) -> Any:
    """Return the columns of a table in memory as Arrow's record batch.

    Parameters
    ----------
    frame
        Typed values by column name; missing ones are None, NA, NaN or NaT.
    columns
        The columns that are wanted, in order.
    """
    arrays = []
    for column in columns:
        kind = arrow_type(column)
        cells = pa.array(frame[column.name], from_pandas=True)
        if isinstance(cells, pa.ChunkedArray):
            cells = cells.combine_chunks()
        arrays.append(cells.cast(kind, safe=False))
    return pa.record_batch(arrays, names=[column.name for column in columns])


def frame_from_rows(rows: Any) -> pd.DataFrame:
    """Return a record batch as pandas shows it to people.

    Returns
    -------
    DataFrame
        Of float64, Int64, datetime64[ms], or object with None for what is missing.
    """
    import pandas as pd

    shown: dict[str, Any] = {}
    for name, cells in zip(rows.schema.names, rows.columns, strict=True):
        if pa.types.is_floating(cells.type):
            shown[name] = doubles(cells)
        elif pa.types.is_integer(cells.type):
            shown[name] = pd.array(cells.to_pylist(), dtype="Int64")
        elif pa.types.is_timestamp(cells.type):
            shown[name] = cells.to_numpy(zero_copy_only=False)
        else:
            shown[name] = pd.Series(cells.to_pylist(), dtype=object)
    return pd.DataFrame(shown, index=pd.RangeIndex(rows.num_rows))
