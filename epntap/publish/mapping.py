"""Native rows made into typed EPNcore rows, as the catalogue's mapping says."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
import pandas as pd

from epntap.catalogue import Catalogue, Mapping
from epntap.epncore.validation import Violation
from epntap.errors import PublishError
from epntap.tables import TEXT_DATATYPES, Column
from epntap.yamlfile import suggestion

#: Julian Date of 1970-01-01T00:00:00 and of the zero of the Modified Julian Date.
_JD_UNIX_EPOCH = 2440587.5
_JD_MJD_EPOCH = 2400000.5

_FIELD = re.compile(r"\{([^{}]*)\}")
_INTEGER_RANGES = {"short": 15, "int": 31, "long": 63}


@dataclass(frozen=True)
class MappedRows:
    """Rows in the columns of the catalogue's table.

    Attributes
    ----------
    values
        One column per column of the table: float64, Int64, datetime64[ms] or object of str.
    numbers
        Number of each row in the source, from 1, shape ``(len(values),)``.
    violations
        Cells whose text could not be read as the column's type; they are missing in `values`.
    """

    values: pd.DataFrame
    numbers: np.ndarray
    violations: list[Violation]


class RowMapper:
    """Maps chunks of native rows.

    Parameters
    ----------
    catalogue
        Whose mapping is applied.
    native_columns
        Names of the native columns that the source has.
    units
        Units of native columns, as far as the source states them.
    now
        Creation and modification date of rows that bring none of their own.

    Raises
    ------
    PublishError
        If the mapping names a native column that is not there, or the file states a unit that
        contradicts the mapping's.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        native_columns: list[str],
        units: MappingType[str, str],
        now: datetime,
    ) -> None:
        self._catalogue = catalogue
        self._now = np.datetime64(now.replace(tzinfo=None), "ms")
        self._sources = {
            column.name: self._source(column, native_columns) for column in catalogue.columns
        }
        self._factors = {
            column.name: self._conversion(column, self._sources[column.name], units)
            for column in catalogue.columns
        }

    @property
    def dated_by_source(self) -> frozenset[str]:
        """Those of the three dates that the native rows bring themselves."""
        dates = ("creation_date", "modification_date", "release_date")
        return frozenset(name for name in dates if self._sources[name] is not None)

    def _source(self, column: Column, native_columns: list[str]) -> Mapping | None:
        mapping = self._catalogue.mapping.get(column.name)
        if mapping is None:
            return Mapping(column=column.name) if column.name in native_columns else None
        wanted = [mapping.column] if mapping.column is not None else []
        if mapping.template is not None:
            wanted = _FIELD.findall(mapping.template)
        for name in wanted:
            if name not in native_columns:
                raise PublishError(
                    f"column {column.name}: the source has no column {name!r}"
                    f"{suggestion(name, native_columns)}",
                    hint=f"its columns are: {', '.join(native_columns)}",
                )
        return mapping

    def _conversion(
        self, column: Column, mapping: Mapping | None, units: MappingType[str, str]
    ) -> tuple[str, str] | None:
        """Return the native and the target unit where they differ."""
        if mapping is None or mapping.column is None or column.datatype in TEXT_DATATYPES:
            return None
        from astropy import units as astropy_units

        stated = units.get(mapping.column)
        native = mapping.unit or stated
        if native is None or native == column.unit or mapping.time is not None:
            return None
        source = astropy_units.Unit(native, format="vounit")
        if stated is not None and mapping.unit is not None:
            written = astropy_units.Unit(stated, format="vounit")
            if written != source:
                raise PublishError(
                    f"column {column.name}: the mapping says that {mapping.column!r} is in "
                    f"{mapping.unit}, the source says {stated}",
                    hint="correct the one that is wrong",
                )
        target = astropy_units.Unit(column.unit or "", format="vounit")
        if not source.is_equivalent(target, equivalencies=astropy_units.spectral()):
            raise PublishError(
                f"column {column.name}: {mapping.column!r} is in {native}, which cannot be "
                f"converted to {column.unit or 'a dimensionless number'}"
            )
        return native, column.unit or ""

    def map(self, native: pd.DataFrame, first_row: int) -> MappedRows:
        """Map one chunk, whose first row has the number `first_row` in the source."""
        native = native.reset_index(drop=True)
        numbers = np.arange(first_row, first_row + len(native))
        violations: list[Violation] = []
        mapped: dict[str, pd.Series] = {}
        for column in self._catalogue.columns:
            mapping = self._sources[column.name]
            if mapping is None:
                mapped[column.name] = self._default(column, mapped, len(native))
                continue
            raw = _native_values(mapping, native)
            values, faults = self._typed(column, mapping, raw)
            violations.extend(Violation(int(numbers[i]), column.name, fault) for i, fault in faults)
            mapped[column.name] = values
        return MappedRows(pd.DataFrame(mapped), numbers, violations)

    def _default(self, column: Column, mapped: dict[str, pd.Series], size: int) -> pd.Series:
        """Return what a mandatory column has when neither mapping nor source gives it."""
        catalogue = self._catalogue
        match column.name:
            case "granule_gid" | "service_title":
                return pd.Series([catalogue.name] * size, dtype=object)
            case "obs_id":
                return mapped["granule_uid"]
            case "spatial_frame_type":
                return pd.Series([catalogue.frame] * size, dtype=object)
            case "dataproduct_type":
                return pd.Series(["ci"] * size, dtype=object)
            case "release_date" | "modification_date" if "creation_date" in mapped:
                return mapped["creation_date"]
            case "creation_date":
                return pd.Series(np.full(size, self._now))
        if column.datatype in TEXT_DATATYPES:
            return pd.Series([None] * size, dtype=object)
        if column.datatype in _INTEGER_RANGES:
            return pd.Series(pd.array([None] * size, dtype="Int64"))
        return pd.Series(np.full(size, np.nan))

    def _typed(
        self, column: Column, mapping: Mapping, raw: pd.Series
    ) -> tuple[pd.Series, list[tuple[int, str]]]:
        if column.arraysize is not None and column.datatype not in TEXT_DATATYPES:
            return _arrays(raw)
        if column.datatype in TEXT_DATATYPES:
            if column.xtype == "timestamp":
                return _timestamps(raw)
            texts = _texts(raw)
            # Text of datatype char is looked at by the rules of the standard.
            return texts, _unstorable(texts) if column.datatype == "unicodeChar" else []
        if _is_julian_date(column) and mapping.constant is None:
            values, faults = _julian_dates(raw, mapping.time)
        else:
            values, faults = _numbers(raw)
        values = self._converted(column, mapping, values)
        if column.datatype in _INTEGER_RANGES:
            return _integers(values, raw, _INTEGER_RANGES[column.datatype], faults)
        return pd.Series(values), faults

    def _converted(self, column: Column, mapping: Mapping, values: np.ndarray) -> np.ndarray:
        factor = self._factors[column.name]
        if factor is not None:
            from astropy import units as astropy_units

            native, target = (astropy_units.Unit(unit, format="vounit") for unit in factor)
            with np.errstate(divide="ignore"):
                values = native.to(target, values, equivalencies=astropy_units.spectral())
        if mapping.scale != 1.0 or mapping.offset != 0.0:
            values = values * mapping.scale + mapping.offset
        if mapping.modulo is not None:
            values = np.mod(values, mapping.modulo)
        if factor is not None and column.datatype in _INTEGER_RANGES:
            # 1,048,576 bytes are 1049 kbyte: what was whole need not be so in another unit.
            values = np.rint(values)
        return values


