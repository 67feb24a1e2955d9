"""What the ICME pipeline reads: files, CDAWeb, hourly OMNI, a simulation, all named by text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.errors import SourceError
from pipelines.sources.cdaweb import fetch_insitu
from pipelines.sources.files import read_insitu
from pipelines.sources.insitu import InSituSeries
from pipelines.sources.omni import read_omni
from pipelines.sources.spacecraft import find_spacecraft

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
    if isinstance(source, InSituSeries):
        return source
    service, colon, request = str(source).partition(":")
    if colon and service == "speasy":
        name, start, stop = _parts(str(source), request, 3, 3)
        return fetch_insitu(find_spacecraft(name), _time(start), _time(stop), progress=progress)
    if colon and service == "omni":
        return read_omni(Path(request))
    if colon and service == "simulation":
        from pipelines.icme.simulate import simulate

        start, stop, *seed = _parts(str(source), request, 2, 3)
        days = (_time(stop) - _time(start)) / np.timedelta64(1, "D")
        simulation = simulate(
            start=_time(start), days=days, seed=_seed(seed[0]) if seed else 1, progress=progress
        )
        return simulation.series
    return read_insitu(Path(source), find_spacecraft(spacecraft) if spacecraft else None)


def _parts(source: str, request: str, least: int, most: int) -> list[str]:
    parts = request.split("/")
    if not least <= len(parts) <= most or not all(parts):
        raise SourceError(f"{source!r} is not a source", hint=f"write one of {'; '.join(FORMS)}")
    return parts


def _time(text: str) -> np.datetime64:
    try:
        return np.datetime64(text, "us")
    except ValueError:
        raise SourceError(
            f"{text!r} is not a time", hint="write it as 2019-05-10 or 2019-05-10T17:10, in UTC"
        ) from None


def _seed(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SourceError(f"{text!r} is not a seed", hint="a seed is a whole number") from None
