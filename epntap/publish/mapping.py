"""Native rows made into typed EPNcore rows, as the catalogue's mapping says."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epntap.catalogue import Catalogue, Mapping
from epntap.epncore.rows import arrow_type, frame_from_rows
from epntap.epncore.validation import Violation
from epntap.errors import PublishError
from epntap.publish.cells import (
    Cells,
    Faults,
    cells_by_name,
    read_arrays,
    read_integers,
    read_julian_dates,
    read_numbers,
    read_texts,
    read_timestamps,
    unstorable,
)
from epntap.suggestions import suggestion
from epntap.tables import TEXT_DATATYPES, Column

if TYPE_CHECKING:
    import pandas as pd

    from epntap.publish.native import Rows

_FIELD = re.compile(r"\{([^{}]*)\}")
_INTEGER_RANGES = {"short": 15, "int": 31, "long": 63}


@dataclass(frozen=True)
class MappedRows:
    """Rows in the columns of the catalogue's table.

    Attributes
    ----------
    rows
        A record batch with one column per column of the table, see `epntap.epncore.rows`.
    numbers
        Number of each row in the source, from 1, shape ``(rows.num_rows,)``.
    violations
        Cells whose text could not be read as the column's type; they are missing in `rows`.
    """

    rows: Any
    numbers: np.ndarray
    violations: list[Violation]

    @cached_property
    def values(self) -> pd.DataFrame:
        """The rows as pandas shows them: float64, Int64, datetime64[ms] or object of str."""
        return frame_from_rows(self.rows)


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
    run_id
        Run of rows that bring none of their own.

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
        run_id: str,
    ) -> None:
        self._catalogue = catalogue
        self._run_id = run_id
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

    @property
    def runs_by_source(self) -> bool:
        """Whether the native rows name runs of their own."""
        return self._sources["run_id"] is not None

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
        stated = units.get(mapping.column)
        native = mapping.unit or stated
        if native is None or native == column.unit or mapping.time is not None:
            return None
        from astropy import units as astropy_units  # slow to import

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

    def map(self, native: Rows, first_row: int) -> MappedRows:
        """Map one chunk, whose first row has the number `first_row` in the source."""
        cells = cells_by_name(native)
        numbers = np.arange(first_row, first_row + len(native))
        violations: list[Violation] = []
        mapped: dict[str, Any] = {}
        for column in self._catalogue.columns:
            mapping = self._sources[column.name]
            if mapping is None:
                mapped[column.name] = self._default(column, mapped, len(native))
                continue
            values, faults = self._read(column, mapping, cells, len(native))
            violations.extend(Violation(int(numbers[i]), column.name, fault) for i, fault in faults)
            if column.name == "run_id":
                values = values.fill_null(self._run_id)
            mapped[column.name] = values
        return MappedRows(pa.record_batch(mapped), numbers, violations)

    def _default(self, column: Column, mapped: dict[str, Any], size: int) -> Any:
        """Return what a mandatory column has when neither mapping nor source gives it."""
        catalogue, kind = self._catalogue, arrow_type(column)
        match column.name:
            case "granule_gid" | "service_title":
                return pa.repeat(pa.scalar(catalogue.name, kind), size)
            case "obs_id":
                return mapped["granule_uid"]
            case "spatial_frame_type":
                return pa.repeat(pa.scalar(catalogue.frame, kind), size)
            case "run_id":
                return pa.repeat(pa.scalar(self._run_id, kind), size)
            case "dataproduct_type":
                return pa.repeat(pa.scalar("ci", kind), size)
            case "release_date" | "modification_date" if "creation_date" in mapped:
                return mapped["creation_date"]
            case "creation_date":
                return pa.repeat(pa.scalar(self._now, kind), size)
        return pa.nulls(size, kind)

    def _read(
        self, column: Column, mapping: Mapping, native: MappingType[str, Cells], size: int
    ) -> tuple[Any, Faults]:
        if mapping.column is None and mapping.template is None:
            # A constant is read once.
            values, faults = self._typed(column, mapping, _constant_cell(column, mapping))
            return pa.repeat(values[0], size), [
                (i, said) for i in range(size) for _, said in faults
            ]
        return self._typed(column, mapping, _native_cells(mapping, native, size))

    def _typed(self, column: Column, mapping: Mapping, cells: Cells) -> tuple[Any, Faults]:
        if column.arraysize is not None and column.datatype not in TEXT_DATATYPES:
            return read_arrays(cells)
        if column.datatype in TEXT_DATATYPES:
            if column.xtype == "timestamp":
                return read_timestamps(cells)
            texts = read_texts(cells)
            # Text of datatype char is looked at by the rules of the standard.
            return texts, unstorable(texts) if column.datatype == "unicodeChar" else []
        is_date = mapping.time is not None or _is_julian_date(column)
        if is_date and mapping.constant is None:
            numbers, faults = read_julian_dates(cells, mapping.time)
        else:
            numbers, faults = read_numbers(cells)
        converted = self._converted(column, mapping, numbers)
        if column.datatype in _INTEGER_RANGES:
            bits = _INTEGER_RANGES[column.datatype]
            return read_integers(converted, cells, bits, faults, converted=converted is not numbers)
        return pa.array(converted, from_pandas=True), faults

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


def _native_cells(mapping: Mapping, native: MappingType[str, Cells], size: int) -> Cells:
    if mapping.column is not None:
        return _replaced(mapping, native[mapping.column])
    return _replaced(mapping, _filled(mapping.template or "", native, size))


def _constant_cell(column: Column, mapping: Mapping) -> Cells:
    """Return a constant as a cell; a number is read from its text as from any text."""
    constant = mapping.constant
    is_number = type(constant) in (int, float) and column.xtype != "timestamp"
    if isinstance(constant, str) or is_number:
        return Cells(pa.array([str(constant)], type=pa.large_string()))
    import pandas as pd

    return Cells(pd.Series([constant], dtype=object))


def _replaced(mapping: Mapping, cells: Cells) -> Cells:
    """Replace single values, as the mapping says."""
    if mapping.values is None:
        return cells
    replacements = mapping.values
    if cells.texts is not None:
        encoded = cells.texts.dictionary_encode()
        chosen = [replacements.get(text, text) for text in encoded.dictionary.to_pylist()]
        if all(value is None or isinstance(value, str) for value in chosen):
            return Cells(pa.array(chosen, type=pa.large_string()).take(encoded.indices))
    import pandas as pd

    if cells.texts is not None:
        codes = encoded.indices.fill_null(len(chosen)).to_numpy()
        return Cells(pd.Series(np.array([*chosen, None], dtype=object)[codes], dtype=object))
    series = cells.series
    return Cells(
        pd.Series(
            [
                None if is_missing else replacements.get(str(value), value)
                for value, is_missing in zip(series, series.isna(), strict=True)
            ],
            dtype=object,
        )
    )


def _filled(template: str, native: MappingType[str, Cells], size: int) -> Cells:
    """Fill ``{column}`` places; a row with a missing part has a missing whole."""
    parts: list[Any] = []
    # Literal text and names of columns take turns.
    for i, piece in enumerate(_FIELD.split(template)):
        is_name = i % 2 == 1
        parts.append(read_texts(native[piece]) if is_name else pa.scalar(piece, pa.large_string()))
    if len(parts) == 1:
        return Cells(pa.repeat(pa.scalar(template, pa.large_string()), size))
    joined = pc.binary_join_element_wise(*parts, pa.scalar("", pa.large_string()))
    return Cells(joined)