def _is_julian_date(column: Column) -> bool:
    return column.unit == "d" and (column.ucd or "").startswith(
        ("time.start", "time.end", "time.epoch")
    )


def _native_values(mapping: Mapping, native: pd.DataFrame) -> pd.Series:
    if mapping.column is not None:
        values = native[mapping.column]
    elif mapping.template is not None:
        values = _filled(mapping.template, native)
    else:
        return pd.Series([mapping.constant] * len(native), dtype=object)
    if mapping.values is not None:
        replacements = mapping.values
        return pd.Series(
            [
                None if missing else replacements.get(str(value), value)
                for value, missing in zip(values, values.isna(), strict=True)
            ],
            dtype=object,
        )
    return values


def _filled(template: str, native: pd.DataFrame) -> pd.Series:
    """Fill ``{column}`` places; a row with a missing part has a missing whole."""
    names = _FIELD.findall(template)
    if not names:
        return pd.Series([template] * len(native), dtype=object)
    parts = {name: _texts(native[name]).tolist() for name in names}
    rows: list[str | None] = []
    for i in range(len(native)):
        cells = {name: values[i] for name, values in parts.items()}
        if None in cells.values():
            rows.append(None)
        else:
            rows.append(_FIELD.sub(partial(_cell_of, cells), template))
    return pd.Series(rows, dtype=object)


def _cell_of(cells: MappingType[str, str], place: re.Match[str]) -> str:
    return cells[place[1]]


def _texts(raw: pd.Series) -> pd.Series:
    """Return text cells, missing ones as None; whole numbers without a decimal point."""
    missing = raw.isna().to_numpy()
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        shown = raw.dt.strftime("%Y-%m-%dT%H:%M:%S").tolist()
    elif pd.api.types.is_float_dtype(raw.dtype):
        shown = [f"{v:.0f}" if float(v).is_integer() else repr(float(v)) for v in raw.fillna(0.0)]
    else:
        shown = [value if isinstance(value, str) else str(value) for value in raw.tolist()]
    cells = [None if absent else text for text, absent in zip(shown, missing, strict=True)]
    return pd.Series(cells, dtype=object)


