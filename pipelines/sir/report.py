"""Print the tables of the README: ``make evaluate CASE=sir``.

The cross-validated figures are those that `pipelines.sir.crossing` wrote beside the weights;
simulated years are made and searched anew; real series are searched with the weights as shipped
when they are given with their labels, as ``--real SERIES.csv.gz LABELS.csv``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipelines.errors import require
from pipelines.icme.detect import SHIPPED_WEIGHTS
from pipelines.reporting import add_real, print_lines
from pipelines.sir import pipeline
from pipelines.sir.parameters import read_parameters

#: Seeds of the simulated years; training uses those from 100 on.
SIMULATED_SEEDS = (11, 12, 13)

_HEADER = (
    "| data | regions | detected | precision | recall | F1 any | F1 51 % | F1 IoU 50 % "
    "| F1 samples | TSS | start MAE | interface MAE | end MAE | confusion |\n" + "|---" * 14 + "|"
)


def table_row(name: str, scores: Mapping[str, Any]) -> str:
    """Return a line of the table for one set of scores."""
    ratios = ("precision", "recall", "f1_any", "f1_51", "f1_iou50", "f1_samples", "tss")
    errors = ("start_mae_h", "interface_mae_h", "end_mae_h")
    confused = scores.get("confusion_rate")
    cells = [
        name,
        str(scores["n_true"]),
        str(scores["n_detected"]),
        *(f"{scores[key]:.2f}" for key in ratios),
        *(f"{scores[key]:.1f} h" for key in errors),
        "" if confused is None else f"{100 * confused:.0f} %",
    ]
    return f"| {' | '.join(cells)} |"


def confusion_lines(counts: Sequence[Sequence[int]]) -> list[str]:
    """Return the table of true against found kinds."""
    lines = ["| true | found as region | as ejection | not found |", "|---|---|---|---|"]
    for name, row in zip(("interaction region", "ejection"), counts, strict=True):
        lines.append(f"| {name} | " + " | ".join(str(each) for each in row) + " |")
    return lines


def _protocol(notes: Mapping[str, Any]) -> str:
    """Return what was left out in turn, as `crossing` or `protocol` wrote it down."""
    if "years" in notes:
        return f"STEREO-B, {notes['years']} years (mean of {notes['seeds']} networks)"
    return f"{', '.join(notes['sources'])}, {notes['folds']} blocks of time"


def simulated_scores(seed: int, weights: Path) -> Mapping[str, Any]:
    """Detect in a simulated year and score against its truth."""
    year = pipeline.simulate(seed=seed)
    with TemporaryDirectory() as folder:
        regions, ejections = Path(folder) / "regions.csv", Path(folder) / "ejections.csv"
        year.regions.to_csv(regions, index=False)
        year.truth.to_csv(ejections, index=False)
        return pipeline.evaluate(year.series, regions, weights=weights, ejections=ejections)


def results(real: Sequence[tuple[Path, Path]], weights: Path) -> list[str]:
    """Return all lines."""
    notes = read_parameters(weights).notes
    lines = [_HEADER]
    if "nested" in notes:
        lines.append(table_row(f"**{_protocol(notes)} left out in turn**", notes["nested"]))
    for series, labels in real:
        scores = pipeline.evaluate(series, labels, weights=weights)
        lines.append(table_row(f"{scores['source']}, weights as shipped", scores))
    for seed in SIMULATED_SEEDS:
        lines.append(table_row(f"simulated year, seed {seed}", simulated_scores(seed, weights)))
    if "nested" in notes:
        lines += ["", *confusion_lines(notes["nested"]["confusion"])]
        auc = notes["nested"].get("auc_samples")
        if auc is not None:
            lines += ["", f"Area under the ROC curve of samples: {auc:.2f}."]
    return lines


def main() -> int:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Results for interaction regions as tables.")
    add_real(parser, "a real series and the list of its interaction regions")
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS)
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)
    return print_lines(lambda: results(arguments.real, arguments.weights))


if __name__ == "__main__":
    sys.exit(main())
