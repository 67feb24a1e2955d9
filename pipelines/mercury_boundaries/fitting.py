"""The choice of the rules by cross-validation, nested scores, and training from start to end."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import LabelError
from pipelines.mercury_boundaries.decide import PassageRule, Stretch, decide_all
from pipelines.mercury_boundaries.detect import write_detector
from pipelines.mercury_boundaries.evaluate import (
    TOLERANCE,
    all_scores,
    pair_crossings,
    score_classes,
    score_crossings,
)
from pipelines.mercury_boundaries.features import Bins, bin_series
from pipelines.mercury_boundaries.files import data_files, read_labelled
from pipelines.mercury_boundaries.labels import (
    CLASSES,
    UNKNOWN,
    Classes,
    classes_of_types,
    crossings_from_classes,
)
from pipelines.mercury_boundaries.lists import Crossings
from pipelines.mercury_boundaries.passages import Passages, make_passages
from pipelines.mercury_boundaries.prior import ApproachPrior, learn_prior
from pipelines.mercury_boundaries.protocol import (
    Answers,
    Orbit,
    cross_validate,
    fold_of,
    label_orbits,
    pretrain,
)
from pipelines.mercury_boundaries.run import read_truth
from pipelines.mercury_boundaries.train import (
    PRETRAINING,
    TRAINING,
    fit,
    training_simulations,
)
from pipelines.signals.calibration import Calibration, fit_calibration

#: Rules that are tried.
_TURN: Final = (2.0, 5.0, 9.0)
_BACK: Final = (4.0,)
_MORE: Final = (-0.7, 0.0, 0.7)

Row = Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class Truth:
    """What is known of an orbit, and the bins it was asked in.

    Attributes
    ----------
    bins
        Of the orbit.
    first
        Time of the first second.
    classes
        Of each second, `labels.UNKNOWN` also where nothing was measured, shape (n,).
    crossings
        Labelled intervals.
    """

    bins: Bins
    first: int
    classes: Classes
    crossings: Crossings


def truth_of(orbit: Orbit) -> Truth:
    """Return what is known of an orbit."""
    series = orbit.series
    measured = np.isfinite(series.field).all(axis=1)
    return Truth(
        bin_series(series),
        series.first,
        np.where(measured, orbit.classes, UNKNOWN).astype(np.int8),
        crossings_from_classes(orbit.classes, series.first),
    )


def candidate_rules() -> list[PassageRule]:
    """Return all rules that are tried."""
    return [PassageRule(*each) for each in itertools.product(_TURN, _BACK, _MORE, _MORE)]


def passages_of(truths: Sequence[Truth], row: Row, rule: PassageRule) -> list[Passages]:
    """Return what a rule makes of the answers for some orbits."""
    return passages_by_rule(truths, row, [rule])[0]


def passages_by_rule(
    truths: Sequence[Truth], row: Row, rules: Sequence[PassageRule]
) -> list[list[Passages]]:
    """Return what each of several rules makes of the answers for some orbits."""
    stretches = [
        Stretch(said, truth.bins.known, truth.bins.first)
        for truth, said in zip(truths, row, strict=True)
    ]
    count = len(stretches)
    states = decide_all(stretches * len(rules), [rule for rule in rules for _ in range(count)])
    return [
        [
            make_passages(mine, said, truth.bins)
            for mine, said, truth in zip(
                states[number * count : (number + 1) * count], row, truths, strict=True
            )
        ]
        for number in range(len(rules))
    ]


@dataclass(frozen=True)
class OrbitValues:
    """What one rule makes of one orbit: counts from which scores of several orbits follow.

    Attributes
    ----------
    confusion
        Seconds by true and said class, shape (5, 5).
    n_true, n_detected, n_found, n_close
        Intervals; found ones, and those of them with both edges right.
    """

    confusion: NDArray[np.int64]
    n_true: int
    n_detected: int
    n_found: int
    n_close: int


def _values(truth: Truth, passages: Passages) -> OrbitValues:
    said = passages.classes(truth.bins, truth.first, len(truth.classes))
    known = truth.classes != UNKNOWN
    number = truth.classes[known].astype(np.int64) * len(CLASSES) + said[known]
    counts = np.bincount(number, minlength=len(CLASSES) ** 2)
    pairs = score_crossings(truth.crossings, passages.crossings)
    return OrbitValues(
        counts.reshape(len(CLASSES), len(CLASSES)),
        pairs.n_true,
        pairs.n_detected,
        pairs.n_found,
        pairs.n_close,
    )


def rule_table(truths: Sequence[Truth], row: Row) -> list[list[OrbitValues]]:
    """Return for each candidate rule what it makes of each orbit."""
    return [
        [_values(truth, each) for truth, each in zip(truths, found, strict=True)]
        for found in passages_by_rule(truths, row, candidate_rules())
    ]


def choose_rule(table: Sequence[Sequence[OrbitValues]], orbits: Sequence[int]) -> PassageRule:
    """Return the rule with the largest sum of macro-F1 of five classes and both F1 of intervals.

    Edges have to count: intervals that are much too long are found most easily.

    Parameters
    ----------
    table
        Of `rule_table`.
    orbits
        Those that count.
    """
    goodness = []
    for values in table:
        confusion = sum(values[number].confusion for number in orbits)
        hits = np.diag(confusion)
        f1 = 2 * hits / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1)
        total = sum(values[number].n_true + values[number].n_detected for number in orbits)
        found = sum(values[number].n_found + values[number].n_close for number in orbits)
        goodness.append(float(f1.mean()) + 2 * found / max(total, 1))
    return candidate_rules()[int(np.argmax(goodness))]


@dataclass(frozen=True)
class Nested:
    """Scores of orbits under rules that the other groups of orbits chose.

    Attributes
    ----------
    ensemble
        Scores of the mean of all networks.
    per_seed
        Scores of each network alone.
    passages
        What the ensemble found in each orbit.
    rule
        What all orbits together choose.
    """

    ensemble: dict[str, Any]
    per_seed: tuple[dict[str, Any], ...]
    passages: tuple[Passages, ...]
    rule: PassageRule


def nested_scores(
    truths: Sequence[Truth], table: Sequence[Row], *, folds: int, progress: Progress = silent
) -> Nested:
    """Score every group of orbits with the rule that the other groups choose.

    Parameters
    ----------
    truths
        Of the orbits.
    table
        Answers of each seed for each orbit.
    folds
        Groups, as in `protocol.cross_validate`.
    progress
        Told at each step.
    """
    mean = [np.mean(each, axis=0) for each in zip(*table, strict=True)]
    values = rule_table(truths, mean)
    progress("trying rules", 1, 2)
    group = [fold_of(number, len(truths), folds) for number in range(len(truths))]
    rules = [
        choose_rule(values, [number for number, mine in enumerate(group) if mine != fold])
        for fold in range(folds)
    ]

    def passages(row: Row) -> list[Passages]:
        found = []
        for fold in range(folds):
            mine = [number for number, each in enumerate(group) if each == fold]
            found += passages_of(
                [truths[each] for each in mine], [row[each] for each in mine], rules[fold]
            )
        return found

    together = passages(mean)
    per_seed = tuple(pooled_scores(truths, passages(row)) for row in table)
    progress("trying rules", 2, 2)
    rule = choose_rule(values, range(len(truths)))
    return Nested(pooled_scores(truths, together), per_seed, tuple(together), rule)


def pooled_scores(truths: Sequence[Truth], found: Sequence[Passages]) -> dict[str, Any]:
    """Return the scores of `evaluate.all_scores` for several orbits together."""
    pairs = list(zip(truths, found, strict=True))
    return all_scores(
        np.concatenate([each.classes for each in truths]),
        np.concatenate([p.classes(t.bins, t.first, len(t.classes)) for t, p in pairs]),
        np.concatenate([p.regions(t.bins, t.first, len(t.classes)) for t, p in pairs]),
        join_crossings([each.crossings for each in truths]),
        join_crossings([each.crossings for each in found]),
        TOLERANCE,
    )


def join_crossings(parts: Sequence[Crossings]) -> Crossings:
    """Return the intervals of several stretches in one list."""
    return Crossings(
        np.concatenate([each.start for each in parts]),
        np.concatenate([each.end for each in parts]),
        np.concatenate([each.kind for each in parts]),
    )


def calibrate(truths: Sequence[Truth], found: Sequence[Passages]) -> Calibration:
    """Fit the confidence of intervals to how often such intervals are labelled."""
    raw, real = [np.empty(0)], [np.empty(0, dtype=bool)]
    for truth, passages in zip(truths, found, strict=True):
        partner = pair_crossings(truth.crossings, passages.crossings)
        hit = np.zeros(len(passages.crossings), dtype=bool)
        hit[partner[partner >= 0]] = True
        raw.append(passages.score)
        real.append(hit)
    return fit_calibration(np.concatenate(raw), np.concatenate(real))


def summary(nested: Nested) -> dict[str, Any]:
    """Return the scores to keep beside the weights: ensemble, mean and deviation over seeds."""
    names = (
        "accuracy",
        "macro_f1",
        "accuracy_five",
        "macro_f1_five",
        "crossing_f1",
        "crossing_f1_edges",
        "crossing_f1_bow_shock",
        "crossing_f1_magnetopause",
        "time_error_median_s",
    )
    spread = {
        name: [
            float(np.mean([each[name] for each in nested.per_seed])),
            float(np.std([each[name] for each in nested.per_seed])),
        ]
        for name in names
    }
    recall = {
        name: [
            float(np.mean([each["per_class"][name]["recall"] for each in nested.per_seed])),
            float(np.std([each["per_class"][name]["recall"] for each in nested.per_seed])),
        ]
        for name in CLASSES
    }
    return {
        "ensemble": nested.ensemble,
        "seeds": len(nested.per_seed),
        "mean_and_sd": spread,
        "recall_mean_and_sd": recall,
    }


def finish(
    orbits: Sequence[Orbit],
    answers: Answers,
    networks: Mapping[str, Any],
    prior: ApproachPrior,
    output: Path,
    *,
    folds: int,
    notes: Mapping[str, Any],
    progress: Progress = silent,
) -> dict[str, Any]:
    """Choose the rules, score, and write a detector.

    Parameters
    ----------
    orbits, answers
        With the answers of networks that never saw them.
    networks
        Trained on everything, by the name of their files.
    prior
        Where the position is unknown; learnt from simulated orbits alone.
    output
        Folder.
    folds
        Groups of orbits.
    notes
        Kept beside the weights.
    progress
        Told at each step.
    """
    truths = [truth_of(each) for each in orbits]
    known = nested_scores(truths, answers.probabilities, folds=folds, progress=progress)
    unplaced = [
        [prior(said, truth.bins) for said, truth in zip(row, truths, strict=True)]
        for row in answers.blind
    ]
    blind = nested_scores(truths, unplaced, folds=folds, progress=progress)
    calibration = calibrate(truths, known.passages)
    report = {
        **notes,
        "orbits": [each.name for each in orbits],
        "folds": folds,
        "with_position": summary(known),
        "without_position": summary(blind),
    }
    write_detector(output, networks, known.rule, blind.rule, prior, calibration, report)
    return {
        "rule": asdict(known.rule),
        "rule_without_position": asdict(blind.rule),
        "calibration": asdict(calibration),
        **report,
    }


def run_training(
    inputs: Sequence[str | Path],
    labels: Sequence[Path],
    output: Path,
    *,
    seeds: Sequence[int],
    folds: int,
    steps: int | None,
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
    first, then = (PRETRAINING, TRAINING) if steps is None else (steps, steps)
    simulated = training_simulations(progress=progress) if steps is None else labelled
    states = pretrain(seeds, simulated, steps=first, progress=progress)
    answers = cross_validate(
        labelled, simulated, states, folds=folds, steps=then, progress=progress
    )
    networks = {
        f"seed{seed}": fit(labelled, simulated, seed=100 + number, steps=then, start=state)
        for number, (seed, state) in enumerate(zip(seeds, states, strict=True))
    }
    prior = learn_prior([(each.bins, each.classes) for each in simulated])
    return finish(
        orbits, answers, networks, prior, output, folds=folds, notes={"steps": [first, then]},
        progress=progress,
    )  # fmt: skip


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


def region_f1(truths: Sequence[Truth], said: Sequence[Classes]) -> float:
    """Return macro-F1 of the three regions for answers by seconds."""
    true = np.concatenate([each.classes for each in truths])
    return score_classes(true, np.concatenate(list(said)), (0, 2, 4)).macro_f1
