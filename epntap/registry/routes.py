"""The registry over HTTP: ``/oai.xml`` for harvesters, ``/getRR`` for a single record."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import psycopg2.errors
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from epntap.database import Database
from epntap.errors import DatabaseUnavailableError
from epntap.registry.site import site_of
from epntap.settings import Settings
from epntap.tap.query import TableSets

if TYPE_CHECKING:
    from epntap.registry.holdings import Holdings
    from epntap.registry.oai import Repository

_XML = "text/xml; charset=utf-8"

#: Records that one answer holds at most; each is up to 40 kB.
PAGE_SIZE = 100

#: The longest body and the most arguments of a request: OAI-PMH knows six, all of them short.
_BODY_BYTES = 65_536
_ARGUMENTS = 100


class RegistryRoutes:
    """Makes the routes of one service.

    Parameters
    ----------
    database, tablesets
        What is published.
    settings
        Authority, name and URLs.
    page_size
        Records that one answer holds at most.
    since
        Start of the service; now, if not given.

    Raises
    ------
    UserError
        If the authority of the settings is not one.
    """

    def __init__(
        self,
        database: Database,
        tablesets: TableSets,
        settings: Settings,
        *,
        page_size: int = PAGE_SIZE,
        since: datetime | None = None,
    ) -> None:
        self._database = database
        self._tablesets = tablesets
        self._settings = settings
        self._page_size = page_size
        self._site = site_of(settings, since)

    def routes(self) -> list[BaseRoute]:
        """Return the resources, to stand at the root of the service."""
        return [
            Route("/oai.xml", self._oai, methods=["GET", "POST"]),
            Route("/getRR/{path:path}", self._single),
        ]

    def repository(self) -> Repository:
        """Return what can be harvested now.

        Raises
        ------
        DatabaseUnavailableError
            If the database does not answer.
        """
        # What makes records and descriptions is imported when they are asked for.
        from epntap.registry.oai import Repository
        from epntap.registry.records import registry_records

        try:
            holdings = self._holdings()
        except psycopg2.errors.UndefinedTable:
            # A version was removed between being looked up and being read: look again.
            holdings = self._holdings()
        records = registry_records(self._site, self._settings, holdings, self._page_size)
        return Repository(self._site, holdings, records, self._page_size)

    def _holdings(self) -> Holdings:
        from epntap.registry.holdings import read_holdings

        with self._database.publisher() as connection:
            return read_holdings(connection, self._tablesets.of)

    async def _oai(self, request: Request) -> Response:
        arguments = await _arguments(request)
        if arguments is None:
            return PlainTextResponse("the request is too long", status_code=413)
        return await asyncio.to_thread(self._answer, arguments)

    def _answer(self, arguments: list[tuple[str, str]]) -> Response:
        try:
            return Response(self.repository().answer(arguments), media_type=_XML)
        except (DatabaseUnavailableError, psycopg2.OperationalError) as error:
            return _try_later(error)

    async def _single(self, request: Request) -> Response:
        return await asyncio.to_thread(self._record, request.path_params["path"])

    def _record(self, path: str) -> Response:
        from epntap.registry.records import find_record
        from epntap.registry.xml import serialized

        try:
            records = self.repository().records
        except (DatabaseUnavailableError, psycopg2.OperationalError) as error:
            return _try_later(error)
        # The authority's own identifier has no path.
        record = find_record(records, self._site.identifier("" if path == "authority" else path))
        if record is None:
            paths = ", ".join(_path(each.identifier) for each in records if not each.is_deleted)
            return PlainTextResponse(
                f"there is no record {path}; the records are {paths}", status_code=404
            )
        if record.resource is None:
            return PlainTextResponse(
                f"{record.identifier} was withdrawn on {record.datestamp:%Y-%m-%d}", status_code=410
            )
        return Response(serialized(record.resource()), media_type=_XML)


def _path(identifier: str) -> str:
    return identifier.removeprefix("ivo://").partition("/")[2] or "authority"


def _try_later(error: Exception) -> Response:
    """Ask a harvester to come back (OAI-PMH 2.0, section 3.1.2.2)."""
    return PlainTextResponse(str(error), status_code=503, headers={"Retry-After": "60"})


async def _arguments(request: Request) -> list[tuple[str, str]] | None:
    """Return names and values of a request, or None if there are too many to be one."""
    text = request.url.query
    if request.method == "POST":
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _BODY_BYTES:
                return None
        text = body.decode("utf-8", "replace")
    if len(text) > _BODY_BYTES or text.count("&") >= _ARGUMENTS:
        return None
    return parse_qsl(text, keep_blank_values=True, errors="replace")
