"""Serving, and the demonstration."""

from __future__ import annotations

import time

from epntap.catalogue import read_catalogue
from epntap.commands.reports import rows, say, steps
from epntap.commands.science import native_source
from epntap.database import Database
from epntap.plugins import find_pipeline
from epntap.publish import list_catalogues, publish
from epntap.server import claim_port, serve, stopped_by_signals
from epntap.settings import Settings, read_settings

#: The catalogue of the demonstration, and its source: a year that is simulated, with its seed.
_DEMO = "icme"
_DEMO_SOURCE = "simulation:2024-01-01/2025-01-01/2024"


def run_server(*, port: int | None, host: str | None) -> None:
    """Serve what is published until a signal comes."""
    settings = read_settings(port=port, host=host)
    with (
        stopped_by_signals(),
        claim_port(settings) as listener,
        Database.open(settings) as database,
    ):
        say(f"Serving {settings.url}/ , TAP URL {settings.url}/tap , Ctrl-C stops")
        serve(database, settings, listener)
    say("Stopped")


def run_demo(*, port: int | None, host: str | None) -> None:
    """Publish a catalogue of simulated events unless there is one, and serve it."""
    settings = read_settings(port=port, host=host)
    with (
        stopped_by_signals(),
        claim_port(settings) as listener,
        Database.open(settings) as database,
    ):
        if not any(listing.name == _DEMO for listing in list_catalogues(database)):
            _publish_demo(database)
        _greet(settings)
        serve(database, settings, listener)
    say("Stopped")


def _publish_demo(database: Database) -> None:
    started = time.monotonic()
    pipeline = find_pipeline(_DEMO)
    with steps() as progress:
        found = pipeline.run(_DEMO_SOURCE, progress=progress)
    with rows("Publishing") as publishing:
        publication = publish(
            database,
            read_catalogue(_DEMO),
            native_source(pipeline, found),
            provenance=found.provenance.as_dict(),
            progress=publishing,
        )
    say(
        f"Found {publication.rows} ICMEs in a simulated year of solar wind and published them "
        f"in {time.monotonic() - started:.0f} s"
    )


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
