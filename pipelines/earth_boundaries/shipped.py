"""Train the weights that come with the package: ``python -m pipelines.earth_boundaries.shipped``.

They learn from simulation alone. The labelled windows that can be had carry no licence, and nobody
has handed on moments of Cluster with regions.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipelines.contract import Progress, silent
from pipelines.earth_boundaries.choose import answered, choose
from pipelines.earth_boundaries.detect import load_region_networks, region_probabilities
from pipelines.earth_boundaries.parameters import PARAMETERS_FILE
from pipelines.earth_boundaries.train import fit_regions, labelled, simulated_orbits
from pipelines.earth_boundaries.weights import SHIPPED_WEIGHTS
from pipelines.earth_boundaries.window_train import fit_windows
from pipelines.errors import PipelineError, require
from pipelines.weights import write_tensors

#: Seeds of simulated orbits: for learning, for the rule, and for the scores of the README.
TRAINING_SEED, RULE_SEED, TEST_SEED = 1000, 2000, 5000

#: How many of each.
TRAINING_ORBITS, RULE_ORBITS, TEST_ORBITS = 8, 2, 3


def train_windows(folder: Path, *, networks: int, steps: int) -> None:
    """Train networks for windows on simulated windows and write them."""
    for number in range(networks):
        network = fit_windows(None, seed=100 + number, steps=steps)
        write_tensors(network.state_dict(), folder / f"windows_{number}.safetensors")


def train_moments(
    folder: Path, *, networks: int, steps: int, first: int = 0, progress: Progress = silent
) -> None:
    """Train networks for minutes on simulated orbits, choose the rule on others, and write both.

    Those before `first` are kept as they are in the folder: each has a seed of its own.
    """
    made = simulated_orbits(TRAINING_ORBITS, seed=TRAINING_SEED, progress=progress)
    several = [labelled(each.series, each.regions) for each in made]
    for number in range(first, networks):
        network = fit_regions(several, seed=number, steps=steps)
        write_tensors(network.state_dict(), folder / f"moments_{number}.safetensors")
        progress("training networks", number + 1, networks)
    choose_rule(folder, load_region_networks(folder), progress=progress)


def choose_rule(folder: Path, networks: list[object], *, progress: Progress = silent) -> None:
    """Choose the rule for crossings on orbits that were not learnt from, and write it."""
    aside = simulated_orbits(RULE_ORBITS, seed=RULE_SEED, progress=progress)
    answers = [
        answered(region_probabilities(each.series, networks), each.regions) for each in aside
    ]
    choose(answers, orbits=len(aside), first_seed=RULE_SEED).write(folder / PARAMETERS_FILE)


def main() -> int:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train the weights of the package.")
    parser.add_argument("--output", type=Path, default=SHIPPED_WEIGHTS)
    parser.add_argument("--windows", type=int, default=5, help="networks for windows")
    parser.add_argument("--moments", type=int, default=5, help="networks for minutes")
    parser.add_argument(
        "--first", type=int, default=0, help="networks for minutes before this one are kept"
    )
    parser.add_argument(
        "--rule", action="store_true", help="only choose the rule for the networks that are there"
    )
    parser.add_argument("--window-steps", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=2000)
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)

    def tell(description: str, done: int, total: int) -> None:
        print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)

    try:
        if arguments.rule:
            choose_rule(arguments.output, load_region_networks(arguments.output), progress=tell)
            return 0
        if arguments.windows:
            train_windows(
                arguments.output, networks=arguments.windows, steps=arguments.window_steps
            )
        if arguments.moments:
            train_moments(
                arguments.output,
                networks=arguments.moments,
                steps=arguments.steps,
                first=arguments.first,
                progress=tell,
            )
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
