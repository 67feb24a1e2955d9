"""Failures of requests, and the documents that tell clients of them (DALI 1.1, section 4.2)."""

from __future__ import annotations

import logging

import psycopg2
import psycopg2.errors
from starlette.responses import Response

from epntap.errors import (
    DatabaseUnavailableError,
    OverloadedError,
    SlowRequestError,
    UserError,
)
from epntap.formats import error_document

log = logging.getLogger(__name__)

#: Media type of every document that reports an error.
ERROR_TYPE = "application/x-votable+xml"


class RequestError(UserError):
    """A request that cannot be answered as it is; `status` is its HTTP status."""

    def __init__(self, message: str, *, hint: str | None = None, status: int = 400) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class QueryFailedError(RequestError):
    """The database could not carry a query out although it is well formed."""


def too_slow(seconds: float) -> RequestError:
    """Return the error of a query whose time is over."""
    return QueryFailedError(
        f"the query was stopped after {seconds:g} s",
        hint="ask for fewer rows, or add a condition on an indexed column",
        status=408,
    )


def too_large(limit: int) -> RequestError:
    """Return the error of a result with more bytes than the service sends."""
    return QueryFailedError(
        f"the result was cut off: it has more than the {limit} bytes that the service sends",
        hint="ask for fewer rows or columns, or in parts",
        status=413,
    )


def from_database(error: psycopg2.Error) -> RequestError:
    """Say in the client's terms why the database gave a query up."""
    if isinstance(error, psycopg2.errors.QueryCanceled):
        return QueryFailedError("the query took too long and was stopped", status=408)
    if isinstance(error, psycopg2.errors.DataError | psycopg2.errors.CardinalityViolation):
        primary = error.diag.message_primary or str(error).strip()
        return QueryFailedError(f"the values do not allow this: {primary}")
    if isinstance(
        error,
        psycopg2.errors.DiskFull
        | psycopg2.errors.OutOfMemory
        | psycopg2.errors.ConfigurationLimitExceeded
        | psycopg2.errors.ProgramLimitExceeded
        | psycopg2.errors.StatementTooComplex,
    ):
        return QueryFailedError(
            "the query needs more room than the service has",
            hint="split it, or leave out a join",
            status=503,
        )
    if isinstance(error, psycopg2.errors.TransactionRollbackError):
        return QueryFailedError("the tables were just being changed", hint="ask again", status=503)
    log.error("query failed in the database: %s", error)
    if isinstance(error, psycopg2.OperationalError):
        return QueryFailedError("the database has gone away", hint="try again", status=503)
    return QueryFailedError("the database could not carry the query out", status=500)


def error_response(error: UserError) -> Response:
    """Return the VOTable that reports an error."""
    status = _status(error)
    headers = {}
    if status == 503:
        retry_after = error.retry_after if isinstance(error, OverloadedError) else 2
        headers["Retry-After"] = str(retry_after)
    return Response(
        error_document(str(error)), status_code=status, media_type=ERROR_TYPE, headers=headers
    )


def _status(error: UserError) -> int:
    if isinstance(error, RequestError):
        return error.status
    if isinstance(error, DatabaseUnavailableError | OverloadedError):
        return 503
    return 408 if isinstance(error, SlowRequestError) else 400
