"""What simpler methods reach under the same protocol: a threshold rule, and a random forest.

Both give probabilities for the series left out in turn, from which events are made with a rule that
the other series choose, exactly as for the networks of `pipelines.icme.crossing`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.icme.features import REFERENCE, SCALED, features
from pipelines.icme.labels import label_classes
from pipelines.icme.leftout import Answers, Probabilities, RealSeries
from pipelines.signals.rolling import rolling_moments
from pipelines.sources.grid import bridge_gaps
from pipelines.sources.insitu import SAMPLES_PER_HOUR

Values = NDArray[np.float64]

#: Protons of ejections are colder than half the expected temperature (Richardson & Cane 1995,
#: J. Geophys. Res. 100, 23397), and magnetic obstacles have a low plasma beta (Burlaga et al.
#: 1981, J. Geophys. Res. 86, 6673).
COLD, LOW_BETA = 0.5, 0.3

#: Every so many samples one is taken to train the forest: neighbours tell nothing new.
_THINNING = 6


def threshold_answer(real: RealSeries) -> Probabilities:
    """Return how much of the 12 hours around each sample is cold and of low beta, as answers."""
    series = real.series
    ratio, beta = bridge_gaps(series.texrat), bridge_gaps(series.beta)
    fulfilled = np.where(
        np.isfinite(ratio) & np.isfinite(beta), (ratio < COLD) & (beta < LOW_BETA), np.nan
    )
    fraction, _ = rolling_moments(fulfilled, 12 * SAMPLES_PER_HOUR + 1)
    return as_answer(np.nan_to_num(fraction))


def as_answer(ejection: Values) -> Probabilities:
    """Return answers of five classes for a probability of being an ejection, shape (n,)."""
    nothing = np.zeros_like(ejection)
    classes = [1 - ejection, nothing, ejection, nothing, nothing]
    return np.asarray(np.stack(classes), dtype=np.float32)


def threshold_answers(real: Sequence[RealSeries]) -> Answers:
    """Return the answers of the threshold rule, which learns nothing."""
    answers = [threshold_answer(each) for each in real]
    numbers = range(len(real))
    return Answers(
        {number: [answers[number]] for number in numbers},
        {out: {other: answers[other] for other in numbers if other != out} for out in numbers},
    )


def rolling_statistics(real: RealSeries) -> NDArray[np.float32]:
    """Return the network's inputs with their means and deviations over 6 and 24 hours, (n, 5 k)."""
    inputs = features(real.series, REFERENCE)[: len(SCALED) + 3].astype(np.float64)
    columns = [inputs]
    for hours in (6, 24):
        moments = [rolling_moments(each, hours * SAMPLES_PER_HOUR + 1) for each in inputs]
        columns.append(np.array([np.nan_to_num(mean) for mean, _ in moments]))
        columns.append(np.array([np.sqrt(np.nan_to_num(variance)) for _, variance in moments]))
    return np.concatenate(columns).T.astype(np.float32)


def forest_answers(real: Sequence[RealSeries], seeds: Sequence[int]) -> Answers:
    """Return the answers of random forests on rolling statistics, one a seed."""
    tables = [rolling_statistics(each) for each in real]
    truths = [label_classes(each.ejections, each.series) > 0 for each in real]
    usable = [each.held_out(np.zeros((5, len(each.series)), np.float32)).usable for each in real]

    def fit(left: Sequence[int], seed: int) -> Callable[[int], Probabilities]:
        forest = require("sklearn.ensemble").RandomForestClassifier(
            100, min_samples_leaf=10, class_weight="balanced", random_state=seed
        )
        taught = [number for number in range(len(real)) if number not in left]
        rows = [np.flatnonzero(usable[number])[::_THINNING] for number in taught]
        forest.fit(
            np.concatenate([tables[number][row] for number, row in zip(taught, rows, strict=True)]),
            np.concatenate([truths[number][row] for number, row in zip(taught, rows, strict=True)]),
        )
        return lambda number: as_answer(forest.predict_proba(tables[number])[:, 1])

    outer = {out: [fit([out], seed)(out) for seed in seeds] for out in range(len(real))}
    inner: dict[int, dict[int, Probabilities]] = {out: {} for out in range(len(real))}
    for first, second in itertools.combinations(range(len(real)), 2):
        answer = fit([first, second], seeds[0])
        inner[first][second], inner[second][first] = answer(second), answer(first)
    return Answers(outer, inner)
