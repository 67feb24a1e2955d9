"""Score region classifiers on labelled windows, blocked by pass: what the README's table holds.

``python -m pipelines.earth_boundaries.window_measure --windows FILE.npz`` writes the figures into
``results.json``. Neighbouring windows are nearly the same measurement, so whole passes are held
out; a region that was met on a single pass is then unknown to whatever learnt from the others.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.earth_boundaries.regions import WINDOW_REGIONS
from pipelines.earth_boundaries.results import merge_results
from pipelines.earth_boundaries.scores import score_regions
from pipelines.earth_boundaries.window_train import fit_windows
from pipelines.earth_boundaries.windows import Windows, passes, read_windows, typical_x
from pipelines.errors import PipelineError, require

#: Windows of a contiguous block of the milder split.
_BLOCK = 10

Answer = Callable[[Windows], NDArray[np.int64]]
Fit = Callable[[Windows, int], Answer]


def blocks(windows: Windows) -> NDArray[np.int64]:
    """Return contiguous blocks of at most ten windows, none of two passes, shape (n,)."""
    of_pass = passes(windows)
    begins = np.flatnonzero(np.diff(of_pass, prepend=-1))
    within = np.arange(len(windows)) - begins[of_pass]
    new = (within % _BLOCK) == 0
    return np.asarray(np.cumsum(new) - 1, dtype=np.int64)


def fold_of_groups(groups: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each window; a group is in one fold, folds are about equally large.

    Parameters
    ----------
    groups
        Number of the group of each window, shape (n,).
    folds
        How many.
    seed
        Of the order in which groups are dealt out.
    """
    random = np.random.default_rng(seed)
    sizes = np.bincount(groups)
    load = np.zeros(folds, dtype=np.int64)
    fold = np.empty(len(sizes), dtype=np.int64)
    for group in random.permutation(len(sizes)):
        fold[group] = load.argmin()
        load[fold[group]] += sizes[group]
    return fold[groups]


def fit_forest(training: Windows, seed: int) -> Answer:
    """Train a plain random forest on the mean spectrum, field, temperature and X: the baseline."""
    ensemble = require("sklearn.ensemble")
    forest = ensemble.RandomForestClassifier(n_estimators=200, random_state=seed, n_jobs=1)
    forest.fit(_means(training), training.required_labels())

    def answer(windows: Windows) -> NDArray[np.int64]:
        return np.asarray(forest.predict(_means(windows)), dtype=np.int64)

    return answer


def _means(windows: Windows) -> NDArray[np.float64]:
    return np.column_stack(
        [
            windows.flux.mean(axis=1),
            windows.field.mean(axis=1),
            windows.temperature.mean(axis=1),
            np.nan_to_num(typical_x(windows)),
        ]
    )


def fit_network(*, simulated: bool, real: bool, steps: int) -> Fit:
    """Return a way to train the network on the kinds of windows that are named."""

    def fit(training: Windows, seed: int) -> Answer:
        from pipelines.earth_boundaries.window_detect import name_windows

        network = fit_windows(
            training if real else None, seed=1000 + seed, steps=steps, simulated=simulated
        )

        def answer(windows: Windows) -> NDArray[np.int64]:
            return name_windows([network], windows).argmax(axis=1)

        return answer

    return fit


def cross_validate(
    windows: Windows,
    groups: NDArray[np.int64],
    fit: Fit,
    *,
    seeds: Sequence[int],
    folds: int = 5,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score a method on groups that it did not learn from.

    Returns
    -------
    scores
        ``accuracy`` and ``macro_f1`` of each seed, their means and standard deviations, and the
        confusion of all seeds together.
    """
    labels = windows.required_labels()
    accuracy, macro = [], []
    confusion = np.zeros((len(WINDOW_REGIONS),) * 2, dtype=np.int64)
    for number, seed in enumerate(seeds):
        fold = fold_of_groups(groups, folds, seed)
        named = np.empty_like(labels)
        for each in range(folds):
            held_out = fold == each
            named[held_out] = fit(windows.take(~held_out), seed)(windows.take(held_out))
        scores = score_regions(labels, named, WINDOW_REGIONS)
        accuracy.append(scores.accuracy)
        macro.append(scores.macro_f1)
        confusion += scores.confusion
        progress("cross-validating", number + 1, len(seeds))
    return {**summary(accuracy, macro), "confusion": confusion.tolist()}


def without_labels(
    windows: Windows, *, seeds: Sequence[int], steps: int, progress: Progress = silent
) -> dict[str, Any]:
    """Score networks that learnt from simulation alone, on all windows; keys as above."""
    labels = windows.required_labels()
    accuracy, macro = [], []
    confusion = np.zeros((len(WINDOW_REGIONS),) * 2, dtype=np.int64)
    fit = fit_network(simulated=True, real=False, steps=steps)
    for number, seed in enumerate(seeds):
        scores = score_regions(labels, fit(windows, seed)(windows), WINDOW_REGIONS)
        accuracy.append(scores.accuracy)
        macro.append(scores.macro_f1)
        confusion += scores.confusion
        progress("training on simulation", number + 1, len(seeds))
    return {**summary(accuracy, macro), "confusion": confusion.tolist()}


def summary(accuracy: Sequence[float], macro: Sequence[float]) -> dict[str, Any]:
    """Return values of all seeds with their means and standard deviations."""
    return {
        "accuracy": list(accuracy),
        "accuracy_mean": float(np.mean(accuracy)),
        "accuracy_sd": float(np.std(accuracy, ddof=1)),
        "macro_f1_mean": float(np.mean(macro)),
        "macro_f1_sd": float(np.std(macro, ddof=1)),
        "seeds": len(accuracy),
    }


def measure(
    windows: Windows, *, seeds: Sequence[int], steps: int, progress: Progress = silent
) -> dict[str, Any]:
    """Return the scores of all methods on both splits."""
    methods: dict[str, Fit] = {
        "plain forest": fit_forest,
        "network, real windows": fit_network(simulated=False, real=True, steps=steps),
        "network, real and simulated": fit_network(simulated=True, real=True, steps=steps),
    }
    result: dict[str, Any] = {}
    for split, groups in (("pass", passes(windows)), ("block", blocks(windows))):
        result[split] = {
            name: cross_validate(windows, groups, fit, seeds=seeds, progress=progress)
            for name, fit in methods.items()
        }
    result["all"] = {
        "network, simulated windows": without_labels(
            windows, seeds=seeds, steps=steps, progress=progress
        )
    }
    result["windows"], result["passes"] = len(windows), int(passes(windows).max()) + 1
    return result


def main() -> int:
    """Read the command line and write the figures."""
    parser = argparse.ArgumentParser(description="Scores of region classifiers on MMS windows.")
    parser.add_argument("--windows", type=Path, required=True, help="labelled windows, .npz")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=800)
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)

    def tell(description: str, done: int, total: int) -> None:
        print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)

    try:
        windows = read_windows(arguments.windows)
        figures = measure(
            windows, seeds=range(arguments.seeds), steps=arguments.steps, progress=tell
        )
        merge_results({"windows": figures})
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
