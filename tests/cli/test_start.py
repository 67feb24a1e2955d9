"""What `epntap serve` has imported when it gives its first answer, and when it idles."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from epntap.database import Database
from epntap.imports import LARGE, LATE
from epntap.settings import Settings

#: Serves, and prints the imported packages at the first answer and when the worker is at work.
_PROGRAM = """
import json, os, signal, sys, threading, time, urllib.error, urllib.request

import epntap.imports

# On a machine that is busy with other tests the first answer may take longer than is given to it.
epntap.imports.FIRST_ANSWERS_SECONDS = 5.0

from epntap.cli import main

def packages():
    return sorted({name.partition(".")[0] for name in list(sys.modules)})

def look(port):
    url = f"http://127.0.0.1:{port}/tap/sync?LANG=ADQL&QUERY=SELECT+TOP+1+table_name"
    while True:
        try:
            with urllib.request.urlopen(url + "+FROM+TAP_SCHEMA.tables", timeout=30) as answer:
                answer.read()
            break
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.01)
    first = packages()
    while "epntap.regenerate.tasks" not in sys.modules:
        time.sleep(0.05)
    # It looks at what stands in line, and goes on looking.
    time.sleep(1)
    print(json.dumps([first, packages()]), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

port = sys.argv[1]
sys.argv[1:] = ["serve", "--port", port]
threading.Thread(target=look, args=(port,), daemon=True).start()
main()
"""


@pytest.fixture(scope="module")
def imported(new_home: Callable[[], Path]) -> list[frozenset[str]]:
    """Packages at the first answer, and some time later."""
    home = new_home()
    given = {"EPNTAP_HOME": str(home)}
    programs = os.environ.get("EPNTAP_TEST_POSTGRES_BIN")
    if programs:
        given["EPNTAP_POSTGRES_BIN"] = programs
    with Database.open(Settings(home=home, postgres_bin=Path(programs) if programs else None)):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(port)],
            env={**os.environ, **given},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    return [frozenset(names) for names in json.loads(done.stdout)]


def test_the_first_answer_needs_no_package_that_is_imported_late(
    imported: list[frozenset[str]],
) -> None:
    assert imported[0] & (LATE | LARGE) == set()
    assert {"numpy", "psycopg2", "starlette", "uvicorn"} <= imported[0]


def test_a_server_that_idles_has_imported_no_large_package(imported: list[frozenset[str]]) -> None:
    assert imported[1] & LARGE == set()


@pytest.mark.parametrize("package", sorted(LATE | LARGE))
def test_what_is_imported_late_is_a_package_that_something_needs(package: str) -> None:
    """A name that is misspelt would never be found among what was imported."""
    if package in ("torch", "matplotlib", "scipy"):
        pytest.skip("comes with an extra")
    assert find_spec(package) is not None
