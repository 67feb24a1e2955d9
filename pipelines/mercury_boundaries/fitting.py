"""Training from start to end: networks, rules, calibration, scores, and the folder of weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import LabelError
from pipelines.mercury_boundaries.detect import EDGES, edge_answer, write_detector
from pipelines.mercury_boundaries.edge_train import (
    EDGE_PRETRAINING,
    EDGE_TRAINING,
    EdgeNetworks,
    cross_validate_edges,
)
from pipelines.mercury_boundaries.files import data_files, read_labelled
from pipelines.mercury_boundaries.labels import classes_of_types
from pipelines.mercury_boundaries.nested import Nested, calibrate, nested_scores, summary
from pipelines.mercury_boundaries.passages import Passages
from pipelines.mercury_boundaries.prior import ApproachPrior, learn_prior
from pipelines.mercury_boundaries.protocol import (
    Answers,
    Orbit,
    cross_validate,
    fold_of,
    label_orbits,
    pretrain,
)
from pipelines.mercury_boundaries.rules import Answered
from pipelines.mercury_boundaries.run import read_truth
from pipelines.mercury_boundaries.train import (
    PRETRAINING,
    TRAINING,
    Labelled,
    fit,
    training_simulations,
)
from pipelines.mercury_boundaries.truth import Truth, truth_of


@dataclass(frozen=True)
class Taught:
    """All networks of a training.

    Attributes
    ----------
    first
        Of the first step, learnt from all orbits, one a seed that is kept.
    answers
        Of networks of the first step that never saw the orbit.
    second
        Of the second step, one set a seed.
    """

    first: tuple[Any, ...]
    answers: Answers
    second: tuple[EdgeNetworks, ...]


def finish(
    orbits: Sequence[Orbit],
    taught: Taught,
    prior: ApproachPrior,
    output: Path,
    *,
    folds: int,
    keep: int,
    notes: Mapping[str, Any],
    answers: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Choose the rules, score, and write a detector.

    Parameters
    ----------
    orbits
        Labelled, in order of time.
    taught
        Networks, and their answers for orbits that they never saw.
    prior
        Where the position is unknown; learnt from simulated orbits alone.
    output
        Folder.
    folds
        Groups of orbits.
    keep
        Networks of each step that are written.
    notes
        Kept beside the weights.
    answers
        Where to write what was found in the orbits left out, for `figures`.
    progress
        Told at each step.
    """
    truths = [truth_of(each) for each in orbits]
    known = _scores(truths, taught, taught.answers.probabilities, folds, progress)
    unplaced = tuple(
        tuple(prior(said, truth.bins) for said, truth in zip(row, truths, strict=True))
        for row in taught.answers.blind
    )
    blind = _scores(truths, taught, unplaced, folds, progress)
    calibration = calibrate(truths, known.passages)
    if answers is not None:
        write_found(answers, known.passages)
    report = {
        **notes,
        "orbits": [each.name for each in orbits],
        "folds": folds,
        "with_position": summary(known),
        "without_position": summary(blind),
    }
    networks = {f"seed{number}": each for number, each in enumerate(taught.first[:keep])}
    networks |= {f"{EDGES}{number}": each.final for number, each in enumerate(taught.second[:keep])}
    write_detector(output, networks, known.rule, blind.rule, prior, calibration, report)
    return {
        "rule": asdict(known.rule),
        "rule_without_position": asdict(blind.rule),
        "calibration": asdict(calibration),
        **report,
    }


def _scores(
    truths: Sequence[Truth],
    taught: Taught,
    table: Sequence[Sequence[NDArray[np.float32]]],
    folds: int,
    progress: Progress,
) -> Nested:
    """Return nested scores of both steps together, by networks that never saw the orbit."""
    group = [fold_of(number, len(truths), folds) for number in range(len(truths))]
    alone = [
        [
            Answered(said, edge_answer((second.by_fold[fold],)))
            for said, fold in zip(row, group, strict=True)
        ]
        for row, second in zip(table, taught.second, strict=True)
    ]
    together = [
        Answered(np.mean(said, axis=0), edge_answer([each.by_fold[fold] for each in taught.second]))
        for said, fold in zip(zip(*table, strict=True), group, strict=True)
    ]
    return nested_scores(truths, alone, together, folds=folds, progress=progress)


