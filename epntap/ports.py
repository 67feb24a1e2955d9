"""Taking the port before anything else is started, and ending on signals.

Apart from the server, so that neither the parent of several processes nor a worker loads that.
"""

from __future__ import annotations

import errno
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from epntap.errors import UserError
from epntap.settings import Settings


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
