"""Compare strategies and detectors of drift, and keep the results in ``results.json``.

``python -m pipelines.mercury_boundaries.active.experiment [--data FOLDER] [--cache FOLDER]``
simulates five missions of 300 orbits, with the changes that are put into them; real orbits are
added when the folder of `messenger_mag_orbits` is given. `report` prints what was kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipelines.contract import Progress
from pipelines.errors import PipelineError, require
from pipelines.mercury_boundaries.active.comparison import Curve, compare, compare_real
from pipelines.mercury_boundaries.active.drift import DriftModel, load_drift_model, unlikeness
from pipelines.mercury_boundaries.active.injection import (
    STILL,
    Outcome,
    courses,
    detectors,
    plain,
    season_outcomes,
    still_outcomes,
)
from pipelines.mercury_boundaries.active.learn import known_drifts
from pipelines.mercury_boundaries.active.mission import Mission
from pipelines.mercury_boundaries.active.orbits import around_periapsis, periapses
from pipelines.mercury_boundaries.active.prepare import prepare, prepared_mission
from pipelines.mercury_boundaries.protocol import read_orbits

#: Missions that strategies are compared on, 300 orbits each.
MISSIONS: Final = tuple(Mission(seed) for seed in range(1, 7))

RESULTS_FILE: Final = Path(__file__).parent / "results.json"


def simulated_results(model: DriftModel, cache: Path | None, progress: Progress) -> dict[str, Any]:
    """Return all results of simulated missions as plain values."""
    known = known_drifts(cache, progress)
    found = {
        name: still_outcomes(detect, cache, progress)
        for name, detect in detectors(model, known).items()
    }
    seasons = season_outcomes(model, MISSIONS, cache, progress)
    curves: list[Curve] = []
    natural = []
    season_courses: dict[str, list[list[float | None]]] = {}
    for mission in MISSIONS:
        orbits = prepared_mission(mission, range(mission.orbits), cache=cache, progress=progress)
        curves += compare(orbits, model, known, mission.seed, progress)
        summaries = [each.summary for each in orbits]
        natural.append(_natural(model, summaries, mission))
        for season in (False, True):
            season_courses.setdefault(str(season), []).append(
                plain(model.drifts(summaries, season=season))
            )
    return {
        "curves": [asdict(each) for each in curves],
        "still": {name: [asdict(each) for each in one] for name, one in found.items()},
        "season": [asdict(each) for each in seasons],
        "natural": natural,
        "courses": courses(model, STILL[0], cache),
        "season_courses": season_courses,
        "thresholds": [model.threshold, model.threshold_season],
    }


def _natural(model: DriftModel, summaries: Sequence[Any], mission: Mission) -> dict[str, float]:
    """Return what the detector says of a mission in which nothing but the season drifts."""
    kept, expected = (model.drifts(summaries, season=season) for season in (False, True))
    tested = len(kept.alarms) - 1
    numbers = model.regimes.numbers(model.expectation, summaries)
    years = (summaries[-1].stop - summaries[0].start) / 86400 / 87.97
    return {
        "seed": mission.seed,
        "blocks": tested,
        "years": years,
        "alarms": int(kept.alarms.sum()),
        "drifts": len(np.unique(kept.labels)),
        "alarms_season_expected": int(expected.alarms.sum()),
        "changes_of_regime": int((np.diff(numbers) != 0).sum()),
        "new": int((numbers < 0).sum()),
    }


def real_results(folder: Path, model: DriftModel, progress: Progress) -> dict[str, Any]:
    """Return what can be said with labelled real orbits."""
    orbits = []
    for each in read_orbits(folder):
        times = periapses(each.series)
        if times:
            part = around_periapsis(each.series, times[0])
            low = part.first - each.series.first
            orbits.append(prepare(part, each.classes[low : low + len(part)]))
    summaries = [each.summary for each in orbits]
    regimes = model.regimes.numbers(model.expectation, summaries)
    curves = compare_real([each.cells for each in orbits], regimes, progress=progress)
    return {
        "curves": [asdict(each) for each in curves],
        "regimes": [int(each) for each in regimes],
        "unlike": [round(float(each), 1) for each in unlikeness(model.expectation, summaries)],
        "farthest": model.regimes.farthest,
    }


def curves_of(values: Sequence[dict[str, Any]]) -> list[Curve]:
    """Return curves from plain values."""
    return [
        Curve(
            each["strategy"], each["seed"], each["repeat"], tuple(each["sizes"]), tuple(each["f1"])
        )
        for each in values
    ]


def outcomes_of(values: Sequence[dict[str, Any]]) -> list[Outcome]:
    """Return outcomes from plain values."""
    return [Outcome(**each) for each in values]


def main() -> int:
    """Read the command line, compare and write."""
    parser = argparse.ArgumentParser(description="Active learning and drift: the comparisons.")
    parser.add_argument("--data", type=Path, help="folder with messenger_mag_orbits")
    parser.add_argument("--cache", type=Path, help="folder that keeps simulated orbits")
    parser.add_argument("--output", type=Path, default=RESULTS_FILE)
    arguments = parser.parse_args()

    def tell(description: str, done: int, total: int) -> None:
        print(f"{description}: {done} of {total}", flush=True)

    try:
        require("torch").set_num_threads(1)
        model = load_drift_model()
        results: dict[str, Any] = {}
        if arguments.output.is_file():
            results = json.loads(arguments.output.read_text())
        if arguments.data is not None:
            folder = arguments.data / "messenger_mag_orbits"
            results["real"] = real_results(folder, model, tell)
        results |= simulated_results(model, arguments.cache, tell)
        arguments.output.write_text(json.dumps(results, indent=1) + "\n")
    except (PipelineError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
