"""Print the table of results of the README: ``python -m pipelines.icme.report``.

Cross-validated figures come from what training wrote beside the weights; simulated years are made
and searched anew; real series are searched when they are given with their labels, as
``--real SERIES.csv.gz LABELS.csv``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.errors import PipelineError
from pipelines.icme import pipeline
from pipelines.icme.detect import PARAMETERS_FILE, SHIPPED_WEIGHTS, detect, load_detector
from pipelines.icme.evaluate import score
from pipelines.icme.features import features, usable_samples
from pipelines.icme.labels import label_intervals
from pipelines.icme.simulate import simulate

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


def results(real: Sequence[tuple[Path, Path]], weights: Path) -> list[str]:
    """Return the lines of the table."""
    notes = json.loads((weights / PARAMETERS_FILE).read_text())["notes"]
    rows = [_HEADER]
    crossed = notes["cross_validation"]
    for source, scores in zip(notes["sources"], crossed["scores"], strict=True):
        rows.append(table_row(f"{source}, {crossed['folds']}-fold in time", scores))
    for number, scores in enumerate(crossed["quiet_years"]):
        rows.append(table_row(f"quiet simulated year {number}, helped to choose the rule", scores))
    nested = ", ".join(f"{key} {value:.2f}" for key, value in crossed["nested"].items())
    rows.append(f"\nWith the rule always chosen on the other blocks: {nested}\n")
    for series, labels in real:
        scores = pipeline.evaluate(series, labels, weights=weights)
        rows.append(table_row(f"{scores['source']}, ensemble", scores))
        for number, each in enumerate(scores["per_seed"]):
            rows.append(table_row(f"{scores['source']}, network {number}", each))
        spread = f"{scores['f1_any_mean']:.2f} +- {scores['f1_any_sd']:.2f}"
        rows.append(f"\n{scores['source']}: F1 (any overlap) of single networks {spread}\n")
    for seed in SIMULATED_SEEDS:
        rows.append(table_row(f"simulated year, seed {seed}", simulated_scores(seed, weights)))
    return rows


def main() -> int:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description="Results of the ICME detector as a table.")
    parser.add_argument(
        "--real",
        nargs=2,
        type=Path,
        action="append",
        default=[],
        metavar=("SERIES", "LABELS"),
        help="a real series and the list of its ejections",
    )
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS)
    arguments = parser.parse_args()
    try:
        print("\n".join(results(arguments.real, arguments.weights)))
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
