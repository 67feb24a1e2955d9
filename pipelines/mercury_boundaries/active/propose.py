"""Proposals of orbits to label: the most uncertain of every drift, with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from pipelines.contract import Progress, silent
from pipelines.errors import LabelError
from pipelines.labelling import Proposals
from pipelines.mercury_boundaries.active.alarms import Alarms, load_alarm_model
from pipelines.mercury_boundaries.active.classifier import entropy
from pipelines.mercury_boundaries.active.column import drift_name
from pipelines.mercury_boundaries.active.drift import (
    BLOCK,
    DriftModel,
    load_drift_model,
    regime_values,
)
from pipelines.mercury_boundaries.active.labelled import labelled_orbits
from pipelines.mercury_boundaries.active.orbits import (
    MEASURES,
    OrbitExtent,
    OrbitSummary,
    around_periapsis,
    divide,
    summarise,
)
from pipelines.mercury_boundaries.active.strategies import Pool, choose_within_drifts
from pipelines.mercury_boundaries.detect import Detector
from pipelines.mercury_boundaries.features import BIN
from pipelines.mercury_boundaries.lists import KINDS, Crossings
from pipelines.mercury_boundaries.run import search
from pipelines.mercury_boundaries.series import MagSeries, to_datetime

#: Columns of the form, in order; people write into ``start`` and ``end``.
FORM: Final = (
    "orbit", "Type", "start", "end", "suggested_start", "suggested_end",
    "drift", "entropy", "distance", "reason",
)  # fmt: skip

#: Seconds on either side of an orbit that the networks look at.
_AROUND: Final = 9 * 3600

#: Bins of the stretch of an orbit that is named as the least certain: ten minutes.
_STRETCH: Final = 600 // BIN


@dataclass(frozen=True)
class Candidate:
    """An orbit that may be proposed.

    Attributes
    ----------
    extent
        Where it lies.
    summary
        What it is like.
    uncertainty
        Mean entropy of the classes over its bins, bits.
    worst
        Middle of the ten minutes with the largest entropy, seconds since 1970.
    found
        Crossings that the detector finds in it.
    """

    extent: OrbitExtent
    summary: OrbitSummary
    uncertainty: float
    worst: int
    found: Crossings


def candidates(
    series: MagSeries, detector: Detector, progress: Progress = silent
) -> list[Candidate]:
    """Return the orbits of a series, with how sure the detector is of them.

    Orbits without field or position around their periapsis are left out.
    """
    extents = divide(series)
    kept = []
    for number, extent in enumerate(extents):
        summary = summarise(around_periapsis(series, extent.periapsis))
        if summary is not None:
            kept.append(_candidate(series, extent, summary, detector))
        progress("asking the detector", number + 1, len(extents))
    return kept


def _candidate(
    series: MagSeries, extent: OrbitExtent, summary: OrbitSummary, detector: Detector
) -> Candidate:
    bins, found = search(series.between(extent.first - _AROUND, extent.last + _AROUND), detector)
    low, high = extent.first // BIN - bins.first, extent.last // BIN - bins.first
    unsure = np.where(bins.known, entropy(found.probabilities.T), 0.0)[low:high]
    mean = float(unsure.sum() / max(int(bins.known[low:high].sum()), 1))
    width = min(_STRETCH, len(unsure))
    worst = int(np.convolve(unsure, np.ones(width), "valid").argmax()) + width // 2
    return Candidate(
        extent,
        summary,
        mean,
        (bins.first + low + worst) * BIN,
        found.crossings.within(extent.first, extent.last),
    )


def propose_orbits(
    series: MagSeries,
    detector: Detector,
    store: Path,
    *,
    count: int,
    progress: Progress = silent,
    model: DriftModel | None = None,
) -> Proposals:
    """Propose orbits; see `pipelines.labelling.LabellingPipeline.propose`.

    Parameters
    ----------
    series
        With position.
    detector
        Whose doubts count.
    store
        Folder of labelled orbits.
    count
        Orbits at most.
    progress
        Told after each orbit.
    model
        Of drift; that which comes with the package when not given.

    Raises
    ------
    LabelError
        If no orbit is left, or the store cannot be read.
    """
    model = model or load_drift_model()
    known = labelled_orbits(store)
    orbits = candidates(series, detector, progress)
    if not orbits:
        raise LabelError(
            f"no orbit can be told in {series.description}",
            hint="field and position around the periapsis are needed",
        )
    labelled = [number for number, each in enumerate(orbits) if each.extent.name in known]
    if len(labelled) == len(orbits):
        raise LabelError(
            f"all {len(orbits)} orbits of {series.description} have labels in {store}",
            hint="give more data",
        )
    # One by one, as the column ``drift_label`` of the catalogue is made.
    numbers = np.concatenate(
        [model.regimes.numbers(model.expectation, [each.summary]) for each in orbits]
    )
    pool = Pool(np.array([each.uncertainty for each in orbits]), numbers, labelled)
    chosen = choose_within_drifts(pool, count, np.random.default_rng(0))
    summaries = [each.summary for each in orbits]
    values = regime_values(model.expectation, summaries)
    alarms = load_alarm_model(model.expectation).alarms(summaries, season=True)
    frames, reasons = [], []
    for place, number in enumerate(chosen):
        distance = _distance(values, number, [*labelled, *chosen[:place]])
        reason = _reason(orbits, pool, number, distance) + alarm_reason(alarms, number)
        frames.append(_rows(orbits[number], drift_name(int(numbers[number])), distance, reason))
        reasons.append(f"{orbits[number].extent.name}: {reason}")
    return Proposals(pd.concat(frames, ignore_index=True)[list(FORM)], tuple(reasons))


def _distance(values: np.ndarray, number: int, others: Sequence[int]) -> float:
    """Return how far an orbit is from the nearest labelled or proposed one; NaN without any."""
    if not others:
        return float("nan")
    return float(np.sqrt(((values[list(others)] - values[number]) ** 2).sum(axis=1)).min())


def _reason(orbits: Sequence[Candidate], pool: Pool, number: int, distance: float) -> str:
    mine = pool.drifts == pool.drifts[number]
    rank = int((pool.uncertainty[mine & pool.free] > pool.uncertainty[number]).sum()) + 1
    done = sum(pool.drifts[each] == pool.drifts[number] for each in pool.labelled)
    one = orbits[number]
    parts = [
        f"entropy {one.uncertainty:.3f} bit, number {rank} of the unlabelled ones of drift "
        f"{drift_name(int(pool.drifts[number]))} ({int(mine.sum())} in the data, {done} labelled)",
        f"least sure about {to_datetime(one.worst):%Y-%m-%d %H:%M}",
    ]
    if np.isfinite(distance):
        parts.append(f"{distance:.1f} standard deviations from what is labelled or proposed")
    else:
        parts.append("nothing is labelled yet")
    return "; ".join(parts)


def alarm_reason(alarms: Alarms, number: int) -> str:
    """Return what is to be said of an orbit if it lies in a block with an alarm, else nothing.

    Parameters
    ----------
    alarms
        Of all orbits, blocks of eight from the first.
    number
        Of the orbit.
    """
    block = number // BLOCK
    if block >= len(alarms.alarms) or not alarms.alarms[block]:
        return ""
    measure = MEASURES[alarms.measures[block]].replace("_", " ")
    return f"; {measure} of the orbits around it is not what it was in this season"


def _rows(one: Candidate, drift: str, distance: float, reason: str) -> pd.DataFrame:
    """Return the rows of an orbit: one a kind of crossing, more where more are suggested."""
    rows = []
    for kind, name in enumerate(KINDS):
        found = one.found.select(one.found.kind == kind)
        spans = [
            (to_datetime(int(start)).isoformat(), to_datetime(int(end)).isoformat())
            for start, end in zip(found.start, found.end, strict=True)
        ]
        for start, end in spans or [("", "")]:
            rows.append(
                {
                    "orbit": one.extent.name,
                    "Type": name,
                    "start": "",
                    "end": "",
                    "suggested_start": start,
                    "suggested_end": end,
                    "drift": drift,
                    "entropy": round(one.uncertainty, 4),
                    "distance": round(distance, 2),
                    "reason": reason,
                }
            )
    return pd.DataFrame(rows)
