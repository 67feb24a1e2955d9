"""The picture of the README: a simulated site with what was found, and sizes against true ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.mars_mounds.channels import hillshade, slopes
from pipelines.mars_mounds.detect import Detection, Detector, detect
from pipelines.mars_mounds.evaluate import numbered, overlaps_of, pairs_of
from pipelines.mars_mounds.simulate import CONE, Site, TrueMound
from pipelines.mars_mounds.source import terrain_of


def draw(sites: Sequence[Site], detector: Detector, path: Path) -> None:
    """Draw the first site with its detections, and diameters and heights of all of them.

    Parameters
    ----------
    sites
        Simulated.
    detector
        For heights.
    path
        Of the picture.
    """
    require("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    pairs: list[tuple[Detection, TrueMound]] = []
    shown: list[Detection] = []
    for number, site in enumerate(sites):
        found = detect(terrain_of(site), detector)
        shown = found if number == 0 else shown
        pairs += _matched(found, site)
    figure, (picture, widths, heights) = plt.subplots(
        1, 3, figsize=(14, 4.8), width_ratios=(1.15, 1, 1), layout="constrained"
    )
    _draw_site(picture, sites[0], shown)
    for axes, name, unit in ((widths, "diameter", "m"), (heights, "height", "m")):
        _draw_sizes(axes, pairs, name, unit)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _matched(found: list[Detection], site: Site) -> list[tuple[Detection, TrueMound]]:
    labels = numbered(found, site.labels.shape)
    overlaps = overlaps_of(labels, site.labels, (len(found), len(site.mounds)))
    scores = np.array([each.confidence for each in found])
    pairs = [(found[a], site.mounds[b]) for a, b in pairs_of(overlaps, scores)]
    return [(a, b) for a, b in pairs if b.whole and "edge_of_raster" not in a.flags]


def _draw_site(axes: Any, site: Site, found: Sequence[Detection]) -> None:
    lit: NDArray[np.float64] = hillshade(slopes(site.heights, (site.pixel, site.pixel)))
    rows, cols = lit.shape
    edges = (0, cols, rows, 0)
    axes.imshow(lit, cmap="gray", extent=edges, vmin=0.2, vmax=1.0)
    axes.contour(
        np.arange(cols) + 0.5, np.arange(rows) + 0.5, site.labels > 0,
        levels=[0.5], colors="white", linewidths=0.8,
    )  # fmt: skip
    for each in found:
        closed = np.concatenate([each.outline, each.outline[:1]])
        colour = "tab:red" if each.kind == CONE else "tab:orange"
        axes.plot(closed[:, 1], closed[:, 0], color=colour, linewidth=1.2)
    axes.set_title("simulated site: true (white), mounds (orange), cones (red)", fontsize=9)
    axes.set_axis_off()


def _draw_sizes(
    axes: Any, pairs: Sequence[tuple[Detection, TrueMound]], name: str, unit: str
) -> None:
    from matplotlib import ticker

    true = np.array([getattr(b, name) for _, b in pairs])
    measured = np.array([getattr(a.size, name) for a, _ in pairs])
    errors = np.array([getattr(a.size, f"{name}_error") for a, _ in pairs])
    axes.errorbar(true, measured, errors, fmt=".", color="tab:blue", alpha=0.5, linewidth=0.8)
    ends = [float(true.min()), float(true.max())]
    axes.plot(ends, ends, color="black", linewidth=0.8)
    axes.set(
        xscale="log", yscale="log", xlabel=f"true {name} / {unit}", ylabel=f"measured / {unit}"
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(ticker.ScalarFormatter())
        axis.set_minor_formatter(ticker.NullFormatter())
    axes.grid(alpha=0.3)
