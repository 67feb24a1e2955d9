"""CPU time of a download over HTTP, by process: the backend of PostgreSQL, the service, curl."""

from __future__ import annotations

import resource
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.asking import download
from bench.limits import copy_seconds
from bench.machine import cpu_seconds
from bench.service import Home, Running

#: Rows that a result may have: more than the catalogue.
_MAXREC = 1_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """Seconds of one download, and of what limits it.

    Attributes
    ----------
    wall, copy_wall
        From the beginning to the end: of the download, and of ``psql`` with the same rows.
    service, backend, client
        CPU time of the service, of its connections' backends and of curl.
    """

    wall: float
    copy_wall: float
    service: float
    backend: float
    client: float


def share(home: Home, ours: Running, adql: str, format: str, form: str, tries: int) -> Share:
    """Measure a download some times, in turns with ``psql``, and return medians.

    Parameters
    ----------
    home, ours
        The service that runs.
    adql, format
        What is downloaded, and how.
    form
        What ``psql`` copies the same rows as: ``binary``, ``text`` or ``csv``.
    tries
        How often.
    """
    dsn = home.dsn()
    found = [_once(ours, adql, format, copy_seconds(dsn, adql, form)) for _ in range(tries)]
    return Share(*(_median(found, name) for name in Share.__slots__))


def _once(ours: Running, adql: str, format: str, copy_wall: float) -> Share:
    backends = {pid: cpu_seconds([pid]) for pid in _backends()}
    before = cpu_seconds(ours.processes()), _children_seconds()
    wall = download(ours.url, adql, format, _MAXREC).seconds
    service, client = (
        after - one
        for after, one in zip(
            (cpu_seconds(ours.processes()), _children_seconds()), before, strict=True
        )
    )
    # That of psql may end meanwhile: what it has used is no part of this.
    backend = sum(cpu_seconds([pid]) - backends.get(pid, 0.0) for pid in _backends())
    return Share(wall, copy_wall, service, backend, client)


def _median(found: Sequence[Share], name: str) -> float:
    return statistics.median(getattr(each, name) for each in found)


def _backends() -> list[int]:
    """Return the backends of the reader's connections on this machine."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes()
        except OSError:
            continue
        if words.startswith(b"postgres: ") and b"epntap_reader" in words:
            found.append(int(file.parent.name))
    return found


def _children_seconds() -> float:
    """Return the CPU time of the processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
