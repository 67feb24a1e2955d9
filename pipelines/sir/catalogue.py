"""The native catalogue of stream interaction regions: what is measured in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import NativeColumn, complete_frame, empty_frame
from pipelines.signals.rolling import rolling_moments
from pipelines.sir.detect import Regions
from pipelines.sir.streams import (
    carrington,
    hourly_mean,
    next_starts,
    recurrence_group,
    returns_of,
    stream_end,
    total_pressure,
)
from pipelines.sources.insitu import CHANNELS, SAMPLES_PER_HOUR, InSituSeries
from pipelines.sources.ranges import POSITION_COLUMNS, position_ranges, reduce_known

Values = NDArray[np.float64]

_TIME, _NUMBER, _TEXT = "datetime64[us]", "float64", "str"

COLUMNS: tuple[NativeColumn, ...] = (
    NativeColumn("sir_id", _TEXT, "", "Identifier: spacecraft and start of the region, UTC"),
    NativeColumn("recurrence_group", _TEXT, "", "Shared by regions of one stream over rotations"),
    NativeColumn("recurrence_of", _TEXT, "", "Region that came one rotation earlier, if one did"),
    NativeColumn("spacecraft", _TEXT, "", "Spacecraft that measured, or 'simulation'"),
    NativeColumn("simulated", "bool", "", "Whether the solar wind was simulated"),
    NativeColumn("instrument", _TEXT, "", "Magnetometer and plasma instrument"),
    NativeColumn("sir_start_time", _TIME, "", "Start of the compression, UTC"),
    NativeColumn("interface_time", _TIME, "", "Stream interface, UTC"),
    NativeColumn("sir_end_time", _TIME, "", "End of the compression, UTC"),
    NativeColumn("hss_end_time", _TIME, "", "End of the high-speed stream that follows, UTC"),
    NativeColumn("duration_h", _NUMBER, "h", "Duration of the region"),
    NativeColumn("speed_min", _NUMBER, "km/s", "Lowest speed before the interface, 1-hour means"),
    NativeColumn("speed_max", _NUMBER, "km/s", "Largest speed of the stream, 1-hour means"),
    NativeColumn("bmax", _NUMBER, "nT", "Largest magnetic field of the region"),
    NativeColumn("bmean", _NUMBER, "nT", "Mean magnetic field of the region"),
    NativeColumn("density_max", _NUMBER, "cm**-3", "Largest proton density of the region"),
    NativeColumn("temperature_max", _NUMBER, "K", "Largest proton temperature of the region"),
    NativeColumn("ptot_max", _NUMBER, "nPa", "Largest magnetic plus thermal pressure"),
    NativeColumn("pdyn_max", _NUMBER, "nPa", "Largest proton dynamic pressure"),
    NativeColumn("carrington_rotation", _NUMBER, "", "Carrington rotation at the interface"),
    NativeColumn("carrington_longitude", _NUMBER, "deg", "Carrington longitude at the interface"),
    NativeColumn("confidence", _NUMBER, "", "Confidence of the detection, 0 to 1"),
    *POSITION_COLUMNS,
    NativeColumn("model_name", _TEXT, "", "Detector"),
    NativeColumn("model_version", _TEXT, "", "Version of the detector"),
    NativeColumn("weights_digest", _TEXT, "", "First 12 digits of the SHA-256 of its weights"),
    NativeColumn(
        "data_coverage", _NUMBER, "", "Fraction of the region's samples that are measured"
    ),
)


def build_frame(
    series: InSituSeries,
    regions: Regions,
    wanted: NDArray[np.bool_],
    *,
    model: str,
    version: str,
    digest: str,
) -> pd.DataFrame:
    """Measure the statistics of detected regions; gaps are left out of them.

    Parameters
    ----------
    series
        What the regions were found in.
    regions
        All that were found.
    wanted
        Which of them are to be described, shape (n,); the others tell where a stream ends and
        whether it returned.
    model, version, digest
        Name, version and weights of the detector.

    Returns
    -------
    frame
        One row a wanted region in order of time, columns `COLUMNS`.
    """
    if not wanted.any():
        return empty_frame(COLUMNS)
    channels = {name: series.channel(name) for name in CHANNELS}
    channels |= {"pdyn": series.pdyn, "hour": rolling_moments(channels["vt"], 7)[0]}
    channels["six_hours"] = hourly_mean(channels["vt"], 6)
    channels["ptot"] = total_pressure(channels["np"], channels["tp"], channels["bt"])
    starts = np.datetime_as_string(series.time_of(regions.intervals[:, 0]), unit="m")
    key = series.spacecraft.key
    names = [f"SIR_{key}_EPNTAP_{each.replace('-', '').replace(':', '')}" for each in starts]
    earlier = returns_of(series.time_of(regions.interface), wanted)
    following = next_starts(regions.intervals, len(series))
    rows = []
    for number, before in zip(np.flatnonzero(wanted), earlier, strict=True):
        first, end = (int(each) for each in regions.intervals[number])
        interface = int(regions.interface[number])
        stop = stream_end(
            channels["six_hours"], first, interface, end, max(int(following[number]), end)
        )
        place = position_ranges(series, first, end)
        rows.append(
            {
                "sir_id": names[number],
                "recurrence_of": names[before] if before >= 0 else None,
                "confidence": float(regions.confidence[number]),
                **_times(series, first, interface, end, stop),
                **_statistics(channels, first, interface, end, stop),
                **_rotation(series, key, interface, place),
                **place,
            }
        )
    return complete_frame(
        rows,
        COLUMNS,
        spacecraft=series.spacecraft.name,
        simulated=series.simulated,
        instrument=series.instrument,
        model_name=model,
        model_version=version,
        weights_digest=digest[:12],
    )


def _times(series: InSituSeries, first: int, interface: int, end: int, stop: int) -> dict[str, Any]:
    start, middle, last, stream = series.time_of(np.array([first, interface, end, stop]))
    return {
        "sir_start_time": start,
        "interface_time": middle,
        "sir_end_time": last,
        "hss_end_time": stream,
        "duration_h": (end - first) / SAMPLES_PER_HOUR,
    }


def _statistics(
    channels: dict[str, Values], first: int, interface: int, end: int, stop: int
) -> dict[str, float]:
    region = {name: values[first:end] for name, values in channels.items()}
    present = ~np.isnan(np.array([region[name] for name in CHANNELS])).any(axis=0)
    return {
        "speed_min": reduce_known(np.min, channels["hour"][first : max(interface, first + 1)]),
        "speed_max": reduce_known(np.max, channels["hour"][interface:stop]),
        "bmax": reduce_known(np.max, region["bt"]),
        "bmean": reduce_known(np.mean, region["bt"]),
        "density_max": reduce_known(np.max, region["np"]),
        "temperature_max": reduce_known(np.max, region["tp"]),
        "ptot_max": reduce_known(np.max, region["ptot"]),
        "pdyn_max": reduce_known(np.max, region["pdyn"]),
        "data_coverage": float(present.mean()),
    }


def _rotation(
    series: InSituSeries, key: str, interface: int, place: dict[str, float]
) -> dict[str, Any]:
    """Return the Carrington rotation and longitude below the spacecraft, and the group."""
    x, y = (0.5 * (place[f"{axis}_heeq_min"] + place[f"{axis}_heeq_max"]) for axis in "xy")
    longitude = np.degrees(np.arctan2([y], [x]))
    rotation, below = carrington(series.time_of(np.array([interface])), longitude)
    known = bool(np.isfinite(below[0]))
    return {
        "carrington_rotation": float(rotation[0]) if known else np.nan,
        "carrington_longitude": float(below[0]),
        "recurrence_group": recurrence_group(key, int(rotation[0]), float(below[0]))
        if known
        else None,
    }
