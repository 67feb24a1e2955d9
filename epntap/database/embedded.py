"""The embedded server: started by the first process that needs it, stopped by the last.

Processes find each other through two locks in the home (`epntap.database.locks`). A server that
outlived its users, for instance after a power cut of theirs, is taken over; one that died is
started again, and PostgreSQL recovers by its log.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import time

import psycopg2
from psycopg2 import sql

from epntap.database.account import last_line
from epntap.database.binaries import Binaries, WrongMajorError, find_binaries
from epntap.database.cluster import (
    SOCKET_PORT,
    SUPERUSER,
    Address,
    Cluster,
    configure,
    create,
    locate,
    prepare_home,
    socket_directory,
    usable_binaries,
)
from epntap.database.connect import Conninfo, connect
from epntap.database.credentials import derive_embedded_owner_password, read_or_create_secret
from epntap.database.locks import UseLock, change_lock
from epntap.database.postmaster import read_postmaster, remove_stale_files
from epntap.errors import DatabaseUnavailableError
from epntap.settings import Settings

logger = logging.getLogger(__name__)

#: Name of the database in the embedded server, and of the login that owns it.
DATABASE = "epntap"
OWNER = "epntap_owner"

#: Recovery after a crash may take long; a server that is merely busy does not.
_START_SECONDS = 300
_STOP_SECONDS = 60

#: A server that is there and refuses us so long will not change its mind.
_REFUSAL_SECONDS = 5

#: A log longer than this is begun anew at the next start.
_LOG_BYTES = 10_000_000


class EmbeddedServer:
    """A share in the embedded server of a home.

    Use `attach`; `close` gives the share back.
    """

    def __init__(self, settings: Settings, cluster: Cluster, share: UseLock, secret: str) -> None:
        self._settings = settings
        self._cluster = cluster
        self._share = share
        self._secret = secret
        self._address: Address | None = None

    @classmethod
    def attach(cls, settings: Settings) -> EmbeddedServer:
        """Take a share in the server of ``settings.home``; start or make it if need be.

        Raises
        ------
        DatabaseUnavailableError
            If it cannot be made, started or reached: one line with the reason.
        """
        home = settings.home
        prepare_home(home)
        try:
            with change_lock(home / "change.lock"):
                cluster = locate(home)
                share = UseLock(home / "use.lock")
                try:
                    secret = read_or_create_secret(cluster.secret, create=not cluster.exists)
                    server = cls(settings, cluster, share, secret)
                    server._bring_up()
                except BaseException:
                    if share.release():
                        _stop(cluster, settings)
                    raise
        except OSError as error:
            raise DatabaseUnavailableError(
                f"the embedded database in {home} cannot be used: {error}"
            ) from error
        return server

    @property
    def owner(self) -> Conninfo:
        """How to log in as the owner of the database."""
        return self._login(OWNER, derive_embedded_owner_password(self._secret), DATABASE)

    @property
    def superuser(self) -> Conninfo:
        """How to log in as superuser: for roles and hardening, never to serve."""
        return self._login(SUPERUSER, self._secret, DATABASE)

    @property
    def cluster(self) -> Cluster:
        """Its files."""
        return self._cluster

    def ensure_running(self) -> None:
        """Start the server again if it died.

        Raises
        ------
        DatabaseUnavailableError
            If it does not start.
        """
        with change_lock(self._settings.home / "change.lock"):
            self._bring_up()

    def close(self) -> None:
        """Give the share back; the last one stops the server."""
        with change_lock(self._settings.home / "change.lock"):
            if self._share.release():
                _stop(self._cluster, self._settings)

    def _login(self, user: str, password: str, database: str) -> Conninfo:
        if self._address is None:
            raise DatabaseUnavailableError("the embedded database has not been started")
        return {
            "host": self._address.host,
            "port": str(self._address.port),
            "user": user,
            "password": password,
            "dbname": database,
        }

    def _bring_up(self) -> None:
        """Leave with a server that answers; the caller holds the change lock."""
        if self._is_answering():
            return
        if not self._cluster.exists:
            binaries = usable_binaries(
                find_binaries(self._settings.postgres_bin), self._cluster.account
            )
            logger.info(
                "making a database with PostgreSQL %s in %s", binaries.version, self._cluster.data
            )
            create(self._cluster, binaries, self._secret)
        else:
            binaries = _matching_binaries(self._cluster, self._settings)
        self._address = _start(self._cluster, binaries, self._settings.connections)
        self._make_database()

    def _is_answering(self) -> bool:
        """Whether a server is there; waits for one that is just starting or stopping."""
        begin = time.monotonic()
        while (postmaster := read_postmaster(self._cluster.data)) is not None:
            if not postmaster.is_server_of(self._cluster):
                if postmaster.is_number_taken:
                    remove_stale_files(self._cluster, postmaster)
                return False
            if postmaster.status == "ready" and postmaster.address is not None:
                self._address = postmaster.address
                try:
                    self._greet()
                except DatabaseUnavailableError:
                    # A server that was killed is in the list of processes a moment longer.
                    if time.monotonic() > begin + _REFUSAL_SECONDS:
                        raise
                else:
                    return True
            if time.monotonic() > begin + _START_SECONDS:
                raise DatabaseUnavailableError(
                    f"the embedded database (process {postmaster.pid}) is {postmaster.status} "
                    f"since {_START_SECONDS} s and does not answer; see {self._cluster.log}"
                )
            time.sleep(0.02)
        return False

    def _greet(self) -> None:
        """See that the server answers and that owner and database are there."""
        try:
            connect(self.owner).close()
        except DatabaseUnavailableError:
            # It may have been made by a process that was killed before it was done.
            self._make_database()

    def _make_database(self) -> None:
        """Create owner and database, as superuser; nothing happens where they are there."""
        connection = connect(self._login(SUPERUSER, self._secret, "postgres"))
        connection.autocommit = True
        try:
            owner, database = sql.Identifier(OWNER), sql.Identifier(DATABASE)
            with connection.cursor() as cursor:
                cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (OWNER,))
                if cursor.rowcount == 0:
                    cursor.execute(
                        sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEROLE").format(owner)
                    )
                    verifier = psycopg2.extensions.encrypt_password(
                        derive_embedded_owner_password(self._secret),
                        OWNER,
                        connection,
                        "scram-sha-256",
                    )
                    cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD %s").format(owner), (verifier,))
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
                if cursor.rowcount == 0:
                    cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
                    # Nobody has business in the databases that initdb made.
                    cursor.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")
                    cursor.execute(
                        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database)
                    )
        finally:
            connection.close()


def _matching_binaries(cluster: Cluster, settings: Settings) -> Binaries:
    """Find programs of the version that the data belong to."""
    try:
        binaries = find_binaries(settings.postgres_bin, cluster.major)
    except WrongMajorError as error:
        found = ", ".join(f"{item.version} in {item.folder}" for item in error.found)
        raise DatabaseUnavailableError(
            f"the data in {cluster.data} belong to PostgreSQL {cluster.major}, "
            f"but only {found} was found",
            hint=f"set EPNTAP_POSTGRES_BIN to programs of version {cluster.major}, and to change "
            "versions use pg_upgrade, or pg_dump there and restore into an empty EPNTAP_HOME",
        ) from error
    return usable_binaries(binaries, cluster.account)


def _start(cluster: Cluster, binaries: Binaries, connections: int) -> Address:
    """Start the server and wait until it answers."""
    if hasattr(socket, "AF_UNIX"):
        address = Address(str(socket_directory(cluster)), SOCKET_PORT)
    else:
        address = Address("127.0.0.1", _free_port())
    configure(cluster, address, connections, binaries.major)
    deadline = time.monotonic() + 15
    while True:
        with cluster.log.open("a") as log:
            if log.tell() > _LOG_BYTES:
                log.truncate(0)
            begin = log.tell()
            try:
                result = cluster.account.run(
                    binaries.program("pg_ctl"),
                    *("start", "--wait", "--silent", f"--timeout={_START_SECONDS}"),
                    log=log,
                    # Not --pgdata: pg_ctl puts that into a shell's double quotes as it stands.
                    environment={"PGDATA": str(cluster.data)},
                    timeout=_START_SECONDS + 10,
                )
            except subprocess.TimeoutExpired as error:
                raise DatabaseUnavailableError(
                    f"the embedded database did not start within {_START_SECONDS} s; "
                    f"see {cluster.log}"
                ) from error
        if result.returncode == 0:
            return address
        with cluster.log.open() as log:
            log.seek(begin)
            output = log.read()
        # The processes of a server that was killed end a moment after it.
        if "is still in use" in output and time.monotonic() < deadline:
            time.sleep(0.1)
            continue
        raise DatabaseUnavailableError(
            f"the embedded database does not start: {_reason(output)}", hint=f"see {cluster.log}"
        )


def _stop(cluster: Cluster, settings: Settings) -> None:
    """Stop the server, if it runs: sessions are ended, everything is written down."""
    postmaster = read_postmaster(cluster.data)
    if postmaster is None or not postmaster.is_server_of(cluster):
        return
    binaries = _matching_binaries(cluster, settings)
    result = cluster.account.run(
        binaries.program("pg_ctl"),
        *("stop", "--wait", "--silent", "--mode=fast", f"--timeout={_STOP_SECONDS}"),
        *("--pgdata", cluster.data),
        timeout=_STOP_SECONDS + 10,
    )
    # A server that died in that moment is not running either.
    if result.returncode != 0 and postmaster.is_server_of(cluster):
        raise DatabaseUnavailableError(
            f"the embedded database does not stop: {last_line(result.stderr)}",
            hint=f"see {cluster.log}",
        )


def _reason(output: str) -> str:
    """Return the server's last fatal line without time and process, or the last line at all."""
    lines = [line for line in output.splitlines() if not line.startswith("Examine the log")]
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
    return fatal[-1].split("FATAL:")[-1].strip() if fatal else last_line("\n".join(lines))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
