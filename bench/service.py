"""The service, in processes of its own on a home of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg2.extensions import make_dsn

from bench.errors import BenchError
from bench.machine import cpu_seconds, tree
from epntap.database import Database
from epntap.settings import Settings

#: A service that does not answer after so long is taken for broken.
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs.

    Attributes
    ----------
    url
        Of TAP.
    pid
        Of its first process.
    started
        Seconds from its start to its first answer.
    cpu
        CPU time that it used until then, in s.
    """

    url: str
    pid: int
    started: float
    cpu: float

    def processes(self) -> list[int]:
        """Return its processes, without those of PostgreSQL."""
        return [pid for pid in tree(self.pid) if not _is_postgres(pid)]


def compiled(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which Python keeps compiled modules, as an installation has them.

    Some development environments keep it from that: each start would compile the whole service.
    """
    return {name: v for name, v in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _is_postgres(pid: int) -> bool:
    try:
        return "postgres" in Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return False


class Home:
    """A home with an embedded database, removed in the end.

    Parameters
    ----------
    parent
        Folder to make it in.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="epntap-bench-", dir=parent))
        # As root, PostgreSQL runs as another user.
        self.path.chmod(0o755)
        self._environment = {
            **{name: v for name, v in compiled(os.environ).items() if "EPNTAP_" not in name},
            "EPNTAP_HOME": str(self.path),
        }

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``epntap`` with arguments to its end.

        Raises
        ------
        BenchError
            If it fails.
        """
        done = subprocess.run(
            [*_EPNTAP, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"epntap {arguments[0]}: {done.stderr.strip()[-300:]}")
        return done

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Begin to run ``epntap`` with arguments, and do not wait for its end."""
        return subprocess.Popen(
            [*_EPNTAP, *arguments], env=self._environment, stdout=subprocess.DEVNULL
        )

    @contextmanager
    def opened(self) -> Iterator[Database]:
        """Keep the database open, and so its server running, while the block runs."""
        with Database.open(Settings(home=self.path)) as database:
            yield database

    def dsn(self) -> str:
        """Return how the reader of the database is reached while it runs."""
        with self.opened() as database:
            return make_dsn(**database.reader_conninfo)

    @contextmanager
    def serving(self, *arguments: str, **settings: object) -> Iterator[Running]:
        """Serve while the block runs.

        Parameters
        ----------
        arguments
            Of ``epntap serve``.
        settings
            Further settings.

        Raises
        ------
        BenchError
            If the service does not start.
        """
        port = _free_port()
        given = {f"EPNTAP_{name.upper()}": str(value) for name, value in settings.items()}
        start = time.perf_counter()
        process = subprocess.Popen(
            [*_EPNTAP, "serve", "--port", str(port), *arguments],
            env={**self._environment, **given},
            stdout=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}/tap"
            _wait(url, process)
            started = time.perf_counter() - start
            yield Running(url, process.pid, started, cpu_seconds([process.pid]))
        finally:
            process.terminate()
            process.wait(30)

    def remove(self) -> None:
        """Remove it."""
        shutil.rmtree(self.path, ignore_errors=True)


_EPNTAP = (sys.executable, "-c", "from epntap.cli import main; main()")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    query = "/sync?LANG=ADQL&QUERY=SELECT+TOP+1+table_name+FROM+TAP_SCHEMA.tables"
    until = time.perf_counter() + _START_SECONDS
    while time.perf_counter() < until:
        if process.poll() is not None:
            raise BenchError(f"epntap serve ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(url + query, timeout=10) as answer:
                answer.read()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.01)
        else:
            return
    raise BenchError("epntap serve does not answer")
