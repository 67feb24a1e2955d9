"""Draw the figures of the README.

``python -m pipelines.mercury_boundaries.figures --data FOLDER --answers FILE.npz`` draws an orbit
with the field, the probabilities by networks that never saw it and the crossings; and all crossings
found in real and simulated orbits in the plane of X and the distance from its axis.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from pipelines.boundaries.mercury import (
    MERCURY_RADIUS,
    winslow2013_bow_shock,
    winslow2013_magnetopause,
)
from pipelines.boundaries.shapes import Surface
from pipelines.errors import PipelineError, require
from pipelines.mercury_boundaries.features import BIN
from pipelines.mercury_boundaries.labels import CLASSES
from pipelines.mercury_boundaries.lists import Crossings, read_pymess
from pipelines.mercury_boundaries.passages import Passages, make_passages
from pipelines.mercury_boundaries.protocol import read_orbits
from pipelines.mercury_boundaries.series import MagSeries
from pipelines.mercury_boundaries.truth import Truth, truth_of

_COLOURS: Final = ("tab:blue", "tab:red", "tab:olive", "tab:purple", "tab:green")

#: Kinds of intervals: bow shock red, magnetopause violet.
_OF_KIND: Final = ("tab:red", "tab:purple", "tab:purple", "tab:red")


def draw_orbit(
    series: MagSeries, truth: Truth, found: Passages, title: str, path: Path, hours: float = 4.0
) -> None:
    """Draw field, probabilities and crossings of an orbit around its inner part."""
    figure = require("matplotlib.figure").Figure(figsize=(11, 7), layout="constrained")
    field_axis, strength_axis, axis = figure.subplots(3, 1, sharex=True, height_ratios=[2, 2, 2])
    middle = float(np.mean(np.concatenate([truth.crossings.start, truth.crossings.end])))
    low = int(max(middle - hours * 1800 - series.first, 0))
    high = int(min(middle + hours * 1800 - series.first, len(series)))
    part = series.between(series.first + low, series.first + high)
    for number, name in enumerate("xyz"):
        field_axis.plot(part.time, part.field[:, number], linewidth=0.5, label=f"B{name}")
    strength_axis.semilogy(part.time, np.linalg.norm(part.field, axis=1), "k", linewidth=0.5)
    times = ((truth.bins.first + np.arange(len(truth.bins))) * BIN).astype("datetime64[s]")
    inside = (times >= part.time[0]) & (times <= part.time[-1])
    axis.stackplot(
        times[inside],
        found.probabilities[:, inside],
        labels=[each.replace("_", " ") for each in CLASSES],
        colors=_COLOURS,
        alpha=0.8,
    )
    _shade(strength_axis, truth.crossings, 0.25, 0.0, 0.5)
    _shade(strength_axis, found.crossings, 0.6, 0.5, 1.0)
    field_axis.set_ylim(-150, 150)
    field_axis.set_ylabel("B, MSO [nT]")
    field_axis.legend(loc="upper right", ncols=3)
    strength_axis.set_ylabel("|B| [nT]\nupper half: found\nlower half: Sun (2023)")
    axis.set_ylabel("probability")
    axis.set_ylim(0, 1)
    axis.legend(loc="lower right", ncols=5, fontsize=8)
    field_axis.set_title(title)
    axis.set_xlim(part.time[0], part.time[-1])
    figure.savefig(path, dpi=90)


def _shade(axis: Any, crossings: Crossings, alpha: float, low: float, high: float) -> None:
    for start, end, kind in zip(crossings.start, crossings.end, crossings.kind, strict=True):
        first, last = (np.datetime64(int(each), "s") for each in (start, max(end, start + 5)))
        axis.axvspan(first, last, low, high, color=_OF_KIND[kind], alpha=alpha, linewidth=0.8)


def draw_plane(found: pd.DataFrame, others: pd.DataFrame, path: Path) -> None:
    """Draw crossings over the models in the plane of X and the distance from its axis.

    Parameters
    ----------
    found
        The pipeline's catalogue of real orbits.
    others
        PyMess's list, for the whole mission; not aberrated.
    path
        File to write.
    """
    figure = require("matplotlib.figure").Figure(figsize=(10, 5.5), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    models: tuple[tuple[str, Surface], ...] = (
        ("bow_shock", winslow2013_bow_shock()),
        ("magnetopause", winslow2013_magnetopause()),
    )
    for axis, (name, model) in zip(axes, models, strict=True):
        known = others[others["boundary"] == name]
        axis.plot(
            known["x"], np.hypot(known["y"], known["z"]), ".", color="0.75", markersize=1.5,
            label=f"PyMess, {len(known)} crossings",
        )  # fmt: skip
        mine = found[found["boundary"] == name]
        axis.plot(
            mine["x_aberrated"] / MERCURY_RADIUS,
            mine["rho_aberrated"] / MERCURY_RADIUS,
            "o",
            color="tab:red",
            markersize=4,
            label=f"found here, {len(mine)} crossings",
        )
        angle = np.linspace(0, 2.6, 300)
        radius = model.radius(angle)
        x, rho = model.centre + radius * np.cos(angle), radius * np.sin(angle)
        kept = np.isfinite(radius) & (x > -5)
        axis.plot(x[kept], rho[kept], "k", label="Winslow et al. (2013)")
        turn = np.linspace(0, np.pi, 100)
        axis.fill(np.cos(turn), np.sin(turn), color="0.5")
        axis.set_title(name.replace("_", " "))
        axis.set_xlabel("X, MSM [R_M]")
        axis.set_xlim(3, -5)
        axis.set_ylim(0, 8)
        axis.legend(loc="upper left", fontsize=8)
    axes[0].set_ylabel("distance from the X axis [R_M]")
    figure.savefig(path, dpi=90)


def main() -> int:
    """Read the command line and draw."""
    from pipelines.mercury_boundaries import pipeline

    parser = argparse.ArgumentParser(description="Figures of the boundaries of Mercury.")
    parser.add_argument("--data", type=Path, required=True, help="orbits and lists")
    parser.add_argument("--answers", type=Path, required=True, help="of epntap train")
    parser.add_argument("--orbit", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "figures")
    arguments = parser.parse_args()
    try:
        orbits = read_orbits(arguments.data / "messenger_mag_orbits")
        with np.load(arguments.answers) as stored:
            states = stored[f"states_{arguments.orbit}"]
            probabilities = stored[f"probabilities_{arguments.orbit}"].astype(np.float32)
        others = read_pymess([arguments.data / f"pymess_Mess{each}.dat" for each in ("BS", "MP")])
        catalogue = pipeline.run(arguments.data / "messenger_mag_orbits")
    except (PipelineError, OSError, KeyError) as error:
        print(error, file=sys.stderr)
        return 1
    arguments.output.mkdir(parents=True, exist_ok=True)
    orbit = orbits[arguments.orbit]
    truth = truth_of(orbit)
    found = make_passages(states, probabilities, truth.bins)
    draw_orbit(orbit.series, truth, found, orbit.name, arguments.output / "orbit.png")
    draw_plane(catalogue.frame, others, arguments.output / "plane.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
