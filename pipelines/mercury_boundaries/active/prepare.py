"""Simulated missions in the form that the comparisons need, kept on disk once they are made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

import pipelines.mercury_boundaries as case
from pipelines.contract import Progress, digest_files, silent
from pipelines.mercury_boundaries.active.cells import Cells, cell_classes, cell_features
from pipelines.mercury_boundaries.active.mission import Mission, simulate_orbit
from pipelines.mercury_boundaries.active.orbits import MEASURES, OrbitSummary, summarise
from pipelines.mercury_boundaries.features import BIN, CHANNELS, Bins, bin_classes, bin_series
from pipelines.mercury_boundaries.labels import Classes
from pipelines.mercury_boundaries.series import MagSeries

#: Files on which simulated orbits and what is measured of them depend.
_SOURCES: Final = (
    "simulate.py", "surroundings.py", "orbit.py", "random_series.py",
    "active/mission.py", "active/cells.py", "active/orbits.py",
)  # fmt: skip

#: Seconds a rolling mean of the published detector.
ROLLING: Final = 600


@dataclass(frozen=True)
class PreparedOrbit:
    """An orbit as the comparisons need it.

    Attributes
    ----------
    cells
        For the classifier.
    summary
        For the simple detector of drift.
    rolling
        Means over ten minutes of the north component in nT and of the cosine of the angle between
        spacecraft and Sun, for the published detector, shape (n, 2).
    """

    cells: Cells
    summary: OrbitSummary
    rolling: NDArray[np.float32]


def prepare(series: MagSeries, classes: Classes) -> PreparedOrbit:
    """Prepare an orbit.

    Parameters
    ----------
    series
        Of one orbit, eight hours around its periapsis, with position.
    classes
        Of the seconds, numbers of `labels.CLASSES` or `labels.UNKNOWN`.

    Raises
    ------
    ValueError
        If the position or the field is unknown.
    """
    summary = summarise(series)
    if summary is None:
        raise ValueError(f"{series.description or 'an orbit'} has no field or no position")
    bins = bin_series(series)
    cells = Cells(cell_features(bins), cell_classes(bin_classes(classes, series.first)))
    return PreparedOrbit(cells, summary, rolling_means(bins))


def rolling_means(bins: Bins) -> NDArray[np.float32]:
    """Return `PreparedOrbit.rolling` of an orbit; 0 where nothing was measured.

    Raises
    ------
    ValueError
        If the position is unknown.
    """
    if bins.place is None:
        raise ValueError("without position the angle between spacecraft and Sun is unknown")
    place = np.nan_to_num(bins.place.astype(np.float64), nan=1.0)
    cosine = place[:, 0] / np.linalg.norm(place, axis=1)
    step = ROLLING // BIN
    count = len(bins) // step
    columns = np.column_stack([bins.field[:, 2], cosine])[: count * step]
    return columns.reshape(count, step, 2).mean(axis=1).astype(np.float32)


def prepared_mission(
    mission: Mission,
    numbers: Sequence[int],
    *,
    cache: Path | None = None,
    progress: Progress = silent,
) -> list[PreparedOrbit]:
    """Simulate and prepare orbits of a mission.

    Parameters
    ----------
    mission
        Which.
    numbers
        Of the orbits.
    cache
        Folder in which prepared orbits are looked for and kept, under a name that changes with the
        code of the simulator.
    progress
        Told after each orbit.
    """
    path = prepared_path(mission, numbers, cache) if cache else None
    if path is not None and path.is_file():
        return _read(path)
    made = []
    for done, number in enumerate(numbers):
        one = simulate_orbit(mission, number)
        made.append(prepare(one.series, one.classes))
        progress(f"simulating the mission of seed {mission.seed}", done + 1, len(numbers))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # What is broken off leaves no half of a file under the name that is looked for.
        half = path.with_suffix(".half.npz")
        _write(made, half)
        half.replace(path)
    return made


def prepared_path(mission: Mission, numbers: Sequence[int], cache: Path) -> Path:
    """Return where prepared orbits are kept; the name changes with the code of the simulator."""
    folder = Path(case.__file__).parent
    code = digest_files([folder / each for each in _SOURCES])
    text = f"{code} {CHANNELS} {mission} {list(numbers)}"
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    return cache / f"mission_{mission.seed}_{name}.npz"


def _write(orbits: Sequence[PreparedOrbit], path: Path) -> None:
    np.savez(
        path,
        cells=np.array([len(each.cells.classes) for each in orbits]),
        features=np.concatenate([each.cells.features for each in orbits]),
        classes=np.concatenate([each.cells.classes for each in orbits]),
        steps=np.array([len(each.rolling) for each in orbits]),
        rolling=np.concatenate([each.rolling for each in orbits]),
        spans=np.array([[each.summary.start, each.summary.stop] for each in orbits]),
        measures=np.array([each.summary.measures for each in orbits]).reshape(-1, len(MEASURES)),
        places=np.array([each.summary.place for each in orbits]),
    )


def _read(path: Path) -> list[PreparedOrbit]:
    with np.load(path) as stored:
        values = {name: stored[name] for name in stored.files}
    cuts = np.cumsum(values["cells"])[:-1]
    steps = np.cumsum(values["steps"])[:-1]
    return [
        PreparedOrbit(
            Cells(features, classes),
            OrbitSummary(float(span[0]), float(span[1]), measures, place),
            rolling,
        )
        for features, classes, rolling, span, measures, place in zip(
            np.split(values["features"], cuts),
            np.split(values["classes"], cuts),
            np.split(values["rolling"], steps),
            values["spans"],
            values["measures"],
            values["places"],
            strict=True,
        )
    ]
