"""Bringing a database to what this version of the software expects, step by step."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.database.connect import one_line
from epntap.database.errors import MigrationError
from epntap.resources import sql_folder

log = logging.getLogger(__name__)

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of ``sql/migrations``."""

    number: int
    path: Path
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of its text; recorded, since what was applied must not be edited later."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_migrations(folder: Path | None = None) -> tuple[Migration, ...]:
    """Read the migrations in their order.

    Raises
    ------
    MigrationError
        If a name is not ``NNNN_words.sql`` or the numbers do not count up from 1.
    """
    paths = sorted((folder or sql_folder() / "migrations").glob("*.sql"))
    migrations = []
    for expected, path in enumerate(paths, start=1):
        match = _NAME.fullmatch(path.name)
        if match is None or int(match[1]) != expected:
            raise MigrationError(f"{path}: the name should begin with {expected:04d}_")
        migrations.append(Migration(expected, path, path.read_text()))
    return tuple(migrations)


def migrate(connection: Connection, migrations: tuple[Migration, ...]) -> int:
    """Apply what has not been applied, each file in a transaction of its own.

    Parameters
    ----------
    connection
        Of the owner, outside a transaction; the caller holds the lock of the installation.
    migrations
        All of them, in order.

    Returns
    -------
    int
        How many were applied.

    Raises
    ------
    MigrationError
        If an applied one has been edited since, the database is newer than the software, or a
        statement fails; that file then leaves nothing behind.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS epntap")
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS epntap.migration (number integer PRIMARY KEY,"
            " name text NOT NULL, digest text NOT NULL,"
            " applied timestamptz NOT NULL DEFAULT pg_catalog.now())"
        )
        cursor.execute("SELECT number, name, digest FROM epntap.migration ORDER BY number")
        applied = {number: (name, digest) for number, name, digest in cursor}
    for number, (name, digest) in applied.items():
        if number > len(migrations):
            raise MigrationError(
                f"the database is newer than this software: it has had migration {name}",
                hint="install the newer version of epntap",
            )
        if migrations[number - 1].digest != digest:
            raise MigrationError(
                f"{migrations[number - 1].path} has changed since it was applied as {name}",
                hint="bring the old text back and put the change into a new migration",
            )
    missing = [migration for migration in migrations if migration.number not in applied]
    for migration in missing:
        _apply(connection, migration)
    return len(missing)


def _apply(connection: Connection, migration: Migration) -> None:
    log.info("applying %s", migration.path.name)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(migration.text)
            cursor.execute(
                "INSERT INTO epntap.migration (number, name, digest) VALUES (%s, %s, %s)",
                (migration.number, migration.path.name, migration.digest),
            )
    except psycopg2.Error as error:
        raise MigrationError(
            f"{migration.path}: {one_line(error)}",
            hint="the login needs CREATE on the database, and the server its contrib extensions",
        ) from error


def read_functions(folder: Path | None = None) -> tuple[Path, ...]:
    """Return the files of user-defined functions, those of geometry first, by their names."""
    folders = (folder,) if folder else (sql_folder() / "geometry", sql_folder() / "functions")
    return tuple(path for place in folders for path in sorted(place.glob("*.sql")))


def install_functions(connection: Connection, paths: tuple[Path, ...]) -> None:
    """Install every user-defined function anew, all or none.

    The files say ``CREATE OR REPLACE FUNCTION udf.…``. Their bodies are not checked while they are
    created, so that one may call another whose file comes later.

    Raises
    ------
    MigrationError
        If one cannot be created; names the file.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL check_function_bodies = off")
        for path in paths:
            try:
                cursor.execute(path.read_text())
            except psycopg2.Error as error:
                raise MigrationError(f"{path}: {one_line(error)}") from error
