"""Servers with small limits, and clients that behave badly."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
import uvicorn

from epntap.database import Database
from epntap.ports import claim_port
from epntap.server import configuration
from epntap.service import create_app
from epntap.settings import Settings

#: Many tables of five rows joined: rows come at once and for minutes.
TORRENT = "SELECT a.* FROM moons.epn_core AS a" + "".join(
    f" CROSS JOIN moons.epn_core AS m{i}" for i in range(12)
)
#: The same without a row until the end.
ENDLESS = TORRENT.replace("a.*", "COUNT(*) AS n")

SHORT = "SELECT TOP 2 granule_uid FROM moons.epn_core"


@pytest.fixture
def serving(
    database: Database, settings: Settings, moons: str
) -> Iterator[Callable[..., Settings]]:
    """A function that starts a server with changed settings; all are stopped in the end."""
    with contextlib.ExitStack() as started:

        def start(loop: str | None = None, **changed: object) -> Settings:
            here = settings.model_copy(update={"port": _free_port(), **changed})
            listener = started.enter_context(claim_port(here))
            config = configuration(create_app(database, here), here)
            config.loop = loop or config.loop
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()

            def stop() -> None:
                server.should_exit = True
                thread.join(30)

            started.callback(stop)
            assert wait_until(lambda: server.started, 10)
            return here

        yield start


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def connect(settings: Settings, address: str = "127.0.0.1") -> socket.socket:
    """Connect from an address of this machine: each counts as a client of its own."""
    made = socket.create_connection(
        ("127.0.0.1", settings.port), timeout=30, source_address=(address, 0)
    )
    # As little room as the system allows, so that a server soon feels that nobody reads.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return made


def request(query: str, **parameters: str) -> bytes:
    """A query as a client writes it on the wire."""
    body = urlencode({"QUERY": query, "LANG": "ADQL", **parameters}).encode()
    head = (
        "POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded"
        f"\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def answer_of(made: socket.socket) -> bytes:
    """Read an answer with a content-length, or until the connection ends."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = made.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += made.recv(65536)
    return head + b"\r\n\r\n" + body
