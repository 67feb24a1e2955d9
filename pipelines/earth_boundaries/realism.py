"""How far simulated orbits and windows are from measured ones: quantiles, and a figure.

``python -m pipelines.earth_boundaries.realism [--shocks LIST] [--magnetopauses LIST] [--times LIST]
[--windows FILE.npz] [--figure FILE.png]`` prints a table of the README for each list or file given;
`published_lists` says what they are. Seeds are those of no other part of the case.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.boundaries.earth import EARTH_RADIUS
from pipelines.boundaries.frames import aberrate, aberration_angle
from pipelines.earth_boundaries.catalogue import build_frame
from pipelines.earth_boundaries.crossings import BOUNDARIES, true_crossings
from pipelines.earth_boundaries.published_lists import (
    read_magnetopause_times,
    read_magnetopauses,
    read_shocks,
)
from pipelines.earth_boundaries.regions import WINDOW_REGIONS
from pipelines.earth_boundaries.shells import EARTH_SPEED, usual_surfaces
from pipelines.earth_boundaries.simulate import Simulation, simulate
from pipelines.earth_boundaries.simulate_windows import simulate_windows
from pipelines.earth_boundaries.windows import Windows, read_windows, typical_x
from pipelines.errors import PipelineError
from pipelines.signals.quantiles import Compared, draw_quantities, quantile_lines

Values = NDArray[np.float64]

#: Simulated orbits: when they begin, and how long they are. None is trained or scored on.
ORBITS = (("2003-01-10", 8001), ("2003-02-20", 8002), ("2003-12-05", 8003), ("2004-03-10", 8004))
_DAYS = 20.0

#: Simulated windows of each region, and their seed.
_WINDOWS, _WINDOWS_SEED = 100, 8005

#: Angle of field and normal from which on a shock is quasi-perpendicular, degrees.
_PERPENDICULAR = 45.0

#: Between crossings that belong to one encounter with the boundary lie at most so many minutes, and
#: in minutes of averages nothing shorter than the least can be told.
_LEAST, _MOST = 3.0, 180.0


def described(one: Simulation) -> pd.DataFrame:
    """Return the true crossings of a simulated orbit, described as the catalogue describes them."""
    true = true_crossings(one.regions)
    return build_frame(
        one.series, true, np.ones(len(true)), one.regions, model="", version="", digest=""
    )


def shock_quantities(real: pd.DataFrame, simulated: pd.DataFrame) -> list[Compared]:
    """Compare quasi-perpendicular shocks: what is upstream, and the jumps."""
    mine = simulated[
        (simulated["boundary"] == "bow_shock") & (simulated["theta_bn"] > _PERPENDICULAR)
    ]
    real = real[real["theta_bn"] > _PERPENDICULAR]

    def ratio(name: str) -> Values:
        return (mine[f"downstream_{name}"] / mine[f"upstream_{name}"]).to_numpy()

    pairs = {
        "N upstream": ("cm-3", real["density"], mine["upstream_density"]),
        "|B| upstream": ("nT", real["field"], mine["upstream_field"]),
        "V upstream": ("km/s", real["speed"], mine["upstream_speed"]),
        "T upstream": ("eV", real["temperature"], mine["upstream_temperature"]),
        "N ratio": ("", real["density_ratio"], ratio("density")),
        "|B| ratio": ("", real["field_ratio"], ratio("field")),
        "T downstream": ("eV", real["temperature_down"], mine["downstream_temperature"]),
    }
    return [
        Compared(
            f"shock: {name}", unit, {"MMS": measured.to_numpy(), "simulated": np.asarray(made)}
        )
        for name, (unit, measured, made) in pairs.items()
    ]


def place_quantities(real: pd.DataFrame, simulated: pd.DataFrame) -> list[Compared]:
    """Compare how far magnetopauses are from the model in usual wind, by day and at the flanks."""
    surface, _ = usual_surfaces()
    mine = simulated[simulated["boundary"] == "magnetopause"]
    place = mine[["x_gse", "y_gse", "z_gse"]].to_numpy() / EARTH_RADIUS
    place = aberrate(place, aberration_angle(np.array(EARTH_SPEED)))
    made = np.linalg.norm(place, axis=1)
    made_theta = np.arccos(place[:, 0] / made)
    theta = real["theta"].to_numpy()
    factor = real["R"].to_numpy() / surface.radius(theta)
    made_factor = made / surface.radius(made_theta)
    quantities = []
    for name, low, high in (("within 60° of noon", 0, 60), ("beyond 60°", 60, 180)):
        chosen = (np.degrees(theta) >= low) & (np.degrees(theta) < high)
        other = (np.degrees(made_theta) >= low) & (np.degrees(made_theta) < high)
        samples = {"many spacecraft": factor[chosen], "simulated": made_factor[other]}
        quantities.append(Compared(f"magnetopause over model, {name}", "", samples, False))
    return quantities


def time_quantities(
    times: NDArray[np.datetime64], simulated: Sequence[Simulation]
) -> list[Compared]:
    """Compare the times between magnetopause crossings of one encounter."""
    index = [name for name, _ in BOUNDARIES].index("magnetopause")
    made = []
    for one in simulated:
        true = true_crossings(one.regions)
        made.append(np.diff(true.time[true.boundary == index]))
    gaps = np.diff(times) / np.timedelta64(1, "m")
    samples = {"MMS": _within_encounter(gaps), "simulated": _within_encounter(np.concatenate(made))}
    return [Compared("time between magnetopauses", "min", samples)]


def _within_encounter(minutes: Values) -> Values:
    return np.asarray(minutes[(minutes > _LEAST) & (minutes < _MOST)])


def window_quantities(real: Windows, simulated: Windows) -> list[Compared]:
    """Compare windows region by region."""
    quantities = []
    for code, region in enumerate(WINDOW_REGIONS):
        both = {
            kind: windows.take(windows.required_labels() == code)
            for kind, windows in (("MMS", real), ("simulated", simulated))
        }
        for name, unit, value in (
            ("|B|", "nT", lambda each: each.field.mean(axis=1)),
            ("unrest of |B|", "", lambda each: each.field.std(axis=1) / each.field.mean(axis=1)),
            ("T", "eV", lambda each: np.median(each.temperature, axis=1)),
            ("X", "Re", typical_x),
        ):
            samples = {kind: value(windows) for kind, windows in both.items()}
            label = f"{region.replace('_', ' ')}: {name}"
            quantities.append(Compared(label, unit, samples, name != "X"))
    return quantities


def main() -> int:
    """Read the command line, print the tables and draw the figure."""
    parser = argparse.ArgumentParser(description="Simulated against measured boundaries.")
    parser.add_argument("--shocks", type=Path, help="averages on both sides of bow shocks, CSV")
    parser.add_argument("--magnetopauses", type=Path, help="places of magnetopauses, CSV")
    parser.add_argument("--times", type=Path, help="times of MMS magnetopauses, CSV")
    parser.add_argument("--windows", type=Path, help="labelled windows of MMS, .npz")
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    quantities: list[Compared] = []
    try:
        if arguments.windows:
            made = simulate_windows(_WINDOWS, seed=_WINDOWS_SEED)
            quantities += window_quantities(read_windows(arguments.windows), made)
        orbits = []
        if arguments.shocks or arguments.magnetopauses or arguments.times:
            orbits = [simulate(start=start, days=_DAYS, seed=seed) for start, seed in ORBITS]
            frame = pd.concat([described(each) for each in orbits], ignore_index=True)
        if arguments.shocks:
            quantities += shock_quantities(read_shocks(arguments.shocks), frame)
        if arguments.magnetopauses:
            quantities += place_quantities(read_magnetopauses(arguments.magnetopauses), frame)
        if arguments.times:
            quantities += time_quantities(read_magnetopause_times(arguments.times), orbits)
        if not quantities:
            parser.error("give at least one list to compare with")
        print("\n".join(quantile_lines(quantities)))
        if arguments.figure:
            draw_quantities(quantities, arguments.figure, columns=5)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
