"""What a training on labelled images gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.mars_pits.instances import Rule
from pipelines.mars_pits.scores import Overlaps
from pipelines.mars_pits.windows import Division


@dataclass(frozen=True)
class Learnt:
    """What a training gave, for its report.

    Attributes
    ----------
    sources
        Images and labels, for people.
    division
        The windows.
    classes, negatives
        Names by number, and those that are no pits.
    checks
        Losses while it learnt, see `train.Check`.
    rule
        How maps are read.
    overlaps
        Of the windows that were held back, found against labelled.
    scores
        Of the same.
    started
        What was known before, for people.
    seed, steps
        Of the training.
    """

    sources: tuple[str, ...]
    division: Division
    classes: tuple[str, ...]
    negatives: frozenset[str]
    checks: tuple[Any, ...]
    rule: Rule
    overlaps: list[Overlaps]
    scores: Mapping[str, Any]
    started: str
    seed: int
    steps: int
