"""Runs of the detector of interaction regions on request: the form, and the plot.

What may be asked for, and where the measurements come from, is as for the pipeline ``icme``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.contract import Catalogue
from pipelines.icme.request import FORM, Opened, check_request, draw_series, request_source

__all__ = ["FORM", "check_request", "draw", "request_source"]

_SLOW, _FAST, _STREAM = "tab:blue", "tab:red", "tab:orange"


def draw(source: Opened, catalogue: Catalogue, path: Path) -> None:
    """Draw the measurements with the regions shaded, as a PNG file.

    The slow side of a region is blue, the fast side red, the stream behind it pale orange; the
    line between both sides is the stream interface.

    Raises
    ------
    PipelineError
        If there is nothing to draw, or matplotlib is not installed.
    """
    draw_series(source, catalogue, path, title="interaction regions found", shade=_shade)


def _shade(axis: Any, catalogue: Catalogue) -> None:
    for region in catalogue.frame.itertuples():
        for first, last, colour, alpha in (
            (region.sir_start_time, region.interface_time, _SLOW, 0.25),
            (region.interface_time, region.sir_end_time, _FAST, 0.25),
            (region.sir_end_time, region.hss_end_time, _STREAM, 0.12),
        ):
            axis.axvspan(first, last, color=colour, alpha=alpha, linewidth=0)
        axis.axvline(region.interface_time, color="black", linewidth=0.6)
