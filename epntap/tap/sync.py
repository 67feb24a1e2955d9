"""The synchronous resource: a query is run while its client waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from epntap.admission import Budget, QueryAdmission, Visit, client_of
from epntap.database import Database
from epntap.errors import UserError
from epntap.settings import Settings
from epntap.tap.errors import error_response, too_large, too_slow
from epntap.tap.parameters import (
    Parameters,
    QueryRequest,
    is_multipart,
    query_request,
    read_parameters,
)
from epntap.tap.query import Cancelled, QueryRun, TableSets
from epntap.tap.rowfile import SendPiece
from epntap.tap.uploads import UploadPolicy

#: Pieces of a document that may wait for a slow client; then the database waits too.
_PIECES_AHEAD = 2


class SyncResource:
    """``/tap/sync``.

    Parameters
    ----------
    database, tablesets
        What is asked.
    settings
        Limits.
    threads
        Where queries run: one thread each.
    """

    def __init__(
        self, database: Database, tablesets: TableSets, settings: Settings, threads: Executor
    ) -> None:
        self._admission = QueryAdmission(settings)
        self._database = database
        self._tablesets = tablesets
        self._settings = settings
        self._threads = threads
        self._uploads = UploadPolicy.of(settings)

    @property
    def client_bytes(self) -> Budget:
        """What each client may fetch in an hour."""
        return self._admission.bytes

    async def respond(self, request: Request) -> Response:
        """Answer a request; every failure becomes a VOTable."""
        with ExitStack() as held:
            try:
                visit, query = await self._admitted(request, held)
            except UserError as error:
                return error_response(error)
            run = partial(QueryRun, self._database, self._tablesets, query, uploads=self._uploads)
            return QueryResponse(run, query, visit, held.pop_all(), self._settings, self._threads)

    async def _admitted(self, request: Request, held: ExitStack) -> tuple[Visit, QueryRequest]:
        """Return a request's place, and what it asks for.

        Tables are read when there is a place for them: who finds none need not send his first. A
        form is read before, or one that never comes whole would keep a place from others.
        """
        if is_multipart(request):
            visit = await self._enter(request, held)
            await visit.bring_uploads()
            query = await self._read(request, held)
        else:
            query = await self._read(request, held)
            visit = await self._enter(request, held)
        if query.uploads:
            await visit.bring_uploads()
        return visit, query

    async def _enter(self, request: Request, held: ExitStack) -> Visit:
        return held.enter_context(await self._admission.enter(client_of(request)))

    async def _read(self, request: Request, held: ExitStack) -> QueryRequest:
        parameters = await read_parameters(request, self._uploads.size)
        held.callback(parameters.close)
        return self._query(parameters)

    def _query(self, parameters: Parameters) -> QueryRequest:
        return query_request(
            parameters,
            self._settings.maxrec,
            self._settings.maxrec_limit,
            remote_uploads=self._uploads.remote,
        )


@dataclass(frozen=True, slots=True)
class _Piece:
    data: bytes
    last: bool


class _Pieces:
    """Pieces of a document on their way from the thread of a query to the event loop.

    Parameters
    ----------
    loop
        Where they are wanted.
    limit
        Bytes after which the document is to end; 0 is no limit.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int = 0) -> None:
        self._loop = loop
        self._limit = limit
        self._sent = 0
        self._room = threading.Semaphore(_PIECES_AHEAD)
        self._closed = threading.Event()
        self._queue: asyncio.Queue[_Piece | None] = asyncio.Queue()

    def put(self, piece: bytes, *, last: bool) -> None:
        """Hand a piece over, from the thread; wait while too many wait already.

        Raises
        ------
        Cancelled
            If nobody reads any more.
        QueryFailedError
            If the document is too large; its last piece, which may say so, is taken nevertheless.
        """
        if self._limit and self._sent > self._limit and not last:
            raise too_large(self._limit)
        self._sent += len(piece)
        self._room.acquire()
        if self._closed.is_set():
            raise Cancelled
        self._loop.call_soon_threadsafe(self._queue.put_nowait, _Piece(piece, last))

    def end(self) -> None:
        """Say that no more come, from the thread."""
        self._loop.call_soon_threadsafe(self._queue.put_nowait, None)

    async def get(self) -> _Piece | None:
        """Return the next piece, or None when the run has ended."""
        piece = await self._queue.get()
        if piece is not None:
            self._room.release()
        return piece

    def close(self) -> None:
        """Free the thread if it waits: nobody reads any more."""
        self._closed.set()
        self._room.release()


class QueryResponse(Response):
    """Runs a query and streams its document; a client that goes away ends the query.

    Parameters
    ----------
    make_run
        Makes the run, of what takes the pieces of the document.
    query
        What is asked for.
    visit
        Its admission.
    held
        What is closed in the end: its admission, and what it was made of.
    settings
        Limits.
    threads
        Where the query runs.
    """

    def __init__(
        self,
        make_run: Callable[[SendPiece], QueryRun],
        query: QueryRequest,
        visit: Visit,
        held: ExitStack,
        settings: Settings,
        threads: Executor,
    ) -> None:
        super().__init__()
        self._make_run = make_run
        self._query = query
        self._visit = visit
        self._held = held
        self._settings = settings
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer over ASGI."""
        loop = asyncio.get_running_loop()
        pieces = _Pieces(loop, self._settings.result_bytes)
        run = self._make_run(pieces.put)

        def work() -> None:
            try:
                run.run()
            finally:
                pieces.end()

        running = loop.run_in_executor(self._threads, work)
        watching = asyncio.create_task(_disconnected(receive))
        watching.add_done_callback(lambda task: None if task.cancelled() else run.stop())
        try:
            await self._answer(scope, receive, send, pieces, run, running)
        finally:
            watching.cancel()
            pieces.close()
            if not running.done():
                run.stop()
            # The thread and its connection are given back before the response ends.
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()
            self._held.close()

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        pieces: _Pieces,
        run: QueryRun,
        running: asyncio.Future[None],
    ) -> None:
        seconds = self._settings.query_seconds
        late = asyncio.get_running_loop().call_later(seconds, run.stop, too_slow(seconds))
        piece = await pieces.get()
        late.cancel()
        if piece is None:
            await self._failed(scope, receive, send, running)
            return
        headers = [(b"content-type", self._query.format.mime.encode())]
        if piece.last:
            headers.append((b"content-length", str(len(piece.data)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        limit = self._settings.stream_seconds
        late = asyncio.get_running_loop().call_later(limit, run.stop, too_slow(limit))
        while piece is not None:
            body = {"type": "http.response.body", "body": piece.data, "more_body": not piece.last}
            await send(body)
            self._visit.sent(len(piece.data))
            if piece.last:
                break
            piece = await pieces.get()
        late.cancel()
        if piece is None:
            # Without a last piece the transfer is broken off, for the client to notice; unless he
            # is the one who broke it off.
            with suppress(Cancelled):
                await running

    async def _failed(
        self, scope: Scope, receive: Receive, send: Send, running: asyncio.Future[None]
    ) -> None:
        try:
            await running
        except Cancelled:
            return
        except UserError as error:
            await error_response(error)(scope, receive, send)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
