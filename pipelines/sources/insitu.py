"""A series of solar-wind measurements on a regular grid: what all in-situ pipelines read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import SourceError
from pipelines.sources.cleaning import Cleaning
from pipelines.sources.plasma import dynamic_pressure, plasma_beta, temperature_ratio
from pipelines.sources.spacecraft import Spacecraft

if TYPE_CHECKING:
    import pandas as pd

#: Grid of the ICME detectors of Rüdisser et al. (2022, Space Weather 20, e2022SW003149).
CADENCE = np.timedelta64(600, "s")
SAMPLES_PER_HOUR = 6

#: Measured channels and their units; all that a file has to bring.
CHANNELS: dict[str, str] = {
    "bx": "nT",
    "by": "nT",
    "bz": "nT",
    "bt": "nT",
    "vt": "km/s",
    "np": "cm-3",
    "tp": "K",
}

#: Optional position of the spacecraft in HEEQ, km.
POSITION = ("x_heeq", "y_heeq", "z_heeq")

KM_PER_AU = 149_597_870.7


@dataclass(frozen=True)
class InSituSeries:
    """Measurements of one spacecraft on a regular grid of `CADENCE`.

    Attributes
    ----------
    spacecraft
        Who measured.
    start
        Time of the first sample, UTC, a multiple of the cadence; samples are bin starts.
    data
        One row a sample, columns `CHANNELS` (NaN where there is none) and, when the source
        gives them, `POSITION` in km.
    description
        What the series is, for people: a file's name, a query to a service, a simulation.
    instrument
        Instruments, or model and version for a simulation.
    simulated
        Whether the values were computed rather than measured.
    cleaning
        What was done to the measurements before.
    """

    spacecraft: Spacecraft
    start: np.datetime64
    data: pd.DataFrame
    description: str
    instrument: str
    simulated: bool = False
    cleaning: Cleaning = field(default_factory=Cleaning)

    def __len__(self) -> int:
        return len(self.data)

    @property
    def time(self) -> NDArray[np.datetime64]:
        """Times of the samples, UTC, ``datetime64[us]``, shape (n,)."""
        return self.time_of(np.arange(len(self)))

    def time_of(self, index: NDArray[np.int64]) -> NDArray[np.datetime64]:
        """Return the times of samples by their numbers; numbers beyond the end are allowed."""
        elapsed = index * CADENCE.astype("timedelta64[us]")
        return np.asarray(self.start.astype("datetime64[us]") + elapsed)

    def index_of(self, time: NDArray[np.datetime64]) -> NDArray[np.int64]:
        """Return the number of the sample whose bin holds each time; it may lie outside."""
        elapsed = np.asarray(time, "datetime64[us]") - self.start.astype("datetime64[us]")
        return np.asarray(elapsed // CADENCE.astype("timedelta64[us]"), dtype=np.int64)

    def channel(self, name: str) -> NDArray[np.float64]:
        """Return one column, shape (n,), NaN in gaps."""
        return self.data[name].to_numpy(dtype=np.float64)

    @property
    def beta(self) -> NDArray[np.float64]:
        """Proton plasma beta, shape (n,)."""
        return plasma_beta(self.channel("np"), self.channel("tp"), self.channel("bt"))

    @property
    def pdyn(self) -> NDArray[np.float64]:
        """Dynamic pressure, nPa, shape (n,)."""
        return dynamic_pressure(self.channel("np"), self.channel("vt"))

    @property
    def texrat(self) -> NDArray[np.float64]:
        """Proton temperature over the expected one, shape (n,)."""
        return temperature_ratio(self.channel("tp"), self.channel("vt"))

    @property
    def has_position(self) -> bool:
        """Whether the source brought the spacecraft's position."""
        return set(POSITION).issubset(self.data.columns)

    def sha256(self) -> str:
        """Return the hexadecimal digest of times and values: equal data, equal digest."""
        digest = hashlib.sha256(str(self.start.astype("datetime64[s]")).encode())
        for name in self.data.columns:
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.channel(name), dtype="<f8").tobytes())
        return digest.hexdigest()

    def between(self, first: np.datetime64, last: np.datetime64) -> InSituSeries:
        """Return the samples with first <= time < last.

        Raises
        ------
        SourceError
            If there is none.
        """
        low, high = np.clip(self.index_of(np.array([first, last])), 0, len(self))
        if low >= high:
            raise SourceError(f"{self.description} has no sample between {first} and {last}")
        data = self.data.iloc[low:high].reset_index(drop=True)
        return replace(self, start=self.time_of(np.array([low]))[0], data=data)
