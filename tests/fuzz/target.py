"""What must hold whatever is asked or uploaded."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import uvicorn
from differential.rows import bench_rows

from epntap.adql import translate
from epntap.adql.geometry import Geometry
from epntap.catalogue import read_catalogue
from epntap.database import Database, load_tableset
from epntap.errors import UserError
from epntap.publish import DataFrameSource, drop, publish
from epntap.service import create_app
from epntap.settings import Settings
from epntap.tap.uploads.errors import UploadError
from epntap.tap.uploads.votable import VOTableReader

YAML = Path(__file__).parents[1] / "data" / "bench.yaml"

#: SQLSTATE classes of refusals that depend on values or sizes: cardinality violation, data
#: exception, program limit exceeded. Any other one says that the SQL is wrong.
_EXCUSED = ("21", "22", "54")

#: Statuses above 499 that the service declares: it is busy or shutting down.
_DECLARED = (503,)


class ViolationError(Exception):
    """Something that must hold did not.

    Attributes
    ----------
    example
        What was asked or uploaded.
    """

    def __init__(self, message: str, example: str | bytes) -> None:
        super().__init__(message)
        self.example = example


class Target:
    """A service, its database, and the checks.

    Parameters
    ----------
    database
        An open database with the catalogue ``bench``.
    url
        TAP URL of the service over it.
    """

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._http = httpx.Client(base_url=url, timeout=60)
        with database.reader() as connection:
            self._tables = load_tableset(connection)
        self.accepted = 0

    def close(self) -> None:
        """Close the connection to the service."""
        self._http.close()

    def check_translation(self, query: str) -> None:
        """Hold the translator to: SQL that PostgreSQL takes, or an error for the user."""
        try:
            sql = translate(query, self._tables, limit=10, geometry=Geometry()).sql
        except UserError:
            return
        except Exception as error:
            raise ViolationError(f"translate: {type(error).__name__}: {error}", query) from error
        self.accepted += 1
        with self._database.reader() as connection, connection.cursor() as cursor:
            try:
                cursor.execute(f"EXPLAIN {sql}")
            except psycopg2.Error as error:
                if not (error.pgcode or "").startswith(_EXCUSED):
                    raise ViolationError(f"EXPLAIN: {error}\n{sql}", query) from error
            finally:
                connection.rollback()

    def check_query(self, query: str) -> None:
        """Hold the service to: an answer or an error document, never a failure of its own."""
        data = {"LANG": "ADQL", "QUERY": query or " ", "MAXREC": "20"}
        self._check_answer(self._http.post("/sync", data=data), query)

    def check_reader(self, document: bytes) -> None:
        """Hold the reader of VOTables to: rows, or an error for the user."""
        try:
            reader = VOTableReader("mine", io.BytesIO(document), row_limit=1_000)
            for _ in reader.lines():
                pass
        except UploadError:
            return
        except Exception as error:
            message = f"reading a VOTable: {type(error).__name__}: {error}"
            raise ViolationError(message, document) from error
        self.accepted += 1

    def check_upload(self, document: bytes) -> None:
        """Hold the service to: an uploaded table can be queried, or is refused."""
        answer = self._http.post(
            "/sync",
            data={
                "LANG": "ADQL",
                "QUERY": "SELECT * FROM TAP_UPLOAD.mine",
                "UPLOAD": "mine,param:file",
            },
            files={"file": ("file", document, "application/x-votable+xml")},
        )
        self._check_answer(answer, document)

    def _check_answer(self, answer: httpx.Response, example: str | bytes) -> None:
        if answer.status_code >= 500 and answer.status_code not in _DECLARED:
            raise ViolationError(f"HTTP {answer.status_code}: {answer.text[:1000]}", example)
        if answer.status_code >= 400 and b'value="ERROR"' not in answer.content:
            raise ViolationError(f"HTTP {answer.status_code} without an error document", example)
        if answer.status_code < 400:
            self.accepted += 1


@contextmanager
def served(database: Database, settings: Settings) -> Iterator[str]:
    """Serve a database; yield the TAP URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        here = settings.model_copy(update={"port": port, "query_seconds": 3.0})
        config = uvicorn.Config(create_app(database, here), log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"{here.url}/tap"
        finally:
            server.should_exit = True
            thread.join(20)


@contextmanager
def target(database: Database, settings: Settings) -> Iterator[Target]:
    """Publish the small catalogue, serve it, and yield what is to be attacked."""
    source: Any = DataFrameSource(bench_rows(300), "simulated events")
    publish(database, read_catalogue(YAML), source)
    try:
        with served(database, settings) as url:
            attacked = Target(database, url)
            try:
                yield attacked
            finally:
                attacked.close()
    finally:
        drop(database, "bench")
