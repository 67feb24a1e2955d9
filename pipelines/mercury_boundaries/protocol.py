"""Cross-validation by orbits: every orbit is answered for by networks that never saw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import LabelError
from pipelines.mercury_boundaries.detect import class_probabilities
from pipelines.mercury_boundaries.features import Bins
from pipelines.mercury_boundaries.files import data_files, read_labelled
from pipelines.mercury_boundaries.labels import Classes, classes_of_types
from pipelines.mercury_boundaries.series import MagSeries
from pipelines.mercury_boundaries.train import (
    PRETRAINING,
    TRAINING,
    Labelled,
    fit,
    label,
)

#: Contiguous groups of orbits, each left out in turn.
FOLDS = 3


@dataclass(frozen=True)
class Orbit:
    """A labelled orbit.

    Attributes
    ----------
    name
        Of the file.
    series
        What was measured.
    classes
        Of each second, numbers of `labels.CLASSES` or `labels.UNKNOWN`, shape (n,).
    """

    name: str
    series: MagSeries
    classes: Classes


def read_orbits(path: Path) -> list[Orbit]:
    """Read every file of a folder as a labelled orbit of its own.

    Raises
    ------
    PipelineError
        If a file cannot be read or says nothing of regions.
    """
    orbits = []
    for each in data_files(path):
        series, types = read_labelled(each)
        if not types.any():
            raise LabelError(
                f"{each} says nothing of regions", hint="training needs the column type_num"
            )
        orbits.append(Orbit(each.name, series, classes_of_types(types)))
    return orbits


@dataclass(frozen=True)
class Answers:
    """What networks said of orbits that they never saw.

    Attributes
    ----------
    probabilities
        Of each seed and orbit, shape (classes, bins), with the position known.
    blind
        The same without position.
    """

    probabilities: tuple[tuple[NDArray[np.float32], ...], ...]
    blind: tuple[tuple[NDArray[np.float32], ...], ...]


def fold_of(number: int, orbits: int, folds: int = FOLDS) -> int:
    """Return which group an orbit belongs to: groups follow each other in time."""
    return number * folds // orbits


def pretrain(
    seeds: Sequence[int],
    simulated: Sequence[Labelled],
    *,
    steps: int = PRETRAINING,
    progress: Progress = silent,
) -> list[Mapping[str, object]]:
    """Return the states of networks that have learnt from simulated orbits alone, one a seed."""
    states: list[Mapping[str, object]] = []
    for done, seed in enumerate(seeds):
        states.append(fit([], simulated, seed=seed, steps=steps).state_dict())
        progress("learning from simulation", done + 1, len(seeds))
    return states


def cross_validate(
    orbits: Sequence[Labelled],
    simulated: Sequence[Labelled],
    states: Sequence[Mapping[str, object]],
    *,
    folds: int = FOLDS,
    steps: int = TRAINING,
    progress: Progress = silent,
) -> Answers:
    """Answer for every orbit with networks that learnt from the other groups.

    Parameters
    ----------
    orbits
        In order of time.
    simulated
        Taught to all networks.
    states
        Of networks that know simulated orbits, one a seed.
    folds, steps
        Groups, and batches of training each.
    progress
        Told after each network.
    """
    group = [fold_of(number, len(orbits), folds) for number in range(len(orbits))]
    tables: tuple[list[tuple[NDArray[np.float32], ...]], ...] = ([], [])
    for seed, state in enumerate(states):
        rows: tuple[list[NDArray[np.float32]], ...] = ([], [])
        for fold in range(folds):
            known = [each for each, mine in zip(orbits, group, strict=True) if mine != fold]
            network = fit(known, simulated, seed=100 + seed, steps=steps, start=state)
            for each, mine in zip(orbits, group, strict=True):
                if mine == fold:
                    for row, bins in zip(rows, _both(each.bins), strict=True):
                        row.append(class_probabilities((network,), bins))
            progress("cross-validating", seed * folds + fold + 1, len(states) * folds)
        for table, row in zip(tables, rows, strict=True):
            table.append(tuple(row))
    return Answers(tuple(tables[0]), tuple(tables[1]))


def _both(bins: Bins) -> tuple[Bins, Bins]:
    return bins, bins.without_position()


def label_orbits(orbits: Sequence[Orbit]) -> list[Labelled]:
    """Return the orbits as the network sees them."""
    return [label(each.series, each.classes) for each in orbits]
