"""The native catalogue of boundary crossings: what is told of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.boundaries.earth import (
    EARTH_RADIUS,
    dynamic_pressure,
    jelinek2012_bow_shock,
)
from pipelines.boundaries.frames import aberrate, aberration_angle, local_time
from pipelines.boundaries.shocks import theta_bn
from pipelines.contract import NativeColumn, complete_frame, empty_frame
from pipelines.earth_boundaries.crossings import BOUNDARIES, Crossings
from pipelines.earth_boundaries.moments import FIELD, VELOCITY, MomentSeries
from pipelines.earth_boundaries.regions import UNKNOWN
from pipelines.earth_boundaries.shells import EARTH_SPEED, usual_surfaces

Values = NDArray[np.float64]

#: Minutes from a crossing between which medians on either side are taken: the ramp is left out.
SIDE = (2, 12)

#: Alpha particles to one proton in the dynamic pressure upstream; usual in the solar wind.
_ALPHAS = 0.04

_TIME, _NUMBER, _TEXT = "datetime64[us]", "float64", "str"

_MEDIANS = (
    ("field", "nT", "magnetic field strength"),
    ("density", "cm**-3", "ion density"),
    ("speed", "km/s", "ion speed"),
    ("temperature", "eV", "ion temperature"),
)

COLUMNS: tuple[NativeColumn, ...] = (
    NativeColumn("crossing_id", _TEXT, "", "Identifier: boundary, spacecraft and time, UTC"),
    NativeColumn("boundary", _TEXT, "", "bow_shock or magnetopause"),
    NativeColumn("direction", _TEXT, "", "inward or outward, as the spacecraft goes"),
    NativeColumn("spacecraft", _TEXT, "", "Spacecraft that measured, or 'simulation'"),
    NativeColumn("simulated", "bool", "", "Whether the measurements were simulated"),
    NativeColumn("instrument", _TEXT, "", "Magnetometer and ion spectrometer"),
    NativeColumn("crossing_time", _TIME, "", "Crossing, UTC"),
    NativeColumn("earliest_time", _TIME, "", "Crossing less its uncertainty, UTC"),
    NativeColumn("latest_time", _TIME, "", "Crossing plus its uncertainty, UTC"),
    NativeColumn("uncertainty", _NUMBER, "s", "Standard deviation of the time"),
    *(
        NativeColumn(f"{axis}_gse", _NUMBER, "km", f"GSE {axis.upper()} of the spacecraft")
        for axis in "xyz"
    ),
    NativeColumn("local_time", _NUMBER, "h", "Local time of the spacecraft in GSE, noon at 12"),
    NativeColumn("theta_bn", _NUMBER, "deg", "Angle of upstream field and model normal; shocks"),
    *(
        NativeColumn(f"{side}_{name}", _NUMBER, unit, f"Median {text}, {words}")
        for side, words in (
            ("upstream", "2 to 12 minutes from the crossing on the outer side"),
            ("downstream", "2 to 12 minutes from the crossing on the inner side"),
        )
        for name, unit, text in _MEDIANS
    ),
    NativeColumn("standoff", _NUMBER, "km", "Nose of the model boundary through the crossing"),
    NativeColumn("model_standoff", _NUMBER, "km", "Nose of the model for the wind at the time"),
    NativeColumn("confidence", _NUMBER, "", "Confidence of the detection, 0 to 1"),
    NativeColumn("model_name", _TEXT, "", "Detector"),
    NativeColumn("model_version", _TEXT, "", "Version of the detector"),
    NativeColumn("weights_digest", _TEXT, "", "First 12 digits of the SHA-256 of its weights"),
)


def build_frame(
    series: MomentSeries,
    crossings: Crossings,
    confidence: Values,
    regions: NDArray[np.int64],
    *,
    model: str,
    version: str,
    digest: str,
) -> pd.DataFrame:
    """Describe crossings.

    Parameters
    ----------
    series
        What they were found in.
    crossings
        Those that are wanted.
    confidence
        In each, shape (n,).
    regions
        Named region of each minute of the series, `regions.UNKNOWN` in gaps: minutes that are on
        the other side of the boundary again count for neither median.
    model, version, digest
        Name, version and weights of the detector.

    Returns
    -------
    frame
        One row a crossing in order of time, columns `COLUMNS`.
    """
    if len(crossings) == 0:
        return empty_frame(COLUMNS)
    place = _places(series, crossings)
    field = series.vectors(FIELD)
    channels = {
        "field": np.linalg.norm(field, axis=1),
        "density": series.channel("n"),
        "speed": np.linalg.norm(series.vectors(VELOCITY), axis=1),
        "temperature": series.channel("t"),
    }
    key = series.spacecraft.lower().replace(" ", "")
    rows = []
    for number in range(len(crossings)):
        edge, inward = int(crossings.edge[number]), bool(crossings.inward[number])
        name, first = BOUNDARIES[int(crossings.boundary[number])]
        outer, inner = _sides(edge, inward, regions, first)
        time = series.start.astype("datetime64[us]") + np.timedelta64(
            round(60e6 * float(crossings.time[number])), "us"
        )
        error = np.timedelta64(round(60e6 * float(crossings.uncertainty[number])), "us")
        medians = {
            f"{side}_{what}": _median(values[part])
            for side, part in (("upstream", outer), ("downstream", inner))
            for what, values in channels.items()
        }
        upstream = np.array([_median(column[outer]) for column in field.T])
        stamp = str(time.astype("datetime64[s]")).replace("-", "").replace(":", "")
        rows.append(
            {
                "crossing_id": f"{name}_{key}_{stamp}",
                "boundary": name,
                "direction": "inward" if inward else "outward",
                "crossing_time": time,
                "earliest_time": time - error,
                "latest_time": time + error,
                "uncertainty": 60.0 * float(crossings.uncertainty[number]),
                **dict(zip(("x_gse", "y_gse", "z_gse"), place[number], strict=True)),
                **medians,
                **_geometry(name, place[number] / EARTH_RADIUS, upstream, medians),
                "confidence": float(confidence[number]),
            }
        )
    return complete_frame(
        rows,
        COLUMNS,
        spacecraft=series.spacecraft,
        instrument=series.instrument,
        simulated=series.simulated,
        model_name=model,
        model_version=version,
        weights_digest=digest[:12],
    )


def _places(series: MomentSeries, crossings: Crossings) -> Values:
    """Return the position at each crossing, interpolated between the minutes beside it, km."""
    position = series.vectors(("x", "y", "z"))
    # The position of a minute is that of its middle.
    minute = np.clip(crossings.time - 0.5, 0, len(series) - 1)
    low = np.floor(minute).astype(np.int64)
    high = np.minimum(low + 1, len(series) - 1)
    share = (minute - low)[:, None]
    return np.asarray(position[low] * (1 - share) + position[high] * share)


def _sides(
    edge: int, inward: bool, regions: NDArray[np.int64], first: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the minutes near a crossing that are outside and inside of its boundary."""
    near, far = SIDE
    count = len(regions)
    before = np.arange(max(edge - far, 0), max(edge - near, 0))
    after = np.arange(min(edge + near, count), min(edge + far, count))
    outer, inner = (before, after) if inward else (after, before)
    outside = (regions[outer] != UNKNOWN) & (regions[outer] < first)
    return outer[outside], inner[regions[inner] >= first]


