"""Runs of the detector on request: what may be asked for, and the plot that comes with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.contract import Catalogue, Progress, Span
from pipelines.earth_boundaries.instruments import missions
from pipelines.errors import NoDataError, SourceError, require
from pipelines.request import SIMULATION, RequestForm, RequestParameter, check_spacecraft

if TYPE_CHECKING:
    from pipelines.earth_boundaries.source import SeriesInMemory

_NAMES = (*(each.name for each in missions() if each.key != SIMULATION), SIMULATION)

FORM = RequestForm(
    parameters=(
        RequestParameter(
            "spacecraft",
            "choice",
            "Who measured; for a time span, whose data are fetched from CDAWeb, or simulated",
            choices=_NAMES,
        ),
        RequestParameter(
            "seed", "int", "Of the simulated orbit, for spacecraft=simulation", 1, low=0,
            high=2**31 - 1,
        ),
    ),
    longest_span=timedelta(days=100),
    file_formats=("csv", "csv.gz"),
    file_description=(
        "Columns time (ISO 8601, UTC), bx, by, bz (nT), n (cm-3), vx, vy, vz (km/s), t (eV) and x, "
        "y, z (km), all in GSE, at any cadence up to a minute; field, plasma or place may be "
        "missing; empty cells are gaps."
    ),
    needs=("torch", "scipy", "safetensors", "matplotlib"),
)  # fmt: skip

_COLOURS = {"bow_shock": "tab:red", "magnetopause": "tab:purple"}


def check_request(*, span: Span | None, has_file: bool, values: Mapping[str, Any]) -> None:
    """Refuse what cannot work; see `pipelines.request.RequestPipeline`.

    Raises
    ------
    PipelineError
        If the spacecraft is missing, or its data cannot be fetched here.
    """
    check_spacecraft(_NAMES, span=span, has_file=has_file, values=values)


def request_source(
    *,
    span: Span | None,
    file: Path | None,
    values: Mapping[str, Any],
    margin: timedelta,
    progress: Progress,
) -> tuple[SeriesInMemory, Mapping[str, Any]]:
    """Return what is asked for, and the options of a run; see `RequestPipeline`.

    With a file, a span is where crossings may lie. `margin` is that of the pipeline.

    Raises
    ------
    PipelineError
        If the source cannot be used.
    """
    # Reading needs pandas; a server that shows the form does not read.
    from pipelines.earth_boundaries.source import open_series

    check_request(span=span, has_file=file is not None, values=values)
    craft = values["spacecraft"]
    options = {} if span is None else {"span": span}
    if file is not None:
        return open_series(file, spacecraft=craft, progress=progress), options
    if span is None:
        raise SourceError("neither a time span nor a file is given")
    if craft == SIMULATION:
        ends = f"{span.start.isoformat()}/{span.stop.isoformat()}"
        return open_series(f"simulation:{ends}/{values['seed']}", progress=progress), {}
    # With what lies around it, the rows are those that a catalogue of the mission has.
    ends = f"{(span.start - margin).isoformat()}/{(span.stop + margin).isoformat()}"
    return open_series(f"speasy:{craft}/{ends}", progress=progress), options


def draw(source: SeriesInMemory, catalogue: Catalogue, path: Path) -> None:
    """Draw field and moments with the crossings, as a PNG file.

    Bow shocks are red, magnetopauses violet; lines are solid where the spacecraft goes inwards.

    Raises
    ------
    PipelineError
        If there is nothing to draw, or matplotlib is not installed.
    """
    require("matplotlib")
    import numpy as np
    from matplotlib.figure import Figure

    from pipelines.earth_boundaries.moments import FIELD

    series = source.whole
    if series is None or len(series) == 0:
        raise NoDataError(f"{source.description} has no measurements")
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(4, 1, sharex=True)
    time, field = series.time, series.vectors(FIELD)
    axes[0].plot(time, np.linalg.norm(field, axis=1), color="black", linewidth=0.8, label="|B|")
    for column, name in zip(field.T, FIELD, strict=True):
        axes[0].plot(time, column, linewidth=0.5, label=name)
    axes[0].set_ylim(-100, 100)
    axes[0].legend(loc="upper right", fontsize=8, ncols=4)
    for axis, channel in zip(axes[1:], ("n", "t", "vx"), strict=True):
        axis.plot(time, series.channel(channel), color="black", linewidth=0.7)
    for axis in axes[1:3]:
        axis.set_yscale("log", nonpositive="mask")
    labels = ("B [nT]", "N [cm$^{-3}$]", "T [eV]", "V$_x$ [km/s]")
    for axis, label in zip(axes, labels, strict=True):
        axis.set_ylabel(label)
        for row in catalogue.frame.itertuples():
            style = "-" if row.direction == "inward" else "--"
            axis.axvline(row.crossing_time, color=_COLOURS[row.boundary], ls=style, linewidth=0.8)
    axes[0].set_title(f"{series.spacecraft}, crossings found: {len(catalogue.frame)}")
    asked = catalogue.provenance.parameters.get("span")
    axes[-1].set_xlim(*(np.array(asked, "datetime64[us]") if asked else time[[0, -1]]))
    axes[-1].set_xlabel("time [UTC]")
    figure.savefig(path, dpi=110, metadata={"Title": catalogue.provenance.source})