def _unstorable(texts: pd.Series) -> list[tuple[int, str]]:
    """Return the faults of texts that PostgreSQL cannot keep."""
    return [
        (row, "a NUL character cannot be stored")
        for row, text in enumerate(texts)
        if text is not None and "\0" in text
    ]


def _numbers(raw: pd.Series) -> tuple[np.ndarray, list[tuple[int, str]]]:
    if pd.api.types.is_numeric_dtype(raw.dtype):
        return raw.to_numpy(dtype=float, na_value=np.nan), []
    numbers = pd.to_numeric(raw, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    suspicious = np.isnan(numbers) & ~raw.isna().to_numpy()
    faults = [
        (int(i), f"{str(raw.iloc[i])!r} is not a number")
        for i in np.flatnonzero(suspicious)
        if str(raw.iloc[i]).strip().lower() not in ("nan", "", "null", "none")
    ]
    return numbers, faults


def _integers(
    values: np.ndarray, raw: pd.Series, bits: int, faults: list[tuple[int, str]]
) -> tuple[pd.Series, list[tuple[int, str]]]:
    """Make integers; 64-bit ones are taken from the text, which a double would round."""
    cells: list[int | None] = []
    plain = raw.tolist()
    for i, value in enumerate(values):
        if np.isnan(value):
            cells.append(None)
            continue
        exact = _exact_integer(plain[i], float(value))
        if exact is None:
            faults.append((i, f"{plain[i]!r} is not a whole number"))
        elif not -(2**bits) <= exact < 2**bits:
            faults.append((i, f"{exact} does not fit into {bits + 1} bits"))
            exact = None
        cells.append(exact)
    return pd.Series(pd.array(cells, dtype="Int64")), faults


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


def _moments(raw: pd.Series) -> tuple[pd.Series, list[tuple[int, str]]]:
    """Read ISO 8601 texts and datetimes as UTC."""
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        moments = raw if raw.dt.tz is None else raw.dt.tz_convert("UTC").dt.tz_localize(None)
        return moments, []
    parsed = pd.to_datetime(
        raw.astype(object).where(~raw.isna(), None), format="ISO8601", errors="coerce", utc=True
    ).dt.tz_localize(None)
    wrong = (parsed.isna() & ~raw.isna()).to_numpy()
    faults = [
        (int(i), f"{str(raw.iloc[i])!r} is not a time such as 2020-05-04T12:30:00")
        for i in np.flatnonzero(wrong)
    ]
    return parsed, faults


def _timestamps(raw: pd.Series) -> tuple[pd.Series, list[tuple[int, str]]]:
    moments, faults = _moments(raw)
    return moments.astype("datetime64[ms]"), faults


def _julian_dates(raw: pd.Series, form: str | None) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """Return Julian Dates (UTC), good to 40 microseconds as doubles are at this epoch."""
    is_number = pd.api.types.is_numeric_dtype(raw.dtype)
    if form is None and not is_number and not pd.api.types.is_datetime64_any_dtype(raw.dtype):
        as_number = pd.to_numeric(raw, errors="coerce")
        is_number = bool(len(raw)) and bool((as_number.notna() | raw.isna()).all())
    if form == "iso" or (form is None and not is_number):
        moments, faults = _moments(raw)
        micros = moments.astype("datetime64[us]").to_numpy().astype("int64").astype(float)
        micros[moments.isna().to_numpy()] = np.nan
        return _JD_UNIX_EPOCH + micros / 86_400e6, faults
    values, faults = _numbers(raw)
    if form == "mjd":
        values = values + _JD_MJD_EPOCH
    elif form == "unix":
        values = values / 86_400.0 + _JD_UNIX_EPOCH
    return values, faults


def _arrays(raw: pd.Series) -> tuple[pd.Series, list[tuple[int, str]]]:
    """Return lists of doubles from lists, or from texts of numbers."""
    cells: list[list[float] | None] = []
    faults: list[tuple[int, str]] = []
    for i, (value, missing) in enumerate(zip(raw.tolist(), _absent(raw), strict=True)):
        if missing:
            cells.append(None)
            continue
        parts = re.split(r"[\s,]+", value.strip(" []{}()")) if isinstance(value, str) else value
        try:
            cells.append([float(part) for part in parts])
        except (TypeError, ValueError):
            cells.append(None)
            faults.append((i, f"{str(value)!r} is not a list of numbers"))
    return pd.Series(cells, dtype=object), faults


def _absent(raw: pd.Series) -> list[bool]:
    return [
        value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))
        for value in raw.tolist()
    ]
