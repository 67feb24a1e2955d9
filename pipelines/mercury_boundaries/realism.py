"""How far simulated orbits are from real ones: fields, jumps, durations, places of the boundaries.

``python -m pipelines.mercury_boundaries.realism --data FOLDER [--figure FILE.png]`` prints the
tables of the README. Fields are compared with the labelled orbits, durations and places with the
lists of the whole mission, since nine orbits of one week are no distribution.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.boundaries.mercury import winslow2013_bow_shock, winslow2013_magnetopause
from pipelines.boundaries.shapes import Surface
from pipelines.errors import LabelError, PipelineError, require
from pipelines.mercury_boundaries.labels import MAGNETOSPHERE, SHEATH, SOLAR_WIND, Classes
from pipelines.mercury_boundaries.lists import KINDS, Crossings, read_crossings
from pipelines.mercury_boundaries.protocol import read_orbits
from pipelines.mercury_boundaries.series import MagSeries, aberrated_msm
from pipelines.mercury_boundaries.simulate import simulate
from pipelines.mercury_boundaries.truth import truth_of

Values = NDArray[np.float64]

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)

#: Kinds of intervals of each boundary.
BOUNDARIES: Final = {"bow shock": (0, 3), "magnetopause": (1, 2)}

#: Stretches that are simulated, orbits each; seeds that nothing is trained on.
STRETCHES, ORBITS_EACH, FIRST_SEED = 24, 4.0, 400

#: Seconds of field beside an interval that count as its two sides, and seconds around the interval
#: in which steps from one side to the other are counted.
_SIDE, _AROUND = 60, 600

_REGIONS: Final = {"wind": SOLAR_WIND, "sheath": SHEATH, "magnetosphere": MAGNETOSPHERE}

SUN_LIST: Final = "sun2023_messenger_boundaries_with_ephemeris.csv"


@dataclass(frozen=True)
class Stretch:
    """Data with the class of each second and the intervals that are in them."""

    series: MagSeries
    classes: Classes
    crossings: Crossings


@dataclass(frozen=True)
class Comparison:
    """What is compared: samples of each quantity by name.

    Attributes
    ----------
    real, simulated
        Samples of each quantity, shape (n,) each.
    """

    real: Mapping[str, Values]
    simulated: Mapping[str, Values]


def simulated_stretches(count: int = STRETCHES) -> list[Stretch]:
    """Simulate stretches that lie all over the mission."""
    made = []
    for number in range(count):
        start = np.datetime64("2011-03-24") + np.timedelta64(61 * number % 1480, "D")
        one = simulate(start=start, orbits=ORBITS_EACH, seed=FIRST_SEED + number)
        made.append(Stretch(one.series, one.classes, one.crossings))
    return made


def field_samples(stretches: Sequence[Stretch]) -> dict[str, Values]:
    """Return strength and fluctuation of the field by region.

    Fluctuations are vector differences over one second, and standard deviations within four
    seconds (all components together), over the strength.
    """
    parts: dict[str, list[Values]] = {}
    for one in stretches:
        field = one.series.field.astype(np.float64)
        strength = np.linalg.norm(field, axis=1)
        step = np.linalg.norm(np.diff(field, axis=0), axis=1) / strength[1:]
        cells = field[: len(field) // 4 * 4].reshape(-1, 4, 3)
        spread = np.sqrt(cells.var(axis=1).sum(axis=1)) / np.linalg.norm(cells.mean(axis=1), axis=1)
        for name, number in _REGIONS.items():
            # Near the planet its own field grows without bound.
            mine = (one.classes == number) & (strength < 150)
            parts.setdefault(f"strength in {name} (nT)", []).append(strength[mine])
            parts.setdefault(f"change in 1 s, {name} (of B)", []).append(step[mine[1:]])
            parts.setdefault(f"spread in 4 s, {name} (of B)", []).append(
                spread[mine[::4][: len(spread)]]
            )
    return {name: _finite(np.concatenate(several)) for name, several in parts.items()}


def crossing_samples(stretches: Sequence[Stretch]) -> dict[str, Values]:
    """Return jumps of the strength at the shock, rotations at the magnetopause, steps at both."""
    jumps: list[float] = []
    turns: list[float] = []
    steps: dict[str, list[float]] = {name: [] for name in BOUNDARIES}
    for one in stretches:
        for start, end, kind in zip(
            one.crossings.start, one.crossings.end, one.crossings.kind, strict=True
        ):
            before, after = _sides(one.series, int(start), int(end))
            if before is None or after is None:
                continue
            outer, inner = (before, after) if kind in (0, 1) else (after, before)
            if kind in BOUNDARIES["bow shock"]:
                jumps.append(
                    float(np.linalg.norm(inner, axis=1).mean())
                    / float(np.linalg.norm(outer, axis=1).mean())
                )
            else:
                turns.append(_angle(inner.mean(axis=0), outer.mean(axis=0)))
            name = "bow shock" if kind in BOUNDARIES["bow shock"] else "magnetopause"
            steps[name].append(_steps(one.series, int(start), int(end), before, after))
    return {
        "jump of the strength at the shock": np.array(jumps),
        "rotation at the magnetopause (deg)": np.array(turns),
        **{f"steps at the {name}": np.array(values) for name, values in steps.items()},
    }


def _sides(series: MagSeries, start: int, end: int) -> tuple[Values | None, Values | None]:
    """Return the field before and after an interval, `None` where it is not known."""
    parts = (
        series.between(start - _SIDE - 5, start - 5).field,
        series.between(end + 6, end + 6 + _SIDE).field,
    )
    known = [each[np.isfinite(each).all(axis=1)].astype(np.float64) for each in parts]
    before, after = (each if len(each) > _SIDE // 2 else None for each in known)
    return before, after


def _steps(series: MagSeries, start: int, end: int, before: Values, after: Values) -> float:
    """Return how often the field goes from the one side's to the other's around an interval.

    The field, smoothed over five seconds, is projected on the difference of both sides; it has
    gone over where it passed two thirds of the way after it was at one third of it, or back.
    """
    field = series.between(start - _AROUND, end + _AROUND).field.astype(np.float64)
    field = field[np.isfinite(field).all(axis=1)]
    smooth = np.column_stack([np.convolve(each, np.ones(5) / 5, "same") for each in field.T])
    low, high = before.mean(axis=0), after.mean(axis=0)
    way = (smooth - low) @ (high - low) / max(float((high - low) @ (high - low)), 1e-6)
    sides = np.where(way > 2 / 3, 1, np.where(way < 1 / 3, -1, 0))
    sides = sides[sides != 0]
    return float(np.count_nonzero(np.diff(sides)))


def _angle(first: Values, second: Values) -> float:
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def _finite(values: Values) -> Values:
    return values[np.isfinite(values)]


def durations(crossings: Sequence[Crossings]) -> dict[str, Values]:
    """Return the lengths of intervals by boundary, seconds."""
    return {
        f"duration, {name} (s)": np.concatenate(
            [
                np.maximum(each.end - each.start, 1.0)[np.isin(each.kind, kinds)]
                for each in crossings
            ]
        )
        for name, kinds in BOUNDARIES.items()
    }


def shell_factors(places: Mapping[str, Values]) -> dict[str, Values]:
    """Return the sizes of boundaries over the mean ones of Winslow et al. (2013).

    Parameters
    ----------
    places
        Middles of intervals in aberrated MSM, Mercury radii, shape (n, 3), by boundary.
    """
    models: dict[str, Surface] = {
        "bow shock": winslow2013_bow_shock(),
        "magnetopause": winslow2013_magnetopause(),
    }
    found = {name: models[name].shell_factor(place) for name, place in places.items()}
    return {
        f"size over the model, {name}": factor[np.isfinite(factor) & (factor > 0)]
        for name, factor in found.items()
    }


def listed_places(path: Path) -> dict[str, Values]:
    """Return the middles of the intervals of Sun's list, which has them in aberrated MSM.

    Raises
    ------
    LabelError
        If the file cannot be read.
    """
    try:
        table = pd.read_csv(path)
        middle = np.column_stack(
            [0.5 * (table[f"start_{axis}_msm"] + table[f"end_{axis}_msm"]) for axis in "xyz"]
        )
        kind = np.array([KINDS.index(each) for each in table["Type"]])
    except (OSError, ValueError, KeyError) as error:
        raise LabelError(f"{path} has no places of crossings: {error}") from error
    return {name: middle[np.isin(kind, kinds)] for name, kinds in BOUNDARIES.items()}


def stretch_places(stretches: Sequence[Stretch]) -> dict[str, Values]:
    """Return the middles of the intervals of stretches in aberrated MSM, Mercury radii."""
    parts: dict[str, list[Values]] = {name: [] for name in BOUNDARIES}
    for one in stretches:
        _, place = aberrated_msm(one.series)
        for name, kinds in BOUNDARIES.items():
            mine = one.crossings.select(np.isin(one.crossings.kind, kinds))
            parts[name].append(place[(mine.middle - one.series.first).astype(np.int64)])
    return {name: np.concatenate(several) for name, several in parts.items()}


def compare(data: Path) -> Comparison:
    """Return all that is compared, of the data in a folder and of new simulations.

    Raises
    ------
    PipelineError
        If orbits or lists cannot be read.
    """
    orbits = read_orbits(data / "messenger_mag_orbits")
    real = [Stretch(each.series, each.classes, truth_of(each).crossings) for each in orbits]
    simulated = simulated_stretches()
    return Comparison(
        {
            **field_samples(real),
            **crossing_samples(real),
            **durations([read_crossings(data / SUN_LIST)]),
            **shell_factors(listed_places(data / SUN_LIST)),
        },
        {
            **field_samples(simulated),
            **crossing_samples(simulated),
            **durations([each.crossings for each in simulated]),
            **shell_factors(stretch_places(simulated)),
        },
    )


def table(comparison: Comparison) -> list[str]:
    """Return the lines of the comparison."""
    head = " | ".join(f"{100 * level:.0f} %" for level in QUANTILES)
    lines = [f"| quantity | orbits | n | {head} |", "|---|---|---|" + "---|" * len(QUANTILES)]
    for name in comparison.real:
        for kind, samples in (
            ("real", comparison.real[name]),
            ("simulated", comparison.simulated[name]),
        ):
            cells = " | ".join(f"{each:.3g}" for each in np.quantile(samples, QUANTILES))
            lines.append(f"| {name} | {kind} | {len(samples):,} | {cells} |")
    return lines


def draw(comparison: Comparison, path: Path) -> None:
    """Draw the distributions of everything that is compared."""
    figure = require("matplotlib.figure").Figure(figsize=(15, 12), layout="constrained")
    columns = 4
    axes = figure.subplots(-(-len(comparison.real) // columns), columns).ravel()
    for axis, name in zip(axes, comparison.real, strict=False):
        _draw_one(axis, name, comparison)
    for axis in axes[len(comparison.real) :]:
        axis.set_axis_off()
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=70)


def _draw_one(axis: Any, name: str, comparison: Comparison) -> None:
    both = (comparison.real[name], comparison.simulated[name])
    straight = name.startswith(("rotation", "steps"))
    low, high = np.quantile(np.concatenate(both), [0.005, 0.995])
    edges = np.linspace(0, high, 25) if straight else np.geomspace(max(low, 1e-3), high, 40)
    for values, label in zip(both, ("real", "simulated"), strict=True):
        weights = np.full(len(values), 1.0 / max(len(values), 1))
        axis.hist(
            np.clip(values, edges[0], edges[-1]),
            edges,
            weights=weights,
            histtype="step",
            label=label,
        )
    if not straight:
        axis.set_xscale("log")
    axis.set_title(name, fontsize=9)
    axis.set_yticks([])


def main() -> int:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description="Simulated orbits against real ones.")
    parser.add_argument("--data", type=Path, required=True, help="folder of orbits and lists")
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    try:
        comparison = compare(arguments.data)
        print("\n".join(table(comparison)))
        if arguments.figure:
            draw(comparison, arguments.figure)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
