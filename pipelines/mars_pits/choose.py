"""How a network's maps are read: chosen on validation pictures, never on those of scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.mars_pits.instances import Bytes, Found, Rule, separate
from pipelines.mars_pits.regions import Region
from pipelines.mars_pits.samples import Sample
from pipelines.mars_pits.scores import (
    Objects,
    Overlaps,
    average_precisions,
    diameter_errors,
    object_f1,
    objects_of,
)

Values = NDArray[np.float64]

_INSIDE = (0.4, 0.5, 0.6)
_CORE = (0.5, 0.35, 0.65)
#: What the probabilities of classes that are no pits are multiplied by.
_NEGATIVE_WEIGHTS = (0.85, 0.7, 0.55)
_CONFIDENCES = np.linspace(0.1, 0.9, 33)
#: Fewer objects than this leave the confidence as it is without learning.
_LEAST_OBJECTS = 12
#: Per cent of a normal distribution that lie within a standard deviation.
_ONE_SIGMA = 68.3


@dataclass(frozen=True)
class Read:
    """What was found in one picture, and how it overlaps what is there."""

    found: list[Found]
    plain: Overlaps

    @classmethod
    def of(cls, maps: Bytes, sample: Sample, rule: Rule) -> Read:
        """Read the maps of a sample."""
        found = separate(maps, rule)
        objects = found_objects(found, rule, sample.numbers.shape)
        return cls(found, Overlaps.of(objects, true_objects(sample)))

    def weighed(self, weights: Sequence[float]) -> Read:
        """Return the same with other probabilities of classes, see `Rule.class_weights`."""
        found = [each.weighed(weights) for each in self.found]
        kinds = np.array([each.kind for each in found], np.int64)
        plain = replace(self.plain, found=replace(self.plain.found, kinds=kinds))
        return Read(found, plain)

    def overlaps(self, rule: Rule) -> Overlaps:
        """Return the same with the confidences that a rule gives."""
        scores = np.array([each.confidence(rule) for each in self.found])
        return replace(self.plain, found=replace(self.plain.found, scores=scores))


def found_objects(found: Sequence[Found], rule: Rule, shape: tuple[int, int]) -> Objects:
    """Return what was found in a window of some shape as objects to be scored."""
    return objects_of(
        [each.region for each in found],
        [each.kind for each in found],
        shape,
        [each.confidence(rule) for each in found],
    )


def true_objects(sample: Sample) -> Objects:
    """Return the labelled objects of a sample; those of no whole pixel are left out."""
    masks = sample.masks()
    seen = [number for number, mask in enumerate(masks) if mask.any()]
    return objects_of(
        [Region.of(masks[number]) for number in seen],
        [sample.kinds[number] for number in seen],
        sample.numbers.shape,
    )


def choose_rule(
    maps: Sequence[Bytes],
    samples: Sequence[Sample],
    classes: Sequence[str],
    negatives: frozenset[str],
) -> tuple[Rule, float]:
    """Choose thresholds, learn the confidence, and say how well that does.

    Thresholds are those of the largest mean average precision of masks; then the confidence is a
    logistic function of `instances.FEATURES`, learnt from which objects are right in class and
    overlap a labelled one by half; the least confidence is that of the largest F1 of masks. So is
    the weight of classes that are no pits: their objects are left out, so that to miss one costs
    nothing, and what is nearly as likely a pit had better be called one. The error of diameters is
    that which 68.3 % of them do not exceed.

    Parameters
    ----------
    maps, samples
        What the network says of the validation pictures, and what is there.
    classes, negatives
        Names by number, and those that are no pits.

    Returns
    -------
    rule, precision
        The mean average precision of boxes (0.5 to 0.95) with the rule.
    """
    pits = [name for name in classes if name not in negatives]

    def read(rule: Rule) -> list[Read]:
        return [Read.of(each, sample, rule) for each, sample in zip(maps, samples, strict=True)]

    def precision(reads: Sequence[Read], rule: Rule, *, masks: bool = True) -> float:
        overlaps = [each.overlaps(rule) for each in reads]
        return float(
            np.nan_to_num(average_precisions(overlaps, classes, pits, masks=masks).map50_95)
        )

    best = Rule()
    reads = read(best)
    best_value = precision(reads, best)
    for changed in (
        *({"inside": each} for each in _INSIDE if each != best.inside),
        *({"core": each} for each in _CORE if each != best.core),
    ):
        rule = replace(best, **changed)
        others = read(rule)
        value = precision(others, rule)
        if value > best_value:
            best, best_value, reads = rule, value, others
    weighed = [
        _with_confidence(reads, each, classes, pits) for each in _weighed(best, classes, pits)
    ]
    chosen, reads, _ = max(weighed, key=lambda each: each[2])
    overlaps = [each.overlaps(chosen) for each in reads]
    errors = np.abs(diameter_errors(overlaps, chosen.confidence))
    if len(errors):
        chosen = replace(chosen, diameter_error=float(np.percentile(errors, _ONE_SIGMA)))
    return chosen, precision(reads, chosen, masks=False)


def _weighed(rule: Rule, classes: Sequence[str], pits: Sequence[str]) -> Iterator[Rule]:
    """Yield rules in which classes that are no pits count for less and less."""
    yield rule
    if len(pits) < len(classes):
        for weight in _NEGATIVE_WEIGHTS:
            weights = tuple(1.0 if name in pits else weight for name in classes)
            yield replace(rule, class_weights=weights)


def _with_confidence(
    reads: Sequence[Read], rule: Rule, classes: Sequence[str], pits: Sequence[str]
) -> tuple[Rule, list[Read], float]:
    """Learn the confidence; return the rule with it, what is read by it, and the largest F1."""
    weighed = [each.weighed(rule.class_weights) for each in reads]
    learnt = replace(rule, coefficients=_coefficients(weighed))
    overlaps = [each.overlaps(learnt) for each in weighed]
    f1 = [
        float(np.nan_to_num(object_f1(overlaps, classes, pits, float(least), masks=True)))
        for least in _CONFIDENCES
    ]
    best = int(np.argmax(f1))
    return replace(learnt, confidence=float(_CONFIDENCES[best])), weighed, f1[best]


def _coefficients(reads: Sequence[Read]) -> tuple[float, ...]:
    """Learn which objects are right."""
    features: list[Values] = []
    right: list[bool] = []
    for each in reads:
        overlaps = each.plain
        for number, found in enumerate(each.found):
            same = overlaps.true.kinds == found.kind
            features.append(found.features)
            right.append(bool((overlaps.masks[number][same] >= 0.5).any()))
    if len(right) < _LEAST_OBJECTS or all(right) or not any(right):
        return Rule().coefficients
    table = np.array(features)
    middle, spread = table.mean(axis=0), table.std(axis=0) + 1e-6
    model = require("sklearn.linear_model").LogisticRegression(C=1.0)
    model.fit((table - middle) / spread, right)
    slopes = model.coef_[0] / spread
    constant = float(model.intercept_[0] - np.dot(slopes, middle))
    return (constant, *(float(each) for each in slopes))
