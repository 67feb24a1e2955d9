"""Everything that must be in a database before the service uses it; done once, checked cheaply."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable
from pathlib import Path

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.database.connect import one_line
from epntap.database.credentials import Passwords
from epntap.database.migrations import (
    install_functions,
    migrate,
    read_functions,
    read_migrations,
)
from epntap.database.pgsphere import create_extension, install_back_end, read_offer
from epntap.database.procrastinate import install_queue, package_version
from epntap.database.roles import Roles, create_roles, harden
from epntap.errors import DatabaseUnavailableError
from epntap.resources import provenance_file, sql_folder

log = logging.getLogger(__name__)

#: Key of the advisory lock under which a database is installed (the bytes "epntap" as a number).
_LOCK = int.from_bytes(b"epntap", "big")


def fingerprint(connection: Connection, passwords: Passwords) -> str:
    """Summarise everything that an installation depends on.

    The files of ``sql/``, what TAP_SCHEMA says of provenance, the server's version, its pg_sphere,
    the version of the queue's package, and the reader's password (keyed, so that the summary does
    not tell it): whatever changes makes the next opening install again.
    """
    digest = hashlib.sha256(f"server {connection.info.server_version // 10000}\n".encode())
    digest.update(f"{read_offer(connection)}\n".encode())
    digest.update(f"queue {package_version()}\n".encode())
    folder = sql_folder()
    files = [folder / name for name in ("roles.sql", "grants.sql", "harden.sql")]
    functions = (*read_functions(), *_sphere_functions())
    files.append(provenance_file())
    for path in (*files, *(item.path for item in read_migrations()), *functions):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    key = (passwords.reader or "").encode()
    return hmac.new(key, digest.digest(), hashlib.sha256).hexdigest()


def is_installed(connection: Connection, expected: str) -> bool:
    """Whether the database was installed with exactly this fingerprint."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT fingerprint FROM epntap.installation")
        except (errors.UndefinedTable, errors.InvalidSchemaName):
            return False
        else:
            row = cursor.fetchone()
            return row is not None and row[0] == expected
        finally:
            connection.rollback()


def install(
    owner: Connection,
    open_administrator: Callable[[], Connection] | None,
    roles: Roles,
    passwords: Passwords,
) -> None:
    """Bring roles, tables, functions and rights up to date.

    Several processes may do this at the same moment: one works, the others wait and find it done.

    Parameters
    ----------
    owner
        Connection of the owner.
    open_administrator
        Opens a connection of a superuser; ``None`` when the owner does that work too.
    roles, passwords
        The lesser logins.

    Raises
    ------
    MigrationError, DatabaseUnavailableError
        If something does not fit or is not allowed; the message says what.
    """
    # Rarely needed, and it reads YAML.
    from epntap.provenance.description import describe_provenance

    with owner.cursor() as cursor:
        cursor.execute("SELECT pg_catalog.pg_advisory_lock(%s)", (_LOCK,))
    owner.commit()
    administrator = owner
    try:
        expected = fingerprint(owner, passwords)
        if is_installed(owner, expected):
            return
        migrations = read_migrations()
        if open_administrator is not None:
            administrator = open_administrator()
        with administrator:
            create_roles(administrator, roles, passwords)
        applied = migrate(owner, migrations)
        install_functions(owner, read_functions())
        with administrator:
            present = create_extension(administrator)
        install_back_end(owner, _sphere_functions(), present=present)
        install_queue(owner, roles)
        with owner, owner.cursor() as cursor:
            describe_provenance(cursor)
        _record_table(owner)
        _grant(owner)
        with administrator:
            hardened = harden(administrator)
        # Not the one from before, when the database may have been without an extension.
        summary = fingerprint(owner, passwords)
        with owner, owner.cursor() as cursor:
            cursor.execute("DELETE FROM epntap.installation")
            cursor.execute(
                "INSERT INTO epntap.installation (fingerprint, hardened) VALUES (%s, %s)",
                (summary, hardened),
            )
        log.info("database %s is ready (%d migrations applied)", roles.database, applied)
    except errors.InsufficientPrivilege as error:
        raise DatabaseUnavailableError(
            f"the login {owner.info.user!r} may not set up the database {roles.database!r}: "
            f"{one_line(error)}",
            hint="make it the owner of the database",
        ) from error
    except psycopg2.OperationalError as error:
        raise DatabaseUnavailableError(
            f"setting up the database {roles.database!r} failed: {one_line(error)}"
        ) from error
    finally:
        if administrator is not owner:
            administrator.close()
        if not owner.closed:
            owner.rollback()
            with owner.cursor() as cursor:
                cursor.execute("SELECT pg_catalog.pg_advisory_unlock(%s)", (_LOCK,))
            owner.commit()


def _sphere_functions() -> tuple[Path, ...]:
    return read_functions(sql_folder() / "pgsphere")


def _record_table(owner: Connection) -> None:
    with owner, owner.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS epntap.installation (fingerprint text NOT NULL,"
            " hardened boolean NOT NULL, installed timestamptz NOT NULL DEFAULT pg_catalog.now())"
        )


def _grant(owner: Connection) -> None:
    with owner, owner.cursor() as cursor:
        cursor.execute((sql_folder() / "grants.sql").read_text())
