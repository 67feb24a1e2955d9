"""Variables of services as speasy delivers them: fetched, in our units, in order, in HEEQ.

This is the boundary to speasy: everything that is known of its objects is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import SourceError
from pipelines.sources.cleaning import Cleaning
from pipelines.sources.datasets import PositionProduct, Product
from pipelines.sources.ephemeris import to_heeq
from pipelines.sources.insitu import KM_PER_AU
from pipelines.sources.units import is_unit, parse_unit, to_own_unit

Values = NDArray[np.float64]

#: Positions are fetched with so much on either side, since some sets have one a day.
_POSITION_MARGIN = np.timedelta64(2, "D")

#: Positions are not interpolated over more than this.
_LONGEST_POSITION_GAP = np.timedelta64(3, "D")

#: Distances from the Sun that a position can have, AU: PSP's perihelion to Ulysses' aphelion.
_DISTANCES = (0.04, 6.0)


@dataclass(frozen=True)
class Samples:
    """A variable.

    Attributes
    ----------
    times
        UTC, shape (n,).
    values
        Shape (n, k), NaN where filled.
    """

    times: NDArray[np.datetime64]
    values: Values


def fetch_variable(
    speasy: Any, product: Product, channel: str, start: np.datetime64, stop: np.datetime64
) -> Samples:
    """Fetch a variable in the unit of a channel.

    Parameters
    ----------
    speasy
        The module.
    product
        Which variable; its unit counts when the variable states none that is understood.
    channel
        Whose unit is wanted; ``bt`` for all of the field.
    start, stop
        UTC.

    Raises
    ------
    SourceError
        If the service fails, or the variable is something else than the channel.
    """
    samples, unit = _fetch(speasy, product.variable, start, stop)
    used = unit if unit and is_unit(unit) else product.unit
    try:
        return Samples(samples.times, to_own_unit(channel, samples.values, used))
    except SourceError as error:
        raise SourceError(f"{product.variable}: {error}") from error


def fetch_position(
    speasy: Any, product: PositionProduct, times: NDArray[np.datetime64]
) -> Values | None:
    """Fetch the position of a spacecraft and interpolate it.

    Parameters
    ----------
    speasy
        The module.
    product
        Which variables.
    times
        Ascending, UTC, shape (n,).

    Returns
    -------
    position
        HEEQ, km, shape (n, 3), NaN in gaps of days; `None` when the service has none.

    Raises
    ------
    SourceError
        If the service fails, or what it delivers is no place in the heliosphere.
    """
    if not times.size:
        return None
    start, stop = times[0] - _POSITION_MARGIN, times[-1] + _POSITION_MARGIN
    parts = []
    for variable, unit in zip(product.variables, product.units, strict=True):
        samples, stated = _fetch(speasy, variable, start, stop)
        if not samples.times.size:
            return None
        scale = _scale(stated, unit)
        samples, _ = tidied(Samples(samples.times, samples.values * scale))
        parts.append(samples)
    at = parts[0].times
    if any(not np.array_equal(part.times, at) for part in parts[1:]):
        raise SourceError(f"{', '.join(product.variables)} have not the same times")
    heeq = to_heeq(np.column_stack([part.values for part in parts])[:, :3], product.frame, at)
    known = np.isfinite(heeq).all(axis=1)
    if not known.any():
        return None
    distance = float(np.median(np.linalg.norm(heeq[known], axis=1))) / KM_PER_AU
    if not _DISTANCES[0] < distance < _DISTANCES[1]:
        raise SourceError(
            f"{', '.join(product.variables)} puts the spacecraft {distance:.3g} AU from the Sun",
            hint="has the data set changed its unit or axes? See pipelines/sources/datasets.yaml",
        )
    return _interpolated(at[known], heeq[known], times)


def tidied(samples: Samples) -> tuple[Samples, Cleaning]:
    """Return samples in order of time, without repetitions, and what was done.

    Samples that contradict one another stay: a service cannot be mended by whoever asks it, so
    the mean over their bin is used, and they are counted.
    """
    order = np.argsort(samples.times, kind="stable")
    times, values = samples.times[order], samples.values[order]
    same = np.flatnonzero(times[1:] == times[:-1]) + 1
    one, other = values[same - 1], values[same]
    equal = ((one == other) | (np.isnan(one) & np.isnan(other))).all(axis=1)
    kept = np.delete(np.arange(len(times)), same[equal])
    done = Cleaning(
        samples=len(times),
        unordered=int((np.diff(samples.times) < np.timedelta64(0)).sum()),
        repeated=int(equal.sum()),
        contradicting=int((~equal).sum()),
    )
    return Samples(times[kept], values[kept]), done


def _fetch(
    speasy: Any, variable: str, start: np.datetime64, stop: np.datetime64
) -> tuple[Samples, str]:
    """Return times, values with NaN where filled, and the unit that the variable states."""
    try:
        found = speasy.get_data(variable, str(start), str(stop))
    except Exception as error:
        # Anything may come out of a remote service and its client: a network failure, a data set
        # that was renamed, a reply that is no CDF. All of them are news to the user.
        raise SourceError(
            f"{variable} was not delivered from {start} to {stop}: {error}",
            hint="is there a network, and does the service still have this data set?",
        ) from error
    if found is None or len(found.time) == 0:
        return Samples(np.empty(0, dtype="datetime64[us]"), np.empty((0, 1))), ""
    cleaned = found.replace_fillval_by_nan(inplace=False, convert_to_float=True)
    values = np.asarray(cleaned.values, dtype=np.float64).reshape(len(cleaned.time), -1)
    values[np.abs(values) >= 1e30] = np.nan
    times = np.asarray(cleaned.time).astype("datetime64[us]")
    return Samples(times, values), str(getattr(found, "unit", None) or "")


def _scale(stated: str, otherwise: str) -> float:
    """Return the factor from the unit of a coordinate to km, or to degrees."""
    from astropy import units

    unit = parse_unit(stated if stated and is_unit(stated) else otherwise)
    wanted = units.deg if unit.is_equivalent(units.deg) else units.km
    try:
        return float(unit.to(wanted))
    except units.UnitConversionError as error:
        raise SourceError(f"a position cannot be in {unit}") from error


def _interpolated(
    at: NDArray[np.datetime64], places: Values, times: NDArray[np.datetime64]
) -> Values:
    seconds, wanted = (each.astype("datetime64[us]").astype(np.int64) / 1e6 for each in (at, times))
    found = np.column_stack([np.interp(wanted, seconds, axis) for axis in places.T])
    after = np.clip(np.searchsorted(at, times), 1, max(len(at) - 1, 1))
    near = np.minimum(
        np.abs(times - at[after - 1]), np.abs(times - at[np.minimum(after, len(at) - 1)])
    )
    found[near > _LONGEST_POSITION_GAP / 2] = np.nan
    return found
