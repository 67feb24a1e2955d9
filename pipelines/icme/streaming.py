"""Detection in real time: only the past is known, and a decision may wait for a while.

With a waiting time T the answer for a sample is given when the wind of the T hours after it is
measured and is never changed. The networks are those of the search after the fact; their windows
end at the present, and a part of their training windows ended so. Rüdisser et al. (2025,
arXiv:2505.09365) call this streaming and report F1, the delay of detections and the error of starts
as functions of T.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import require
from pipelines.icme.decide import ejection_probability
from pipelines.icme.features import (
    CLIP,
    FEATURES,
    PLASMA,
    SCALED,
    UNREST,
    Scaling,
    features,
    unrest,
)
from pipelines.signals.events import EventRule, Intervals, runs
from pipelines.signals.windows import cut_windows
from pipelines.sources.insitu import SAMPLES_PER_HOUR, InSituSeries

#: How often the networks are asked, in samples: every half hour.
EVERY = 3

_BATCH = 64


@dataclass(frozen=True)
class StreamInputs:
    """The network's inputs as they are known at any present, not later.

    Two things in `pipelines.icme.features` look ahead: gaps are bridged, and the unrest of the
    field is measured on both sides of a sample. Here both end at the present.

    Attributes
    ----------
    inputs
        As after the fact, shape (`FEATURES`, n).
    unrest
        For each quantity of unrest its values, scaled, when so many samples ahead are known,
        shape (half window, n).
    last
        For the rows of the field and of the plasma: the last sample measured up to each sample,
        shape (n,).
    """

    inputs: NDArray[np.float32]
    unrest: Mapping[str, NDArray[np.float32]]
    last: tuple[tuple[tuple[int, ...], NDArray[np.int64]], ...]

    def windows(self, presents: NDArray[np.int64], length: int) -> NDArray[np.float32]:
        """Return windows that end at presents (one past the last known), (k, c, length)."""
        windows = cut_windows(self.inputs, presents - length, length)
        for window, present in zip(windows, presents.tolist(), strict=True):
            for name, variants in self.unrest.items():
                known = min(len(variants), present)
                ahead = np.arange(known)
                window[FEATURES.index(name), length - 1 - ahead] = variants[
                    ahead, present - 1 - ahead
                ]
            for rows, last in self.last:
                unknown = present - 1 - int(last[present - 1])
                if unknown > 0:
                    window[list(rows), max(length - unknown, 0) :] = 0
        return windows


def stream_inputs(series: InSituSeries, scaling: Scaling) -> StreamInputs:
    """Prepare the inputs of a series for streaming."""
    inputs = features(series, scaling)
    variants = {}
    for name, hours in UNREST.items():
        row = SCALED.index(name)
        half = hours * SAMPLES_PER_HOUR // 2
        values = np.array([unrest(series, hours, ahead) for ahead in range(half)])
        scaled = (values - scaling.median[row]) / scaling.deviation[row]
        variants[name] = np.clip(np.nan_to_num(scaled), -CLIP, CLIP).astype(np.float32)
    of_plasma = [FEATURES.index(name) for name in PLASMA]
    of_field = [row for row in range(len(FEATURES)) if row not in of_plasma]
    groups = ((of_field, ("bt", "bx")), (of_plasma, ("vt", "np", "tp", "bt")))
    last = tuple((tuple(rows), _last_measured(series, names)) for rows, names in groups)
    return StreamInputs(inputs, variants, last)


def _last_measured(series: InSituSeries, names: Sequence[str]) -> NDArray[np.int64]:
    known = np.isfinite(np.array([series.channel(name) for name in names])).all(axis=0)
    return np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))


def streamed_probabilities(
    networks: Sequence[Any],
    stream: StreamInputs,
    first: int,
    waits: Sequence[float],
    *,
    progress: Progress = silent,
) -> list[NDArray[np.float32]]:
    """Return what networks say about each sample after having waited, one array a waiting time.

    Parameters
    ----------
    networks
        To be averaged.
    stream
        Inputs of n samples.
    first
        Number of the first sample since 1970; the networks are asked at fixed times.
    waits
        Hours between a sample and the present, at least 0.5.
    progress
        Told after each batch.

    Returns
    -------
    probabilities
        Shape (classes, n) each; background where the series ends before the wait is over.
    """
    torch = require("torch")
    from pipelines.icme.model import CLASSES, WINDOW

    samples = stream.inputs.shape[1]
    behind = [round(wait * SAMPLES_PER_HOUR) for wait in waits]
    answers = [np.zeros((len(CLASSES), samples), dtype=np.float32) for _ in waits]
    for answer in answers:
        answer[0] = 1.0
    # The present: one past the last sample that is known.
    presents = np.arange(EVERY - first % EVERY, samples + 1, EVERY)
    for done in range(0, len(presents), _BATCH):
        chunk = presents[done : done + _BATCH]
        with torch.inference_mode():
            tensor = torch.from_numpy(stream.windows(chunk, WINDOW))
            said = [torch.softmax(network(tensor), dim=1) for network in networks]
            mean = torch.stack(said).mean(dim=0).numpy()
        for answer, back in zip(answers, behind, strict=True):
            # The samples whose time has come since the networks were asked last.
            for offset in range(EVERY):
                sample = chunk - back + offset
                inside = (sample >= 0) & (sample < samples)
                answer[:, sample[inside]] = mean[inside][:, :, WINDOW - back + offset].T
        progress("streaming", min(done + _BATCH, len(presents)), len(presents))
    return answers


def stream_events(
    probabilities: NDArray[np.float32], rule: EventRule, usable: NDArray[np.bool_]
) -> tuple[Intervals, NDArray[np.int64]]:
    """Turn streamed probabilities into events, looking only backwards.

    An event is announced when the probability rises above the high threshold; it starts where the
    run above the low threshold did, bridging falls shorter than the merging distance, and ends
    where the probability falls below it for longer.

    Returns
    -------
    intervals
        Half-open, shape (m, 2).
    announced
        The sample whose answer announced each event, shape (m,).
    """
    ejection = ejection_probability(probabilities)
    above = runs((ejection > rule.low) & usable)
    events: list[tuple[int, int]] = []
    for first, end in above:
        if events and first - events[-1][1] < rule.merge:
            events[-1] = (events[-1][0], int(end))
        else:
            events.append((int(first), int(end)))
    kept, announced = [], []
    for first, last in events:
        end = last if rule.longest is None else min(last, first + rule.longest)
        high = np.flatnonzero(ejection[first:end] > rule.high)
        if high.size:
            kept.append((first, end))
            announced.append(first + int(high[0]))
    return (np.array(kept, dtype=np.int64).reshape(-1, 2), np.array(announced, dtype=np.int64))
