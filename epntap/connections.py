"""Connections of clients that do not keep up: they are cut off, and what they hold comes free.

Uvicorn ends a connection that is idle between two requests and leaves all other waiting without
limit: for the head of a request, for a client to take what it asked for, for the last bytes of an
answer after which the connection is to be closed. The protocol here bounds each of them. (Bodies
of requests are bounded where they are read: `epntap.admission.bodies`.)
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import socket
import struct
import sys
import termios
from dataclasses import dataclass
from typing import Any, Self

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from epntap.admission.patience import Patience, Stretch
from epntap.settings import Settings

log = logging.getLogger(__name__)

#: Seconds in which the head of a request must have come, as nobody types it.
_HEAD_SECONDS = 20.0

#: Seconds that a connection may be idle between two requests; proxies keep theirs for 60.
IDLE_SECONDS = 75

#: Longest head of a request: a query of 1 MiB may stand in the URL, with %XX for each byte.
_LONGEST_HEAD = 4 * 1024 * 1024

_CAN_TELL_HELD = sys.platform.startswith("linux")


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How long the service waits on a connection.

    Attributes
    ----------
    patience
        For the client to take what is sent.
    head_seconds
        For the head of a request, from its first byte or the connection's beginning.
    idle_seconds
        For the next request; with it goes the rest of a body that nobody reads.
    """

    patience: Patience
    head_seconds: float = _HEAD_SECONDS
    idle_seconds: float = IDLE_SECONDS

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the limits that the settings describe."""
        patience = Patience.of(settings)
        return cls(patience, head_seconds=min(_HEAD_SECONDS, patience.seconds))


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, on a connection that is looked at now and then.

    Parameters
    ----------
    limits
        How long is waited.
    given
        What uvicorn gives its protocols.
    """

    def __init__(self, limits: ConnectionLimits, **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
        self._outlet: _Outlet | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._stretch: Stretch | None = None
        self._request_due: float | None = None
        self._head_bytes: int | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        self._outlet = _Outlet(transport)
        super().connection_made(self._outlet)
        self._await_request(self._limits.head_seconds)
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._looking is not None:
            self._looking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends."""
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _LONGEST_HEAD:
                self.send_400_response("The head of the request is too long.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        super().on_message_begin()
        self._head_bytes = 0
        self._await_request(self._limits.head_seconds)

    def on_headers_complete(self) -> None:
        """Note that the head of a request is there."""
        self._head_bytes = None
        self._request_due = None
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Note that a request is answered."""
        super().on_response_complete()
        if self.cycle.response_complete and self._head_bytes is None:
            self._await_request(self._limits.idle_seconds)

    def _await_request(self, seconds: float) -> None:
        self._request_due = self.loop.time() + seconds

    def _look_later(self) -> None:
        seconds = min(1.0, self._limits.patience.seconds / 4, self._limits.head_seconds / 4)
        self._looking = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Cut the client off if it is too slow, else look again later."""
        now = self.loop.time()
        if self._is_outlet_stalled(now):
            self._cut_off("took too little of its answer")
        elif self._request_due is not None and now > self._request_due:
            self._cut_off("sent no whole request")
        else:
            self._look_later()

    def _is_outlet_stalled(self, now: float) -> bool:
        if self._outlet is None or not self._outlet.waiting:
            self._stretch = None
            return False
        if self._stretch is None:
            self._stretch = Stretch(self._limits.patience, now, self._outlet.taken)
        return self._stretch.is_failed(now, self._outlet.taken)

    def _cut_off(self, reason: str) -> None:
        client = self.client[0] if self.client else "a client"
        log.info("connection of %s cut off: it %s in time", client, reason)
        if self._outlet is not None:
            self._outlet.forget()
        # The application hears of it as of any client that goes away, and ends the query.
        self.transport.abort()


class _Outlet(asyncio.Transport):
    """A transport that counts what was written to it; the transport proper does the work."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._socket: socket.socket | None = transport.get_extra_info("socket")
        self._written = 0

    @property
    def waiting(self) -> int:
        """Bytes that the client's side has not taken yet.

        Those among them that the system holds count where it tells of them (Linux): it takes
        megabytes from us at once, which would look like leaps from one standstill to the next.
        """
        held = 0
        if _CAN_TELL_HELD and self._socket is not None and self._socket.fileno() >= 0:
            answer = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
            held = struct.unpack("i", answer)[0]
        return self._transport.get_write_buffer_size() + held

    @property
    def taken(self) -> int:
        """Bytes that it has."""
        return self._written - self.waiting

    def forget(self) -> None:
        """Have the system throw away what it holds, when the connection is closed."""
        if self._socket is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._written += len(data)
        self._transport.write(data)

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)
