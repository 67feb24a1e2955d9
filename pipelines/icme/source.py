"""What the solar-wind pipelines read: files, CDAWeb, hourly OMNI, simulations, named by text."""

from __future__ import annotations

from pathlib import Path

from pipelines.contract import Progress, Span, silent
from pipelines.errors import NoDataError
from pipelines.sources.cdaweb import fetch_insitu
from pipelines.sources.files import read_insitu
from pipelines.sources.insitu import InSituSeries
from pipelines.sources.omni import read_omni
from pipelines.sources.spacecraft import Spacecraft, find_spacecraft
from pipelines.sources.spans import SeriesInMemory, SeriesOnDemand, on_grid, to_datetime64
from pipelines.sources.words import ends_of_span, parts_of, seed_of

#: Shapes of a source's text; anything else is the path of a file.
FORMS = (
    "path/to/file.csv[.gz]",
    "speasy:SPACECRAFT/START/STOP",
    "omni:path/to/hourly.csv[.gz]",
    "simulation:START/STOP[/SEED]",
)


def open_source(
    source: str | Path | InSituSeries,
    *,
    spacecraft: str | None = None,
    progress: Progress = silent,
) -> InSituSeries:
    """Return the series that a text names.

    Parameters
    ----------
    source
        A series (returned as it is), a path, or one of the other `FORMS`.
    spacecraft
        Who measured, when a file's name does not tell.
    progress
        Told while data are fetched or simulated.

    Raises
    ------
    SourceError
        If the source is of none of these forms or cannot be read.
    """
    opened = open_spans(source, spacecraft=spacecraft, progress=progress)
    series = opened.series()
    if series is None:
        raise NoDataError(f"{opened.description} has no measurements")
    return series


def open_spans(
    source: str | Path | InSituSeries | SeriesInMemory | SeriesOnDemand,
    *,
    spacecraft: str | None = None,
    progress: Progress = silent,
) -> SeriesInMemory | SeriesOnDemand:
    """Return what a text names, ready to be worked on span by span.

    Files are read at once; CDAWeb is asked, and wind simulated, when a span is wanted.

    Parameters
    ----------
    source, spacecraft, progress
        As for `open_source`; what was opened already is returned as it is.

    Raises
    ------
    SourceError
        If the source is of none of the `FORMS` or cannot be read.
    """
    if isinstance(source, SeriesInMemory | SeriesOnDemand):
        return source
    if isinstance(source, InSituSeries):
        return SeriesInMemory(source)
    service, colon, request = str(source).partition(":")
    if colon and service == "speasy":
        name, start, stop = parts_of(str(source), request, 3, 3, FORMS)
        return _cdaweb(find_spacecraft(name), _span(str(source), start, stop), progress)
    if colon and service == "omni":
        return SeriesInMemory(read_omni(Path(request)))
    if colon and service == "simulation":
        start, stop, *seed = parts_of(str(source), request, 2, 3, FORMS)
        span = _span(str(source), start, stop)
        return _simulated(span, seed_of(seed[0]) if seed else 1, progress)
    craft = find_spacecraft(spacecraft) if spacecraft else None
    return SeriesInMemory(read_insitu(Path(source), craft))


def _cdaweb(craft: Spacecraft, extent: Span, progress: Progress) -> SeriesOnDemand:
    def fetch(span: Span) -> InSituSeries | None:
        first, last = to_datetime64(span.start), to_datetime64(span.stop)
        try:
            return fetch_insitu(craft, first, last, progress=progress)
        except NoDataError:
            return None  # a gap of the mission: nothing is found there, and that is an answer

    name = f"CDAWeb {craft.name} from {extent.start} to {extent.stop}"
    return SeriesOnDemand(name, extent, fetch)


def _simulated(extent: Span, seed: int, progress: Progress) -> SeriesOnDemand:
    def fetch(span: Span) -> InSituSeries:
        from pipelines.icme.simulate import simulated_wind

        first, last = to_datetime64(span.start), to_datetime64(span.stop)
        began = to_datetime64(extent.start)
        return simulated_wind(began, first, last, seed=seed, progress=progress)

    name = f"simulated solar wind, seed {seed}, from {extent.start}"
    return SeriesOnDemand(name, extent, fetch)


def _span(source: str, start: str, stop: str) -> Span:
    return on_grid(*ends_of_span(source, start, stop))
