"""The page that ``make soak`` writes: what the crowd asked for, and what is held against it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.crowd import Record

#: Growth of memory from the first third of the time to the last that is taken for none: what
#: allocators keep of it differs from minute to minute.
_STEADY = 1.05

#: Seconds that a client may hold a connection beyond the two stretches of waiting in which it is
#: found: the first may begin with megabytes that its system took at once.
_MARGIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Look:
    """The service at one moment.

    Attributes
    ----------
    at
        Seconds since the beginning.
    memory
        Resident memory of its processes, in MB.
    sockets
        Open sockets of its processes.
    connections, active, forgotten
        Its connections to PostgreSQL; those at work; those idle in a transaction for long.
    """

    at: float
    memory: float
    sockets: int
    connections: int
    active: int
    forgotten: int


@dataclass(frozen=True, slots=True)
class Course:
    """The looks that were taken: before the crowd, while it was there, and after it."""

    before: Look
    during: Sequence[Look]
    after: Look

    def memory_of_third(self, third: int) -> float:
        """Return the median memory in MB of the first (0), second or last (2) third of the time."""
        count = len(self.during)
        part = self.during[count * third // 3 : count * (third + 1) // 3] or [self.before]
        return statistics.median(each.memory for each in part)


@dataclass(frozen=True, slots=True)
class Criterion:
    """Something that must hold, what was found, and whether it holds."""

    what: str
    found: str
    is_met: bool


def criteria(record: Record, course: Course, stall_seconds: float) -> list[Criterion]:
    """Return what the soak is about.

    Parameters
    ----------
    record, course
        What became of the requests, and of the service.
    stall_seconds
        How long the service waits for a client in one stretch.
    """
    before, after = course.before, course.after
    first, last = course.memory_of_third(0), course.memory_of_third(2)
    forgotten = max((each.forgotten for each in course.during), default=0)
    clients = after.sockets - after.connections - (before.sockets - before.connections)
    longest = max(record.held.values(), default=0.0)
    bound = 2 * stall_seconds + _MARGIN_SECONDS
    return [
        Criterion(
            "no answer is wrong, broken or lost; every refusal is a 503 with Retry-After",
            f"{len(record.faults)} faults",
            not record.faults,
        ),
        Criterion(
            "memory does not grow: last third of the time against the first",
            f"{first:.0f} MB, then {last:.0f} MB",
            last <= _STEADY * first,
        ),
        Criterion(
            "no connection to a client stays open after it has gone",
            f"{clients} more sockets than before",
            clients <= 0,
        ),
        Criterion(
            "no connection to PostgreSQL is at work after the crowd has gone",
            f"{after.active} of {after.connections}",
            after.active == 0,
        ),
        Criterion("none is idle in a transaction", f"{forgotten} at most", forgotten == 0),
        Criterion(
            f"slow and half-open clients hold a connection for {bound:.0f} s at most",
            f"{longest:.0f} s",
            longest <= bound,
        ),
    ]


def page(known: dict[str, str], record: Record, course: Course, found: Sequence[Criterion]) -> str:
    """Return the page.

    Parameters
    ----------
    known
        When, how many, on what machine.
    record, course, found
        What is told.
    """
    lines = [
        "# A crowd of clients",
        "",
        "Written by `make soak`; do not edit. Each client has an address of its own.",
        "",
        *(f"- {name}: {value}" for name, value in known.items()),
        "",
        "| criterion | found | |",
        "|---|---|---|",
        *(f"| {each.what} | {each.found} | {_verdict(each)} |" for each in found),
        "",
        "Seconds until an answer was there whole, of those that were not refused:",
        "",
        "| request | answers | refused (503) | p50 | p99 | worst |",
        "|---|---|---|---|---|---|",
        *(_row(record, kind) for kind in sorted(record.statuses)),
        _total(record),
        "",
        *(f"- fault: `{fault}`" for fault in record.faults[:10]),
        *(f"- {how}: {count}" for how, count in sorted(record.cut.items())),
        *(f"- longest {kind}: {time:.0f} s" for kind, time in sorted(record.held.items())),
        *_course(course),
        "",
    ]
    return "\n".join(lines)


def _verdict(criterion: Criterion) -> str:
    return "met" if criterion.is_met else "MISSED"


def _row(record: Record, kind: str) -> str:
    times = sorted(record.seconds.get(kind, []))
    refused = record.statuses[kind].get(503, 0)
    if not times:
        return f"| {kind} | 0 | {refused} | | | |"
    p99 = times[min(len(times) - 1, int(0.99 * len(times)))]
    median = statistics.median(times)
    return f"| {kind} | {len(times)} | {refused} | {median:.3f} | {p99:.3f} | {times[-1]:.3f} |"


def _total(record: Record) -> str:
    answers = sum(map(len, record.seconds.values()))
    refused = sum(each.get(503, 0) for each in record.statuses.values())
    share = 100 * refused / max(answers + refused, 1)
    return f"| all | {answers} | {refused} ({share:.1f} %) | | | |"


def _course(course: Course) -> list[str]:
    before, during, after = course.before, course.during, course.after
    most = max((each.connections for each in during), default=0)
    series = ", ".join(f"{each.memory:.0f}" for each in during)
    return [
        f"- memory: {before.memory:.0f} MB before, "
        f"{max((each.memory for each in during), default=0.0):.0f} MB at most, "
        f"{after.memory:.0f} MB {after.at - (during[-1].at if during else 0):.0f} s after; "
        f"over time: {series}",
        f"- connections to PostgreSQL: {before.connections} before, {most} at most, "
        f"{after.connections} after",
    ]
