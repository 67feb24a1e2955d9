"""The list of bow shocks that all four Cluster spacecraft saw, with normal and speed by timing.

``python -m pipelines.earth_boundaries.cluster_list --list CL_BS_crossings.txt --output list.csv``
reads lines ``C1 2001-01-14T22:02:09``, four to a crossing, and writes a row for each spacecraft and
crossing, which ``epntap publish earth_cluster list.csv`` publishes. The list has times alone; with
``--positions FILE`` (CSV: spacecraft, time, x, y, z in km GSE, every few minutes) or ``--fetch``
(CDAWeb through speasy) positions are added, and the motion of the shock where they allow it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.boundaries.frames import local_time
from pipelines.boundaries.shocks import Timing, four_spacecraft_timing
from pipelines.contract import Progress, silent
from pipelines.earth_boundaries.fetch import fetch_position
from pipelines.earth_boundaries.instruments import find_mission
from pipelines.errors import LabelError, PipelineError, SourceError

Values = NDArray[np.float64]

#: The four, in the order of their numbers.
SPACECRAFT = ("C1", "C2", "C3", "C4")

#: Times are read off magnetograms of 4 s (spin resolution): so good is each, s.
TIME_ERROR = 4.0

#: Positions are not interpolated over more than this, s.
_LONGEST_GAP = 900.0

#: Around a crossing positions are fetched for so long.
_AROUND = np.timedelta64(10, "m")

_LINE = re.compile(r"^(C[1-4])\s+(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)$")


@dataclass(frozen=True)
class Group:
    """A crossing that all four saw.

    Attributes
    ----------
    times
        When C1 to C4 saw it, UTC, shape (4,).
    """

    times: NDArray[np.datetime64]

    @property
    def identifier(self) -> str:
        """From the time of C1, which is in every group."""
        stamp = str(self.times[0].astype("datetime64[s]")).replace("-", "").replace(":", "")
        return f"cluster_bow_shock_{stamp}"

    @property
    def seconds(self) -> Values:
        """Times since the first spacecraft saw it, s, shape (4,)."""
        return np.asarray((self.times - self.times.min()) / np.timedelta64(1, "s"))


@dataclass(frozen=True)
class Track:
    """Where a spacecraft was.

    Attributes
    ----------
    times
        Ascending, UTC, shape (n,).
    position
        GSE, km, shape (n, 3).
    """

    times: NDArray[np.datetime64]
    position: Values

    def at(self, time: np.datetime64) -> Values:
        """Return the position at a time, interpolated, shape (3,); NaN in gaps and outside."""
        seconds = (self.times - time) / np.timedelta64(1, "s")
        after = int(np.searchsorted(seconds, 0.0))
        if after < len(seconds) and seconds[after] == 0.0:
            return np.asarray(self.position[after])
        if not 0 < after < len(seconds):
            return np.full(3, np.nan)
        low, high = float(seconds[after - 1]), float(seconds[after])
        if high - low > _LONGEST_GAP:
            return np.full(3, np.nan)
        share = -low / (high - low)
        before, behind = self.position[after - 1], self.position[after]
        return np.asarray(before + share * (behind - before))


def read_list(path: Path) -> list[Group]:
    """Read the list; each four lines are one crossing, of C1 to C4 in this order.

    Raises
    ------
    LabelError
        If a line is of another form, or four of them are not of the four spacecraft.
    """
    try:
        lines = [line.strip() for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(f"{path} cannot be read: {error}") from error
    found: list[tuple[str, str]] = []
    for number, line in enumerate(lines, start=1):
        match = _LINE.match(line)
        if line and not match:
            raise LabelError(f"{path}, line {number}: {line!r} is not like C1 2001-01-14T22:02:09")
        if match:
            found.append((match[1], match[2]))
    groups = []
    for first in range(0, len(found), len(SPACECRAFT)):
        four = found[first : first + len(SPACECRAFT)]
        if tuple(name for name, _ in four) != SPACECRAFT:
            raise LabelError(
                f"{path}: crossing {first // 4 + 1} was not seen by C1, C2, C3 and C4",
                hint="each crossing has four lines, in this order",
            )
        groups.append(Group(np.array([time for _, time in four], dtype="datetime64[us]")))
    return groups


def without_repetitions(groups: Sequence[Group]) -> list[Group]:
    """Return the crossings in order of time; of those that C1 saw at the same second, the first.

    The published list has eleven crossings twice; ten of them agree in all four times.
    """
    known: dict[str, Group] = {}
    for group in groups:
        known.setdefault(group.identifier, group)
    return sorted(known.values(), key=lambda group: group.identifier)


def read_positions(path: Path) -> dict[str, Track]:
    """Read where the spacecraft were: columns ``spacecraft, time, x, y, z``, km in GSE.

    Raises
    ------
    SourceError
        If a column is missing or a cell is no time or number.
    """
    try:
        table = pd.read_csv(path)
        missing = {"spacecraft", "time", "x", "y", "z"} - set(table.columns)
        if missing:
            raise SourceError(f"{path} has no column {sorted(missing)[0]!r}")
        table["time"] = pd.to_datetime(table["time"], format="ISO8601", utc=True)
        table["time"] = table["time"].dt.tz_localize(None)
        table[["x", "y", "z"]] = table[["x", "y", "z"]].astype(float)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    tracks = {}
    for name, rows in table.sort_values("time").groupby("spacecraft"):
        times = rows["time"].to_numpy().astype("datetime64[us]")
        tracks[str(name)] = Track(times, rows[["x", "y", "z"]].to_numpy())
    return tracks


def fetch_positions(groups: Sequence[Group], progress: Progress = silent) -> dict[str, Track]:
    """Fetch positions around all crossings from CDAWeb, a day at a time.

    Raises
    ------
    SourceError
        If the service fails.
    MissingDependencyError
        If speasy is not installed.
    """
    days = sorted({day for each in groups for day in each.times.astype("datetime64[D]").tolist()})
    tracks = {}
    for number, name in enumerate(SPACECRAFT):
        mission = find_mission(name)
        pieces = []
        for day in days:
            start = np.datetime64(day, "us")
            stop = start + np.timedelta64(1, "D")
            pieces.append(fetch_position(mission, start - _AROUND, stop + _AROUND))
        times = np.concatenate([each for each, _ in pieces])
        place = np.concatenate([each for _, each in pieces])
        times, kept = np.unique(times, return_index=True)
        tracks[name] = Track(times, place[kept])
        progress("fetching positions", number + 1, len(SPACECRAFT))
    return tracks


def time_group(group: Group, tracks: Mapping[str, Track]) -> tuple[Values, Timing | None]:
    """Return positions, shape (4, 3), and motion of the shock where the four allow it.

    Timing is refused where a position is not known, the spacecraft are nearly in a plane, or all
    times are equal.
    """
    place = np.full((len(SPACECRAFT), 3), np.nan)
    for number, (name, time) in enumerate(zip(SPACECRAFT, group.times, strict=True)):
        if name in tracks:
            place[number] = tracks[name].at(time)
    if not np.isfinite(place).all():
        return place, None
    return place, four_spacecraft_timing(place, group.seconds, TIME_ERROR)


def build_table(groups: Sequence[Group], tracks: Mapping[str, Track]) -> pd.DataFrame:
    """Return a row for each spacecraft and crossing.

    Parameters
    ----------
    groups
        The crossings.
    tracks
        Positions by the short names of the spacecraft; may be empty.

    Returns
    -------
    table
        Columns as the published list has them; empty where the positions are not known.
    """
    rows = []
    for group in groups:
        place, timing = time_group(group, tracks)
        motion = _motion(timing)
        order = np.argsort(np.argsort(group.seconds, kind="stable"))
        spread = float(group.seconds.max())
        for number, name in enumerate(SPACECRAFT):
            known = bool(np.isfinite(place[number]).all())
            x, y, z = place[number]
            rows.append(
                {
                    "crossing_id": f"{group.identifier}_{name.lower()}",
                    "group_id": group.identifier,
                    "spacecraft": find_mission(name).name,
                    "crossing_time": group.times[number],
                    "sequence_number": int(order[number]) + 1,
                    "delay": float(group.seconds[number]),
                    "spread": spread,
                    "x_gse": x,
                    "y_gse": y,
                    "z_gse": z,
                    "local_time": float(local_time(place[number])) if known else np.nan,
                    **motion,
                }
            )
    return pd.DataFrame(rows)


def _motion(timing: Timing | None) -> dict[str, float]:
    """Return normal (GSE, along which the shock moved), speed and errors; NaN without timing."""
    names = ("normal_x", "normal_y", "normal_z", "normal_error", "shock_speed", "speed_error")
    if timing is None:
        return dict.fromkeys(names, np.nan)
    values = (*timing.normal, timing.normal_error, timing.speed, timing.speed_error)
    return dict(zip(names, values, strict=True))


def main() -> int:
    """Read the command line and write the table."""
    parser = argparse.ArgumentParser(description="The list of Cluster's bow shocks as a table.")
    parser.add_argument("--list", type=Path, required=True, help="lines C1 2001-01-14T22:02:09")
    parser.add_argument("--output", type=Path, required=True, help="CSV")
    parser.add_argument("--positions", type=Path, help="CSV: spacecraft, time, x, y, z (km, GSE)")
    parser.add_argument("--fetch", action="store_true", help="positions from CDAWeb")
    arguments = parser.parse_args()
    try:
        listed = read_list(arguments.list)
        groups = without_repetitions(listed)
        tracks = read_positions(arguments.positions) if arguments.positions else {}
        if arguments.fetch:
            tracks = fetch_positions(groups)
        table = build_table(groups, tracks)
        table.to_csv(arguments.output, index=False, date_format="%Y-%m-%dT%H:%M:%S")
    except (PipelineError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    timed = table.drop_duplicates("group_id")["shock_speed"].notna().sum()
    print(
        f"{len(listed)} crossings, {len(listed) - len(groups)} of them repeated; "
        f"{len(table)} rows, {timed} crossings with normal and speed"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
