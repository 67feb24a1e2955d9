"""How far simulated wind is from real: marginals, memory, a classifier that tells both apart.

``python -m pipelines.icme.realism --real SERIES.csv.gz [--real ...] [--figure FILE.png]`` prints
the tables of the README.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PipelineError, require
from pipelines.icme.simulate import simulate
from pipelines.icme.source import open_source
from pipelines.sources.grid import bridge_gaps
from pipelines.sources.insitu import SAMPLES_PER_HOUR, InSituSeries

Values = NDArray[np.float64]

#: Quantities that are compared, with the units that the table shows.
QUANTITIES = {"bt": "nT", "vt": "km/s", "np": "cm-3", "tp": "K", "beta": ""}

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

#: Samples of a window that the classifier judges: a day.
_DAY = 24 * SAMPLES_PER_HOUR

#: Seeds of simulated years that are compared; none is trained on.
COMPARED_SEEDS = (301, 302, 303, 304)


def quantity(series: InSituSeries, name: str) -> Values:
    """Return one of `QUANTITIES` with short gaps bridged, shape (n,)."""
    values = series.beta if name == "beta" else series.channel(name)
    return bridge_gaps(values)


def quantiles(several: Sequence[InSituSeries], name: str) -> Values:
    """Return the quantiles of a quantity over all series together, shape (5,)."""
    pooled = np.concatenate([quantity(each, name) for each in several])
    return np.asarray(np.nanquantile(pooled, _QUANTILES))


def memory_hours(several: Sequence[InSituSeries], name: str) -> float:
    """Return the lag, in hours, at which the autocorrelation falls to 1/e; mean over series."""
    return float(np.mean([_memory(quantity(each, name)) for each in several]))


def _memory(values: Values) -> float:
    values = values - np.nanmean(values)
    variance = np.nanmean(values**2)
    for lag in range(1, 240 * SAMPLES_PER_HOUR):
        if np.nanmean(values[lag:] * values[:-lag]) < variance / np.e:
            return lag / SAMPLES_PER_HOUR
    return float("nan")


def day_statistics(series: InSituSeries, *, steps: bool = True) -> Values:
    """Return what describes each whole day of a series, shape (days, statistics).

    Parameters
    ----------
    series
        Measurements.
    steps
        Whether to add statistics of the steps between samples, and between hours, to those that
        do not depend on the order of samples.
    """
    logs = [np.log(np.maximum(quantity(series, name), 1e-3)) for name in ("bt", "np", "tp", "beta")]
    channels = [*logs, quantity(series, "vt") / 100]
    channels += [quantity(series, f"b{axis}") / 5 for axis in "xyz" if f"b{axis}" in series.data]
    days = len(series) // _DAY
    rows = []
    for values in channels:
        blocks = values[: days * _DAY].reshape(days, _DAY)
        rows += [blocks.mean(axis=1), blocks.std(axis=1), blocks.min(axis=1), blocks.max(axis=1)]
        if steps:
            fast = np.diff(blocks, axis=1)
            slow = np.diff(blocks[:, ::SAMPLES_PER_HOUR], axis=1)
            rows += [fast.std(axis=1), np.abs(fast).max(axis=1), slow.std(axis=1)]
    table = np.column_stack(rows)
    return table[np.isfinite(table).all(axis=1)]


def telling_apart(
    real: Sequence[InSituSeries], simulated: Sequence[InSituSeries], *, steps: bool = True
) -> float:
    """Return the area under the ROC curve of a classifier of days, cross-validated in blocks.

    0.5 means that a day of simulated wind cannot be told from a real one. With `steps` the
    classifier sees how samples follow each other as well; see `day_statistics`.
    """
    ensemble, metrics = require("sklearn.ensemble"), require("sklearn.metrics")
    tables = [day_statistics(each, steps=steps) for each in (*real, *simulated)]
    truth = [np.full(len(each), number < len(real)) for number, each in enumerate(tables)]
    blocks = [np.arange(len(each)) * 5 // max(len(each), 1) for each in tables]
    inputs, target, block = (np.concatenate(each) for each in (tables, truth, blocks))
    score = np.zeros(len(target))
    for held_out in range(5):
        training = block != held_out
        model = ensemble.HistGradientBoostingClassifier(max_iter=60, random_state=0)
        model.fit(inputs[training], target[training])
        score[~training] = model.predict_proba(inputs[~training])[:, 1]
    return float(metrics.roc_auc_score(target, score))


def table(
    real: Sequence[InSituSeries],
    simulated: Sequence[InSituSeries],
    fine: Sequence[InSituSeries] = (),
) -> list[str]:
    """Return the lines of the comparison.

    Parameters
    ----------
    real
        Measured series.
    simulated, fine
        Simulated series, without and with fine structure.
    """
    winds = {"real": real, "simulated": simulated} | ({"simulated, fine": fine} if fine else {})
    head = " | ".join(f"{100 * level:.0f} %" for level in _QUANTILES)
    lines = [f"| quantity | wind | {head} | memory |", "|---|---|" + "---|" * 6]
    for name, unit in QUANTITIES.items():
        for kind, several in winds.items():
            cells = " | ".join(f"{value:.3g}" for value in quantiles(several, name))
            label = f"{name} ({unit})" if unit else name
            lines.append(f"| {label} | {kind} | {cells} | {memory_hours(several, name):.1f} h |")
    lines += ["", "| telling days apart (AUC) | without steps | with steps |", "|---|---|---|"]
    pairs = {f"real from {kind}": (real, each) for kind, each in winds.items() if kind != "real"}
    if len(real) > 1:
        pairs["one real spacecraft from the others"] = (real[:1], real[1:])
    for name, (some, others) in pairs.items():
        values = [telling_apart(some, others, steps=steps) for steps in (False, True)]
        lines.append(f"| {name} | {values[0]:.2f} | {values[1]:.2f} |")
    return [*lines, "", "AUC: area under the ROC curve; 0.5 where days cannot be told apart."]


def draw(real: Sequence[InSituSeries], simulated: Sequence[InSituSeries], path: Path) -> None:
    """Draw the distributions of both winds."""
    pyplot = require("matplotlib.pyplot")
    figure, axes = pyplot.subplots(1, len(QUANTITIES), figsize=(15, 3), layout="constrained")
    for axis, (name, unit) in zip(axes, QUANTITIES.items(), strict=True):
        pooled = [
            np.concatenate([quantity(each, name) for each in several])
            for several in (real, simulated)
        ]
        low, high = np.nanquantile(np.concatenate(pooled), [0.001, 0.999])
        edges = np.geomspace(max(low, 1e-3), high, 60)
        for values, label in zip(pooled, ("real", "simulated"), strict=True):
            axis.hist(values, edges, density=True, histtype="step", label=label)
        axis.set_xscale("log")
        axis.set_xlabel(f"{name} [{unit}]" if unit else name)
        axis.set_yticks([])
    axes[0].legend()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def main() -> int:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Simulated against real solar wind.")
    parser.add_argument("--real", action="append", required=True, metavar="SERIES")
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    try:
        real = [open_source(each) for each in arguments.real]
        simulated, fine = (
            [simulate(seed=seed, fine=each).series for seed in COMPARED_SEEDS]
            for each in (False, True)
        )
        print("\n".join(table(real, simulated, fine)))
        if arguments.figure:
            draw(real, fine, arguments.figure)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
