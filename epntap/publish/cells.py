"""Native cells, of text or numbers or times, read as the values of EPNcore.

Texts are read a column at a time where all of them are written plainly; else each distinct text
is looked at, with the tolerance that hand-made tables need.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epntap.epncore.rows import missing

if TYPE_CHECKING:
    # It takes half a second to import, and plainly written texts can do without it.
    import pandas as pd

#: Julian Date of 1970-01-01T00:00:00 and of the zero of the Modified Julian Date.
_JD_UNIX_EPOCH = 2440587.5
_JD_MJD_EPOCH = 2400000.5

#: Up to here every whole number is a double of its own.
_EXACT = 2.0**53

_LISTS = pa.large_list(pa.float64())

#: Cells that cannot be read: their places in the chunk, and why.
Faults = list[tuple[int, str]]


@dataclass(frozen=True)
class Cells:
    """The cells of one native column in a chunk.

    Attributes
    ----------
    given
        As the source gave them: a Series indexed from 0, or Arrow's large strings.
    """

    given: Any

    @cached_property
    def series(self) -> pd.Series:
        """The cells as pandas has them."""
        series: pd.Series = (
            self.given.to_pandas() if isinstance(self.given, pa.Array) else self.given
        )
        return series

    @cached_property
    def texts(self) -> Any:
        """The cells as Arrow's large strings if every one is a text or missing, else None."""
        if isinstance(self.given, pa.Array):
            return self.given
        import pandas as pd

        series = self.series
        if isinstance(series.dtype, pd.CategoricalDtype):
            series = series.astype(object)
        if series.dtype == object:
            if pd.api.types.infer_dtype(series, skipna=True) not in ("string", "empty"):
                return None
        elif not isinstance(series.dtype, pd.StringDtype):
            return None
        texts = pa.array(series.array, from_pandas=True)
        if isinstance(texts, pa.ChunkedArray):
            texts = texts.combine_chunks()
        return texts.cast(pa.large_string())

    def __len__(self) -> int:
        return len(self.given)


def cells_by_name(rows: Any) -> dict[str, Cells]:
    """Return the columns of a chunk, a DataFrame or a record batch of large strings."""
    if isinstance(rows, pa.RecordBatch):
        return {name: Cells(rows.column(name)) for name in rows.schema.names}
    frame = rows.reset_index(drop=True)
    return {str(name): Cells(frame[name]) for name in frame.columns}


def read_texts(cells: Cells) -> Any:
    """Return text cells; whole numbers are written without a decimal point."""
    if cells.texts is not None:
        return cells.texts
    import pandas as pd

    raw = cells.series
    absent = raw.isna().to_numpy()
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        shown = raw.dt.strftime("%Y-%m-%dT%H:%M:%S").tolist()
    elif pd.api.types.is_float_dtype(raw.dtype):
        shown = [f"{v:.0f}" if float(v).is_integer() else repr(float(v)) for v in raw.fillna(0.0)]
    else:
        shown = [value if isinstance(value, str) else str(value) for value in raw.tolist()]
    return pa.array(shown, type=pa.large_string(), mask=absent)


def unstorable(texts: Any) -> Faults:
    """Return the faults of texts that PostgreSQL cannot keep."""
    found = pc.match_substring(texts, "\0").fill_null(False).to_numpy(zero_copy_only=False)
    return [(int(row), "a NUL character cannot be stored") for row in np.flatnonzero(found)]


def read_numbers(cells: Cells) -> tuple[np.ndarray, Faults]:
    """Return numbers, shape ``(len(cells),)``, NaN where there is none."""
    texts = cells.texts
    if texts is not None:
        plain = _plain_numbers(texts)
        return (plain, []) if plain is not None else _by_distinct(texts, _tolerant_numbers)
    import pandas as pd

    raw = cells.series
    if pd.api.types.is_numeric_dtype(raw.dtype):
        return raw.to_numpy(dtype=float, na_value=np.nan), []
    return _tolerant_numbers(raw)


def _plain_numbers(texts: Any) -> np.ndarray | None:
    """Return the numbers that texts stand for, if they all do."""
    try:
        numbers = pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        return None
    values: np.ndarray = numbers.to_numpy(zero_copy_only=False)
    # "nan" is read as a number, "-nan" too: whether it is a way to say that there is none depends.
    return None if np.isnan(values).sum() > texts.null_count else values


