"""Scores of the detector where it has never been: one spacecraft or year left out after the other.

Three real series are left out in turn. Networks are trained on the other two, on hourly OMNI values
and on simulated years, for a fixed number of steps. The event rule and the calibration come from
those other series as well: each of them is answered for by networks that saw neither it nor the
series left out. So nothing of a series decides anything about its own score.

``python -m pipelines.icme.crossing --data FOLDER --answers FILE.npz --weights FOLDER`` does it all,
and trains the networks that are shipped. Answers that are there already are used again.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.errors import PipelineError, require
from pipelines.icme.crossed import crossed_scores, mean_answers
from pipelines.icme.detect import class_probabilities, first_sample, load_network, write_detector
from pipelines.icme.evaluate import calibrate, choose_rule
from pipelines.icme.leftout import (
    Answers,
    Probabilities,
    RealSeries,
    read_answers,
    read_real,
    write_answers,
)
from pipelines.icme.train import fit_fully, training_simulations

#: Batches of training. Fixed beforehand: there is no data to choose it on.
STEPS = 300


def cross(
    real: Sequence[RealSeries],
    always: Sequence[RealSeries],
    *,
    seeds: Sequence[int],
    inner_seeds: Sequence[int],
    steps: int = STEPS,
    networks: Path | None = None,
    progress: Progress = silent,
) -> Answers:
    """Train with one and with two of the series left out, and let the networks answer for those.

    Parameters
    ----------
    real
        Series that are left out in turn.
    always
        Series that always teach.
    seeds, inner_seeds
        One network each, for scoring and for the choice of the rule.
    steps
        Batches of training.
    networks
        Folder where networks are kept; those that are there already are not trained again.
    progress
        Told after each network.
    """
    simulated = training_simulations()
    labelled = [each.labelled() for each in real]
    constant = [each.labelled() for each in always]
    singles = [(number,) for number in range(len(real))]
    pairs = list(itertools.combinations(range(len(real)), 2))
    work = [(left, seed) for left in singles for seed in seeds]
    work += [(left, seed) for left in pairs for seed in inner_seeds]
    found: dict[tuple[int, ...], list[dict[int, Probabilities]]] = {}
    for done, (left, seed) in enumerate(work):
        training = [each for number, each in enumerate(labelled) if number not in left]
        teach = partial(fit_fully, [*training, *constant], simulated, seed=seed, steps=steps)
        network = kept_network(networks, network_name(left, seed), teach)
        answers = {
            number: class_probabilities(
                (network,), labelled[number].inputs, first_sample(real[number].series)
            )
            for number in left
        }
        found.setdefault(left, []).append(answers)
        progress(
            "training without " + " and ".join(real[n].name for n in left), done + 1, len(work)
        )
    outer = {number: [each[number] for each in found[number,]] for number in range(len(real))}
    inner: dict[int, dict[int, Probabilities]] = {number: {} for number in range(len(real))}
    for pair in pairs:
        for out, other in (pair, pair[::-1]):
            inner[out][other] = np.mean([each[other] for each in found[pair]], axis=0)
    return Answers(outer, inner)


def network_name(left: Sequence[int], seed: int) -> str:
    """Return the name of the file of a network: which series it never saw, and its seed."""
    return f"without{''.join(str(each) for each in left)}_seed{seed}.safetensors"


def kept_network(folder: Path | None, name: str, teach: Callable[[], Any]) -> Any:
    """Return a network from its file, or train it and keep it there.

    Parameters
    ----------
    folder
        Where files are; `None` when nothing is kept.
    name
        Of the file.
    teach
        Trains the network.
    """
    if folder is None:
        return teach()
    path = folder / name
    if path.exists():
        return load_network(path)
    network = teach()
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(require("safetensors.torch").save(network.state_dict()))
    return network


def ship(
    real: Sequence[RealSeries],
    always: Sequence[RealSeries],
    answers: Answers,
    folder: Path,
    *,
    seeds: Sequence[int],
    steps: int = STEPS,
    networks: Path | None = None,
    progress: Progress = silent,
) -> None:
    """Train the networks that are shipped on everything, and write them with their rule.

    The rule and the calibration come from the answers for the series left out, all together.
    """
    simulated = training_simulations()
    labelled = [each.labelled() for each in (*real, *always)]
    shipped = {}
    for done, seed in enumerate(seeds):
        teach = partial(fit_fully, labelled, simulated, seed=seed, steps=steps)
        shipped[f"seed{seed}"] = kept_network(networks, network_name((), seed), teach)
        progress("training on everything", done + 1, len(seeds))
    held_out = [real[number].held_out(each) for number, each in mean_answers(answers).items()]
    rule, _ = choose_rule(held_out)
    notes = {
        "protocol": "pipelines.icme.crossing",
        "steps": steps,
        "crossed": crossed_scores(real, answers),
        "sources": [each.series.description for each in (*real, *always)],
        "sources_sha256": [each.series.sha256() for each in (*real, *always)],
    }
    for old in folder.glob("*.safetensors"):
        old.unlink()
    write_detector(folder, shipped, rule, calibrate(held_out, rule), notes)


def main() -> int:
    """Read the command line, train, and write answers, scores and, if wanted, weights."""
    parser = argparse.ArgumentParser(description="Train and score, one series left out in turn.")
    parser.add_argument("--data", type=Path, required=True, help="folder with icme/ and cir/")
    parser.add_argument("--answers", type=Path, required=True, help="file .npz for the answers")
    parser.add_argument("--networks", type=Path, help="folder where networks are kept")
    parser.add_argument("--weights", type=Path, help="folder for networks trained on everything")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--inner-seeds", type=int, default=2)
    parser.add_argument("--shipped-seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)

    def tell(description: str, done: int, total: int) -> None:
        print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)

    try:
        data = read_real(arguments.data)
        real, always = data.left_out, [data.near_earth]
        if arguments.answers.exists():
            answers = read_answers(arguments.answers)
        else:
            answers = cross(
                real,
                always,
                seeds=range(arguments.seeds),
                inner_seeds=range(10, 10 + arguments.inner_seeds),
                steps=arguments.steps,
                networks=arguments.networks,
                progress=tell,
            )
            write_answers(answers, arguments.answers)
        if arguments.weights:
            ship(
                real,
                always,
                answers,
                arguments.weights,
                seeds=range(arguments.shipped_seeds),
                steps=arguments.steps,
                networks=arguments.networks,
                progress=tell,
            )
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
