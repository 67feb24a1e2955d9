"""What is known of labelled orbits, in the form that rules and scores want."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.mercury_boundaries.features import Bins, bin_series
from pipelines.mercury_boundaries.labels import UNKNOWN, Classes, crossings_from_classes
from pipelines.mercury_boundaries.lists import Crossings
from pipelines.mercury_boundaries.protocol import Orbit


@dataclass(frozen=True)
class Truth:
    """What is known of an orbit, and the bins it was asked in.

    Attributes
    ----------
    bins
        Of the orbit.
    first
        Time of the first second.
    classes
        Of each second, `labels.UNKNOWN` also where nothing was measured, shape (n,).
    crossings
        Labelled intervals.
    """

    bins: Bins
    first: int
    classes: Classes
    crossings: Crossings


def truth_of(orbit: Orbit) -> Truth:
    """Return what is known of an orbit."""
    series = orbit.series
    measured = np.isfinite(series.field).all(axis=1)
    return Truth(
        bin_series(series),
        series.first,
        np.where(measured, orbit.classes, UNKNOWN).astype(np.int8),
        crossings_from_classes(orbit.classes, series.first),
    )


def join_crossings(parts: Sequence[Crossings]) -> Crossings:
    """Return the intervals of several stretches in one list."""
    return Crossings(
        np.concatenate([each.start for each in parts]),
        np.concatenate([each.end for each in parts]),
        np.concatenate([each.kind for each in parts]),
    )
