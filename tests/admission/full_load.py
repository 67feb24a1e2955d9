"""How fast monitors are answered while every place for queries is taken: prints what it measures.

Run with ``python -m tests.admission.full_load [--workers N]``. It starts a server on a database of
its own, takes all 20 places (16 queries that compute for minutes, 4 downloads that are read as fast
as they come), and asks for availability and capabilities on kept connections and on new ones.
``--favoured`` (as root, where the kernel groups processes by session) lets the server and whoever
measures go before the database, as ``CPUWeight`` does in the unit of systemd; without it a machine
with few cores measures how long its scheduler makes a process wait among 20 that compute.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from epntap.catalogue import read_catalogue
from epntap.database import Database
from epntap.publish import DataFrameSource, publish
from epntap.settings import Settings

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from conftest import MOONS, MOONS_YAML  # noqa: E402

from admission.conftest import ENDLESS, TORRENT, request, wait_until  # noqa: E402

PLACES = 20
#: Well beyond the places; a refusal that takes too long counts as a place, and must not for ever.
MOST_PLACES = 60
DOWNLOADS = 4
REQUESTS = 50


@contextlib.contextmanager
def database_home() -> Iterator[Path]:
    """A home with a small catalogue in its database."""
    home = Path(tempfile.mkdtemp(prefix="epntap-load-"))
    home.chmod(0o755)
    try:
        with Database.open(Settings(home=home)) as database:
            publish(database, read_catalogue(MOONS_YAML), DataFrameSource(MOONS, "moons"))
        yield home
    finally:
        shutil.rmtree(home)


@contextlib.contextmanager
def server(home: Path, workers: int) -> Iterator[tuple[int, int]]:
    """``epntap serve`` in a process of its own; its port and process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    given = {
        "EPNTAP_HOME": str(home),
        "EPNTAP_WORKER": "false",
        "EPNTAP_CONNECTIONS": str(PLACES),
        "EPNTAP_WAITING_SECONDS": "0",
        "EPNTAP_QUERY_SECONDS": "600",
    }
    words = ["serve", "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(
        [sys.executable, "-m", "epntap.cli", *words],
        env={**os.environ, **given},
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        wait_until(lambda: is_there(f"http://127.0.0.1:{port}/tap/availability"), 60)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(60)


def is_there(url: str) -> bool:
    try:
        return httpx.head(url, timeout=10).status_code in (200, 405)
    except httpx.HTTPError:
        return False


def download(port: int, address: str) -> None:
    """Read a result as fast as it comes, until the server ends it."""
    with socket.create_connection(("127.0.0.1", port), source_address=(address, 0)) as made:
        made.sendall(request(TORRENT, MAXREC="20000000"))
        while made.recv(1 << 20):
            pass


def measure(port: int, label: str) -> None:
    """Print how long answers take, in milliseconds."""
    base = f"http://127.0.0.1:{port}/tap"
    for path in ("availability", "capabilities"):
        with httpx.Client(timeout=60) as kept:
            timed(f"{base}/{path}", kept)
            show(label, path, "kept", [timed(f"{base}/{path}", kept) for _ in range(REQUESTS)])
        show(label, path, "new", [timed(f"{base}/{path}") for _ in range(REQUESTS)])


def timed(url: str, client: httpx.Client | None = None) -> float:
    """Return the milliseconds that an answer takes; on a connection of its own without a client."""
    with contextlib.nullcontext(client) if client else httpx.Client(timeout=60) as asking:
        begin = time.perf_counter()
        assert asking.get(url).status_code == 200
        seconds = time.perf_counter() - begin
    time.sleep(0.01)
    return 1000 * seconds


def show(label: str, what: str, kind: str, times: list[float]) -> None:
    cuts = statistics.quantiles(times, n=100)
    print(
        f"{label:5} {what:13} {kind:5} connection: median {cuts[49]:6.1f}  p95 {cuts[94]:6.1f}  "
        f"p99 {cuts[98]:6.1f}  max {max(times):6.1f} ms",
        flush=True,
    )


def main() -> None:
    """Measure an idle server and a full one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--favoured", action="store_true")
    parser.add_argument("--download", nargs=2)
    given = parser.parse_args()
    if given.download:
        download(int(given.download[0]), given.download[1])
        return
    with (
        database_home() as home,
        server(home, given.workers) as (port, serving),
        contextlib.ExitStack() as on,
    ):
        if given.favoured:
            for process in (os.getpid(), serving):
                Path(f"/proc/{process}/autogroup").write_text("-15", encoding="ascii")
        measure(port, "idle")
        for i in range(DOWNLOADS):
            words = ["--download", str(port), f"127.0.0.{2 + i}"]
            reading = subprocess.Popen(
                [sys.executable, "-m", "tests.admission.full_load", *words], cwd=ROOT
            )
            on.callback(reading.wait)
            on.callback(reading.kill)
        # Long enough for the downloads to run; places that they would need are not taken then.
        time.sleep(10)
        taken = 0
        while take_place(port, f"127.0.0.{10 + taken % 8}", on):
            taken += 1
            if taken > MOST_PLACES:
                sys.exit(
                    f"none of {taken} queries was refused within 3 s: the answer comes too late"
                )
        begin = time.perf_counter()
        answer = httpx.get(
            f"http://127.0.0.1:{port}/tap/sync",
            params={"QUERY": "SELECT TOP 1 * FROM moons.epn_core"},
        )
        milliseconds = 1000 * (time.perf_counter() - begin)
        print(
            f"{taken} queries and {DOWNLOADS} downloads run; "
            f"the next one hears {answer.status_code} after {milliseconds:.1f} ms"
        )
        measure(port, "full")
        measure_floor()


def take_place(port: int, address: str, on: contextlib.ExitStack) -> bool:
    """Ask what takes minutes; say whether the server lets it in."""
    made = socket.create_connection(("127.0.0.1", port), source_address=(address, 0))
    on.enter_context(made)
    made.settimeout(3)
    made.sendall(request(ENDLESS))
    with contextlib.suppress(TimeoutError):
        made.recv(100)
        return False
    return True


def measure_floor() -> None:
    """Print how long a server takes that does nothing else, on the machine as busy as it is."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    words = ["-m", "http.server", "--bind", "127.0.0.1", "--directory", tempfile.gettempdir()]
    process = subprocess.Popen(
        [sys.executable, *words, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}/"
        wait_until(lambda: is_there(url), 60)
        times = [timed(url) for _ in range(REQUESTS)]
    finally:
        process.kill()
        process.wait()
    show("full", "http.server", "new", times)


if __name__ == "__main__":
    main()
