"""The detector in real time: its rules by waiting time, and what a run with them gives."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import PipelineError, WeightsError
from pipelines.icme.decide import Detections, ejection_probability, obstacle_start
from pipelines.icme.detect import Detector, first_sample
from pipelines.icme.features import Scaling, usable_samples
from pipelines.icme.streaming import (
    EVERY,
    stream_events,
    stream_inputs,
    streamed_probabilities,
)
from pipelines.signals.events import EventRule
from pipelines.sources.insitu import SAMPLES_PER_HOUR, InSituSeries

#: In the folder of the weights.
STREAM_FILE = "streaming.json"


@dataclass(frozen=True, slots=True)
class StreamRules:
    """Event rules by waiting time.

    Attributes
    ----------
    waits
        Hours, ascending.
    rules
        One for each.
    """

    waits: tuple[float, ...]
    rules: tuple[EventRule, ...]

    def nearest(self, wait: float) -> EventRule:
        """Return the rule of the nearest waiting time."""
        return self.rules[int(np.abs(np.array(self.waits) - wait).argmin())]

    def replaced(self, others: StreamRules) -> StreamRules:
        """Return these rules with those of others for the waiting times that they have."""
        known = dict(zip(others.waits, others.rules, strict=True))
        pairs = zip(self.waits, self.rules, strict=True)
        return StreamRules(self.waits, tuple(known.get(wait, rule) for wait, rule in pairs))

    def write(self, folder: Path) -> None:
        """Write the rules into the folder of the weights."""
        lines = [
            {"wait_h": wait, "rule": asdict(rule)}
            for wait, rule in zip(self.waits, self.rules, strict=True)
        ]
        (folder / STREAM_FILE).write_text(json.dumps(lines, indent=1) + "\n")


def read_stream_rules(folder: Path) -> StreamRules:
    """Read the rules from the folder of the weights.

    Raises
    ------
    WeightsError
        If they are not there or not complete.
    """
    path = folder / STREAM_FILE
    try:
        lines = json.loads(path.read_text())
        waits = tuple(float(each["wait_h"]) for each in lines)
        return StreamRules(waits, tuple(EventRule(**each["rule"]) for each in lines))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} has no usable rules for real time: {error}",
            hint="make them with: python -m pipelines.icme.measure",
        ) from error


def detect_in_real_time(
    series: InSituSeries,
    detector: Detector,
    rule: EventRule,
    wait: float,
    *,
    scaling: Scaling,
    progress: Progress = silent,
) -> tuple[Detections, NDArray[np.int64]]:
    """Find ejections as they would have been found in real time.

    Parameters
    ----------
    series
        Measurements on the regular grid.
    detector
        Networks and calibration.
    rule
        For this waiting time.
    wait
        Hours between a sample and the answer for it, at least 0.5.
    scaling
        Of the channels.
    progress
        Told after each batch.

    Returns
    -------
    detections
        The confidence is the mean probability that was given, calibrated.
    announced
        The sample at which each was announced, the wait included, shape (n,).

    Raises
    ------
    PipelineError
        If the wait is shorter than the networks are asked often.
    """
    if not wait >= EVERY / SAMPLES_PER_HOUR:
        raise PipelineError(
            f"answers after {wait} hours cannot be given",
            hint=f"wait for {EVERY / SAMPLES_PER_HOUR:g} hours or more",
        )
    inputs = stream_inputs(series, scaling)
    first = first_sample(series)
    answer = streamed_probabilities(detector.networks, inputs, first, [wait], progress=progress)[0]
    found, announced = stream_events(answer, rule, usable_samples(inputs.inputs))
    ejection = ejection_probability(answer)
    obstacle = [low + obstacle_start(answer[:, low:high]) for low, high in found]
    confidence = np.array([ejection[low:high].mean() for low, high in found])
    detections = Detections(
        found,
        np.array(obstacle, dtype=np.int64),
        detector.calibration(np.clip(confidence, 0.0, 1.0)),
    )
    return detections, announced + round(wait * SAMPLES_PER_HOUR)
