"""What answers of `pipelines.icme.crossing` are worth: rules from the other folds, and scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.icme.decide import decide
from pipelines.icme.evaluate import HeldOut, Scored, choose_rule, mean_and_deviation, score_together
from pipelines.icme.leftout import Answers, Probabilities, RealSeries
from pipelines.signals.events import EventRule

#: Scores whose spread over seeds is told.
SPREAD = ("precision", "recall", "f1_any", "f1_51", "f1_iou50", "tss", "start_mae_h", "end_mae_h")


def rules_of(real: Sequence[RealSeries], answers: Answers) -> list[EventRule]:
    """Return for each series left out the rule that the others choose."""
    return [
        choose_rule([real[other].held_out(each) for other, each in answers.inner[number].items()])[
            0
        ]
        for number in range(len(real))
    ]


def scored(held_out: HeldOut, rule: EventRule) -> Scored:
    """Return what a rule makes of held-out probabilities, beside the truth."""
    found = decide(held_out.probabilities, rule, held_out.usable).intervals
    return Scored(held_out.true, found, held_out.usable)


def crossed_scores(real: Sequence[RealSeries], answers: Answers) -> dict[str, Any]:
    """Score series by series and all together, for the mean of all networks and for each alone.

    Returns
    -------
    scores
        ``rules``; ``series`` by name, ``pooled`` of the ensemble; ``seeds``: pooled scores of
        each single network; ``spread``: mean and deviation of those.
    """
    rules = rules_of(real, answers)

    def pooled(pick: Callable[[Sequence[Probabilities]], Probabilities]) -> list[Scored]:
        return [
            scored(one.held_out(pick(answers.outer[number])), rules[number])
            for number, one in enumerate(real)
        ]

    together = pooled(_mean)
    count = min(len(each) for each in answers.outer.values())
    seeds = [score_together(pooled(_picker(seed))) for seed in range(count)]
    return {
        "rules": {one.name: asdict(rule) for one, rule in zip(real, rules, strict=True)},
        "series": {
            one.name: score_together([each]) for one, each in zip(real, together, strict=True)
        },
        "pooled": score_together(together),
        "seeds": seeds,
        "spread": {key: mean_and_deviation(seeds, key) for key in SPREAD},
    }


def _mean(several: Sequence[Probabilities]) -> Probabilities:
    return np.asarray(np.mean(several, axis=0), dtype=np.float32)


def _picker(seed: int) -> Callable[[Sequence[Probabilities]], Probabilities]:
    return lambda several: several[seed]


def mean_answers(answers: Answers) -> Mapping[int, NDArray[np.float32]]:
    """Return for each series left out the mean answer of the networks that never saw it."""
    return {number: _mean(several) for number, several in answers.outer.items()}
