"""Native tables as they come: CSV, ECSV, VOTable, FITS, Parquet, or a DataFrame at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pyarrow as pa

from epntap.errors import PublishError
from epntap.publish.csvfile import read_rows

if TYPE_CHECKING:
    # CSV files that are written plainly are published without it.
    import pandas as pd

#: Rows of a native table: a DataFrame, or a record batch of Arrow with large strings only.
Rows: TypeAlias = "pd.DataFrame | pa.RecordBatch"

#: Rows that are mapped, checked and loaded at a time: the memory that publishing needs.
CHUNK_ROWS = 50_000


class NativeSource(Protocol):
    """A table with the columns that a catalogue's mapping names.

    Attributes
    ----------
    name
        What the rows come from, for messages and provenance.
    units
        Unit strings by column, as far as the source itself states them.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def units(self) -> Mapping[str, str]: ...  # noqa: D102

    def chunks(self) -> Iterator[Rows]:
        """Yield the rows in order, a bounded number at a time; the first chunk may be empty."""
        ...


def column_names(rows: Rows) -> list[str]:
    """Return the names of the columns of a native table."""
    if isinstance(rows, pa.RecordBatch):
        return list(rows.schema.names)
    return [str(name) for name in rows.columns]


@dataclass(frozen=True)
class DataFrameSource:
    """Rows that are already in memory, e.g. those of a pipeline."""

    frame: pd.DataFrame
    name: str
    units: Mapping[str, str] = field(default_factory=dict)

    def chunks(self) -> Iterator[pd.DataFrame]:
        """Yield slices of the frame."""
        yield self.frame.iloc[:CHUNK_ROWS]
        for start in range(CHUNK_ROWS, len(self.frame), CHUNK_ROWS):
            yield self.frame.iloc[start : start + CHUNK_ROWS]


@dataclass(frozen=True)
class CsvSource:
    """A CSV file, compressed or not; every cell is text until the mapping reads it."""

    path: Path
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def chunks(self) -> Iterator[Rows]:
        """Yield the rows; an empty cell is a missing value.

        Raises
        ------
        PublishError
            If a line has more cells than the header, or the file is damaged or not UTF-8 text.
        """
        return read_rows(self.path, CHUNK_ROWS)


@dataclass(frozen=True)
class ParquetSource:
    """A Parquet file, read a batch at a time."""

    path: Path
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def chunks(self) -> Iterator[pd.DataFrame]:
        """Yield the rows.

        Raises
        ------
        PublishError
            If the file is not Parquet.
        """
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(self.path)
        except (pa.ArrowInvalid, OSError) as error:
            raise PublishError(f"{self.path}: not a Parquet file: {error}") from error
        yield file.schema_arrow.empty_table().to_pandas()
        for batch in file.iter_batches(batch_size=CHUNK_ROWS):
            yield batch.to_pandas()


def open_native(path: Path) -> NativeSource:
    """Open a native table by the ending of its name.

    Parameters
    ----------
    path
        ``.csv``, ``.csv.gz``, ``.ecsv``, ``.vot``, ``.votable``, ``.xml``, ``.fits``, ``.fit``,
        ``.fits.gz`` or ``.parquet``.

    Raises
    ------
    PublishError
        If there is no such file, the ending is none of these, or the content does not fit it.
    """
    if not path.is_file():
        raise PublishError(f"{path}: there is no such file")
    endings = [suffix.lower() for suffix in path.suffixes[-2:]]
    ending = endings[-2] if len(endings) == 2 and endings[-1] in (".gz", ".bz2") else endings[-1:]
    match ending if isinstance(ending, str) else "".join(ending):
        case ".csv":
            return CsvSource(path)
        case ".parquet" | ".pq":
            return ParquetSource(path)
        case ".ecsv":
            return _astropy_source(path, "ascii.ecsv")
        case ".vot" | ".votable" | ".xml":
            return _astropy_source(path, "votable")
        case ".fits" | ".fit":
            return _astropy_source(path, "fits")
        case other:
            raise PublishError(
                f"{path}: tables that end in {other or 'nothing'!r} are not known",
                hint="use .csv, .ecsv, .vot, .fits or .parquet",
            )


def _astropy_source(path: Path, table_format: str) -> DataFrameSource:
    import pandas as pd
    from astropy.table import Table
    from astropy.time import Time

    try:
        table = Table.read(path, format=table_format)
    except (OSError, ValueError, IndexError, TypeError, KeyError) as error:
        raise PublishError(
            f"{path}: cannot be read as {table_format.removeprefix('ascii.')}: {error}"
        ) from error
    if table_format == "votable":
        table = _named_by_field(path, table)
    columns: dict[str, pd.Series] = {}
    units: dict[str, str] = {}
    for name in table.colnames:
        column = table[name]
        if isinstance(column, Time):
            columns[name] = pd.Series(column.utc.to_datetime())
            continue
        if column.unit is not None:
            units[name] = column.unit.to_string("vounit")
        columns[name] = _series(column)
    return DataFrameSource(pd.DataFrame(columns), path.name, units)


def _named_by_field(path: Path, table: Table) -> Table:  # type: ignore[name-defined]  # noqa: F821
    """Name the columns as the FIELDs do; astropy prefers their IDs."""
    from astropy.io.votable import parse_single_table

    names = [str(field.name) for field in parse_single_table(path).fields]
    if len(set(names)) == len(names) == len(table.colnames):
        table.rename_columns(list(table.colnames), names)
    return table


def _series(column: object) -> pd.Series:
    """Return an astropy column as a Series in native byte order, masked cells missing."""
    import numpy as np
    import pandas as pd

    data: Any = np.ma.asarray(column)
    mask = np.ma.getmaskarray(data)
    if data.ndim > 1:
        cells = [None if mask[i].all() else data.data[i].tolist() for i in range(len(data))]
        return pd.Series(cells, dtype=object)
    values = data.data
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8").astype(object)
    elif values.dtype.kind == "U":
        values = values.astype(object)
    elif values.dtype.byteorder not in ("=", "|"):
        values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.kind in "iu" and mask.any():
        return pd.Series(pd.array(np.where(mask, 0, values), dtype="Int64")).mask(mask)
    return pd.Series(values).mask(mask) if mask.any() else pd.Series(values)
