"""What was done to measurements before they were put on the grid: counted, told, recorded."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cadence:
    """A distance in time that neighbouring samples keep for a while.

    Attributes
    ----------
    seconds
        The distance.
    share
        Part of all neighbours that have it, 0 to 1.
    """

    seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What was done to the samples of a source.

    Attributes
    ----------
    samples
        Rows, or times of a variable, that were read.
    fill_values
        Values that stood for a missing one and became gaps.
    spikes_field, spikes_plasma
        Samples that jumped out and back and became gaps, of either instrument.
    unordered
        Samples that came after a later one, and were sorted.
    repeated
        Rows that said again what another row of the same time says, and were left out.
    contradicting
        Samples of a service that differ from another of the same time; the mean is used.
    cadences
        Of the samples, the most frequent first; those of less than 1 % are left out.
    converted
        Columns that came in other units, as ``vt from m / s``.
    missing
        Channels without a single measurement.
    position
        Where the position comes from; empty when it is the ephemeris.
    """

    samples: int = 0
    fill_values: int = 0
    spikes_field: int = 0
    spikes_plasma: int = 0
    unordered: int = 0
    repeated: int = 0
    contradicting: int = 0
    cadences: tuple[Cadence, ...] = ()
    converted: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    position: str = ""

    def as_dict(self) -> Mapping[str, Any]:
        """Return plain values for the record of a run."""
        return asdict(self)

    def plus(self, other: Cleaning) -> Cleaning:
        """Return the account of two parts of a source; cadences are those of the first."""
        counts = {
            name: getattr(self, name) + getattr(other, name)
            for name in (
                "samples",
                "fill_values",
                "spikes_field",
                "spikes_plasma",
                "unordered",
                "repeated",
                "contradicting",
            )
        }
        return replace(
            self,
            **counts,
            converted=tuple(dict.fromkeys(self.converted + other.converted)),
            missing=tuple(name for name in self.missing if name in other.missing),
            position=self.position or other.position,
        )

    def told(self) -> Iterator[str]:
        """Yield a sentence for each kind of thing that was done; nothing for clean data."""
        counts = (
            (self.fill_values, "fill values that became gaps"),
            (self.spikes_field, "spikes of the magnetic field that became gaps"),
            (self.spikes_plasma, "spikes of the plasma that became gaps"),
            (self.unordered, "samples out of order of time, sorted"),
            (self.repeated, "rows that repeat another one, left out"),
            (self.contradicting, "samples that contradict another of their time, averaged"),
        )
        for count, what in counts:
            if count:
                yield f"{what}: {count}"
        if self.missing:
            yield f"channels without measurements: {', '.join(self.missing)}"
        if self.converted:
            yield f"units were converted: {', '.join(self.converted)}"
        if len(self.cadences) > 1:
            each = (f"{one.seconds:g} s ({100 * one.share:.0f} %)" for one in self.cadences)
            yield f"the cadence changes: {', '.join(each)}"

    def tell(self, description: str) -> None:
        """Tell the user what was done, in one line of the log."""
        told = list(self.told())
        if told:
            log.warning("%s: %s", description, "; ".join(told))
