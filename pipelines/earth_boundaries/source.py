"""What the pipeline reads: windows, files of moments, CDAWeb, simulated orbits, named by text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.contract import Progress, Span, silent
from pipelines.earth_boundaries.fetch import fetch_moments
from pipelines.earth_boundaries.files import read_folder, read_moments
from pipelines.earth_boundaries.instruments import find_mission
from pipelines.earth_boundaries.moments import MomentSeries
from pipelines.earth_boundaries.windows import Windows, read_windows, window_files
from pipelines.errors import SourceError
from pipelines.sources.words import ends_of_span, parts_of, seed_of

#: Shapes of a source's text; anything else is the path of a file.
FORMS = (
    "path/to/moments.csv[.gz]",
    "path/to/folder",
    "path/to/windows.npz",
    "speasy:SPACECRAFT/START/STOP",
    "simulation:START/STOP[/SEED]",
)

Source = str | Path | MomentSeries


@dataclass(frozen=True)
class SeriesInMemory:
    """A series that was read as a whole; a `pipelines.contract.SpanSource`.

    Attributes
    ----------
    whole
        The series.
    """

    whole: MomentSeries

    @property
    def description(self) -> str:
        """What the series is."""
        return self.whole.description

    @property
    def extent(self) -> Span:
        """From its first minute to the end of its last."""
        return self.whole.extent

    def digest(self, span: Span) -> str:
        """Return the digest of the measurements within a span."""
        return self.whole.digest(span)


def is_windows(source: object) -> bool:
    """Return whether a source names a file of windows, or a folder with such."""
    if not isinstance(source, str | Path):
        return False
    path = Path(source)
    return path.suffix.lower() == ".npz" or (path.is_dir() and bool(window_files(path)))


def open_windows(source: str | Path) -> Windows:
    """Read a file of windows, or all those of a folder.

    Raises
    ------
    SourceError
        If it cannot be read.
    """
    return read_windows(Path(source))


def open_series(
    source: Source | SeriesInMemory,
    *,
    spacecraft: str | None = None,
    span: Span | None = None,
    progress: Progress = silent,
) -> SeriesInMemory:
    """Return the series that a text names.

    Parameters
    ----------
    source
        A series, what was opened already, a path, or one of the other `FORMS`.
    spacecraft
        Who measured, when a file's name does not tell.
    span
        From CDAWeb no more than this is fetched.
    progress
        Told while data are fetched or simulated.

    Raises
    ------
    SourceError
        If the source is of none of these forms, cannot be read, or holds windows: those have no
        times, so nothing can be found in them, only named.
    """
    if isinstance(source, SeriesInMemory):
        return source
    if isinstance(source, MomentSeries):
        return SeriesInMemory(source)
    if is_windows(source):
        raise SourceError(
            f"{source}: windows have no times, so there are no crossings to be found in them",
            hint="epntap evaluate earth_boundaries names their regions",
        )
    service, colon, request = str(source).partition(":")
    if colon and service == "speasy":
        name, first, last = parts_of(str(source), request, 3, 3, FORMS)
        wanted = _span(str(source), first, last)
        if span is not None:
            wanted = Span(max(wanted.start, span.start), min(wanted.stop, span.stop))
        ends = (np.datetime64(each, "us") for each in (wanted.start, wanted.stop))
        return SeriesInMemory(fetch_moments(find_mission(name), *ends, progress=progress))
    if colon and service == "simulation":
        first, last, *seed = parts_of(str(source), request, 2, 3, FORMS)
        wanted = _span(str(source), first, last)
        return SeriesInMemory(_simulated(wanted, seed_of(seed[0]) if seed else 1, progress))
    path = Path(source)
    read = read_folder if path.is_dir() else read_moments
    return SeriesInMemory(read(path, spacecraft))


def _simulated(span: Span, seed: int, progress: Progress) -> MomentSeries:
    from pipelines.earth_boundaries.simulate import simulate

    days = (span.stop - span.start).total_seconds() / 86_400
    start = np.datetime64(span.start, "us")
    return simulate(start=start, days=days, seed=seed, progress=progress).series


def _span(source: str, start: str, stop: str) -> Span:
    first, last = ends_of_span(source, start, stop, "m")
    return Span(first.astype("datetime64[us]").item(), last.astype("datetime64[us]").item())
