"""The four logins: owner, publisher, reader, uploader."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from psycopg2 import errors
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import encrypt_password
from psycopg2.sql import SQL, Identifier, Literal

from epntap.database.credentials import Passwords
from epntap.errors import DatabaseUnavailableError
from epntap.resources import sql_folder

log = logging.getLogger(__name__)

#: PostgreSQL cuts longer names (NAMEDATALEN - 1).
_NAME_BYTES = 63


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of the lesser logins of a database.

    Raises
    ------
    DatabaseUnavailableError
        If the database's name is too long for them.
    """

    database: str

    def __post_init__(self) -> None:
        """Refuse names that PostgreSQL would cut."""
        if len(self.publisher.encode()) > _NAME_BYTES:
            raise DatabaseUnavailableError(
                f"the name of the database {self.database!r} is too long",
                hint="53 bytes are the most: the names of its logins are made from it",
            )

    @property
    def publisher(self) -> str:
        """Writes published tables and the state of the service."""
        return f"{self.database}_publisher"

    @property
    def reader(self) -> str:
        """Runs everybody's queries."""
        return f"{self.database}_reader"

    @property
    def uploader(self) -> str:
        """Runs the queries that bring tables of their own."""
        return f"{self.database}_uploader"


def create_roles(connection: Connection, roles: Roles, passwords: Passwords) -> None:
    """Create the lesser logins or bring them up to date, in the caller's transaction.

    Parameters
    ----------
    connection
        Of a superuser or a login with CREATEROLE.
    roles, passwords
        What they are called and log in with. Only the SCRAM verifier goes to the server, so that
        no password can stand in its log.

    Raises
    ------
    DatabaseUnavailableError
        If the login may not create roles.
    """
    with connection.cursor() as cursor:
        try:
            cursor.execute((sql_folder() / "roles.sql").read_text())
            for name, password in (
                (roles.publisher, passwords.publisher),
                (roles.reader, passwords.reader),
                (roles.uploader, passwords.uploader),
            ):
                if password is not None:
                    verifier = encrypt_password(password, name, connection, "scram-sha-256")
                    cursor.execute(
                        SQL("ALTER ROLE {} PASSWORD {}").format(Identifier(name), Literal(verifier))
                    )
        except errors.InsufficientPrivilege as error:
            raise DatabaseUnavailableError(
                f"the login {connection.info.user!r} may not manage the roles {roles.publisher}, "
                f"{roles.reader} and {roles.uploader}: {error.diag.message_primary}",
                hint="as superuser: ALTER ROLE ... CREATEROLE, and drop these roles if others "
                "made them",
            ) from error
        except errors.InvalidRoleSpecification as error:
            raise DatabaseUnavailableError(
                str(error.diag.message_primary), hint=error.diag.message_hint
            ) from error


def harden(connection: Connection) -> bool:
    """Take from PUBLIC what no query needs (``sql/harden.sql``), in the caller's transaction.

    Returns
    -------
    bool
        False if the login is no superuser; a warning then names the file for the administrator.
    """
    path = sql_folder() / "harden.sql"
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT harden")
        try:
            cursor.execute(path.read_text())
        except errors.InsufficientPrivilege:
            cursor.execute("ROLLBACK TO SAVEPOINT harden")
            log.warning(
                "%s is no superuser: queries can see system catalogues and call functions such as "
                "pg_sleep if they get past the ADQL translator; let a superuser run: "
                "psql -d %s -f %s",
                connection.info.user,
                connection.info.dbname,
                path,
            )
            return False
        cursor.execute("RELEASE SAVEPOINT harden")
    return True
