"""A small pipeline: the times at which an hourly series exceeds a threshold.

Sources are CSV files ``time,value``, or ``series:START/STOP/SEED``: hourly values that are a
function of the hour and the seed, so that every part of the series is the same whoever asks.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epntap.errors import UserError

HOUR = np.timedelta64(1, "h")

#: An event that lasts longer is cut off.
LONGEST = timedelta(days=2)


@dataclass(frozen=True)
class Span:
    start: datetime
    stop: datetime


@dataclass(frozen=True)
class Series:
    """Hourly values; a span source.

    Attributes
    ----------
    description
        What it is.
    time, value
        Samples in order of time, ``datetime64[h]`` and float.
    """

    description: str
    time: np.ndarray
    value: np.ndarray

    @property
    def extent(self) -> Span:
        if not len(self.time):
            raise UserError(f"{self.description}: no data")
        first, last = self.time[[0, -1]].astype("datetime64[s]").tolist()
        return Span(first, last + timedelta(hours=1))

    def within(self, span: Span) -> Series:
        low, high = np.searchsorted(
            self.time.astype("datetime64[us]"),
            [np.datetime64(span.start, "us"), np.datetime64(span.stop, "us")],
        )
        return Series(self.description, self.time[low:high], self.value[low:high])

    def digest(self, span: Span) -> str:
        part = self.within(span)
        digest = hashlib.sha256(part.time.astype("<i8").tobytes())
        digest.update(part.value.astype("<f8").tobytes())
        return digest.hexdigest()


def hourly(start: np.datetime64, stop: np.datetime64, seed: int) -> Series:
    """Return a series whose value at an hour depends on that hour and the seed alone."""
    time_ = np.arange(start.astype("datetime64[h]"), stop.astype("datetime64[h]"), HOUR)
    hours = time_.astype(np.int64)
    value = np.zeros(len(hours))
    for period, weight in ((17.0, 1.0), (61.0, 1.5), (389.0, 1.0)):
        value += weight * np.sin(2 * np.pi * hours / period + seed * period)
    # A hash of the hour, as a noise that does not depend on where one begins.
    noise = ((hours * 2654435761 + seed * 40503) % 2**32) / 2**32
    return Series(f"series of seed {seed}", time_, value + noise)


def read(source: str) -> Series:
    if source.startswith("series:"):
        start, stop, seed = source.removeprefix("series:").split("/")
        return hourly(np.datetime64(start), np.datetime64(stop), int(seed))
    if not Path(source).is_file():
        raise UserError(f"{source}: there is no such file")
    frame = pd.read_csv(source)
    times = pd.to_datetime(frame["time"]).to_numpy().astype("datetime64[h]")
    return Series(Path(source).name, times, frame["value"].to_numpy(dtype=float))


@dataclass(frozen=True)
class Provenance:
    """As `pipelines.contract.Provenance`."""

    pipeline: str
    version: str
    weights_sha256: str
    source: str
    source_sha256: str
    time_min: str
    time_max: str
    parameters: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class Found:
    """As `pipelines.contract.Catalogue`."""

    frame: pd.DataFrame
    units: Mapping[str, str]
    provenance: Provenance


def read_weights(path: str | None) -> tuple[float, str]:
    """Return the threshold and the digest of the file that it stands in."""
    if path is None:
        return 2.2, ""
    try:
        content = Path(path).read_bytes()
        return float(json.loads(content)["threshold"]), hashlib.sha256(content).hexdigest()
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"weights {Path(path).name} cannot be used: {error}") from error


def detect(series: Series, span: Span | None, threshold: float, margin: timedelta) -> pd.DataFrame:
    """Find the events that begin within a span."""
    above = series.value > threshold
    after_gap = np.diff(series.time, prepend=series.time[:1] - HOUR) != HOUR
    begins = np.flatnonzero(above & (~np.roll(above, 1) | after_gap | (np.arange(len(above)) == 0)))
    rows = []
    for first in begins:
        end = first
        longest = series.time[first] + np.timedelta64(margin)
        while (
            end + 1 < len(above)
            and above[end + 1]
            and not after_gap[end + 1]
            and series.time[end + 1] < longest
        ):
            end += 1
        start = series.time[first].astype("datetime64[s]").item()
        if span is not None and not span.start <= start < span.stop:
            continue
        rows.append(
            {
                "id": f"crossing_{start:%Y%m%dT%H}",
                "start": series.time[first].astype("datetime64[us]"),
                "stop": (series.time[end] + HOUR).astype("datetime64[us]"),
                "peak": float(series.value[first : end + 1].max()),
                "mean": float(series.value[first : end + 1].mean()),
            }
        )
    types = {
        "id": "str", "start": "datetime64[us]", "stop": "datetime64[us]", "peak": float,
        "mean": float,
    }  # fmt: skip
    return pd.DataFrame(rows, columns=list(types)).astype(types)


class Crossings:
    """Finds the times at which a series exceeds a threshold."""

    name = "crossings"
    title = "Threshold crossings of a series"
    version = "1.0"
    #: An event is followed for so long, and the hour before its begin has to be known.
    margin = LONGEST + timedelta(hours=1)

    def open(self, source, *, span=None, weights=None, pause=0.0, journal=None, progress=None):
        return read(str(source))

    def state(self, *, weights=None, pause=0.0, journal=None) -> str:
        threshold, digest = read_weights(weights)
        return hashlib.sha256(f"{threshold} {digest}".encode()).hexdigest()

    def run(
        self, source, *, span=None, weights=None, pause=0.0, journal=None, progress=None
    ) -> Found:
        series = source if isinstance(source, Series) else read(str(source))
        threshold, digest = read_weights(weights)
        if journal is not None:
            # One line for each time that a span is computed, whoever does it.
            with Path(journal).open("a", encoding="utf-8") as file:
                file.write(f"{os.getpid()} {span.start if span else 'all'}\n")
        time.sleep(pause)
        whole = series.extent if len(series.time) else span
        near = series
        if span is not None:
            near = series.within(Span(span.start - self.margin, span.stop + self.margin))
        provenance = Provenance(
            pipeline=self.name,
            version=self.version,
            weights_sha256=digest,
            source=series.description,
            source_sha256=near.digest(Span(datetime.min, datetime.max)),
            time_min=(span or whole).start.isoformat(),
            time_max=(span or whole).stop.isoformat(),
            parameters={"threshold": threshold},
        )
        frame = detect(near, span, threshold, LONGEST)
        return Found(frame, {}, provenance)

    def simulate(self, *, seed, progress):
        return hourly(np.datetime64("2024-01-01"), np.datetime64("2025-01-01"), seed)

    def train(self, inputs, labels, output, *, seed, progress):
        raise UserError("there is nothing to train")

    def evaluate(self, source, labels, *, weights=None, progress=None) -> Mapping[str, Any]:
        """Score the begins that are found against those of a CSV file with a column ``start``."""
        found = set(self.run(source, weights=weights).frame["id"])
        known = set(pd.read_csv(labels)["id"])
        true = len(found & known)
        return {"f1_any": 2 * true / max(1, len(found) + len(known)), "events": len(found)}


class Whole:
    """The same for all of a source at once, without any talk of spans."""

    name = "whole"
    title = "Threshold crossings of a whole series"
    version = "1.0"

    def run(self, source, *, weights=None, progress=None) -> Found:
        return Crossings().run(source, weights=weights)


pipeline = Crossings()
whole = Whole()
