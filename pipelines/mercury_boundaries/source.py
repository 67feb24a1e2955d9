"""What the pipeline reads: files of the magnetometer, and simulated orbits, named by text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.errors import SourceError
from pipelines.mercury_boundaries.files import read_mag
from pipelines.mercury_boundaries.series import MagSeries

#: Shapes of a source's text.
FORMS = ("path/to/file.csv[.gz] or .TAB", "path/to/folder", "simulation:START/ORBITS[/SEED]")


def open_source(source: str | Path | MagSeries, *, progress: Progress = silent) -> MagSeries:
    """Return the series that a text names; a series is returned as it is.

    Raises
    ------
    SourceError
        If the source is of none of the `FORMS` or cannot be read.
    """
    if isinstance(source, MagSeries):
        return source
    service, colon, request = str(source).partition(":")
    if colon and service == "simulation":
        return _simulated(str(source), request, progress)
    return read_mag(Path(source), progress)


def _simulated(source: str, request: str, progress: Progress) -> MagSeries:
    from pipelines.mercury_boundaries.simulate import simulate

    parts = request.split("/")
    if not 2 <= len(parts) <= 3:
        raise SourceError(f"{source!r} is not a source", hint=f"write one of {'; '.join(FORMS)}")
    try:
        start, orbits = np.datetime64(parts[0], "s"), float(parts[1])
        seed = int(parts[2]) if len(parts) == 3 else 1
    except ValueError as error:
        raise SourceError(
            f"{source!r} cannot be understood: {error}",
            hint="write simulation:2012-01-01/4/7 for four orbits with seed 7",
        ) from error
    if not 0 < orbits <= 1000:
        raise SourceError(f"{orbits:g} orbits cannot be simulated", hint="ask for 1 to 1000")
    return simulate(start=start, orbits=orbits, seed=seed, progress=progress).series
