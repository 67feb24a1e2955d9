"""Learn what is usual for an orbit, its regimes, and how far is too far; write ``drift.json``.

``python -m pipelines.mercury_boundaries.active.learn [--cache FOLDER]`` does it from simulated
orbits alone, of seeds that no comparison uses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import PipelineError, require
from pipelines.mercury_boundaries.active.drift import (
    BLOCK,
    SHIPPED_DRIFT,
    DriftModel,
    Expectation,
    Regimes,
    find_drifts,
    learn_expectation,
    regime_values,
    unlikeness,
)
from pipelines.mercury_boundaries.active.gan import (
    DriftGan,
    find_drifts_by_gan,
    learn_known_drifts,
)
from pipelines.mercury_boundaries.active.mission import Mission
from pipelines.mercury_boundaries.active.prepare import PreparedOrbit, prepared_mission

Values = NDArray[np.float64]

#: Missions to learn from: 24 planes, eight orbits each over a Mercury year and a half.
LEARNT: Final = tuple(Mission(seed, orbits=8, every=36) for seed in range(100, 124))

#: Missions in which the season stands still, and in which it goes on, for the thresholds.
STILL: Final = tuple(Mission(seed, orbits=40, still=True) for seed in range(61, 64))
GOING: Final = tuple(Mission(seed, orbits=64) for seed in range(81, 84))

#: Part of the blocks without drift that may give an alarm; less than the 5 per cent that are asked
#: for, because other simulated orbits, and other sequences of them, are never quite the same.
FALSE_ALARMS: Final = 0.03

#: Regimes; a Mercury year has so many that each lasts eleven days or longer.
_REGIMES: Final = 8

#: Part of the simulated orbits that are taken as unlike all regimes: as many as an ejection from
#: the Sun passes (`mission`), which are most of them.
_UNLIKE: Final = 0.05

#: Orders in which the orbits of a season that stands still are put, and those for the network.
_ORDERS: Final = 60
_ORDERS_OF_GAN: Final = 6

#: Orbits of a group that the published detector knows to begin with.
_GROUP: Final = 16


def orbits_of(
    missions: Sequence[Mission], cache: Path | None, progress: Progress = silent
) -> list[list[PreparedOrbit]]:
    """Return all orbits of missions."""
    return [
        prepared_mission(each, range(each.orbits), cache=cache, progress=progress)
        for each in missions
    ]


def learn_regimes(expectation: Expectation, orbits: Sequence[PreparedOrbit]) -> Regimes:
    """Find kinds of orbits by k-means, numbered along the year from a periapsis at noon."""
    cluster = require("sklearn.cluster")
    summaries = [each.summary for each in orbits]
    values = regime_values(expectation, summaries)
    found = cluster.KMeans(_REGIMES, n_init=10, random_state=0).fit(values)
    centres = np.asarray(found.cluster_centers_, dtype=np.float64)
    turn = np.arctan2(centres[:, -1], centres[:, -2]) % (2 * np.pi)
    farthest = float(np.quantile(unlikeness(expectation, summaries), 1 - _UNLIKE))
    return Regimes(centres[np.argsort(turn)], farthest)


def _statistics(values: Values) -> Values:
    """Return the statistic of all blocks of a sequence in which no alarm is given."""
    statistic = find_drifts(values, np.inf).statistic
    return statistic[np.isfinite(statistic)]


def still_threshold(expectation: Expectation, missions: Sequence[Sequence[PreparedOrbit]]) -> float:
    """Return the threshold for departures from the mean of all seasons.

    Where the season stands still the order of the orbits means nothing, so many orders are tried.
    """
    random = np.random.default_rng(0)
    found = []
    for orbits in missions:
        values = expectation.departures([each.summary for each in orbits], season=False)
        found += [_statistics(random.permutation(values)) for _ in range(_ORDERS)]
    return float(np.quantile(np.concatenate(found), 1 - FALSE_ALARMS))


def season_threshold(
    expectation: Expectation, missions: Sequence[Sequence[PreparedOrbit]]
) -> float:
    """Return the threshold for departures from what the season lets expect.

    Blocks begin at each of their possible places, so that a mission has more of them.
    """
    found = []
    for orbits in missions:
        values = expectation.departures([each.summary for each in orbits], season=True)
        found += [_statistics(values[start:]) for start in range(BLOCK)]
    return float(np.quantile(np.concatenate(found), 1 - FALSE_ALARMS))


def known_drifts(cache: Path | None, progress: Progress = silent) -> DriftGan:
    """Return the networks of the literature, which know adjacent orbits of six seasons.

    The authors gave theirs eight groups of 14 to 21 orbits to begin with.
    """
    groups = [
        [each.rolling for each in orbits[low : low + _GROUP]]
        for orbits in orbits_of(GOING, cache, progress)
        for low in (0, len(orbits) // 2)
    ]
    return learn_known_drifts(groups)


def gan_threshold(
    missions: Sequence[Sequence[PreparedOrbit]], known: DriftGan, progress: Progress = silent
) -> float:
    """Return the threshold of the published detector, from seasons that stand still."""
    random = np.random.default_rng(1)
    found = []
    for number, orbits in enumerate(missions):
        for order in range(_ORDERS_OF_GAN):
            rolling = [orbits[each].rolling for each in random.permutation(len(orbits))]
            statistic = find_drifts_by_gan(rolling, np.inf, known, seed=order).statistic
            found.append(statistic[np.isfinite(statistic)])
        progress("setting the threshold of the published detector", number + 1, len(missions))
    return float(np.quantile(np.concatenate(found), 1 - FALSE_ALARMS))


def learn(cache: Path | None, progress: Progress = silent) -> DriftModel:
    """Learn everything from simulated orbits."""
    learnt = [each for orbits in orbits_of(LEARNT, cache, progress) for each in orbits]
    expectation = learn_expectation([each.summary for each in learnt])
    still, going = orbits_of(STILL, cache, progress), orbits_of(GOING, cache, progress)
    notes = {
        "learnt_from": f"{len(learnt)} simulated orbits of {len(LEARNT)} planes",
        "thresholds_from_seeds": [each.seed for each in (*STILL, *GOING)],
        "false_alarms_allowed": FALSE_ALARMS,
        "gan_threshold": round(gan_threshold(still, known_drifts(cache), progress), 6),
    }
    return DriftModel(
        expectation,
        learn_regimes(expectation, learnt),
        still_threshold(expectation, still),
        season_threshold(expectation, going),
        notes,
    )


def main() -> int:
    """Read the command line, learn and write."""
    parser = argparse.ArgumentParser(description="Parameters of the detector of drift.")
    parser.add_argument("--cache", type=Path, help="folder that keeps simulated orbits")
    parser.add_argument("--output", type=Path, default=SHIPPED_DRIFT)
    arguments = parser.parse_args()
    try:
        require("torch").set_num_threads(1)
        model = learn(arguments.cache)
        model.write(arguments.output)
    except (PipelineError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Wrote {arguments.output}: {model.notes}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
