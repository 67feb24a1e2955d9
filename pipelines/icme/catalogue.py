"""The native catalogue of ejections: what is measured in each, and what the columns mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import NativeColumn, empty_frame
from pipelines.icme.decide import Detections
from pipelines.icme.icmecat import MATCH_COLUMNS, Icmecat, match
from pipelines.icme.statistics import ICMECAT_COLUMNS, icmecat_statistics
from pipelines.sources.insitu import CHANNELS, SAMPLES_PER_HOUR, InSituSeries
from pipelines.sources.ranges import POSITION_COLUMNS, position_ranges, reduce_known

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
    *POSITION_COLUMNS,
    *MATCH_COLUMNS,
    *ICMECAT_COLUMNS,
    NativeColumn("model_name", _TEXT, "", "Detector"),
    NativeColumn("model_version", _TEXT, "", "Version of the detector"),
    NativeColumn("weights_digest", _TEXT, "", "First 12 digits of the SHA-256 of its weights"),
    NativeColumn("data_coverage", _NUMBER, "", "Fraction of the event's samples that are measured"),
)


def build_frame(
    series: InSituSeries,
    detections: Detections,
    *,
    model: str,
    version: str,
    digest: str,
    icmecat: Icmecat | None = None,
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
    icmecat
        The list of which events are named that overlap those detected; none when not given.

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
                **icmecat_statistics(series, channels, int(first), obstacle, int(end)),
                **position_ranges(series, int(first), int(end)),
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
    listed = icmecat.of(series.spacecraft.name) if icmecat else pd.DataFrame()
    frame = frame.assign(**match(frame, listed))
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
        "bmax": reduce_known(np.max, event["bt"]),
        "bmean": reduce_known(np.mean, event["bt"]),
        "bzmin": reduce_known(np.min, event["bz"]),
        "bzmean": reduce_known(np.mean, event["bz"]),
        "speed_mean": reduce_known(np.mean, event["vt"]),
        "speed_max": reduce_known(np.max, event["vt"]),
        "expansion_speed": expansion_speed(channels["vt"][obstacle:end]),
        "density_mean": reduce_known(np.mean, event["np"]),
        "temperature_mean": reduce_known(np.mean, event["tp"]),
        "beta_mean": reduce_known(np.mean, event["beta"]),
        "pdyn_mean": reduce_known(np.mean, event["pdyn"]),
        "data_coverage": float(present.mean()),
    }


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
