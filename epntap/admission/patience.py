"""How slow a client may be while the service waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from epntap.settings import Settings


@dataclass(frozen=True, slots=True)
class Patience:
    """What a client must move, to or from the service, while the service waits for it.

    Attributes
    ----------
    seconds
        Length of a stretch of waiting.
    rate
        Bytes per second that must have been moved in each stretch, on average; with 0 a single
        byte in a stretch will do.
    """

    seconds: float
    rate: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the patience that the settings describe."""
        return cls(settings.stall_seconds, settings.stall_rate)


class Stretch:
    """One stretch of waiting after the other.

    Parameters
    ----------
    patience
        What is asked of each.
    now
        When the waiting begins, in seconds of any clock.
    moved
        Bytes that were moved until then.
    """

    def __init__(self, patience: Patience, now: float, moved: int) -> None:
        self._patience = patience
        self._begin(now, moved)

    @property
    def end(self) -> float:
        """When this stretch is over."""
        return self._end

    def extend(self, seconds: float) -> None:
        """Do not count some time that nobody waited for the client."""
        self._end += seconds

    def is_failed(self, now: float, moved: int) -> bool:
        """Say whether this stretch is over and too little was moved in it; begin the next one."""
        if now < self._end:
            return False
        wanted = max(1, self._patience.rate * self._patience.seconds)
        is_failed = moved - self._moved < wanted
        self._begin(now, moved)
        return is_failed

    def _begin(self, now: float, moved: int) -> None:
        self._end = now + self._patience.seconds
        self._moved = moved
