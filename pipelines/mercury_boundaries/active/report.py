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
from numpy.typing import NDArray

from pipelines.mercury_boundaries.active.comparison import FULL, POOL, SIZES, Curve
from pipelines.mercury_boundaries.active.curves import curves_of
from pipelines.mercury_boundaries.active.experiment import RESULTS_FILE, outcomes_of, quiet_of
from pipelines.mercury_boundaries.active.injection import POINTS, Outcome, QuietSeason
from pipelines.mercury_boundaries.active.verdicts import (
    PRIMARY,
    RANDOM,
    by_seed,
    half_interval,
    holm,
    secondary_of,
    strategies_of,
    verdict,
)


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
        + " | of all orbits' F1, 22 orbits |",
        "|---" * (len(SIZES) + 2) + "|",
    ]
    for name in strategies_of(curves):
        values = [verdict(curves, name, size) for size in SIZES]
        cells = [f"{each.mean:.3f} ± {each.deviation:.3f}" for each in values]
        tenth = verdict(curves, name)
        cells.append(f"{100 * tenth.part_of_full:.1f} ± {100 * tenth.part_error:.1f} %")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    full = np.array([values[0] for values in by_seed(curves, FULL).values()])
    spread = f"{full.mean():.3f} ± {full.std(ddof=1):.3f}"
    blank = " |" * len(SIZES)
    lines.append(f"| {FULL}, {POOL} |{blank} 100 %, F1 {spread} |")
    return lines


def chance_lines(curves: Sequence[Curve]) -> list[str]:
    """Return the table of the tests against chance, with a tenth of the orbits labelled."""
    lines = [
        "| orbits chosen by | gain over random | better in | p (t) | p (Wilcoxon) "
        "| p (t), Holm | p (Wilcoxon), Holm |",
        "|---" * 7 + "|",
    ]
    secondary = secondary_of(curves)
    found = {name: verdict(curves, name) for name in (PRIMARY, *secondary)}
    student = holm({name: found[name].p_value for name in secondary})
    wilcoxon = holm({name: found[name].p_wilcoxon for name in secondary})
    seeds = len(by_seed(curves, RANDOM))
    for name, each in found.items():
        corrected = (
            "primary | primary"
            if name == PRIMARY
            else f"{student[name]:.4f} | {wilcoxon[name]:.4f}"
        )
        lines.append(
            f"| {name} | {each.gain:+.4f} ± {each.gain_error:.4f} | {each.better} of {seeds} "
            f"| {each.p_value:.4f} | {each.p_wilcoxon:.4f} | {corrected} |"
        )
    return lines


def explored_line(curves: Sequence[Curve]) -> str:
    """Return what the first missions said, which the test does not count."""
    each = verdict(curves, PRIMARY)
    return (
        f"The {len(by_seed(curves, RANDOM))} missions of before, not counted: {PRIMARY} "
        f"{each.gain:+.4f} ± {each.gain_error:.4f}, p {each.p_value:.3f} (t) and "
        f"{each.p_wilcoxon:.3f} (Wilcoxon), {100 * each.part_of_full:.1f} per cent."
    )


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
            part = f"{100 * hits / len(mine):.0f}"
            if name is None:
                part += f" ± {100 * half_interval(_parts_found(mine)):.0f}"
            lines.append(
                f"| {detector} | {name or '**all**'} | {len(mine)} | {hits} "
                f"({part} %) | {len(mine) - hits} "
                f"| {false} of {quiet} ({100 * false / quiet:.1f} %) |"
            )
    return lines


def _parts_found(outcomes: Sequence[Outcome]) -> NDArray[np.float64]:
    """Return the part of the changes that was found in each season."""
    seeds = sorted({each.seed for each in outcomes})
    return np.array([np.mean([e.found for e in outcomes if e.seed == seed]) for seed in seeds])


def season_lines(found: Mapping[str, Sequence[Outcome]]) -> list[str]:
    """Return the table of changes injected while the season goes on."""
    lines = [
        "| detector | injected | "
        + " | ".join(f"found within one block, orbit {point}" for point in POINTS)
        + " |",
        "|---" * (2 + len(POINTS)) + "|",
    ]
    for detector, outcomes in found.items():
        names = list(dict.fromkeys(each.change for each in outcomes))
        for name in [*names, None]:
            cells = []
            for point in POINTS:
                mine = [
                    each.found
                    for each in outcomes
                    if each.point == point and (name is None or each.change == name)
                ]
                cells.append(f"{sum(mine)} of {len(mine)} ({100 * sum(mine) / len(mine):.0f} %)")
            lines.append(f"| {detector} | {name or '**all**'} | {' | '.join(cells)} |")
    return lines


def quiet_lines(quiet: Sequence[QuietSeason]) -> list[str]:
    """Return the table of false alarms while the season goes on."""
    lines = [
        "| detector | missions | false alarms a block, first Mercury year | later |",
        "|---" * 4 + "|",
    ]
    for detector in dict.fromkeys(each.detector for each in quiet):
        mine = [each for each in quiet if each.detector == detector]
        first = sum(each.first_false for each in mine), sum(each.first_tested for each in mine)
        later = sum(each.later_false for each in mine), sum(each.later_tested for each in mine)
        cells = [f"{one} of {all_} ({100 * one / all_:.1f} %)" for one, all_ in (first, later)]
        lines.append(f"| {detector} | {len(mine)} | {' | '.join(cells)} |")
    return lines


def natural_lines(natural: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the table of missions in which only the season drifts."""
    lines = [
        "| mission | blocks | Mercury years | alarms | drifts | changes of regime "
        "| orbits unlike all |",
        "|---" * 7 + "|",
    ]
    for each in natural:
        lines.append(
            f"| {each['seed']} | {each['blocks']} | {each['years']:.1f} | {each['alarms']} "
            f"| {each['drifts']} | {each['changes_of_regime']} | {each['new']} |"
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
    curves = curves_of([*results["curves"], *results.get("secondary", [])])
    still = {name: outcomes_of(each) for name, each in results["still"].items()}
    season = {name: outcomes_of(each) for name, each in results["season"].items()}
    lines = ["Simulated missions:", "", *curve_lines(curves)]
    lines += ["", "Against chance, 22 of 220 orbits labelled:", "", *chance_lines(curves)]
    lines += ["", explored_line(curves_of(results["explored"]))]
    lines += ["", "Injected while the season stands still:", "", *outcome_lines(still)]
    lines += ["", "Injected while the season goes on:", "", *season_lines(season)]
    lines += ["", "Nothing injected:", "", *quiet_lines(quiet_of(results["quiet"]))]
    lines += ["", "Seasons as drifts:", "", *natural_lines(results["natural"])]
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
