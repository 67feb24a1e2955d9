"""The parameters of a TAP request (TAP 1.1, section 2.7; DALI 1.1, section 3)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from epntap.formats import ResultFormat, negotiate
from epntap.tap.errors import RequestError
from epntap.tap.uploads import MAX_UPLOADS, Upload, declared_uploads
from epntap.tap.uploads.policy import readable_size

#: Longest body of a request beside its uploads: queries are limited to 1 MiB, lists included.
_LONGEST_BODY = 4 * 1024 * 1024

#: How much more than is allowed is read and thrown away, so that a client that sends its whole
#: request before it listens still hears why it is refused.
_PATIENCE = 8

#: Parameters that may stand in a request once. REQUEST and VERSION belong to TAP 1.0.
_SINGLE = frozenset(
    {"REQUEST", "VERSION", "LANG", "QUERY", "RESPONSEFORMAT", "FORMAT", "MAXREC", "RUNID"}
)

#: Query languages by the values of LANG that name them.
LANGUAGES = ("ADQL", "ADQL-2.0", "ADQL-2.1")

_LONGEST_RUNID = 64


@dataclass(frozen=True)
class Parameters:
    """The parameters of one request.

    Attributes
    ----------
    values
        Value by upper-cased name; of repeatable parameters the last one.
    uploads
        The values of UPLOAD.
    parts
        The parts of a multipart body that are no parameters known here, for UPLOAD to refer to;
        large ones are files on disk. To be closed.
    """

    values: dict[str, str]
    uploads: tuple[str, ...] = ()
    parts: Mapping[str, IO[bytes]] = field(default_factory=dict)

    def close(self) -> None:
        """Forget the parts."""
        for part in self.parts.values():
            part.close()


@dataclass(frozen=True)
class QueryRequest:
    """A query as a client asks it.

    Attributes
    ----------
    query
        ADQL text.
    maxrec
        Rows that the result may have.
    format
        How the result is written.
    run_id
        The client's own name for the request.
    uploads
        Tables that come with it.
    """

    query: str
    maxrec: int
    format: ResultFormat
    run_id: str | None = None
    uploads: tuple[Upload, ...] = ()


def collect(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """Gather parameters; names are compared without case (DALI 1.1, section 3.1).

    Raises
    ------
    RequestError
        If a parameter that has one value is given twice.
    """
    values: dict[str, str] = {}
    uploads: list[str] = []
    for name, value in pairs:
        key = name.upper()
        if key == "UPLOAD":
            uploads.append(value)
        elif key in values and key in _SINGLE and not (key == "FORMAT" and values[key] == value):
            # astroquery writes the same FORMAT twice beside an upload.
            raise RequestError(f"parameter {key} is given more than once", hint="give it once")
        else:
            values[key] = value
    return Parameters(values, tuple(uploads))


async def read_parameters(request: Request, upload_bytes: int = 0) -> Parameters:
    """Read the parameters of a GET or POST request.

    Parameters
    ----------
    upload_bytes
        Bytes that uploads may add to the length of a multipart body.

    Raises
    ------
    RequestError
        If the body is too long, of an unknown type, or broken.
    """
    pairs, parts = await read_pairs(request, upload_bytes)
    try:
        given = collect(pairs)
    except RequestError:
        Parameters({}, parts=parts).close()
        raise
    return Parameters(given.values, given.uploads, parts)


async def read_pairs(
    request: Request, upload_bytes: int = 0
) -> tuple[list[tuple[str, str]], dict[str, IO[bytes]]]:
    """Read what a request says in its URL and in its body, as it says it.

    Parameters
    ----------
    upload_bytes
        Bytes that files may add to the length of a multipart body.

    Returns
    -------
    list of (str, str)
        Names and values, those of the URL first.
    dict
        The parts of a multipart body, to be closed. A part that is text is here and there.

    Raises
    ------
    RequestError
        If the body is too long, of an unknown type, or broken.
    """
    pairs = [(name, value) for name, value in request.query_params.multi_items()]
    if request.method != "POST":
        return pairs, {}
    if is_multipart(request):
        more, parts = await _multipart(request, upload_bytes)
        return pairs + more, parts
    return pairs + await _urlencoded(request, _content_type(request)), {}


def is_multipart(request: Request) -> bool:
    """Say whether the body of a request can bring tables along."""
    return request.method == "POST" and _content_type(request) == "multipart/form-data"


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


class _BoundedBody:
    """The body of a request, as ASGI delivers it, up to a length."""

    def __init__(self, receive: Receive, limit: int, message: str) -> None:
        self._receive = receive
        self._limit = limit
        self._message = message
        self._length = 0

    async def receive(self) -> Message:
        """Return the next message of ASGI.

        Raises
        ------
        RequestError
            If the body is too long.
        """
        message = await self._receive()
        self._length += len(message.get("body", b""))
        if self._length > self._limit:
            await self._exhaust(message)
            raise RequestError(self._message, hint="queries may have 1 MiB", status=413)
        return message

    async def _exhaust(self, message: Message) -> None:
        while message.get("more_body") and self._length <= self._limit * _PATIENCE:
            message = await self._receive()
            self._length += len(message.get("body", b""))


async def _multipart(
    request: Request, upload_bytes: int
) -> tuple[list[tuple[str, str]], dict[str, IO[bytes]]]:
    """Return the parameters of a multipart body, and its parts that can be uploads."""
    body = _BoundedBody(
        request.receive,
        _LONGEST_BODY + upload_bytes,
        f"the request is too long: uploads may have {readable_size(upload_bytes)} together",
    )
    bounded = Request(request.scope, body.receive)
    try:
        form = await bounded.form(
            max_files=2 * MAX_UPLOADS, max_fields=64, max_part_size=_LONGEST_BODY
        )
    except HTTPException as error:
        raise RequestError(f"the multipart body cannot be read: {error.detail}") from error
    pairs: list[tuple[str, str]] = []
    parts: dict[str, IO[bytes]] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            part: IO[bytes] = value.file
        else:
            pairs.append((name, value))
            # A table may come without the name of a file.
            part = io.BytesIO(value.encode())
        if name in parts:
            parts[name].close()
        parts[name] = part
    return pairs, parts


async def _urlencoded(request: Request, kind: str) -> list[tuple[str, str]]:
    bounded = _BoundedBody(
        request.receive,
        _LONGEST_BODY,
        f"the request is longer than {_LONGEST_BODY // 1024 // 1024} MiB",
    )
    body = b"".join([chunk async for chunk in Request(request.scope, bounded.receive).stream()])
    if kind not in ("application/x-www-form-urlencoded", "") and body:
        raise RequestError(
            f"a body of type {kind} is not understood",
            hint="post application/x-www-form-urlencoded or multipart/form-data",
            status=415,
        )
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise RequestError("the body is not UTF-8 text") from error


def query_request(
    parameters: Parameters,
    default_maxrec: int,
    maxrec_limit: int,
    *,
    remote_uploads: bool = False,
) -> QueryRequest:
    """Return the query that the parameters ask for.

    Parameters
    ----------
    parameters
        Their `parts` must stay open as long as the query is wanted.
    default_maxrec, maxrec_limit
        Rows of a result, if nothing is asked for and at most.
    remote_uploads
        Whether uploads may be named by URL.

    Raises
    ------
    RequestError
        If QUERY is missing, or a parameter has a value that it cannot have.
    UnsupportedFormatError
        If the format is not one that the service writes.
    """
    values = parameters.values
    language = values.get("LANG", "ADQL")
    if language.upper() not in LANGUAGES:
        raise RequestError(
            f"LANG={language} is not a language of this service", hint=f"use {LANGUAGES[0]}"
        )
    query = values.get("QUERY", "")
    if not query.strip():
        raise RequestError("parameter QUERY is missing", hint="QUERY=SELECT TOP 5 * FROM ...")
    run_id = values.get("RUNID")
    if run_id is not None and len(run_id) > _LONGEST_RUNID:
        raise RequestError(f"RUNID is longer than {_LONGEST_RUNID} characters")
    return QueryRequest(
        query=query,
        maxrec=_maxrec(values.get("MAXREC"), default_maxrec, maxrec_limit),
        format=negotiate(values.get("RESPONSEFORMAT") or values.get("FORMAT") or None),
        run_id=run_id,
        uploads=declared_uploads(parameters.uploads, parameters.parts, remote=remote_uploads),
    )


def _maxrec(given: str | None, default: int, limit: int) -> int:
    if given is None or not given.strip():
        return default
    text = given.strip()
    if not (text.isascii() and text.isdigit()):
        raise RequestError(f"MAXREC={given} is not a number of rows", hint="0, 1, 2, ...")
    return limit if len(text) > len(str(limit)) else min(int(text), limit)
