"""The extension pg_sphere, found by trying: some servers offer it and cannot install it."""

from __future__ import annotations

import logging
from pathlib import Path

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.database.connect import one_line
from epntap.database.errors import MigrationError
from epntap.database.migrations import install_functions

log = logging.getLogger(__name__)

#: What is lost without the extension, for the log.
_LOSS = "everything works without it, searches by polygons are slower"

#: The schema that functions and operators of the extension are looked for in.
_SCHEMA = "contrib"


def read_offer(connection: Connection) -> str:
    """Say which version of pg_sphere the server offers and which the database has.

    Parameters
    ----------
    connection
        Of the owner.

    Returns
    -------
    str
        Both versions, for the summary of an installation: a server that learns or forgets the
        extension is to be tried again.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT default_version FROM pg_catalog.pg_available_extensions"
            " WHERE name = 'pg_sphere'),"
            " (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'pg_sphere')"
        )
        row = cursor.fetchone()
    connection.rollback()
    if row is None:
        raise AssertionError("a SELECT without FROM has one row")
    offered, installed = row
    return f"pg_sphere offered {offered}, installed {installed}"


def create_extension(connection: Connection) -> bool:
    """Make the extension in the database, in the caller's transaction, if the server can.

    Parameters
    ----------
    connection
        Of a superuser or of the owner.

    Returns
    -------
    bool
        Whether the database has it. Why not is said in one line of the log, unless the server
        does not offer it at all.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname FROM pg_catalog.pg_extension e"
            " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
            " WHERE e.extname = 'pg_sphere'"
        )
        row = cursor.fetchone()
        if row is not None:
            if row[0] != _SCHEMA:
                log.warning(
                    "pg_sphere is in the schema %s of the database and is not used (%s); for its "
                    "use: ALTER EXTENSION pg_sphere SET SCHEMA %s",
                    *(row[0], _LOSS, _SCHEMA),
                )
            return bool(row[0] == _SCHEMA)
        cursor.execute("SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_sphere'")
        if cursor.rowcount == 0:
            log.debug("the server does not offer pg_sphere: %s", _LOSS)
            return False
        cursor.execute("SAVEPOINT pg_sphere")
        try:
            cursor.execute(
                sql.SQL("CREATE EXTENSION pg_sphere WITH SCHEMA {}").format(sql.Identifier(_SCHEMA))
            )
        except errors.InsufficientPrivilege as error:
            cursor.execute("ROLLBACK TO SAVEPOINT pg_sphere")
            log.info(
                "pg_sphere is not used: %s (%s); for its use let a superuser run: "
                "CREATE EXTENSION pg_sphere WITH SCHEMA %s",
                *(one_line(error), _LOSS, _SCHEMA),
            )
            return False
        except psycopg2.Error as error:
            if connection.closed:
                # The server went away: that is no answer.
                raise
            cursor.execute("ROLLBACK TO SAVEPOINT pg_sphere")
            log.warning("pg_sphere cannot be installed: %s (%s)", one_line(error), _LOSS)
            return False
        cursor.execute("RELEASE SAVEPOINT pg_sphere")
    return True


def install_back_end(owner: Connection, functions: tuple[Path, ...], *, present: bool) -> str:
    """Choose what computes geometry, and write it down as ``udf.geometry_backend()``.

    Parameters
    ----------
    owner
        Connection of the owner, outside a transaction.
    functions
        The files of ``sql/pgsphere``.
    present
        Whether the database has the extension.

    Returns
    -------
    str
        ``pg_sphere`` or ``portable``, as `epntap.tables.TableSet.geometry` has it.

    Raises
    ------
    MigrationError
        If the choice cannot be written down.
    """
    chosen = "portable"
    if present:
        try:
            install_functions(owner, functions)
            chosen = "pg_sphere"
        except MigrationError as error:
            # A version of the extension that has not what we use.
            log.warning("pg_sphere is not used: %s (%s)", error, _LOSS)
    with owner, owner.cursor() as cursor:
        before = _read_choice(cursor)
        if before == chosen:
            return chosen
        cursor.execute(
            "CREATE OR REPLACE FUNCTION udf.geometry_backend() RETURNS text"
            f" LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN '{chosen}'"
        )
        cursor.execute(
            "COMMENT ON FUNCTION udf.geometry_backend() IS 'what computes geometry here'"
        )
        if before is not None:
            # Services that are running read their tables, and this, anew.
            cursor.execute("SELECT epntap.bump_generation()")
    log.info("geometry is computed by %s", chosen)
    return chosen


def _read_choice(cursor: psycopg2.extensions.cursor) -> str | None:
    cursor.execute("SELECT pg_catalog.to_regprocedure('udf.geometry_backend()') IS NOT NULL")
    if cursor.fetchone() == (False,):
        return None
    cursor.execute("SELECT udf.geometry_backend()")
    row = cursor.fetchone()
    return None if row is None else str(row[0])
