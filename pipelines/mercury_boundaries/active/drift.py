"""When orbits are not what they were: blocks of orbits against those before, by their summaries.

A summary (`orbits`) is compared with what is usual at its place and season; blocks of orbits follow
each other, and a block whose mean lies too far from that of the drift it would belong to begins
another one. How far is too far was set on simulated orbits in which nothing drifts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import WeightsError
from pipelines.mercury_boundaries.active.orbits import MEASURES, OrbitSummary, values_kept

Values = NDArray[np.float64]
Labels = NDArray[np.int64]

#: Orbits a block.
BLOCK: Final = 8

#: Orbits before a block that it is compared with, at most.
_MEMORY: Final = 32

#: Standard deviations at which a measure is cut off, so that a single ejection is no drift.
_LARGEST: Final = 3.0

#: Measures by which regimes are told, and orbits that are unlike all. The field deep inside and the
#: wind's unrest are left out: by them each of nine real orbits is unlike simulated ones, so that
#: they tell more of the simulator than of the orbit. From block to block they do no harm.
_OF_REGIMES: Final = tuple(
    MEASURES.index(name)
    for name in (
        "wind_strength", "wind_north", "sheath_strength", "sheath_unrest", "disturbed_outside",
    )
)  # fmt: skip

#: Where the parameters are that come with the package.
SHIPPED_DRIFT: Final = Path(__file__).parent / "drift.json"


def season_terms(places: Values) -> Values:
    """Return what the expectation of a measure is linear in.

    Parameters
    ----------
    places
        `OrbitSummary.place` of orbits, shape (n, 3).

    Returns
    -------
    terms
        Harmonics of the direction of the periapsis, up to the fourth, and how the first two change
        with the logarithm of the distance from the Sun, shape (n, 15).
    """
    distance = np.log(places[:, 0] / 0.387)
    turn = np.arctan2(places[:, 2], places[:, 1])
    waves = [wave(order * turn) for order in range(1, 5) for wave in (np.cos, np.sin)]
    slopes = [distance * wave for wave in waves[:4]]
    return np.column_stack([np.ones(len(places)), distance, distance**2, *waves, *slopes])


@dataclass(frozen=True)
class Expectation:
    """What is usual for an orbit, learnt from simulated ones.

    Attributes
    ----------
    seasonal
        Coefficients of `season_terms` for each measure, shape (15, m).
    mean
        Of each measure over all seasons, shape (m,).
    spread
        Standard deviation of each measure within a season, shape (m,).
    whitening
        Takes the correlations off measures that were divided by `spread`, shape (m, m).
    """

    seasonal: Values
    mean: Values
    spread: Values
    whitening: Values

    def departures(self, orbits: Sequence[OrbitSummary], *, season: bool) -> Values:
        """Return by how much orbits differ from what is usual.

        Parameters
        ----------
        orbits
            Their summaries.
        season
            Whether what the season does is expected, and so taken off.

        Returns
        -------
        departures
            Uncorrelated and of unit variance in usual orbits of one season, shape (n, m); 0 where
            nothing was measured.
        """
        limit = _LARGEST if season else 4 * _LARGEST
        scores = np.clip(self.scores(orbits, season=season), -limit, limit)
        return np.asarray(scores @ self.whitening)

    def scores(self, orbits: Sequence[OrbitSummary], *, season: bool) -> Values:
        """Return by how many standard deviations each measure differs from what is usual.

        Parameters
        ----------
        orbits, season
            As for `departures`.

        Returns
        -------
        scores
            Shape (n, m); 0 where nothing was measured.
        """
        measures = np.array([each.measures for each in orbits]).reshape(-1, len(MEASURES))
        expected = self.mean
        if season:
            places = np.array([each.place for each in orbits]).reshape(-1, 3)
            expected = season_terms(places) @ self.seasonal
        return np.nan_to_num((measures - expected) / self.spread)


def learn_expectation(orbits: Sequence[OrbitSummary]) -> Expectation:
    """Learn what is usual from orbits of all seasons in which nothing else drifts.

    Raises
    ------
    ValueError
        If there are fewer orbits than ten times the terms of the expectation.
    """
    places = np.array([each.place for each in orbits]).reshape(-1, 3)
    measures = np.array([each.measures for each in orbits]).reshape(-1, len(MEASURES))
    terms = season_terms(places)
    if len(orbits) < 10 * terms.shape[1]:
        raise ValueError(f"{len(orbits)} orbits do not tell what is usual in every season")
    mean = np.nanmean(measures, axis=0)
    filled = np.where(np.isfinite(measures), measures, mean)
    seasonal = np.linalg.lstsq(terms, filled, rcond=None)[0]
    apart = filled - terms @ seasonal
    spread = np.maximum(apart.std(axis=0), 1e-6)
    clipped = np.clip(apart / spread, -_LARGEST, _LARGEST)
    covariance = np.cov(clipped.T) + 0.02 * np.eye(len(MEASURES))
    sizes, axes = np.linalg.eigh(covariance)
    return Expectation(seasonal, mean, spread, axes / np.sqrt(sizes) @ axes.T)


@dataclass(frozen=True)
class Drifts:
    """Which drift each orbit of a sequence belongs to.

    Attributes
    ----------
    labels
        Of each orbit, from 0 in order of first appearance, shape (n,).
    statistic
        Of each whole block: how unlike it is to the drift before, NaN for the first, shape (b,).
    alarms
        Whether a block began another drift, shape (b,).
    """

    labels: Labels
    statistic: Values
    alarms: NDArray[np.bool_]


def distance_of_means(one: Values, other: Values) -> float:
    """Return the squared distance of the means of two sets of departures, in units of its error.

    Hotelling's two-sample statistic with the covariance known to be one: about the number of
    measures where nothing drifts. An eighth of each set is left out of each mean at either end,
    measure by measure, so that one ejection in a block is no drift.

    Parameters
    ----------
    one, other
        Shapes (n, m) and (k, m).
    """
    size = len(one) * len(other) / (len(one) + len(other))
    apart = _trimmed_mean(one) - _trimmed_mean(other)
    return float(size * (apart @ apart))


def _trimmed_mean(values: Values) -> Values:
    cut = len(values) // 8
    return np.asarray(np.sort(values, axis=0)[cut : len(values) - cut].mean(axis=0))


def find_drifts(departures: Values, threshold: float, block: int = BLOCK) -> Drifts:
    """Divide a sequence of orbits into drifts.

    A block is compared with the last orbits of the drift that is on; if it is too unlike them, it
    belongs to the most like of all former drifts, or to a new one if it is unlike all. The orbits
    that are left at the end go with the last block.

    Parameters
    ----------
    departures
        Of the orbits in order of time, shape (n, m).
    threshold
        Statistic from which on a block is too unlike.
    block
        Orbits a block.
    """
    count = len(departures) // block
    labels = np.zeros(len(departures), dtype=np.int64)
    statistic, alarms = np.full(count, np.nan), np.zeros(count, dtype=bool)
    present, since = 0, 0
    for number in range(1, count):
        low, high = number * block, (number + 1) * block
        mine = departures[low:high]
        statistic[number] = distance_of_means(mine, departures[max(since, low - _MEMORY) : low])
        if statistic[number] > threshold:
            alarms[number] = True
            present, since = _known_drift(mine, departures[:low], labels[:low], threshold), low
        labels[low:high] = present
    labels[count * block :] = present
    return Drifts(labels, statistic, alarms)


def _known_drift(mine: Values, before: Values, labels: Labels, threshold: float) -> int:
    """Return the most like of the former drifts, or a new number."""
    known = np.unique(labels)
    apart = [distance_of_means(mine, before[labels == each]) for each in known]
    return int(known[np.argmin(apart)]) if min(apart) <= threshold else int(known[-1]) + 1


@dataclass(frozen=True)
class Regimes:
    """Kinds of orbits, found in simulated ones of all seasons.

    What regime an orbit belongs to depends on nothing but the orbit itself.

    Attributes
    ----------
    centres
        Of the regimes in the space of `regime_values`, shape (k, 8).
    farthest
        Of `unlikeness`, beyond which an orbit is like none.
    """

    centres: Values
    farthest: float

    def numbers(self, expectation: Expectation, orbits: Sequence[OrbitSummary]) -> Labels:
        """Return the regime of each orbit, -1 for one that is unlike all, shape (n,)."""
        values = regime_values(expectation, orbits)
        apart = ((values[:, None, :] - self.centres[None]) ** 2).sum(axis=2)
        known = unlikeness(expectation, orbits) <= self.farthest
        return np.where(known, apart.argmin(axis=1), -1).astype(np.int64)


def regime_values(expectation: Expectation, orbits: Sequence[OrbitSummary]) -> Values:
    """Return the space of regimes: scores against the mean of all seasons, and the place.

    Parameters
    ----------
    expectation
        What is usual.
    orbits
        Their summaries.

    Returns
    -------
    values
        Shape (n, 8); the place is scaled so that half a Mercury year counts as much as six standard
        deviations of a measure.
    """
    places = np.array([each.place for each in orbits]).reshape(-1, 3)
    scaled = (places - np.array([0.387, 0.0, 0.0])) * np.array([20.0, 3.0, 3.0])
    scores = expectation.scores(orbits, season=False)[:, _OF_REGIMES]
    return np.hstack([np.clip(scores, -2 * _LARGEST, 2 * _LARGEST), scaled])


def unlikeness(expectation: Expectation, orbits: Sequence[OrbitSummary]) -> Values:
    """Return the sum of squared scores of orbits against what the season lets expect, shape (n,).

    Over the measures of regimes, each at most six standard deviations.
    """
    scores = expectation.scores(orbits, season=True)[:, _OF_REGIMES]
    return np.asarray((np.clip(scores, -2 * _LARGEST, 2 * _LARGEST) ** 2).sum(axis=1))


@dataclass(frozen=True)
class DriftModel:
    """Everything that the detector of drift has learnt.

    Attributes
    ----------
    expectation, regimes
        See there.
    threshold, threshold_season
        Of `find_drifts`: for departures from the mean of all seasons, and from what the season lets
        expect.
    notes
        How it came about.
    """

    expectation: Expectation
    regimes: Regimes
    threshold: float
    threshold_season: float
    notes: dict[str, Any]

    def drifts(self, orbits: Sequence[OrbitSummary], *, season: bool = False) -> Drifts:
        """Divide a sequence of orbits into drifts; see `find_drifts`."""
        threshold = self.threshold_season if season else self.threshold
        return find_drifts(self.expectation.departures(orbits, season=season), threshold)

    def write(self, path: Path) -> None:
        """Keep it in a file."""
        values = {
            "measures": list(MEASURES),
            "seasonal": _plain(self.expectation.seasonal),
            "mean": _plain(self.expectation.mean),
            "spread": _plain(self.expectation.spread),
            "whitening": _plain(self.expectation.whitening),
            "centres": _plain(self.regimes.centres),
            "farthest": round(self.regimes.farthest, 4),
            "threshold": round(self.threshold, 4),
            "threshold_season": round(self.threshold_season, 4),
            "notes": self.notes,
        }
        path.write_text(json.dumps(values, indent=1) + "\n")


def _plain(values: Values) -> Any:
    return np.round(values, 6).tolist()


def load_drift_model(path: Path = SHIPPED_DRIFT) -> DriftModel:
    """Read what `DriftModel.write` wrote.

    Raises
    ------
    WeightsError
        If the file is not there or is something else.
    """
    try:
        values = values_kept(path)
        arrays = {
            name: np.array(values[name], dtype=np.float64)
            for name in ("seasonal", "mean", "spread", "whitening", "centres")
        }
        return DriftModel(
            Expectation(*(arrays[name] for name in ("seasonal", "mean", "spread", "whitening"))),
            Regimes(arrays["centres"], float(values["farthest"])),
            float(values["threshold"]),
            float(values["threshold_season"]),
            values["notes"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} holds no parameters of drift: {error}",
            hint="make them with python -m pipelines.mercury_boundaries.active.learn",
        ) from error
