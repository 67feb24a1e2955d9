"""Figures of trainings and of what was found: curves, confusion, examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import require
from pipelines.mars_pits.samples import Sample
from pipelines.mars_pits.scores import Objects, Overlaps

#: Colours of classes by number, the same in all figures.
_COLOURS = ("tab:red", "tab:orange", "tab:pink", "tab:cyan", "tab:green", "tab:purple", "tab:olive")
_COLUMNS = 6


def _figure(width: float, height: float) -> Any:
    return require("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")


def draw_curves(checks: Sequence[Any], path: Path) -> None:
    """Draw the losses of a training, as a PNG file.

    Parameters
    ----------
    checks
        See `pipelines.mars_pits.train.Check`.
    path
        Of the file.
    """
    figure = _figure(7, 3.5)
    axes = figure.subplots()
    steps = [each.step for each in checks]
    axes.plot(steps, [each.training for each in checks], "o-", label="learnt from")
    axes.plot(steps, [each.validation for each in checks], "s-", label="chosen by")
    axes.set_xlabel("batches")
    axes.set_ylabel("loss")
    axes.legend()
    figure.savefig(path, dpi=90)


def draw_precision(images: Sequence[Overlaps], classes: Sequence[str], path: Path) -> None:
    """Draw precision over recall of masks at an overlap of one half for each class.

    Parameters
    ----------
    images
        Found against labelled.
    classes
        Names by number.
    path
        Of the PNG file.
    """
    from pipelines.images.matching import precision_recall

    figure = _figure(5.5, 4)
    axes = figure.subplots()
    for number, name in enumerate(classes):
        matches = [each.match(number, 0.0, masks=True) for each in images]
        recall, precision = precision_recall(matches, 0.5)
        if len(recall):
            axes.plot(recall, precision, color=_COLOURS[number % len(_COLOURS)], label=name)
    axes.set_xlim(0.0, 1.02)
    axes.set_ylim(0.0, 1.02)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    figure.savefig(path, dpi=90)


def draw_confusion(table: Mapping[str, Mapping[str, int]], path: Path) -> None:
    """Draw how often objects of a class were found as another.

    Parameters
    ----------
    table
        Labelled class to found class to number.
    path
        Of the PNG file.
    """
    names = list(table)
    counts = np.array([[table[true][found] for found in names] for true in names], float)
    parts = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    figure = _figure(6, 5)
    axes = figure.subplots()
    axes.imshow(parts, cmap="Blues", vmin=0.0, vmax=1.0)
    for row in range(len(names)):
        for col in range(len(names)):
            dark = parts[row, col] > 0.6
            axes.text(
                col,
                row,
                f"{counts[row, col]:.0f}",
                ha="center",
                va="center",
                color="white" if dark else "black",
            )
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("found")
    axes.set_ylabel("labelled")
    figure.savefig(path, dpi=90)


def draw_examples(
    samples: Sequence[Sample],
    images: Sequence[Overlaps],
    classes: Sequence[str],
    least: float,
    path: Path,
) -> None:
    """Draw windows with labelled objects dashed and found ones solid, as a PNG file.

    Parameters
    ----------
    samples, images
        The windows, and what was found in them.
    classes
        Names by number.
    least
        Confidence from which on objects are drawn.
    path
        Of the file.
    """
    lines = max(1, -(-len(samples) // _COLUMNS))
    figure = _figure(2.1 * _COLUMNS, 2.2 * lines)
    grid = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, sample, each in zip(grid, samples, images, strict=False):
        low, top = np.nanpercentile(sample.pixels, [0.5, 99.5])
        axes.imshow(sample.pixels, cmap="gray", vmin=low, vmax=top)
        _draw_objects(axes, each.true, np.ones(len(each.true), bool), "--", None)
        _draw_objects(axes, each.found, each.found.scores >= least, "-", classes)
    for number, name in enumerate(classes):
        grid[0].plot([], [], color=_COLOURS[number % len(_COLOURS)], label=name)
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    figure.savefig(path, dpi=80)


def _draw_objects(
    axes: Any, objects: Objects, keep: np.ndarray, style: str, classes: Sequence[str] | None
) -> None:
    for number in np.flatnonzero(keep):
        region = objects.regions[number]
        canvas = np.zeros(objects.shape, bool)
        region.paint(canvas)
        kind = int(objects.kinds[number])
        colour = _COLOURS[kind % len(_COLOURS)]
        axes.contour(canvas, [0.5], colors=colour, linewidths=1.0, linestyles=style)
        if classes is not None:
            axes.text(
                region.cols.start,
                max(region.rows.start - 2, 6),
                f"{objects.scores[number]:.2f}",
                color=colour,
                fontsize=6,
            )
