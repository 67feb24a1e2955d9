"""The native catalogue of boundary crossings: what is measured at each, and what the columns mean.

Everything about a crossing is a function of the samples within `CONTEXT` of it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from pipelines.boundaries.frames import aberrate, local_time, mercury_orbit
from pipelines.boundaries.mercury import (
    MERCURY_RADIUS,
    winslow2013_bow_shock,
    winslow2013_magnetopause,
)
from pipelines.boundaries.shocks import theta_bn
from pipelines.contract import NativeColumn, complete_frame, empty_frame
from pipelines.mercury_boundaries.active.column import DriftLabels
from pipelines.mercury_boundaries.lists import KINDS
from pipelines.mercury_boundaries.passages import Passages
from pipelines.mercury_boundaries.series import MagSeries, aberrated_msm, slow_angle

Values = NDArray[np.float64]

_TIME, _NUMBER, _TEXT = "datetime64[us]", "float64", "str"

#: Seconds of quiet field up- and downstream of an interval that its medians are taken over.
_SIDE: Final = 300

#: Seconds within which the periapsis of an orbit is looked for: more than half an orbit of 12 h.
CONTEXT: Final = 6 * 3600 + 1800

#: Seconds on either side of a periapsis in which nothing is lower: of orbits of 12 and of 8 h.
_ALONE: Final = 2 * 3600

_NAMES: Final = {"bs": "bow_shock", "mp": "magnetopause"}

COLUMNS: tuple[NativeColumn, ...] = (
    NativeColumn("crossing_id", _TEXT, "", "Identifier: boundary, direction and start, UTC"),
    NativeColumn(
        "orbit_id", _TEXT, "", "Spacecraft and time of the periapsis next to the crossing"
    ),
    NativeColumn("drift_label", _TEXT, "", "Kind of orbit, D0 to D7; new: like none of them"),
    NativeColumn("spacecraft", _TEXT, "", "Spacecraft that measured, or 'simulation'"),
    NativeColumn("simulated", "bool", "", "Whether the field was simulated"),
    NativeColumn("instrument", _TEXT, "", "Magnetometer"),
    NativeColumn("boundary", _TEXT, "", "bow_shock or magnetopause"),
    NativeColumn("direction", _TEXT, "", "in or out: towards the planet or away from it"),
    NativeColumn("crossing_start", _TIME, "", "First sample of the interval, UTC"),
    NativeColumn("crossing_end", _TIME, "", "Last sample of the interval, UTC"),
    NativeColumn("outer_edge_time", _TIME, "", "Edge on the side of the solar wind, UTC"),
    NativeColumn("inner_edge_time", _TIME, "", "Edge on the side of the planet, UTC"),
    NativeColumn("duration_s", _NUMBER, "s", "Time between both edges"),
    *(
        NativeColumn(
            f"{axis}_mso_{bound}",
            _NUMBER,
            "km",
            f"{'Lowest' if bound == 'min' else 'Largest'} {axis.upper()} of the interval, MSO",
        )
        for axis in "xyz"
        for bound in ("min", "max")
    ),
    NativeColumn("x_aberrated", _NUMBER, "km", "X of the middle in aberrated MSM"),
    NativeColumn("rho_aberrated", _NUMBER, "km", "Distance of the middle from that X axis"),
    NativeColumn("local_time", _NUMBER, "h", "Local time of the middle"),
    NativeColumn("shell_factor", _NUMBER, "", "Size of the boundary, model of Winslow (2013) = 1"),
    NativeColumn("standoff_model", _NUMBER, "km", "Stand-off distance of the boundary so scaled"),
    NativeColumn("sun_distance", _NUMBER, "AU", "Distance of Mercury from the Sun"),
    NativeColumn("b_outer", _NUMBER, "nT", "Median field strength in 5 minutes outside"),
    NativeColumn("b_inner", _NUMBER, "nT", "Median field strength in 5 minutes inside"),
    NativeColumn("field_ratio", _NUMBER, "", "Field strength inside over that outside"),
    NativeColumn("field_rotation", _NUMBER, "deg", "Angle between the mean fields on both sides"),
    NativeColumn("theta_bn", _NUMBER, "deg", "Angle of the field outside and the model's normal"),
    NativeColumn("confidence", _NUMBER, "", "Confidence of the detection, 0 to 1"),
    NativeColumn("data_coverage", _NUMBER, "", "Fraction of the interval's seconds with data"),
    NativeColumn("model_name", _TEXT, "", "Detector"),
    NativeColumn("model_version", _TEXT, "", "Version of the detector"),
    NativeColumn("weights_digest", _TEXT, "", "First 12 digits of the SHA-256 of its weights"),
)


def build_frame(
    series: MagSeries,
    passages: Passages,
    confidence: Values,
    wanted: NDArray[np.bool_],
    *,
    model: str,
    version: str,
    digest: str,
) -> pd.DataFrame:
    """Measure crossings.

    Parameters
    ----------
    series
        What they were found in.
    passages
        All that were found.
    confidence
        In each, shape (n,).
    wanted
        Which of them are described, shape (n,).
    model, version, digest
        Name, version and weights of the detector.

    Returns
    -------
    frame
        One row a crossing in order of time, columns `COLUMNS`.
    """
    if not wanted.any():
        return empty_frame(COLUMNS)
    rows = []
    crossings, drifts = passages.crossings, DriftLabels(series)
    for number in np.flatnonzero(wanted):
        start, end = int(crossings.start[number]), int(crossings.end[number])
        boundary, direction = KINDS[crossings.kind[number]].split("_")
        rows.append(
            {
                "crossing_id": _identifier(series, boundary, direction, start),
                "boundary": _NAMES[boundary],
                "direction": direction,
                "confidence": float(confidence[number]),
                "drift_label": drifts.at((start + end) // 2),
                **_times(start, end, direction),
                **_place(series, boundary, start, end),
                **_field(series, boundary, direction, start, end),
            }
        )
    return complete_frame(
        rows,
        COLUMNS,
        spacecraft="simulation" if series.simulated else series.spacecraft,
        simulated=series.simulated,
        instrument=series.instrument,
        model_name=model,
        model_version=version,
        weights_digest=digest[:12],
    )


def _stamp(seconds: int) -> str:
    text = str(np.datetime64(seconds, "s"))
    return text.replace("-", "").replace(":", "")


def _identifier(series: MagSeries, boundary: str, direction: str, start: int) -> str:
    key = "SIM" if series.simulated else "MESS"
    return f"{key}_{boundary.upper()}_{direction.upper()}_EPNTAP_{_stamp(start)}"


def _times(start: int, end: int, direction: str) -> dict[str, Any]:
    first, last = np.datetime64(start, "s"), np.datetime64(end, "s")
    outer, inner = (first, last) if direction == "in" else (last, first)
    return {
        "crossing_start": first,
        "crossing_end": last,
        "outer_edge_time": outer,
        "inner_edge_time": inner,
        "duration_s": float(end - start),
    }


def _place(series: MagSeries, boundary: str, start: int, end: int) -> dict[str, Any]:
    """Return where the interval lies; NaN, and no orbit, without position."""
    middle = np.array([(start + end) // 2])
    values: dict[str, Any] = {
        "sun_distance": float(mercury_orbit(middle.astype("datetime64[s]")).distance[0]),
        "orbit_id": None,
    }
    if series.position is None:
        return values
    inside = series.between(start, end + 1)
    assert inside.position is not None  # noqa: S101
    known = inside.position[np.isfinite(inside.position).all(axis=1)].astype(np.float64)
    if len(known) == 0:
        return values
    for number, axis in enumerate("xyz"):
        values[f"{axis}_mso_min"] = float(known[:, number].min())
        values[f"{axis}_mso_max"] = float(known[:, number].max())
    centre = known[len(known) // 2]
    _, aberrated = aberrated_msm(_single(series, int(middle[0]), centre))
    surface = winslow2013_bow_shock() if boundary == "bs" else winslow2013_magnetopause()
    shell = float(surface.shell_factor(aberrated)[0])
    radius = MERCURY_RADIUS
    nose = surface.centre + shell * (surface.standoff - surface.centre)
    return values | {
        "x_aberrated": float(aberrated[0, 0] * radius),
        "rho_aberrated": float(np.hypot(aberrated[0, 1], aberrated[0, 2]) * radius),
        "local_time": float(local_time(centre)),
        "shell_factor": shell if shell > 0 else np.nan,
        "standoff_model": nose * radius if shell > 0 else np.nan,
        "orbit_id": orbit_name(series, int(middle[0])),
    }


def _single(series: MagSeries, second: int, place: Values) -> MagSeries:
    return MagSeries(
        second, np.zeros((1, 3), np.float32), place[None, :].astype(np.float32), series.spacecraft
    )


def orbit_name(series: MagSeries, middle: int) -> str | None:
    """Return the name of the orbit: the minute of the periapsis next to the crossing."""
    around = series.between(middle - CONTEXT, middle + CONTEXT)
    if around.position is None or len(around) < 3:
        return None
    distance = np.linalg.norm(around.position.astype(np.float64), axis=1)
    distance = np.where(np.isfinite(distance), distance, np.inf)
    is_lowest = distance == minimum_filter1d(distance, 2 * _ALONE + 1)
    # At the edge of the data, or of a gap, the lowest point is none.
    inner = np.isfinite(distance[:-2]) & np.isfinite(distance[1:-1]) & np.isfinite(distance[2:])
    lowest = np.flatnonzero(is_lowest[1:-1] & inner) + 1
    if len(lowest) == 0:
        return None
    lowest = int(lowest[np.abs(lowest - (middle - around.first)).argmin()])
    key = "SIM" if series.simulated else "MESS"
    return f"{key}_ORBIT_{_stamp((around.first + lowest) // 60 * 60)[:13]}"


def _field(
    series: MagSeries, boundary: str, direction: str, start: int, end: int
) -> dict[str, float]:
    """Return what the field does across the interval; NaN where nothing was measured."""
    sides = {
        "before": series.between(start - _SIDE, start),
        "after": series.between(end + 1, end + 1 + _SIDE),
    }
    outer, inner = (
        (sides["before"], sides["after"])
        if direction == "in"
        else (sides["after"], sides["before"])
    )
    outside, inside = _known(outer), _known(inner)
    interval = series.between(start, end + 1)
    values = {
        "data_coverage": len(_known(interval)) / max(len(interval), 1),
        "b_outer": _median_strength(outside),
        "b_inner": _median_strength(inside),
        "field_ratio": np.nan,
        "field_rotation": np.nan,
        "theta_bn": np.nan,
    }
    if len(outside) == 0 or len(inside) == 0:
        return values
    values["field_ratio"] = values["b_inner"] / values["b_outer"]
    first, second = outside.mean(axis=0), inside.mean(axis=0)
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    values["field_rotation"] = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    if boundary == "bs" and interval.position is not None:
        values["theta_bn"] = _theta_bn(interval, outer)
    return values


def _theta_bn(interval: MagSeries, outer: MagSeries) -> float:
    """Return the angle of the mean field outside and the model's normal in the middle."""
    _, place = aberrated_msm(interval)
    known = place[np.isfinite(place).all(axis=1)]
    if len(known) == 0:
        return float("nan")

    upstream = np.nanmean(aberrate(outer.field, slow_angle(outer)), axis=0)
    normal = winslow2013_bow_shock().normal(known[len(known) // 2])
    return float(theta_bn(upstream, normal))


def _known(part: MagSeries) -> Values:
    return part.field[np.isfinite(part.field).all(axis=1)].astype(np.float64)


def _median_strength(field: Values) -> float:
    return float(np.median(np.linalg.norm(field, axis=1))) if len(field) else float("nan")
