"""Publishing and what is published."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rich.table import Table

from epntap.catalogue import read_catalogue
from epntap.commands.messages import say
from epntap.commands.reports import OUT, rows
from epntap.database import Database
from epntap.provenance import new_run
from epntap.publish import Publication, drop, list_catalogues, open_native, publish, rollback
from epntap.publish.checking import check_examples
from epntap.settings import read_settings


def publish_file(
    name_or_path: str, file: Path, *, drop_invalid: bool, products: Path | None = None
) -> None:
    """Publish a table, with the files that its rows name: relative to it, or to a folder."""
    catalogue = read_catalogue(name_or_path)
    check_examples(catalogue)
    source = open_native(file)
    run = new_run(
        catalogue.name,
        "publication",
        source=file.name,
        source_sha256=_digest(file),
        parameters={"drop_invalid": True} if drop_invalid else {},
    )
    with Database.open(read_settings()) as database, rows(f"Publishing {file.name}") as progress:
        publication = publish(
            database,
            catalogue,
            source,
            files=products or file.absolute().parent,
            drop_invalid=drop_invalid,
            run=run,
            progress=progress,
        )
    report_publication(publication)


def _digest(file: Path) -> str:
    """Return the SHA-256 digest of a file's content."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def report_publication(publication: Publication) -> None:
    """Say what a publication did."""
    for violation in publication.dropped:
        say(f"left out: {violation}")
    changes = (
        f"{publication.new} new, {publication.changed} changed, "
        f"{publication.unchanged} unchanged, {publication.gone} gone"
    )
    say(
        f"Published {publication.catalogue}.epn_core, version {publication.version}: "
        f"{publication.rows} rows ({changes})"
        + (f", {publication.files} files" if publication.files else "")
    )


def show_catalogues() -> None:
    """Print the published catalogues."""
    with Database.open(read_settings()) as database:
        listings = list_catalogues(database)
    if not listings:
        say("Nothing is published yet: epntap publish CATALOGUE.yaml ROWS.csv")
        return
    table = Table("catalogue", "title", "version", "rows", "published", "source")
    for listing in listings:
        version = f"{listing.version}" + (
            f" (before: {listing.previous})" if listing.previous is not None else ""
        )
        table.add_row(
            f"{listing.name}.epn_core",
            listing.title,
            version,
            f"{listing.rows:,}",
            f"{listing.published:%Y-%m-%d %H:%M}",
            listing.source,
        )
    OUT.print(table)


def roll_back(name: str) -> None:
    """Make the previous version of a catalogue current."""
    with Database.open(read_settings()) as database:
        version = rollback(database, name)
    say(f"{name}.epn_core shows version {version.number} again: {version.rows} rows")


def drop_catalogue(name: str) -> None:
    """Remove a catalogue."""
    with Database.open(read_settings()) as database:
        drop(database, name)
    say(f"{name} is removed")


def check_description(name_or_path: str) -> None:
    """Check a description and say what it makes."""
    catalogue = read_catalogue(name_or_path)
    check_examples(catalogue)
    own = len(catalogue.description.columns)
    say(
        f"{catalogue.name}.epn_core: {len(catalogue.columns)} columns, {own} of them its own, "
        f"{len(catalogue.description.examples)} example queries: all right"
    )
