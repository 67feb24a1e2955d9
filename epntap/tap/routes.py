"""The resources of the TAP service, by path (TAP 1.1, section 2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import psycopg2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from epntap.admission import Budget
from epntap.database import Database
from epntap.errors import UserError
from epntap.settings import Settings
from epntap.tap.errors import RequestError, error_response, from_database
from epntap.tap.health import Health
from epntap.tap.query import TableSets
from epntap.tap.sync import SyncResource
from epntap.tap.vosi import availability_document, capabilities_document
from epntap.tap.vosi_tables import table_document, tables_document

_XML = "text/xml; charset=utf-8"

_T = TypeVar("_T")


class TapRoutes:
    """Makes the routes of one service.

    Parameters
    ----------
    database, tablesets
        What is served.
    settings
        URLs and limits.
    query_threads
        Where queries run; everything else runs beside them and is not held up by them.
    """

    def __init__(
        self, database: Database, tablesets: TableSets, settings: Settings, query_threads: Executor
    ) -> None:
        self._tablesets = tablesets
        self._settings = settings
        self._sync = SyncResource(database, tablesets, settings, query_threads)
        # Of their own: what monitors ask is answered while all other threads wait for something.
        self._answers = ThreadPoolExecutor(2, thread_name_prefix="answer")
        self._capabilities_made: bytes | None = None
        self._health = Health(tablesets.current, self._answers)

    @property
    def client_bytes(self) -> Budget:
        """What each client may fetch in an hour."""
        return self._sync.client_bytes

    def routes(self) -> list[BaseRoute]:
        """Return the resources below ``/tap``."""
        return [
            Route("/sync", self._sync.respond, methods=["GET", "POST"]),
            Route("/capabilities", self._capabilities),
            Route("/availability", self._availability),
            Route("/tables", self._tables),
            Route("/tables/{name:path}", self._table),
        ]

    async def _capabilities(self, _request: Request) -> Response:
        if self._capabilities_made is None:
            loop = asyncio.get_running_loop()
            make = partial(capabilities_document, self._settings)
            self._capabilities_made = await loop.run_in_executor(self._answers, make)
        return Response(self._capabilities_made, media_type=_XML)

    async def _availability(self, _request: Request) -> Response:
        document = availability_document(await self._health.problem())
        return Response(document, media_type=_XML)

    async def _tables(self, request: Request) -> Response:
        detail = {k.lower(): v for k, v in request.query_params.items()}.get("detail", "max")
        return await _document(
            lambda: tables_document(self._tablesets.current(), with_columns=detail.lower() != "min")
        )

    async def _table(self, request: Request) -> Response:
        name = request.path_params["name"]

        def make() -> bytes:
            tables = self._tablesets.current()
            table = tables.table(name)
            if table is None:
                known = ", ".join(sorted(table.qualified_name for table in tables.tables.values()))
                raise RequestError(f"there is no table {name}", hint=f"tables: {known}", status=404)
            return table_document(table)

        return await _document(make)


async def _document(make: Callable[[], bytes]) -> Response:
    """Make a document in a thread; every failure becomes a VOTable."""
    try:
        return Response(await asyncio.to_thread(make), media_type=_XML)
    except UserError as error:
        return error_response(error)
    except psycopg2.Error as error:
        return error_response(from_database(error))
