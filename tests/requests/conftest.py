"""A service that runs pipelines on request, which are installed for these tests."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from run_client import Runs
from tests_support import serving, working

from epntap.database import Database
from epntap.queue import PhaseListener
from epntap.settings import Settings
from epntap.worker import all_tasks

PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture(scope="session")
def plugin() -> Iterator[Path]:
    """Install the pipelines of the folder for this process, and those that it starts."""
    sys.path.insert(0, str(PLUGIN))
    importlib.invalidate_caches()
    yield PLUGIN
    sys.path.remove(str(PLUGIN))


@pytest.fixture(scope="session")
def runs(plugin: Path, settings: Settings, new_home: Callable[[], Path]) -> Iterator[Runs]:
    """A running service with a worker, on a database of its own."""
    here = settings.model_copy(
        update={"home": new_home(), "client_request_jobs": 0, "request_memory": 3 * 1024**3}
    )
    with Database.open(here) as database:
        phases = PhaseListener(database)
        with working(database, here, all_tasks(), phases), serving(database, here, phases) as shown:
            yield Runs(shown.url, shown, database)
        phases.close()


@pytest.fixture(scope="session")
def client(runs: Runs) -> Iterator[httpx.Client]:
    """An HTTP client of it."""
    with httpx.Client(base_url=runs.url, timeout=60) as opened:
        yield opened
