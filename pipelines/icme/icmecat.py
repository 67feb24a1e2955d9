"""HELIO4CAST ICMECAT as a reference: which of its events a detected one is.

Möstl et al. (2017, Space Weather 15, 955; 2020, ApJ 903, 92), https://helioforecast.space/icmecat.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import NativeColumn
from pipelines.errors import LabelError, SourceError
from pipelines.signals.events import overlaps
from pipelines.sources.spacecraft import find_spacecraft

#: The event of ICMECAT that a detected event is, and how well both agree.
MATCH_COLUMNS: tuple[NativeColumn, ...] = (
    NativeColumn("icmecat_id", "str", "", "Event of HELIO4CAST ICMECAT that overlaps most"),
    NativeColumn(
        "icmecat_overlap",
        "float64",
        "",
        "Common time of both events over the time that either takes, 0 to 1",
    ),
)

#: Seconds after which a download is given up.
_PATIENCE = 60

_TIMES = ("icme_start_time", "mo_start_time", "mo_end_time")


@dataclass(frozen=True)
class Icmecat:
    """The list.

    Attributes
    ----------
    events
        Its columns, the three times without zone.
    digest
        SHA-256 of the file, hexadecimal.
    """

    events: pd.DataFrame
    digest: str

    def of(self, spacecraft: str) -> pd.DataFrame:
        """Return the events that a spacecraft saw, in order of time."""
        kept = [_is(name, spacecraft) for name in self.events["sc_insitu"]]
        return self.events[kept].sort_values("icme_start_time").reset_index(drop=True)


def _is(name: str, spacecraft: str) -> bool:
    try:
        return find_spacecraft(str(name)).name == spacecraft
    except SourceError:  # one that no source here serves
        return False


def read_icmecat(source: str | Path) -> Icmecat:
    """Read the list from its CSV file.

    Parameters
    ----------
    source
        A path, or an address that begins with ``https://`` or ``http://``.

    Raises
    ------
    LabelError
        If it cannot be had, or is not the list.
    """
    content = _content(str(source))
    try:
        events = pd.read_csv(io.BytesIO(content))
    except ValueError as error:
        raise LabelError(f"{source} cannot be read as CSV: {error}") from error
    missing = [name for name in ("icmecat_id", "sc_insitu", *_TIMES) if name not in events.columns]
    if missing:
        raise LabelError(
            f"{source} has no column {', '.join(missing)}",
            hint="ICMECAT is at https://helioforecast.space/icmecat, as a CSV file",
        )
    for name in _TIMES:
        parsed = pd.to_datetime(events[name], format="ISO8601", errors="coerce", utc=True)
        if parsed.isna().any():
            row = int(np.flatnonzero(parsed.isna())[0])
            raise LabelError(
                f"{source}, line {row + 2}, column {name}: {events[name].iloc[row]!r} is no time"
            )
        events[name] = parsed.dt.tz_localize(None).astype("datetime64[us]")
    return Icmecat(events, hashlib.sha256(content).hexdigest())


def _content(source: str) -> bytes:
    try:
        if source.startswith(("https://", "http://")):
            import requests

            answer = requests.get(source, timeout=_PATIENCE)
            answer.raise_for_status()
            return answer.content
        return Path(source).read_bytes()
    except OSError as error:  # what requests raises is one, too
        raise LabelError(f"{source} cannot be read: {error}") from error


def match(found: pd.DataFrame, listed: pd.DataFrame) -> pd.DataFrame:
    """Say for each detected event which listed one overlaps it most.

    Parameters
    ----------
    found
        Columns ``icme_start_time, icme_end_time``.
    listed
        Columns of ICMECAT; those of one spacecraft.

    Returns
    -------
    matches
        Columns `MATCH_COLUMNS`, one row a detected event; empty and NaN where none overlaps.
    """
    identifiers = np.full(len(found), None, dtype=object)
    ratio = np.full(len(found), np.nan)
    if len(found) and len(listed):
        mine = _seconds(found, "icme_start_time", "icme_end_time")
        other = _seconds(listed, "icme_start_time", "mo_end_time")
        shared = overlaps(mine, other)
        best = shared.argmax(axis=1)
        most = shared[np.arange(len(mine)), best]
        either = np.diff(mine, axis=1)[:, 0] + np.diff(other, axis=1)[best, 0] - most
        hit = most > 0
        identifiers[hit] = listed["icmecat_id"].to_numpy()[best[hit]]
        ratio[hit] = most[hit] / either[hit]
    return pd.DataFrame(
        {"icmecat_id": pd.Series(identifiers, dtype="str"), "icmecat_overlap": ratio}
    )


def _seconds(frame: pd.DataFrame, first: str, last: str) -> NDArray[np.int64]:
    return frame[[first, last]].to_numpy(dtype="datetime64[s]").astype(np.int64)
