"""Moments and field at one minute along an orbit, in GSE: what regions and crossings are found in.

A series is a regular grid of minutes since 1970 with holes where nothing was measured.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.boundaries.earth import EARTH_RADIUS
from pipelines.contract import Span
from pipelines.errors import SourceError

Values = NDArray[np.float64]

#: Distance of two samples.
CADENCE = np.timedelta64(60, "s")

#: Field in nT, density in cm-3, velocity in km/s, temperature in eV, position in km; all in GSE.
FIELD = ("bx", "by", "bz")
VELOCITY = ("vx", "vy", "vz")
POSITION = ("x", "y", "z")
CHANNELS = (*FIELD, "n", *VELOCITY, "t", *POSITION)


@dataclass(frozen=True)
class MomentSeries:
    """Measurements of one spacecraft.

    Attributes
    ----------
    spacecraft
        Name as catalogues write it.
    instrument
        Magnetometer and ion spectrometer, joined as an EPNcore list.
    start
        Beginning of the first minute, UTC.
    data
        Columns `CHANNELS`, one row a minute, NaN in gaps.
    description
        What it is, for people.
    simulated
        Whether the measurements were simulated.
    """

    spacecraft: str
    instrument: str
    start: np.datetime64
    data: pd.DataFrame
    description: str
    simulated: bool = False

    def __len__(self) -> int:
        return len(self.data)

    @property
    def first(self) -> int:
        """Number of the first minute since 1970."""
        return int(self.start.astype("datetime64[m]").astype(np.int64))

    @property
    def time(self) -> NDArray[np.datetime64]:
        """Beginnings of the minutes, UTC, shape (n,)."""
        return self.start.astype("datetime64[us]") + np.arange(len(self)) * CADENCE

    @property
    def extent(self) -> Span:
        """From the first minute to the end of the last."""
        start = self.start.astype("datetime64[us]")
        return Span(start.item(), (start + len(self) * CADENCE).item())

    def channel(self, name: str) -> Values:
        """Return one of `CHANNELS`, shape (n,)."""
        return self.data[name].to_numpy(dtype=np.float64)

    def vectors(self, names: tuple[str, ...]) -> Values:
        """Return several channels, shape (n, len(names))."""
        return self.data[list(names)].to_numpy(dtype=np.float64)

    @property
    def radii(self) -> Values:
        """Position in Earth radii, shape (n, 3)."""
        return self.vectors(POSITION) / EARTH_RADIUS

    def within(self, span: Span) -> MomentSeries | None:
        """Return the minutes that begin within a span; ``None`` where there are none."""
        ends = np.array([np.datetime64(span.start, "us"), np.datetime64(span.stop, "us")])
        step = CADENCE.astype("timedelta64[us]")
        offset = ends - self.start.astype("datetime64[us]") + (step - np.timedelta64(1, "us"))
        low, high = np.clip(offset // step, 0, len(self))
        if low >= high:
            return None
        return MomentSeries(
            self.spacecraft,
            self.instrument,
            self.time[low],
            self.data.iloc[low:high].reset_index(drop=True),
            self.description,
            self.simulated,
        )

    def digest(self, span: Span) -> str:
        """Return the hexadecimal SHA-256 of the measurements within a span.

        Who measured is part of it, and the times and values of minutes that hold anything.
        """
        digest = hashlib.sha256()
        for word in (self.spacecraft, self.instrument, str(self.simulated)):
            digest.update(word.encode() + b"\0")
        part = self.within(span)
        if part is not None:
            known = part.data.notna().any(axis=1).to_numpy()
            digest.update(part.time[known].astype("datetime64[s]").astype("<i8").tobytes())
            values = part.data.loc[known, list(CHANNELS)].to_numpy(dtype="<f8") + 0.0
            values[np.isnan(values)] = np.nan  # not-a-number has many bit patterns
            digest.update(values.tobytes())
        return digest.hexdigest()


def joined(several: list[MomentSeries], description: str) -> MomentSeries:
    """Return the series of one spacecraft in one; of a minute that two tell, the later one counts.

    Raises
    ------
    SourceError
        If they are of several spacecraft.
    """
    names = sorted({each.spacecraft for each in several})
    if len(names) > 1:
        raise SourceError(
            f"{description} holds measurements of {', '.join(names)}",
            hint="keep those of one spacecraft in a folder",
        )
    first = min(each.first for each in several)
    length = max(each.first + len(each) for each in several) - first
    values = np.full((length, len(CHANNELS)), np.nan)
    for each in several:
        mine = each.data[list(CHANNELS)].to_numpy(dtype=np.float64)
        place = values[each.first - first :][: len(each)]
        place[:] = np.where(np.isfinite(mine), mine, place)
    return MomentSeries(
        names[0],
        several[0].instrument,
        np.datetime64(first, "m").astype("datetime64[us]"),
        pd.DataFrame(values, columns=list(CHANNELS)),
        description,
        several[0].simulated,
    )


def to_minutes(
    times: NDArray[np.datetime64], values: pd.DataFrame
) -> tuple[np.datetime64, pd.DataFrame]:
    """Average samples of any cadence over minutes.

    Parameters
    ----------
    times
        Of the samples, UTC, in any order, shape (n,), n > 0.
    values
        One row a sample, NaN where a value is missing.

    Returns
    -------
    start
        Beginning of the first minute.
    gridded
        One row a minute, NaN where there is none.
    """
    minutes = times.astype("datetime64[us]").astype(np.int64) // 60_000_000
    lowest = int(minutes.min())
    number = minutes - lowest
    gridded = values.groupby(number).mean().reindex(np.arange(int(number.max()) + 1))
    return np.datetime64(lowest, "m").astype("datetime64[us]"), gridded.reset_index(drop=True)
