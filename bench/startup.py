"""``python -m bench.startup``: where the time and the memory of the start of a server go.

CPU time of processes of their own, the least of several tries, so that a busy machine changes it
least; the tries of all are made in turns.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping

from bench.machine import resident
from bench.service import compiled
from bench.sources import PROJECT
from bench.stage import Plan, Stage

_TRIES = 3

#: What no server of this kind can do without: the floor.
FLOOR = "import numpy, psycopg2, starlette.applications, uvicorn"

_STEPS = {
    "python alone": "pass",
    "with numpy, psycopg2, starlette and uvicorn": FLOOR,
    "the command line": "import epntap.cli",
    "the settings": "import epntap.cli, epntap.settings",
    "the database": "import epntap.cli, epntap.database",
    "the whole server": "import epntap.cli, epntap.commands.serving, epntap.server",
}

_PACKAGES = 12

_IMPORTED = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\w+)")


def cpu_of(code: str) -> tuple[float, float]:
    """Return the CPU time of a Python program, in s, and its resident memory at its end, in MB."""
    ending = "\nprint(open('/proc/self/status').read())"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code + ending],
        env=compiled(os.environ),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = re.search(r"VmRSS:\s+(\d+)", done.stdout)
    return seconds, int(found[1]) / 1024 if found else 0.0


def steps() -> Mapping[str, tuple[float, float]]:
    """Return CPU time (s) and memory (MB) of each step; each has those before it in it."""
    best: dict[str, tuple[float, float]] = {}
    for _ in range(_TRIES):
        for name, code in _STEPS.items():
            found = cpu_of(code)
            best[name] = min(found, best.get(name, found))
    return best


def packages() -> list[tuple[str, float]]:
    """Return the packages whose modules take longest to import, and the ms that they take."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", _STEPS["the whole server"]],
        env=compiled(os.environ),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        match = _IMPORTED.match(line)
        if match:
            found[match[2]] += int(match[1])
    return [(name, microseconds / 1000) for name, microseconds in found.most_common(_PACKAGES)]


def main() -> None:
    """Print the tables."""
    print(f"{'imported':45} {'CPU s':>6} {'MB':>6}")
    for name, (seconds, megabytes) in steps().items():
        print(f"  {name:43} {seconds:6.2f} {megabytes:6.1f}")
    print(f"{'packages of the whole server, without what they import':55} ms (traced)")
    for name, milliseconds in packages():
        print(f"  {name:52} {milliseconds:6.1f}")
    stage = Stage(Plan(with_dachs=False))
    try:
        home = stage.with_empty_database()
        with home.opened(), home.serving() as ours:
            print(f"epntap serve to its first answer: {ours.started:.2f} s, {ours.cpu:.2f} s CPU")
            print(f"resident then: {resident(ours.processes()):.1f} MB")
    finally:
        stage.close()


if __name__ == "__main__":
    main()
