"""How well orbits that strategies choose teach a classifier: learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.mercury_boundaries.active.cells import Cells
from pipelines.mercury_boundaries.active.classifier import (
    FastClassifier,
    entropy,
    fit_classifier,
    macro_f1,
)
from pipelines.mercury_boundaries.active.drift import DriftModel
from pipelines.mercury_boundaries.active.gan import DriftGan, find_drifts_by_gan
from pipelines.mercury_boundaries.active.prepare import PreparedOrbit
from pipelines.mercury_boundaries.active.strategies import (
    STRATEGIES,
    Pool,
    Strategy,
    choose_within_drifts,
)

Labels = NDArray[np.int64]

#: Orbits that can be chosen, the first of a mission; the rest, nearly a Mercury year later on, is
#: for the scores alone.
POOL: Final = 220

#: Labelled orbits at which the classifier is trained and scored; the first are chosen by chance.
SIZES: Final = (4, 10, 16, 22)

#: A tenth of the pool.
TENTH: Final = 22

#: First choices by chance, of every strategy the same.
REPEATS: Final = 2

#: Batches of the classifier that learns from all orbits: it has more to learn.
_FULL_STEPS: Final = 800

#: Name of the strategies that choose within drifts, by whose drifts they are.
WITHIN: Final = {
    "two samples": "entropy within drifts of two samples",
    "network": "entropy within drifts of the network of the literature",
    "regimes": "entropy within regimes",
}

FULL: Final = "all orbits"


@dataclass(frozen=True)
class Curve:
    """Scores of one strategy with one first choice.

    Attributes
    ----------
    strategy, seed, repeat
        Which.
    sizes, f1
        Labelled orbits and macro-F1 of the five classes over cells of the orbits for the scores.
    """

    strategy: str
    seed: int
    repeat: int
    sizes: tuple[int, ...]
    f1: tuple[float, ...]


def drifts_of_pool(
    pool: Sequence[PreparedOrbit], model: DriftModel, known: DriftGan | None, seed: int
) -> dict[str, Labels]:
    """Return the drift of each orbit of a pool by every detector.

    The network is left out when it is not given: it learns anew in every block, which takes as long
    as all the rest of a comparison.
    """
    summaries = [each.summary for each in pool]
    found = {"two samples": model.drifts(summaries).labels}
    if known is not None:
        threshold = float(model.notes["gan_threshold"])
        rolling = [each.rolling for each in pool]
        found["network"] = find_drifts_by_gan(rolling, threshold, known, seed=seed).labels
    return found | {"regimes": model.regimes.numbers(model.expectation, summaries)}


def score(classifier: FastClassifier, orbits: Sequence[Cells]) -> float:
    """Return macro-F1 of the five classes over the cells of orbits."""
    said = [classifier.probabilities(each).argmax(axis=1).astype(np.int8) for each in orbits]
    return macro_f1([each.classes for each in orbits], said)


def learning_curve(
    pool: Sequence[Cells],
    test: Sequence[Cells],
    strategy: Strategy,
    drifts: Labels,
    first: Sequence[int],
    sizes: Sequence[int],
    seed: int,
    start: FastClassifier | None = None,
) -> tuple[float, ...]:
    """Label orbits step by step as a strategy wants them, and score the classifier each time.

    Parameters
    ----------
    pool, test
        Orbits to choose from, and for the scores.
    strategy
        Chooses.
    drifts
        Of the orbits of the pool, shape (n,).
    first
        Orbits that are labelled to begin with, as many as the first of `sizes`.
    sizes
        Labelled orbits at which it is scored, rising.
    seed
        Of the classifier and of chance.
    start
        What the first orbits teach, if it is known already.

    Returns
    -------
    f1
        One for each size.
    """
    random = np.random.default_rng([seed, len(pool)])
    labelled, f1 = list(first), []
    for number, size in enumerate(sizes):
        known = start if number == 0 else None
        classifier = known or fit_classifier([pool[each] for each in labelled], seed)
        f1.append(score(classifier, test))
        if number + 1 < len(sizes):
            unsure = [float(entropy(classifier.probabilities(each)).mean()) for each in pool]
            state = Pool(np.array(unsure), drifts, labelled)
            labelled += strategy(state, sizes[number + 1] - size, random)
    return tuple(f1)


def compare(
    orbits: Sequence[PreparedOrbit],
    model: DriftModel,
    known: DriftGan | None,
    seed: int,
    progress: Progress = silent,
    wanted: Sequence[str] | None = None,
) -> list[Curve]:
    """Return the learning curves of strategies on one simulated mission.

    Parameters
    ----------
    orbits
        Of the mission, in order of time; the first `POOL` can be chosen.
    model, known
        Of drift: the simple detector, and the networks of the published one if their drifts are
        compared, too.
    seed
        Of the mission.
    progress
        Told after each curve.
    wanted
        Names of the strategies, and `FULL`; everything when not given. A curve does not depend on
        what else is wanted.
    """
    pool, test = [each.cells for each in orbits[:POOL]], [each.cells for each in orbits[POOL:]]
    drifts = drifts_of_pool(orbits[:POOL], model, known, seed)
    runs: list[tuple[str, Strategy, Labels]] = [
        ("random", STRATEGIES["random"], drifts["regimes"]),
        ("entropy", STRATEGIES["entropy"], drifts["regimes"]),
        *((WITHIN[name], choose_within_drifts, labels) for name, labels in drifts.items()),
    ]
    runs = [each for each in runs if wanted is None or each[0] in wanted]
    curves = []
    for repeat in range(REPEATS):
        chance = np.random.default_rng([seed, repeat, 7])
        first = [int(each) for each in chance.choice(POOL, SIZES[0], replace=False)]
        mine = 100 * seed + repeat
        start = fit_classifier([pool[each] for each in first], mine)
        for name, strategy, labels in runs:
            f1 = learning_curve(pool, test, strategy, labels, first, SIZES, mine, start)
            curves.append(Curve(name, seed, repeat, SIZES, f1))
            progress(f"comparing strategies, seed {seed}", len(curves), len(runs) * REPEATS)
        if wanted is None or FULL in wanted:
            full = score(fit_classifier(pool, mine, _FULL_STEPS), test)
            curves.append(Curve(FULL, seed, repeat, (POOL,), (full,)))
    return curves


def compare_real(
    orbits: Sequence[Cells],
    regimes: Labels,
    *,
    folds: int = 3,
    starts: int = 3,
    progress: Progress = silent,
) -> list[Curve]:
    """Return learning curves on real orbits, with groups of consecutive ones left out in turn.

    Parameters
    ----------
    orbits
        In order of time.
    regimes
        Of each.
    folds
        Groups; each is for the scores of classifiers that may choose from the others.
    starts
        First orbits that are tried of each group.
    progress
        Told after each group.
    """
    group = [number * folds // len(orbits) for number in range(len(orbits))]
    curves = []
    for fold in range(folds):
        mine = [number for number, each in enumerate(group) if each != fold]
        pool = [orbits[each] for each in mine]
        test = [each for each, where in zip(orbits, group, strict=True) if where == fold]
        sizes = (1, 2, 3)
        runs = (
            ("random", STRATEGIES["random"]),
            ("entropy", STRATEGIES["entropy"]),
            (WITHIN["regimes"], choose_within_drifts),
        )
        for repeat in range(starts):
            first = [repeat * len(pool) // starts]
            start = fit_classifier([pool[each] for each in first], repeat)
            for name, strategy in runs:
                f1 = learning_curve(
                    pool, test, strategy, regimes[mine], first, sizes, repeat, start
                )
                curves.append(Curve(name, fold, repeat, sizes, f1))
        full = score(fit_classifier(pool, 0), test)
        curves.append(Curve(FULL, fold, 0, (len(pool),), (full,)))
        progress("comparing strategies on real orbits", fold + 1, folds)
    return curves
