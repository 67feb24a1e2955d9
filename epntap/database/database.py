"""The database as the rest of the service sees it: four logins, each lending connections."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from psycopg2.extensions import connection as Connection  # noqa: N812

from epntap.database.connect import Conninfo, connect, read_dsn
from epntap.database.credentials import derive_passwords
from epntap.database.embedded import EmbeddedServer
from epntap.database.installation import fingerprint, install, is_installed
from epntap.database.pools import Pool
from epntap.database.roles import Roles
from epntap.errors import DatabaseUnavailableError
from epntap.settings import Settings

#: What finds all connections in use waits this long before it is told so. Queries of clients do
#: not come so far: they are counted before (`epntap.admission`).
READER_WAIT_SECONDS = 5.0

#: Connections of the reader beyond those of queries: for pages, metadata and jobs in this process.
_READERS_BESIDE_QUERIES = 6

#: Publications and bookkeeping at the same time in one process; they may wait for each other.
_PUBLISHER_CONNECTIONS = 8
_PUBLISHER_WAIT_SECONDS = 60.0

#: Of this many queries that may run at the same time, one may be with uploads, which cost more.
_QUERIES_PER_UPLOADER = 4


def uploader_connections(settings: Settings) -> int:
    """Return how many queries that bring tables along may run at the same time."""
    return max(2, settings.connections // _QUERIES_PER_UPLOADER)


class Database:
    """An open database. Threads may share it; a forked process opens its own.

    Use `open`, as a context manager or with `close`.
    """

    def __init__(
        self,
        *,
        server: EmbeddedServer | None,
        owner: Conninfo,
        publisher: Conninfo,
        reader: Conninfo,
        uploader: Conninfo,
        settings: Settings,
        reader_role: str,
    ) -> None:
        self._server = server
        #: What it was opened with.
        self.settings = settings
        self.reader_role = reader_role
        self._owner = owner
        self.publisher_conninfo = publisher
        self.reader_conninfo = reader
        self.uploader_conninfo = uploader
        # A role's own limit of an hour stands behind this one, should the option not be passed on.
        # Whoever runs a query stops it earlier; this is for the case that he cannot any more.
        longest = max(settings.stream_seconds, settings.async_seconds_limit)
        limit = {"options": f"-c statement_timeout={int(longest * 1000)}"}
        self._readers = Pool(
            self._opener({**limit, **reader}, "epntap reader"),
            size=settings.connections + _READERS_BESIDE_QUERIES,
            wait_seconds=READER_WAIT_SECONDS,
        )
        self._uploaders = Pool(
            self._opener({**limit, **uploader}, "epntap uploader"),
            size=uploader_connections(settings),
            wait_seconds=READER_WAIT_SECONDS,
        )
        self._publishers = Pool(
            self._opener(publisher, "epntap publisher"),
            size=_PUBLISHER_CONNECTIONS,
            wait_seconds=_PUBLISHER_WAIT_SECONDS,
        )

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Start or find the server and bring the database up to date.

        Parameters
        ----------
        settings
            With a ``dsn`` that server is used, else the embedded one of ``home``.

        Raises
        ------
        DatabaseUnavailableError
            If the server cannot be started, does not answer, or refuses.
        MigrationError
            If the database and this version of the software do not fit together.
        """
        if settings.dsn is not None:
            return cls._prepare(settings, None, read_dsn(settings.dsn))
        server = EmbeddedServer.attach(settings)
        try:
            return cls._prepare(settings, server, server.owner)
        except BaseException:
            server.close()
            raise

    @classmethod
    def _prepare(cls, settings: Settings, server: EmbeddedServer | None, owner: Conninfo) -> Self:
        connection = connect(owner, "epntap owner")
        try:
            roles = Roles(connection.info.dbname)
            passwords = derive_passwords(connection.info.password, roles.database)
            if not is_installed(connection, fingerprint(connection, passwords)):
                administrator = (
                    None
                    if server is None
                    else lambda: connect(server.superuser, "epntap administrator")
                )
                install(connection, administrator, roles, passwords)
        finally:
            connection.close()
        owner = {**owner, "dbname": roles.database}
        reader = _as_login(owner, roles.reader, passwords.reader)
        if settings.query_dsn is not None:
            replica = read_dsn(settings.query_dsn, "EPNTAP_QUERY_DSN")
            replica.setdefault("dbname", roles.database)
            if replica.setdefault("user", roles.reader) == roles.reader and passwords.reader:
                replica.setdefault("password", passwords.reader)
            reader = replica
        return cls(
            server=server,
            owner=owner,
            publisher=_as_login(owner, roles.publisher, passwords.publisher),
            reader=reader,
            # Not where queries are read from: a replica in recovery makes no temporary tables.
            uploader=_as_login(owner, roles.uploader, passwords.uploader),
            settings=settings,
            reader_role=roles.reader,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the last process that uses the embedded server stops it."""
        self._readers.close()
        self._uploaders.close()
        self._publishers.close()
        if self._server is not None:
            server, self._server = self._server, None
            server.close()

    def reader(self) -> contextlib.AbstractContextManager[Connection]:
        """Lend a connection that may only read what is published.

        Raises
        ------
        DatabaseBusyError
            If none comes free within `READER_WAIT_SECONDS`.
        DatabaseUnavailableError
            If the server does not answer.
        """
        return self._readers.connection()

    def uploader(self) -> contextlib.AbstractContextManager[Connection]:
        """Lend a connection that reads what `reader` does and may make temporary tables.

        Its transactions are read-only unless the borrower says otherwise. Temporary tables are to
        be made and used within one transaction: it is rolled back when the connection is given
        back, and they are gone. Raises as `reader` does.
        """
        return self._uploaders.connection()

    def publisher(self) -> contextlib.AbstractContextManager[Connection]:
        """Lend a connection that writes published schemas and the state of the service.

        Nothing is committed but by the borrower. Raises as `reader` does.
        """
        return self._publishers.connection()

    @contextlib.contextmanager
    def owner(self) -> Iterator[Connection]:
        """Open a connection of the owner; for maintenance, not kept in a pool.

        Raises
        ------
        DatabaseUnavailableError
            If the server does not answer.
        """
        connection = self._opener(self._owner, "epntap owner")()
        try:
            yield connection
        finally:
            connection.close()

    def open_publisher(self, application: str) -> Connection:
        """Open a connection like those of `publisher` that is in no pool; the caller closes it.

        For those who keep one for long, to listen on it. `application` is what the server lists
        it as. Raises DatabaseUnavailableError if the server does not answer.
        """
        return self._opener(self.publisher_conninfo, application)()

    @property
    def queries_running(self) -> int:
        """How many of this process's connections for queries are in use."""
        return self._readers.lent + self._uploaders.lent

    def _opener(self, conninfo: Conninfo, application: str) -> Callable[[], Connection]:
        """Return what opens such a connection, and starts the embedded server again if it died."""

        def opener() -> Connection:
            try:
                return connect(conninfo, application)
            except DatabaseUnavailableError:
                if self._server is None:
                    raise
                self._server.ensure_running()
                return connect(conninfo, application)

        return opener


def _as_login(owner: Conninfo, user: str, password: str | None) -> Conninfo:
    """Return the owner's connection keywords for another login."""
    without = {key: value for key, value in owner.items() if key not in ("user", "password")}
    login = {**without, "user": user}
    return login if password is None else {**login, "password": password}
