"""DaCHS beside this service, where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass

from bench.errors import BenchError
from bench.sources import cache, shared_file

URL = "http://127.0.0.1:8080/tap"

#: What a plain shell has; DaCHS takes settings from the environment otherwise.
_PLAIN = {"LANG": "C.UTF-8", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


@dataclass(frozen=True, slots=True)
class Peer:
    """A DaCHS that runs: its TAP URL and the version of its package."""

    url: str
    version: str

    def import_seconds(self) -> float:
        """Return how long ``dachs imp`` takes for the same 100,000 rows."""
        start = time.perf_counter()
        subprocess.run(
            ["su", "dachsroot", "-c", "cd /var/gavo/inputs && dachs imp bench/q"],
            env={**_PLAIN, "HOME": "/root"},
            capture_output=True,
            check=True,
        )
        return time.perf_counter() - start


def start() -> Peer:
    """Bring DaCHS up with the rows of the benchmark.

    Raises
    ------
    BenchError
        If it is not installed here, or does not start.
    """
    script = shared_file("dachs_up.sh")
    if shutil.which("dachs") is None:
        raise BenchError("DaCHS is not installed")
    if os.geteuid() != 0:
        raise BenchError("DaCHS is brought up by root only")
    done = subprocess.run(
        ["bash", str(script)],
        env={**_PLAIN, "HOME": "/root", "PEER_WORK": str(cache())},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"DaCHS does not start: {done.stderr.strip()[-200:]}")
    shown = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", "gavodachs2-server"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = re.match(r"[\d.]+", shown)
    return Peer(URL, found[0] if found else "unknown")


def stop() -> None:
    """Stop DaCHS and its database."""
    subprocess.run(["dachs", "serve", "stop"], env=_PLAIN, capture_output=True, check=False)
    subprocess.run(["pg_ctlcluster", "15", "dachs", "stop"], capture_output=True, check=False)
