"""What the network sees: scaled channels, derived quantities, steadiness of the field, masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import SourceError
from pipelines.signals.rolling import rolling_moments
from pipelines.sources.grid import bridge_gaps
from pipelines.sources.insitu import CHANNELS, SAMPLES_PER_HOUR, InSituSeries
from pipelines.sources.plasma import plasma_beta, temperature_ratio

Values = NDArray[np.float64]

#: Quantities that are brought to median 0 and robust deviation 1, series by series.
SCALED = ("log_bt", "vt", "log_np", "log_tp", "log_beta", "log_texrat", "unrest_1h", "unrest_6h")

#: All input channels of the network, in order; the last two say what was measured.
FEATURES = (*SCALED, "bx", "by", "bz", "field_mask", "plasma_mask")

#: Components of the field, which augmentation may reflect.
COMPONENTS = tuple(FEATURES.index(name) for name in ("bx", "by", "bz"))

#: Rows that need the plasma, and so end where it does.
PLASMA = ("vt", "log_np", "log_tp", "log_beta", "log_texrat", "plasma_mask")

#: Beyond this many deviations a value says no more.
CLIP = 6.0

#: Half the distance of quartiles of a normal distribution is 0.6745 deviations.
_NORMAL_IQR = 1.349

#: Hours of data from which a series can be scaled by itself: half a rotation of the Sun holds
#: slow and fast wind. Shorter series take `REFERENCE`.
_ENOUGH_HOURS = 14 * 24


@dataclass(frozen=True, slots=True)
class Scaling:
    """Median and robust deviation of each quantity of `SCALED`, and the median field in nT.

    Computed from a whole series without labels: spacecraft differ in distance from the Sun, in
    phase of the solar cycle and in the calibration of their plasma instruments, and a detector
    trained on one must work on another.
    """

    median: tuple[float, ...]
    deviation: tuple[float, ...]
    field: float


#: Of STEREO-B in 2013 and 2014, for series that are too short to be scaled by themselves.
REFERENCE = Scaling(
    median=(1.468, 356.7, 0.9921, 11, -1.237, 0.3666, -1.118, -0.5409),
    deviation=(0.4412, 76.18, 0.6061, 0.8808, 1.085, 0.4884, 0.6589, 0.3749),
    field=4.341,
)


def quantities(series: InSituSeries) -> dict[str, Values]:
    """Return the unscaled quantities, with short gaps bridged; shape (n,) each."""
    raw = {name: bridge_gaps(series.channel(name)) for name in CHANNELS}
    components = [raw[name] for name in ("bx", "by", "bz")]
    positive = {name: np.maximum(raw[name], floor) for name, floor in _FLOORS}
    beta = plasma_beta(positive["np"], positive["tp"], positive["bt"])
    ratio = temperature_ratio(positive["tp"], raw["vt"])
    return {
        "log_bt": np.log(positive["bt"]),
        "vt": raw["vt"],
        "log_np": np.log(positive["np"]),
        "log_tp": np.log(positive["tp"]),
        "log_beta": np.log(beta),
        "log_texrat": np.log(ratio),
        "unrest_1h": _unrest(components, positive["bt"], SAMPLES_PER_HOUR + 1),
        "unrest_6h": _unrest(components, positive["bt"], 6 * SAMPLES_PER_HOUR + 1),
        "bx": raw["bx"],
        "by": raw["by"],
        "bz": raw["bz"],
    }


#: Below these the instruments see nothing: nT, cm-3, K.
_FLOORS = (("bt", 0.05), ("np", 0.01), ("tp", 1000.0))


#: Hours over which the unrest of the field is measured, by the name of the quantity.
UNREST = {"unrest_1h": 1, "unrest_6h": 6}


def unrest(series: InSituSeries, hours: int, ahead: int | None = None) -> Values:
    """Return the unrest of the field when only so many samples ahead are known, shape (n,)."""
    components = [bridge_gaps(series.channel(name)) for name in ("bx", "by", "bz")]
    magnitude = np.maximum(bridge_gaps(series.channel("bt")), dict(_FLOORS)["bt"])
    return _unrest(components, magnitude, hours * SAMPLES_PER_HOUR + 1, ahead)


def _unrest(
    components: Sequence[Values], magnitude: Values, samples: int, ahead: int | None = None
) -> Values:
    """Return the logarithm of the turbulent over the whole field: low in magnetic obstacles."""
    variance = sum(
        (rolling_moments(each, samples, ahead=ahead)[1] for each in components),
        start=np.zeros(len(magnitude)),
    )
    mean, _ = rolling_moments(magnitude, samples, ahead=ahead)
    return np.asarray(np.log(np.sqrt(variance) / mean + 0.01))


def own_scaling(series: InSituSeries) -> Scaling:
    """Compute the scaling of a series from its own measurements alone.

    A quantity that is not measured for long enough has the scaling of `REFERENCE`.
    """
    values = quantities(series)
    median, deviation = list(REFERENCE.median), list(REFERENCE.deviation)
    for row, name in enumerate(SCALED):
        known = values[name][np.isfinite(values[name])]
        if known.size >= _ENOUGH_HOURS * SAMPLES_PER_HOUR:
            low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
            median[row], deviation[row] = float(middle), float(high - low) / _NORMAL_IQR
    if median == list(REFERENCE.median):
        return REFERENCE
    return Scaling(tuple(median), tuple(deviation), field=float(np.exp(median[0])))


def missing_channels(series: InSituSeries) -> list[str]:
    """Return the names of the channels that a series does not have at all."""
    return [name for name in CHANNELS if series.data[name].notna().sum() == 0]


def require_channels(series: InSituSeries) -> None:
    """Check that a series can be searched.

    Raises
    ------
    SourceError
        If a channel has no measurements at all.
    """
    empty = missing_channels(series)
    if empty:
        raise SourceError(
            f"{series.description} has no measurements of {', '.join(empty)}",
            hint="the detector needs the magnetic field, speed, density and temperature",
        )


def measure_scaling(series: InSituSeries) -> Scaling:
    """Compute the scaling of a mission from a long series of it, for `run(..., scaling=...)`.

    Medians are the series' own, deviations never smaller than `REFERENCE`: a quiet year has narrow
    distributions, and scaled by them alone its ordinary compressions look like ejections.

    Raises
    ------
    SourceError
        If a channel has no measurements at all.
    """
    require_channels(series)
    own = own_scaling(series)
    floored = np.maximum(own.deviation, REFERENCE.deviation)
    return replace(own, deviation=tuple(float(each) for each in floored))


def features(series: InSituSeries, scaling: Scaling) -> NDArray[np.float32]:
    """Return the network's input, shape (`FEATURES`, n): finite, zero where nothing is known."""
    values = quantities(series)
    inputs = np.empty((len(FEATURES), len(series)), dtype=np.float32)
    inputs[FEATURES.index("field_mask")] = np.isfinite(values["log_bt"])
    inputs[FEATURES.index("plasma_mask")] = np.isfinite(values["log_beta"])
    for row, name in enumerate(SCALED):
        inputs[row] = (values.pop(name) - scaling.median[row]) / scaling.deviation[row]
    for row, name in zip(COMPONENTS, ("bx", "by", "bz"), strict=True):
        inputs[row] = values.pop(name) / (2 * scaling.field)
    np.nan_to_num(inputs, copy=False, nan=0.0)
    return np.clip(inputs, -CLIP, CLIP, out=inputs)


def usable_samples(inputs: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where the field or the plasma is known, so that a decision makes sense."""
    field, plasma = FEATURES.index("field_mask"), FEATURES.index("plasma_mask")
    return np.asarray((inputs[field] > 0) | (inputs[plasma] > 0))
