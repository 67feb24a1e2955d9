"""The parameters of a TAP request (TAP 1.1, section 2.7; DALI 1.1, section 3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from epntap.formats import ResultFormat, negotiate
from epntap.tap.errors import RequestError

#: Longest body of a request: queries are limited to 1 MiB, lists in them included.
_LONGEST_BODY = 4 * 1024 * 1024

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
    """

    values: dict[str, str]
    uploads: tuple[str, ...] = ()


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
    """

    query: str
    maxrec: int
    format: ResultFormat
    run_id: str | None = None


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
        elif key in values and key in _SINGLE:
            raise RequestError(f"parameter {key} is given more than once", hint="give it once")
        else:
            values[key] = value
    return Parameters(values, tuple(uploads))


async def read_parameters(request: Request) -> Parameters:
    """Read the parameters of a GET or POST request.

    Raises
    ------
    RequestError
        If the body is too long, of an unknown type, or broken.
    """
    pairs = [(name, value) for name, value in request.query_params.multi_items()]
    if request.method == "POST":
        pairs.extend(await _body_pairs(request))
    return collect(pairs)


async def _body_pairs(request: Request) -> list[tuple[str, str]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > _LONGEST_BODY:
        raise _too_long()
    if kind == "multipart/form-data":
        try:
            form = await request.form(max_files=16, max_fields=64, max_part_size=_LONGEST_BODY)
        except HTTPException as error:
            raise RequestError(f"the multipart body cannot be read: {error.detail}") from error
        pairs = []
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                # The file of an inline upload; its UPLOAD parameter says what it is for.
                await value.close()
            else:
                pairs.append((name, value))
        return pairs
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BODY:
            raise _too_long()
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


def _too_long() -> RequestError:
    return RequestError(
        f"the request is longer than {_LONGEST_BODY // 1024 // 1024} MiB",
        hint="queries may have 1 MiB",
        status=413,
    )


def query_request(parameters: Parameters, default_maxrec: int, maxrec_limit: int) -> QueryRequest:
    """Return the query that the parameters ask for.

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
    if parameters.uploads:
        raise RequestError("tables cannot be uploaded to this service")
    run_id = values.get("RUNID")
    if run_id is not None and len(run_id) > _LONGEST_RUNID:
        raise RequestError(f"RUNID is longer than {_LONGEST_RUNID} characters")
    return QueryRequest(
        query=query,
        maxrec=_maxrec(values.get("MAXREC"), default_maxrec, maxrec_limit),
        format=negotiate(values.get("RESPONSEFORMAT") or values.get("FORMAT") or None),
        run_id=run_id,
    )


def _maxrec(given: str | None, default: int, limit: int) -> int:
    if given is None or not given.strip():
        return default
    text = given.strip()
    if not (text.isascii() and text.isdigit()):
        raise RequestError(f"MAXREC={given} is not a number of rows", hint="0, 1, 2, ...")
    return limit if len(text) > len(str(limit)) else min(int(text), limit)
