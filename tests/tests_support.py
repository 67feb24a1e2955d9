"""What tests of several folders need."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from psycopg2 import sql

from epntap.catalogue import Catalogue
from epntap.database import Database, load_tableset
from epntap.database.cluster import locate
from epntap.database.postmaster import read_postmaster
from epntap.queue import PhaseListener
from epntap.service import SERVER, create_app
from epntap.settings import Settings
from epntap.worker import Task, Worker


def read_published(database: Database, catalogue: Catalogue, columns: str) -> list[tuple[Any, ...]]:
    """Return columns of the current version of a catalogue, by granule_uid, as the reader."""
    with database.reader() as connection, connection.cursor() as cursor:
        table = load_tableset(connection).table(f"{catalogue.name}.epn_core")
        assert table is not None
        cursor.execute(
            sql.SQL("SELECT {} FROM {} ORDER BY granule_uid").format(
                sql.SQL(columns), sql.Identifier(table.relation.schema, table.relation.name)
            )
        )
        return cursor.fetchall()


def postmaster_pid(settings: Settings) -> int:
    """Return the process of the embedded server of a home."""
    postmaster = read_postmaster(locate(settings.home).data)
    assert postmaster is not None
    return postmaster.pid


@contextmanager
def serving(
    database: Database, settings: Settings, phases: PhaseListener | None = None
) -> Iterator[Settings]:
    """Serve on a free port while the block runs; yields the settings with that port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = settings.model_copy(update={"port": listener.getsockname()[1]})
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(database, here, phases),
                log_level="warning",
                lifespan="off",
                server_header=False,
                headers=[("Server", SERVER)],
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server has not started"
            time.sleep(0.01)
        try:
            yield here
        finally:
            server.should_exit = True
            thread.join(20)


@contextmanager
def working(
    database: Database,
    settings: Settings,
    tasks: Sequence[Task],
    phases: PhaseListener | None = None,
    *,
    concurrency: int = 4,
) -> Iterator[Worker]:
    """Have a worker do what stands in line while the block runs."""
    worker = Worker(database, settings, tasks, concurrency=concurrency, phases=phases)
    thread = threading.Thread(target=worker.run, name="worker", daemon=True)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive(), "the worker has not stopped"
