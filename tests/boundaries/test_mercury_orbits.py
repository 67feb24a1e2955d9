"""Which orbit a crossing belongs to."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.mercury_boundaries.catalogue import orbit_name
from pipelines.mercury_boundaries.series import MagSeries

#: 2013-05-01T00:00, seconds since 1970.
START = 1_367_366_400


def orbits(hours: int, count: int = 3) -> MagSeries:
    """Orbits whose periapsides lie half a period after each begins; the first is the lowest."""
    seconds = np.arange(count * hours * 3600)
    phase = 2 * np.pi * seconds / (hours * 3600)
    distance = 10_000 + 7000 * np.cos(phase) + 10 * seconds / 3600
    position = np.column_stack([distance, np.zeros((len(seconds), 2))]).astype(np.float32)
    field = np.zeros((len(seconds), 3), np.float32)
    return MagSeries(START, field, position)


@pytest.mark.parametrize("hours", [8, 12])
@pytest.mark.parametrize("orbit", [1, 2, 3])
def test_a_crossing_belongs_to_the_periapsis_that_is_next_to_it(hours, orbit):
    series = orbits(hours)
    periapsis = (2 * orbit - 1) * hours * 1800
    expected = np.datetime64(START + periapsis, "s").astype("datetime64[m]")
    stamp = str(expected).replace("-", "").replace(":", "")
    for distance in (-5000, -600, 600, 5000):
        name = orbit_name(series, START + periapsis + distance)
        # The slow rise of the orbits moves their lowest points by some seconds.
        told = np.datetime64(f"{name[-13:-9]}-{name[-9:-7]}-{name[-7:-2]}:{name[-2:]}")
        assert abs(told - expected) <= np.timedelta64(1, "m"), (name, stamp)


def test_where_no_periapsis_was_measured_there_is_no_name():
    series = orbits(12, 1)
    half = len(series.field) // 2
    before = MagSeries(START, series.field[: half - 60], series.position[: half - 60])
    assert orbit_name(before, START + half - 3600) is None
    gap = series.position.copy()
    gap[half - 300 : half + 300] = np.nan
    assert orbit_name(MagSeries(START, series.field, gap), START + half - 3600) is None
