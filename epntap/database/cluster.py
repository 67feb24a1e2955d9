"""The files of the embedded server: where they are, how they are made, how they are set up."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from epntap.database.account import Account, choose_account, last_line
from epntap.database.binaries import Binaries
from epntap.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)

#: Where root keeps what an unprivileged PostgreSQL could not reach elsewhere.
REACHABLE_FOLDER = Path("/var/lib/epntap")

#: Port number; with a Unix socket it is only a part of the socket's name.
SOCKET_PORT = 5432

#: A Unix socket's path has 104 to 108 bytes with its final zero, depending on the system.
_SOCKET_PATH_BYTES = 100

#: Superuser of the embedded server; used to create and harden it, never to serve.
SUPERUSER = "postgres"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data directory of PostgreSQL and what belongs to it.

    Attributes
    ----------
    home
        The service's directory.
    data
        The data directory, without symbolic links.
    account
        Who owns it and runs the server.
    """

    home: Path
    data: Path
    account: Account

    @property
    def exists(self) -> bool:
        """Whether it has been made."""
        return (self.data / "PG_VERSION").is_file()

    @property
    def major(self) -> int:
        """Major version of PostgreSQL that the data belong to."""
        return int((self.data / "PG_VERSION").read_text().split(".")[0])

    @property
    def log(self) -> Path:
        """What the server writes."""
        return self.home / "postgres.log"

    @property
    def secret(self) -> Path:
        """The password file."""
        return self.home / "postgres.secret"


def prepare_home(home: Path) -> None:
    """Make the service's directory.

    Raises
    ------
    DatabaseUnavailableError
        If it cannot be made or written.
    """
    try:
        if not home.is_dir():
            home.mkdir(parents=True, mode=0o700)
            if os.geteuid() == 0:
                # An unprivileged PostgreSQL must pass; what is secret in it has its own mode.
                home.chmod(0o755)
    except OSError as error:
        raise DatabaseUnavailableError(
            f"cannot make the directory {home}: {error.strerror}",
            hint="set EPNTAP_HOME to a directory that this user can write",
        ) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise DatabaseUnavailableError(
            f"no permission to write in {home}",
            hint="set EPNTAP_HOME to a directory that this user can write",
        )


def locate(home: Path) -> Cluster:
    """Return the cluster of this home, or where it will be.

    When root's home cannot be entered by the account that runs PostgreSQL, the cluster is put
    below `REACHABLE_FOLDER`, and a symbolic link in the home points to it.
    """
    link = home / "postgres"
    data = link.resolve()
    if link.is_symlink() and not data.exists():
        raise DatabaseUnavailableError(
            f"{link} points to {data}, which is gone",
            hint="bring the directory back, or remove the link to start with an empty database",
        )
    account = choose_account(data)
    if data.exists() or account.is_us or account.can_enter(home):
        return Cluster(home, data, account)
    place = _reachable("clusters") / secrets.token_hex(8)
    account.own(place)
    # An empty directory that the link points to: `create` fills it.
    account.own(place / "data")
    link.symlink_to(place / "data")
    log.info("user %d cannot enter %s: the database is kept in %s", account.uid, home, place)
    return Cluster(home, place / "data", account)


def _reachable(name: str) -> Path:
    folder = REACHABLE_FOLDER / name
    for directory in (REACHABLE_FOLDER, folder):
        if not directory.is_dir():
            directory.mkdir(parents=True)
            directory.chmod(0o755)
    return folder


def usable_binaries(binaries: Binaries, account: Account) -> Binaries:
    """Return binaries that the account can run: those given, or a copy where it can reach them.

    Raises
    ------
    DatabaseUnavailableError
        If the account cannot run the copy either.
    """
    if account.is_us or _runs(binaries, account):
        return binaries
    origin = hashlib.sha256(os.fsencode(binaries.folder)).hexdigest()[:8]
    target = _reachable("binaries") / f"{binaries.version}-{origin}"
    copied = Binaries(target / "bin", binaries.version)
    if not target.is_dir():
        log.info("user %d cannot run %s: copied to %s", account.uid, binaries.folder, target)
        partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
        for part in ("bin", "lib", "share"):
            shutil.copytree(binaries.folder.parent / part, partial / part, symlinks=True)
        partial.chmod(0o755)
        try:
            partial.rename(target)
        except OSError:
            # Another process was faster; its copy is as good.
            shutil.rmtree(partial)
    if not _runs(copied, account):
        raise DatabaseUnavailableError(
            f"user {account.uid} cannot run the PostgreSQL programs in {copied.folder}",
            hint="set EPNTAP_POSTGRES_BIN to programs that every user can run",
        )
    return copied


def _runs(binaries: Binaries, account: Account) -> bool:
    try:
        return account.run(binaries.program("initdb"), "--version").returncode == 0
    except PermissionError:
        return False


