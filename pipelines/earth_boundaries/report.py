"""Print the tables of the README: ``make evaluate CASE=earth_boundaries``.

The figures are those that `window_measure` and `measure` wrote into ``results.json``. With
``--windows FILE.npz`` labelled windows are named anew with the weights as shipped; with ``--real
SERIES LABELS`` a series is scored.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.earth_boundaries import pipeline
from pipelines.earth_boundaries.regions import REGIONS, WINDOW_REGIONS
from pipelines.earth_boundaries.results import read_results
from pipelines.errors import require
from pipelines.reporting import add_real, print_lines

_SPLITS = {
    "pass": "whole passes held out",
    "block": "contiguous blocks of 10 windows held out",
    "all": "all windows, none of them learnt from",
}


def window_lines(figures: Mapping[str, Any]) -> list[str]:
    """Return the table of region classifiers on windows."""
    lines = ["| method | split | accuracy | macro F1 |", "|---|---|---|---|"]
    for split, words in _SPLITS.items():
        for name, scores in figures[split].items():
            accuracy = f"{scores['accuracy_mean']:.3f} ± {scores['accuracy_sd']:.3f}"
            macro = f"{scores['macro_f1_mean']:.3f} ± {scores['macro_f1_sd']:.3f}"
            lines.append(f"| {name} | {words} | {accuracy} | {macro} |")
    return lines


def confusion_lines(counts: Sequence[Sequence[float]], names: Sequence[str]) -> list[str]:
    """Return a table of true (rows) against named regions."""
    lines = [f"| true | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for name, row in zip(names, counts, strict=True):
        lines.append(f"| {name} | " + " | ".join(f"{each:g}" for each in row) + " |")
    return lines


def _shown(value: Any, digits: int = 3) -> str:
    if isinstance(value, Mapping):
        return f"{value['mean']:.{digits}f} ± {value['sd']:.{digits}f}"
    return f"{value:.{digits}f}"


def orbit_lines(figures: Mapping[str, Any]) -> list[str]:
    """Return the table of detectors on simulated orbits."""
    lines = [
        "| method | region accuracy | macro F1 | precision | recall | crossing F1 | time error |",
        "|---" * 7 + "|",
    ]
    ratios = ("accuracy", "macro_f1", "precision", "recall", "f1")
    for name in ("plain forest", "network", "networks together"):
        row = figures[name]
        cells = [_shown(row[each]) for each in ratios]
        lines.append(
            f"| {name} | {' | '.join(cells)} | {_shown(row['time_error_median_s'], 0)} s |"
        )
    return lines


def published_lines(figures: Mapping[str, Any]) -> list[str]:
    """Return the table of bow shocks under the published protocol."""
    lines = ["| method | hours | precision | recall | F1 |", "|---|---|---|---|---|"]
    for name, protocols in figures.items():
        for protocol, row in protocols.items():
            cells = [_shown(row[each]) for each in ("precision", "recall", "f1")]
            lines.append(f"| {name} | {protocol} | {' | '.join(cells)} |")
    return lines


def lines_of(results: Mapping[str, Any]) -> list[str]:
    """Return all tables for which there are figures."""
    lines: list[str] = []
    if "windows" in results:
        alone = results["windows"]["all"]["network, simulated windows"]
        mean = [[each / alone["seeds"] for each in row] for row in alone["confusion"]]
        lines += [*window_lines(results["windows"]), "", *confusion_lines(mean, WINDOW_REGIONS)]
    if "orbits" in results:
        lines += ["", *orbit_lines(results["orbits"])]
        lines += ["", *confusion_lines(results["orbits"]["confusion"], REGIONS)]
    if "published" in results:
        lines += ["", *published_lines(results["published"])]
    return lines


def _scored(windows: Path | None, real: Sequence[Sequence[Path]]) -> list[str]:
    """Return lines on data that are scored with the weights as shipped."""
    lines = []
    require("torch").set_num_threads(1)
    if windows:
        scores = pipeline.evaluate(windows, windows)
        lines += [
            "",
            f"{windows.name}, weights as shipped: accuracy {scores['accuracy']:.3f}, "
            f"macro F1 {scores['macro_f1']:.3f}",
        ]
    for series, labels in real:
        scores = pipeline.evaluate(series, labels)
        lines += ["", f"{scores['source']}: crossing F1 {scores['crossing_f1']:.3f}"]
    return lines


def main() -> int:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Results for the Earth's boundaries as tables.")
    parser.add_argument("--windows", type=Path, help="labelled windows to name anew, .npz")
    add_real(parser, "a series of moments with its regions or crossings")
    arguments = parser.parse_args()
    return print_lines(
        lambda: [*lines_of(read_results()), *_scored(arguments.windows, arguments.real)]
    )


if __name__ == "__main__":
    sys.exit(main())
