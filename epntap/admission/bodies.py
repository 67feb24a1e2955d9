"""Bodies of requests that come too slowly are given up, before they hold a place for long."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from epntap.admission.patience import Patience, Stretch
from epntap.errors import SlowRequestError


class PatientBodies:
    """ASGI middleware: reading a body fails when its client is too slow.

    Parameters
    ----------
    app
        What is served.
    patience
        How slow is too slow.
    """

    def __init__(self, app: ASGIApp, patience: Patience) -> None:
        self._app = app
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope["method"] in ("POST", "PUT"):
            receive = _Body(receive, self._patience).receive
        await self._app(scope, receive, send)


class _Body:
    """The body of one request, on its way in."""

    def __init__(self, receive: Receive, patience: Patience) -> None:
        self._receive = receive
        self._patience = patience
        self._stretch: Stretch | None = None
        self._moved = 0
        self._handed_over = 0.0
        self._is_whole = False

    async def receive(self) -> Message:
        """Return the next message of ASGI.

        Raises
        ------
        SlowRequestError
            If the client is too slow.
        """
        if self._is_whole:
            # What comes now is the client's going away, however late.
            return await self._receive()
        message = await self._next()
        self._moved += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        return message

    async def _next(self) -> Message:
        loop = asyncio.get_running_loop()
        if self._stretch is None:
            self._stretch = Stretch(self._patience, loop.time(), 0)
        else:
            # Time that the reader took for what it was handed is not the client's.
            self._stretch.extend(loop.time() - self._handed_over)
        while True:
            try:
                async with asyncio.timeout_at(self._stretch.end):
                    message = await self._receive()
            except TimeoutError:
                if self._stretch.is_failed(loop.time(), self._moved):
                    raise SlowRequestError(
                        f"the request came too slowly: {self._moved} bytes until now",
                        hint=f"send at least {self._patience.rate} bytes per second",
                    ) from None
            else:
                self._handed_over = loop.time()
                return message
