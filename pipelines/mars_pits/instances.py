"""From maps of probabilities to objects with a class and a confidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.mars_pits.regions import Region

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

#: Names of what the confidence of an object is made from, see `features_of`.
FEATURES = ("inside", "edge", "core", "kind", "size")
#: Least part of the pixels that hang together which a core has.
_LEAST_CORE = 0.08
#: No pixel is surer than this that an object is not of some class.
_LEAST_KIND = 0.005
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class Rule:
    """How maps are read; chosen on validation pictures, kept with the weights.

    Attributes
    ----------
    inside, core
        Probabilities from which on a pixel lies within a rim, and in a core.
    least_area
        Of an object, pixels.
    confidence
        Least confidence of an object that is told of.
    coefficients
        Of the logistic function that makes a confidence of `FEATURES`; the first is the constant.
    diameter_error
        Relative standard deviation of diameters.
    class_weights
        What the probability of each class is multiplied by before the largest counts; empty for
        all alike.
    """

    inside: float = 0.5
    core: float = 0.5
    least_area: int = 40
    confidence: float = 0.5
    coefficients: tuple[float, ...] = (0.0, 1.0, 0.0, 0.0, 1.0, 0.0)
    diameter_error: float = 0.1
    class_weights: tuple[float, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return the fields as values that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class Found:
    """An object in a window.

    Attributes
    ----------
    region
        Its pixels.
    kinds
        Probability of each class, shape (classes,).
    features
        What the confidence is made from, shape (5,), see `FEATURES`.
    """

    region: Region
    kinds: Values
    features: Values

    @property
    def kind(self) -> int:
        """Number of the most probable class."""
        return int(np.argmax(self.kinds))

    def confidence(self, rule: Rule) -> float:
        """Return the probability that there is such an object of that class, as `rule` has it."""
        value = rule.coefficients[0] + float(np.dot(rule.coefficients[1:], self.features))
        return float(1.0 / (1.0 + np.exp(-value)))

    def weighed(self, weights: Sequence[float]) -> Found:
        """Return the same with other probabilities of classes, see `Rule.class_weights`."""
        if not len(weights):
            return self
        kinds = self.kinds * np.asarray(weights, float)
        kinds = kinds / max(float(kinds.sum()), 1e-9)
        features = self.features.copy()
        features[FEATURES.index("kind")] = _logit(float(kinds.max()))
        return Found(self.region, kinds, features)


def quantised(maps: NDArray[np.float32]) -> Bytes:
    """Return probabilities as whole numbers, 255 for 1, as surveys of rasters keep them."""
    return np.asarray(np.round(np.clip(maps, 0.0, 1.0) * 255.0).astype(np.uint8))


def separate(maps: Bytes, rule: Rule, within: Flags | None = None) -> list[Found]:
    """Return the objects of a window.

    Parts that hang together are objects; where a part has several cores, each pixel goes to the
    core that is nearest.

    Parameters
    ----------
    maps
        Inside, core and each class, 255 for 1, shape (2 + classes, rows, cols).
    rule
        How to read them.
    within
        Pixels that count, all when not given.
    """
    ndimage = require("scipy.ndimage")
    inside = maps[0] >= _level(rule.inside)
    if within is not None:
        inside &= within
    parts, count = ndimage.label(inside, structure=_EIGHT)
    cores, _ = ndimage.label(inside & (maps[1] >= _level(rule.core)), structure=_EIGHT)
    found = []
    for number, place in enumerate(ndimage.find_objects(parts, max_label=count), start=1):
        own = parts[place] == number
        for piece in _pieces(own, np.where(own, cores[place], 0)):
            whole = ndimage.binary_fill_holes(piece)
            if whole.sum() >= rule.least_area:
                found.append(_found(whole, place, maps).weighed(rule.class_weights))
    return found


def _level(probability: float) -> int:
    """Return the least byte that stands for a probability, as `pipelines.images.survey` has it."""
    return max(1, math.ceil(probability * 255.0 - 1e-6))


def _pieces(own: Flags, cores: NDArray[np.int32]) -> list[Flags]:
    """Divide a part among its cores; without any it stays whole."""
    areas = np.bincount(cores.ravel())[1:]
    # A core is about a third of its object: what is much smaller is a doubt within one.
    numbers = np.flatnonzero(areas >= _LEAST_CORE * own.sum()) + 1
    if len(numbers) < 2:
        return [own]
    cores = np.where(np.isin(cores, numbers), cores, 0)
    edt = require("scipy.ndimage").distance_transform_edt
    nearest = edt(cores == 0, return_distances=False, return_indices=True)
    belongs = cores[tuple(nearest)]
    return [own & (belongs == number) for number in numbers]


def _found(whole: Flags, place: tuple[slice, ...], maps: Bytes) -> Found:
    part = maps[(slice(None), *place)][:, whole] / 255.0
    # The mean of logarithms: pixels that rule a class out count for more than those in doubt.
    kinds = np.exp(np.log(np.maximum(part[2:], _LEAST_KIND)).mean(axis=1))
    kinds = kinds / max(float(kinds.sum()), 1e-9)
    region = Region.of(whole, place[0].start, place[1].start)
    return Found(region, kinds, features_of(part, kinds, float(region.area)))


def features_of(part: Values, kinds: Values, area: float) -> Values:
    """Return what the confidence of an object is made from.

    Parameters
    ----------
    part
        Probabilities at its pixels, shape (2 + classes, n).
    kinds
        Of each class.
    area
        Pixels.

    Returns
    -------
    features
        Logit of the mean probability to be inside; part of the pixels that are not sure of it (of a
        sharp rim few are); largest probability of a core; logit of the class; logarithm of the
        size over that of a disc of 24 pixels.
    """
    return np.array(
        [
            _logit(float(part[0].mean())),
            float(np.mean(part[0] < 0.8)),
            float(part[1].max()),
            _logit(float(kinds.max())),
            float(np.log(area / (np.pi * 12.0**2))),
        ]
    )


def _logit(value: float) -> float:
    kept = min(max(value, 0.01), 0.99)
    return float(np.log(kept / (1.0 - kept)))
