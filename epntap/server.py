"""Running the service over HTTP on a port that was claimed."""

from __future__ import annotations

import os
import socket
import sys
from functools import partial

import uvicorn
from starlette.applications import Starlette

from epntap.allocator import Resting, collect_rarely, keep_freed_pieces
from epntap.connections import IDLE_SECONDS, ConnectionLimits, GuardedProtocol
from epntap.database import Database
from epntap.imports import FIRST_ANSWERS_SECONDS, import_meanwhile
from epntap.products.address import announce
from epntap.queue import PhaseListener
from epntap.service import SERVER, create_app
from epntap.settings import Settings

#: How long a thread may keep the interpreter from the others. Python's own 5 ms are long when
#: several downloads are prepared while a short request waits for its turn, more than once.
_SWITCH_S = 0.001

#: How long transfers that are under way may go on when the service is told to stop.
_GRACE_S = 3


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
    collect_rarely()
    announce(database, settings)
    phases = PhaseListener(database)
    config = configuration(create_app(database, settings, phases), settings)
    # The first job is not to wait for what writes about jobs.
    import_meanwhile("epntap.uws.documents", delay_seconds=FIRST_ANSWERS_SECONDS)
    try:
        with Resting(lambda: database.queries_running > 0):
            uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        print(file=sys.stderr)
    finally:
        # Before the database is closed: it would take that for a loss.
        phases.close()
