"""How much more labelled wind would help: scores over the amount of real data learnt from.

Networks are trained as in `pipelines.icme.crossing`, with one series left out, but on a part of the
real data only: whole rotations of the Sun, drawn with a fixed seed; simulated years stay. The rule
for events is that of the full training, chosen on the other series, so that the curve shows what
the networks learn and not how rules vary; the area under the ROC curve of samples needs no rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import require
from pipelines.icme.crossed import rules_of, scored
from pipelines.icme.crossing import STEPS, kept_network, network_name
from pipelines.icme.decide import ejection_probability
from pipelines.icme.detect import class_probabilities, first_sample
from pipelines.icme.evaluate import HeldOut, score_together
from pipelines.icme.labels import label_intervals
from pipelines.icme.leftout import Answers, Probabilities, RealSeries
from pipelines.icme.train import Labelled, fit_fully, training_simulations
from pipelines.icme.wind import SYNODIC_HOURS
from pipelines.signals.events import flags
from pipelines.sources.insitu import SAMPLES_PER_HOUR

#: Parts of the real data that are learnt from; all of it is what `crossing` trains on.
FRACTIONS = (0.0, 0.5)

#: Seed of the networks and of the draw of rotations.
_SEED = 0


@dataclass(frozen=True)
class LearningPoint:
    """Scores after learning from a part of the real data.

    Attributes
    ----------
    fraction
        Of the rotations.
    events
        Real ejections learnt from, mean over the series left out; of those, how many have all
        channels.
    complete_events
        Those of them that are measured in all channels.
    scores
        Of `pipelines.icme.evaluate.score`, series left out pooled.
    auc
        Area under the ROC curve, sample by sample, mean over the series left out.
    """

    fraction: float
    events: float
    complete_events: float
    scores: dict[str, Any]
    auc: float


def kept_samples(samples: int, fraction: float, seed: int) -> NDArray[np.bool_]:
    """Draw which rotations of a series are learnt from.

    A larger fraction holds all that a smaller one holds.

    Parameters
    ----------
    samples
        Length of the series.
    fraction
        Of its rotations, rounded up; 0 for none.
    seed
        Of the draw.

    Returns
    -------
    kept
        Shape (samples,).
    """
    rotation = round(SYNODIC_HOURS * SAMPLES_PER_HOUR)
    number = np.arange(samples) // rotation
    order = np.random.default_rng(seed).permutation(int(number[-1]) + 1)
    return np.isin(number, order[: int(np.ceil(fraction * len(order)))])


def count_events(one: RealSeries, kept: NDArray[np.bool_]) -> int:
    """Return how many ejections have their middle in samples that are kept."""
    middle = label_intervals(one.ejections, one.series).mean(axis=1).astype(int)
    inside = (middle >= 0) & (middle < len(kept))
    return int(kept[middle[inside]].sum())


def sample_auc(held_out: HeldOut) -> float:
    """Return the area under the ROC curve of the probability of an ejection, sample by sample."""
    metrics = require("sklearn.metrics")
    inside = flags(held_out.true, len(held_out.usable))[held_out.usable]
    probability = ejection_probability(held_out.probabilities)[held_out.usable]
    return float(metrics.roc_auc_score(inside, probability))


def learning_curve(
    real: Sequence[RealSeries],
    always: Sequence[RealSeries],
    answers: Answers,
    *,
    networks: Path | None,
    fractions: Sequence[float] = FRACTIONS,
    steps: int = STEPS,
    progress: Progress = silent,
) -> list[LearningPoint]:
    """Return scores over the amount of real data, one network a point and series left out.

    Parameters
    ----------
    real
        Series that are left out in turn.
    always
        Series that always teach.
    answers
        Of the full training, for its point of the curve and for the rules.
    networks
        Folder where networks are kept and sought; `None` when nothing is kept.
    fractions
        Parts of the data below 1, ascending.
    steps
        Batches of training.
    progress
        Told after each point.
    """
    simulated = training_simulations()
    labelled = [each.labelled() for each in (*real, *always)]
    points = []
    for done, fraction in enumerate(fractions):
        said = [
            _answer(real, labelled, simulated, left, fraction, steps, networks)
            for left in range(len(real))
        ]
        points.append(_point(real, always, answers, fraction, said))
        progress("learning from a part of the data", done + 1, len(fractions))
    whole = [answers.outer[left][_SEED] for left in range(len(real))]
    return [*points, _point(real, always, answers, 1.0, whole)]


def _answer(
    real: Sequence[RealSeries],
    labelled: Sequence[Labelled],
    simulated: Sequence[Labelled],
    left: int,
    fraction: float,
    steps: int,
    networks: Path | None,
) -> Probabilities:
    """Return what a network says of a series left out, after learning from a part of the others."""
    others = [each for number, each in enumerate(labelled) if number != left]
    parts = [each.keep(kept_samples(len(each.classes), fraction, _SEED)) for each in others]
    name = f"part{round(100 * fraction)}_{network_name((left,), _SEED)}"
    if fraction == 0:
        # Nothing real is learnt from, so that the same network serves for all series.
        parts, name = [], f"part0_seed{_SEED}.safetensors"
    teach = partial(fit_fully, parts, simulated, seed=_SEED, steps=steps)
    network = kept_network(networks, name, teach)
    one = real[left].series
    return class_probabilities((network,), labelled[left].inputs, first_sample(one))


def _point(
    real: Sequence[RealSeries],
    always: Sequence[RealSeries],
    answers: Answers,
    fraction: float,
    said: Sequence[Probabilities],
) -> LearningPoint:
    held_out = [one.held_out(each) for one, each in zip(real, said, strict=True)]
    rules = rules_of(real, answers)
    complete, reduced = (
        [
            count_events(one, kept_samples(len(one.series), fraction, _SEED)) if fraction else 0
            for one in several
        ]
        for several in (real, always)
    )
    # Each series is left out once, so that it teaches all times but one.
    of_complete = sum(complete) * (len(real) - 1) / len(real)
    return LearningPoint(
        fraction=fraction,
        events=of_complete + sum(reduced),
        complete_events=of_complete,
        scores=score_together([scored(*each) for each in zip(held_out, rules, strict=True)]),
        auc=float(np.mean([sample_auc(each) for each in held_out])),
    )


def learning_lines(points: Sequence[dict[str, Any]]) -> list[str]:
    """Return the table of the README from points as plain values."""
    lines = [
        "| real data | ejections | of those in all channels | F1 any | F1 51 % | TSS | start MAE "
        "| AUC of samples |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in points:
        scores = each["scores"]
        lines.append(
            f"| {100 * each['fraction']:.0f} % | {each['events']:.0f} "
            f"| {each['complete_events']:.0f} | {scores['f1_any']:.2f} | {scores['f1_51']:.2f} "
            f"| {scores['tss']:.2f} | {scores['start_mae_h']:.1f} h | {each['auc']:.2f} |"
        )
    return lines


def plain_points(points: Sequence[LearningPoint]) -> list[dict[str, Any]]:
    """Return points as plain values, for a file."""
    return [asdict(each) for each in points]
