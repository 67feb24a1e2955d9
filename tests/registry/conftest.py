"""The registry on an application of its own, over three catalogues, one of them withdrawn."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pandas as pd
import pytest
import yaml
from starlette.applications import Starlette
from starlette.routing import Mount

from epntap.catalogue import Catalogue, read_catalogue
from epntap.database import Database
from epntap.publish import DataFrameSource, drop, publish
from epntap.registry import RegistryRoutes
from epntap.settings import Settings
from epntap.tap.query import TableSets
from epntap.tap.routes import TapRoutes

from .serving import serving

#: A start of the service before all publications of the tests, so that these can be told apart.
SINCE = datetime(2020, 1, 1, tzinfo=UTC)

ROWS = pd.DataFrame(
    {
        "event": ["a", "b", "c"],
        "start": ["2019-05-01T00:00:00", "2019-06-01T12:00:00", None],
        "end": ["2019-05-02T00:00:00", "2019-06-03T12:00:00", None],
    }
)


def describe(folder: Path, name: str, **changes: object) -> Catalogue:
    """Return the description of a small catalogue of events."""
    content: dict[str, object] = {
        "name": name,
        "title": f"Events of {name} & others",
        "description": "Events <found> in\n  measurements.",
        "creators": [
            {"name": "Doe, J.", "orcid": "https://orcid.org/0000-0002-1825-0097"},
            "Roe, R.",
        ],
        "publisher": "Example Institute",
        "contact": {"name": "Help desk", "email": "help@example.org", "affiliation": "Graz"},
        "rights": "CC BY 4.0",
        "rights_url": "https://creativecommons.org/licenses/by/4.0/",
        "subjects": ["solar-physics", "solar-wind"],
        "facilities": ["Wind"],
        "instruments": ["MFI", "SWE"],
        "references": [
            {"title": "A page", "url": "https://example.org/page"},
            {"title": "A paper", "doi": "10.1029/2022SW003149"},
            {"title": "Another", "doi": "10.3847/1538-4357/ab08d2"},
        ],
        "spatial_frame_type": "none",
        "mapping": {
            "granule_uid": "event",
            "target_name": {"constant": "Sun"},
            "target_class": {"constant": "star"},
            "time_min": {"column": "start", "time": "iso"},
            "time_max": {"column": "end", "time": "iso"},
        },
        "columns": [
            {
                "name": "speed",
                "datatype": "double",
                "unit": "km/s",
                "ucd": "phys.veloc",
                "description": "Speed",
                "from": {"constant": 400.0},
            },
        ],
        **changes,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content))
    return read_catalogue(path)


@pytest.fixture(scope="session")
def catalogues(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, ...]]:
    """The names of two published catalogues; a third one, regdropped, was withdrawn."""
    folder = tmp_path_factory.mktemp("yaml")
    names = ("regfirst", "regsecond", "regdropped")
    for name in names:
        publish(database, describe(folder, name), DataFrameSource(ROWS, name))
    drop(database, "regdropped")
    yield names[:2]
    for name in names[:2]:
        drop(database, name)


@pytest.fixture(scope="session")
def listener() -> Iterator[socket.socket]:
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


@pytest.fixture(scope="session")
def registry_settings(settings: Settings, listener: socket.socket) -> Settings:
    """Settings of a service with a name and a port of its own."""
    return settings.model_copy(
        update={"port": listener.getsockname()[1], "site_name": "Example EPN-TAP"}
    )


@pytest.fixture(scope="session")
def registry(
    database: Database, registry_settings: Settings, catalogues: tuple[str, ...]
) -> RegistryRoutes:
    """The registry; its answers hold two records at most."""
    return RegistryRoutes(
        database, TableSets(database), registry_settings, page_size=2, since=SINCE
    )


@pytest.fixture(scope="session")
def tap(database: Database, registry_settings: Settings) -> TapRoutes:
    """The TAP resources of the same service."""
    return TapRoutes(
        database, TableSets(database), registry_settings, ThreadPoolExecutor(2, "query")
    )


@pytest.fixture(scope="session")
def base_url(
    registry: RegistryRoutes, tap: TapRoutes, registry_settings: Settings, listener: socket.socket
) -> Iterator[str]:
    """The base URL of the running service: registry and TAP."""
    app = Starlette(routes=[Mount("/tap", routes=tap.routes()), *registry.routes()])
    with serving(app, listener):
        yield registry_settings.url


@pytest.fixture(scope="session")
def client(base_url: str) -> Iterator[httpx.Client]:
    """An HTTP client of the service."""
    with httpx.Client(base_url=base_url, timeout=60) as opened:
        yield opened
