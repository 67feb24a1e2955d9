"""Print the tables of the README: ``make evaluate CASE=mercury_boundaries.active``.

They are made of the results that `experiment` kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.mercury_boundaries.active.comparison import (
    FULL,
    POOL,
    SIZES,
    TENTH,
    Curve,
    by_seed,
    strategies_of,
    verdict,
)
from pipelines.mercury_boundaries.active.experiment import RESULTS_FILE, curves_of, outcomes_of
from pipelines.mercury_boundaries.active.injection import Outcome


def read_results(path: Path = RESULTS_FILE) -> dict[str, Any]:
    """Return what `experiment` kept.

    Raises
    ------
    OSError, ValueError
        If the file is not there or is something else.
    """
    values: dict[str, Any] = json.loads(path.read_text())
    return values


def curve_lines(curves: Sequence[Curve]) -> list[str]:
    """Return the table of the strategies on simulated missions."""
    lines = [
        "| orbits chosen by | "
        + " | ".join(f"F1, {size} orbits" for size in SIZES)
        + " | of all orbits' F1 | gain over random | p (t) | p (Wilcoxon) |",
        "|---" * (len(SIZES) + 5) + "|",
    ]
    for name in strategies_of(curves):
        values = [verdict(curves, name, size) for size in SIZES]
        cells = [f"{each.mean:.3f} ± {each.deviation:.3f}" for each in values]
        tenth = verdict(curves, name, TENTH)
        chance = name == "random"
        cells += [
            f"{100 * tenth.part_of_full:.1f} %",
            "" if chance else f"{tenth.gain:+.3f}",
            "" if chance else f"{tenth.p_value:.4f}",
            "" if chance else f"{tenth.p_wilcoxon:.3f}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    full = np.array([values[0] for values in by_seed(curves, FULL).values()])
    spread = f"{full.mean():.3f} ± {full.std(ddof=1):.3f}"
    blank = " |" * len(SIZES)
    lines.append(f"| {FULL}, {POOL} |{blank} 100 %, F1 {spread} | | | |")
    return lines


def outcome_lines(found: Mapping[str, Sequence[Outcome]]) -> list[str]:
    """Return the table of injected drifts."""
    lines = [
        "| detector | injected | sequences | found within one block | found later or not "
        "| false alarms a block |",
        "|---" * 6 + "|",
    ]
    for detector, outcomes in found.items():
        names = list(dict.fromkeys(each.change for each in outcomes))
        for name in [*names, None]:
            mine = [each for each in outcomes if name is None or each.change == name]
            hits = sum(each.found for each in mine)
            quiet, false = sum(each.quiet for each in mine), sum(each.false for each in mine)
            lines.append(
                f"| {detector} | {name or '**all**'} | {len(mine)} | {hits} "
                f"({100 * hits / len(mine):.0f} %) | {len(mine) - hits} "
                f"| {false} of {quiet} ({100 * false / quiet:.1f} %) |"
            )
    return lines


def natural_lines(natural: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the table of missions in which only the season drifts."""
    lines = [
        "| mission | blocks | Mercury years | alarms | drifts | alarms, season expected "
        "| changes of regime | orbits unlike all |",
        "|---" * 8 + "|",
    ]
    for each in natural:
        lines.append(
            f"| {each['seed']} | {each['blocks']} | {each['years']:.1f} | {each['alarms']} "
            f"| {each['drifts']} | {each['alarms_season_expected']} "
            f"| {each['changes_of_regime']} | {each['new']} |"
        )
    return lines


def real_lines(real: Mapping[str, Any]) -> list[str]:
    """Return the table of the strategies on real orbits, and their drifts."""
    curves = curves_of(real["curves"])
    lines = ["| orbits chosen by | F1, 1 orbit | 2 orbits | 3 orbits |", "|---|---|---|---|"]
    for name in strategies_of(curves):
        values = np.array(list(by_seed(curves, name).values()))
        cells = [
            f"{mean:.3f} ± {deviation:.3f}"
            for mean, deviation in zip(values.mean(axis=0), values.std(axis=0, ddof=1), strict=True)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    full = np.array([each[0] for each in by_seed(curves, FULL).values()])
    lines.append(f"| all 6 orbits | {full.mean():.3f} ± {full.std(ddof=1):.3f} | | |")
    names = ["new" if each < 0 else f"D{each}" for each in real["regimes"]]
    unlike = ", ".join(
        f"{name} ({value:.0f})" for name, value in zip(names, real["unlike"], strict=True)
    )
    lines += ["", f"Regimes (unlikeness; {real['farthest']:.0f} is the limit): {unlike}."]
    return lines


def tables(results: Mapping[str, Any]) -> list[str]:
    """Return all lines."""
    still = {name: outcomes_of(each) for name, each in results["still"].items()}
    season = {"two samples, season expected": outcomes_of(results["season"])}
    lines = ["Simulated missions:", "", *curve_lines(curves_of(results["curves"]))]
    lines += ["", "Injected while the season stands still:", "", *outcome_lines(still)]
    lines += ["", "Injected while the season goes on:", "", *outcome_lines(season)]
    lines += ["", "Nothing injected:", "", *natural_lines(results["natural"])]
    if "real" in results:
        lines += ["", "Real orbits:", "", *real_lines(results["real"])]
    return lines


def main() -> int:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Active learning and drift as tables.")
    parser.add_argument("--results", type=Path, default=RESULTS_FILE)
    arguments = parser.parse_args()
    try:
        print("\n".join(tables(read_results(arguments.results))))
    except (OSError, ValueError, KeyError) as error:
        print(
            f"{arguments.results} cannot be used: {error}; make it with "
            "python -m pipelines.mercury_boundaries.active.experiment",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