def _tolerant_numbers(raw: pd.Series) -> tuple[np.ndarray, Faults]:
    import pandas as pd

    numbers = pd.to_numeric(raw, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    suspicious = np.isnan(numbers) & ~raw.isna().to_numpy()
    faults = [
        (int(i), f"{str(raw.iloc[i])!r} is not a number")
        for i in np.flatnonzero(suspicious)
        if str(raw.iloc[i]).strip().lower() not in ("nan", "", "null", "none")
    ]
    return numbers, faults


def _by_distinct(
    texts: Any, read: Callable[[pd.Series], tuple[np.ndarray, Faults]]
) -> tuple[np.ndarray, Faults]:
    """Read each distinct text once; missing cells are read as the missing value."""
    import pandas as pd

    encoded = texts.dictionary_encode()
    distinct = pd.Series([*encoded.dictionary.to_pylist(), None], dtype=object)
    values, faults = read(distinct)
    codes = encoded.indices.fill_null(len(distinct) - 1).to_numpy()
    said = dict(faults)
    places = np.flatnonzero(np.isin(codes, list(said)))
    return values[codes], [(int(i), said[int(codes[i])]) for i in places]


def read_integers(
    values: np.ndarray, cells: Cells, bits: int, faults: Faults, *, converted: bool
) -> tuple[Any, Faults]:
    """Return whole numbers; large ones are taken from the cell itself, which a double would round.

    Parameters
    ----------
    values
        The cells as doubles, converted as the mapping says, NaN where missing.
    bits
        Bits of the type besides the sign.
    faults
        Of the cells so far; those that are found here are added.
    converted
        Whether `values` are other numbers than those of the cells.
    """
    absent = np.isnan(values)
    given = np.where(absent, 0.0, values)
    if ((given == np.rint(given)) & (np.abs(given) < min(_EXACT, 2.0**bits))).all():
        return pa.array(given.astype(np.int64), mask=absent), faults
    if not converted and bits == 63:
        whole = _plain_integers(cells)
        if whole is not None:
            return whole, faults
    return _integers_one_by_one(values, cells.series, bits, faults)


def _plain_integers(cells: Cells) -> Any:
    """Return the 64-bit integers that the cells are or stand for, if they all do."""
    if cells.texts is None:
        import pandas as pd

        if not pd.api.types.is_signed_integer_dtype(cells.series.dtype):
            return None
        whole = pa.array(cells.series, type=pa.int64(), from_pandas=True)
        return whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
    # Arrow reads 0x10 as 16; nobody means that in a catalogue.
    if pc.any(pc.match_substring(cells.texts, "x", ignore_case=True)).as_py():
        return None
    try:
        return pc.cast(cells.texts, pa.int64())
    except pa.ArrowInvalid:
        return None


def _integers_one_by_one(
    values: np.ndarray, raw: pd.Series, bits: int, faults: Faults
) -> tuple[Any, Faults]:
    whole: list[int | None] = []
    plain = raw.tolist()
    for i, value in enumerate(values):
        if np.isnan(value):
            whole.append(None)
            continue
        exact = _exact_integer(plain[i], float(value))
        if exact is None:
            faults.append((i, f"{plain[i]!r} is not a whole number"))
        elif not -(2**bits) <= exact < 2**bits:
            faults.append((i, f"{exact} does not fit into {bits + 1} bits"))
            exact = None
        whole.append(exact)
    return pa.array(whole, type=pa.int64()), faults


def _exact_integer(given: object, value: float) -> int | None:
    if not np.isfinite(value) or not value.is_integer():
        return None
    if isinstance(given, str):
        try:
            exact = int(given.strip())
        except ValueError:
            return int(value)
        return exact if float(exact) == value else int(value)
    if isinstance(given, (int, np.integer)) and float(given) == value:
        return int(given)
    return int(value)


def _read_moments(cells: Cells) -> tuple[np.ndarray, Faults]:
    """Read ISO 8601 texts and datetimes as UTC, in microseconds, NaT where missing."""
    texts = cells.texts
    if texts is not None:
        try:
            return pc.cast(texts, pa.timestamp("us")).to_numpy(zero_copy_only=False), []
        except pa.ArrowInvalid:
            return _by_distinct(texts, _tolerant_moments)
    import pandas as pd

    raw = cells.series
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        utc = raw if raw.dt.tz is None else raw.dt.tz_convert("UTC").dt.tz_localize(None)
        return utc.to_numpy(dtype="datetime64[us]"), []
    return _tolerant_moments(raw.astype(object).where(~raw.isna(), None))


def _tolerant_moments(raw: pd.Series) -> tuple[np.ndarray, Faults]:
    import pandas as pd

    parsed = pd.to_datetime(raw, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
    wrong = (parsed.isna() & ~raw.isna()).to_numpy()
    faults = [
        (int(i), f"{str(raw.iloc[i])!r} is not a time such as 2020-05-04T12:30:00")
        for i in np.flatnonzero(wrong)
    ]
    return parsed.to_numpy(dtype="datetime64[us]"), faults


def read_timestamps(cells: Cells) -> tuple[Any, Faults]:
    """Return moments (UTC) in milliseconds."""
    moments, faults = _read_moments(cells)
    return pa.array(moments.astype("datetime64[ms]")), faults


def read_julian_dates(cells: Cells, form: str | None) -> tuple[np.ndarray, Faults]:
    """Return Julian Dates (UTC), good to 40 microseconds as doubles are at this epoch.

    Parameters
    ----------
    form
        How the times are written, see `epntap.catalogue.Mapping`.
    """
    if form == "iso" or (form is None and not _are_numbers(cells)):
        moments, faults = _read_moments(cells)
        micros = moments.astype("int64").astype(float)
        micros[np.isnat(moments)] = np.nan
        return _JD_UNIX_EPOCH + micros / 86_400e6, faults
    values, faults = read_numbers(cells)
    if form == "mjd":
        values = values + _JD_MJD_EPOCH
    elif form == "unix":
        values = values / 86_400.0 + _JD_UNIX_EPOCH
    return values, faults


def _are_numbers(cells: Cells) -> bool:
    texts = cells.texts
    if texts is not None and _plain_numbers(texts) is not None:
        return bool(len(texts))
    import pandas as pd

    if texts is not None:
        raw = pd.Series(pc.unique(texts).to_pylist(), dtype=object)
    else:
        raw = cells.series
        if pd.api.types.is_numeric_dtype(raw.dtype):
            return True
        if pd.api.types.is_datetime64_any_dtype(raw.dtype):
            return False
    numbers = pd.to_numeric(raw, errors="coerce")
    return bool(len(raw)) and bool((numbers.notna() | raw.isna()).all())


def read_arrays(cells: Cells) -> tuple[Any, Faults]:
    """Return lists of doubles from lists, or from texts of numbers."""
    lists = _arrays_of_texts(cells.texts) if cells.texts is not None else None
    if lists is not None:
        return lists, []
    raw = cells.series.tolist()
    absent = np.array([_is_absent(value) for value in raw], dtype=bool)
    lists = _arrays_of(raw, absent) if cells.texts is None else None
    if lists is not None:
        return lists, []
    values: list[list[float] | None] = []
    faults: Faults = []
    for i, value in enumerate(raw):
        if absent[i]:
            values.append(None)
            continue
        parts = re.split(r"[\s,]+", value.strip(" []{}()")) if isinstance(value, str) else value
        try:
            values.append([float(part) for part in parts])
        except (TypeError, ValueError):
            values.append(None)
            faults.append((i, f"{str(value)!r} is not a list of numbers"))
    return pa.array(values, type=_LISTS), faults


def _is_absent(value: object) -> bool:
    import pandas as pd

    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))


def _arrays_of(raw: list[Any], absent: np.ndarray) -> Any:
    """Return the cells as lists of numbers, if they all are such."""
    try:
        lists = pa.array(
            [None if is_absent else cell for cell, is_absent in zip(raw, absent, strict=True)],
            type=_LISTS,
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
    return lists if pc.list_flatten(lists).null_count == 0 else None


def _arrays_of_texts(texts: Any) -> Any:
    """Return the lists of numbers that texts stand for, if they all do."""
    parts = pc.split_pattern_regex(pc.utf8_trim(texts, " []{}()"), r"[\s,]+")
    try:
        numbers = pc.cast(pc.list_flatten(parts), pa.float64())
    except pa.ArrowInvalid:
        return None
    counts = pc.list_value_length(parts).fill_null(0).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return pa.LargeListArray.from_arrays(
        pa.array(offsets, type=pa.int64()), numbers, mask=pa.array(missing(texts))
    )
