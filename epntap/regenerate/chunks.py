"""A span of time cut into chunks on a grid that is the same in every run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from epntap.plugins import Span

#: Origin of the grid; it must never change, since what is stored is known by the chunk's ends.
_ORIGIN = datetime(2000, 1, 1)

#: Work items that a run is put in line as, and chunks that one of them may have at most: small
#: chunks share the price of a place in line, and what a lost worker has to leave stays small.
_ITEMS = 50
_LARGEST_BATCH = 50


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a run.

    Attributes
    ----------
    number
        Place in the run, from 1, in order of time.
    span
        Time whose events are found in it.
    """

    number: int
    span: Span

    def __str__(self) -> str:
        start, stop = self.span.start, self.span.stop
        return f"chunk {self.number} ({start:%Y-%m-%d %H:%M} to {stop:%Y-%m-%d %H:%M})"


def cut(span: Span, length: timedelta) -> tuple[Chunk, ...]:
    """Cut a span at the lines of the grid; the first and the last chunk may be shorter.

    Parameters
    ----------
    span
        What to cut; not empty.
    length
        Distance of the lines.

    Returns
    -------
    tuple of Chunk
        Without gaps and overlaps, in order of time.
    """
    chunks: list[Chunk] = []
    start = span.start
    while start < span.stop:
        line = _ORIGIN + ((start - _ORIGIN) // length + 1) * length
        stop = min(line, span.stop)
        chunks.append(Chunk(len(chunks) + 1, Span(start, stop)))
        start = stop
    return tuple(chunks)


def batches(numbers: Iterable[int], total: int) -> tuple[tuple[int, ...], ...]:
    """Group chunks into work items.

    Parameters
    ----------
    numbers
        Of the chunks that are to be worked at.
    total
        How many chunks the run has.

    Returns
    -------
    tuple of tuple of int
        Neighbours stand together, so that an item opens its source once for one stretch of time.
    """
    size = min(_LARGEST_BATCH, -(-total // _ITEMS))
    found: list[list[int]] = []
    for number in sorted(numbers):
        if not found or len(found[-1]) == size or number != found[-1][-1] + 1:
            found.append([])
        found[-1].append(number)
    return tuple(tuple(batch) for batch in found)


def hull(spans: Sequence[Span]) -> Span:
    """Return the smallest span that holds all of the given ones, at least one."""
    return Span(min(span.start for span in spans), max(span.stop for span in spans))
