"""The pipeline of the demonstration over decades of data."""

from __future__ import annotations

import json
import os
import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.errors import BenchError
from bench.figures import Figure
from bench.sources import PROJECT
from bench.stage import Stage

_HERE = (sys.executable, "-m", "bench.parts.detection")


def measure_detection(stage: Stage) -> Iterator[Figure]:
    """Yield time and memory of a detection of ICMEs, in a process of its own."""
    done = subprocess.run(
        [*_HERE, str(stage.plan.years), str(stage.folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode:
        raise BenchError(f"detection: {done.stderr.strip()[-300:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    what = f"ICME detection, {stage.plan.years} years of 10-minute data"
    detail = f"{found['events']} events in {found['samples']} samples"
    yield Figure("icme", what, found["seconds"], "s", 60, detail=detail)
    yield Figure("icme", f"{what}, peak of memory", found["megabytes"], "MB", 1000)


def detect(years: int, folder: str) -> dict[str, float]:
    """Detect in simulated wind, and return what that took.

    The simulation needs memory of its own, so it runs in another process that ends before.
    """
    path = Path(folder) / "wind.pickle"
    subprocess.run([*_HERE, "--simulate", str(years), str(path)], check=True)
    from pipelines.icme import pipeline

    start = time.perf_counter()
    with path.open("rb") as file:
        series = pickle.load(file)
    catalogue = pipeline.run(series)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": seconds,
        "megabytes": peak,
        "events": len(catalogue.frame),
        "samples": len(series),
    }


def simulate(years: int, path: str) -> None:
    """Write simulated solar wind into a file."""
    from pipelines.icme import pipeline

    found = pipeline.simulate(start="1999-01-01", days=365.25 * years, seed=11)
    with Path(path).open("wb") as file:
        pickle.dump(found.series, file)


if __name__ == "__main__":
    if sys.argv[1] == "--simulate":
        simulate(int(sys.argv[2]), sys.argv[3])
    else:
        print(json.dumps(detect(int(sys.argv[1]), sys.argv[2])))
