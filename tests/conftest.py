"""What many tests share: one database on a temporary home, started once."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pandas as pd
import pytest
import uvicorn
from tests_support import serving, working

from epntap.catalogue import read_catalogue
from epntap.database import Database
from epntap.publish import DataFrameSource, drop, open_native, publish
from epntap.queue import PhaseListener
from epntap.service import SERVER, create_app
from epntap.settings import Settings
from epntap.worker import all_tasks


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("EPNTAP_")]:
            if not name.startswith("EPNTAP_TEST_"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def new_home() -> Iterator[Callable[[], Path]]:
    """A function that makes an empty home; all are removed in the end.

    Not below pytest's own temporary directory: that is closed to other users, and as root
    PostgreSQL runs as another user.
    """
    made: list[Path] = []

    def make() -> Path:
        home = Path(tempfile.mkdtemp(prefix="epntap-test-"))
        home.chmod(0o755)
        made.append(home)
        return home

    yield make
    for home in made:
        # A test may have moved one.
        shutil.rmtree(home, ignore_errors=not home.exists())


@pytest.fixture(scope="session")
def database_home(new_home: Callable[[], Path]) -> Path:
    """The home of the session's database."""
    return new_home()


@pytest.fixture(scope="session")
def settings(database_home: Path) -> Settings:
    """Settings of the session's database; EPNTAP_TEST_POSTGRES_BIN chooses the programs."""
    programs = os.environ.get("EPNTAP_TEST_POSTGRES_BIN")
    return Settings(home=database_home, postgres_bin=Path(programs) if programs else None)


@pytest.fixture(scope="session")
def database(settings: Settings) -> Iterator[Database]:
    """The session's database, open; tests that publish use schemas of their own."""
    with Database.open(settings) as opened:
        yield opened


MOONS_YAML = Path(__file__).parent / "data" / "moons.yaml"

MOONS = pd.DataFrame(
    {
        "name": ["Io", "Europa", "Ganymede", "Callisto", "Phobos"],
        "planet": ["Jupiter"] * 4 + ["Mars"],
        "found": ["1610-01-08"] * 4 + ["1877-08-18T00:00:00"],
        "radius": [1821.6, 1560.8, 2634.1, 2410.3, None],
        "rank": [1, 2, 3, 4, None],
        "note": ["volcanoes", 'ice & "sea" <deep>', "", None, "a,b\tc\nd"],
    }
)


@pytest.fixture(scope="session")
def moons(database: Database) -> Iterator[str]:
    """The name of a published catalogue of five moons."""
    publish(database, read_catalogue(MOONS_YAML), DataFrameSource(MOONS, "moons"))
    yield "moons"
    drop(database, "moons")


@pytest.fixture(scope="session")
def footprints(database: Database) -> Iterator[str]:
    """The name of a published catalogue with outlines and links, in a body-fixed frame."""
    data = Path(__file__).parent / "data"
    publish(
        database, read_catalogue(data / "footprints.yaml"), open_native(data / "footprints.csv")
    )
    yield "footprints"
    drop(database, "footprints")


@pytest.fixture(scope="session")
def service(database: Database, settings: Settings) -> Iterator[str]:
    """The base URL of a running service."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        here = settings.model_copy(
            update={"port": port, "maxrec": 20_000, "query_seconds": 5.0, "stream_seconds": 60.0}
        )
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(database, here),
                log_level="warning",
                lifespan="off",
                server_header=False,
                headers=[("Server", SERVER)],
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield here.url
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="session")
def client(service: str) -> Iterator[httpx.Client]:
    """An HTTP client of the service."""
    with httpx.Client(base_url=service, timeout=60) as opened:
        yield opened


@dataclass(frozen=True)
class Durable:
    """A service with a worker, on a database of its own: no other test's work is in its line."""

    url: str
    settings: Settings
    database: Database
    phases: PhaseListener


@pytest.fixture(scope="session")
def durable(settings: Settings, new_home: Callable[[], Path]) -> Iterator[Durable]:
    """A running service that carries jobs out, with two catalogues."""
    here = settings.model_copy(update={"home": new_home(), "maxrec": 20_000, "query_seconds": 5.0})
    data = Path(__file__).parent / "data"
    with Database.open(here) as database:
        publish(database, read_catalogue(MOONS_YAML), DataFrameSource(MOONS, "moons"))
        footprints = read_catalogue(data / "footprints.yaml")
        publish(database, footprints, open_native(data / "footprints.csv"))
        phases = PhaseListener(database)
        with working(database, here, all_tasks(), phases), serving(database, here, phases) as shown:
            yield Durable(shown.url, shown, database, phases)
        phases.close()


@pytest.fixture(scope="session")
def jobs(durable: Durable) -> Iterator[httpx.Client]:
    """An HTTP client of the service that carries jobs out."""
    with httpx.Client(base_url=durable.url, timeout=60) as opened:
        yield opened
