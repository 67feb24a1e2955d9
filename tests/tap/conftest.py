"""The service on a port of its own, with a small catalogue."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pandas as pd
import pytest
import uvicorn

from epntap.catalogue import read_catalogue
from epntap.database import Database
from epntap.publish import DataFrameSource, drop, publish
from epntap.service import SERVER, create_app
from epntap.settings import Settings

YAML = Path(__file__).parent / "moons.yaml"

ROWS = pd.DataFrame(
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
    publish(database, read_catalogue(YAML), DataFrameSource(ROWS, "moons"))
    yield "moons"
    drop(database, "moons")


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
