"""Measure how long a Mercury year takes and how much memory it needs.

``python -m pipelines.mercury_boundaries.measure`` makes 88 days at one second, as CSV files of
orbits, from simulated orbits that are repeated; a process of its own then runs the pipeline on the
folder, and its time and largest memory are printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipelines.mercury_boundaries.files import write_csv
from pipelines.mercury_boundaries.simulate import simulate

#: Seconds of a Mercury year, and orbits that are simulated before they are repeated.
YEAR, ORBITS = 88 * 86400, 8.0

_CHILD = """
import json, resource, sys, time
import torch
torch.set_num_threads(int(sys.argv[2]))
from pipelines.mercury_boundaries import pipeline
began, cpu = time.perf_counter(), time.process_time()
found = pipeline.run(sys.argv[1])
print(json.dumps({
    "rows": len(found.frame),
    "wall_s": time.perf_counter() - began,
    "cpu_s": time.process_time() - cpu,
    "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def write_year(folder: Path, seconds: int = YEAR) -> int:
    """Write orbits for some seconds into a folder and return the number of seconds.

    Simulated orbits are written once; the others are the same lines with later times.
    """
    simulation = simulate(start="2012-01-01", orbits=ORBITS, seed=42)
    length = len(simulation.series)
    first = folder / "orbit_000.csv"
    write_csv(simulation.series, None, first)
    header, *lines = first.read_text().splitlines()
    times = np.array([line[:19] for line in lines], dtype="datetime64[s]")
    rests = [line[19:] for line in lines]
    for number in range(1, -(-seconds // length)):
        later = times + np.timedelta64(number * length, "s")
        kept = int(np.searchsorted(later, times[0] + np.timedelta64(seconds, "s")))
        stamps = np.datetime_as_string(later[:kept], unit="s")
        rows = [stamp + rest for stamp, rest in zip(stamps, rests[:kept], strict=True)]
        (folder / f"orbit_{number:03d}.csv").write_text("\n".join([header, *rows]) + "\n")
    return seconds


def measure(folder: Path, threads: int) -> dict[str, float]:
    """Run the pipeline on a folder in a process of its own and return what it says."""
    answer = subprocess.run(  # noqa: S603
        [sys.executable, "-c", _CHILD, str(folder), str(threads)],
        check=True,
        capture_output=True,
        text=True,
    )
    values: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return values


def main() -> int:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description="Time and memory of a Mercury year.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep the files here, or use those there")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.glob("orbit_*.csv")):
            began = time.perf_counter()
            write_year(folder)
            print(f"files made in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        values = measure(folder, arguments.threads)
    print(
        f"88 days at 1 s: {values['rows']:.0f} crossings in {values['wall_s']:.0f} s "
        f"({values['cpu_s']:.0f} s of CPU), {values['memory_mb']:.0f} MB at most"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
