"""A picture of a measurement: image, shadow with its lines, and h(L)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipelines.errors import require
from pipelines.pit_depths.detect import Measurement


def draw(found: Measurement, path: Path) -> None:
    """Draw what was measured of a pit, as a PNG file.

    Parameters
    ----------
    found
        What was measured.
    path
        Of the file.
    """
    figure_module = require("matplotlib.figure")
    figure = figure_module.Figure(figsize=(12, 4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    grey = np.nanmean(found.scene.image.pixels, axis=0)
    low, top = np.nanpercentile(grey, [0.5, 99.5])
    for axes in (left, middle):
        axes.imshow(grey, cmap="gray", vmin=low, vmax=top)
        axes.set_axis_off()
    left.set_title(found.scene.name)
    profile = found.profile
    middle.contour(found.shadow.mask, [0.5], colors="tab:orange", linewidths=0.8)
    every = max(1, len(profile) // 25)
    for first, last in zip(profile.start[::every], profile.end[::every], strict=True):
        columns, rows = (first[1] - 0.5, last[1] - 0.5), (first[0] - 0.5, last[0] - 0.5)
        middle.plot(columns, rows, color="tab:cyan", linewidth=0.5)
    middle.set_title("shadow and widths")
    right.plot(profile.length, profile.depth, color="tab:blue", linewidth=1.0)
    low_depth, high_depth = profile.depth - profile.error, profile.depth + profile.error
    right.fill_between(profile.length, low_depth, high_depth, color="tab:blue", alpha=0.3)
    limits = profile.edge | profile.far_wall
    right.plot(profile.length[limits], profile.depth[limits], "v", color="tab:red", markersize=3)
    right.axhline(profile.maximum, color="0.5", linewidth=0.8, linestyle="--")
    right.invert_yaxis()
    right.set_xlabel("L (m)")
    right.set_ylabel("apparent depth h (m)")
    at_least = "at least " if found.flags and found.profile.limited(limits) else ""
    right.set_title(f"{at_least}{profile.maximum:.1f} m")
    figure.savefig(path, dpi=90)
