"""Labels of orbits: the form that comes back is checked, and kept as orbits that training reads.

A store is a folder with one file for each labelled orbit, ``orbit_<name>.csv.gz`` with the regions
in ``type_num``, so that ``epntap train mercury_boundaries --input STORE --labels STORE`` learns
from all of them; and with ``labels.csv``, the intervals as they were given.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from epntap.suggestions import suggestion
from pipelines.contract import Progress, silent
from pipelines.errors import LabelError
from pipelines.labelling import TakenLabels
from pipelines.mercury_boundaries.active.orbits import OrbitExtent, divide
from pipelines.mercury_boundaries.decide import LONGEST
from pipelines.mercury_boundaries.features import BIN
from pipelines.mercury_boundaries.files import write_csv
from pipelines.mercury_boundaries.labels import (
    BOW_SHOCK,
    MAGNETOPAUSE,
    MAGNETOSPHERE,
    SHEATH,
    SOLAR_WIND,
    classes_of,
)
from pipelines.mercury_boundaries.lists import KINDS, Crossings, make_crossings
from pipelines.mercury_boundaries.series import MagSeries, to_datetime

#: Written in place of times where a boundary is not crossed in this direction.
NOT_CROSSED: Final = "none"

LABELS_FILE: Final = "labels.csv"

_COLUMNS: Final = ("orbit", "Type", "start", "end")

#: Region before and after an interval of each kind.
_BEFORE: Final = (SOLAR_WIND, SHEATH, MAGNETOSPHERE, SHEATH)
_AFTER: Final = (SHEATH, MAGNETOSPHERE, SHEATH, SOLAR_WIND)

#: Number of ``type_num`` of each class.
_TYPES: Final = {SOLAR_WIND: 3, BOW_SHOCK: 4, SHEATH: 2, MAGNETOPAUSE: 5, MAGNETOSPHERE: 1}

#: Wrong rows that are told, at most.
_TOLD: Final = 20


@dataclass(frozen=True)
class _Row:
    """A row of the form that has times.

    Attributes
    ----------
    line
        Of the file, from 1, the heading among them.
    kind
        Number of `KINDS`.
    start, end
        Seconds since 1970.
    """

    line: int
    kind: int
    start: float
    end: float


def labelled_orbits(store: Path) -> set[str]:
    """Return the names of the orbits that have labels in a store, none if there is no store.

    Raises
    ------
    LabelError
        If the store is no folder.
    """
    if store.exists() and not store.is_dir():
        raise LabelError(f"{store} is a file", hint="give a folder for the labels")
    ending = ".csv.gz"
    return {
        each.name.removeprefix("orbit_").removesuffix(ending)
        for each in store.glob(f"orbit_*{ending}")
    }


def take_form(
    series: MagSeries, form: Path, store: Path, progress: Progress = silent
) -> TakenLabels:
    """Check a form and keep its labels; see `pipelines.labelling.LabellingPipeline.take_labels`.

    Raises
    ------
    LabelError
        If a row is wrong or no orbit of the form is labelled; nothing is kept then.
    """
    labelled_orbits(store)
    extents = {each.name: each for each in divide(series)}
    by_orbit, waiting = read_form(form, extents)
    if not by_orbit:
        raise LabelError(
            f"{form} has no labels yet",
            hint=f"write times into start and end, or {NOT_CROSSED} into start",
        )
    _keep(series, extents, by_orbit, store, progress)
    usage = f"epntap train mercury_boundaries --input {store} --labels {store} --output WEIGHTS"
    return TakenLabels(tuple(by_orbit), tuple(waiting), usage)


def read_form(
    form: Path, extents: Mapping[str, OrbitExtent]
) -> tuple[dict[str, Crossings], list[str]]:
    """Read and check a form.

    Parameters
    ----------
    form
        CSV with ``orbit,Type,start,end`` and perhaps more columns.
    extents
        Orbits that there are, by name.

    Returns
    -------
    labels
        Crossings of each orbit that is labelled, in the order of the form.
    waiting
        Orbits of which nothing is filled in.

    Raises
    ------
    LabelError
        With all rows that are wrong.
    """
    try:
        table = pd.read_csv(form, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise LabelError(f"{form} cannot be read as CSV: {error}") from error
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise LabelError(
            f"{form} lacks the columns {', '.join(missing)}",
            hint="a form has orbit, Type, start and end; epntap label-next makes one",
        )
    problems: list[str] = []
    labels: dict[str, Crossings] = {}
    waiting: list[str] = []
    for name, rows in table.groupby("orbit", sort=False):
        if str(name) not in extents:
            problems.append(_unknown_orbit(str(name), rows, list(extents)))
        elif not "".join(rows["start"] + rows["end"]).strip():
            waiting.append(str(name))
        else:
            labels[str(name)] = _orbit_labels(extents[str(name)], rows, problems)
    if problems:
        shown = "\n  ".join(problems[:_TOLD])
        more = f"\n  and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
        raise LabelError(
            f"{form}: nothing was kept, because of\n  {shown}{more}",
            hint="mend these rows and give the whole form again",
        )
    return labels, waiting


def _unknown_orbit(name: str, rows: pd.DataFrame, known: Sequence[str]) -> str:
    line = int(rows.index[0]) + 2
    if not name.strip():
        return f"row {line}, orbit: it is empty; every row names its orbit"
    example = f", such as {known[0]}" if known else ""
    return f"row {line}, orbit: {name!r} is none of the {len(known)} in the data{example}"


def _orbit_labels(extent: OrbitExtent, rows: pd.DataFrame, problems: list[str]) -> Crossings:
    """Return the crossings of an orbit; what is wrong is added to `problems`."""
    before = len(problems)
    filled: list[_Row] = []
    told: set[str] = set()
    for index, kind, start, end in zip(
        rows.index, rows["Type"], rows["start"], rows["end"], strict=True
    ):
        line, kind = int(index) + 2, kind.strip()
        if kind not in KINDS:
            problems.append(
                f"row {line}, Type: {kind!r} is no kind of crossing{suggestion(kind, KINDS)}; "
                f"write one of {', '.join(KINDS)}"
            )
            continue
        words = [start.strip(), end.strip()]
        if any(words):
            told.add(kind)
        if NOT_CROSSED in (each.lower() for each in words):
            if [each for each in words if each and each.lower() != NOT_CROSSED]:
                problems.append(f"row {line}: either times or {NOT_CROSSED}, not both")
        elif any(words):
            problem, row = _times(line, KINDS.index(kind), words, extent)
            if row is None:
                problems.append(problem)
            else:
                filled.append(row)
    if len(problems) == before:
        problems.extend(_together(extent.name, rows, filled, told))
    filled.sort(key=lambda each: each.start)
    return make_crossings(
        np.array([each.start for each in filled]).astype("datetime64[s]"),
        np.array([each.end for each in filled]).astype("datetime64[s]"),
        [KINDS[each.kind] for each in filled],
    )


def _times(
    line: int, kind: int, words: Sequence[str], extent: OrbitExtent
) -> tuple[str, _Row | None]:
    """Return what is wrong with the times of a row, or the row."""
    seconds = []
    for name, text in zip(("start", "end"), words, strict=True):
        if not text:
            return f"row {line}, {name}: it is empty; an interval has both ends", None
        time = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
        if pd.isna(time):
            return f"row {line}, {name}: {text!r} is no time; write 2011-12-28T01:10:00", None
        seconds.append(float(np.floor(time.timestamp())))
    start, end = seconds
    if end < start:
        return f"row {line}, end: {words[1]} is before the start {words[0]}", None
    if end - start > LONGEST * BIN:
        return f"row {line}: {(end - start) / 3600:.1f} h is too long for a crossing", None
    if start < extent.first or end >= extent.last:
        return (
            f"row {line}: {words[0]} to {words[1]} lies outside of its orbit, which lasts from "
            f"{to_datetime(extent.first):%Y-%m-%dT%H:%M:%S} to "
            f"{to_datetime(extent.last):%Y-%m-%dT%H:%M:%S}"
        ), None
    return "", _Row(line, kind, start, end)


def _together(name: str, rows: pd.DataFrame, filled: Sequence[_Row], told: set[str]) -> list[str]:
    """Return what is wrong with the rows of an orbit together."""
    line = int(rows.index[0]) + 2
    silent_kinds = [kind for kind in KINDS if kind not in told]
    if silent_kinds:
        return [
            f"row {line}, orbit {name}: nothing is said of {', '.join(silent_kinds)}; write times, "
            f"or {NOT_CROSSED} where it is not crossed"
        ]
    if not filled:
        return [f"row {line}, orbit {name}: no crossing at all; leave its rows empty"]
    wrong = []
    ordered = sorted(filled, key=lambda each: each.start)
    for first, second in itertools.pairwise(ordered):
        if second.start <= first.end:
            wrong.append(f"row {second.line}: it overlaps the interval of row {first.line}")
        elif _AFTER[first.kind] != _BEFORE[second.kind]:
            wrong.append(
                f"row {second.line}: {KINDS[second.kind]} cannot follow {KINDS[first.kind]} of row "
                f"{first.line}; is one missing, or are they exchanged?"
            )
    return wrong


def type_numbers(extent: OrbitExtent, crossings: Crossings) -> NDArray[np.int8]:
    """Return ``type_num`` of each second of an orbit that is wholly labelled, shape (n,).

    Parameters
    ----------
    extent
        The orbit.
    crossings
        All of its intervals, at least one, each leading to where the next one begins.
    """
    samples = extent.last - extent.first
    classes = classes_of(crossings, extent.first, samples)
    start = int(crossings.start[0]) - extent.first
    end = int(np.ceil(crossings.end[-1])) - extent.first
    classes[:start] = _BEFORE[int(crossings.kind[0])]
    classes[max(end, start + 1) :] = _AFTER[int(crossings.kind[-1])]
    types = np.zeros(samples, dtype=np.int8)
    for class_, number in _TYPES.items():
        types[classes == class_] = number
    return types


def _keep(
    series: MagSeries,
    extents: Mapping[str, OrbitExtent],
    by_orbit: Mapping[str, Crossings],
    store: Path,
    progress: Progress,
) -> None:
    """Write all files beside the store first, then put them in their places."""
    try:
        store.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".taking-", dir=store))
    except OSError as error:
        raise LabelError(f"{store} cannot be written: {error}") from error
    try:
        for number, (name, crossings) in enumerate(by_orbit.items()):
            extent = extents[name]
            part = series.between(extent.first, extent.last)
            write_csv(part, type_numbers(extent, crossings), folder / f"orbit_{name}.csv.gz")
            progress("keeping labels", number + 1, len(by_orbit))
        _joined(store, by_orbit).to_csv(folder / LABELS_FILE, index=False)
        for each in sorted(folder.iterdir()):
            each.replace(store / each.name)
    except OSError as error:
        raise LabelError(f"{store} cannot be written: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _joined(store: Path, by_orbit: Mapping[str, Crossings]) -> pd.DataFrame:
    """Return the intervals that a store has, with those of the orbits that are labelled anew."""
    rows = [
        {
            "orbit": name,
            "start": to_datetime(int(start)).isoformat(),
            "end": to_datetime(int(end)).isoformat(),
            "Type": KINDS[kind],
        }
        for name, crossings in by_orbit.items()
        for start, end, kind in zip(crossings.start, crossings.end, crossings.kind, strict=True)
    ]
    table = pd.DataFrame(rows)
    path = store / LABELS_FILE
    if path.is_file():
        old = pd.read_csv(path, dtype=str)
        table = pd.concat([old[~old["orbit"].isin(by_orbit)], table])
    return table.sort_values("start", kind="stable")
