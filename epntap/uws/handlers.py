"""The resources of a job list over HTTP (UWS 1.1, section 2.2)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import closing
from functools import partial, wraps
from types import ModuleType
from typing import TypeVar

import psycopg2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from epntap.admission import client_of
from epntap.errors import UserError
from epntap.formats import error_document
from epntap.imports import imported_late
from epntap.results import ResultsError, ResultStore
from epntap.tap.errors import ERROR_TYPE, RequestError, error_response, from_database
from epntap.tap.parameters import read_pairs
from epntap.uws.clients import own_address
from epntap.uws.errors import NotThereError
from epntap.uws.files import file_response
from epntap.uws.jobs import Job, Phase
from epntap.uws.requests import (
    Submission,
    Waiting,
    control,
    read_filter,
    read_seconds,
    read_submission,
    read_time,
    read_waiting,
)
from epntap.uws.service import JobService
from epntap.uws.times import time_text
from epntap.uws.waiting import JobWatch

log = logging.getLogger(__name__)

_XML = "text/xml; charset=utf-8"

#: A job that has just begun often ends at once. A client that waits for any change is told of the
#: end rather than of the beginning, if it comes so soon: clients pause before they ask again.
_SETTLING_SECONDS = 0.2

_T = TypeVar("_T")


def _answering(handler: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    """Turn every failure of a handler into a VOTable."""

    @wraps(handler)
    async def answer(self: UwsRoutes, request: Request) -> Response:
        try:
            return await handler(self, request)
        except ResultsError:
            # Where the files are is of no concern to clients.
            log.exception("files of jobs cannot be read or written")
            return error_response(
                RequestError("the files of jobs are out of reach at the moment", status=503)
            )
        except UserError as error:
            return error_response(error)
        except psycopg2.Error as error:
            return error_response(from_database(error))

    return answer


class UwsRoutes:
    """Makes the routes of a job list.

    Parameters
    ----------
    service
        The jobs.
    store
        Their results.
    watch
        Wakes those who wait.
    threads
        Where the database is asked.
    path
        Of the list, from the root of the service, e.g. ``/tap/async``.
    base_url
        URL of the root; without it, it is what the client called it.
    list_jobs
        Whether a client is shown the jobs made from its address; if not, no list shows any.
    """

    def __init__(
        self,
        service: JobService,
        store: ResultStore,
        watch: JobWatch,
        threads: Executor,
        *,
        path: str,
        base_url: str | None,
        list_jobs: bool,
    ) -> None:
        self._service = service
        self._store = store
        self._watch = watch
        self._threads = threads
        self._path = path
        self._base_url = base_url
        self._list_jobs = list_jobs

    def routes(self, prefix: str) -> list[BaseRoute]:
        """Return the resources, below a prefix of whatever they are mounted in."""
        one = f"{prefix}/{{job}}"
        return [
            Route(prefix, self._list, methods=["GET"]),
            Route(prefix, self._create, methods=["POST"]),
            Route(one, self._job, methods=["GET"]),
            Route(one, self._act, methods=["POST"]),
            Route(one, self._delete, methods=["DELETE"]),
            Route(f"{one}/phase", self._phase, methods=["GET"]),
            Route(f"{one}/phase", self._set_phase, methods=["POST"]),
            Route(f"{one}/executionduration", self._duration, methods=["GET"]),
            Route(f"{one}/executionduration", self._set_duration, methods=["POST"]),
            Route(f"{one}/destruction", self._destruction, methods=["GET"]),
            Route(f"{one}/destruction", self._set_destruction, methods=["POST"]),
            Route(f"{one}/quote", self._quote, methods=["GET"]),
            Route(f"{one}/owner", self._owner, methods=["GET"]),
            Route(f"{one}/error", self._error, methods=["GET"]),
            Route(f"{one}/parameters", self._parameters, methods=["GET"]),
            Route(f"{one}/parameters", self._set_parameters, methods=["POST"]),
            Route(f"{one}/results", self._results, methods=["GET"]),
            Route(f"{one}/results/{{result}}", self._result, methods=["GET"]),
        ]

    # The list ------------------------------------------------------------------------------------

    @_answering
    async def _list(self, request: Request) -> Response:
        wanted = read_filter(request.query_params.multi_items())
        address = own_address(request) if self._list_jobs else None
        found = (
            [] if address is None else await self._ask(self._service.references, address, wanted)
        )
        documents = await _documents()
        return Response(documents.list_document(found, self._url(request)), media_type=_XML)

    @_answering
    async def _create(self, request: Request) -> Response:
        if _brings_files(request):
            await self._ask(self._service.welcome, client_of(request))
        with closing(await self._submission(request)) as asked:
            _refuse_deletion(asked)
            job = await self._ask(self._service.create, asked, client_of(request))
        return self._see(request, job.job_id)

    # A job ---------------------------------------------------------------------------------------

    @_answering
    async def _job(self, request: Request) -> Response:
        waiting = read_waiting(request.query_params.multi_items())
        job_id = request.path_params["job"]
        job = await self._read(request) if waiting is None else await self._wait(job_id, waiting)
        documents = await _documents()
        return Response(
            documents.job_document(job, self._url(request, job.job_id)), media_type=_XML
        )

    @_answering
    async def _act(self, request: Request) -> Response:
        """Take a POST to the job itself: to delete it, or, as some clients do, with parameters."""
        with closing(await self._submission(request)) as asked:
            if asked.delete:
                return await self._remove(request)
            if not asked.parameters:
                raise RequestError("nothing is asked for", hint="ACTION=DELETE, or parameters")
            return await self._change(request, asked)

    @_answering
    async def _delete(self, request: Request) -> Response:
        return await self._remove(request)

    async def _remove(self, request: Request) -> Response:
        await self._ask(self._service.delete, request.path_params["job"])
        return self._see(request)

    async def _wait(self, job_id: str, waiting: Waiting) -> Job:
        """Read a job when it leaves the phase that it is waited for in, or time is over."""
        deadline = time.monotonic() + waiting.seconds
        with self._watch.watching(job_id) as changes:
            job = await self._ask(self._service.read, job_id)
            phase = waiting.phase or job.phase
            while job.phase is phase and phase.active:
                heard = await changes.next(max(0.0, deadline - time.monotonic()))
                job = await self._ask(self._service.read, job_id)
                if not heard:
                    return job
            if waiting.phase is None and phase.active and job.phase is Phase.EXECUTING:
                left = max(0.0, deadline - time.monotonic())
                if await changes.next(min(_SETTLING_SECONDS, left)):
                    job = await self._ask(self._service.read, job_id)
        return job

    # What can be said about it -------------------------------------------------------------------

    @_answering
    async def _phase(self, request: Request) -> Response:
        return _plain((await self._read(request)).phase.value)

    @_answering
    async def _set_phase(self, request: Request) -> Response:
        phase = control(await self._pairs(request), "PHASE")
        change = {"RUN": self._service.start, "ABORT": self._service.abort}.get(phase.upper())
        if change is None:
            raise RequestError(f"PHASE={phase[:40]} cannot be asked for", hint="RUN or ABORT")
        await self._ask(change, request.path_params["job"])
        return self._see(request, request.path_params["job"])

    @_answering
    async def _duration(self, request: Request) -> Response:
        return _plain(str((await self._read(request)).execution_seconds))

    @_answering
    async def _set_duration(self, request: Request) -> Response:
        seconds = read_seconds(control(await self._pairs(request), "EXECUTIONDURATION"))
        job_id = request.path_params["job"]
        await self._ask(self._service.set_execution_duration, job_id, seconds)
        return self._see(request, job_id)

    @_answering
    async def _destruction(self, request: Request) -> Response:
        return _plain(time_text((await self._read(request)).destruction))

    @_answering
    async def _set_destruction(self, request: Request) -> Response:
        time_asked = read_time("DESTRUCTION", control(await self._pairs(request), "DESTRUCTION"))
        job_id = request.path_params["job"]
        await self._ask(self._service.set_destruction, job_id, time_asked)
        return self._see(request, job_id)

    @_answering
    async def _quote(self, request: Request) -> Response:
        return _plain(time_text((await self._read(request)).quote))

    @_answering
    async def _owner(self, request: Request) -> Response:
        return _plain((await self._read(request)).owner_id or "")

    @_answering
    async def _error(self, request: Request) -> Response:
        job = await self._read(request)
        if job.error is None:
            raise NotThereError(f"job {job.job_id} has no error, its phase is {job.phase}")
        return Response(error_document(job.error.message), media_type=ERROR_TYPE)

    @_answering
    async def _parameters(self, request: Request) -> Response:
        job = await self._read(request)
        documents = await _documents()
        return Response(documents.parameters_document(job.parameters), media_type=_XML)

    @_answering
    async def _set_parameters(self, request: Request) -> Response:
        with closing(await self._submission(request)) as asked:
            _refuse_deletion(asked)
            return await self._change(request, asked)

    async def _change(self, request: Request, asked: Submission) -> Response:
        job_id = request.path_params["job"]
        await self._ask(self._service.change_parameters, job_id, asked)
        if asked.run:
            await self._ask(self._service.start, job_id)
        return self._see(request, job_id)

    # Results -------------------------------------------------------------------------------------

    @_answering
    async def _results(self, request: Request) -> Response:
        job = await self._read(request)
        documents = await _documents()
        document = documents.results_document(job.results, self._url(request, job.job_id))
        return Response(document, media_type=_XML)

    @_answering
    async def _result(self, request: Request) -> Response:
        path = request.path_params
        result = await self._ask(self._service.result, path["job"], path["result"])
        asked = request.headers.get("range")
        return await file_response(self._store, result, asked, self._threads)

    # Shared --------------------------------------------------------------------------------------

    async def _read(self, request: Request) -> Job:
        return await self._ask(self._service.read, request.path_params["job"])

    async def _ask(self, function: Callable[..., _T], *arguments: object) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(function, *arguments))

    async def _submission(self, request: Request) -> Submission:
        return await read_submission(request, self._service.kind.limits.upload_bytes)

    async def _pairs(self, request: Request) -> list[tuple[str, str]]:
        pairs, parts = await read_pairs(request)
        for part in parts.values():
            part.close()
        return pairs

    def _see(self, request: Request, job_id: str | None = None) -> Response:
        """Send the client on, as UWS answers everything that changes something."""
        return Response(status_code=303, headers={"Location": self._url(request, job_id)})

    def _url(self, request: Request, job_id: str | None = None) -> str:
        # What stands in the URL of the request is what reaches the service, unless a proxy is in
        # between: then it has to be set.
        base = self._base_url or f"{request.url.scheme}://{request.url.netloc}"
        url = f"{base}{self._path}"
        return url if job_id is None else f"{url}/{job_id}"


async def _documents() -> ModuleType:
    """Return `epntap.uws.documents`."""
    return await imported_late("epntap.uws.documents")


def _brings_files(request: Request) -> bool:
    kind = request.headers.get("content-type", "")
    return kind.strip().lower().startswith("multipart/")


def _refuse_deletion(asked: Submission) -> None:
    if asked.delete:
        raise RequestError("ACTION=DELETE is for a job", hint="post it to the URL of the job")


def _plain(text: str) -> Response:
    return Response(text, media_type="text/plain; charset=utf-8")
