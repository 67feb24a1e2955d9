"""Score all detectors on simulated orbits that none of them learnt from: the README's tables.

``python -m pipelines.earth_boundaries.measure`` writes the figures into ``results.json``. The
weights of the package are scored as they are, each network alone and all together; the baselines
are trained here on some of the orbits that the networks learnt from.
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
from pipelines.earth_boundaries.choose import (
    TOLERANCE,
    Answered,
    answered,
    choose,
    score_answers,
    score_rule,
)
from pipelines.earth_boundaries.crossings import CrossingRule, find_crossings
from pipelines.earth_boundaries.detect import load_region_networks, region_probabilities
from pipelines.earth_boundaries.features import features
from pipelines.earth_boundaries.matching import CrossingScores
from pipelines.earth_boundaries.parameters import read_parameters
from pipelines.earth_boundaries.regions import REGIONS
from pipelines.earth_boundaries.results import merge_results
from pipelines.earth_boundaries.shipped import (
    RULE_ORBITS,
    RULE_SEED,
    TEST_ORBITS,
    TEST_SEED,
    TRAINING_SEED,
)
from pipelines.earth_boundaries.simulate import Simulation
from pipelines.earth_boundaries.train import simulated_orbits
from pipelines.earth_boundaries.weights import SHIPPED_WEIGHTS
from pipelines.errors import PipelineError, require

#: Of the orbits that the networks learnt from, so many serve the baselines.
_BASELINE_ORBITS = 3

#: Minutes that a forest learns from.
_FOREST_MINUTES = 15_000

Answer = Callable[[Simulation], NDArray[np.float64]]


def fit_forest(training: Sequence[Simulation], seed: int) -> Answer:
    """Train a plain random forest on single minutes: the baseline for regions."""
    ensemble = require("sklearn.ensemble")
    random = np.random.default_rng(seed)
    inputs = np.concatenate([features(each.series).T for each in training])
    regions = np.concatenate([each.regions for each in training])
    chosen = random.choice(len(regions), _FOREST_MINUTES, replace=False)
    forest = ensemble.RandomForestClassifier(n_estimators=50, random_state=seed, n_jobs=1)
    forest.fit(inputs[chosen], regions[chosen])
    if len(forest.classes_) != len(REGIONS):
        raise PipelineError("not every region occurs in what the forest learns from")

    def answer(one: Simulation) -> NDArray[np.float64]:
        return np.asarray(forest.predict_proba(features(one.series).T).T)

    return answer


def answers_of(answer: Answer, orbits: Sequence[Simulation]) -> list[Answered]:
    """Return the answers of a method for orbits, beside the truth."""
    return [answered(answer(each), each.regions) for each in orbits]


def figures(several: Sequence[Answered], rule: CrossingRule) -> dict[str, float]:
    """Return the figures of one method on all orbits."""
    regions, crossings = score_answers(several), score_rule(several, rule)
    return {
        "accuracy": regions.accuracy,
        "macro_f1": regions.macro_f1,
        **crossing_figures(crossings),
    }


def crossing_figures(scores: CrossingScores) -> dict[str, float]:
    """Return precision, recall, F1 and time error of crossings."""
    return {
        "precision": scores.precision,
        "recall": scores.recall,
        "f1": scores.f1,
        "time_error_median_s": scores.time_error_median,
        "n_true": scores.n_true,
        "n_found": scores.n_found,
    }


def spread(several: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation of each figure over seeds."""
    return {
        name: {
            "mean": float(np.mean([each[name] for each in several])),
            "sd": float(np.std([each[name] for each in several], ddof=1)),
        }
        for name in several[0]
    }


def measure_regions(
    weights: Path, seeds: Sequence[int], progress: Progress = silent
) -> dict[str, Any]:
    """Return the figures of networks and forests on the orbits set aside for tests."""
    networks = load_region_networks(weights)
    parameters = read_parameters(weights)
    tests = simulated_orbits(TEST_ORBITS, seed=TEST_SEED, progress=progress)

    def ensemble(one: Simulation) -> NDArray[np.float64]:
        return region_probabilities(one.series, networks)

    together = answers_of(ensemble, tests)
    alone = []
    for number, network in enumerate(networks):
        single = [
            answered(region_probabilities(each.series, [network]), each.regions) for each in tests
        ]
        alone.append(figures(single, parameters.rule))
        progress("scoring networks", number + 1, len(networks))
    training = simulated_orbits(_BASELINE_ORBITS, seed=TRAINING_SEED, progress=progress)
    aside = simulated_orbits(RULE_ORBITS, seed=RULE_SEED, progress=progress)
    forests = []
    for number, seed in enumerate(seeds):
        forest = fit_forest(training, seed)
        rule = choose(answers_of(forest, aside)).rule
        forests.append(figures(answers_of(forest, tests), rule))
        progress("scoring forests", number + 1, len(seeds))
    return {
        "plain forest": spread(forests),
        "network": spread(alone),
        "networks together": figures(together, parameters.rule),
        "confusion": score_answers(together).confusion.tolist(),
        "networks": len(networks),
        "test_orbits": TEST_ORBITS,
    }


def measure_published(
    weights: Path, seeds: Sequence[int], progress: Progress = silent
) -> dict[str, Any]:
    """Return the figures for bow shocks under the published protocol and on all hours."""
    from pipelines.earth_boundaries.direct import (
        fit_direct,
        hours_of,
        peaks,
        score_in_hours,
        similarities,
    )

    networks, rule = load_region_networks(weights), read_parameters(weights).rule
    training = simulated_orbits(_BASELINE_ORBITS, seed=TRAINING_SEED, progress=progress)
    tests = simulated_orbits(TEST_ORBITS, seed=TEST_SEED, progress=progress)
    learnt = [hours_of(each.series, each.regions) for each in training]
    held_out = [hours_of(each.series, each.regions) for each in tests]
    result: dict[str, Any] = {}
    found: dict[str, list[list[NDArray[np.float64]]]] = {"direct detector": [], "network": []}
    for number, seed in enumerate(seeds):
        direct = fit_direct(learnt, seed=seed)
        found["direct detector"].append([peaks(similarities(direct, each)) for each in held_out])
        progress("scoring direct detectors", number + 1, len(seeds))
    for network in networks:
        times = []
        for each in tests:
            crossings = find_crossings(region_probabilities(each.series, [network]), rule)
            times.append(crossings.time[crossings.boundary == 0])
        found["network"].append(times)
    for name, runs in found.items():
        for protocol, everything in (("hours with a crossing", False), ("all hours", True)):
            rows = []
            for run in runs:
                total = CrossingScores(0, 0, np.empty(0))
                for times, hours in zip(run, held_out, strict=True):
                    total = total + score_in_hours(times, hours, TOLERANCE, all_hours=everything)
                rows.append(crossing_figures(total))
            result.setdefault(name, {})[protocol] = spread(rows)
    return result


def main() -> int:
    """Read the command line and write the figures."""
    parser = argparse.ArgumentParser(description="Scores on simulated orbits.")
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS)
    parser.add_argument("--seeds", type=int, default=5, help="of the baselines")
    parser.add_argument("--part", choices=("regions", "published", "all"), default="all")
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)

    def tell(description: str, done: int, total: int) -> None:
        print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)

    try:
        seeds = range(arguments.seeds)
        if arguments.part in ("regions", "all"):
            merge_results({"orbits": measure_regions(arguments.weights, seeds, tell)})
        if arguments.part in ("published", "all"):
            merge_results({"published": measure_published(arguments.weights, seeds, tell)})
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
