"""Cross-validation by orbits: every orbit is answered for by networks that never saw it.

``python -m pipelines.mercury_boundaries.protocol --data FOLDER --answers FILE --states FOLDER``
does it for labelled orbits, keeps the answers, and networks that learnt from all of the orbits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import LabelError, PipelineError, require
from pipelines.mercury_boundaries.detect import class_probabilities
from pipelines.mercury_boundaries.features import Bins, bin_series
from pipelines.mercury_boundaries.files import data_files, read_labelled
from pipelines.mercury_boundaries.labels import Classes, classes_of_types
from pipelines.mercury_boundaries.series import MagSeries
from pipelines.mercury_boundaries.train import (
    PRETRAINING,
    TRAINING,
    Labelled,
    fit,
    label,
    training_simulations,
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

    def write(self, path: Path) -> None:
        """Keep them in a file."""
        arrays = {
            f"{kind}_{seed}_{orbit}": values.astype(np.float16)
            for kind, table in (("with", self.probabilities), ("without", self.blind))
            for seed, row in enumerate(table)
            for orbit, values in enumerate(row)
        }
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def read_answers(path: Path) -> Answers:
    """Read what `Answers.write` wrote.

    Raises
    ------
    LabelError
        If the file is not there or is something else.
    """
    try:
        with np.load(path) as stored:
            names = [each.split("_") for each in stored.files]
            seeds = sorted({int(each[1]) for each in names})
            orbits = sorted({int(each[2]) for each in names})
            tables = [
                tuple(
                    tuple(stored[f"{kind}_{seed}_{orbit}"].astype(np.float32) for orbit in orbits)
                    for seed in seeds
                )
                for kind in ("with", "without")
            ]
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise LabelError(
            f"{path} holds no answers: {error}",
            hint="make them with python -m pipelines.mercury_boundaries.protocol",
        ) from error
    return Answers(tables[0], tables[1])


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


def orbit_bins(orbits: Sequence[Orbit]) -> list[Bins]:
    """Return the bins of each orbit."""
    return [bin_series(each.series) for each in orbits]


def main() -> int:
    """Read the command line, cross-validate, and keep answers and weights."""
    parser = argparse.ArgumentParser(description="Cross-validation by orbits.")
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled orbits")
    parser.add_argument("--answers", type=Path, required=True, help="file to write")
    parser.add_argument("--states", type=Path, required=True, help="folder for final networks")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--keep", type=int, default=3, help="networks that learn from all orbits")
    arguments = parser.parse_args()
    torch = require("torch")
    torch.set_num_threads(1)

    def tell(description: str, done: int, total: int) -> None:
        print(f"{description}: {done} of {total}", flush=True)

    try:
        orbits = label_orbits(read_orbits(arguments.data))
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    simulated = training_simulations(progress=tell)
    states = pretrain(range(arguments.seeds), simulated, progress=tell)
    arguments.states.mkdir(parents=True, exist_ok=True)
    cross_validate(orbits, simulated, states, progress=tell).write(arguments.answers)
    for seed, state in enumerate(states[: arguments.keep]):
        network = fit(orbits, simulated, seed=100 + seed, steps=TRAINING, start=state)
        torch.save(network.state_dict(), arguments.states / f"seed{seed}.pt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
