"""Print the tables of the README: ``make evaluate CASE=icme``.

Figures of series left out in turn, of baselines, of streaming and of lists come from
``results.json``, which `pipelines.icme.measure` wrote; simulated years are made and searched anew;
real series are searched with the weights that are shipped when they are given with their labels,
as ``--real SERIES.csv.gz LABELS.csv`` (those weights were trained on Wind 2019 and STEREO-B).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.errors import PipelineError, require
from pipelines.icme import pipeline
from pipelines.icme.detect import SHIPPED_WEIGHTS, detect, load_detector
from pipelines.icme.evaluate import score
from pipelines.icme.features import features, usable_samples
from pipelines.icme.labels import label_intervals
from pipelines.icme.learning import learning_lines
from pipelines.icme.lists import Agreement, agreement_table
from pipelines.icme.measure import PROMPT, RESULTS
from pipelines.icme.simulate import simulate
from pipelines.reporting import add_real, print_lines

#: Seeds of the simulated years; training uses those from 100 on.
SIMULATED_SEEDS = (11, 12, 13)

_HEADER = (
    "| data | events | detected | precision | recall | F1 any | F1 51 % | F1 IoU 50 % | TSS "
    "| start MAE | end MAE |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def table_row(name: str, scores: Mapping[str, Any]) -> str:
    """Return a line of the table for one set of scores."""
    ratios = ("precision", "recall", "f1_any", "f1_51", "f1_iou50", "tss")
    cells = [
        name,
        str(scores["n_true"]),
        str(scores["n_detected"]),
        *(f"{scores[key]:.2f}" for key in ratios),
        f"{scores['start_mae_h']:.1f} h",
        f"{scores['end_mae_h']:.1f} h",
    ]
    return f"| {' | '.join(cells)} |"


def simulated_scores(seed: int, weights: Path) -> dict[str, Any]:
    """Detect in a simulated year and score against its truth."""
    simulation = simulate(seed=seed)
    detector = load_detector(weights)
    detections = detect(simulation.series, detector)
    inputs = features(simulation.series, detector.scaling)
    true = label_intervals(simulation.truth, simulation.series)
    return dict(score(true, detections.intervals, usable_samples(inputs)))


def crossed_lines(results: Mapping[str, Any]) -> list[str]:
    """Return the table of series left out in turn, with the baselines."""
    crossed = results["crossed"]
    lines = [_HEADER]
    lines += [table_row(name, scores) for name, scores in crossed["series"].items()]
    count = len(crossed["seeds"])
    lines.append(table_row(f"**all three, mean of {count} networks**", crossed["pooled"]))
    lines += [
        table_row(f"all three, network {number}", scores)
        for number, scores in enumerate(crossed["seeds"])
    ]
    lines.append(table_row("random forest on rolling statistics", results["forest"]["pooled"]))
    lines.append(table_row("cold and of low beta", results["threshold"]["pooled"]))
    spread = crossed["spread"]
    told = ", ".join(
        f"{name} {spread[key][0]:.2f} ± {spread[key][1]:.2f}"
        for key, name in (("f1_any", "F1 any"), ("f1_51", "F1 51 %"), ("f1_iou50", "F1 IoU"))
    )
    return [*lines, "", f"Single networks: {told}."]


def streaming_lines(results: Mapping[str, Any]) -> list[str]:
    """Return the tables of detection in real time."""
    titles = {
        "streaming": "Rules with the best geometric mean of both F1:",
        "published": f"Rules within {100 * PROMPT:.0f} % of the duration, as published:",
        "prompt": f"Rules within {100 * PROMPT:.0f} % of the duration, strictly:",
    }
    lines = []
    for key, title in titles.items():
        lines += [title, "", *_stream_table(results[key]), ""]
    return lines[:-1]


def _stream_table(several: Sequence[Mapping[str, float]]) -> list[str]:
    lines = [
        "| wait | precision | recall | F1 any | F1 timely | delay | as published | strictly "
        "| start MAE |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in several:
        lines.append(
            f"| {each['wait_h']:g} h | {each['precision']:.2f} | {each['recall']:.2f} "
            f"| {each['f1']:.2f} | {each['f1_timely']:.2f} | {each['delay_h']:.1f} h "
            f"| {100 * each['published_fraction']:.0f} % | {100 * each['delay_fraction']:.0f} % "
            f"| {each['start_mae_h']:.1f} h |"
        )
    return lines


def list_lines(results: Mapping[str, Any]) -> list[str]:
    """Return the matrices of agreement."""
    titles = {
        "near_earth_any": "Lists near the Earth, any overlap:",
        "near_earth_51": "Lists near the Earth, 51 % of the event covered:",
        "wind_2019_any": "Wind 2019, any overlap:",
    }
    lines = []
    for key, title in titles.items():
        lines += [
            title,
            "",
            *agreement_table([Agreement(**each) for each in results["lists"][key]]),
        ]
        lines.append("")
    return lines


def results_lines(real: Sequence[tuple[Path, Path]], weights: Path, results: Path) -> list[str]:
    """Return all lines."""
    try:
        measured = json.loads(results.read_text())
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"{results} cannot be read: {error}", hint="make it: python -m pipelines.icme.measure"
        ) from error
    lines = [*crossed_lines(measured), "", *learning_lines(measured["learning"]), ""]
    lines += [*streaming_lines(measured), "", *list_lines(measured), _HEADER]
    for series, labels in real:
        scores = pipeline.evaluate(series, labels, weights=weights)
        lines.append(table_row(f"{scores['source']}, weights as shipped", scores))
    for seed in SIMULATED_SEEDS:
        lines.append(table_row(f"simulated year, seed {seed}", simulated_scores(seed, weights)))
    return lines


def main() -> int:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Results of the ICME detector as tables.")
    add_real(parser, "a real series and the list of its ejections")
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)
    return print_lines(lambda: results_lines(arguments.real, arguments.weights, arguments.results))


if __name__ == "__main__":
    sys.exit(main())
