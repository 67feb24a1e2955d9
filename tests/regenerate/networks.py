"""Network namespaces for workers that can be cut off, and a server that they reach.

Each namespace has one link to this machine's own, with two addresses of a private range that are
its own: nothing but the server of the test is reached through it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from epntap.database.account import Account, choose_account
from epntap.database.binaries import Binaries, find_binaries


def ip(*words: str) -> subprocess.CompletedProcess[str]:
    """Run ``ip``; the caller looks at what it returned."""
    return subprocess.run(["ip", *words], capture_output=True, text=True, timeout=30)


def why_not() -> str | None:
    """Return why namespaces cannot be made here, or None if they can."""
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    name = f"epntap-try-{os.getpid()}"
    made = ip("netns", "add", name)
    if made.returncode != 0:
        return f"network namespaces are not permitted: {made.stderr.strip()}"
    try:
        linked = ip("link", "add", f"ept{os.getpid()}", "type", "veth", "peer", "name", "eth0",
                    "netns", name)  # fmt: skip
    finally:
        ip("netns", "del", name)
    if linked.returncode != 0:
        return f"links between namespaces are not permitted: {linked.stderr.strip()}"
    return None


@dataclass(frozen=True)
class Network:
    """A namespace with one link to this machine.

    Attributes
    ----------
    name
        Of the namespace.
    host
        Address of this machine on the link.
    """

    name: str
    host: str

    def command(self, *words: str) -> list[str]:
        """Return the command that runs another one in the namespace."""
        return ["ip", "netns", "exec", self.name, *words]

    def cut(self) -> None:
        """Cut the link: whatever is sent is lost, and nobody is told."""
        _must("-n", self.name, "link", "set", "eth0", "down")

    def mend(self) -> None:
        """Connect it again."""
        _must("-n", self.name, "link", "set", "eth0", "up")


def _must(*words: str) -> None:
    done = ip(*words)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


@contextmanager
def networks(count: int) -> Iterator[list[Network]]:
    """Make namespaces, and remove them whatever happens."""
    number = os.getpid() % 250
    with ExitStack() as stack:
        made = []
        for i in range(count):
            name, link = f"epntap-{os.getpid()}-{i}", f"ept{os.getpid()}n{i}"[-15:]
            host, guest = f"10.213.{number}.{4 * i + 1}", f"10.213.{number}.{4 * i + 2}"
            _must("netns", "add", name)
            # Its end of the link goes with the namespace, and the other end with that.
            stack.callback(ip, "netns", "del", name)
            _must("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
            stack.callback(ip, "link", "del", link)
            _must("addr", "add", f"{host}/30", "dev", link)
            _must("link", "set", link, "up")
            _must("-n", name, "link", "set", "lo", "up")
            _must("-n", name, "addr", "add", f"{guest}/30", "dev", "eth0")
            _must("-n", name, "link", "set", "eth0", "up")
            made.append(Network(name, host))
        yield made


@dataclass(frozen=True)
class Server:
    """A server of PostgreSQL that listens on the test's own addresses."""

    binaries: Binaries
    account: Account
    data: Path
    port: int

    def run(self, program: str, *words: str | Path) -> None:
        """Run one of the server's programs."""
        done = self.account.run(self.binaries.program(program), *words)
        assert done.returncode == 0, done.stderr

    def dsn(self, host: str) -> str:
        """Return where it is reached from a namespace, or from here."""
        return f"postgresql://postgres@{host}:{self.port}/postgres"


@contextmanager
def server(home: Path, hosts: list[str], programs: Path | None) -> Iterator[Server]:
    """Run a server on some addresses of this machine."""
    account = choose_account(home / "server")
    folder = home / "cluster"
    account.own(folder)
    with socket.create_server((hosts[0], 0)) as taken:
        port = taken.getsockname()[1]
    made = Server(find_binaries(programs), account, folder / "data", port)
    made.run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "-D", made.data)
    settings = {
        "port": port,
        "listen_addresses": ",".join(hosts),
        "unix_socket_directories": "",
        "fsync": "off",
    }
    lines = "".join(f"{key} = '{value}'\n" for key, value in settings.items())
    account.write(made.data / "postgresql.auto.conf", lines, append=True)
    allowed = "".join(f"host all all {host}/30 trust\n" for host in hosts)
    account.write(made.data / "pg_hba.conf", allowed, append=True)
    with (folder.parent / "server.log").open("w") as log:
        started = account.run(
            made.binaries.program("pg_ctl"), "start", "-w", "-s", "-D", made.data, log=log
        )
    assert started.returncode == 0, (folder.parent / "server.log").read_text()
    try:
        yield made
    finally:
        made.run("pg_ctl", "stop", "-w", "-s", "-m", "immediate", "-D", made.data)
