"""Training and scoring as the command line asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.earth_boundaries.choose import TOLERANCE, answered, choose
from pipelines.earth_boundaries.crossings import Crossings, find_crossings
from pipelines.earth_boundaries.detect import load_region_networks, region_probabilities
from pipelines.earth_boundaries.labels import ANY, Truth, read_truth, require_regions
from pipelines.earth_boundaries.matching import CrossingScores, score_crossings
from pipelines.earth_boundaries.moments import MomentSeries
from pipelines.earth_boundaries.parameters import PARAMETERS_FILE, read_parameters
from pipelines.earth_boundaries.regions import REGIONS, UNKNOWN, WINDOW_REGIONS
from pipelines.earth_boundaries.scores import score_regions
from pipelines.earth_boundaries.source import is_windows, open_series, open_windows
from pipelines.earth_boundaries.train import fit_regions, labelled, simulated_orbits
from pipelines.earth_boundaries.window_detect import load_window_networks, name_windows
from pipelines.earth_boundaries.window_train import fit_windows
from pipelines.earth_boundaries.windows import Windows, join, read_window_labels
from pipelines.errors import LabelError, PipelineError
from pipelines.weights import write_tensors

#: Simulated orbits that are learnt from beside given ones, and those that choose the rule.
_ORBITS, _ASIDE = 6, 2

#: First seeds of them; those of the package's weights and scores are others.
_ORBIT_SEED, _ASIDE_SEED = 30_000, 40_000


def evaluate_windows(source: str | Path, labels: Path, weights: Path) -> dict[str, Any]:
    """Score the regions of windows; there are no crossings in them."""
    windows = open_windows(source)
    true = read_window_labels(labels, len(windows))
    probabilities = name_windows(load_window_networks(weights), windows)
    scores = score_regions(true, probabilities.argmax(axis=1), WINDOW_REGIONS)
    return {
        **scores.as_dict(),
        "crossing_f1": None,
        "tolerance_s": None,
        "time_error_median_s": None,
        "n": len(windows),
        "source": str(source),
    }


def evaluate_series(
    series: MomentSeries,
    labels: Path,
    weights: Path,
    *,
    tolerance: float = TOLERANCE,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score regions and crossings of a series.

    Regions that the list does not tell are not scored. Crossings where nothing was measured count
    as missed when the list is one of crossings.
    """
    truth = read_truth(labels, series)
    parameters = read_parameters(weights)
    probabilities = region_probabilities(series, load_region_networks(weights), progress=progress)
    found = find_crossings(probabilities, parameters.rule)
    crossings = score_against(truth, found, tolerance)
    regions: dict[str, Any] = dict.fromkeys(("accuracy", "macro_f1", "per_class", "confusion"))
    if truth.regions is not None:
        known = answered(probabilities, truth.regions).regions
        named = np.nan_to_num(probabilities).argmax(axis=0)
        regions = score_regions(known, named, REGIONS).as_dict()
    return {
        **regions,
        "crossing_f1": crossings.f1,
        "crossing_precision": crossings.precision,
        "crossing_recall": crossings.recall,
        "tolerance_s": tolerance,
        "time_error_median_s": crossings.time_error_median if crossings.n_matched else None,
        "n_true": crossings.n_true,
        "n_detected": crossings.n_found,
        "source": series.description,
    }


def score_against(truth: Truth, found: Crossings, tolerance: float) -> CrossingScores:
    """Match crossings with a list; what the list does not tell need not agree.

    When a list tells only of some boundaries (that of Cluster knows no magnetopause), the others
    are left out of what was found.
    """
    told = truth.boundary != ANY
    true_kind = np.where(told, 2 * truth.boundary, 0)
    found_kind = 2 * found.boundary if told.any() else np.zeros(len(found), dtype=np.int64)
    if told.any():
        kept = np.isin(found.boundary, truth.boundary)
        found, found_kind = found.take(kept), found_kind[kept]
    if len(truth.inward) and (truth.inward != ANY).all():
        true_kind = true_kind + truth.inward
        found_kind = found_kind + found.inward
    return score_crossings(
        60 * truth.time,
        np.asarray(true_kind, dtype=np.int64),
        60 * found.time,
        np.asarray(found_kind, dtype=np.int64),
        tolerance,
    )


