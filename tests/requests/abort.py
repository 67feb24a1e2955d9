"""How long it takes from an abort to the end of the process: ``python -m tests.requests.abort``.

With a service and a worker of its own, and a pipeline that computes without a pause.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
RUNS = 10


def main() -> None:
    """Print the times of some aborts, in milliseconds."""
    sys.path[:0] = [str(HERE.parent), str(HERE), str(HERE / "plugin")]
    import httpx
    from run_client import DAYS, children, eventually, start
    from tests_support import serving, working

    from epntap.database import Database
    from epntap.queue import PhaseListener
    from epntap.settings import Settings
    from epntap.worker import all_tasks

    times = []
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        settings = Settings(home=Path(home))
        with Database.open(settings) as database:
            phases = PhaseListener(database)
            with (
                working(database, settings, all_tasks(), phases),
                serving(database, settings, phases) as shown,
                httpx.Client(base_url=shown.url, timeout=60) as client,
            ):
                for _ in range(RUNS):
                    job = start(client, TIME=DAYS, DEED="spin")
                    (child,) = eventually(lambda job=job: children(job), "it runs")
                    eventually(lambda child=child: child.cpu_times().user > 1, "it works")
                    began = time.perf_counter()
                    job.post("/phase", PHASE="ABORT")
                    while child.is_running() and child.status() != "zombie":
                        time.sleep(0.002)
                    times.append(1000 * (time.perf_counter() - began))
            phases.close()
    print(f"abort to end: median {statistics.median(times):.0f} ms, longest {max(times):.0f} ms")


if __name__ == "__main__":
    main()
