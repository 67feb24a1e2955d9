"""How soon injected drifts are found, and how often one is found that is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.mercury_boundaries.active.alarms import YEAR, AlarmModel, Alarms
from pipelines.mercury_boundaries.active.drift import BLOCK, DriftModel, Drifts
from pipelines.mercury_boundaries.active.gan import DriftGan, find_drifts_by_gan
from pipelines.mercury_boundaries.active.mission import Change, Mission
from pipelines.mercury_boundaries.active.orbits import OrbitSummary
from pipelines.mercury_boundaries.active.prepare import PreparedOrbit, prepared_mission

#: Names of the detectors.
RANKS: Final = "ranks"
TWO_SAMPLES: Final = "two samples"
NETWORK: Final = "network of the literature"

#: What is injected: stronger interplanetary field, more pressure, an offset of the magnetometer, a
#: leap to another season.
CHANGES: Final = (
    Change("field of the wind 1.5 times as strong", strength=1.5),
    Change("field of the wind twice as strong", strength=2.0),
    Change("twice the pressure of the wind", pressure=2.0),
    Change("offset of the magnetometer, 3 nT in each component", offset=(3.0, 3.0, 3.0)),
    Change("leap of 20 days", days=20.0),
)

#: Seasons that stand still, of seeds that nothing was learnt from, no threshold was set on and no
#: choice was made by; sequences drawn from each. The network, which learns again in every block, is
#: asked about one of each of the first seasons.
STILL: Final = tuple(Mission(seed, orbits=40, still=True) for seed in range(601, 611))
TRIALS: Final = 4
SEASONS_OF_NETWORK: Final = 5

#: Blocks before the one in which a change comes, and after it.
_BEFORE: Final = 4
_AFTER: Final = 1

#: Orbits of each mission that have the change, numbered from here on so that chance is another.
_CHANGED: Final = 16
_FIRST_CHANGED: Final = 100

#: Where changes come in missions in which the season goes on, orbits: in the first and the second
#: Mercury year, at the fourth orbit of a block.
POINTS: Final = (67, 139)

#: Says in which blocks of a sequence there is an alarm; also takes a seed.
Detector = Callable[[Sequence[PreparedOrbit], int], Alarms | Drifts]


@dataclass(frozen=True)
class Outcome:
    """What a detector did with one sequence.

    Attributes
    ----------
    change
        Name of what was injected.
    seed
        Of the mission.
    quiet, false
        Blocks without a change that were tested, and alarms in them.
    delay
        Blocks from that of the change to the first alarm from there on; `None` if there is none.
    point
        Orbit at which the change came.
    """

    change: str
    seed: int
    quiet: int
    false: int
    delay: int | None
    point: int

    @property
    def found(self) -> bool:
        """Whether the change was found within one block."""
        return self.delay is not None and self.delay <= 1


def judge(found: Alarms | Drifts, point: int, change: str, seed: int = 0) -> Outcome:
    """Compare alarms with the block in which a change came.

    Parameters
    ----------
    found
        By a detector, in the sequence.
    point
        Number of the orbit at which the change came.
    change, seed
        For the outcome.
    """
    block = point // BLOCK
    later = np.flatnonzero(found.alarms[block:])
    tested = np.isfinite(found.statistic[:block])
    return Outcome(
        change,
        seed,
        int(tested.sum()),
        int(found.alarms[:block].sum()),
        int(later[0]) if later.size else None,
        point,
    )


def detectors(model: DriftModel, ranks: AlarmModel, known: DriftGan) -> dict[str, Detector]:
    """Return the detectors of drift by name, for seasons that stand still.

    Parameters
    ----------
    model
        Of two samples.
    ranks
        Of alarms by ranks.
    known
        Networks of the published one (`learn.known_drifts`).
    """

    def by_ranks(orbits: Sequence[PreparedOrbit], seed: int) -> Alarms:
        return ranks.alarms([each.summary for each in orbits])

    def two_samples(orbits: Sequence[PreparedOrbit], seed: int) -> Drifts:
        return model.drifts([each.summary for each in orbits])

    def network(orbits: Sequence[PreparedOrbit], seed: int) -> Drifts:
        threshold = float(model.notes["gan_threshold"])
        rolling = [each.rolling for each in orbits]
        return find_drifts_by_gan(rolling, threshold, known, seed=seed)

    return {RANKS: by_ranks, TWO_SAMPLES: two_samples, NETWORK: network}


def still_outcomes(
    detect: Detector,
    trials: int,
    cache: Path | None = None,
    progress: Progress = silent,
    seasons: Sequence[Mission] = STILL,
) -> list[Outcome]:
    """Inject every change into sequences of a season that stands still, at a random orbit.

    Parameters
    ----------
    detect
        Detector.
    trials
        Sequences of each season and change; the same for all detectors, the first of them.
    cache, progress
        As for `prepare.prepared_mission`; told after each mission.
    seasons
        That stand still.
    """
    outcomes = []
    for number, mission in enumerate(seasons):
        for place, change in enumerate(CHANGES):
            quiet, changed = still_orbits(mission, change, cache)
            for trial in range(trials):
                random = np.random.default_rng([mission.seed, trial, place])
                point = _BEFORE * BLOCK + int(random.integers(BLOCK))
                order = [quiet[each] for each in random.permutation(len(quiet))[:point]]
                after = (_BEFORE + 1 + _AFTER) * BLOCK - point
                order += [changed[each] for each in random.permutation(_CHANGED)[:after]]
                outcomes.append(judge(detect(order, trial), point, change.name, mission.seed))
        progress("injecting changes", number + 1, len(seasons))
    return outcomes


def still_orbits(
    mission: Mission, change: Change, cache: Path | None = None
) -> tuple[list[PreparedOrbit], list[PreparedOrbit]]:
    """Return the orbits of a season that stands still, and others of it that have a change."""
    other = Mission(mission.seed, still=True, changes=((0, change),))
    numbers = range(_FIRST_CHANGED, _FIRST_CHANGED + _CHANGED)
    return (
        prepared_mission(mission, range(mission.orbits), cache=cache),
        prepared_mission(other, numbers, cache=cache),
    )


def season_outcomes(
    model: DriftModel,
    ranks: AlarmModel,
    missions: Sequence[Mission],
    cache: Path | None = None,
    progress: Progress = silent,
) -> dict[str, list[Outcome]]:
    """Inject changes while the season goes on; what the season does is expected.

    A leap of the season is none of them: it is what is expected then.

    Returns
    -------
    outcomes
        By the name of the detector; `quiet_seasons` tells of the alarms without a change.
    """
    outcomes: dict[str, list[Outcome]] = {RANKS: [], TWO_SAMPLES: []}
    for number, mission in enumerate(missions):
        base = prepared_mission(mission, range(mission.orbits), cache=cache)
        for point in POINTS:
            for change in CHANGES[1:4]:
                changed = changed_orbits(mission, point, change, cache)
                orbits = [each.summary for each in [*base[:point], *changed]]
                for name, found in (
                    (RANKS, ranks.alarms(orbits, season=True)),
                    (TWO_SAMPLES, model.drifts(orbits, season=True)),
                ):
                    outcomes[name].append(judge(found, point, change.name, mission.seed))
        progress("injecting changes into seasons", number + 1, len(missions))
    return outcomes


def changed_orbits(
    mission: Mission, point: int, change: Change, cache: Path | None = None
) -> list[PreparedOrbit]:
    """Return the orbits of a mission from a change on, to the end of the next block."""
    other = Mission(mission.seed, mission.orbits, mission.start, changes=((point, change),))
    end = (point // BLOCK + 1 + _AFTER) * BLOCK
    return prepared_mission(other, range(point, end), cache=cache)


@dataclass(frozen=True)
class QuietSeason:
    """Alarms in a mission in which nothing but the season drifts.

    Attributes
    ----------
    detector, seed
        Which, and in which mission.
    first_tested, first_false
        Blocks of the first Mercury year that were tested, and alarms in them.
    later_tested, later_false
        Those of the years after.
    """

    detector: str
    seed: int
    first_tested: int
    first_false: int
    later_tested: int
    later_false: int


def quiet_seasons(
    model: DriftModel, ranks: AlarmModel, orbits: Sequence[OrbitSummary], seed: int
) -> list[QuietSeason]:
    """Count the alarms of both detectors in a mission without any change."""
    starts = np.array([each.start for each in orbits][::BLOCK])
    made = []
    for name, found in (
        (RANKS, ranks.alarms(orbits, season=True)),
        (TWO_SAMPLES, model.drifts(orbits, season=True)),
    ):
        tested = np.isfinite(found.statistic)
        later = starts[: len(tested)] - starts[0] >= YEAR
        made.append(
            QuietSeason(
                name,
                seed,
                int((tested & ~later).sum()),
                int((found.alarms & ~later).sum()),
                int((tested & later).sum()),
                int((found.alarms & later).sum()),
            )
        )
    return made


def courses(
    model: AlarmModel, mission: Mission, cache: Path | None = None
) -> dict[str, list[float | None]]:
    """Return the course of the statistic from block to block for each change, for a figure.

    Parameters
    ----------
    model
        Of alarms by ranks.
    mission
        One of `STILL`; the change comes in the middle of the fifth block.
    cache
        Folder of simulated orbits.

    Returns
    -------
    courses
        Statistic of each block by the name of the change; `None` for the first.
    """
    found: dict[str, list[float | None]] = {}
    for change in CHANGES:
        quiet, changed = still_orbits(mission, change, cache)
        if not found:
            found["nothing"] = plain(model.alarms([each.summary for each in quiet]))
        order = [*quiet[: _BEFORE * BLOCK + BLOCK // 2], *changed]
        found[change.name] = plain(model.alarms([each.summary for each in order]))
    return found


def plain(found: Alarms | Drifts) -> list[float | None]:
    """Return the statistic of blocks as JSON can hold it."""
    return [float(each) if np.isfinite(each) else None for each in found.statistic]
