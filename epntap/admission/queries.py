"""Letting synchronous queries in."""

from __future__ import annotations

import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from epntap.admission.budget import Budget
from epntap.admission.gate import Gate, GateLimits, Pass
from epntap.database import uploader_connections
from epntap.settings import Settings


class Visit:
    """One admitted query: its places, and what it uses up.

    Use as a context manager, or `leave` in the end.
    """

    def __init__(self, admission: QueryAdmission, client: str, place: Pass) -> None:
        self._admission = admission
        self._client = client
        self._begin = time.monotonic()
        self._places = ExitStack()
        self._places.enter_context(place)
        self._has_uploads = False

    async def bring_uploads(self) -> None:
        """Take a place for uploads besides; to do so again does nothing.

        Raises
        ------
        OverloadedError
            If there is none.
        """
        if not self._has_uploads:
            self._places.enter_context(await self._admission.uploads.enter(self._client))
            self._has_uploads = True

    def sent(self, count: int) -> None:
        """Count bytes of the result."""
        self._admission.bytes.spend(self._client, count)

    def leave(self) -> None:
        """Give the places back; to do so again does nothing."""
        if self._begin:
            self._admission.seconds.spend(self._client, time.monotonic() - self._begin)
            self._begin = 0.0
        self._places.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()


class QueryAdmission:
    """The limits of synchronous queries in one process.

    Parameters
    ----------
    settings
        Say how much.

    Attributes
    ----------
    queries, uploads
        Gates of all queries, and of those that bring tables along.
    bytes, seconds
        What a client may use up in an hour.
    """

    def __init__(self, settings: Settings) -> None:
        self.queries = Gate(query_limits(settings), "queries")
        self.uploads = Gate(upload_limits(settings), "queries with uploads")
        self.bytes = Budget(settings.client_hour_bytes, "bytes")
        self.seconds = Budget(settings.client_hour_seconds, "seconds of query time")

    async def enter(self, client: str) -> Visit:
        """Let a query in.

        Raises
        ------
        OverloadedError
            If a limit is reached; at once, or after the short time that one may wait in line.
        """
        self.bytes.check(client)
        self.seconds.check(client)
        return Visit(self, client, await self.queries.enter(client))


def query_limits(settings: Settings) -> GateLimits:
    """Return how many queries run and wait; one client has half of it if nothing else is said."""
    per_client = settings.client_queries
    return GateLimits(
        places=settings.connections,
        places_per_client=settings.connections // 2 if per_client is None else per_client,
        line=settings.waiting_queries,
        line_per_client=_half(settings.waiting_queries),
        seconds=settings.waiting_seconds,
    )


def upload_limits(settings: Settings) -> GateLimits:
    """Return how many queries with uploads run and wait."""
    places = uploader_connections(settings)
    return GateLimits(
        places=places,
        places_per_client=_half(places),
        line=settings.waiting_queries,
        line_per_client=_half(settings.waiting_queries),
        seconds=settings.waiting_seconds,
    )


def _half(limit: int) -> int:
    """Return half of a limit, rounded up: half of no limit is none."""
    return (limit + 1) // 2
