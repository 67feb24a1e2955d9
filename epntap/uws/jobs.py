"""A job as UWS 1.1 knows it, and what it may be asked (UWS 1.1, section 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

#: Name and value, in the order in which they came; names are compared without case.
Pairs = tuple[tuple[str, str], ...]


class Phase(StrEnum):
    """Where a job is in its life (UWS 1.1, section 2.1.3)."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    ABORTED = "ABORTED"

    @property
    def active(self) -> bool:
        """Whether it can still change."""
        return self in _ACTIVE


_ACTIVE = frozenset({Phase.PENDING, Phase.QUEUED, Phase.EXECUTING})

#: Phases of the standard that no job has here; a list may be asked for them all the same.
UNUSED_PHASES = frozenset({"UNKNOWN", "HELD", "SUSPENDED", "ARCHIVED"})


@dataclass(frozen=True, slots=True)
class JobInput:
    """A file that came with a request.

    Attributes
    ----------
    name
        Of the part of the request that it was.
    key
        In the results store.
    size
        In bytes.
    """

    name: str
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class JobResult:
    """A file that a job made.

    Attributes
    ----------
    id
        Its name below ``/results``.
    key
        In the results store.
    mime
        Its content type.
    size
        In bytes.
    """

    id: str
    key: str
    mime: str
    size: int


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a job ended in ERROR; it is transient when the same request may succeed another time."""

    message: str
    transient: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is stored; times are aware.

    Attributes
    ----------
    job_id
        128 random bits: whoever knows it may do with the job what can be done.
    service
        The job list it belongs to.
    parameters
        As the client gave them, without those of UWS itself.
    inputs
        Files that came with them.
    client
        Address of the client.
    execution_seconds
        Time that it may run.
    attempt
        Number of times that a worker has taken it.
    """

    job_id: str
    service: str
    phase: Phase
    run_id: str | None
    owner_id: str | None
    parameters: Pairs
    inputs: tuple[JobInput, ...]
    client: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    execution_seconds: int
    destruction: datetime
    quote: datetime | None
    attempt: int
    results: tuple[JobResult, ...]
    error: JobFailure | None


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that is to be stored, see `Job`."""

    job_id: str
    service: str
    run_id: str | None
    parameters: Pairs
    inputs: tuple[JobInput, ...]
    client: str
    execution_seconds: int
    destruction: datetime


@dataclass(frozen=True, slots=True)
class JobReference:
    """A job in a list."""

    job_id: str
    phase: Phase
    run_id: str | None
    owner_id: str | None
    created: datetime


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a list shall show (UWS 1.1, section 2.2.2.1); the conditions are combined.

    Attributes
    ----------
    phases
        One of these; none means any.
    after
        Created later than this.
    last
        No more than so many, the newest first.
    """

    phases: frozenset[str] = frozenset()
    after: datetime | None = None
    last: int | None = None


def replaced(old: Pairs, new: Sequence[tuple[str, str]]) -> Pairs:
    """Return parameters after some were posted again: each name has its new values, no others.

    Examples
    --------
    >>> replaced((("QUERY", "a"), ("runid", "x")), [("RUNID", "y")])
    (('QUERY', 'a'), ('RUNID', 'y'))
    """
    names = {name.upper() for name, _ in new}
    return (*((name, value) for name, value in old if name.upper() not in names), *new)