def _median(values: Values) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def _geometry(
    name: str, place: Values, upstream: Values, medians: dict[str, float]
) -> dict[str, Any]:
    """Return local time, theta_Bn, and both stand-off distances; NaN where something is missing.

    The wind is measured outside of a bow shock alone; magnetopauses are compared with the model of
    usual wind.
    """
    nothing = dict.fromkeys(("local_time", "theta_bn", "standoff", "model_standoff"), np.nan)
    if not np.isfinite(place).all():
        return nothing
    magnetopause, shock = usual_surfaces()
    surface = shock if name == "bow_shock" else magnetopause
    angle = float(aberration_angle(np.array(EARTH_SPEED)))
    apparent = aberrate(place, angle)
    factor = float(surface.shell_factor(apparent))
    model = surface.standoff
    found = {
        "local_time": float(local_time(place)),
        "theta_bn": np.nan,
        "standoff": EARTH_RADIUS * factor * surface.standoff,
    }
    if name == "bow_shock":
        normal = surface.normal(apparent)
        found["theta_bn"] = float(theta_bn(aberrate(upstream, angle), normal))
        pressure = dynamic_pressure(medians["upstream_density"], medians["upstream_speed"], _ALPHAS)
        model = jelinek2012_bow_shock(pressure).standoff if pressure > 0 else np.nan
    return {**found, "model_standoff": EARTH_RADIUS * model}
