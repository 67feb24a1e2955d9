"""Compare strategies and detectors of drift, and keep the results in ``results.json``.

``python -m pipelines.mercury_boundaries.active.experiment [--data FOLDER] [--cache FOLDER]``
simulates ten missions of 300 orbits, with the changes that are put into them, and seasons that
stand still; real orbits are added when the folder of `messenger_mag_orbits` is given. With a cache
it goes on where it was broken off. `report` prints what was kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipelines.contract import Progress
from pipelines.errors import PipelineError, require
from pipelines.mercury_boundaries.active.alarms import AlarmModel, load_alarm_model
from pipelines.mercury_boundaries.active.comparison import FULL, WITHIN, compare_real
from pipelines.mercury_boundaries.active.curves import mission_curves
from pipelines.mercury_boundaries.active.drift import DriftModel, load_drift_model, unlikeness
from pipelines.mercury_boundaries.active.injection import (
    NETWORK,
    SEASONS_OF_NETWORK,
    STILL,
    TRIALS,
    Outcome,
    QuietSeason,
    courses,
    detectors,
    plain,
    quiet_seasons,
    season_outcomes,
    still_outcomes,
)
from pipelines.mercury_boundaries.active.learn import known_drifts
from pipelines.mercury_boundaries.active.mission import Mission
from pipelines.mercury_boundaries.active.orbits import OrbitSummary, around_periapsis, periapses
from pipelines.mercury_boundaries.active.prepare import prepare, prepared_mission
from pipelines.mercury_boundaries.active.verdicts import PRIMARY, RANDOM
from pipelines.mercury_boundaries.protocol import read_orbits

#: Missions that strategies and alarms are tested on, 300 orbits each: of the seeds from 201 on, as
#: many as could be computed by a time that was set before any score was read.
MISSIONS: Final = tuple(Mission(seed) for seed in range(201, 211))

#: Missions on which strategies were compared before, and which alarms were calibrated on since.
EXPLORED: Final = tuple(Mission(seed) for seed in range(1, 7))

#: What the test needs, and what else is compared on its missions.
TESTED: Final = (RANDOM, PRIMARY, FULL)
SECONDARY: Final = ("entropy", WITHIN["regimes"])

RESULTS_FILE: Final = Path(__file__).parent / "results.json"


def curve_results(
    missions: Sequence[Mission],
    model: DriftModel,
    cache: Path | None,
    progress: Progress,
    *,
    network: bool = False,
    wanted: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Return the learning curves of missions as plain values.

    With `network`, drifts of the network of the literature are compared, too; `wanted` are the
    names of strategies, all when not given.
    """
    known = known_drifts(cache, progress) if network else None
    return [
        asdict(each)
        for mission in missions
        for each in mission_curves(mission, model, known, cache, progress, wanted)
    ]


def still_results(
    model: DriftModel, ranks: AlarmModel, cache: Path | None, progress: Progress
) -> dict[str, Any]:
    """Return what detectors do while the season stands still."""
    found = {}
    for name, detect in detectors(model, ranks, known_drifts(cache, progress)).items():
        network = name == NETWORK
        seasons, trials = (STILL[:SEASONS_OF_NETWORK], 1) if network else (STILL, TRIALS)
        found[name] = still_outcomes(detect, trials, cache, progress, seasons)
    return {
        "still": {name: [asdict(each) for each in one] for name, one in found.items()},
        "courses": courses(ranks, STILL[0], cache),
    }


def season_results(
    model: DriftModel, ranks: AlarmModel, cache: Path | None, progress: Progress
) -> dict[str, Any]:
    """Return what detectors do while the season goes on, with changes and without."""
    outcomes = season_outcomes(model, ranks, MISSIONS, cache, progress)
    natural, quiet, season_courses = [], [], []
    for mission in MISSIONS:
        orbits = prepared_mission(mission, range(mission.orbits), cache=cache)
        summaries = [each.summary for each in orbits]
        natural.append(_natural(model, summaries, mission))
        quiet += [asdict(each) for each in quiet_seasons(model, ranks, summaries, mission.seed)]
        season_courses.append(plain(ranks.alarms(summaries, season=True)))
    return {
        "season": {name: [asdict(each) for each in one] for name, one in outcomes.items()},
        "natural": natural,
        "quiet": quiet,
        "season_courses": season_courses,
    }


def _natural(
    model: DriftModel, summaries: Sequence[OrbitSummary], mission: Mission
) -> dict[str, float]:
    """Return how a mission is divided in which nothing but the season drifts."""
    kept = model.drifts(summaries)
    numbers = model.regimes.numbers(model.expectation, summaries)
    return {
        "seed": mission.seed,
        "blocks": len(kept.alarms) - 1,
        "years": (summaries[-1].stop - summaries[0].start) / 86400 / 87.97,
        "alarms": int(kept.alarms.sum()),
        "drifts": len(np.unique(kept.labels)),
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


def outcomes_of(values: Sequence[dict[str, Any]]) -> list[Outcome]:
    """Return outcomes from plain values."""
    return [Outcome(**each) for each in values]


def quiet_of(values: Sequence[dict[str, Any]]) -> list[QuietSeason]:
    """Return alarms of quiet missions from plain values."""
    return [QuietSeason(**each) for each in values]


def parts(
    data: Path | None, cache: Path | None, progress: Progress
) -> dict[str, Callable[[], dict[str, Any]]]:
    """Return what can be made, by name.

    Parameters
    ----------
    data
        Folder with `messenger_mag_orbits`; without it there is no part ``real``.
    cache
        Folder of simulated orbits and curves.
    progress
        Told what is done.
    """
    model = load_drift_model()
    ranks = load_alarm_model(model.expectation)
    made: dict[str, Callable[[], dict[str, Any]]] = {
        "curves": lambda: {
            "curves": curve_results(MISSIONS, model, cache, progress, wanted=TESTED)
        },
        "secondary": lambda: {
            "secondary": curve_results(MISSIONS, model, cache, progress, wanted=SECONDARY)
        },
        "still": lambda: still_results(model, ranks, cache, progress),
        "season": lambda: season_results(model, ranks, cache, progress),
        "explored": lambda: {
            "explored": curve_results(EXPLORED, model, cache, progress, network=True)
        },
    }
    if data is not None:
        folder = data / "messenger_mag_orbits"
        made["real"] = lambda: {"real": real_results(folder, model, progress)}
    return made


def main() -> int:
    """Read the command line, compare and write."""
    parser = argparse.ArgumentParser(description="Active learning and drift: the comparisons.")
    parser.add_argument("--data", type=Path, help="folder with messenger_mag_orbits")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was made")
    parser.add_argument("--parts", nargs="+", help="what is made anew; everything by default")
    parser.add_argument("--output", type=Path, default=RESULTS_FILE)
    arguments = parser.parse_args()

    def tell(description: str, done: int, total: int) -> None:
        print(f"{description}: {done} of {total}", flush=True)

    try:
        require("torch").set_num_threads(1)
        made = parts(arguments.data, arguments.cache, tell)
        wanted = arguments.parts or list(made)
        if unknown := set(wanted) - set(made):
            parser.error(f"--parts: {', '.join(sorted(unknown))}: there are {', '.join(made)}")
        results: dict[str, Any] = {}
        if arguments.output.is_file():
            results = json.loads(arguments.output.read_text())
        for name in wanted:
            results |= made[name]()
            # After each part, so that what is done is not lost.
            arguments.output.write_text(json.dumps(results, indent=1) + "\n")
    except (PipelineError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
