"""Files of MESSENGER's magnetometer: tables of the PDS, orbits as CSV, and folders of either.

- PDS-PPI ``MAGMSOSCIAVG*_V*.TAB`` (mission MESS-E/V/H/SW-MAG, averages in MSO), with its label
  ``.LBL`` where it lies beside: the label says where the columns stand.
- ``orbit_*.csv[.gz]`` with ``time,ephx,ephy,ephz,magx,magy,magz`` in aberrated MSM, positions in
  Mercury radii, and the regions in ``type_num`` if they are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.boundaries.frames import msm_to_mso, straighten
from pipelines.boundaries.mercury import MERCURY_RADIUS
from pipelines.contract import Progress, silent
from pipelines.errors import SourceError
from pipelines.mercury_boundaries.series import STRONGEST, MagSeries, apparent_angle

#: Rows that are read at a time, so that memory does not grow with the file.
_ROWS = 400_000

_CSV_COLUMNS = ("time", "ephx", "ephy", "ephz", "magx", "magy", "magz")

#: Columns of the averages, from 0, where no label tells: year, day of year, hour, minute, second,
#: position in km, field in nT.
_PDS_PLACES = (0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 12)

#: Their names in labels. Those of the field differ between versions of the product.
_PDS_NAMES = (
    ("YEAR",),
    ("DAY_OF_YEAR", "DOY"),
    ("HOUR",),
    ("MINUTE",),
    ("SECOND",),
    ("X_MSO",),
    ("Y_MSO",),
    ("Z_MSO",),
    ("BX_MSO", "BX_MSO_AVG", "BX"),
    ("BY_MSO", "BY_MSO_AVG", "BY"),
    ("BZ_MSO", "BZ_MSO_AVG", "BZ"),
)


@dataclass(frozen=True)
class Rows:
    """Some rows of a file, at any times.

    Attributes
    ----------
    seconds
        Since 1970, shape (n,).
    position
        MSO, km, shape (n, 3).
    field
        MSO, nT, shape (n, 3).
    regions
        Number of the region (`type_num`), 0 where unknown, shape (n,).
    """

    seconds: NDArray[np.int64]
    position: NDArray[np.float64]
    field: NDArray[np.float64]
    regions: NDArray[np.int8]


def data_files(path: Path) -> list[Path]:
    """Return the data files that a path names: itself, or those in the folder, by name.

    Raises
    ------
    SourceError
        If there are none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SourceError(f"{path} does not exist", hint="give a file or a folder of files")
    found = sorted(
        each
        for each in path.rglob("*")
        if each.is_file() and _is_data(each) and not each.name.startswith(".")
    )
    if not found:
        raise SourceError(
            f"{path} holds no file of the magnetometer",
            hint="orbit_*.csv[.gz] or MAGMSOSCIAVG*.TAB is looked for",
        )
    return found


