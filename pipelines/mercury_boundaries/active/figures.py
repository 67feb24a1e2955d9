"""Draw the figures of the README from the results that `experiment` kept.

``python -m pipelines.mercury_boundaries.active.figures``
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipelines.errors import PipelineError, require
from pipelines.mercury_boundaries.active.alarms import load_alarm_model
from pipelines.mercury_boundaries.active.comparison import FULL, POOL, TENTH, Curve
from pipelines.mercury_boundaries.active.curves import curves_of
from pipelines.mercury_boundaries.active.drift import BLOCK, load_drift_model
from pipelines.mercury_boundaries.active.report import read_results
from pipelines.mercury_boundaries.active.verdicts import by_seed, strategies_of

_COLOURS: Final = ("0.4", "tab:blue", "tab:orange", "tab:purple", "tab:green")


def draw_curves(curves: Sequence[Curve], path: Path) -> None:
    """Draw macro-F1 over labelled orbits: mean and standard deviation over the seeds."""
    figure = require("matplotlib.figure").Figure(figsize=(9, 5.2), layout="constrained")
    axis = figure.subplots()
    full = np.array([values[0] for values in by_seed(curves, FULL).values()])
    axis.axhline(full.mean(), color="k", label=f"all {POOL} orbits")
    axis.axhline(0.95 * full.mean(), color="k", linestyle=":", label="95 % of that")
    axis.axvline(TENTH, color="0.8", label="a tenth of the orbits")
    for number, name in enumerate(strategies_of(curves)):
        values = np.array(list(by_seed(curves, name).values()))
        sizes = np.array(next(each.sizes for each in curves if each.strategy == name))
        axis.errorbar(
            sizes + 0.25 * (number - 2),
            values.mean(axis=0),
            values.std(axis=0, ddof=1),
            marker="o",
            markersize=4,
            capsize=2,
            color=_COLOURS[number % len(_COLOURS)],
            label=name,
        )
    axis.set_xlabel("labelled orbits")
    axis.set_ylabel("macro-F1 of the five classes")
    axis.set_title(f"Fast classifier on {len(full)} simulated missions")
    axis.legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=90)


def draw_statistics(results: Mapping[str, Any], path: Path) -> None:
    """Draw the statistic from block to block, with injected changes and over the seasons."""
    thresholds = load_alarm_model(load_drift_model().expectation)
    figure = require("matplotlib.figure").Figure(figsize=(9, 7), layout="constrained")
    above, below = figure.subplots(2, 1)
    for name, course in results["courses"].items():
        above.plot(range(len(course)), _numbers(course), marker="o", label=name)
    above.axhline(thresholds.threshold, color="k", linestyle=":", label="threshold")
    above.axvspan(3.5, 4.5, color="0.9", label="block in which the change comes")
    above.set_xlabel(f"block of {BLOCK} orbits")
    above.set_ylabel("largest squared deviate of ranks")
    above.set_title("Injected changes, season standing still")
    above.legend(fontsize=7, loc="upper left")
    for course in results["season_courses"]:
        below.plot(range(len(course)), _numbers(course), color="tab:blue", alpha=0.5)
    first, later = thresholds.thresholds_season
    year = 11  # Blocks of eight orbits, every second of 12 h, in a Mercury year.
    below.hlines(first, 0, year, color="k", linestyle=":", label="threshold, first Mercury year")
    below.hlines(later, year, len(results["season_courses"][0]), color="k", label="later")
    below.set_xlabel(f"block of {BLOCK} orbits (every second orbit: 16 revolutions)")
    below.set_ylabel("largest squared deviate of ranks")
    below.set_title(f"Nothing injected: {len(results['season_courses'])} missions, season expected")
    below.legend(fontsize=8)
    figure.savefig(path, dpi=90)


def _numbers(course: Sequence[float | None]) -> list[float]:
    return [float("nan") if each is None else each for each in course]


def main() -> int:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description="Figures of active learning and drift.")
    folder = Path(__file__).parents[1] / "figures"
    parser.add_argument("--output", type=Path, default=folder)
    arguments = parser.parse_args()
    try:
        results = read_results()
        arguments.output.mkdir(parents=True, exist_ok=True)
        curves = curves_of([*results["curves"], *results.get("secondary", [])])
        draw_curves(curves, arguments.output / "active_curves.png")
        draw_statistics(results, arguments.output / "active_drift.png")
    except (PipelineError, OSError, ValueError, KeyError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
