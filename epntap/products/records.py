"""What the database knows of files: which version has which, and where the service is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2 import sql
from psycopg2.extras import execute_values

from epntap.settings import Settings

#: Path of the files below the base URL of the service.
PATH = "/products"

#: Versions whose files are kept and served: one can go back to the previous one, and whoever asked
#: before it was replaced has its links.
_KEPT = ("current", "previous")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a version.

    Attributes
    ----------
    content
        Its key in the store.
    name
        That it is offered under.
    mime
        Media type.
    size
        In bytes.
    """

    content: str
    name: str
    mime: str
    size: int

    def url(self, base_url: str, catalogue: str) -> str:
        """Return where the service has it."""
        return f"{link_prefix(base_url, catalogue)}{self.content}/{self.name}"


@dataclass(frozen=True, slots=True)
class Served:
    """A file that may be fetched, and since when it is the same."""

    file: StoredFile
    stored: datetime


def link_prefix(base_url: str, catalogue: str) -> str:
    """Return what the links to all files of a catalogue begin with."""
    return f"{base_url}{PATH}/{catalogue}/"


def record(cursor: Any, catalogue: str, version: int, files: Iterable[StoredFile]) -> None:
    """Record files of a version that is being loaded."""
    execute_values(
        cursor,
        "INSERT INTO epntap.product (catalogue, version, content, name, mime, size) VALUES %s"
        " ON CONFLICT DO NOTHING",
        [(catalogue, version, each.content, each.name, each.mime, each.size) for each in files],
    )


def forget(cursor: Any, catalogue: str, version: int | None = None) -> None:
    """Take away the record of the files of a version, or of a whole catalogue."""
    cursor.execute(
        "DELETE FROM epntap.product WHERE catalogue = %s AND (%s::int IS NULL OR version = %s)",
        (catalogue, version, version),
    )


def find(cursor: Any, catalogue: str, content: str, name: str) -> Served | None:
    """Return a file that may be fetched; None if it is not published, or not any more."""
    cursor.execute(
        "SELECT p.mime, p.size, min(p.stored) FROM epntap.product AS p"
        " JOIN epntap.version AS v ON v.catalogue = p.catalogue AND v.version = p.version"
        " WHERE p.catalogue = %s AND p.content = %s AND p.name = %s AND v.state = ANY (%s)"
        " GROUP BY p.mime, p.size ORDER BY max(p.version) DESC LIMIT 1",
        (catalogue, content, name, list(_KEPT)),
    )
    row = cursor.fetchone()
    return Served(StoredFile(content, name, row[0], row[1]), row[2]) if row else None


def kept_contents(cursor: Any, catalogue: str) -> set[str]:
    """Return the keys of all files that a version still has."""
    cursor.execute("SELECT DISTINCT content FROM epntap.product WHERE catalogue = %s", (catalogue,))
    return {row[0] for row in cursor.fetchall()}


def note_address(cursor: Any, url: str) -> None:
    """Note where the service is."""
    cursor.execute(
        "INSERT INTO epntap.address (url) VALUES (%s)"
        " ON CONFLICT (one) DO UPDATE SET url = excluded.url, noted = now()"
        " WHERE address.url <> excluded.url",
        (url,),
    )


def address(cursor: Any, settings: Settings) -> str:
    """Return the base URL that links are made with.

    It is the one that is set; else where the service was last served, which another process that
    publishes need not know; else where it would be served.
    """
    if settings.base_url is not None:
        return settings.base_url
    cursor.execute("SELECT url FROM epntap.address")
    row = cursor.fetchone()
    return row[0] if row else settings.url


def note_base(cursor: Any, catalogue: str, version: int, base_url: str) -> None:
    """Note what the links of a version begin with."""
    cursor.execute(
        "UPDATE epntap.version SET base_url = %s WHERE catalogue = %s AND version = %s",
        (base_url, catalogue, version),
    )


def outdated(cursor: Any, base_url: str) -> list[str]:
    """Return the catalogues that have links with another base URL."""
    cursor.execute(
        "SELECT DISTINCT catalogue FROM epntap.version WHERE state = ANY (%s) AND base_url <> %s"
        " ORDER BY 1",
        (list(_KEPT), base_url),
    )
    return [row[0] for row in cursor.fetchall()]


def relink(cursor: Any, catalogue: str, base_url: str) -> None:
    """Have the links of all versions of a catalogue begin with a base URL.

    The rows stay what they are otherwise: a service that moved has not changed its catalogues. The
    caller holds the catalogue (`epntap.publish.release.claim`).
    """
    cursor.execute(
        "SELECT version, relation, base_url FROM epntap.version WHERE catalogue = %s"
        " AND state = ANY (%s) AND base_url <> %s",
        (catalogue, list(_KEPT), base_url),
    )
    for version, relation, before in cursor.fetchall():
        table, old = sql.Identifier(catalogue, relation), link_prefix(before, catalogue)
        for name in _link_columns(cursor, catalogue, relation):
            column = sql.Identifier(name)
            cursor.execute(
                sql.SQL(
                    "UPDATE {table} SET {column} = %s || substr({column}, %s)"
                    " WHERE starts_with({column}, %s)"
                ).format(table=table, column=column),
                (link_prefix(base_url, catalogue), len(old) + 1, old),
            )
        note_base(cursor, catalogue, version, base_url)


def _link_columns(cursor: Any, catalogue: str, relation: str) -> list[str]:
    cursor.execute(
        "SELECT a.attname FROM pg_catalog.pg_attribute AS a"
        " JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid"
        " JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace"
        " WHERE s.nspname = %s AND c.relname = %s AND NOT a.attisdropped"
        " AND a.attname IN ('access_url', 'thumbnail_url') ORDER BY 1",
        (catalogue, relation),
    )
    return [row[0] for row in cursor.fetchall()]
