"""Running the service: port, signals, start and end."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from epntap.allocator import keep_freed_pieces
from epntap.connections import IDLE_SECONDS, ConnectionLimits, GuardedProtocol
from epntap.database import Database
from epntap.errors import UserError
from epntap.queue import PhaseListener
from epntap.service import SERVER, create_app
from epntap.settings import Settings

#: How long a thread may keep the interpreter from the others. Python's own 5 ms are long when
#: several downloads are prepared while a short request waits for its turn, more than once.
_SWITCH_S = 0.001

#: How long transfers that are under way may go on when the service is told to stop.
_GRACE_S = 3


@contextmanager
def listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """Bind the address, once for each process that is to serve, while the block runs.

    Raises
    ------
    UserError
        As `claim_port` does.
    """
    with ExitStack() as opened:
        # Sockets that share a port would share it with another server of ours, too; so the first
        # one, that shares it with none, shows that it is free.
        listeners = [opened.enter_context(claim_port(settings))]
        if settings.processes > 1 and sys.platform.startswith("linux"):
            listeners.pop().close()
            for _ in range(settings.processes):
                listeners.append(opened.enter_context(claim_port(settings, is_shared=True)))
        # Elsewhere only one of several sockets on a port is given connections: so all share one.
        yield listeners if len(listeners) > 1 else listeners * settings.processes


def claim_port(settings: Settings, *, is_shared: bool = False) -> socket.socket:
    """Bind the address before anything else is started.

    Parameters
    ----------
    settings
        Say which.
    is_shared
        Whether other sockets that are shared, too, may be bound to it; connections are spread
        over them then.

    Raises
    ------
    UserError
        If the port is taken or not allowed, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named, so that asyncio knows TCP and switches off Nagle's algorithm on what it accepts.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _keep_alive(listener)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        where = f"{settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"port {settings.port} of {settings.host} is taken by another program",
                hint=f"choose another one: --port {settings.port + 1}",
            ) from error
        if error.errno == errno.EACCES:
            raise UserError(
                f"{where} may not be used by this user", hint="ports below 1024 need privileges"
            ) from error
        raise UserError(f"cannot listen on {where}: {error.strerror or error}") from error
    listener.set_inheritable(True)
    return listener


def _keep_alive(listener: socket.socket) -> None:
    """Have accepted connections probed when they are silent: a client may vanish without a word."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        # Not every system lets a program choose.
        if hasattr(socket, option):
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn SIGTERM into the exception of an orderly exit while the block runs."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def configuration(app: Starlette, settings: Settings) -> uvicorn.Config:
    """Return how the application is served over HTTP."""
    return uvicorn.Config(
        app,
        # A callable in place of a class: that is how limits reach each connection.
        http=partial(GuardedProtocol, ConnectionLimits.of(settings)),  # type: ignore[arg-type]
        log_level=os.environ.get("EPNTAP_LOG", "warning").lower(),
        access_log=False,
        server_header=False,
        headers=[("Server", SERVER)],
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=IDLE_SECONDS,
        lifespan="off",
        proxy_headers=True,
        forwarded_allow_ips=list(settings.trusted_proxies),
    )


def serve(database: Database, settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; the caller closes the database then."""
    sys.setswitchinterval(_SWITCH_S)
    keep_freed_pieces()
    phases = PhaseListener(database)
    config = configuration(create_app(database, settings, phases), settings)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        print(file=sys.stderr)
    finally:
        # Before the database is closed: it would take that for a loss.
        phases.close()
