"""Measured values beside simulated ones: a table of quantiles and a figure of distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require

Values = NDArray[np.float64]

#: What the tables show.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Compared:
    """A quantity as it was measured and as it is simulated.

    Attributes
    ----------
    name
        What it is, for people.
    unit
        Empty when it has none.
    samples
        Values by where they come from, each of any shape; those that are not finite do not count.
    logarithmic
        Whether a figure should show it so.
    """

    name: str
    unit: str
    samples: Mapping[str, Values]
    logarithmic: bool = True

    def finite(self, kind: str) -> Values:
        """Return the values of one kind that count, shape (n,)."""
        values = np.asarray(self.samples[kind], dtype=np.float64).ravel()
        return values[np.isfinite(values)]

    @property
    def label(self) -> str:
        """Name and unit."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name


def quantile_lines(several: Sequence[Compared]) -> list[str]:
    """Return a table with a row for each kind of each quantity."""
    head = " | ".join(f"{100 * level:.0f} %" for level in QUANTILES)
    lines = [f"| quantity | from | n | {head} |", "|---|---|---|" + "---|" * len(QUANTILES)]
    for each in several:
        label = each.label.replace("|", r"\|")
        for kind in each.samples:
            values = each.finite(kind)
            shown = (
                np.quantile(values, QUANTILES) if len(values) else np.full(len(QUANTILES), np.nan)
            )
            cells = " | ".join(f"{value:.3g}" for value in shown)
            lines.append(f"| {label} | {kind} | {len(values):,} | {cells} |")
    return lines


def draw_quantities(several: Sequence[Compared], path: Path, *, columns: int = 4) -> None:
    """Draw the distributions of all quantities into a PNG file.

    Raises
    ------
    PipelineError
        If matplotlib is not installed.
    """
    require("matplotlib").use("Agg")
    pyplot = require("matplotlib.pyplot")
    rows = -(-len(several) // columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(3.2 * columns, 2.4 * rows), layout="constrained", squeeze=False
    )
    for axis in axes.ravel()[len(several) :]:
        axis.set_axis_off()
    for axis, each in zip(axes.ravel(), several, strict=False):
        values = {kind: each.finite(kind) for kind in each.samples}
        low, high = np.quantile(np.concatenate(list(values.values())), [0.005, 0.995])
        scale = np.geomspace if each.logarithmic and low > 0 else np.linspace
        for kind, sample in values.items():
            share = np.full(len(sample), 1 / max(len(sample), 1))
            axis.hist(sample, scale(low, high, 30), weights=share, histtype="step", label=kind)
        if scale is np.geomspace:
            axis.set_xscale("log")
            axis.set_xticks(ticks := np.geomspace(low, high, 4), [f"{tick:.2g}" for tick in ticks])
            axis.set_xticks([], minor=True)
        axis.set_xlabel(each.label, fontsize=8)
        axis.set_yticks([])
    axes[0, 0].legend(fontsize=7)
    figure.savefig(path, dpi=70)
    pyplot.close(figure)
