"""How long an asynchronous query takes that does next to nothing: ``python -m tests.uws.latency``.

Measured as a client sees it: from the POST that makes and starts the job until the answer to WAIT
says COMPLETED.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import httpx
from lxml import etree

_PHASE = "{http://www.ivoa.net/xml/UWS/v1.0}phase"

#: What every TAP service can answer.
QUERY = "SELECT TOP 1 table_name FROM TAP_SCHEMA.tables"


@dataclass(frozen=True)
class Latency:
    """Times in milliseconds.

    Attributes
    ----------
    create_ms
        Until the job exists, median of jobs one after another.
    completed_ms
        Until it is COMPLETED, the same.
    slowest_ms
        The same, of the slowest.
    together_ms
        Until all of several jobs made at the same moment are COMPLETED, median of rounds.
    """

    jobs: int
    create_ms: float
    completed_ms: float
    slowest_ms: float
    at_once: int
    together_ms: float


def run_job(client: httpx.Client, base: str, query: str = QUERY) -> tuple[float, float]:
    """Carry one job out and delete it; return seconds until it exists and until it is done."""
    begun = time.perf_counter()
    made = client.post(f"{base}/async", data={"LANG": "ADQL", "QUERY": query, "PHASE": "RUN"})
    created = time.perf_counter() - begun
    job = made.headers["location"]
    phase = ""
    while phase != "COMPLETED":
        answer = client.get(job, params={"WAIT": "20"})
        answer.raise_for_status()
        phase = etree.fromstring(answer.content).findtext(_PHASE) or ""
        if phase in ("ERROR", "ABORTED"):
            raise RuntimeError(f"{job} ended in {phase}: {client.get(f'{job}/error').text}")
        if phase == "PENDING":
            # DaCHS starts a job only when it is told so in a request of its own.
            client.post(f"{job}/phase", data={"PHASE": "RUN"})
    completed = time.perf_counter() - begun
    client.delete(job)
    return created, completed


def measure(base: str, *, jobs: int = 30, at_once: int = 8, rounds: int = 5) -> Latency:
    """Measure a TAP service at a URL."""
    with httpx.Client(timeout=60) as client:
        run_job(client, base)
        each = [run_job(client, base) for _ in range(jobs)]
    return Latency(
        jobs=jobs,
        create_ms=1000 * statistics.median(created for created, _ in each),
        completed_ms=1000 * statistics.median(completed for _, completed in each),
        slowest_ms=1000 * max(completed for _, completed in each),
        at_once=at_once,
        together_ms=1000 * statistics.median(_together(base, at_once) for _ in range(rounds)),
    )


def _together(base: str, at_once: int) -> float:
    """Return the seconds until all of several jobs are done, their clients ready beforehand."""
    ready = threading.Barrier(at_once + 1)

    def one() -> None:
        with httpx.Client(timeout=60) as client:
            client.get(f"{base}/availability")
            ready.wait()
            run_job(client, base)

    with ThreadPoolExecutor(at_once) as threads:
        running = [threads.submit(one) for _ in range(at_once)]
        ready.wait()
        begun = time.perf_counter()
        for each in running:
            each.result()
    return time.perf_counter() - begun


def main(words: Sequence[str] | None = None) -> int:
    """Measure a service and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="of the TAP service, e.g. http://127.0.0.1:8000/tap")
    parser.add_argument("--jobs", type=int, default=30)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    found = measure(given.url.rstrip("/"), jobs=given.jobs, at_once=given.at_once)
    if given.json:
        print(json.dumps(asdict(found)))
    else:
        print(
            f"{found.jobs} jobs one after another: created in {found.create_ms:.1f} ms, COMPLETED"
            f" in {found.completed_ms:.1f} ms (medians; slowest {found.slowest_ms:.1f} ms)\n"
            f"{found.at_once} at once: all COMPLETED in {found.together_ms:.1f} ms (median)"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
