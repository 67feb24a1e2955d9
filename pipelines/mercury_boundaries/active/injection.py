"""How soon injected drifts are found, and how often one is found that is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.mercury_boundaries.active.drift import BLOCK, DriftModel, Drifts
from pipelines.mercury_boundaries.active.gan import DriftGan, find_drifts_by_gan
from pipelines.mercury_boundaries.active.mission import Change, Mission
from pipelines.mercury_boundaries.active.prepare import PreparedOrbit, prepared_mission

#: What is injected: stronger interplanetary field, more pressure, an offset of the magnetometer, a
#: leap to another season.
CHANGES: Final = (
    Change("field of the wind 1.5 times as strong", strength=1.5),
    Change("field of the wind twice as strong", strength=2.0),
    Change("twice the pressure of the wind", pressure=2.0),
    Change("offset of the magnetometer, 3 nT in each component", offset=(3.0, 3.0, 3.0)),
    Change("leap of 20 days", days=20.0),
)

#: Seasons that stand still, of seeds that no threshold was set on; sequences drawn from each.
STILL: Final = tuple(Mission(seed, orbits=40, still=True) for seed in range(71, 76))
TRIALS: Final = 4

#: Blocks before the one in which a change comes, and after it.
_BEFORE: Final = 4
_AFTER: Final = 1

#: Orbits of each mission that have the change, numbered from here on so that chance is another.
_CHANGED: Final = 16
_FIRST_CHANGED: Final = 100

#: Where changes come in missions in which the season goes on, orbits.
_POINTS: Final = (139,)

#: Divides a sequence into drifts; also takes a seed.
Detector = Callable[[Sequence[PreparedOrbit], int], Drifts]


@dataclass(frozen=True)
class Outcome:
    """What a detector did with one sequence.

    Attributes
    ----------
    change
        Name of what was injected.
    quiet, false
        Blocks without a change that were tested, and alarms in them.
    delay
        Blocks from that of the change to the first alarm from there on; `None` if there is none.
    """

    change: str
    quiet: int
    false: int
    delay: int | None

    @property
    def found(self) -> bool:
        """Whether the change was found within one block."""
        return self.delay is not None and self.delay <= 1


def judge(drifts: Drifts, changed: int, name: str, first: int = 1) -> Outcome:
    """Compare alarms with the block in which a change came.

    Parameters
    ----------
    drifts
        Of the sequence.
    changed
        Number of the block in which the change came.
    name
        Of the change.
    first
        Block from which on alarms before the change count as false.
    """
    later = np.flatnonzero(drifts.alarms[changed:])
    return Outcome(
        name,
        changed - first,
        int(drifts.alarms[first:changed].sum()),
        int(later[0]) if later.size else None,
    )


def detectors(model: DriftModel, known: DriftGan) -> dict[str, Detector]:
    """Return the detectors of drift by name; departures are from the mean of all seasons.

    Parameters
    ----------
    model
        Of the simple one.
    known
        Networks of the published one (`learn.known_drifts`).
    """

    def simple(orbits: Sequence[PreparedOrbit], seed: int) -> Drifts:
        return model.drifts([each.summary for each in orbits])

    def gan(orbits: Sequence[PreparedOrbit], seed: int) -> Drifts:
        threshold = float(model.notes["gan_threshold"])
        rolling = [each.rolling for each in orbits]
        return find_drifts_by_gan(rolling, threshold, known, seed=seed)

    return {"two samples": simple, "network of the literature": gan}


def still_outcomes(
    detect: Detector, cache: Path | None = None, progress: Progress = silent
) -> list[Outcome]:
    """Inject every change into sequences of a season that stands still, at a random orbit."""
    outcomes = []
    for number, mission in enumerate(STILL):
        quiet = prepared_mission(mission, range(mission.orbits), cache=cache)
        for change in CHANGES:
            other = Mission(mission.seed, still=True, changes=((0, change),))
            numbers = range(_FIRST_CHANGED, _FIRST_CHANGED + _CHANGED)
            changed = prepared_mission(other, numbers, cache=cache)
            for trial in range(TRIALS):
                random = np.random.default_rng([mission.seed, trial])
                before = _BEFORE * BLOCK + int(random.integers(BLOCK))
                order = [quiet[each] for each in random.permutation(len(quiet))[:before]]
                after = (_BEFORE + 1 + _AFTER) * BLOCK - before
                order += [changed[each] for each in random.permutation(_CHANGED)[:after]]
                outcomes.append(judge(detect(order, trial), _BEFORE, change.name))
        progress("injecting changes", number + 1, len(STILL))
    return outcomes


def season_outcomes(
    model: DriftModel,
    missions: Sequence[Mission],
    cache: Path | None = None,
    progress: Progress = silent,
) -> list[Outcome]:
    """Inject changes while the season goes on; what the season does is expected.

    A leap of the season is none of them: it is what is expected then.
    """
    outcomes = []
    for number, mission in enumerate(missions):
        base = prepared_mission(mission, range(mission.orbits), cache=cache)
        for point in _POINTS:
            for change in CHANGES[1:4]:
                other = Mission(
                    mission.seed, mission.orbits, mission.start, changes=((point, change),)
                )
                after = (point // BLOCK + 1 + _AFTER) * BLOCK - point
                changed = prepared_mission(other, range(point, point + after), cache=cache)
                sequence = [each.summary for each in [*base[:point], *changed]]
                drifts = model.drifts(sequence, season=True)
                # Drifts that the blocks before have found are those of the sequence without change.
                outcomes.append(judge(drifts, point // BLOCK, change.name))
        progress("injecting changes into seasons", number + 1, len(missions))
    return outcomes


def courses(
    model: DriftModel, mission: Mission, cache: Path | None = None
) -> dict[str, list[float | None]]:
    """Return the course of the statistic from block to block for each change, for a figure.

    Parameters
    ----------
    model
        Of drift.
    mission
        One of `STILL`; the change comes in the middle of the fifth block.
    cache
        Folder of simulated orbits.

    Returns
    -------
    courses
        Statistic of each block by the name of the change; `None` for the first.
    """
    quiet = prepared_mission(mission, range(mission.orbits), cache=cache)
    found = {"nothing": model.drifts([each.summary for each in quiet])}
    for change in CHANGES:
        other = Mission(mission.seed, still=True, changes=((0, change),))
        numbers = range(_FIRST_CHANGED, _FIRST_CHANGED + _CHANGED)
        changed = prepared_mission(other, numbers, cache=cache)
        order = [*quiet[: _BEFORE * BLOCK + BLOCK // 2], *changed]
        found[change.name] = model.drifts([each.summary for each in order])
    return {name: plain(drifts) for name, drifts in found.items()}


def plain(drifts: Drifts) -> list[float | None]:
    """Return the statistic of blocks as JSON can hold it."""
    return [float(each) if np.isfinite(each) else None for each in drifts.statistic]
