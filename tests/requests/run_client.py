"""Runs on request as tests speak of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from uws.uws_client import Job

from epntap.database import Database
from epntap.settings import Settings

DAYS = "2024-01-01/2024-01-04"


@dataclass(frozen=True)
class Runs:
    """A service with a worker, where pipelines of these tests are installed."""

    url: str
    settings: Settings
    database: Database

    @property
    def folders(self) -> list[Path]:
        return sorted((self.settings.home / "runs").glob("run-*"))

    def files(self, job: Job) -> list[str]:
        """Return what the store keeps for a job."""
        folder = self.settings.home / "results" / job.id
        return sorted(path.name for path in folder.rglob("*") if path.is_file())


def start(client: httpx.Client, pipeline: str = "strides", **given: Any) -> Job:
    """Make a job and start it, unless PHASE says otherwise; FILE is bytes."""
    content = given.pop("FILE", None)
    files = None if content is None else {"FILE": ("../of mine.csv", content)}
    values = {"PHASE": "RUN", **given}
    values = {name: value for name, value in values.items() if value}
    answer = client.post(f"/run/{pipeline}", data=values, files=files)
    assert answer.status_code == 303, answer.text
    return Job(client, answer.headers["location"])


def refusal(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return re.search(r'value="ERROR">(.*)</INFO>', answer.text, re.DOTALL)[1]


def message(job: Job) -> str:
    """Return why a job has failed."""
    answer = job.get("/error")
    return refusal(answer, 200)


def children(job: Job) -> list[psutil.Process]:
    """Return the processes that work at a job."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if "epntap.requests.child" in words and job.id in Path(words[-1]).read_text():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess, FileNotFoundError):
            continue
    return found


def eventually(holds: Callable[[], Any], what: str, seconds: float = 90.0) -> Any:
    """Wait until something holds; the time is only there so that a failure ends."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.02)
    return found
