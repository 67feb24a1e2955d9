"""How soon an aborted query stops, its worker in another process: ``python -m tests.uws.abort``.

Measured from before the POST of PHASE=ABORT until the database works at no query any more.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from lxml import etree

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests_support import serving

from epntap.database import Database
from epntap.settings import Settings
from uws.statements import ENDLESS, Statements

_PHASE = "{http://www.ivoa.net/xml/UWS/v1.0}phase"
_JOBS = 20


def main() -> int:
    """Print the median and the worst of some aborts."""
    home = Path(tempfile.mkdtemp(prefix="epntap-abort-"))
    home.chmod(0o755)
    settings = Settings(home=home)
    worker = None
    try:
        with Database.open(settings) as database, serving(database, settings) as here:
            worker = subprocess.Popen(
                [sys.executable, "-m", "epntap.cli", "worker"],
                env={**os.environ, "EPNTAP_HOME": str(home)},
                stdout=subprocess.DEVNULL,
            )
            with Statements.of(settings) as statements, httpx.Client(timeout=60) as client:
                found = [1000 * _abort(client, f"{here.url}/tap", statements) for _ in range(_JOBS)]
            worker.send_signal(signal.SIGTERM)
            worker.wait(20)
    finally:
        if worker is not None and worker.poll() is None:
            worker.kill()
            worker.wait()
        shutil.rmtree(home)
    print(
        f"{_JOBS} aborts, the worker in another process: the statement stopped after"
        f" {statistics.median(found):.0f} ms (median), {max(found):.0f} ms (slowest)"
    )
    return 0


def _abort(client: httpx.Client, base: str, statements: Statements) -> float:
    """Start an endless query and abort it; return the seconds until it stops."""
    made = client.post(f"{base}/async", data={"LANG": "ADQL", "QUERY": ENDLESS, "PHASE": "RUN"})
    job = made.headers["location"]
    phase = "QUEUED"
    while phase == "QUEUED":
        answer = client.get(job, params={"WAIT": "5"})
        phase = etree.fromstring(answer.content).findtext(_PHASE) or ""
    assert phase == "EXECUTING", f"the endless query is {phase}"
    statements.wait(running=True)
    begun = time.perf_counter()
    aborted = client.post(f"{job}/phase", data={"PHASE": "ABORT"})
    assert aborted.status_code == 303, aborted.text
    statements.wait(running=False)
    took = time.perf_counter() - begun
    client.delete(job)
    return took


if __name__ == "__main__":
    sys.exit(main())
