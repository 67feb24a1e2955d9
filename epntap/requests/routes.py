"""``/run``: the pipelines that can be run, their job lists, and pages for people."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from functools import cached_property, partial
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Receive, Scope, Send

from epntap.admission import JobLimits, admit_job
from epntap.database import Database
from epntap.portal.templates import Templates
from epntap.requests.descriptor import DESCRIPTOR_MIME, descriptor_document
from epntap.requests.jobs import RunJobs, RunService
from epntap.requests.offers import Offer, Offers, find_offers
from epntap.requests.values import SUFFIXES, readable_duration
from epntap.results import ResultStore
from epntap.settings import Settings
from epntap.tap.errors import RequestError, error_response
from epntap.tap.uploads.policy import readable_size
from epntap.uws import JobWatch, UwsRoutes
from epntap.uws.times import time_text

log = logging.getLogger(__name__)

#: Seconds after which the page of a job that is not finished is asked for again.
_REFRESH_SECONDS = 2


class PageRoute(Route):
    """A route for browsers alone: programs, which do not ask for HTML, go on to the next."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as `Route` does, when a page is wanted."""
        match, child = super().matches(scope)
        if match is Match.FULL and not _wants_page(scope):
            return Match.NONE, {}
        return match, child


class LateRoutes(BaseRoute):
    """All resources at a path and below it, made when one of them is first asked for.

    Parameters
    ----------
    path
        Of the uppermost.
    make
        Makes the routes, from the root of the service; called in a thread, once.
    """

    def __init__(self, path: str, make: Callable[[], Sequence[BaseRoute]]) -> None:
        self._path = path
        self._make = make
        self._router: Router | None = None
        self._making = asyncio.Lock()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match whatever is at the path or below it."""
        is_below = scope["type"] == "http" and f"{scope['path']}/".startswith(f"{self._path}/")
        return (Match.FULL if is_below else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the routes do."""
        async with self._making:
            if self._router is None:
                self._router = Router(routes=await asyncio.to_thread(self._make))
        await self._router(scope, receive, send)


def _wants_page(scope: Scope) -> bool:
    return any(
        name == b"accept" and b"text/html" in value.lower() for name, value in scope["headers"]
    )


class RunRoutes:
    """Makes the routes of runs on request.

    Parameters
    ----------
    database, store
        Where jobs and their files are kept.
    settings
        URLs and limits; which pipelines are offered.
    watch
        Wakes those who wait for a job.
    threads
        Where the database is asked.
    offers
        The pipelines; those that are installed, when not given, which are looked for when the
        first resource below ``/run`` is asked for: there may be many, and each is imported.
    """

    def __init__(
        self,
        database: Database,
        store: ResultStore,
        settings: Settings,
        watch: JobWatch,
        threads: Executor,
        offers: Offers | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._settings = settings
        self._watch = watch
        self._threads = threads
        self._given = offers
        self._templates = Templates(settings)

    def routes(self) -> list[BaseRoute]:
        """Return the resources, from the root of the service."""
        return [LateRoutes("/run", self._all_routes)]

    @cached_property
    def _offers(self) -> Offers:
        offers = find_offers(self._settings) if self._given is None else self._given
        for each in offers.unavailable:
            log.warning("%s is not offered at /run: %s", each.name, each.reason)
        return offers

    def _all_routes(self) -> list[BaseRoute]:
        found: list[BaseRoute] = [
            PageRoute("/run", self._list_page, methods=["GET"]),
            Route("/run", self._describe(self._offers.available), methods=["GET"]),
        ]
        for offer in self._offers.available:
            found.extend(self._routes_of(offer))
        # What is not there is told in the way of job lists.
        found.append(Route("/run/{name}", self._absent, methods=["GET", "POST"]))
        return found

    def _routes_of(self, offer: Offer) -> list[BaseRoute]:
        path = f"/run/{offer.name}"
        settings = self._settings
        limits = JobLimits(settings.request_jobs, settings.client_request_jobs)
        service = RunService(
            self._database,
            self._store,
            RunJobs(offer, settings),
            partial(admit_job, limits=limits),
        )
        jobs = UwsRoutes(
            service,
            self._store,
            self._watch,
            self._threads,
            path=path,
            base_url=settings.base_url,
            list_jobs=settings.job_list == "address",
        )
        return [
            PageRoute(path, self._form_page(offer, service), methods=["GET"]),
            Route(f"{path}/descriptor", self._describe([offer]), methods=["GET"]),
            PageRoute(f"{path}/{{job}}", self._job_page(offer, service), methods=["GET"]),
            *jobs.routes(path),
        ]

    def _describe(self, offers: Sequence[Offer]) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            base = self._settings.base_url or f"{request.url.scheme}://{request.url.netloc}"
            document = descriptor_document(offers, f"{base}/run")
            # What is asked for as HTML at the same URL is another document.
            headers = {"Vary": "Accept"}
            return Response(document, media_type=DESCRIPTOR_MIME, headers=headers)

        return respond

    async def _absent(self, request: Request) -> Response:
        name = request.path_params["name"]
        for each in self._offers.unavailable:
            if each.name == name:
                error = RequestError(f"{name} cannot be run here: {each.reason}", status=404)
                return error_response(error)
        known = ", ".join(offer.name for offer in self._offers.available) or "none"
        return error_response(
            RequestError(
                f"no pipeline {name[:40]!r} can be run here", hint=f"there are: {known}", status=404
            )
        )

    # Pages ---------------------------------------------------------------------------------------

    async def _list_page(self, _request: Request) -> Response:
        return self._page("runs.html", offers=self._offers)

    def _form_page(
        self, offer: Offer, service: RunService
    ) -> Callable[[Request], Awaitable[Response]]:
        form = offer.form

        async def respond(_request: Request) -> Response:
            span = form.longest_span
            return self._page(
                "run.html",
                offer=offer,
                form=form,
                longest=None if span is None else readable_duration(span),
                file_size=readable_size(service.kind.file_bytes),
                formats=tuple(SUFFIXES),
                limits=service.kind.limits,
            )

        return respond

    def _job_page(
        self, offer: Offer, service: RunService
    ) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            loop = asyncio.get_running_loop()
            name = request.path_params["job"]
            try:
                job = await loop.run_in_executor(self._threads, service.read, name)
            except RequestError as error:
                return self._page("missing.html", status=error.status, name=name[:64])
            return self._page(
                "job.html",
                offer=offer,
                job=job,
                path=f"/run/{offer.name}/{job.job_id}",
                refresh=_REFRESH_SECONDS if job.phase.active else None,
                time=time_text,
                size=readable_size,
            )

        return respond

    def _page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        page = self._templates.page(template, **values)
        return HTMLResponse(page, status_code=status, headers={"Vary": "Accept"})