def create(cluster: Cluster, binaries: Binaries, password: str) -> None:
    """Make the data directory, complete or not at all.

    Sorting is by code point (fast, and indexes serve LIKE 'prefix%'), upper and lower case are
    Unicode's where the system has the locale ``C.UTF-8``.

    Raises
    ------
    DatabaseUnavailableError
        If ``initdb`` fails; with its reason.
    """
    if cluster.data.is_dir() and any(cluster.data.iterdir()):
        raise DatabaseUnavailableError(
            f"{cluster.data} is not empty and not a PostgreSQL data directory",
            hint="move it away",
        )
    partial = cluster.data.with_name("postgres.new")
    if partial.exists():
        shutil.rmtree(partial)
    cluster.account.own(partial)
    password_file = partial.with_name("postgres.password")
    password_file.unlink(missing_ok=True)
    descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password + "\n")
        os.fchown(descriptor, cluster.account.uid, cluster.account.gid)
    try:
        result = None
        for character_type in ("C.UTF-8", "C"):
            result = cluster.account.run(
                binaries.program("initdb"),
                *("--pgdata", partial, "--username", SUPERUSER, "--pwfile", password_file),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--data-checksums"),
                *("--locale", "C", f"--lc-ctype={character_type}", "--text-search-config=simple"),
            )
            if result.returncode == 0 or "locale" not in result.stderr:
                break
        if result is None or result.returncode != 0:
            reason = _initdb_reason(result.stderr if result else "")
            raise DatabaseUnavailableError(f"initdb failed in {cluster.data.parent}: {reason}")
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        password_file.unlink(missing_ok=True)
    cluster.account.write(
        partial / "postgresql.conf",
        "\n# epntap.conf is written anew at every start; local.conf is yours and wins.\n"
        "include = 'epntap.conf'\ninclude_if_exists = 'local.conf'\n",
        append=True,
    )
    if cluster.data.is_dir():
        cluster.data.rmdir()
    partial.rename(cluster.data)


def _initdb_reason(output: str) -> str:
    """Return the line with the error; after it initdb only tells what it removed."""
    errors = [line for line in output.splitlines() if "error:" in line or "FATAL" in line]
    return errors[-1].strip() if errors else last_line(output)


def socket_directory(cluster: Cluster) -> Path:
    """Make and return the directory of the socket, private to the account.

    Beside the data; where that path does not do for a socket, a short one that is named after it.
    """
    directory = cluster.data.parent / "run"
    name = os.fsencode(directory / f".s.PGSQL.{SOCKET_PORT}")
    # libpq takes a comma for the beginning of the next host.
    if len(name) >= _SOCKET_PATH_BYTES or b"," in name:
        digest = hashlib.sha256(os.fsencode(cluster.data)).hexdigest()[:12]
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        # Root's runtime directory is closed to the account that PostgreSQL runs under.
        base = runtime if cluster.account.is_us and Path(runtime).is_dir() and runtime else "/tmp"  # noqa: S108
        if len(base) > 40:
            base = "/tmp"  # noqa: S108
        directory = Path(base) / f"epntap-{digest}"
    cluster.account.own(directory)
    return directory


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens: a directory with a Unix socket, or 127.0.0.1 and a port."""

    host: str
    port: int


def _list_item(text: str) -> str:
    """Quote an item of a comma-separated setting."""
    return '"' + text.replace('"', '""') + '"'


def configure(cluster: Cluster, address: Address, connections: int, major: int) -> None:
    """Write the server's configuration for this start.

    For a service that shares its machine: the memory of an idle server stays small, nothing is
    logged but trouble, and a statement whose client is gone ends within half a second.
    """
    is_socket = address.host.startswith("/")
    values: dict[str, str | int] = {
        "listen_addresses": "" if is_socket else address.host,
        "unix_socket_directories": _list_item(address.host) if is_socket else "",
        "unix_socket_permissions": "0700",
        "port": address.port,
        # Publishers, workers and people at the command line come on top of the queries.
        "max_connections": max(100, 2 * connections + 40),
        "password_encryption": "scram-sha-256",
        "shared_buffers": "128MB",
        "maintenance_work_mem": "128MB",
        "max_wal_size": "1GB",
        "jit": "off",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        # Without replicas a freshly loaded version need not be written twice.
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "max_logical_replication_workers": 0,
        "client_connection_check_interval": "500ms",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "datestyle": "ISO, YMD",
        "lc_messages": "C",
        "logging_collector": "off",
        "log_destination": "stderr",
        "log_line_prefix": "%m [%p] %q%u %a ",
        "log_min_messages": "warning",
        "log_min_error_statement": "panic",
        "log_checkpoints": "off",
    }
    if major >= 18:
        values["io_workers"] = 2
    lines = [
        f"{key} = '{str(value).replace(chr(39), 2 * chr(39))}'" for key, value in values.items()
    ]
    cluster.account.write(cluster.data / "epntap.conf", "\n".join(lines) + "\n")
