"""Running the service: port, signals, start and end."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from epntap.database import Database
from epntap.errors import UserError
from epntap.service import SERVER, create_app
from epntap.settings import Settings

#: How long transfers that are under way may go on when the service is told to stop.
_GRACE_S = 3


def claim_port(settings: Settings) -> socket.socket:
    """Bind the address before anything else is started.

    Raises
    ------
    UserError
        If the port is taken or not allowed, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
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


def serve(database: Database, settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; the caller closes the database then."""
    config = uvicorn.Config(
        create_app(database, settings),
        log_level=os.environ.get("EPNTAP_LOG", "warning").lower(),
        access_log=False,
        server_header=False,
        headers=[("Server", SERVER)],
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=75,
        lifespan="off",
        proxy_headers=True,
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        print(file=sys.stderr)
