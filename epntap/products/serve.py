"""Files of catalogues over HTTP, whole or in part (RFC 9110), for as long as they are published."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from epntap.admission import Budget, Gate, GateLimits, Pass, client_of
from epntap.database import Database
from epntap.products.names import is_content, is_safe_name
from epntap.products.records import PATH, Served, find
from epntap.products.store import open_content, open_products
from epntap.results import ResultMissingError
from epntap.settings import Settings
from epntap.uws.files import ByteRange, UnsatisfiableRangeError, pieces, read_range

#: Threads that read files, and threads that ask the database which may be read.
_THREADS, _LOOKUPS = 8, 2

#: How long an answer may be used without asking again: a file can be withdrawn.
_CACHE = "public, max-age=300"

#: Whatever a file is, a browser runs nothing of it, nor takes it for something else.
_SAFETY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}


def download_limits(settings: Settings) -> GateLimits:
    """Return how many files are sent at the same time, and who may wait."""
    return GateLimits(
        places=settings.downloads,
        places_per_client=(settings.downloads + 1) // 2,
        line=settings.waiting_queries,
        line_per_client=(settings.waiting_queries + 1) // 2,
        seconds=settings.waiting_seconds,
    )


class ProductRoutes:
    """Answers requests for files.

    Parameters
    ----------
    database
        Knows which are published.
    settings
        Where they are, and limits.
    budget
        Bytes that a client may fetch in an hour, those of queries included.
    """

    def __init__(self, database: Database, settings: Settings, budget: Budget) -> None:
        self._database = database
        self._settings = settings
        self._budget = budget
        self._gate = Gate(download_limits(settings), "downloads")
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="files")
        # Of their own: while the database makes them wait, downloads that are under way go on.
        self._lookups = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="file lookup")

    def routes(self) -> list[BaseRoute]:
        """Return the one route; everything else below its path is not there."""
        return [Route(f"{PATH}/{{catalogue}}/{{content}}/{{name}}", self._file, methods=["GET"])]

    async def _file(self, request: Request) -> Response:
        catalogue, content, name = (
            request.path_params[part] for part in ("catalogue", "content", "name")
        )
        # Every part is looked at before anything is asked: no list of folders, no way out of them.
        if not (is_safe_name(catalogue) and is_content(content) and is_safe_name(name)):
            return _not_there()
        client = client_of(request)
        self._budget.check(client)
        place = await self._gate.enter(client)
        try:
            answer = await self._answer(request, client, place, (catalogue, content, name))
        except BaseException:
            place.release()
            raise
        if not isinstance(answer, _FileResponse):
            place.release()
        return answer

    async def _answer(
        self, request: Request, client: str, place: Pass, key: tuple[str, str, str]
    ) -> Response:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._lookups, self._find, key)
        if found is None:
            return _not_there()
        headers = _headers(found)
        if _is_known(request, found):
            return Response(status_code=304, headers=_without_content(headers))
        size = found.file.size
        try:
            part = read_range(_range_of(request, found), size)
        except UnsatisfiableRangeError:
            headers["content-range"] = f"bytes */{size}"
            return Response(status_code=416, headers=headers)
        wanted = part or ByteRange(0, size)
        if part is not None:
            headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        headers["content-length"] = str(wanted.stop - wanted.start)
        status = 200 if part is None else 206
        store = open_products(self._settings, key[0])
        try:
            file = await loop.run_in_executor(self._threads, open_content, store, key[1])
        except ResultMissingError:
            # Removed between the two looks; or the store of another machine.
            return _not_there()
        if request.method == "HEAD":
            await loop.run_in_executor(self._threads, file.close)
            return Response(status_code=status, headers=headers)
        sent = pieces(file, wanted, self._threads)
        counted = _counted(sent, lambda count: self._budget.spend(client, count))

        def end() -> None:
            place.release()
            # It may be read at this moment, by the thread of an answer that was broken off.
            self._threads.submit(file.close)

        return _FileResponse(counted, status, headers, end)

    def _find(self, key: tuple[str, str, str]) -> Served | None:
        with self._database.publisher() as connection, connection.cursor() as cursor:
            return find(cursor, *key)


class _FileResponse(StreamingResponse):
    """Sends a file; `end` is called in the end, however that comes."""

    def __init__(
        self,
        content: AsyncIterator[bytes],
        status: int,
        headers: dict[str, str],
        end: Callable[[], None],
    ) -> None:
        super().__init__(content, status, headers)
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer over ASGI."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._end()


async def _counted(
    content: AsyncIterator[bytes], count: Callable[[int], None]
) -> AsyncIterator[bytes]:
    async for piece in content:
        count(len(piece))
        yield piece


def _not_there() -> Response:
    return PlainTextResponse("There is no such file.\n", status_code=404, headers=_SAFETY)


def _headers(found: Served) -> dict[str, str]:
    return {
        "content-type": found.file.mime,
        "accept-ranges": "bytes",
        "etag": _tag(found),
        "last-modified": format_datetime(_moment(found), usegmt=True),
        "cache-control": _CACHE,
        "content-disposition": f'inline; filename="{found.file.name}"',
        **_SAFETY,
    }


def _without_content(headers: dict[str, str]) -> dict[str, str]:
    kept = ("etag", "last-modified", "cache-control")
    return {name: headers[name] for name in kept}


def _tag(found: Served) -> str:
    """Return the strong validator: a content has its own name."""
    return f'"{found.file.content}"'


def _moment(found: Served) -> datetime:
    return found.stored.astimezone(UTC).replace(microsecond=0)


def _is_known(request: Request, found: Served) -> bool:
    """Whether the client has the file already (RFC 9110, section 13.1)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        listed = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return "*" in listed or _tag(found) in listed
    since = _date(request.headers.get("if-modified-since"))
    return since is not None and _moment(found) <= since


def _range_of(request: Request, found: Served) -> str | None:
    """Return the range that is asked for, unless it is meant for another file (13.1.5)."""
    condition = request.headers.get("if-range")
    if condition is None or condition.strip() == _tag(found):
        return request.headers.get("range")
    if _date(condition) == _moment(found):
        return request.headers.get("range")
    return None


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        # What is no date is as if it were not there.
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
