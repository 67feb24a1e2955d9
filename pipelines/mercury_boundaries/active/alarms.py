"""When orbits are no longer what they were: the last orbits ranked among orbits before them.

How much an orbit differs from the next one depends on the season: by a factor of twenty for the
field deep inside (`orbits`). Ranks do not: in a sequence in which nothing drifts every order of the
orbits is as likely as any other, whatever their scatter. So one threshold holds for all seasons.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import WeightsError, require
from pipelines.mercury_boundaries.active.drift import BLOCK, Expectation
from pipelines.mercury_boundaries.active.orbits import MEASURES, OrbitSummary, values_kept

Values = NDArray[np.float64]

#: Last orbits that are compared with those before: a change may come anywhere in a block.
LENGTHS: Final = (8, 12, 16)

#: Orbits that they are compared with: at most the last ones before while the season stands still;
#: of those of the same season while it goes on.
_BEFORE: Final = 40
_SAME_SEASON: Final = 32

#: Orbits just before the last ones that are not taken for those of the same season: a change that
#: came within them would hide itself.
_APART: Final = 8

#: Fewest orbits to compare with, and fewest known values of a measure on either side.
_FEWEST: Final = 8
_FEWEST_VALUES: Final = 4

#: Half of the range of Mercury's distances from the Sun, AU: what counts as much as a radian
#: when seasons are compared.
_DISTANCES: Final = 0.07

#: Mercury's sidereal year, s.
YEAR: Final = 87.9691 * 86400

#: Where the thresholds are that come with the package.
SHIPPED_ALARMS: Final = Path(__file__).parent / "alarms.json"


@dataclass(frozen=True)
class Alarms:
    """In which blocks orbits are not what they were.

    Attributes
    ----------
    statistic
        Of each whole block: the largest squared deviate of `rank_deviates`, NaN where there is too
        little to compare with, shape (b,).
    alarms
        Whether it is beyond the threshold, shape (b,).
    measures
        What is most unlike in each block, numbers of `orbits.MEASURES`, -1 where the statistic is
        NaN, shape (b,).
    """

    statistic: Values
    alarms: NDArray[np.bool_]
    measures: NDArray[np.int64]


@dataclass(frozen=True)
class _Finding:
    """The most unlike measure of a block, and over how many of its last orbits."""

    statistic: float = float("nan")
    measure: int = -1
    length: int = BLOCK


def rank_deviates(later: Values, before: Values) -> Values:
    """Return by how many standard deviations the rank sums of some orbits are unusual.

    Wilcoxon's two-sample statistic of each measure (Wilcoxon 1945, Biometrics Bull. 1, 80), equal
    values having their mean rank.

    Parameters
    ----------
    later, before
        Measures of orbits, shapes (n, m) and (k, m); what was not measured is NaN.

    Returns
    -------
    deviates
        Of mean 0 and variance 1 where nothing drifts, positive where the later ones are larger,
        shape (m,); 0 where a measure is always the same or less than four of either are known.
    """
    statistics = require("scipy.stats")
    values = np.vstack([before, later])
    known = np.isfinite(values)
    # What is not known ranks behind everything, so that it changes no rank of what is.
    ranks = statistics.rankdata(np.where(known, values, np.inf), axis=0)
    first, last = known[: len(before)].sum(axis=0), known[len(before) :].sum(axis=0)
    count = np.maximum(first + last, 2)
    apart = np.where(known, ranks - (count + 1) / 2, 0.0)
    spread = np.sqrt((apart**2).sum(axis=0) / (count - 1))
    # Ranks about their mean add up to nothing, so the sum of the later ones tells both means.
    error = spread * np.sqrt(first * last / count)
    enough = (np.minimum(first, last) >= _FEWEST_VALUES) & (error > 0)
    total = apart[len(before) :].sum(axis=0)
    return np.asarray(np.divide(total, error, out=np.zeros(len(total)), where=enough))


def find_alarms(measures: Values, threshold: float) -> Alarms:
    """Compare the last orbits of every block with those before, while the season stands still.

    After an alarm only what came since counts as before.

    Parameters
    ----------
    measures
        Of orbits in order of time, shape (n, m).
    threshold
        Statistic from which on there is an alarm.
    """
    findings, since = [], 0
    for end in _ends(len(measures)):
        best = _Finding()
        for length in LENGTHS:
            low = end - length
            before = measures[max(since, low - _BEFORE) : max(low, 0)]
            best = _stronger(best, measures[max(low, 0) : end], before)
        findings.append(best)
        if best.statistic > threshold:
            since = end - best.length
    return _alarms(findings, [threshold] * len(findings))


def find_alarms_in_season(
    scores: Values, places: Values, times: Values, thresholds: tuple[float, float]
) -> Alarms:
    """Compare the last orbits of every block with earlier ones of the same season.

    Parameters
    ----------
    scores
        What the season does not explain (`drift.Expectation.scores`), in order of time, shape
        (n, m); NaN where nothing was measured.
    places
        `OrbitSummary.place` of each, shape (n, 3).
    times
        Of each, s, shape (n,).
    thresholds
        Statistic from which on there is an alarm: in the first Mercury year, in which no orbit
        before has been in the same season, and later.
    """
    findings, limits = [], []
    for end in _ends(len(scores)):
        best = _Finding()
        for length in LENGTHS:
            low = end - length
            if low - _APART < _FEWEST:
                continue
            near = same_season(places[: low - _APART], places[low:end].mean(axis=0))
            best = _stronger(best, scores[low:end], scores[near])
        findings.append(best)
        limits.append(thresholds[int(times[end - BLOCK] - times[0] >= YEAR)])
    return _alarms(findings, limits)


def same_season(places: Values, place: Values) -> NDArray[np.int64]:
    """Return the orbits that are nearest to a place in their season.

    Parameters
    ----------
    places
        `OrbitSummary.place` of orbits, shape (n, 3).
    place
        Mean of some, shape (3,).

    Returns
    -------
    near
        Numbers of at most 32, rising.
    """
    apart = (places - place) / np.array([_DISTANCES, 1.0, 1.0])
    order = np.argsort((apart**2).sum(axis=1), kind="stable")
    return np.sort(order[:_SAME_SEASON])


def _ends(count: int) -> Iterator[int]:
    """Give the ends of whole blocks."""
    return iter(range(BLOCK, count // BLOCK * BLOCK + 1, BLOCK))


def _stronger(best: _Finding, later: Values, before: Values) -> _Finding:
    """Return what is found by comparing two sets of orbits, if it is more than the best so far."""
    if len(before) < _FEWEST:
        return best
    squares = rank_deviates(later, before) ** 2
    strongest = int(squares.argmax())
    if best.statistic >= squares[strongest]:
        return best
    return _Finding(float(squares[strongest]), strongest, len(later))


def _alarms(findings: Sequence[_Finding], limits: Sequence[float]) -> Alarms:
    statistic = np.array([each.statistic for each in findings], dtype=np.float64)
    return Alarms(
        statistic,
        np.nan_to_num(statistic, nan=0.0) > np.array(limits, dtype=np.float64),
        np.array([each.measure for each in findings], dtype=np.int64),
    )


@dataclass(frozen=True)
class AlarmModel:
    """The thresholds, and what the season lets expect.

    Attributes
    ----------
    expectation
        As `drift.DriftModel` has it.
    threshold
        Of `find_alarms`.
    thresholds_season
        Of `find_alarms_in_season`: in the first Mercury year, and later.
    notes
        How they came about.
    """

    expectation: Expectation
    threshold: float
    thresholds_season: tuple[float, float]
    notes: dict[str, Any]

    def alarms(self, orbits: Sequence[OrbitSummary], *, season: bool = False) -> Alarms:
        """Return the alarms of a sequence of orbits.

        Parameters
        ----------
        orbits
            In order of time.
        season
            Whether the season goes on, and what it does is no drift.
        """
        if not season:
            return find_alarms(measures_of(orbits), self.threshold)
        return find_alarms_in_season(
            *season_values(self.expectation, orbits), self.thresholds_season
        )

    def write(self, path: Path) -> None:
        """Keep the thresholds in a file."""
        values = {
            "measures": list(MEASURES),
            "threshold": round(self.threshold, 4),
            "thresholds_season": [round(each, 4) for each in self.thresholds_season],
            "notes": self.notes,
        }
        path.write_text(json.dumps(values, indent=1) + "\n")


def measures_of(orbits: Sequence[OrbitSummary]) -> Values:
    """Return the measures of orbits, NaN where nothing was measured, shape (n, m)."""
    return np.array([each.measures for each in orbits]).reshape(-1, len(MEASURES))


def season_values(
    expectation: Expectation, orbits: Sequence[OrbitSummary]
) -> tuple[Values, Values, Values]:
    """Return what `find_alarms_in_season` needs of orbits: scores, places and times."""
    scores = expectation.scores(orbits, season=True)
    scores = np.where(np.isfinite(measures_of(orbits)), scores, np.nan)
    places = np.array([each.place for each in orbits]).reshape(-1, 3)
    return scores, places, np.array([each.start for each in orbits], dtype=np.float64)


def load_alarm_model(expectation: Expectation, path: Path = SHIPPED_ALARMS) -> AlarmModel:
    """Read what `AlarmModel.write` wrote.

    Parameters
    ----------
    expectation
        With which the thresholds were set.
    path
        Of the file.

    Raises
    ------
    WeightsError
        If the file is not there or is something else.
    """
    try:
        values = values_kept(path)
        first, later = (float(each) for each in values["thresholds_season"])
        return AlarmModel(expectation, float(values["threshold"]), (first, later), values["notes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} holds no thresholds of alarms: {error}",
            hint="make them with python -m pipelines.mercury_boundaries.active.calibrate",
        ) from error