def train(
    inputs: Sequence[str | Path],
    labels: Sequence[Path],
    output: Path,
    *,
    seeds: Sequence[int],
    steps: int,
    window_steps: int,
    simulated: bool,
    spacecraft: str | None,
    progress: Progress = silent,
) -> Mapping[str, Any]:
    """Train on labelled windows and series, each kind of its networks; see the pipeline."""
    if len(inputs) != len(labels):
        raise PipelineError(
            f"{len(inputs)} inputs and {len(labels)} lists of labels",
            hint="give --labels once for each --input, in the same order",
        )
    pairs = list(zip(inputs, labels, strict=True))
    report: dict[str, Any] = {}
    windows = [_labelled_windows(one, path) for one, path in pairs if is_windows(one)]
    if windows:
        joined = join(windows)
        for number, seed in enumerate(seeds):
            network = fit_windows(joined, seed=seed, steps=window_steps, simulated=simulated)
            write_tensors(network.state_dict(), output / f"windows_{number}.safetensors")
            progress("training networks for windows", number + 1, len(seeds))
        report["windows"] = {"learnt_from": len(joined), "networks": len(seeds)}
    series = [
        (open_series(one, spacecraft=spacecraft, progress=progress).whole, path)
        for one, path in pairs
        if not is_windows(one)
    ]
    if series:
        report["moments"] = _train_moments(
            series, output, seeds=seeds, steps=steps, simulated=simulated, progress=progress
        )
    return report


def _labelled_windows(source: str | Path, path: Path) -> Windows:
    windows = open_windows(source)
    labels = read_window_labels(path, len(windows))
    return Windows(windows.flux, windows.field, windows.temperature, windows.x, labels)


def _train_moments(
    series: Sequence[tuple[MomentSeries, Path]],
    output: Path,
    *,
    seeds: Sequence[int],
    steps: int,
    simulated: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Train networks for minutes; a fifth of each series, its end, chooses the rule."""
    learnt, aside = [], []
    for one, path in series:
        regions = require_regions(read_truth(path, one), path)
        split = len(one) * 4 // 5
        held_out = np.arange(len(one)) >= split
        learnt.append(labelled(one, np.where(held_out, UNKNOWN, regions)))
        aside.append((one, np.where(held_out, regions, UNKNOWN)))
    if simulated:
        learnt += [
            labelled(each.series, each.regions)
            for each in simulated_orbits(_ORBITS, seed=_ORBIT_SEED, progress=progress)
        ]
        aside += [
            (each.series, each.regions)
            for each in simulated_orbits(_ASIDE, seed=_ASIDE_SEED, progress=progress)
        ]
    networks = []
    for number, seed in enumerate(seeds):
        networks.append(fit_regions(learnt, seed=seed, steps=steps))
        write_tensors(networks[-1].state_dict(), output / f"moments_{number}.safetensors")
        progress("training networks for moments", number + 1, len(seeds))
    answers = [
        answered(_only_known(region_probabilities(one, networks), regions), regions)
        for one, regions in aside
    ]
    if not any((each.regions != UNKNOWN).any() for each in answers):
        raise LabelError("nothing is left to choose the rule on", hint="give longer series")
    parameters = choose(answers, series=len(series), simulated=simulated)
    parameters.write(output / PARAMETERS_FILE)
    return {
        "learnt_from": len(learnt),
        "networks": len(networks),
        "rule_f1": parameters.notes["f1"],
        "smoothing": parameters.rule.smoothing,
        "least": parameters.rule.least,
    }


def _only_known(
    probabilities: NDArray[np.float64], regions: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return probabilities without minutes whose truth is not known: nothing is found there."""
    return np.where(regions == UNKNOWN, np.nan, probabilities)
