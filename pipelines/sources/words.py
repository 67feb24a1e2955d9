"""Parts of the text that names a source: spans and seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipelines.errors import SourceError


def parts_of(source: str, request: str, least: int, most: int, forms: Sequence[str]) -> list[str]:
    """Return what stands between the slashes of a request.

    Parameters
    ----------
    source, request
        The whole text, and what follows its service.
    least, most
        How many parts it may have.
    forms
        How sources are written, for the hint.

    Raises
    ------
    SourceError
        If it has another number of parts, or an empty one.
    """
    parts = request.split("/")
    if not least <= len(parts) <= most or not all(parts):
        raise SourceError(f"{source!r} is not a source", hint=f"write one of {'; '.join(forms)}")
    return parts


def ends_of_span(
    source: str, start: str, stop: str, unit: str = "us"
) -> tuple[np.datetime64, np.datetime64]:
    """Return both ends of a span, UTC, with the resolution of a unit of numpy.

    Raises
    ------
    SourceError
        If one is no time, or they are not in order.
    """
    first, last = _time(start, unit), _time(stop, unit)
    if first >= last:
        raise SourceError(f"{source!r} ends before it starts", hint="write the earlier time first")
    return first, last


def seed_of(text: str) -> int:
    """Return a seed.

    Raises
    ------
    SourceError
        If it is no whole number.
    """
    try:
        return int(text)
    except ValueError:
        raise SourceError(f"{text!r} is not a seed", hint="a seed is a whole number") from None


def _time(text: str, unit: str) -> np.datetime64:
    try:
        return np.datetime64(text, unit)
    except ValueError:
        raise SourceError(
            f"{text!r} is not a time", hint="write it as 2019-05-10 or 2019-05-10T17:10, in UTC"
        ) from None
