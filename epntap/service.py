"""The ASGI application: a list of what is mounted where."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount

from epntap import __version__
from epntap.database import Database
from epntap.errors import DatabaseUnavailableError, UserError
from epntap.portal.dachs import dachs_routes
from epntap.portal.pages import Portal
from epntap.registry import RegistryRoutes
from epntap.settings import Settings
from epntap.tap.examples import ExamplesResource
from epntap.tap.query import TableSets
from epntap.tap.routes import TapRoutes

#: The Server header of every answer; validators and administrators look for it.
SERVER = f"epntap/{__version__}"


def create_app(database: Database, settings: Settings) -> Starlette:
    """Return the service on an open database.

    Parameters
    ----------
    database
        Stays the caller's, who closes it after the application has stopped.
    settings
        URLs and limits.
    """
    tablesets = TableSets(database)
    query_threads = ThreadPoolExecutor(settings.connections, thread_name_prefix="query")
    tap = TapRoutes(database, tablesets, settings, query_threads)
    examples = ExamplesResource(database, tablesets, settings)
    registry = RegistryRoutes(database, tablesets, settings)
    portal = Portal(database, tablesets, settings)
    tap_routes = [*tap.routes(), *examples.routes()]
    return Starlette(
        routes=[
            Mount("/tap", routes=tap_routes),
            *registry.routes(),
            *dachs_routes(tap_routes),
            *portal.routes(),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=["*"],
                allow_methods=["GET", "POST", "HEAD", "DELETE"],
                allow_headers=["*"],
                expose_headers=["Location"],
            ),
        ],
        exception_handlers={UserError: _report},
    )


async def _report(_request: Request, error: Exception) -> Response:
    """Answer for a page whose making failed for a reason that a person can understand."""
    status = 503 if isinstance(error, DatabaseUnavailableError) else 500
    return PlainTextResponse(str(error), status_code=status)
