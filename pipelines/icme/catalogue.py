"""The native catalogue of ejections: what is measured in each, and what the columns mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import NativeColumn, empty_frame
from pipelines.icme.detect import Detections
from pipelines.sources.ephemeris import heeq_position
from pipelines.sources.grid import bridge_gaps
from pipelines.sources.insitu import (
    CHANNELS,
    KM_PER_AU,
    POSITION,
    SAMPLES_PER_HOUR,
    InSituSeries,
)

Values = NDArray[np.float64]

_TIME, _NUMBER, _TEXT = "datetime64[us]", "float64", "str"

COLUMNS: tuple[NativeColumn, ...] = (
    NativeColumn("icme_id", _TEXT, "", "Identifier: spacecraft and start of the event, UTC"),
    NativeColumn("spacecraft", _TEXT, "", "Spacecraft that measured, or 'simulation'"),
    NativeColumn("simulated", "bool", "", "Whether the solar wind was simulated"),
    NativeColumn("instrument", _TEXT, "", "Magnetometer and plasma instrument"),
    NativeColumn("icme_start_time", _TIME, "", "Shock arrival or start of disturbed wind, UTC"),
    NativeColumn("mo_start_time", _TIME, "", "Start of the magnetic obstacle, UTC"),
    NativeColumn("icme_end_time", _TIME, "", "End of the magnetic obstacle and of the event, UTC"),
    NativeColumn("duration_h", _NUMBER, "h", "Duration of the event"),
    NativeColumn("mo_duration_h", _NUMBER, "h", "Duration of the magnetic obstacle"),
    NativeColumn("bmax", _NUMBER, "nT", "Largest magnetic field of the event"),
    NativeColumn("bmean", _NUMBER, "nT", "Mean magnetic field of the event"),
    NativeColumn("bzmin", _NUMBER, "nT", "Lowest northward field component of the event"),
    NativeColumn("bzmean", _NUMBER, "nT", "Mean northward field component of the event"),
    NativeColumn("speed_mean", _NUMBER, "km/s", "Mean proton speed of the event"),
    NativeColumn("speed_max", _NUMBER, "km/s", "Largest proton speed of the event"),
    NativeColumn(
        "expansion_speed",
        _NUMBER,
        "km/s",
        "Half the decrease of speed over the magnetic obstacle, from a straight line fitted to it",
    ),
    NativeColumn("density_mean", _NUMBER, "cm**-3", "Mean proton density of the event"),
    NativeColumn("temperature_mean", _NUMBER, "K", "Mean proton temperature of the event"),
    NativeColumn("beta_mean", _NUMBER, "", "Mean proton plasma beta of the event"),
    NativeColumn("pdyn_mean", _NUMBER, "nPa", "Mean proton dynamic pressure of the event"),
    NativeColumn("confidence", _NUMBER, "", "Confidence of the detection, 0 to 1"),
    *(
        NativeColumn(f"{axis}_{side}", _NUMBER, "km", f"{word} HEEQ {axis[0]} of the spacecraft")
        for axis in POSITION
        for side, word in (("min", "Smallest"), ("max", "Largest"))
    ),
    NativeColumn("sun_distance_min", _NUMBER, "AU", "Smallest distance from the Sun"),
    NativeColumn("sun_distance_max", _NUMBER, "AU", "Largest distance from the Sun"),
    NativeColumn("model_name", _TEXT, "", "Detector"),
    NativeColumn("model_version", _TEXT, "", "Version of the detector"),
    NativeColumn("weights_digest", _TEXT, "", "First 12 digits of the SHA-256 of its weights"),
    NativeColumn("data_coverage", _NUMBER, "", "Fraction of the event's samples that are measured"),
)


def build_frame(
    series: InSituSeries, detections: Detections, *, model: str, version: str, digest: str
) -> pd.DataFrame:
    """Measure the statistics of detected events.

    Gaps are left out of all statistics, never interpolated; a quantity that was not measured at
    all during an event is NaN.

    Parameters
    ----------
    series
        What the events were found in.
    detections
        The events.
    model, version, digest
        Name, version and weights of the detector.

    Returns
    -------
    frame
        One row an event in order of time, columns `COLUMNS`; all of them also when there is none.
    """
    if len(detections.intervals) == 0:
        return empty_frame(COLUMNS)
    channels = {name: series.channel(name) for name in CHANNELS}
    channels |= {"beta": series.beta, "pdyn": series.pdyn}
    identifiers = event_identifiers(series, detections)
    rows = []
    for number, (first, end) in enumerate(detections.intervals):
        obstacle = int(detections.obstacle[number])
        rows.append(
            {
                "icme_id": identifiers[number],
                "confidence": float(detections.confidence[number]),
                **_times(series, int(first), obstacle, int(end)),
                **_statistics(channels, int(first), max(obstacle, int(first)), int(end)),
                **_position(series, int(first), int(end)),
            }
        )
    frame = pd.DataFrame(rows).assign(
        spacecraft=series.spacecraft.name,
        simulated=series.simulated,
        instrument=series.instrument,
        model_name=model,
        model_version=version,
        weights_digest=digest[:12],
    )
    types = {column.name: column.dtype for column in COLUMNS}
    return frame[list(types)].astype(types)


def event_identifiers(series: InSituSeries, detections: Detections) -> list[str]:
    """Return identifiers that depend on nothing but the spacecraft and when the event starts.

    A number on the day, as ICMECAT has it, would depend on the other events of that day.
    """
    starts = np.datetime_as_string(series.time_of(detections.intervals[:, 0]), unit="m")
    compact = [start.replace("-", "").replace(":", "") for start in starts]
    return [f"ICME_{series.spacecraft.key}_EPNTAP_{start}" for start in compact]


def _times(series: InSituSeries, first: int, obstacle: int, end: int) -> dict[str, Any]:
    start, middle, stop = series.time_of(np.array([first, obstacle, end]))
    known = obstacle >= 0
    return {
        "icme_start_time": start,
        "mo_start_time": middle if known else np.datetime64("NaT", "us"),
        "icme_end_time": stop,
        "duration_h": (end - first) / SAMPLES_PER_HOUR,
        "mo_duration_h": (end - obstacle) / SAMPLES_PER_HOUR if known else np.nan,
    }


def _statistics(
    channels: dict[str, Values], first: int, obstacle: int, end: int
) -> dict[str, float]:
    event = {name: values[first:end] for name, values in channels.items()}
    present = ~np.isnan(np.array([event[name] for name in CHANNELS])).any(axis=0)
    return {
        "bmax": _reduce(np.max, event["bt"]),
        "bmean": _reduce(np.mean, event["bt"]),
        "bzmin": _reduce(np.min, event["bz"]),
        "bzmean": _reduce(np.mean, event["bz"]),
        "speed_mean": _reduce(np.mean, event["vt"]),
        "speed_max": _reduce(np.max, event["vt"]),
        "expansion_speed": expansion_speed(channels["vt"][obstacle:end]),
        "density_mean": _reduce(np.mean, event["np"]),
        "temperature_mean": _reduce(np.mean, event["tp"]),
        "beta_mean": _reduce(np.mean, event["beta"]),
        "pdyn_mean": _reduce(np.mean, event["pdyn"]),
        "data_coverage": float(present.mean()),
    }


def _reduce(function: Any, values: Values) -> float:
    known = values[np.isfinite(values)]
    return float(function(known)) if known.size else float("nan")


def expansion_speed(speed: Values) -> float:
    """Return half the decrease of a line fitted to the speed, km/s; NaN with under 3 samples.

    Parameters
    ----------
    speed
        Over the magnetic obstacle, km/s, NaN in gaps.
    """
    known = np.flatnonzero(np.isfinite(speed))
    if known.size < 3:
        return float("nan")
    slope = np.polyfit(known, speed[known], 1)[0]
    return float(-slope * (len(speed) - 1) / 2)


def _position(series: InSituSeries, first: int, end: int) -> dict[str, float]:
    """Return the range of positions over an event; both ends of the interval are included."""
    times = series.time_of(np.arange(first, end + 1))
    if series.has_position:
        columns = [bridge_gaps(series.channel(name))[first:end] for name in POSITION]
        place = np.column_stack(columns)
        place = place[np.isfinite(place).all(axis=1)]
    else:
        place = heeq_position(series.spacecraft, times)
    if len(place) == 0:
        place = np.full((1, 3), np.nan)
    distance = np.linalg.norm(place, axis=1) / KM_PER_AU
    ranges: dict[str, float] = {}
    for axis, values in zip(POSITION, place.T, strict=True):
        ranges |= {f"{axis}_min": float(values.min()), f"{axis}_max": float(values.max())}
    return ranges | {
        "sun_distance_min": float(distance.min()),
        "sun_distance_max": float(distance.max()),
    }
