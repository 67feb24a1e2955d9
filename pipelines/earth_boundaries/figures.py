"""Draw the figures of the README: ``python -m pipelines.earth_boundaries.figures --output FOLDER``.

A simulated pass with field, moments, probabilities and crossings; and the crossings of a simulated
month in the plane of X and distance from the axis, over the model boundaries.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.boundaries.earth import EARTH_RADIUS
from pipelines.boundaries.frames import aberrate, aberration_angle
from pipelines.earth_boundaries import pipeline
from pipelines.earth_boundaries.crossings import BOUNDARIES, Crossings, find_crossings
from pipelines.earth_boundaries.detect import load_region_networks, region_probabilities
from pipelines.earth_boundaries.moments import FIELD, MomentSeries
from pipelines.earth_boundaries.parameters import read_parameters
from pipelines.earth_boundaries.regions import REGIONS
from pipelines.earth_boundaries.shells import EARTH_SPEED, usual_surfaces
from pipelines.earth_boundaries.simulate import simulate
from pipelines.earth_boundaries.weights import SHIPPED_WEIGHTS
from pipelines.errors import PipelineError, require

#: Seed of what is drawn; not learnt from, and not among those that are scored.
_SEED = 6001

_COLOURS = ("tab:orange", "gold", "tab:green", "tab:blue")
_MARKS = {"bow_shock": "tab:red", "magnetopause": "tab:purple"}


def draw_pass(
    series: MomentSeries,
    probabilities: NDArray[np.float64],
    crossings: Crossings,
    path: Path,
) -> None:
    """Draw field, moments, probabilities and crossings of a series."""
    pyplot = require("matplotlib.pyplot")
    time = series.time
    figure, axes = pyplot.subplots(5, 1, figsize=(9, 8), sharex=True, layout="constrained")
    field = series.vectors(FIELD)
    axes[0].plot(time, np.linalg.norm(field, axis=1), "k", lw=0.8, label="|B|")
    for column, name in zip(field.T, FIELD, strict=True):
        axes[0].plot(time, column, lw=0.5, label=name)
    axes[0].set_ylim(-80, 80)
    axes[0].set_ylabel("B [nT]")
    axes[0].legend(ncols=4, fontsize=7, loc="upper right")
    for axis, name, label in (
        (axes[1], "n", "N [cm$^{-3}$]"),
        (axes[2], "t", "T [eV]"),
    ):
        axis.plot(time, series.channel(name), "k", lw=0.7)
        axis.set_yscale("log")
        axis.set_ylabel(label)
    axes[3].plot(time, series.channel("vx"), "k", lw=0.7)
    axes[3].set_ylabel("V$_x$ [km/s]")
    axes[4].stackplot(time, np.nan_to_num(probabilities), labels=REGIONS, colors=_COLOURS)
    axes[4].set_ylim(0, 1)
    axes[4].set_ylabel("probability")
    axes[4].legend(ncols=4, fontsize=7, loc="lower right")
    for edge, boundary in zip(crossings.edge, crossings.boundary, strict=True):
        colour = _MARKS[BOUNDARIES[int(boundary)][0]]
        for axis in axes:
            axis.axvline(time[edge], color=colour, lw=0.7)
    axes[0].set_title(f"{series.description} (red: bow shock, purple: magnetopause)", fontsize=9)
    figure.savefig(path, dpi=70)
    pyplot.close(figure)


def _model(axis: Any, surface: Any, colour: str, label: str) -> None:
    angle = np.linspace(0, np.radians(130), 300)
    radius = surface.radius(angle)
    axis.plot(radius * np.cos(angle), radius * np.sin(angle), color=colour, lw=1, label=label)


def draw_plane(frame: pd.DataFrame, path: Path) -> None:
    """Draw crossings over the model boundaries of usual wind, in aberrated axes."""
    pyplot = require("matplotlib.pyplot")
    figure, axis = pyplot.subplots(figsize=(6, 6), layout="constrained")
    magnetopause, shock = usual_surfaces()
    _model(axis, shock, _MARKS["bow_shock"], "bow shock, Jelínek et al. 2012")
    _model(axis, magnetopause, _MARKS["magnetopause"], "magnetopause, Shue et al. 1998")
    place = frame[["x_gse", "y_gse", "z_gse"]].to_numpy() / EARTH_RADIUS
    apparent = aberrate(place, aberration_angle(np.array(EARTH_SPEED)))
    distance = np.hypot(apparent[:, 1], apparent[:, 2])
    for name, colour in _MARKS.items():
        mine = (frame["boundary"] == name).to_numpy()
        axis.scatter(apparent[mine, 0], distance[mine], s=8, color=colour, alpha=0.6)
    axis.set_xlabel("X, aberrated GSE [R$_E$]")
    axis.set_ylabel(r"$\rho$ [R$_E$]")
    axis.set_xlim(-12, 20)
    axis.set_ylim(0, 26)
    axis.set_aspect("equal")
    axis.legend(fontsize=8, loc="upper right")
    axis.set_title("crossings found in simulated orbits; lines: usual wind", fontsize=9)
    figure.savefig(path, dpi=70)
    pyplot.close(figure)


def draw_all(output: Path, weights: Path) -> None:
    """Draw both figures into a folder.

    Raises
    ------
    PipelineError
        If the weights cannot be used.
    """
    require("matplotlib").use("Agg")
    output.mkdir(parents=True, exist_ok=True)
    networks, rule = load_region_networks(weights), read_parameters(weights).rule
    one = simulate(start="2003-02-20", days=2.5, seed=_SEED).series
    probabilities = region_probabilities(one, networks)
    draw_pass(one, probabilities, find_crossings(probabilities, rule), output / "pass.png")
    frames = [
        pipeline.run(simulate(start=start, days=15, seed=_SEED + number).series).frame
        for number, start in enumerate(("2003-01-10", "2003-03-20", "2003-12-05"), start=1)
    ]
    draw_plane(pd.concat(frames), output / "plane.png")


def main() -> int:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description="The figures of the README.")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "figures")
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS)
    arguments = parser.parse_args()
    try:
        draw_all(arguments.output, arguments.weights)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
