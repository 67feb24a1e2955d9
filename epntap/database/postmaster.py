"""What PostgreSQL itself says of a running server: its file ``postmaster.pid``."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from epntap.database.cluster import Address, Cluster


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The server process, as ``postmaster.pid`` describes it.

    Attributes
    ----------
    pid
        Its process id.
    address
        Where it listens; ``None`` while it has not got that far.
    status
        ``starting``, ``ready``, ``stopping``, ``standby`` or empty.
    """

    pid: int
    address: Address | None
    status: str

    def is_server_of(self, cluster: Cluster) -> bool:
        """Whether a process with this id lives and is the server of the cluster.

        After a restart of the machine the id may be that of anything, another PostgreSQL included.
        """
        _reap(self.pid)
        command = _command(self.pid)
        if command is None or not command.startswith(("postgres", "postmaster")):
            return False
        try:
            return Path(f"/proc/{self.pid}/cwd").readlink() == cluster.data
        except FileNotFoundError:
            # A system without /proc, or the process has just ended.
            return _command(self.pid) is not None
        except PermissionError:
            return Path(f"/proc/{self.pid}").stat().st_uid == cluster.account.uid

    @property
    def is_number_taken(self) -> bool:
        """Whether there is any process with this id, if only a zombie."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def read_postmaster(data: Path) -> Postmaster | None:
    """Read ``postmaster.pid``; ``None`` when there is none, so that no server runs.

    The eight lines are described in PostgreSQL's ``src/include/utils/pidfile.h``.
    """
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if not lines or not lines[0].strip("-").isdigit():
        return None
    lines += [""] * (8 - len(lines))
    host = lines[4].strip() or lines[5].strip()
    address = Address(host, int(lines[3])) if host and lines[3].isdigit() else None
    return Postmaster(abs(int(lines[0])), address, lines[7].strip())


def remove_stale_files(cluster: Cluster, postmaster: Postmaster) -> None:
    """Remove what a dead server left, when its number is that of another process or a zombie.

    PostgreSQL does that itself unless the number is in use. It still finds out by the shared
    memory of the data directory when processes of the dead server are left.
    """
    files = [cluster.data / "postmaster.pid"]
    if postmaster.address is not None and postmaster.address.host.startswith("/"):
        lock = f".s.PGSQL.{postmaster.address.port}.lock"
        files.append(Path(postmaster.address.host) / lock)
    cluster.account.run("/bin/rm", "-f", *files)


def _reap(pid: int) -> None:
    """Bury the server if it is our child; it is when we are process 1 of a container."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _command(pid: int) -> str | None:
    """Return the name of a process; ``None`` when there is none or it is a zombie."""
    if Path("/proc/self/stat").exists():
        try:
            line = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        name, _, rest = line.partition("(")[2].rpartition(")")
        return None if rest.split()[0] in "ZX" else name
    ps = shutil.which("ps") or "/bin/ps"
    answer = subprocess.run(  # noqa: S603
        [ps, "-o", "stat=,ucomm=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    fields = answer.stdout.split()
    return None if len(fields) < 2 or fields[0].startswith("Z") else fields[1]
