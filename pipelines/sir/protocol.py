"""Cross-validation in time for interaction regions, the choice of their rule, and evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import LabelError
from pipelines.icme.detect import PARAMETERS_FILE as EJECTION_PARAMETERS
from pipelines.icme.detect import class_probabilities, decide, first_sample, read_parameters
from pipelines.icme.features import features, require_channels, usable_samples
from pipelines.icme.labels import label_intervals, read_labels, read_regions
from pipelines.icme.source import open_source
from pipelines.icme.train import Labelled, fit_fully, label, time_blocks, training_simulations
from pipelines.signals.events import REGION_COLUMNS, TRUTH_COLUMNS, EventRule, Intervals
from pipelines.signals.training import require_folds, require_pairs
from pipelines.sir.detect import decide_regions, load_region_detector
from pipelines.sir.evaluate import (
    HeldOutRegions,
    calibrate,
    choose_rule,
    confusion,
    found_in,
    join,
    rule_values,
    sample_auc,
    score_regions,
)
from pipelines.sir.parameters import PARAMETERS_FILE, RegionParameters
from pipelines.sources.insitu import InSituSeries


def region_intervals(
    regions: pd.DataFrame, series: InSituSeries
) -> tuple[Intervals, NDArray[np.int64]]:
    """Return the regions that touch a series, in samples, and their interfaces, -1 if unknown."""
    start, end = (
        series.index_of(regions[name].to_numpy(dtype="datetime64[us]"))
        for name in (REGION_COLUMNS[0], REGION_COLUMNS[2])
    )
    known = regions[REGION_COLUMNS[1]]
    middle = series.index_of(known.fillna(regions[REGION_COLUMNS[0]]).to_numpy("datetime64[us]"))
    middle = np.where(known.notna(), middle, -1)
    touching = (end > 0) & (start < len(series))
    return np.column_stack([start, np.maximum(end, start + 1)])[touching], middle[touching]


def run_training(
    inputs: Sequence[str | Path | InSituSeries],
    labels: Sequence[Path],
    output: Path,
    *,
    seeds: Sequence[int],
    folds: int,
    steps: int,
    ejections: Path | None = None,
    spacecraft: str | None = None,
    progress: Progress = silent,
) -> Mapping[str, Any]:
    """Cross-validate, choose the rule, write it; see `pipelines.sir.SirPipeline.train`."""
    require_pairs(inputs, labels)
    require_folds(folds)
    series = [open_source(each, spacecraft=spacecraft, progress=progress) for each in inputs]
    regions = [read_regions(path) for path in labels]
    others = [_ejections(ejections, each) for each in series]
    ejection_rule = read_parameters(output / EJECTION_PARAMETERS)[0]
    parts = cross_validate(
        series, regions, others, folds=folds, seeds=seeds, steps=steps, progress=progress
    )
    scores = nested_scores(parts, [ejection_rule] * len(parts))
    rule = choose_rule([rule_values(each, ejection_rule) for each in parts])
    calibration = calibrate(parts, rule, ejection_rule)
    notes = {
        "folds": folds,
        "seeds": list(seeds),
        "steps": steps,
        "nested": scores,
        "sources": [each.description for each in series],
        "sources_sha256": [each.sha256() for each in series],
    }
    parameters = RegionParameters(rule, calibration, notes)
    parameters.write(output / PARAMETERS_FILE)
    return {"rule": rule, "calibration": calibration, **notes}


def _ejections(path: Path | None, series: InSituSeries) -> pd.DataFrame:
    if path is None:
        return pd.DataFrame({name: pd.Series(dtype="datetime64[us]") for name in TRUTH_COLUMNS})
    return read_labels(path, series.spacecraft.name)


def cross_validate(
    series: Sequence[InSituSeries],
    regions: Sequence[pd.DataFrame],
    ejections: Sequence[pd.DataFrame],
    *,
    folds: int,
    seeds: Sequence[int],
    steps: int,
    always: Sequence[Labelled] = (),
    progress: Progress = silent,
) -> list[HeldOutRegions]:
    """Return what networks say about blocks of time that they never saw, mean over seeds.

    Parameters
    ----------
    series, regions, ejections
        What is divided, with complete lists of both kinds of events.
    folds, seeds, steps
        Blocks, networks a block, and batches of training.
    always
        What helps to train every network.
    progress
        Told after each network.
    """
    simulated = training_simulations()
    labelled = [
        label(one, others, mine, complete=True)
        for one, mine, others in zip(series, regions, ejections, strict=True)
    ]
    blocks = [time_blocks(len(each.classes), folds) for each in labelled]
    parts = []
    for fold in range(folds):
        training = [one.keep(~block[fold]) for one, block in zip(labelled, blocks, strict=True)]
        answers: list[list[NDArray[np.float32]]] = [[] for _ in series]
        for done, seed in enumerate(seeds):
            network = fit_fully([*training, *always], simulated, seed=seed, steps=steps)
            for number, one in enumerate(series):
                inputs = labelled[number].inputs
                answers[number].append(class_probabilities((network,), inputs, first_sample(one)))
            progress("cross-validating", fold * len(seeds) + done + 1, folds * len(seeds))
        for number, one in enumerate(series):
            whole = held_out_regions(
                np.mean(answers[number], axis=0),
                one,
                regions[number],
                ejections[number],
                labelled[number].weights > 0,
            )
            parts.append(_excerpt(whole, blocks[number][fold]))
    return parts


def held_out_regions(
    probabilities: NDArray[np.float32],
    series: InSituSeries,
    regions: pd.DataFrame,
    ejections: pd.DataFrame,
    usable: NDArray[np.bool_],
) -> HeldOutRegions:
    """Return answers for a series with both truths; see `HeldOutRegions`."""
    intervals, interface = region_intervals(regions, series)
    return HeldOutRegions(
        probabilities, intervals, interface, label_intervals(ejections, series), usable
    )


def _excerpt(whole: HeldOutRegions, block: NDArray[np.bool_]) -> HeldOutRegions:
    """Return a block; an event belongs to the block with its middle, the rest of it is not used."""
    first, end = int(block.argmax()), int(len(block) - block[::-1].argmax())
    usable = whole.usable[first:end].copy()

    def mine(intervals: Intervals) -> NDArray[np.bool_]:
        middle = intervals.mean(axis=1)
        return np.asarray((middle >= first) & (middle < end))

    for intervals in (whole.regions, whole.ejections):
        for low, high in np.clip(intervals[~mine(intervals)], first, end) - first:
            usable[low:high] = False
    kept = mine(whole.regions)
    interface = whole.interface[kept]
    return HeldOutRegions(
        whole.probabilities[:, first:end],
        np.clip(whole.regions[kept], first, end) - first,
        np.where(interface >= 0, np.clip(interface, first, end) - first, -1),
        np.clip(whole.ejections[mine(whole.ejections)], first, end) - first,
        usable,
    )


def nested_scores(
    parts: Sequence[HeldOutRegions], ejection_rules: Sequence[EventRule]
) -> dict[str, Any]:
    """Score each block with the rule that the other blocks choose, all blocks together.

    Parameters
    ----------
    parts
        Blocks with the answers for them.
    ejection_rules
        For the ejections of each block.
    """
    tables = [rule_values(each, rule) for each, rule in zip(parts, ejection_rules, strict=True)]
    found, ejections, offset = [], [], 0
    for number, part in enumerate(parts):
        rule = choose_rule([*tables[:number], *tables[number + 1 :]])
        regions, others = found_in(part, rule, ejection_rules[number])
        found.append(
            replace(
                regions, intervals=regions.intervals + offset, interface=regions.interface + offset
            )
        )
        ejections.append(others + offset)
        offset += len(part.usable)
    whole = join(parts)
    everything = type(found[0])(
        np.concatenate([each.intervals for each in found]),
        np.concatenate([each.interface for each in found]),
        np.concatenate([each.confidence for each in found]),
    )
    return {
        **score_regions(whole.regions, whole.interface, everything, whole.usable),
        "auc_samples": sample_auc(whole),
        **confusion(
            whole.regions, whole.ejections, everything.intervals, np.concatenate(ejections)
        ),
    }


def run_evaluation(
    source: str | Path | InSituSeries,
    labels: Path,
    *,
    spacecraft: str | None = None,
    weights: Path,
    ejections: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score detections against labels; see `pipelines.sir.SirPipeline.evaluate`."""
    series = open_source(source, spacecraft=spacecraft, progress=progress)
    require_channels(series)
    true, interface = region_intervals(read_regions(labels), series)
    if len(true) == 0:
        raise LabelError(
            f"no region of {labels} lies in {series.description}",
            hint="are both of the same spacecraft and time?",
        )
    detector = load_region_detector(weights)
    inputs = features(series, detector.ejections.scaling)
    usable = usable_samples(inputs)
    probabilities = class_probabilities(
        detector.ejections.networks, inputs, first_sample(series), progress=progress
    )
    found_ejections = decide(probabilities, detector.ejections.rule, usable).intervals
    found = decide_regions(probabilities, detector.rule, usable, found_ejections)
    scores = score_regions(true, interface, found, usable)
    if ejections is not None:
        others = label_intervals(read_labels(ejections, series.spacecraft.name), series)
        scores |= confusion(true, others, found.intervals, found_ejections)
    return {
        **scores,
        "spacecraft": series.spacecraft.name,
        "source": series.description,
        "labels": labels.name,
        "weights_digest": detector.ejections.digest,
    }
