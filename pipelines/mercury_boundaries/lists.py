"""Lists of crossings by other authors, brought to one form.

- Sun et al. (2023, Zenodo 8298647): intervals ``start,end,Type`` with Type ``bs_in``, ``mp_out``...
- Philpott et al. (2020, J. Geophys. Res. 125, e2019JA027544): eight edges an orbit.
- The list of M. K. James (PyMess), made with the criteria of Winslow et al. (2013): ``*.dat``.
- Our own catalogue.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.errors import LabelError

#: Kinds of intervals, in the order in which an orbit meets them.
KINDS = ("bs_in", "mp_in", "mp_out", "bs_out")

#: Philpott's boundaries: (first, second) edge in time of each kind.
_PHILPOTT = {(1, 2): "bs_in", (3, 4): "mp_in", (5, 6): "mp_out", (7, 8): "bs_out"}

#: Longest interval that a pair of edges makes; further apart they are of different orbits.
_LONGEST = pd.Timedelta(hours=6)


@dataclass(frozen=True)
class Crossings:
    """Intervals in which a boundary was crossed, once or several times.

    Attributes
    ----------
    start, end
        Seconds since 1970, shape (n,); `end` is not before `start`.
    kind
        Numbers of `KINDS`, shape (n,).
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    kind: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of intervals."""
        return len(self.start)

    @property
    def middle(self) -> NDArray[np.float64]:
        """Middles of the intervals, shape (n,)."""
        return 0.5 * (self.start + self.end)

    def select(self, kept: NDArray[np.bool_]) -> Crossings:
        """Return some of the intervals."""
        return Crossings(self.start[kept], self.end[kept], self.kind[kept])

    def within(self, first: float, last: float) -> Crossings:
        """Return those whose middle lies between two times."""
        return self.select((self.middle >= first) & (self.middle < last))


def make_crossings(start: object, end: object, kind: Sequence[str]) -> Crossings:
    """Put intervals in order of time; ends that stand before their start are exchanged.

    Parameters
    ----------
    start, end
        Times, anything that numpy takes for them.
    kind
        Words of `KINDS`.
    """
    first, last = (
        np.asarray(each, dtype="datetime64[ms]").astype(np.int64) / 1000.0 for each in (start, end)
    )
    numbers = np.array([KINDS.index(each) for each in kind], dtype=np.int64)
    low, high = np.minimum(first, last), np.maximum(first, last)
    order = np.argsort(low, kind="stable")
    return Crossings(low[order], high[order], numbers[order])


def read_crossings(path: Path) -> Crossings:
    """Read a list in any of the known forms.

    Raises
    ------
    LabelError
        If the file cannot be read or has none of the forms.
    """
    try:
        if path.suffix == ".dat":
            return _pymess(read_pymess([path]))
        table = pd.read_csv(path, encoding="utf-8-sig")
        if {"start", "end", "Type"} <= set(table.columns):
            return make_crossings(
                pd.to_datetime(table["start"]), pd.to_datetime(table["end"]), list(table["Type"])
            )
        if "Boundary number" in table.columns:
            return _philpott(table)
        if {"crossing_start", "crossing_end", "boundary", "direction"} <= set(table.columns):
            return _own(table)
    except (OSError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise LabelError(f"{path} cannot be read as a list of crossings: {error}") from error
    raise LabelError(
        f"{path} is no list of crossings that is known",
        hint="columns start,end,Type (bs_in, mp_in, mp_out, bs_out), Philpott's table, a .dat of "
        "PyMess, or the CSV of this pipeline",
    )


def _own(table: pd.DataFrame) -> Crossings:
    short = {"bow_shock": "bs", "magnetopause": "mp"}
    kinds = [
        f"{short[name]}_{way}"
        for name, way in zip(table["boundary"], table["direction"], strict=True)
    ]
    return make_crossings(
        pd.to_datetime(table["crossing_start"]), pd.to_datetime(table["crossing_end"]), kinds
    )


def _philpott(table: pd.DataFrame) -> Crossings:
    years = pd.to_datetime(table["Yr_pass"].astype(int).astype(str), format="%Y")
    times = (
        years
        + pd.to_timedelta(table["Day_orbit"] - 1, unit="D")
        + pd.to_timedelta(table["Hour"], unit="h")
        + pd.to_timedelta(table["Minute"], unit="m")
        + pd.to_timedelta(table["Second"], unit="s")
    )
    table = table.assign(time=times.astype("datetime64[ms]"))
    parts = []
    for (first, second), kind in _PHILPOTT.items():
        edges = [
            table[table["Boundary number"] == number][["Orbit_number", "time"]]
            for number in (first, second)
        ]
        pair = edges[0].merge(edges[1], on="Orbit_number", suffixes=("_first", "_second"))
        apart = (pair["time_second"] - pair["time_first"]).abs() < _LONGEST
        parts.append(pair[apart].assign(kind=kind))
    joined = pd.concat(parts)
    return make_crossings(joined["time_first"], joined["time_second"], list(joined["kind"]))


def read_pymess(paths: Sequence[Path]) -> pd.DataFrame:
    """Read lists of PyMess into one table, positions as they stand there.

    Returns
    -------
    table
        Columns ``crossing_id,boundary,direction,start_time,end_time,x,y,z`` of the middle and
        ``x_min`` to ``z_max`` of both edges, in Mercury radii (MSM), and ``source``.

    Raises
    ------
    LabelError
        If a file cannot be read.
    """
    tables = []
    for path in paths:
        try:
            raw = pd.read_csv(path, sep=r"\s+")
            start, end = (
                pd.to_datetime(raw[f"Date{edge}"].astype(str))
                + pd.to_timedelta(raw[f"ut{edge}"], unit="h")
                for edge in "01"
            )
            boundary = {"BS": "bow_shock", "MP": "magnetopause"}[path.stem[-2:]]
            table = pd.DataFrame(
                {
                    "boundary": boundary,
                    "direction": raw["ctype"].map({"i": "in", "o": "out"}),
                    "start_time": start.dt.round("100ms"),
                    "end_time": end.dt.round("100ms"),
                    "source": raw["source"],
                }
            )
            for axis in "xyz":
                edges = raw[[f"{axis}o", f"{axis}i"]]
                table[axis] = raw[axis]
                table[f"{axis}_min"], table[f"{axis}_max"] = edges.min(axis=1), edges.max(axis=1)
        except (OSError, ValueError, KeyError) as error:
            raise LabelError(
                f"{path} is no list of PyMess: {error}", hint="MessBS.dat and MessMP.dat are"
            ) from error
        tables.append(table)
    joined = pd.concat(tables, ignore_index=True)
    stamps = joined["start_time"].dt.strftime("%Y%m%dT%H%M%S")
    short = joined["boundary"].map({"bow_shock": "BS", "magnetopause": "MP"})
    joined.insert(0, "crossing_id", "MESS_" + short + "_" + joined["direction"] + "_" + stamps)
    joined = joined.sort_values(["start_time", "crossing_id"], kind="stable")
    return joined.reset_index(drop=True)


def _pymess(table: pd.DataFrame) -> Crossings:
    short = table["boundary"].map({"bow_shock": "bs", "magnetopause": "mp"})
    return make_crossings(
        table["start_time"], table["end_time"], list(short + "_" + table["direction"])
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring PyMess's lists into a CSV: ``python -m ...lists MessBS.dat MessMP.dat out.csv``."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) < 2:
        print("usage: python -m pipelines.mercury_boundaries.lists FILE.dat... OUTPUT.csv")
        return 2
    try:
        table = read_pymess([Path(each) for each in given[:-1]])
        table.to_csv(given[-1], index=False, date_format="%Y-%m-%dT%H:%M:%S.%f")
    except (LabelError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Wrote {len(table)} crossings to {given[-1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
