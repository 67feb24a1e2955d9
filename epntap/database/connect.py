"""Opening connections, and saying in one line why one could not be opened."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import make_dsn, parse_dsn

from epntap.errors import DatabaseUnavailableError

#: libpq connection keywords and their values.
Conninfo = Mapping[str, str]

#: A network that is cut says nothing: after 10 s without an answer the server is asked, and after
#: 10 s more without one the connection is given up (by itself TCP takes minutes to hours).
_CUT_NETWORK = {
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}

#: Seconds that a server may take to answer a connection request; libpq may add one or two.
CONNECT_SECONDS = 3


def read_dsn(dsn: str, setting: str = "EPNTAP_DSN") -> dict[str, str]:
    """Parse a libpq URI or keyword string.

    Raises
    ------
    DatabaseUnavailableError
        If it is neither; `setting` is named as where it stands.
    """
    try:
        return {key: str(value) for key, value in parse_dsn(dsn).items()}
    except psycopg2.ProgrammingError as error:
        raise DatabaseUnavailableError(
            f"{setting} is not a PostgreSQL connection string: {one_line(error)}",
            hint="write postgresql://user:password@host:5432/database",
        ) from error


def connect(conninfo: Conninfo, application: str = "epntap") -> Connection:
    """Open a connection.

    Parameters
    ----------
    conninfo
        libpq keywords.
    application
        Name under which the server lists the connection.

    Raises
    ------
    DatabaseUnavailableError
        If the server does not answer within some seconds or refuses.
    """
    defaults = {
        "connect_timeout": str(CONNECT_SECONDS),
        "application_name": application,
        **_CUT_NETWORK,
    }
    try:
        return psycopg2.connect(make_dsn(**{**defaults, **conninfo, "client_encoding": "UTF8"}))
    except psycopg2.OperationalError as error:
        raise DatabaseUnavailableError(
            f"the database {describe(conninfo)} does not answer: {one_line(error)}"
        ) from error


def describe(conninfo: Conninfo) -> str:
    """Name a database for people, without its password."""
    host = conninfo.get("host", "on this machine")
    port = f":{conninfo['port']}" if "port" in conninfo and not host.startswith("/") else ""
    name = conninfo.get("dbname", "")
    return f"{name!r} at {host}{port}" if name else f"at {host}{port}"


def one_line(error: Exception) -> str:
    """Return what an error of the database says, in one line and without the word FATAL."""
    text = " ".join(str(error).split())
    return text.replace("FATAL: ", "").replace("ERROR: ", "")
