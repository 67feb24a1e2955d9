"""In-situ data that are worked on span by span: held in memory, or fetched when asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Span
from pipelines.sources.insitu import CADENCE, CHANNELS, POSITION, InSituSeries


def to_datetime64(time: datetime) -> np.datetime64:
    """Return a time as numpy has it."""
    return np.datetime64(time, "us")


def to_datetime(time: np.datetime64) -> datetime:
    """Return a time as the standard library has it, to the microsecond."""
    plain: datetime = time.astype("datetime64[us]").item()
    return plain


def with_margin(span: Span, margin: timedelta) -> Span:
    """Return a span with a margin on either side; any object with `start` and `stop` will do."""
    return Span(span.start - margin, span.stop + margin)


def on_grid(start: np.datetime64, stop: np.datetime64) -> Span:
    """Return the smallest span of whole samples that holds both times."""
    step = CADENCE.astype("timedelta64[us]").astype(np.int64)
    low = int(start.astype("datetime64[us]").astype(np.int64) // step * step)
    high = int(-(-stop.astype("datetime64[us]").astype(np.int64) // step) * step)
    return Span(to_datetime(np.datetime64(low, "us")), to_datetime(np.datetime64(high, "us")))


def extent_of(series: InSituSeries) -> Span:
    """Return the span from the first sample of a series to the end of the last."""
    ends = series.time_of(np.array([0, len(series)]))
    return Span(to_datetime(ends[0]), to_datetime(ends[1]))


def measured(series: InSituSeries) -> NDArray[np.bool_]:
    """Return which samples have a measurement of anything, shape (n,); a position is none."""
    return np.asarray(series.data[list(CHANNELS)].notna().any(axis=1).to_numpy())


def digest_within(series: InSituSeries, span: Span) -> str:
    """Return the hexadecimal SHA-256 of the measurements of a series within a span.

    Who measured is part of it, and the times and values of the samples that hold anything; gaps,
    and where the series begins and ends, are not.
    """
    first, last = (to_datetime64(each) for each in (span.start, span.stop))
    times = series.time
    inside = measured(series) & (times >= first) & (times < last)
    digest = hashlib.sha256()
    for word in (series.spacecraft.name, series.instrument, str(series.simulated)):
        digest.update(word.encode() + b"\0")
    digest.update(times[inside].astype("datetime64[s]").astype("<i8").tobytes())
    for name in sorted(series.data.columns):
        values = series.channel(name)[inside].astype("<f8")
        if name in POSITION and np.isnan(values).all():
            continue  # as if there were no such column
        values[np.isnan(values)] = np.nan  # not-a-number has many bit patterns
        digest.update(name.encode() + b"\0")
        digest.update((values + 0.0).tobytes())  # and zero has two
    return digest.hexdigest()


@dataclass(frozen=True)
class SeriesInMemory:
    """A series that was read as a whole; a `pipelines.contract.SpanSource`.

    Attributes
    ----------
    whole
        The series.
    """

    whole: InSituSeries

    @property
    def description(self) -> str:
        """What the series is."""
        return self.whole.description

    @property
    def extent(self) -> Span:
        """From its first sample to the end of its last."""
        return extent_of(self.whole)

    def digest(self, span: Span) -> str:
        """Return the digest of the measurements within a span."""
        return digest_within(self.whole, span)

    def series(self, span: Span | None = None) -> InSituSeries | None:
        """Return the samples that begin within a span, all when not given; `None` for none."""
        return self.whole if span is None else _cut(self.whole, span)


@dataclass
class SeriesOnDemand:
    """Data of a service, fetched when they are asked for; a `pipelines.contract.SpanSource`.

    What was fetched last is kept, so that a digest and the run after it fetch once.

    Attributes
    ----------
    description
        What the data are, for people.
    extent
        What was asked for.
    fetch
        Gets the samples of a span; `None` when the service has none.
    """

    description: str
    extent: Span
    fetch: Callable[[Span], InSituSeries | None]
    _known: tuple[Span, InSituSeries | None] | None = field(default=None, repr=False)

    def digest(self, span: Span) -> str:
        """Return the digest of the measurements within a span."""
        found = self.series(span)
        # Without measurements there is nothing to tell one absence from another.
        return hashlib.sha256().hexdigest() if found is None else digest_within(found, span)

    def series(self, span: Span | None = None) -> InSituSeries | None:
        """Return the samples that begin within a span, all when not given; `None` for none."""
        wanted = self.extent if span is None else clipped(span, self.extent)
        if wanted is None:
            return None
        if self._known is None or not _holds(self._known[0], wanted):
            self._known = (wanted, self.fetch(wanted))
        found = self._known[1]
        return None if found is None else _cut(found, wanted)


def clipped(span: Span, extent: Span) -> Span | None:
    """Return the part of a span that lies in another; `None` when there is none."""
    start, stop = max(span.start, extent.start), min(span.stop, extent.stop)
    return Span(start, stop) if start < stop else None


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.stop <= outer.stop


def _cut(series: InSituSeries, span: Span) -> InSituSeries | None:
    """Return the samples whose bins begin within a span."""
    step = CADENCE.astype("timedelta64[us]")
    # Rounded up: a bin that begins before the span is not in it.
    ends = np.array([to_datetime64(span.start), to_datetime64(span.stop)]) + (step - 1)
    low, high = np.clip(series.index_of(ends), 0, len(series))
    if low >= high:
        return None
    first, last = series.time_of(np.array([low, high]))
    return series.between(first, last)


def read_within(
    source: SeriesInMemory | SeriesOnDemand, span: Span | None, margin: timedelta
) -> tuple[InSituSeries | None, str]:
    """Return the samples that a run over a span needs, and the digest of the measurements.

    Parameters
    ----------
    source
        Where the samples are.
    span
        Where events may begin; everything when not given.
    margin
        Context on either side.
    """
    if span is not None:
        wanted = with_margin(span, margin)
        return source.series(wanted), source.digest(wanted)
    series = source.series()
    return series, series.sha256() if series is not None else source.digest(source.extent)


def ends_of(series: InSituSeries | None, otherwise: Span) -> tuple[datetime, datetime]:
    """Return the times of the first and last sample, or the ends of a span without samples."""
    if series is None:
        return otherwise.start, otherwise.stop
    times = series.time[[0, -1]].astype("datetime64[s]").tolist()
    return times[0], times[1]
