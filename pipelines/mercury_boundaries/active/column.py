"""The column ``drift_label``: what kind of orbit a crossing belongs to.

The label is a function of the orbit's own field and place, four hours around its periapsis, and of
regimes that were learnt from simulated Mercury years and come with the package. So it is the same
however the data are divided; a detector that goes from block to block would have to begin somewhere
and would name the same orbit otherwise in another run.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from pipelines.contract import digest_files
from pipelines.mercury_boundaries.active.drift import (
    SHIPPED_DRIFT,
    DriftModel,
    load_drift_model,
)
from pipelines.mercury_boundaries.active.orbits import (
    HALF,
    OrbitSummary,
    around_periapsis,
    periapses,
    summarise,
)
from pipelines.mercury_boundaries.series import MagSeries

#: Fewest measures of an orbit from which its regime can be told.
_FEWEST: Final = 6


def drift_name(regime: int) -> str:
    """Return the name of a regime: D0, D1...; ``new`` for an orbit that is unlike all."""
    return "new" if regime < 0 else f"D{regime}"


def drift_of(summary: OrbitSummary | None, model: DriftModel) -> str | None:
    """Return the label of an orbit, `None` where too little of it was measured.

    Parameters
    ----------
    summary
        Of the orbit.
    model
        With the regimes.
    """
    if summary is None or int(np.isfinite(summary.measures).sum()) < _FEWEST:
        return None
    return drift_name(int(model.regimes.numbers(model.expectation, [summary])[0]))


class DriftLabels:
    """Labels of the orbits of a series, each found once.

    Parameters
    ----------
    series
        What was measured; without position no orbit has a label.
    """

    def __init__(self, series: MagSeries) -> None:
        self._series = series
        self._times = np.array(periapses(series), dtype=np.int64)
        self._known: dict[int, str | None] = {}

    def at(self, second: int) -> str | None:
        """Return the label of the orbit whose periapsis is nearest in time to a second."""
        if len(self._times) == 0:
            return None
        nearest = int(self._times[np.abs(self._times - second).argmin()])
        if abs(nearest - second) > HALF:
            return None
        if nearest not in self._known:
            summary = summarise(around_periapsis(self._series, nearest))
            self._known[nearest] = drift_of(summary, _shipped())
        return self._known[nearest]


@lru_cache(maxsize=1)
def _shipped() -> DriftModel:
    return load_drift_model()


def drift_digest() -> str:
    """Return the SHA-256 of the parameters of drift that come with the package, hexadecimal."""
    return digest_files([SHIPPED_DRIFT])
