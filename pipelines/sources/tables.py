"""Tables of measurements in files: CSV, ECSV, VOTable, each with the units that it states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import SourceError
from pipelines.sources.units import is_unit

if TYPE_CHECKING:
    import pandas as pd

#: What a header cell looks like that states its unit: ``vt [km/s]`` or ``vt (km/s)``.
_WITH_UNIT = re.compile(r"(?P<name>[^\[(]+?)\s*[\[(]\s*(?P<unit>[^\])]*?)\s*[\])]\s*")

_VOTABLES = (".vot", ".votable", ".xml")


@dataclass(frozen=True)
class Table:
    """A table as it is in a file.

    Attributes
    ----------
    path
        The file.
    frame
        Columns by lower-case name; text where a cell is no number.
    units
        Those that the file states, by column.
    first_line
        Line of the file that the first row is in; `None` for formats without lines.
    """

    path: Path
    frame: pd.DataFrame
    units: Mapping[str, str]
    first_line: int | None

    def place(self, row: int) -> str:
        """Return where a row (from 0) is, for messages."""
        if self.first_line is None:
            return f"{self.path}, row {row + 1}"
        return f"{self.path}, line {row + self.first_line}"


def read_table(path: Path) -> Table:
    """Read a table; the suffix of the file tells the format.

    Units are taken from the table (ECSV, VOTable), and in CSV from header cells like ``vt [km/s]``
    or from a row of units below the header.

    Parameters
    ----------
    path
        ``.csv``, ``.csv.gz``, ``.ecsv``, ``.vot``, ``.votable`` or ``.xml``.

    Raises
    ------
    SourceError
        If the file cannot be read.
    """
    if not path.exists():
        raise SourceError(f"{path} does not exist")
    if path.suffix.lower() in _VOTABLES:
        return _read_astropy(path, "votable")
    if path.name.lower().endswith((".ecsv", ".ecsv.gz")):
        return _read_astropy(path, "ascii.ecsv")
    return _read_csv(path)


def _read_csv(path: Path) -> Table:
    import pandas as pd

    options: dict[str, Any] = {"na_values": ["--"], "skipinitialspace": True}
    try:
        top = pd.read_csv(path, nrows=1, dtype=str, **options)
        has_units = len(top) > 0 and _is_unit_row(top)
        raw = pd.read_csv(path, skiprows=[1] if has_units else None, low_memory=False, **options)
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(
            f"{path} cannot be read as CSV: {error}", hint="expected: .csv or .csv.gz with a header"
        ) from error
    names, units = [], {}
    for column in raw.columns:
        stated = _WITH_UNIT.fullmatch(str(column).strip())
        name = (stated["name"] if stated else str(column)).strip().lower()
        names.append(name)
        if stated and stated["unit"]:
            units[name] = stated["unit"]
        elif has_units and pd.notna(top[column].iloc[0]):
            units[name] = str(top[column].iloc[0]).strip()
    raw.columns = names
    return Table(path, raw, units, 3 if has_units else 2)


def _is_unit_row(top: pd.DataFrame) -> bool:
    """Return whether the first row below the header holds units, and a unit at all."""
    cells = [str(cell).strip() for name, cell in top.iloc[0].items() if str(name).lower() != "time"]
    stated = [cell for cell in cells if cell not in ("", "nan", "-")]
    return bool(stated) and all(not _is_number(cell) and is_unit(cell) for cell in stated)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _read_astropy(path: Path, kind: str) -> Table:
    from astropy.io.votable import parse_single_table
    from astropy.table import Table as AstropyTable
    from astropy.time import Time

    try:
        if kind == "votable":
            table = parse_single_table(path).to_table(use_names_over_ids=True)
        else:
            table = AstropyTable.read(path, format=kind)
        units = {
            name.strip().lower(): str(table[name].unit)
            for name in table.colnames
            if getattr(table[name], "unit", None) is not None
        }
        for name in table.colnames:
            if isinstance(table[name], Time):
                table[name] = table[name].utc.isot
        raw = table.to_pandas()
    except (ValueError, IndexError, OSError, TypeError) as error:
        raise SourceError(f"{path} cannot be read as a table: {error}") from error
    raw.columns = [str(name).strip().lower() for name in raw.columns]
    return Table(path, raw, units, None)
