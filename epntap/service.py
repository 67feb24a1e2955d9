"""The ASGI application: a list of what is mounted where."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount

from epntap import __version__
from epntap.admission import JobLimits, Patience, PatientBodies, admit_job
from epntap.database import Database
from epntap.errors import (
    DatabaseUnavailableError,
    OverloadedError,
    SlowRequestError,
    UserError,
)
from epntap.portal.dachs import dachs_routes
from epntap.portal.pages import Portal
from epntap.products.serve import ProductRoutes
from epntap.queue import PhaseListener
from epntap.registry import RegistryRoutes
from epntap.requests.routes import RunRoutes
from epntap.results import open_results
from epntap.settings import Settings
from epntap.tap.asynchronous import TapJobs
from epntap.tap.examples import ExamplesResource
from epntap.tap.query import TableSets
from epntap.tap.routes import TapRoutes
from epntap.uws import JobService, JobWatch, UwsRoutes

#: The Server header of every answer; validators and administrators look for it.
SERVER = f"epntap/{__version__}"

#: What a page of another site needs to read a file in pieces.
_FILE_HEADERS = ("Accept-Ranges", "Content-Range", "ETag")

#: Threads that ask for the phases of jobs; each needs a connection of the publisher.
_JOB_THREADS = 6


def create_app(
    database: Database, settings: Settings, phases: PhaseListener | None = None
) -> Starlette:
    """Return the service on an open database.

    Parameters
    ----------
    database
        Stays the caller's, who closes it after the application has stopped.
    settings
        URLs and limits.
    phases
        The process's listener, if it has one already; it stays the caller's.
    """
    tablesets = TableSets(database)
    query_threads = ThreadPoolExecutor(settings.connections, thread_name_prefix="query")
    tap = TapRoutes(database, tablesets, settings, query_threads)
    examples = ExamplesResource(database, tablesets, settings)
    registry = RegistryRoutes(database, tablesets, settings)
    portal = Portal(database, tablesets, settings)
    watch = JobWatch(phases or PhaseListener(database))
    job_threads = ThreadPoolExecutor(_JOB_THREADS, thread_name_prefix="jobs")
    tap_jobs = _tap_jobs(database, settings, watch, job_threads)
    products = ProductRoutes(database, settings, tap.client_bytes)
    runs = RunRoutes(database, open_results(settings), settings, watch, job_threads)
    tap_routes = [*tap.routes(), *tap_jobs.routes("/async"), *examples.routes()]
    return Starlette(
        routes=[
            Mount("/tap", routes=tap_routes),
            *registry.routes(),
            *runs.routes(),
            *products.routes(),
            *dachs_routes(tap_routes),
            *portal.routes(),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=["*"],
                allow_methods=["GET", "POST", "HEAD", "DELETE"],
                allow_headers=["*"],
                expose_headers=["Location", "Retry-After", *_FILE_HEADERS],
            ),
            Middleware(PatientBodies, patience=Patience.of(settings)),
        ],
        exception_handlers={UserError: _report, ClientDisconnect: _let_go},
    )


def _tap_jobs(
    database: Database, settings: Settings, watch: JobWatch, threads: Executor
) -> UwsRoutes:
    """Return the asynchronous queries of TAP."""
    store = open_results(settings)
    admit = partial(admit_job, limits=JobLimits.of(settings))
    return UwsRoutes(
        JobService(database, store, TapJobs(settings), admit),
        store,
        watch,
        threads,
        path="/tap/async",
        base_url=settings.base_url,
        list_jobs=settings.job_list == "address",
    )


async def _let_go(_request: Request, _error: Exception) -> Response:
    """End a request whose client went away while it was still sending: nobody hears the answer."""
    return Response(status_code=400)


async def _report(_request: Request, error: Exception) -> Response:
    """Answer for a page whose making failed for a reason that a person can understand."""
    if isinstance(error, OverloadedError):
        headers = {"Retry-After": str(error.retry_after)}
        return PlainTextResponse(str(error), status_code=503, headers=headers)
    if isinstance(error, SlowRequestError):
        return PlainTextResponse(str(error), status_code=408)
    status = 503 if isinstance(error, DatabaseUnavailableError) else 500
    return PlainTextResponse(str(error), status_code=status)
