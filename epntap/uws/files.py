"""Files of the results store over HTTP, whole or in part (RFC 9110, section 14)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import IO

from starlette.responses import FileResponse, Response, StreamingResponse

from epntap.results import ResultMissingError, ResultStore
from epntap.uws.errors import NotThereError
from epntap.uws.jobs import JobResult

#: Bytes that are read at a time from a store elsewhere.
_CHUNK_BYTES = 512 * 1024

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,19})-(\d{0,19})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes from `start` up to, and without, `stop`."""

    start: int
    stop: int


class UnsatisfiableRangeError(Exception):
    """None of the bytes that are asked for is there."""


def read_range(header: str | None, size: int) -> ByteRange | None:
    """Read a Range header of one range; ``None`` means that all is to be sent.

    Anything else than one range of bytes is answered with the whole file, as HTTP allows.

    Raises
    ------
    UnsatisfiableRangeError
        If the file ends before the range begins.

    Examples
    --------
    >>> read_range("bytes=-10", 100)
    ByteRange(start=90, stop=100)
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[0].strip().endswith("=-"):
        return None
    first, last = match[1], match[2]
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= stop:
        raise UnsatisfiableRangeError
    return ByteRange(start, stop)


async def file_response(
    store: ResultStore, result: JobResult, asked: str | None, threads: Executor
) -> Response:
    """Return a response with a result.

    Parameters
    ----------
    store
        Where the file is.
    result
        Which.
    asked
        The Range header of the request.
    threads
        Where a store elsewhere is read.

    Raises
    ------
    NotThereError
        If the file has been destroyed.
    """
    path = store.path(result.key)
    if path is not None:
        if not path.is_file():
            raise _destroyed(result)
        return FileResponse(path, headers={"content-type": result.mime})
    headers = {"content-type": result.mime, "accept-ranges": "bytes"}
    try:
        wanted = read_range(asked, result.size)
    except UnsatisfiableRangeError:
        return Response(
            status_code=416, headers={**headers, "content-range": f"bytes */{result.size}"}
        )
    part = wanted or ByteRange(0, result.size)
    loop = asyncio.get_running_loop()
    try:
        file = await loop.run_in_executor(threads, store.open, result.key)
    except ResultMissingError as error:
        raise _destroyed(result) from error
    headers["content-length"] = str(part.stop - part.start)
    if wanted is not None:
        headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{result.size}"
    return StreamingResponse(
        pieces(file, part, threads), 200 if wanted is None else 206, headers=headers
    )


async def pieces(file: IO[bytes], part: ByteRange, threads: Executor) -> AsyncIterator[bytes]:
    """Yield a part of a file, and close it in the end."""
    loop = asyncio.get_running_loop()
    try:
        await loop.run_in_executor(threads, file.seek, part.start)
        left = part.stop - part.start
        while left:
            piece = await loop.run_in_executor(threads, file.read, min(_CHUNK_BYTES, left))
            if not piece:
                # The length was promised: the connection is broken off, for the client to notice.
                raise EOFError(f"a result of the store is {left} bytes shorter than it was")
            left -= len(piece)
            yield piece
    finally:
        await loop.run_in_executor(threads, file.close)


def _destroyed(result: JobResult) -> NotThereError:
    return NotThereError(f"the result {result.id} is not kept any more")
