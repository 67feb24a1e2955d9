"""How far lists of ejections, and the detector, agree with one another."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.errors import LabelError
from pipelines.signals.events import TRUTH_COLUMNS, overlaps

#: A time as the list of Richardson and Cane writes it, e.g. 2019/05/10 1754.
_TIME = re.compile(r"(\d{4}/\d{2}/\d{2} \d{4})")


def read_richardson_cane(path: Path) -> pd.DataFrame:
    """Read the list of near-Earth ejections from its page (Richardson & Cane 2010, Sol. Phys. 264).

    The disturbance, which is the shock where there is one, starts an event; the plasma and field
    signatures that follow are its obstacle.

    Returns
    -------
    labels
        Columns `TRUTH_COLUMNS`, UTC, in order of time.

    Raises
    ------
    LabelError
        If the file cannot be read or holds no event.
    """
    try:
        page = path.read_text(encoding="latin-1")
    except OSError as error:
        raise LabelError(f"{path} cannot be read: {error}") from error
    rows = []
    for row in re.split(r"<tr\b", page, flags=re.IGNORECASE)[1:]:
        cells = [
            _TIME.search(html.unescape(re.sub(r"<[^>]*>", "", cell)))
            for cell in re.split(r"<td\b", row, flags=re.IGNORECASE)[1:4]
        ]
        if len(cells) == 3 and all(cells):
            rows.append([cell.group(1) for cell in cells if cell])
    if not rows:
        raise LabelError(
            f"{path} holds no event", hint="expected: the HTML page of the list, with its table"
        )
    labels = pd.DataFrame(rows, columns=list(TRUTH_COLUMNS)).apply(
        pd.to_datetime, format="%Y/%m/%d %H%M"
    )
    ordered = labels.icme_start_time < labels.mo_end_time
    kept = labels[ordered].astype("datetime64[us]").sort_values("icme_start_time")
    return kept.reset_index(drop=True)


@dataclass(frozen=True)
class Agreement:
    """Which part of one list is in another, over the time that both cover.

    Attributes
    ----------
    rows, columns
        Names of the lists.
    events
        Events of the row's list in the common time.
    found
        Of these, events that an event of the column's list overlaps.
    """

    rows: str
    columns: str
    events: int
    found: int


def agreement(lists: Mapping[str, pd.DataFrame], fraction: float = 0.0) -> list[Agreement]:
    """Compare every list with every other.

    Parameters
    ----------
    lists
        Columns `TRUTH_COLUMNS` each, by name.
    fraction
        Part of an event that a single event of the other list has to cover; any overlap when 0.
    """
    compared = []
    for row, mine in lists.items():
        for column, other in lists.items():
            if row == column or mine.empty or other.empty:
                continue
            first = max(mine.icme_start_time.min(), other.icme_start_time.min())
            last = min(mine.mo_end_time.max(), other.mo_end_time.max())
            common = mine[(mine.icme_start_time >= first) & (mine.mo_end_time <= last)]
            compared.append(Agreement(row, column, len(common), _shared(common, other, fraction)))
    return compared


def _shared(mine: pd.DataFrame, other: pd.DataFrame, fraction: float) -> int:
    if mine.empty:
        return 0
    one, two = (
        each[["icme_start_time", "mo_end_time"]].to_numpy("datetime64[s]").astype(np.int64)
        for each in (mine, other)
    )
    most = overlaps(one, two).max(axis=1)
    return int(((most > 0) & (most >= fraction * (one[:, 1] - one[:, 0]))).sum())


def agreement_table(compared: list[Agreement]) -> list[str]:
    """Return the lines of a matrix: of the events of the row, how many the column has."""
    names = list(dict.fromkeys(each.rows for each in compared))
    cells = {(each.rows, each.columns): each for each in compared}
    lines = ["| of the events of | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row in names:
        shown = []
        for column in names:
            found = cells.get((row, column))
            shown.append(
                f"{found.found} of {found.events} ({100 * found.found / found.events:.0f} %)"
                if found and found.events
                else "-"
            )
        lines.append(f"| {row} | " + " | ".join(shown) + " |")
    return lines
