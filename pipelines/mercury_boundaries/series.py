"""MESSENGER's magnetometer data on a grid of one second, in MSO."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pipelines.boundaries.frames import (
    USUAL_WIND,
    aberrate,
    aberration_angle,
    mercury_orbit,
    mso_to_msm,
)
from pipelines.boundaries.mercury import MERCURY_RADIUS
from pipelines.contract import Span

Field = NDArray[np.float32]
Values = NDArray[np.float64]

#: nT. Nothing near Mercury is stronger: 450 nT are measured at the lowest points of the orbit.
STRONGEST = 1500.0


@dataclass(frozen=True)
class MagSeries:
    """Magnetic field along an orbit.

    Attributes
    ----------
    first
        Time of the first sample, whole seconds since 1970, UTC.
    field
        MSO, nT, shape (n, 3), NaN in gaps.
    position
        MSO, km, shape (n, 3), NaN in gaps; `None` when unknown.
    spacecraft, instrument
        Who measured with what.
    simulated
        Whether nature had no part in it.
    description
        What the data are, for people.
    """

    first: int
    field: Field
    position: Field | None
    spacecraft: str = "MESSENGER"
    instrument: str = "MAG"
    simulated: bool = False
    description: str = ""

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.field)

    @property
    def extent(self) -> Span:
        """From the first sample to the end of the last."""
        return Span(to_datetime(self.first), to_datetime(self.first + len(self)))

    @property
    def time(self) -> NDArray[np.datetime64]:
        """Times of the samples, shape (n,)."""
        return (self.first + np.arange(len(self))).astype("datetime64[s]")

    def between(self, first: int, last: int) -> MagSeries:
        """Return the samples from `first` to before `last`, seconds since 1970."""
        low, high = np.clip(np.array([first, last]) - self.first, 0, len(self))
        high = max(low, high)
        return MagSeries(
            self.first + int(low),
            self.field[low:high],
            None if self.position is None else self.position[low:high],
            self.spacecraft,
            self.instrument,
            self.simulated,
            self.description,
        )

    def without_position(self) -> MagSeries:
        """Return the same series with the position forgotten."""
        return MagSeries(
            self.first,
            self.field,
            None,
            self.spacecraft,
            self.instrument,
            self.simulated,
            self.description,
        )

    def digest(self, span: Span) -> str:
        """Return the hexadecimal SHA-256 of the measurements within a span.

        Gaps are no part of it, nor where the series begins and ends.
        """
        part = self.between(to_seconds(span.start), to_seconds(span.stop))
        known = np.isfinite(part.field).all(axis=1)
        digest = hashlib.sha256(f"{self.spacecraft}\0{self.instrument}\0{self.simulated}".encode())
        digest.update((part.first + np.flatnonzero(known)).astype("<i8").tobytes())
        digest.update((part.field[known] + np.float32(0)).astype("<f4").tobytes())
        if part.position is not None:
            places = np.nan_to_num(part.position[known], nan=-9e9)
            digest.update(places.astype("<f4").tobytes())
        return digest.hexdigest()


def to_seconds(time: datetime) -> int:
    """Return a time as whole seconds since 1970, rounded up."""
    return -int(-(np.datetime64(time, "us").astype(np.int64)) // 1_000_000)


def to_datetime(seconds: int) -> datetime:
    """Return whole seconds since 1970 as a time."""
    plain: datetime = np.datetime64(int(seconds), "s").astype("datetime64[us]").item()
    return plain


def apparent_angle(seconds: NDArray[np.int64]) -> Values:
    """Return the angle of aberration in usual wind, radians.

    The lists and orbits of other authors are aberrated by the whole orbital speed over 400 km/s, so
    this is done here too; the part of it across the direction to the Sun differs by 2 per cent.

    Parameters
    ----------
    seconds
        Since 1970, shape (n,).
    """
    return aberration_angle(mercury_orbit(seconds.astype("datetime64[s]")).speed, USUAL_WIND)


def aberrated_msm(series: MagSeries) -> tuple[Values, Values]:
    """Return field in nT and position in Mercury radii, both in aberrated MSM, shape (n, 3) each.

    Raises
    ------
    ValueError
        If the position is unknown.
    """
    if series.position is None:
        raise ValueError("a series without position has no place in MSM")
    angle = slow_angle(series)
    place = aberrate(mso_to_msm(series.position) / MERCURY_RADIUS, angle)
    return aberrate(series.field, angle), place


def slow_angle(series: MagSeries) -> Values:
    """Return the angle of aberration at each sample, that of the hour it lies in, shape (n,).

    It changes by hundredths of a degree in an hour; by the clock, so that a sample has the same
    angle in whatever excerpt it stands.
    """
    hours = (series.first + np.arange(len(series))) // 3600
    distinct, inverse = np.unique(hours, return_inverse=True)
    return np.asarray(apparent_angle(distinct * 3600 + 1800)[inverse])
