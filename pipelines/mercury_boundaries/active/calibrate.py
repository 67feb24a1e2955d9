"""Set the thresholds of `alarms` on simulated orbits in which nothing drifts: ``alarms.json``.

``python -m pipelines.mercury_boundaries.active.calibrate [--cache FOLDER]``. No mission is one of
those that the expectation was learnt from, so that the thresholds of the season hold what an
expectation errs by for an orbital plane that it has not seen; and none is in a table of scores.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress
from pipelines.errors import PipelineError
from pipelines.mercury_boundaries.active.alarms import (
    SHIPPED_ALARMS,
    YEAR,
    AlarmModel,
    find_alarms,
    find_alarms_in_season,
    measures_of,
    season_values,
)
from pipelines.mercury_boundaries.active.drift import BLOCK, Expectation, load_drift_model
from pipelines.mercury_boundaries.active.learn import FALSE_ALARMS, orbits_of
from pipelines.mercury_boundaries.active.mission import Mission
from pipelines.mercury_boundaries.active.orbits import OrbitSummary

Values = NDArray[np.float64]

#: Seasons that stand still; the first eight were used for thresholds and scores before ranks were.
STILL: Final = tuple(
    Mission(seed, orbits=40, still=True)
    for seed in (61, 62, 63, 71, 72, 73, 74, 75, *range(501, 516))
)

#: Missions in which the season goes on: those that strategies were compared on at first.
GOING: Final = tuple(Mission(seed) for seed in range(1, 7))

#: Orders in which the orbits of a season that stands still are put.
_ORDERS: Final = 100


def still_threshold(missions: Sequence[Sequence[OrbitSummary]], part: float) -> float:
    """Return the threshold of `find_alarms`.

    Where the season stands still the order of the orbits means nothing, so many orders are tried.

    Parameters
    ----------
    missions
        Orbits of several seasons that stand still.
    part
        Of the blocks that may give an alarm.
    """
    random = np.random.default_rng(0)
    found = []
    for orbits in missions:
        values = measures_of(orbits)
        found += [
            find_alarms(random.permutation(values), np.inf).statistic[1:] for _ in range(_ORDERS)
        ]
    return float(np.quantile(np.concatenate(found), 1 - part))


def season_thresholds(
    expectation: Expectation, missions: Sequence[Sequence[OrbitSummary]], part: float
) -> tuple[float, float]:
    """Return the thresholds of `find_alarms_in_season`: for the first Mercury year, and for later.

    Blocks begin at each of their possible places, so that a mission has more of them.

    Parameters
    ----------
    expectation
        Learnt from other missions.
    missions
        Orbits of several, each longer than a Mercury year.
    part
        Of the blocks that may give an alarm.
    """
    first, later = [], []
    for orbits in missions:
        scores, places, times = season_values(expectation, orbits)
        for start in range(BLOCK):
            found = find_alarms_in_season(
                scores[start:], places[start:], times[start:], (np.inf, np.inf)
            ).statistic
            ages = times[start::BLOCK][: len(found)] - times[start]
            known = np.isfinite(found)
            first.append(found[known & (ages < YEAR)])
            later.append(found[known & (ages >= YEAR)])
    return (
        float(np.quantile(np.concatenate(first), 1 - part)),
        float(np.quantile(np.concatenate(later), 1 - part)),
    )


def calibrate(cache: Path | None, progress: Progress) -> AlarmModel:
    """Set all thresholds."""
    expectation = load_drift_model().expectation
    still, going = (
        [[each.summary for each in orbits] for orbits in orbits_of(missions, cache, progress)]
        for missions in (STILL, GOING)
    )
    notes = {
        "still_from_seeds": [each.seed for each in STILL],
        "season_from_seeds": [each.seed for each in GOING],
        "false_alarms_allowed": FALSE_ALARMS,
    }
    return AlarmModel(
        expectation,
        still_threshold(still, FALSE_ALARMS),
        season_thresholds(expectation, going, FALSE_ALARMS),
        notes,
    )


def main() -> int:
    """Read the command line, set the thresholds and write them."""
    parser = argparse.ArgumentParser(description="Thresholds of alarms.")
    parser.add_argument("--cache", type=Path, help="folder that keeps simulated orbits")
    parser.add_argument("--output", type=Path, default=SHIPPED_ALARMS)
    arguments = parser.parse_args()

    def tell(description: str, done: int, total: int) -> None:
        print(f"{description}: {done} of {total}", flush=True)

    try:
        model = calibrate(arguments.cache, tell)
        model.write(arguments.output)
    except (PipelineError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Wrote {arguments.output}: {model.threshold:.2f}, {model.thresholds_season}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
