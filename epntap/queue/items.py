"""What a worker takes from the queue, and what the queue knows of the worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from epntap.queue.work import URGENT


@dataclass(frozen=True, slots=True)
class Item:
    """Work that was taken.

    Attributes
    ----------
    number
        Its number in the queue.
    task, arguments
        What is to be done.
    attempt
        How often it has been taken, this time included.
    returned
        How many of those were not its fault: the worker was told to stop.
    reason
        Why the last attempt was none; ``None`` for the first.
    priority
        With which it stood in line.
    """

    number: int
    task: str
    arguments: Mapping[str, Any]
    attempt: int
    returned: int
    reason: str | None
    priority: int

    @property
    def is_urgent(self) -> bool:
        """Whether somebody waits for it."""
        return self.priority >= URGENT

    @property
    def tries(self) -> int:
        """The attempts that count, this one included."""
        return self.attempt - self.returned


@dataclass(frozen=True, slots=True)
class WorkerCard:
    """What others can see of a worker (table ``epntap.worker``)."""

    name: str
    host: str
    pid: int
    queues: tuple[str, ...]
    concurrency: int


class WorkerUnknownError(Exception):
    """The queue does not know this worker any more: it was taken for lost."""


def read_item(number: int, task: str, envelope: Any, attempts: int, priority: int) -> Item:
    """Return what a row of the table of work says."""
    # What somebody else put into the queue has no envelope; its task is not one of ours either.
    content = envelope if isinstance(envelope, dict) else {}
    return Item(
        number=number,
        task=task,
        arguments=content.get("arguments", {}),
        attempt=attempts + 1,
        returned=content.get("returned", 0),
        reason=content.get("reason"),
        priority=priority,
    )
