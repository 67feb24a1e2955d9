"""Runs of the ICME detector on request: what may be asked for, and the plot that comes with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipelines.contract import Catalogue, Progress, Span
from pipelines.errors import NoDataError, SourceError, require
from pipelines.request import SIMULATION, RequestForm, RequestParameter, check_spacecraft
from pipelines.sources.insitu import InSituSeries
from pipelines.sources.spacecraft import SPACECRAFT, find_spacecraft
from pipelines.sources.spans import (
    SeriesInMemory,
    SeriesOnDemand,
    on_grid,
    to_datetime64,
    with_margin,
)

FORM = RequestForm(
    parameters=(
        RequestParameter(
            "spacecraft",
            "choice",
            "Who measured; for a time span, whose data are fetched from CDAWeb, or simulated",
            choices=tuple(craft.name for craft in SPACECRAFT),
        ),
        RequestParameter(
            "seed", "int", "Of the simulated solar wind, for spacecraft=simulation", 1, low=0,
            high=2**31 - 1,
        ),
    ),
    longest_span=timedelta(days=400),
    file_formats=("csv", "csv.gz", "votable"),
    file_description=(
        "Columns time (ISO 8601, UTC), bx, by, bz and, if known, bt (nT), vt (km/s), np (cm-3), "
        "tp (K), or the units that the table states, at any cadence up to some minutes; empty "
        "cells are gaps."
    ),
    file_bytes=64 * 1024 * 1024,
    needs=("torch", "scipy", "safetensors", "matplotlib"),
)  # fmt: skip

#: Panels of the plot: channels with their colours, label, and whether the scale is logarithmic.
_PANELS: tuple[tuple[dict[str, str], str, bool], ...] = (
    ({"bt": "black", "bx": "tab:blue", "by": "tab:green", "bz": "tab:red"}, "B\n[nT]", False),
    ({"vt": "tab:blue"}, "V\n[km/s]", False),
    ({"np": "tab:green"}, "Np\n[cm$^{-3}$]", True),
    ({"tp": "tab:orange"}, "Tp\n[K]", True),
)

_OBSTACLE, _SHEATH = "tab:purple", "tab:gray"

#: Points a line of the plot has at most; a longer series is thinned to extremes.
_POINTS = 4000


class Opened(Protocol):
    """A source that was opened, as far as a plot needs it."""

    @property
    def description(self) -> str:
        """What the data are."""

    def series(self) -> InSituSeries | None:
        """Return all samples."""


def check_request(*, span: Span | None, has_file: bool, values: Mapping[str, Any]) -> None:
    """Refuse what cannot work; see `pipelines.request.RequestPipeline`.

    Raises
    ------
    PipelineError
        If the spacecraft is missing, or its data cannot be fetched here.
    """
    check_spacecraft(_names(), span=span, has_file=has_file, values=values)


def request_source(
    *,
    span: Span | None,
    file: Path | None,
    values: Mapping[str, Any],
    margin: timedelta,
    progress: Progress,
) -> tuple[SeriesInMemory | SeriesOnDemand, Mapping[str, Any]]:
    """Return what is asked for, and the options of a run; see `RequestPipeline`.

    With a file, a span is where events may begin. `margin` is that of the pipeline.

    Raises
    ------
    PipelineError
        If the source cannot be used.
    """
    # Reading needs pandas; a server that shows the form does not read.
    from pipelines.icme.source import open_spans

    check_request(span=span, has_file=file is not None, values=values)
    craft = find_spacecraft(values["spacecraft"])
    if file is None:
        if span is None:
            raise SourceError("neither a time span nor a file is given")
        if craft.name == SIMULATION:
            return open_spans(f"simulation:{_ends(span)}/{values['seed']}", progress=progress), {}
        # With what lies around it, the rows are those that a catalogue of the mission has.
        source = f"speasy:{craft.key}/{_ends(with_margin(span, margin))}"
        return open_spans(source, progress=progress), {"span": _whole_samples(span)}
    opened = open_spans(file, spacecraft=craft.name, progress=progress)
    return opened, {} if span is None else {"span": _whole_samples(span)}


def _ends(span: Span) -> str:
    return f"{span.start.isoformat()}/{span.stop.isoformat()}"


def _whole_samples(span: Span) -> Span:
    return on_grid(to_datetime64(span.start), to_datetime64(span.stop))


def _names() -> list[str]:
    return [craft.name for craft in SPACECRAFT]


def draw(source: Opened, catalogue: Catalogue, path: Path) -> None:
    """Draw the measurements with the events shaded, as a PNG file.

    Sheaths are grey, magnetic obstacles violet.

    Raises
    ------
    PipelineError
        If there is nothing to draw, or matplotlib is not installed.
    """
    draw_series(source, catalogue, path, title="ejections found", shade=_shade)


def draw_series(
    source: Opened,
    catalogue: Catalogue,
    path: Path,
    *,
    title: str,
    shade: Callable[[Any, Catalogue], None],
) -> None:
    """Draw all channels of a source with what was found in it, as a PNG file.

    Parameters
    ----------
    source
        What was searched.
    catalogue
        What was found.
    path
        Where to write.
    title
        What the rows of the catalogue are; their number follows.
    shade
        Draws the events onto the axes of one panel.

    Raises
    ------
    PipelineError
        If there is nothing to draw, or matplotlib is not installed.
    """
    require("matplotlib")
    from matplotlib.figure import Figure

    series = source.series()
    if series is None:
        raise NoDataError(f"{source.description} has no measurements")
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(len(_PANELS), 1, sharex=True)
    for axis, (channels, label, logarithmic) in zip(axes, _PANELS, strict=True):
        for name, colour in channels.items():
            times, values = _thinned(series.time, series.channel(name))
            axis.plot(times, values, color=colour, linewidth=0.7, label=name)
        if len(channels) > 1:
            axis.legend(loc="upper right", fontsize=8, ncols=len(channels))
        if logarithmic:
            axis.set_yscale("log", nonpositive="mask")
        axis.set_ylabel(label)
        shade(axis, catalogue)
    axes[0].axhline(0.0, color="gray", linewidth=0.5)
    axes[0].set_title(f"{series.spacecraft.name}, {title}: {len(catalogue.frame)}")
    asked = catalogue.provenance.parameters.get("span")
    axes[-1].set_xlim(*(np.array(asked, "datetime64[us]") if asked else series.time[[0, -1]]))
    axes[-1].set_xlabel("time [UTC]")
    figure.savefig(path, dpi=110, metadata={"Title": catalogue.provenance.source})


def _shade(axis: Any, catalogue: Catalogue) -> None:
    for event in catalogue.frame.itertuples():
        obstacle = event.mo_start_time
        if obstacle != obstacle:  # NaT: none stands out
            obstacle = event.icme_start_time
        axis.axvspan(event.icme_start_time, obstacle, color=_SHEATH, alpha=0.25, linewidth=0)
        axis.axvspan(obstacle, event.icme_end_time, color=_OBSTACLE, alpha=0.25, linewidth=0)


def _thinned(times: Any, values: Any) -> tuple[Any, Any]:
    """Return lowest and highest value of each of `_POINTS` / 2 stretches, gaps left as gaps."""
    step = 2 * -(-len(values) // _POINTS)
    if step <= 2:
        return times, values
    whole = len(values) // step * step
    stretches = values[:whole].reshape(-1, step)
    known = np.isfinite(stretches)
    low = np.where(known, stretches, np.inf).min(axis=1)
    high = np.where(known, stretches, -np.inf).max(axis=1)
    pairs = np.column_stack([low, high])
    pairs[~known.any(axis=1)] = np.nan
    return np.repeat(times[:whole:step], 2), pairs.ravel()
