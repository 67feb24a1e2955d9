"""Runs of the detector on request: what may be asked for, and the plot that comes with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.contract import Catalogue, Progress, Span
from pipelines.errors import NoDataError, PipelineError, SourceError, require
from pipelines.request import SIMULATION, RequestForm, RequestParameter

if TYPE_CHECKING:
    from pipelines.mercury_boundaries.series import MagSeries

_NAMES: Final = ("MESSENGER", SIMULATION)

FORM: Final = RequestForm(
    parameters=(
        RequestParameter(
            "spacecraft", "choice", "Who measured; MESSENGER for a file, or simulated orbits",
            choices=_NAMES,
        ),
        RequestParameter(
            "position", "choice", "Whether the detector may know where the spacecraft is", "yes",
            choices=("yes", "no"),
        ),
        RequestParameter(
            "seed", "int", "Of the simulated orbits, for spacecraft=simulation", 1, low=0,
            high=2**31 - 1,
        ),
    ),
    longest_span=timedelta(days=88),
    file_formats=("csv", "csv.gz"),
    file_description=(
        "Columns time (ISO 8601, UTC), magx, magy, magz (nT) and ephx, ephy, ephz (Mercury radii), "
        "in aberrated MSM, at one second; empty cells are gaps."
    ),
    needs=("torch", "scipy", "safetensors", "matplotlib"),
)  # fmt: skip

_COLOURS: Final = {"bow_shock": "tab:red", "magnetopause": "tab:purple"}

#: The longest simulation: it is computed second by second.
_LONGEST_SIMULATION: Final = timedelta(days=20)

#: Points that a line of the plot has at most.
_POINTS: Final = 40_000


def check_request(*, span: Span | None, has_file: bool, values: Mapping[str, Any]) -> None:
    """Refuse what cannot work; see `pipelines.request.RequestPipeline`.

    Raises
    ------
    PipelineError
        If nothing says who measured, or there would be nothing to search.
    """
    craft = values.get("spacecraft")
    if craft is None:
        raise PipelineError(
            "nothing says who measured", hint=f"SPACECRAFT is one of {', '.join(_NAMES)}"
        )
    if has_file:
        return
    if craft != SIMULATION:
        raise PipelineError(
            f"this service does not fetch data of {craft}",
            hint=f"send an orbit as FILE, or ask for SPACECRAFT={SIMULATION}",
        )
    if span is not None and span.stop - span.start > _LONGEST_SIMULATION:
        raise PipelineError(
            f"{(span.stop - span.start).days} days are too many to be simulated",
            hint=f"ask for {_LONGEST_SIMULATION.days} days at most",
        )


def request_source(
    *,
    span: Span | None,
    file: Path | None,
    values: Mapping[str, Any],
    margin: timedelta,
    progress: Progress,
) -> tuple[MagSeries, Mapping[str, Any]]:
    """Return what is asked for, and the options of a run; see `RequestPipeline`.

    With a file, a span is where crossings may begin. Simulated orbits end with the span, so that
    the margin is not needed.

    Raises
    ------
    PipelineError
        If the source cannot be used.
    """
    # Reading needs pandas; a server that shows the form does not read.
    from pipelines.mercury_boundaries.orbit import HIGHEST, LOWEST, Ellipse
    from pipelines.mercury_boundaries.source import open_source

    check_request(span=span, has_file=file is not None, values=values)
    options: dict[str, Any] = {"position": values.get("position", "yes") == "yes"}
    if file is not None:
        return open_source(file, progress=progress), options | ({"span": span} if span else {})
    if span is None:
        raise SourceError("neither a time span nor a file is given")
    # Some orbits are as low as the later ones of the mission, and take less time.
    orbits = (span.stop - span.start).total_seconds() / Ellipse(LOWEST, 0.67 * HIGHEST).period
    start = span.start.isoformat(timespec="seconds")
    source = f"simulation:{start}/{max(orbits, 0.5):.3f}/{values.get('seed', 1)}"
    return open_source(source, progress=progress), options | {"span": span}


def draw(source: MagSeries, catalogue: Catalogue, path: Path) -> None:
    """Draw the field with the crossings shaded, as a PNG file.

    Bow shocks are red, magnetopauses violet.

    Raises
    ------
    PipelineError
        If there is nothing to draw, or matplotlib is not installed.
    """
    require("matplotlib")
    import numpy as np
    from matplotlib.figure import Figure

    asked = catalogue.provenance.parameters.get("span")
    series = source if asked is None else _within(source, asked)
    if len(series) == 0 or not np.isfinite(series.field).any():
        raise NoDataError(f"{source.description} has no measurements")
    step = -(-len(series) // _POINTS)
    time, field = series.time[::step], series.field[::step]
    figure = Figure(figsize=(11, 7), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True)
    axes[0].semilogy(time, np.linalg.norm(field, axis=1), color="black", linewidth=0.6)
    for column, name in zip(field.T, "xyz", strict=True):
        axes[1].plot(time, column, linewidth=0.5, label=f"B{name}")
    axes[1].set_ylim(-150, 150)
    axes[1].legend(loc="upper right", fontsize=8, ncols=3)
    axes[0].set_ylabel("|B| [nT]")
    axes[1].set_ylabel("B, MSO [nT]")
    for axis in axes:
        for row in catalogue.frame.itertuples():
            ends = (row.crossing_start, row.crossing_end)
            axis.axvspan(*ends, color=_COLOURS[row.boundary], alpha=0.4, linewidth=0.8)
    who = SIMULATION if series.simulated else series.spacecraft
    axes[0].set_title(f"{who}, crossings found: {len(catalogue.frame)}")
    axes[1].set_xlim(time[0], time[-1])
    axes[1].set_xlabel("time [UTC]")
    figure.savefig(path, dpi=110, metadata={"Title": catalogue.provenance.source})


def _within(series: MagSeries, ends: tuple[str, str]) -> MagSeries:
    import numpy as np

    first, last = np.array(ends, "datetime64[s]").astype(np.int64)
    return series.between(int(first), int(last))
