"""Runs that go wrong: what they can do to the worker, which is nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from run_client import DAYS, Runs, children, eventually, message, start
from uws.uws_client import Job

from epntap.uws import storage

#: The next run of the same worker, however the one before ended.
FILE = b"time\n2024-05-01T10:00:00\n"


def stray_children() -> list[int]:
    return [one.pid for one in psutil.process_iter(["cmdline"]) if is_stray(one)]


def is_stray(process: psutil.Process) -> bool:
    return "a-stray-child" in (process.info["cmdline"] or ())


def assert_nothing_is_left(runs: Runs, job: Job) -> None:
    eventually(lambda: not children(job), "the process has ended")
    eventually(lambda: not runs.folders, "the folder is gone")
    eventually(lambda: not runs.files(job), "the files are gone")


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("memory", "the run needs more memory than the 3072 MiB that it may have"),
        ("fill", "the pipeline failed on this: OSError: [Errno 27] File too large"),
        ("crash", "the run was ended by the system, most likely for want of memory"),
        ("leave", "the run ended without a result"),
        ("defect", "the pipeline failed on this: ZeroDivisionError: of path.txt"),
    ],
)
def test_a_run_that_fails_hurts_nobody_but_itself(runs, client, deed, reason):
    job = start(client, TIME=DAYS, DEED=deed)
    assert job.wait() == "ERROR"
    assert message(job).startswith(reason)
    assert_nothing_is_left(runs, job)


def test_a_run_sees_an_empty_folder_and_no_passwords(client):
    job = start(client, TIME=DAYS, DEED="environment")
    assert job.wait() == "ERROR"
    assert message(job) == "[] [] '' True"


@pytest.mark.parametrize("deed", ["children", "spin"])
def test_an_abort_ends_a_run_and_what_it_has_started(runs, client, deed):
    job = start(client, TIME=DAYS, DEED=deed)
    (child,) = eventually(lambda: children(job), "a process works at it")
    if deed == "children":
        eventually(stray_children, "it has a child of its own")
    # Long enough for the deed to have begun.
    eventually(lambda: not child.is_running() or child.cpu_times().user > 0.3, "it works")
    assert job.post("/phase", PHASE="ABORT").status_code == 303
    assert job.phase == "ABORTED"
    assert_nothing_is_left(runs, job)
    eventually(lambda: not stray_children(), "its child is gone")


def test_a_file_is_gone_when_its_run_is_aborted_or_deleted(runs, client):
    for path, wish in (("/phase", {"PHASE": "ABORT"}), ("", {"ACTION": "DELETE"})):
        job = start(client, FILE=FILE, DEED="sleep")
        eventually(lambda job=job: children(job), "a process works at it")
        assert runs.files(job) != []
        assert job.post(path, **wish).status_code == 303
        assert_nothing_is_left(runs, job)


def test_a_run_ends_when_its_time_is_over(runs, client):
    job = start(client, FILE=FILE, DEED="sleep", EXECUTIONDURATION="2")
    assert job.wait() == "ERROR"
    assert message(job).startswith("the run was stopped after 2 s (ask for a shorter span")
    assert_nothing_is_left(runs, job)


def attempts(runs: Runs, job: Job) -> int:
    with runs.database.publisher() as connection:
        return storage.read(connection, "run/gpu_strides", job.id).attempt


def worker_of(runs: Runs, plugin: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "EPNTAP_HOME": str(runs.settings.home),
        "EPNTAP_WORKER_SECONDS": "4",
        "PYTHONPATH": str(plugin),
    }
    if runs.settings.postgres_bin is not None:
        environment["EPNTAP_POSTGRES_BIN"] = str(runs.settings.postgres_bin)
    words = [sys.executable, "-m", "epntap.cli", "worker", "--queue", "gpu"]
    return subprocess.Popen(words, env=environment)


def test_a_worker_that_is_killed_leaves_no_file_and_its_run_is_taken_again(runs, client, plugin):
    job = start(client, "gpu_strides", FILE=FILE, DEED="sleep")
    time.sleep(0.5)
    # The session's worker does not serve the line of this pipeline.
    assert job.phase == "QUEUED"
    workers = [worker_of(runs, plugin)]
    try:
        (child,) = eventually(lambda: children(job), "a process works at it")
        (folder,) = runs.folders
        assert (folder / "work" / "input.csv").read_bytes() == FILE
        workers[0].kill()
        workers[0].wait()
        eventually(lambda: not child.is_running(), "the process has ended with its worker")
        eventually(lambda: not folder.exists(), "its folder is gone without a worker")
        workers.append(worker_of(runs, plugin))
        eventually(lambda: attempts(runs, job) == 2 and children(job), "it is taken again")
        job.post("/phase", PHASE="ABORT")
        assert_nothing_is_left(runs, job)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
