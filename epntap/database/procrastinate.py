"""The tables of the queue, in a schema of their own: what procrastinate brings, and who may use it.

The package brings them as one file for a new database, and as one file for every change since, for
databases that an earlier version made. Which changes a database has is kept in
``epntap.queue_step``.
"""

from __future__ import annotations

import importlib.metadata
import logging
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.database.connect import one_line
from epntap.database.errors import MigrationError
from epntap.database.roles import Roles

log = logging.getLogger(__name__)

#: Its functions are called by this name everywhere; never public, where anybody's tables may be.
SCHEMA = "procrastinate"


def package_version() -> str:
    """Return the version of the package that is installed."""
    return importlib.metadata.version("procrastinate")


def install_queue(owner: Connection, roles: Roles) -> None:
    """Make the schema, or apply what the package has changed since, and let the publisher use it.

    Parameters
    ----------
    owner
        Connection of the owner, outside a transaction; the caller holds the installation's lock.
    roles
        Who is let in.

    Raises
    ------
    MigrationError
        If a statement fails, or a newer version of the package was here before. What an earlier
        file changed stays then, and is not done again.
    """
    # Half a second that only an installation pays.
    from procrastinate.schema import SchemaManager

    try:
        with owner, owner.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS epntap.queue_step (name text PRIMARY KEY,"
                " applied timestamptz NOT NULL DEFAULT pg_catalog.now())"
            )
            cursor.execute("SELECT name FROM epntap.queue_step")
            applied = {name for (name,) in cursor}
        steps = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
        if unknown := applied - {path.name for path in steps}:
            raise MigrationError(
                f"the queue of this database has had a change {max(unknown)} that "
                f"procrastinate {package_version()} does not know",
                hint="install the newer version of procrastinate",
            )
        if not applied:
            log.info("making the tables of the queue")
            create = sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA))
            _apply(owner, [create, sql.SQL(SchemaManager.get_schema())], steps)
        for path in steps:
            if applied and path.name not in applied:
                log.info("changing the tables of the queue: %s", path.name)
                # Each by itself: a value added to an enumeration serves the next transaction.
                _apply(owner, [sql.SQL(path.read_text())], [path])
        with owner, owner.cursor() as cursor:
            _index_locks(cursor)
            _let_in(cursor, roles)
    except psycopg2.Error as error:
        raise MigrationError(
            f"the tables of procrastinate {package_version()} cannot be made: {one_line(error)}",
            hint=f"the login needs CREATE on the database, and must own the schema {SCHEMA}",
        ) from error


def _apply(owner: Connection, statements: list[sql.Composable], steps: list[Path]) -> None:
    """Run statements of the package and record the changes that they make, in one transaction."""
    with owner, owner.cursor() as cursor:
        # The package names nothing with a schema: what it makes goes to the first of the path.
        path = sql.SQL("SET LOCAL search_path = {}, pg_catalog").format(sql.Identifier(SCHEMA))
        for statement in statements:
            cursor.execute(path)
            cursor.execute(statement)
        for step in steps:
            cursor.execute("INSERT INTO epntap.queue_step (name) VALUES (%s)", (step.name,))


def _index_locks(cursor: psycopg2.extensions.cursor) -> None:
    """Add what the package lacks: an index by which a lock is found among much other work."""
    cursor.execute(
        sql.SQL(
            "CREATE INDEX IF NOT EXISTS epntap_jobs_lock ON {}.procrastinate_jobs (lock)"
            " WHERE status IN ('todo', 'doing')"
        ).format(sql.Identifier(SCHEMA))
    )


def _let_in(cursor: psycopg2.extensions.cursor, roles: Roles) -> None:
    """Let the publisher use the schema, and nobody else."""
    schema, publisher = sql.Identifier(SCHEMA), sql.Identifier(roles.publisher)
    cursor.execute("SET LOCAL search_path = pg_catalog")
    for statement in (
        "REVOKE ALL ON SCHEMA {schema} FROM PUBLIC",
        "REVOKE ALL ON ALL ROUTINES IN SCHEMA {schema} FROM PUBLIC",
        "GRANT USAGE ON SCHEMA {schema} TO {publisher}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {publisher}",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {publisher}",
        "GRANT EXECUTE ON ALL ROUTINES IN SCHEMA {schema} TO {publisher}",
    ):
        cursor.execute(sql.SQL(statement).format(schema=schema, publisher=publisher))
    # The bodies of its functions name nothing with a schema either; with a path of their own they
    # serve callers whose path is pg_catalog alone.
    cursor.execute(
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n"
        " ON n.oid = p.pronamespace WHERE n.nspname = %s AND p.prokind = 'f'",
        (SCHEMA,),
    )
    for (signature,) in cursor.fetchall():
        cursor.execute(
            # Written, and quoted where it needs be, by the server itself.
            sql.SQL("ALTER FUNCTION {} SET search_path = {}, pg_catalog").format(
                sql.SQL(signature), schema
            )
        )
