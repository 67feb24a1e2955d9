"""From the answers of the network to stream interaction regions that are not ejections."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, Span, silent
from pipelines.icme.decide import decide, smooth
from pipelines.icme.detect import Detector, class_probabilities, first_sample, load_detector
from pipelines.icme.features import Scaling, features, usable_samples
from pipelines.icme.labels import FAST_SIDE, SLOW_SIDE
from pipelines.signals.calibration import Calibration
from pipelines.signals.events import EventRule, Intervals, find_events, flags
from pipelines.sir.parameters import read_parameters
from pipelines.sources.insitu import SAMPLES_PER_HOUR, InSituSeries
from pipelines.sources.spans import to_datetime64

#: Longest region, in samples: six days. The longest of the 58 that Jian et al. (2019, Sol. Phys.
#: 294, 31) list for STEREO-B in 2013 and 2014 takes 5.9 days.
LONGEST = 6 * 24 * SAMPLES_PER_HOUR


@dataclass(frozen=True)
class RegionDetector:
    """The network, with the rules for ejections and for interaction regions.

    Attributes
    ----------
    ejections
        Networks, scaling and the rule for ejections, shared with the pipeline ``icme``.
    rule
        For interaction regions.
    calibration
        From the mean probability of a region to the confidence in it.
    """

    ejections: Detector
    rule: EventRule
    calibration: Calibration


@dataclass(frozen=True)
class Regions:
    """Interaction regions of one series.

    Attributes
    ----------
    intervals
        Half-open, in samples, shape (n, 2).
    interface
        First sample of the fast side, shape (n,).
    confidence
        From 0 to 1, shape (n,).
    """

    intervals: Intervals
    interface: NDArray[np.int64]
    confidence: NDArray[np.float64]

    def select(self, kept: NDArray[np.bool_]) -> Regions:
        """Return only some of the regions, ``kept`` of shape (n,)."""
        return Regions(self.intervals[kept], self.interface[kept], self.confidence[kept])

    def within(self, series: InSituSeries, span: Span | None) -> NDArray[np.bool_]:
        """Return which regions begin within a span, shape (n,); all when it is not given."""
        if span is None:
            return np.ones(len(self.intervals), dtype=bool)
        start = series.time_of(self.intervals[:, 0])
        first, last = to_datetime64(span.start), to_datetime64(span.stop)
        return np.asarray((start >= first) & (start < last))


def load_region_detector(weights: Path) -> RegionDetector:
    """Load the networks and both rules.

    Raises
    ------
    WeightsError
        If something of them is missing or does not fit.
    """
    parameters = read_parameters(weights)
    return RegionDetector(load_detector(weights), parameters.rule, parameters.calibration)


def region_probability(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how likely each sample belongs to an interaction region, shape (n,)."""
    return np.asarray(probabilities[[SLOW_SIDE, FAST_SIDE]].astype(np.float64).sum(axis=0))


def search(
    series: InSituSeries, detector: RegionDetector, *, scaling: Scaling, progress: Progress = silent
) -> Regions:
    """Find the interaction regions of a series."""
    inputs = features(series, scaling)
    probabilities = class_probabilities(
        detector.ejections.networks, inputs, first_sample(series), progress=progress
    )
    usable = usable_samples(inputs)
    ejections = decide(probabilities, detector.ejections.rule, usable).intervals
    found = decide_regions(probabilities, detector.rule, usable, ejections)
    return Regions(found.intervals, found.interface, detector.calibration(found.confidence))


def decide_regions(
    probabilities: NDArray[np.float32],
    rule: EventRule,
    usable: NDArray[np.bool_],
    ejections: Intervals,
) -> Regions:
    """Turn class probabilities into regions; their confidence is the mean probability.

    What is an ejection is no interaction region: samples of ejections are left out, and a region
    that an ejection divides is cut there.

    Parameters
    ----------
    probabilities
        Shape (classes, n).
    rule
        Thresholds and lengths.
    usable
        Where there are data, shape (n,).
    ejections
        Half-open intervals.
    """
    free = usable & ~flags(ejections, len(usable))
    region = smooth(region_probability(probabilities))
    intervals = find_events(region, rule, free)
    interface = [first + interface_sample(probabilities[:, first:end]) for first, end in intervals]
    confidence = [region[first:end].mean() for first, end in intervals]
    return Regions(
        intervals,
        np.array(interface, dtype=np.int64),
        np.clip(np.array(confidence, dtype=np.float64), 0.0, 1.0),
    )


def interface_sample(probabilities: NDArray[np.float32]) -> int:
    """Return where in a region the slow side ends: its most likely division into two parts.

    Parameters
    ----------
    probabilities
        Of the classes and the samples of one region, shape (classes, n).
    """
    logarithm = np.log(np.maximum(probabilities[[SLOW_SIDE, FAST_SIDE]], 1e-4))
    gain = np.concatenate(([0.0], np.cumsum(logarithm[0] - logarithm[1])))
    return int(gain[:-1].argmax())