def run_training(
    inputs: Sequence[str | Path],
    labels: Sequence[Path],
    output: Path,
    *,
    seeds: Sequence[int],
    folds: int,
    keep: int,
    steps: int | None,
    answers: Path | None = None,
    progress: Progress = silent,
) -> Mapping[str, Any]:
    """Train, choose the rules and write; see `MercuryBoundariesPipeline.train`."""
    if not inputs or len(inputs) != len(labels):
        raise LabelError(
            f"{len(inputs)} inputs came with {len(labels)} labels",
            hint="give one for each input, in the same order",
        )
    orbits = [
        orbit
        for one, known in zip(inputs, labels, strict=True)
        for orbit in _orbits(Path(one), Path(known))
    ]
    if not 2 <= folds <= len(orbits):
        raise LabelError(
            f"{len(orbits)} orbits cannot be divided into {folds} groups",
            hint="give one file for each orbit, and at least 2 groups",
        )
    labelled = label_orbits(orbits)
    simulated = training_simulations(progress=progress) if steps is None else labelled
    prior = learn_prior([(each.bins, each.classes) for each in simulated])
    counts = [PRETRAINING, TRAINING, EDGE_PRETRAINING, EDGE_TRAINING]
    counts = counts if steps is None else [steps] * 4
    taught = teach(
        labelled, simulated, seeds, folds=folds, keep=keep, counts=counts, progress=progress
    )
    return finish(
        orbits,
        taught,
        prior,
        output,
        folds=folds,
        keep=keep,
        notes={"steps": counts},
        answers=answers,
        progress=progress,
    )


def teach(
    labelled: Sequence[Labelled],
    simulated: Sequence[Labelled],
    seeds: Sequence[int],
    *,
    folds: int,
    keep: int,
    counts: Sequence[int],
    progress: Progress = silent,
) -> Taught:
    """Train all networks of both steps.

    Parameters
    ----------
    labelled, simulated
        Orbits.
    seeds
        One network of each step each.
    folds
        Groups of orbits, each left out in turn.
    keep
        Seeds of which networks learn from all orbits.
    counts
        Batches: of learning from simulation and then with real orbits, in both steps.
    progress
        Told at each step.
    """
    second = cross_validate_edges(
        labelled,
        simulated,
        seeds,
        folds=folds,
        keep=keep,
        steps=(counts[2], counts[3]),
        progress=progress,
    )
    states = pretrain(seeds, simulated, steps=counts[0], progress=progress)
    answers = cross_validate(
        labelled, simulated, states, folds=folds, steps=counts[1], progress=progress
    )
    first = tuple(
        fit(labelled, simulated, seed=100 + number, steps=counts[1], start=state)
        for number, state in enumerate(states[:keep])
    )
    return Taught(first, answers, tuple(second))


def write_found(path: Path, found: Sequence[Passages]) -> None:
    """Keep what was found in orbits by networks that never saw them."""
    arrays: dict[str, Any] = {}
    for number, each in enumerate(found):
        arrays[f"states_{number}"] = each.states
        arrays[f"probabilities_{number}"] = each.probabilities.astype(np.float16)
    np.savez_compressed(path, **arrays)


def _orbits(path: Path, labels: Path) -> list[Orbit]:
    orbits = []
    for each in data_files(path):
        series, types = read_labelled(each)
        if labels == path and types.any():
            classes = classes_of_types(types)
        else:
            classes = read_truth(labels, series)[0]
        orbits.append(Orbit(each.name, series, classes))
    return orbits
