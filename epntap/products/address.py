"""Where the service is, and links that follow when it moves."""

from __future__ import annotations

import logging

from epntap.database import Database
from epntap.products.records import note_address, outdated, relink
from epntap.settings import Settings

log = logging.getLogger(__name__)


def announce(database: Database, settings: Settings) -> None:
    """Note where the service is served, and have all links to files lead there.

    Links stand in the rows, since rows are sent as they are stored. They are changed in place:
    readers see the old ones or the new ones, and nothing else of a row changes. Of a catalogue that
    is being published the publication sees to it.
    """
    url = settings.url
    with database.publisher() as connection, connection.cursor() as cursor:
        note_address(cursor, url)
        names = outdated(cursor, url)
        connection.commit()
    if names:
        _relink_all(database, names, url)


def _relink_all(database: Database, names: list[str], url: str) -> None:
    # A server that has not moved starts without reading descriptions of catalogues.
    from epntap.publish.acceptance import UnderWayError
    from epntap.publish.release import claim

    for name in names:
        with database.publisher() as connection, connection.cursor() as cursor:
            try:
                claim(cursor, name)
            except UnderWayError as error:
                log.info("%s; its links are changed later", error.message)
                continue
            relink(cursor, name, url)
            connection.commit()
        log.info("the links of %s begin with %s now", name, url)
