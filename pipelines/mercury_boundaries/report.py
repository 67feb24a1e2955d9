"""Print the tables of the README: ``make evaluate CASE=mercury_boundaries``.

Cross-validated figures are those that training wrote beside the weights; simulated orbits are made
and searched anew. Lists are compared, and real orbits searched, when their folder is given:
``ARGS="--data FOLDER"``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipelines.errors import PipelineError, require
from pipelines.mercury_boundaries.detect import SHIPPED_WEIGHTS, Detector, load_detector
from pipelines.mercury_boundaries.evaluate import agreement, all_scores
from pipelines.mercury_boundaries.lists import Crossings, read_crossings
from pipelines.mercury_boundaries.run import search
from pipelines.mercury_boundaries.simulate import Simulation, simulate

#: Seeds of the simulated orbits, and where on Mercury's year they lie; training has other seeds.
SIMULATED: Final = (
    (11, "2011-06-01"),
    (12, "2011-11-10"),
    (13, "2012-04-20"),
    (14, "2012-09-05"),
    (15, "2013-02-14"),
)
ORBITS: Final = 2.0

_SHORT: Final = ("SW", "BS", "MSh", "MP", "MSp")

_HEADER: Final = (
    "| data | position | accuracy | macro-F1 of 3 regions | macro-F1 of 5 classes | recall BS "
    "| recall MP | F1 of intervals | BS | MP | F1, edges within 300 s | median error of edges |\n"
    + "|---" * 12
    + "|"
)

#: The lists, by the names of their files.
LISTS: Final = (
    ("Sun 2023", ("sun2023_messenger_boundaries_with_ephemeris.csv",)),
    ("Philpott 2020", ("philpott2020_messenger_crossings.csv",)),
    ("PyMess", ("pymess_MessBS.dat", "pymess_MessMP.dat")),
)


def table_row(name: str, position: bool, scores: Mapping[str, Any]) -> str:
    """Return a line of the table for one set of scores."""
    recall = scores["per_class"]
    cells = [
        name,
        "yes" if position else "no",
        f"{scores['accuracy']:.3f}",
        f"{scores['macro_f1']:.3f}",
        f"{scores['macro_f1_five']:.3f}",
        f"{recall['bow_shock']['recall']:.2f}",
        f"{recall['magnetopause']['recall']:.2f}",
        f"{scores['crossing_f1']:.2f}",
        f"{scores['crossing_f1_bow_shock']:.2f}",
        f"{scores['crossing_f1_magnetopause']:.2f}",
        f"{scores['crossing_f1_edges']:.2f}",
        f"{scores['time_error_median_s']:.0f} s",
    ]
    return f"| {' | '.join(cells)} |"


def seeds_row(name: str, position: bool, summary: Mapping[str, Any]) -> str:
    """Return a line with mean and standard deviation over the networks of single seeds."""
    values, recall = summary["mean_and_sd"], summary["recall_mean_and_sd"]

    def both(pair: Sequence[float], digits: int) -> str:
        return f"{pair[0]:.{digits}f} ± {pair[1]:.{digits}f}"

    cells = [
        name,
        "yes" if position else "no",
        both(values["accuracy"], 3),
        both(values["macro_f1"], 3),
        both(values["macro_f1_five"], 3),
        both(recall["bow_shock"], 2),
        both(recall["magnetopause"], 2),
        both(values["crossing_f1"], 2),
        both(values["crossing_f1_bow_shock"], 2),
        both(values["crossing_f1_magnetopause"], 2),
        both(values["crossing_f1_edges"], 2),
        f"{values['time_error_median_s'][0]:.0f} s",
    ]
    return f"| {' | '.join(cells)} |"


def forest_row(position: bool, summary: Mapping[str, Any]) -> str:
    """Return a line for the forest, which names no intervals."""
    cells = [
        "random forest, left out in turn",
        "yes" if position else "no",
        f"{summary['accuracy'][0]:.3f} ± {summary['accuracy'][1]:.3f}",
        f"{summary['macro_f1'][0]:.3f} ± {summary['macro_f1'][1]:.3f}",
        f"{summary['macro_f1_five'][0]:.3f} ± {summary['macro_f1_five'][1]:.3f}",
        f"{summary['recall_bow_shock'][0]:.2f} ± {summary['recall_bow_shock'][1]:.2f}",
        f"{summary['recall_magnetopause'][0]:.2f} ± {summary['recall_magnetopause'][1]:.2f}",
        *([""] * 5),
    ]
    return f"| {' | '.join(cells)} |"


def score_simulation(simulation: Simulation, detector: Detector, position: bool) -> dict[str, Any]:
    """Score a detector on simulated orbits."""
    series = simulation.series
    bins, found = search(series, detector, position=position)
    measured = np.isfinite(series.field).all(axis=1)
    return all_scores(
        np.where(measured, simulation.classes, -1).astype(np.int8),
        found.classes(bins, series.first, len(series)),
        found.regions(bins, series.first, len(series)),
        simulation.crossings,
        found.crossings,
    )


def class_lines(per_class: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return the table of the five classes."""
    lines = ["| class | seconds | precision | recall | F1 |", "|---|---|---|---|---|"]
    for name, values in per_class.items():
        lines.append(
            f"| {name.replace('_', ' ')} | {values['seconds']:,} | {values['precision']:.3f} "
            f"| {values['recall']:.3f} | {values['f1']:.3f} |"
        )
    return lines


