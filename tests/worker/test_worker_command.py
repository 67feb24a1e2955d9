"""``epntap worker``, and the worker beside ``epntap serve``, as processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from worker_harness import eventually, in_line, order

from epntap.database import Database
from epntap.queue import Work
from epntap.settings import Settings

Run = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def run(settings: Settings, database: Database) -> Iterator[Run]:
    """A function that starts a command on the session's database; what is left over is killed."""
    started: list[subprocess.Popen[str]] = []

    def go(*words: str, **variables: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "EPNTAP_HOME": str(settings.home), **variables}
        if settings.postgres_bin is not None:
            environment["EPNTAP_POSTGRES_BIN"] = str(settings.postgres_bin)
        command = [sys.executable, "-m", "epntap.cli", *words]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield go
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def workers_of(database: Database, process: subprocess.Popen[str]) -> list[tuple[list[str], int]]:
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT queues, concurrency FROM epntap.worker WHERE pid = %s", (process.pid,)
        )
        return cursor.fetchall()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_says_what_it_has_done_and_ends_with_a_signal(
    database: Database, run: Run, line: str, number: signal.Signals
) -> None:
    process = run(
        "worker", "-q", line, "-q", f"{line}-gpu", "--concurrency", "3", EPNTAP_LOG="info"
    )
    order(database, Work("jobs.expire", queue=f"{line}-gpu"))
    eventually(
        lambda: workers_of(database, process) == [([line, f"{line}-gpu"], 3)], "it is listed"
    )
    eventually(lambda: in_line(database, f"{line}-gpu") == 0, "it has worked")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert re.search(r"INFO: jobs\.expire \d+ after \d+\.\d+ s: done\n", said)
    assert "Traceback" not in said
    assert workers_of(database, process) == []


def test_a_wrong_log_level_is_refused(run: Run) -> None:
    process = run("worker", EPNTAP_LOG="loud")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "EPNTAP_LOG is 'loud'" in said
    assert "Traceback" not in said


def test_a_server_works_too_and_leaves_it_with_its_end(
    database: Database, run: Run, line: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = run("serve", "--port", str(port), EPNTAP_WORKER_CONCURRENCY="5")
    eventually(lambda: workers_of(database, process) == [(["default"], 5)], "it is listed")
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert workers_of(database, process) == []
