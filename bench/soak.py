"""``python -m bench.soak``: a crowd of clients for some minutes, and what became of them."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg2

from bench import machine
from bench.crowd import Record, crowd
from bench.service import Running
from bench.sources import PROJECT
from bench.stage import Plan, Stage

#: Seconds between two looks at the service.
_LOOK_SECONDS = 5.0

#: Seconds of rest after the crowd has gone.
_REST_SECONDS = 10.0

#: A transaction that is idle between two statements of one request is gone at the next look; one
#: that is idle for so many seconds was forgotten.
_FORGOTTEN_SECONDS = 5.0

_STATES = """
SELECT count(*), count(*) FILTER (WHERE state = 'active'),
       count(*) FILTER (WHERE state LIKE 'idle in transaction%%'
                          AND state_change < now() - %s * interval '1 second')
  FROM pg_stat_activity
 WHERE datname = current_database() AND application_name LIKE 'epntap %%'
   AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Look:
    """The service at one moment.

    Attributes
    ----------
    at
        Seconds since the beginning.
    memory
        Resident memory of its processes, in MB.
    connections, active, forgotten
        Its connections to PostgreSQL; those at work; those idle in a transaction for long.
    """

    at: float
    memory: float
    connections: int
    active: int
    forgotten: int


@dataclass
class Looks:
    """Looks at the service in regular intervals, in a thread.

    Parameters
    ----------
    service
        Which.
    owner
        An open connection of the database's owner.
    """

    service: Running
    owner: psycopg2.extensions.connection
    taken: list[Look] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look until `stop`."""
        start = time.perf_counter()
        while not self._stop.wait(_LOOK_SECONDS):
            self.taken.append(self.look(time.perf_counter() - start))

    def look(self, at: float) -> Look:
        """Return the service as it is now."""
        with self.owner.cursor() as cursor:
            cursor.execute(_STATES, (_FORGOTTEN_SECONDS,))
            row = cursor.fetchone() or (0, 0, 0)
        return Look(at, machine.resident(self.service.processes()), *row)

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()


def main() -> int:
    """Let the crowd in; the status is 1 if anything but a declared 503 went wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--page", type=Path, default=PROJECT / "docs" / "soak.md")
    options = parser.parse_args()
    stage = Stage(Plan(with_dachs=False))
    try:
        home = stage.with_events()
        with (
            home.opened() as database,
            database.owner() as owner,
            home.serving("--workers", str(options.processes)) as service,
        ):
            owner.autocommit = True
            looks = Looks(service, owner)
            # What every process loads once is no growth.
            asyncio.run(crowd(_port(service), 20, 10.0, 1))
            time.sleep(_REST_SECONDS)
            before = looks.look(0)
            thread = threading.Thread(target=looks.run)
            thread.start()
            record = asyncio.run(crowd(_port(service), options.clients, 60 * options.minutes, 1000))
            looks.stop()
            thread.join()
            time.sleep(_REST_SECONDS)
            after = looks.look(looks.taken[-1].at + _REST_SECONDS if looks.taken else 0)
    finally:
        stage.close()
    text, right = _report(options, record, before, looks.taken, after)
    print(text)
    options.page.write_text(text, encoding="utf-8")
    return 0 if right else 1


def _port(service: Running) -> int:
    return int(service.url.split(":")[2].split("/")[0])


def _report(
    options: argparse.Namespace, record: Record, before: Look, looks: list[Look], after: Look
) -> tuple[str, bool]:
    """Return the page, and whether all is as it should be."""
    known = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "clients": f"{options.clients}, {options.minutes:g} minutes",
        "processes": options.processes,
        **machine.describe(),
    }
    forgotten = max([each.forgotten for each in looks], default=0)
    right = not record.faults and forgotten == 0 and after.active == 0
    lines = [
        "# A crowd of clients",
        "",
        "Written by `make soak`; do not edit.",
        "",
        *(f"- {name}: {value}" for name, value in known.items()),
        "",
        "| request | answers | 503 | p50 s | p99 s | worst s |",
        "|---|---|---|---|---|---|",
        *(_row(record, kind) for kind in sorted(record.statuses)),
        "",
        f"- wrong answers, broken or lost: {len(record.faults)}",
        *(f"    - `{fault}`" for fault in record.faults[:10]),
        *(f"- {how}: {count}" for how, count in sorted(record.cut.items())),
        f"- memory: {before.memory:.0f} MB before, {_most(looks, 'memory'):.0f} MB at most,"
        f" {after.memory:.0f} MB after {_REST_SECONDS:g} s of rest",
        f"- memory over time, MB: {_series(looks)}",
        f"- connections to PostgreSQL: {before.connections} before,"
        f" {_most(looks, 'connections'):.0f} at most, {after.connections} after,"
        f" {after.active} of them at work",
        f"- idle in a transaction for {_FORGOTTEN_SECONDS:g} s: {forgotten} at most",
        f"- verdict: {'as it should be' if right else 'NOT AS IT SHOULD BE'}",
        "",
    ]
    return "\n".join(lines), right


def _row(record: Record, kind: str) -> str:
    times = sorted(record.seconds.get(kind, []))
    statuses = record.statuses[kind]
    refused = statuses.get(503, 0)
    if not times:
        return f"| {kind} | 0 | {refused} | | | |"
    p99 = times[min(len(times) - 1, int(0.99 * len(times)))]
    median = statistics.median(times)
    return f"| {kind} | {len(times)} | {refused} | {median:.3f} | {p99:.3f} | {times[-1]:.3f} |"


def _most(looks: list[Look], name: str) -> float:
    return max((float(getattr(each, name)) for each in looks), default=0.0)


def _series(looks: list[Look]) -> str:
    """Return a dozen of the looks at memory."""
    step = max(1, len(looks) // 12)
    return ", ".join(f"{each.memory:.0f}" for each in looks[::step])


if __name__ == "__main__":
    sys.exit(main())