def _is_data(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith(".tab") or (
        name.endswith((".csv", ".csv.gz")) and name.startswith("orbit")
    )


def read_mag(path: str | Path, progress: Progress = silent) -> MagSeries:
    """Read a file or a folder of files onto the grid of one second.

    Rows that lie in the same second are averaged; samples beyond `STRONGEST` are left out.

    Raises
    ------
    SourceError
        If there are no files or one of them cannot be read.
    """
    return read_labelled(path, progress)[0]


def read_labelled(
    path: str | Path, progress: Progress = silent
) -> tuple[MagSeries, NDArray[np.int8]]:
    """Read a file or a folder with the regions that stand in it; see `read_mag`.

    Returns
    -------
    series, regions
        Regions have the numbers of `type_num`, 0 where the files say nothing, shape (n,).
    """
    path = Path(path)
    files = data_files(path)
    pieces = []
    for number, each in enumerate(files):
        pieces.extend(_compact(rows) for rows in _rows(each))
        progress("reading", number + 1, len(files))
    return _join(pieces, f"{path.name}, {len(files)} file{'s' if len(files) > 1 else ''}")


def read_regions(path: Path) -> tuple[int, NDArray[np.int8]]:
    """Read the regions alone of an orbit or a folder of orbits: columns ``time,type_num``.

    Returns
    -------
    first, regions
        Time of the first second, and numbers of `type_num` from there on, 0 where the files say
        nothing, shape (n,).

    Raises
    ------
    SourceError
        If there are no files, one of them cannot be read, or none says anything of regions.
    """
    pieces = []
    for each in data_files(path):
        try:
            table = pd.read_csv(each, usecols=["time", "type_num"])
            times = pd.to_datetime(table["time"], format="ISO8601").to_numpy("datetime64[s]")
            numbers = table["type_num"].fillna(0).to_numpy(np.int8)
        except (OSError, ValueError, KeyError, EOFError, UnicodeDecodeError) as error:
            raise SourceError(
                f"{each} has no regions that can be read: {error}",
                hint="labelled orbits have the columns time and type_num",
            ) from error
        pieces.append((times.astype(np.int64), numbers))
    if not any(len(seconds) for seconds, _ in pieces):
        raise SourceError(f"{path} has no rows", hint="give labelled orbits")
    first = min(int(seconds.min()) for seconds, _ in pieces if len(seconds))
    last = max(int(seconds.max()) for seconds, _ in pieces if len(seconds))
    regions = np.zeros(last - first + 1, dtype=np.int8)
    for seconds, numbers in pieces:
        regions[seconds - first] = numbers
    return first, regions


@dataclass(frozen=True)
class _Piece:
    """Rows in the precision that is kept."""

    seconds: NDArray[np.int64]
    values: NDArray[np.float32]
    regions: NDArray[np.int8]


def _compact(rows: Rows) -> _Piece:
    strength = np.abs(rows.field).max(axis=1)
    field = np.where((strength < STRONGEST)[:, None], rows.field, np.nan)
    values = np.column_stack([rows.position, field]).astype(np.float32)
    return _Piece(rows.seconds, values, rows.regions)


def _join(pieces: list[_Piece], description: str) -> tuple[MagSeries, NDArray[np.int8]]:
    first = min(int(each.seconds.min()) for each in pieces)
    samples = max(int(each.seconds.max()) for each in pieces) - first + 1
    values = np.full((samples, 6), np.nan, dtype=np.float32)
    regions = np.zeros(samples, dtype=np.int8)
    taken = np.zeros(samples, dtype=bool)
    while pieces:
        each = pieces.pop()
        index = each.seconds - first
        # The first of the rows of one second counts, whatever order the files come in.
        order = np.argsort(index, kind="stable")
        distinct, rows = np.unique(index[order], return_index=True)
        values[distinct] = each.values[order][rows]
        regions[distinct] = each.regions[order][rows]
        taken[distinct] = True
    position = values[:, :3]
    known = bool(np.isfinite(position).any())
    series = MagSeries(first, values[:, 3:], position if known else None, description=description)
    return series, regions


def _rows(path: Path) -> Iterator[Rows]:
    try:
        if path.name.lower().endswith(".tab"):
            yield from _pds_rows(path)
        else:
            yield from _csv_rows(path)
    except (OSError, ValueError, KeyError, EOFError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error


def _csv_rows(path: Path) -> Iterator[Rows]:
    with pd.read_csv(path, chunksize=_ROWS) as chunks:
        for chunk in chunks:
            missing = [name for name in _CSV_COLUMNS if name not in chunk.columns]
            if missing:
                raise SourceError(
                    f"{path} lacks the columns {', '.join(missing)}",
                    hint=f"an orbit has {', '.join(_CSV_COLUMNS)}",
                )
            times = pd.to_datetime(chunk["time"], format="ISO8601").to_numpy("datetime64[s]")
            seconds = times.astype(np.int64)
            place = chunk[["ephx", "ephy", "ephz"]].to_numpy(np.float64)
            field = chunk[["magx", "magy", "magz"]].to_numpy(np.float64)
            # The authors aberrate by the day; by the hour it differs by less than 0.1 degree.
            hours, inverse = np.unique(seconds // 3600, return_inverse=True)
            angle = apparent_angle(hours * 3600 + 1800)[inverse]
            regions = (
                chunk["type_num"].fillna(0).to_numpy(np.int8)
                if "type_num" in chunk.columns
                else np.zeros(len(chunk), np.int8)
            )
            yield Rows(
                seconds,
                msm_to_mso(straighten(place, angle) * MERCURY_RADIUS),
                straighten(field, angle),
                regions,
            )


def _pds_rows(path: Path) -> Iterator[Rows]:
    places = _places(path)
    with pd.read_csv(
        path, sep=r"\s+", header=None, usecols=sorted(places), chunksize=_ROWS
    ) as chunks:
        for chunk in chunks:
            year, day, hour, minute, second, *rest = (
                chunk[place].to_numpy(np.float64) for place in places
            )
            years = (year.astype(np.int64) - 1970).astype("datetime64[Y]").astype("datetime64[s]")
            seconds = years.astype(np.int64) + np.floor(
                (day - 1) * 86400 + hour * 3600 + minute * 60 + second
            ).astype(np.int64)
            values = np.column_stack(rest)
            yield Rows(seconds, values[:, :3], values[:, 3:], np.zeros(len(seconds), dtype=np.int8))


def _places(path: Path) -> tuple[int, ...]:
    """Return the columns of a table, by its label if that lies beside it."""
    labels = [path.with_suffix(suffix) for suffix in (".LBL", ".lbl")]
    label = next((each for each in labels if each.is_file()), None)
    if label is None:
        return _PDS_PLACES
    names = label_columns(label.read_text(encoding="ascii", errors="replace"))
    places = []
    for choices in _PDS_NAMES:
        found = [names.index(choice) for choice in choices if choice in names]
        if not found:
            raise SourceError(
                f"{label} describes no column {choices[0]}",
                hint="averages in MSO are needed (mso-avg)",
            )
        places.append(found[0])
    return tuple(places)


def label_columns(text: str) -> list[str]:
    """Return the names of the columns that a PDS3 label describes, a vector's ones one by one.

    Only objects ``COLUMN`` count; a column of several items is repeated with its number.
    """
    names: list[str] = []
    for body in re.findall(
        r"^\s*OBJECT\s*=\s*COLUMN\s*$(.*?)^\s*END_OBJECT", text, re.DOTALL | re.MULTILINE
    ):
        fields = dict(re.findall(r'^\s*(\w+)\s*=\s*"?([^"\r\n]*?)"?\s*$', body, re.MULTILINE))
        items = int(fields.get("ITEMS", "1"))
        name = fields.get("NAME", "").strip().upper()
        names.extend([name] if items == 1 else [f"{name}_{place + 1}" for place in range(items)])
    return names


def write_csv(series: MagSeries, regions: NDArray[np.int8] | None, path: Path) -> None:
    """Write a series as the orbits' CSV, in aberrated MSM.

    Raises
    ------
    SourceError
        If the position is unknown or the file cannot be written.
    """
    from pipelines.mercury_boundaries.series import aberrated_msm

    if series.position is None:
        raise SourceError("an orbit without position cannot be written")
    field, place = aberrated_msm(series)
    columns: dict[str, Iterable[object]] = {
        "time": np.datetime_as_string(series.time, unit="s"),
        **{f"eph{axis}": place[:, number].round(4) for number, axis in enumerate("xyz")},
        **{f"mag{axis}": field[:, number].round(3) for number, axis in enumerate("xyz")},
    }
    if regions is not None:
        columns["type_num"] = regions
    try:
        pd.DataFrame(columns).dropna().to_csv(path, index=False)
    except OSError as error:
        raise SourceError(f"{path} cannot be written: {error}") from error