def matrix_lines(lists: Mapping[str, Crossings], tolerance: float) -> list[str]:
    """Return which fraction of the crossings of one list (row) another (column) has."""
    names = list(lists)
    lines = [
        "| of the crossings of | n | " + " | ".join(names) + " |",
        "|---" * (len(names) + 2) + "|",
    ]
    for row in names:
        cells = [
            "" if row == column else f"{agreement(lists[row], lists[column], tolerance):.2f}"
            for column in names
        ]
        lines.append(f"| {row} | {len(lists[row])} | " + " | ".join(cells) + " |")
    return lines


def read_lists(folder: Path) -> dict[str, Crossings]:
    """Read the lists of a folder.

    Raises
    ------
    LabelError
        If one is missing.
    """
    from pipelines.mercury_boundaries.truth import join_crossings

    return {
        name: join_crossings([read_crossings(folder / each) for each in files])
        for name, files in LISTS
    }


def results(weights: Path, data: Path | None) -> list[str]:
    """Return all lines."""
    detector = load_detector(weights)
    notes = detector.notes
    lines = [_HEADER]
    for key, position in (("with_position", True), ("without_position", False)):
        summary = notes.get(key)
        if summary is None:
            continue
        name = f"**{len(notes['orbits'])} real orbits, {notes['folds']} groups left out in turn**"
        lines.append(
            table_row(f"{name}, {summary['seeds']} networks", position, summary["ensemble"])
        )
        lines.append(seeds_row("the same, single networks", position, summary))
    for key, position in (("forest", True), ("forest_without_position", False)):
        if key in notes:
            lines.append(forest_row(position, notes[key]))
    for seed, start in SIMULATED:
        simulation = simulate(start=start, orbits=ORBITS, seed=seed)
        for position in (True, False):
            scores = score_simulation(simulation, detector, position)
            lines.append(table_row(f"{ORBITS:g} simulated orbits, seed {seed}", position, scores))
    if "with_position" in notes:
        lines += ["", *class_lines(notes["with_position"]["ensemble"]["per_class"])]
    if data is not None:
        lines += list_tables(data, detector)
    return lines


def list_tables(data: Path, detector: Detector) -> list[str]:
    """Return the agreement of the lists over the mission, and with the detector over its orbits."""
    from pipelines.mercury_boundaries.files import read_mag

    lists = read_lists(data)
    series = read_mag(data / "messenger_mag_orbits")
    first, last = series.first, series.first + len(series)
    within = {name: each.within(first, last) for name, each in lists.items()}
    within["detector"] = search(series, detector)[1].crossings
    lines = []
    for tolerance in (60.0, 300.0):
        lines += ["", f"Whole mission, {tolerance:g} s apart at most:", ""]
        lines += matrix_lines(lists, tolerance)
    for tolerance in (60.0, 300.0):
        lines += ["", f"Orbits in `messenger_mag_orbits`, {tolerance:g} s apart at most:", ""]
        lines += matrix_lines(within, tolerance)
    return lines


def main() -> int:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Results for Mercury's boundaries as tables.")
    parser.add_argument("--data", type=Path, help="folder with lists and messenger_mag_orbits")
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS)
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)
    try:
        print("\n".join(results(arguments.weights, arguments.data)))
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
