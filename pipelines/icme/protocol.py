"""The protocol of training and evaluation, so that every figure of the README can be made again.

Training: the labelled series is cut into blocks of time. For each block a network is trained on
the others, less one that decides when to stop, and answers for the block that it never saw; from
these answers the event rule is chosen. Then the networks that are kept are trained, each with
another block to decide when to stop. Evaluation only ever reads what training wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import LabelError
from pipelines.icme.decide import decide
from pipelines.icme.detect import (
    SHIPPED_WEIGHTS,
    class_probabilities,
    first_sample,
    load_detector,
    write_detector,
)
from pipelines.icme.evaluate import (
    HeldOut,
    calibrate,
    choose_rule,
    mean_and_deviation,
    nested_scores,
    score,
    score_held_out,
)
from pipelines.icme.features import (
    REFERENCE,
    features,
    missing_channels,
    require_channels,
    usable_samples,
)
from pipelines.icme.labels import add_obstacles, label_intervals, read_labels
from pipelines.icme.realtime import detect_in_real_time, read_stream_rules
from pipelines.icme.simulate import simulate
from pipelines.icme.source import open_source
from pipelines.icme.timeliness import announcement_delays
from pipelines.icme.train import QUIET_RATE, Labelled, fit, label, time_blocks, training_simulations
from pipelines.signals.training import TrainingPlan, require_folds, require_pairs
from pipelines.sources.insitu import InSituSeries

#: Simulated years of solar minimum that help to choose the rule, and the first of their seeds.
QUIET_YEARS, QUIET_SEED = 4, 200


def run_training(
    inputs: Sequence[str | Path | InSituSeries],
    labels: Sequence[Path],
    output: Path,
    *,
    seeds: Sequence[int],
    folds: int,
    fold_seeds: int,
    steps: int,
    boundaries: Path | None = None,
    spacecraft: str | None = None,
    progress: Progress = silent,
) -> Mapping[str, Any]:
    """Train, choose the rule, write the weights; see `pipelines.icme.IcmePipeline.train`."""
    require_pairs(inputs, labels)
    require_folds(folds)
    series = [open_source(each, spacecraft=spacecraft, progress=progress) for each in inputs]
    complete = [number for number, one in enumerate(series) if not missing_channels(one)]
    if 0 not in complete:
        raise LabelError(
            f"{series[0].description} has no measurements of "
            + ", ".join(missing_channels(series[0])),
            hint="give a series with all channels first: it decides when training stops",
        )
    truths = [_truth(path, one, boundaries) for path, one in zip(labels, series, strict=True)]
    labelled = [label(one, truth) for one, truth in zip(series, truths, strict=True)]
    simulated = training_simulations(progress)
    plan = TrainingPlan(steps=steps)
    held_out = cross_validate(
        series,
        truths,
        labelled,
        simulated,
        folds=folds,
        seeds=seeds[:fold_seeds],
        plan=plan,
        progress=progress,
    )
    networks, training = {}, {}
    for seed in seeds:
        network, report = fit_leaving(
            labelled, simulated, seed % folds, folds, seed, plan, progress
        )
        networks[f"seed{seed}"] = network
        training[f"seed{seed}"] = {"best_step": report.best_step, "best_loss": report.best_loss}
    quiet = quiet_years(tuple(networks.values()), progress)
    # Series that lack channels teach, but what is searched has all: so those choose the rule.
    whole = [held_out[number] for number in complete]
    rule, value = choose_rule([*whole, *quiet])
    calibration = calibrate([*whole, *quiet], rule)
    summary = {
        "cross_validation": {
            "folds": folds,
            "seeds": list(seeds[:fold_seeds]),
            "value_of_rule": value,
            "scores": [score_held_out(each, rule) for each in held_out],
            "nested": nested_scores(whole, folds, quiet),
            "quiet_years": [score_held_out(each, rule) for each in quiet],
        },
        "training": training,
        "sources": [each.description for each in series],
        "sources_sha256": [each.sha256() for each in series],
    }
    write_detector(output, networks, rule, calibration, summary)
    return {"rule": asdict(rule), "calibration": asdict(calibration), **summary}


def _truth(path: Path, series: InSituSeries, boundaries: Path | None) -> pd.DataFrame:
    truth = read_labels(path, series.spacecraft.name)
    if boundaries is not None:
        truth = add_obstacles(truth, read_labels(boundaries, series.spacecraft.name))
    return truth


def block_masks(labelled: Sequence[Labelled], folds: int) -> list[list[NDArray[np.bool_]]]:
    """Return the blocks of all series, ``masks[fold][series]``."""
    per_series = [time_blocks(len(each.classes), folds) for each in labelled]
    return [[blocks[fold] for blocks in per_series] for fold in range(folds)]


def fit_leaving(
    labelled: Sequence[Labelled],
    simulated: Sequence[Labelled],
    stopping: int,
    folds: int,
    seed: int,
    plan: TrainingPlan,
    progress: Progress = silent,
    *,
    testing: int | None = None,
) -> Any:
    """Train a network on all blocks but one that decides when to stop, and one for testing.

    Parameters
    ----------
    labelled, simulated
        Series to learn from; the first of those labelled decides when to stop.
    stopping, testing
        Numbers of the blocks that are left out.
    folds
        Number of blocks.
    seed, plan, progress
        As in `pipelines.icme.train.fit`.
    """
    masks = block_masks(labelled, folds)
    training = []
    for number, one in enumerate(labelled):
        kept = ~masks[stopping][number]
        if testing is not None:
            kept &= ~masks[testing][number]
        training.append(one.keep(kept))
    validation = labelled[0].keep(masks[stopping][0])
    return fit(training, simulated, validation, seed=seed, plan=plan, progress=progress)


def cross_validate(
    series: Sequence[InSituSeries],
    truths: Sequence[pd.DataFrame],
    labelled: Sequence[Labelled],
    simulated: Sequence[Labelled],
    *,
    folds: int,
    seeds: Sequence[int],
    plan: TrainingPlan,
    progress: Progress = silent,
) -> list[HeldOut]:
    """Return for each series what networks that never saw a block say about it.

    With several seeds the answers are averaged, as those of the networks that are kept will be.
    """
    from pipelines.icme.model import CLASSES

    answers = [np.zeros((len(CLASSES), len(each)), dtype=np.float32) for each in series]
    masks = block_masks(labelled, folds)
    for fold in range(folds):
        for seed in seeds:
            network, _ = fit_leaving(
                labelled,
                simulated,
                (fold + 1 + seed % (folds - 1)) % folds,
                folds,
                seed * folds + fold,
                plan,
                progress,
                testing=fold,
            )
            for number, one in enumerate(series):
                part = class_probabilities((network,), labelled[number].inputs, first_sample(one))
                answers[number] += np.where(masks[fold][number], part, 0) / len(seeds)
        progress("cross-validating", fold + 1, folds)
    return [
        HeldOut(answer, label_intervals(truth, one), each.weights > 0)
        for answer, truth, one, each in zip(answers, truths, series, labelled, strict=True)
    ]


def quiet_years(networks: tuple[Any, ...], progress: Progress = silent) -> list[HeldOut]:
    """Let networks answer for simulated years of solar minimum that none was trained on.

    The labelled series are from an active Sun, with an ejection every two weeks. A rule chosen on
    them alone does not know how many false alarms a quiet year brings.
    """
    years = []
    for number in range(QUIET_YEARS):
        year = simulate(seed=QUIET_SEED + number, ejections_per_year=QUIET_RATE)
        inputs = features(year.series, REFERENCE)
        answer = class_probabilities(networks, inputs, first_sample(year.series))
        true = label_intervals(year.truth, year.series)
        years.append(HeldOut(answer, true, usable_samples(inputs)))
        progress("searching quiet simulated years", number + 1, QUIET_YEARS)
    return years


def run_evaluation(
    source: str | Path | InSituSeries,
    labels: Path,
    *,
    spacecraft: str | None = None,
    weights: Path | None = None,
    streaming: float | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score detections against labels; see `pipelines.icme.IcmePipeline.evaluate`."""
    series = open_source(source, spacecraft=spacecraft, progress=progress)
    truth = read_labels(labels, series.spacecraft.name)
    true = label_intervals(truth, series)
    if len(true) == 0:
        raise LabelError(
            f"no event of {labels} lies in {series.description}",
            hint="are both of the same spacecraft and time?",
        )
    detector = load_detector(weights or SHIPPED_WEIGHTS)
    require_channels(series)
    inputs = features(series, detector.scaling)
    usable, first = usable_samples(inputs), first_sample(series)
    about = {
        "spacecraft": series.spacecraft.name,
        "source": series.description,
        "labels": labels.name,
        "weights_digest": detector.digest,
    }
    if streaming is not None:
        rule = read_stream_rules(weights or SHIPPED_WEIGHTS).nearest(streaming)
        found, announced = detect_in_real_time(
            series, detector, rule, streaming, scaling=detector.scaling, progress=progress
        )
        delays = announcement_delays(true, found.intervals, announced, streaming)
        return {**score(true, found.intervals, usable), **delays, **about}
    answers = [
        class_probabilities((network,), inputs, first, progress=progress)
        for network in detector.networks
    ]
    per_seed = [
        score(true, decide(answer, detector.rule, usable).intervals, usable) for answer in answers
    ]
    together = decide(np.mean(answers, axis=0), detector.rule, usable)
    middle, deviation = mean_and_deviation(per_seed, "f1_any")
    return {
        **score(true, together.intervals, usable),
        "f1_any_mean": middle,
        "f1_any_sd": deviation,
        "per_seed": per_seed,
        **about,
    }
