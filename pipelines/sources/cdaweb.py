"""In-situ measurements from services like NASA's CDAWeb, fetched with speasy."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pipelines.contract import Progress, silent
from pipelines.errors import NoDataError, SourceError, require
from pipelines.sources.cleaning import Cleaning
from pipelines.sources.datasets import Products, products_of
from pipelines.sources.grid import to_grid
from pipelines.sources.insitu import CADENCE, CHANNELS, POSITION, InSituSeries
from pipelines.sources.services import Samples, fetch_position, fetch_variable, tidied
from pipelines.sources.spacecraft import Spacecraft
from pipelines.sources.spikes import AROUND, FIELD_JUMPS, PLASMA_JUMPS, find_spikes

#: A request for longer than this is made in pieces, so that memory stays bounded.
_PIECE = np.timedelta64(30, "D")


def fetch_insitu(
    spacecraft: Spacecraft,
    start: np.datetime64,
    stop: np.datetime64,
    *,
    progress: Progress = silent,
) -> InSituSeries:
    """Fetch the measurements of a spacecraft and put them on the regular grid.

    Samples are sorted, spikes become gaps, and what was done is counted and told, as for files.
    The position is that of the service; where that has none the series comes without, and an
    ephemeris serves (`pipelines.sources.ranges`).

    Parameters
    ----------
    spacecraft
        One of those in ``datasets.yaml``.
    start, stop
        UTC; `stop` is not included.
    progress
        Told after each piece of a month.

    Raises
    ------
    SourceError
        If no data sets are known for the spacecraft, the service fails, or it has no data.
    MissingDependencyError
        If speasy is not installed.
    """
    products = products_of(spacecraft.name)
    if start >= stop:
        raise SourceError(f"the time span from {start} to {stop} is empty")
    speasy = require("speasy", extra="insitu")
    edges = [*np.arange(start, stop, _PIECE), stop]
    service = _NAMES[products.service]
    pieces, cleaning = [], Cleaning()
    for number, (first, last) in enumerate(itertools.pairwise(edges)):
        piece, done = _fetch_piece(speasy, products, first, last)
        pieces.append(piece)
        cleaning = cleaning.plus(done)
        progress(f"fetching {spacecraft.name} from {service}", number + 1, len(edges) - 1)
    joined = pd.concat(pieces).groupby(level=0).mean()
    known = np.flatnonzero(joined[list(CHANNELS)].notna().any(axis=1).to_numpy())
    if not known.size:
        raise NoDataError(f"{service} has no data of {spacecraft.name} from {start} to {stop}")
    joined = joined.iloc[known[0] : known[-1] + 1]
    first_bin, data = to_grid(joined.index.to_numpy(dtype="datetime64[us]"), joined)
    placed = [name for name in POSITION if data[name].notna().any()]
    missing = tuple(name for name in CHANNELS if data[name].isna().all())
    cleaning = replace(cleaning, missing=missing)
    description = f"{service} {spacecraft.name} from {start} to {stop}"
    cleaning.tell(description)
    return InSituSeries(
        spacecraft=spacecraft,
        start=first_bin,
        data=data[[*CHANNELS, *placed]],
        description=description,
        instrument=spacecraft.instruments,
        cleaning=cleaning,
    )


#: Services as people call them.
_NAMES = {"cda": "CDAWeb", "amda": "AMDA", "csa": "CSA"}


def _fetch_piece(
    speasy: Any, products: Products, start: np.datetime64, stop: np.datetime64
) -> tuple[pd.DataFrame, Cleaning]:
    """Return one row a bin of the grid; field and plasma have cadences of their own.

    A little more than asked for is fetched, so that whether a sample is a spike does not depend on
    where pieces begin and end.
    """
    low, high = start - AROUND, stop + AROUND
    field, done = tidied(fetch_variable(speasy, products.field, "bt", low, high))
    vectors = _to_rtn(field, products.field.frame)
    magnitude = np.sqrt((vectors**2).sum(axis=1))
    columns = dict(zip(("bx", "by", "bz", "bt"), [*vectors.T, magnitude], strict=True))
    spikes = find_spikes(field.times, columns, FIELD_JUMPS)
    done = done.plus(Cleaning(spikes_field=_within(field, spikes, start, stop)))
    parts = [_gridded(field, columns, spikes, start, stop)]
    for channel, product in (
        ("vt", products.speed),
        ("np", products.density),
        ("tp", products.temperature),
    ):
        samples, counted = tidied(fetch_variable(speasy, product, channel, low, high))
        columns = {channel: _length(samples)}
        spikes = find_spikes(samples.times, columns, PLASMA_JUMPS)
        counted = counted.plus(Cleaning(spikes_plasma=_within(samples, spikes, start, stop)))
        done = done.plus(counted)
        parts.append(_gridded(samples, columns, spikes, start, stop))
    # The whole grid, also where nothing was measured: so positions do not depend on the pieces.
    bins = pd.DatetimeIndex(np.arange(_bin_of(start), stop, CADENCE))
    piece = pd.concat([part.reindex(bins) for part in parts], axis=1)
    place = fetch_position(speasy, products.position, bins.to_numpy(dtype="datetime64[us]"))
    if place is None:
        place = np.full((len(bins), 3), np.nan)
    else:
        done = done.plus(Cleaning(position=", ".join(products.position.variables)))
    piece[list(POSITION)] = place
    return piece, done


def _bin_of(time: np.datetime64) -> np.datetime64:
    step = CADENCE.astype("timedelta64[us]").astype(np.int64)
    return np.datetime64(int(time.astype("datetime64[us]").astype(np.int64) // step * step), "us")


def _to_rtn(samples: Samples, frame: str) -> np.ndarray:
    """Return three components in RTN-like axes; a set without data has none of any width."""
    if samples.values.shape[1] < 3:
        return np.empty((0, 3))
    return samples.values[:, :3] * (np.array([-1.0, -1.0, 1.0]) if frame == "GSE" else 1.0)


def _length(samples: Samples) -> np.ndarray:
    """Return a number as it is, and of a vector of three its length."""
    if samples.values.shape[1] < 3:
        return samples.values[:, 0]
    return np.sqrt((samples.values[:, :3] ** 2).sum(axis=1))


def _within(samples: Samples, found: np.ndarray, start: np.datetime64, stop: np.datetime64) -> int:
    return int((found & (samples.times >= start) & (samples.times < stop)).sum())


def _gridded(
    samples: Samples,
    columns: dict[str, np.ndarray],
    spikes: np.ndarray,
    start: np.datetime64,
    stop: np.datetime64,
) -> pd.DataFrame:
    inside = (samples.times >= start) & (samples.times < stop)
    if not inside.any():
        return pd.DataFrame(columns=list(columns), dtype=float, index=pd.DatetimeIndex([]))
    values = {name: np.where(spikes, np.nan, each)[inside] for name, each in columns.items()}
    first, data = to_grid(samples.times[inside], pd.DataFrame(values))
    step = pd.Timedelta(minutes=10)
    data.index = pd.date_range(pd.Timestamp(first), periods=len(data), freq=step, unit="us")
    return data
