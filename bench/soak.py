"""``python -m bench.soak``: a crowd of clients for some minutes, and what became of them."""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg2

from bench import machine
from bench.crowd import crowd
from bench.service import Running
from bench.soakpage import Course, Look, criteria, page
from bench.sources import PROJECT
from bench.stage import Plan, Stage
from epntap.settings import Settings

#: Seconds between two looks at the service.
_LOOK_SECONDS = 10.0

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
        pids = self.service.processes()
        return Look(at, machine.resident(pids), machine.open_sockets(pids), *row)

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()


def main() -> int:
    """Let the crowd in; the status is 1 if a criterion is missed."""
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
    found = criteria(record, Course(before, looks.taken, after), Settings().stall_seconds)
    text = page(_known(options), record, Course(before, looks.taken, after), found)
    print(text)
    options.page.write_text(text, encoding="utf-8")
    return 0 if all(each.is_met for each in found) else 1


def _known(options: argparse.Namespace) -> dict[str, str]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "clients": f"{options.clients}, {options.minutes:g} minutes",
        "processes": str(options.processes),
        **machine.describe(),
    }


def _port(service: Running) -> int:
    return int(service.url.split(":")[2].split("/")[0])


if __name__ == "__main__":
    sys.exit(main())
