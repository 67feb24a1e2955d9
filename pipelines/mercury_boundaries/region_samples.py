"""The published protocol of the forest: samples near crossings, divided at random.

``python -m pipelines.mercury_boundaries.region_samples --data FOLDER`` scores a random forest on
the samples of Hollman et al. (2026, J. Geophys. Res. Machine Learning and Computation,
10.1029/2025JH000921) as they do, a tenth drawn at random held back; and then with a tenth of
neighbouring rows held back, which no neighbour in the training set gives away. Samples are single
vectors with their variability, so that five of the 28 features can be had, and no times, so that
nothing that looks at series can be scored.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.errors import LabelError, PipelineError, require

FILES: Final = {
    "5 min": "messenger_mag_region_samples_5min.csv",
    "10 min": "messenger_mag_region_samples_10min.csv",
}

FEATURES: Final = ("mag_total", "mag_x", "mag_y", "mag_z", "mag_variability")

#: Seeds, share that is held back, trees.
SEEDS, _HELD_BACK, _TREES = 30, 10, 100


def read_samples(path: Path) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Read samples in their order: features, shape (n, 5), and the region of each, shape (n,).

    Raises
    ------
    LabelError
        If the file cannot be read or lacks a column.
    """
    try:
        table = pd.read_csv(path)
        features = table[list(FEATURES)].to_numpy(np.float64)
        return features, table["region"].to_numpy(dtype=str)
    except (OSError, ValueError, KeyError) as error:
        raise LabelError(
            f"{path} has no samples of regions: {error}",
            hint=f"columns region,{','.join(FEATURES)} are needed",
        ) from error


def balanced(regions: NDArray[np.str_], random: np.random.Generator) -> NDArray[np.int64]:
    """Return rows of which each region has as many, in order of the file."""
    names, counts = np.unique(regions, return_counts=True)
    least = int(counts.min())
    chosen = [random.choice(np.flatnonzero(regions == each), least, False) for each in names]
    return np.sort(np.concatenate(chosen))


def random_tenth(regions: NDArray[np.str_], random: np.random.Generator) -> NDArray[np.bool_]:
    """Return which rows are held back, drawn one by one."""
    return random.permutation(len(regions)) < len(regions) // _HELD_BACK


def neighbouring_tenth(regions: NDArray[np.str_], number: int) -> NDArray[np.bool_]:
    """Return which rows are held back: the same tenth of the rows of each region."""
    held = np.zeros(len(regions), dtype=bool)
    for name in np.unique(regions):
        rows = np.flatnonzero(regions == name)
        held[rows[np.arange(len(rows)) * _HELD_BACK // len(rows) == number % _HELD_BACK]] = True
    return held


def forest_accuracy(
    features: NDArray[np.float64],
    regions: NDArray[np.str_],
    held: NDArray[np.bool_],
    seed: int,
) -> float:
    """Return the accuracy on rows that are held back from a forest."""
    ensemble = require("sklearn.ensemble")
    forest = ensemble.RandomForestClassifier(_TREES, random_state=seed, n_jobs=1)
    forest.fit(features[~held], regions[~held])
    return float((forest.predict(features[held]) == regions[held]).mean())


def accuracies(path: Path, seeds: Sequence[int]) -> dict[str, NDArray[np.float64]]:
    """Return the accuracy of each seed under both ways of holding samples back.

    Raises
    ------
    LabelError
        If the samples cannot be read.
    """
    features, regions = read_samples(path)
    found: dict[str, list[float]] = {"drawn at random": [], "neighbouring rows": []}
    for seed in seeds:
        random = np.random.default_rng(seed)
        rows = balanced(regions, random)
        mine, names = features[rows], regions[rows]
        for how, held in (
            ("drawn at random", random_tenth(names, random)),
            ("neighbouring rows", neighbouring_tenth(names, seed)),
        ):
            found[how].append(forest_accuracy(mine, names, held, seed))
    return {how: np.array(values) for how, values in found.items()}


def table(folder: Path, seeds: int = SEEDS) -> list[str]:
    """Return the lines of the table of the README.

    Raises
    ------
    LabelError
        If the samples cannot be read.
    """
    lines = ["| samples within | held back | accuracy of regions |", "|---|---|---|"]
    for name, file in FILES.items():
        for how, values in accuracies(folder / file, range(seeds)).items():
            lines.append(f"| {name} | {how} | {values.mean():.4f} ± {values.std():.4f} |")
    return lines


def main() -> int:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description="The forest under its published protocol.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the samples")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    arguments = parser.parse_args()
    try:
        print("\n".join(table(arguments.data, arguments.seeds)))
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
