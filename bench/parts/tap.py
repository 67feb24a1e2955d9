"""Small queries, load and jobs, with the peer's own benchmark as it is on both sides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from bench.asking import needed
from bench.errors import BenchError
from bench.figures import Figure, ratio
from bench.sources import shared_file
from bench.stage import Stage

#: The queries that the bars are about; the others are reported.
_BARRED = ("top10", "one_uid", "vespa_time", "tap_schema")

_CLIENTS = "32"


def _run(stage: Stage, part: str, url: str, pid: int | None, who: str) -> dict[str, Any]:
    """Run one part of ``bench_tap.py`` against a service, and return what it found."""
    output = stage.folder / f"{who}_{part}.json"
    command = [sys.executable, str(shared_file("bench/bench_tap.py")), url, str(output)]
    command += ["--parts", part, "--n", str(stage.plan.asks), "--secs", str(stage.plan.seconds)]
    if pid is not None:
        command += ["--pid", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"bench_tap.py {part} on {who}: {done.stderr.strip()[-200:]}")
    found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return found


def _sides(stage: Stage, part: str, *arguments: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the part finds of this service and of DaCHS, nothing if that is not there."""
    with stage.both(*arguments) as (ours, peer):
        mine = _run(stage, part, ours.url, ours.pid, "epntap")
        theirs = _run(stage, part, peer.url, None, "dachs") if peer else {}
    return mine, theirs


def measure_small(stage: Stage) -> Iterator[Figure]:
    """Yield the median of each small query as a part of DaCHS's."""
    mine, theirs = _sides(stage, "small")
    for name, found in mine["small"].items():
        if "keepalive" not in found:
            yield Figure("small", name, None, "x DaCHS", detail=str(found.get("error")))
            continue
        one = found["keepalive"]["median_ms"]
        other = theirs.get("small", {}).get(name, {}).get("keepalive", {}).get("median_ms")
        detail = f"{one} ms, new connection {found['newconn']['median_ms']} ms; "
        detail += f"DaCHS {other} ms" if other else stage.peer_remark
        bar = 0.1 if name in _BARRED else None
        yield Figure("small", f"{name}, median", ratio(one, other), "x DaCHS", bar, detail=detail)


def measure_load(stage: Stage) -> Iterator[Figure]:
    """Yield the answers per second to 32 clients as multiples of DaCHS's."""
    needed("wrk")
    workers = os.cpu_count() or 1
    mine, theirs = _sides(stage, "conc", "--workers", str(workers))
    for name, found in mine["concurrency"].items():
        one = found[_CLIENTS]
        other = theirs.get("concurrency", {}).get(name, {}).get(_CLIENTS, {})
        what = f"{name}, requests per second of {_CLIENTS} clients"
        value = ratio(one["req_s"], other.get("req_s"))
        detail = f"{one['req_s']}/s, p99 {one['p99']}, {one['server_cpu_ms_per_req']} ms CPU each"
        detail += f", {workers} processes; "
        detail += f"DaCHS {other['req_s']}/s" if other else stage.peer_remark
        if one["non2xx"] or one["errors"]:
            detail += f"; NOT ALL WERE ANSWERED: {one['non2xx'] or one['errors']}"
            value = None
        bar = 25.0 if name in _BARRED else None
        yield Figure("load", what, value, "x DaCHS", bar, at_least=True, detail=detail)


def measure_async(stage: Stage) -> Iterator[Figure]:
    """Yield the time of a trivial job, from its creation to its result."""
    mine, theirs = _sides(stage, "async")
    found, other = mine["async"], theirs.get("async")
    if found["phases"] != ["COMPLETED"]:
        raise BenchError(f"jobs end as {found['phases']}")
    one = found["total_with_result_ms"]["median"]
    peer = other["total_with_result_ms"]["median"] if other else None
    detail = f"{one} ms, eight at once {found['eight_jobs_s']} s; "
    if other:
        detail += f"DaCHS {peer} ms, eight at once {other['eight_jobs_s']} s"
    else:
        detail += stage.peer_remark
    yield Figure(
        "async", "trivial job, create to result", ratio(one, peer), "x DaCHS", 0.1, detail=detail
    )
