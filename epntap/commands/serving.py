"""Serving, and the demonstration."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from socket import socket

from epntap.commands.messages import say
from epntap.commands.working import background_worker, follow_log_setting
from epntap.database import Database
from epntap.errors import UserError
from epntap.imports import FIRST_ANSWERS_SECONDS, import_meanwhile
from epntap.ports import listening, stopped_by_signals
from epntap.processes import Family
from epntap.settings import Settings, read_settings

#: The catalogue of the demonstration, and its source: a year that is simulated, with its seed.
_DEMO = "icme"
_DEMO_SOURCE = "simulation:2024-01-01/2025-01-01/2024"


def run_server(*, port: int | None, host: str | None, processes: int | None = None) -> None:
    """Serve what is published until a signal comes."""
    settings = read_settings(port=port, host=host, processes=processes)
    if settings.processes == 1:
        # Opening the database is mostly waiting: for it, and for passwords that cost to guess.
        import_meanwhile("epntap.server")
    with (
        stopped_by_signals(),
        listening(settings) as listeners,
        Database.open(settings) as database,
    ):
        say(f"Serving {settings.url}/ , TAP URL {settings.url}/tap , Ctrl-C stops")
        _serve(database, settings, listeners)
    say("Stopped")


def run_demo(*, port: int | None, host: str | None) -> None:
    """Publish a catalogue of simulated events unless there is one, and serve it."""
    from epntap.publish.versions import list_catalogues

    settings = read_settings(port=port, host=host)
    with (
        stopped_by_signals(),
        listening(settings) as listeners,
        Database.open(settings) as database,
    ):
        if not any(listing.name == _DEMO for listing in list_catalogues(database)):
            _publish_demo()
        _greet(settings)
        _serve(database, settings, listeners)
    say("Stopped")


def _serve(database: Database, settings: Settings, listeners: list[socket]) -> None:
    """Serve, here or in several processes; this one's share in the database lasts longest.

    The worker is this process's, too: one for all of them.
    """
    follow_log_setting()
    if settings.processes > 1:
        with _worker(database, settings):
            Family(settings, listeners).run()
        return
    # The parent of several processes does without it, and the worker's delay begins after it.
    from epntap.server import serve

    with _worker(database, settings):
        serve(database, settings, listeners[0])


def _worker(database: Database, settings: Settings) -> AbstractContextManager[object]:
    """Return the worker beside the server, or nothing, where others do the work."""
    if not settings.worker:
        return nullcontext()
    return background_worker(
        database,
        settings,
        # Half of its places are for queries: a long run must not keep them waiting.
        reserved=settings.worker_concurrency // 2,
        delay_seconds=FIRST_ANSWERS_SECONDS,
    )


def _publish_demo() -> None:
    """Run the pipeline in a process of its own, whose memory is given back when it ends."""
    started = time.monotonic()
    words = ["run", _DEMO, "--input", _DEMO_SOURCE, "--publish"]
    child = subprocess.Popen([sys.executable, "-m", "epntap.cli", *words])  # noqa: S603
    try:
        if child.wait() != 0:
            raise UserError("the demonstration could not be made; the reason stands above")
    finally:
        # Whoever stops the demonstration stops this, too.
        child.terminate()
        child.wait()
    say(f"Made the demonstration in {time.monotonic() - started:.0f} s")


def _greet(settings: Settings) -> None:
    url = settings.url
    say(
        f"""
In a browser   {url}/
In TOPCAT      VO > Table Access Protocol, TAP URL {url}/tap
In Python      import pyvo
               pyvo.dal.TAPService("{url}/tap").search("SELECT TOP 5 * FROM icme.epn_core")

A query to paste:
  SELECT granule_uid, time_min, time_max, bmax, confidence
  FROM icme.epn_core WHERE bmax > 15 ORDER BY time_min

The events are simulated. Put real ones in their place with: epntap run icme --input FILE --publish
Ctrl-C stops."""
    )
