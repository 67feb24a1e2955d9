"""The pages of the service."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from epntap.adql.features import FEATURES
from epntap.database import Database
from epntap.formats import FORMATS, negotiate
from epntap.portal.overview import Overview, overview
from epntap.portal.preview import Preview, date_of, preview
from epntap.portal.templates import Templates
from epntap.settings import Settings
from epntap.tables import Relation, Table
from epntap.tap.parameters import QueryRequest
from epntap.tap.query import QueryRun, TableSets

if TYPE_CHECKING:
    from epntap.catalogue import Catalogue, Description

#: Rows of the first look at a catalogue.
_PREVIEW_ROWS = 100

#: Drawings that are kept, of the versions last counted.
_OVERVIEWS = 64

#: A catalogue of more rows is not counted for a drawing: nobody waits that long for a page.
_COUNTED_ROWS = 5_000_000

_STATIC = Path(__file__).parent / "static"

#: Kind of the language features that are functions of the service (TAPRegExt 1.0).
UDF_FEATURES = "ivo://ivoa.net/std/TAPRegExt#features-udf"


class Portal:
    """Makes the pages of one service.

    Parameters
    ----------
    database, tablesets
        What is shown.
    settings
        Name and URL of the service.
    """

    def __init__(self, database: Database, tablesets: TableSets, settings: Settings) -> None:
        self._database = database
        self._tablesets = tablesets
        self._settings = settings
        self._templates = Templates(settings)
        self._overviews: dict[Relation, Overview] = {}
        self._keeping = threading.Lock()

    def routes(self) -> list[BaseRoute]:
        """Return the pages."""
        return [
            Route("/", self._index),
            Route("/catalogue/{name}", self._catalogue),
            Route("/tap", self._tap),
            Route("/tableinfo/{name}", self._table_info),
            Route("/help", self._help),
            Route("/robots.txt", self._robots),
            *(Route(path, self._favicon) for path in ("/favicon.ico", "/favicon.png")),
            # Where DaCHS has its help; links to it are found in many places.
            Route("/static/help.shtml", self._old_help),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ]

    async def _index(self, _request: Request) -> Response:
        return await asyncio.to_thread(self._index_page)

    def _index_page(self) -> Response:
        published = [
            (schema, table)
            for schema in self._tablesets.current().schemas
            for table in schema.tables
            if table.name == "epn_core"
        ]
        return self._page("index.html", published=published, formats=FORMATS)

    async def _catalogue(self, request: Request) -> Response:
        return await asyncio.to_thread(self._catalogue_page, request.path_params["name"])

    def _catalogue_page(self, name: str) -> Response:
        table = self._tablesets.current().table(f"{name}.epn_core")
        if table is None:
            return self._page("missing.html", status=404, name=name)
        description = self._description(name).description
        rows = self._count(table)
        drawn = self._overview(table, rows, description)
        times = drawn.times
        return self._page(
            "catalogue.html",
            table=table,
            catalogue=description,
            rows=rows,
            preview=self._preview(table),
            overview=drawn,
            first=date_of(times.first).text if times else "",
            last=date_of(times.last).text if times else "",
            most=max(bar.count for bar in times.bars) if times else 0,
        )

    def _overview(self, table: Table, rows: int, description: Description) -> Overview:
        """Return what is drawn of a catalogue; a version is counted once."""
        drawn = self._overviews.get(table.relation)
        if drawn is None:
            wanted = rows <= _COUNTED_ROWS
            drawn = overview(self._ask, table, description) if wanted else Overview(None, None)
            with self._keeping:
                while len(self._overviews) >= _OVERVIEWS:
                    del self._overviews[next(iter(self._overviews))]
                self._overviews[table.relation] = drawn
        return drawn

    def _description(self, name: str) -> Catalogue:
        from epntap.catalogue import stored_catalogue

        with self._database.publisher() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT description FROM epntap.catalogue WHERE name = %s", (name,))
            ((description,),) = cursor.fetchall()
        return stored_catalogue(description)

    def _count(self, table: Table) -> int:
        return int(self._ask(f"SELECT COUNT(*) AS n FROM {table.qualified_name}")[1][0])

    def _preview(self, table: Table) -> Preview:
        from epntap.epncore.standard import read_standard

        header, *rows = self._ask(f"SELECT TOP {_PREVIEW_ROWS} * FROM {table.qualified_name}")
        added = frozenset(each.column.name for each in read_standard().added)
        return preview(table, added, header, rows)

    def _ask(self, query: str) -> list[list[str]]:
        pieces: list[bytes] = []
        request = QueryRequest(query, self._settings.maxrec, negotiate("csv"))
        QueryRun(
            self._database, self._tablesets, request, lambda piece, *, last: pieces.append(piece)
        ).run()
        return list(csv.reader(io.StringIO(b"".join(pieces).decode())))

    async def _tap(self, _request: Request) -> Response:
        return RedirectResponse("/#query")

    async def _table_info(self, request: Request) -> Response:
        return await asyncio.to_thread(self._table_page, request.path_params["name"])

    def _table_page(self, name: str) -> Response:
        table = self._tablesets.current().table(name)
        if table is None:
            return self._page("missing.html", status=404, name=name)
        return self._page("tableinfo.html", table=table)

    async def _help(self, _request: Request) -> Response:
        return await asyncio.to_thread(self._help_page)

    def _help_page(self) -> Response:
        tables = self._tablesets.current().tables.values()
        first = next((each for each in tables if each.name == "epn_core"), None)
        return self._page(
            "help.html",
            first=first.qualified_name if first else "TAP_SCHEMA.tables",
            formats=FORMATS,
            functions=[each for each in FEATURES[UDF_FEATURES] if each.description],
            limits=self._settings,
        )

    async def _old_help(self, _request: Request) -> Response:
        return RedirectResponse("/help", status_code=301)

    async def _favicon(self, _request: Request) -> Response:
        return FileResponse(_STATIC / "favicon.png", media_type="image/png")

    async def _robots(self, _request: Request) -> Response:
        return PlainTextResponse("User-agent: *\nDisallow: /tap/\n")

    def _page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        return HTMLResponse(self._templates.page(template, **values), status_code=status)
