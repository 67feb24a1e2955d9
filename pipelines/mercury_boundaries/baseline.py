"""Score the random forest under the network's own split, and note it beside the weights.

``python -m pipelines.mercury_boundaries.baseline --data FOLDER [--weights FOLDER]``
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PipelineError
from pipelines.mercury_boundaries.detect import PARAMETERS_FILE, SHIPPED_WEIGHTS
from pipelines.mercury_boundaries.evaluate import REGIONS, score_classes
from pipelines.mercury_boundaries.forest import (
    fit_forest,
    forest_classes,
    forest_features,
    window_classes,
)
from pipelines.mercury_boundaries.labels import CLASSES, Classes
from pipelines.mercury_boundaries.protocol import FOLDS, Orbit, fold_of, read_orbits
from pipelines.mercury_boundaries.truth import truth_of

FIVE = tuple(range(len(CLASSES)))


def forest_answers(
    orbits: Sequence[Orbit],
    features: Sequence[NDArray[np.float64]],
    which: Sequence[int],
    seed: int,
    folds: int = FOLDS,
) -> list[Classes]:
    """Return the class of each second of each orbit by forests that never saw its group."""
    group = [fold_of(number, len(orbits), folds) for number in range(len(orbits))]
    windows = [window_classes(each.classes) for each in orbits]
    answers = []
    for fold in range(folds):
        others = [number for number, mine in enumerate(group) if mine != fold]
        forest = fit_forest(
            [features[each] for each in others], [windows[each] for each in others], which, seed
        )
        for number, mine in enumerate(group):
            if mine == fold:
                samples = len(orbits[number].classes)
                answers.append(forest_classes(forest, features[number], samples))
    return answers


def forest_summary(
    orbits: Sequence[Orbit], seeds: Sequence[int], *, position: bool
) -> dict[str, Any]:
    """Return mean and standard deviation over seeds of the forest's scores."""
    features = [
        forest_features(each.series if position else each.series.without_position())
        for each in orbits
    ]
    true = np.concatenate([truth_of(each).classes for each in orbits])
    rows = []
    for seed in seeds:
        three = score_classes(
            true, np.concatenate(forest_answers(orbits, features, REGIONS, seed)), REGIONS
        )
        five = score_classes(
            true, np.concatenate(forest_answers(orbits, features, FIVE, seed)), FIVE
        )
        rows.append(
            {
                "accuracy": three.accuracy,
                "macro_f1": three.macro_f1,
                "accuracy_five": five.accuracy,
                "macro_f1_five": five.macro_f1,
                "recall_bow_shock": five.per_class["bow_shock"]["recall"],
                "recall_magnetopause": five.per_class["magnetopause"]["recall"],
            }
        )
    return {
        name: [
            float(np.mean([row[name] for row in rows])),
            float(np.std([row[name] for row in rows])),
        ]
        for name in rows[0]
    }


def main() -> int:
    """Read the command line, score, and add the scores to the notes of the weights."""
    parser = argparse.ArgumentParser(description="The forest under the network's split.")
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled orbits")
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    path = arguments.weights / PARAMETERS_FILE
    try:
        orbits = read_orbits(arguments.data)
        values = json.loads(path.read_text())
    except (PipelineError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    seeds = range(arguments.seeds)
    values["notes"]["forest"] = forest_summary(orbits, seeds, position=True)
    values["notes"]["forest_without_position"] = forest_summary(orbits, seeds, position=False)
    path.write_text(json.dumps(values, indent=2) + "\n")
    print(json.dumps({key: values["notes"][key] for key in values["notes"] if "forest" in key}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
