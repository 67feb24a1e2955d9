"""The operating system's account that PostgreSQL programs run under.

PostgreSQL refuses to run as root. When the service is root, its programs are started as a lesser
user; no directory that exists already changes its owner or mode for that.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from epntap.errors import DatabaseUnavailableError


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system, and how to run a program as that user."""

    uid: int
    gid: int

    @property
    def is_us(self) -> bool:
        """Whether it is the user of this process, so that nothing has to be dropped."""
        return self.uid == os.geteuid()

    def run(
        self,
        *command: str | Path,
        stdin: str = "",
        log: IO[str] | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float = 120.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, in a session of its own, from the root directory.

        Parameters
        ----------
        command
            Program and arguments; no shell.
        stdin
            Text that it reads.
        log
            Where output goes; without it the output is in the result.
        environment
            Variables beyond ours.
        timeout
            Seconds after which it is killed.

        Raises
        ------
        OSError
            If the program cannot be run by this user.
        subprocess.TimeoutExpired
            If it takes longer.
        """
        drop = {} if self.is_us else {"user": self.uid, "group": self.gid, "extra_groups": ()}
        # PGDATA, PGPORT and the like are meant for other servers than ours.
        ours = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        return subprocess.run(  # type: ignore[call-overload,no-any-return]  # noqa: S603
            [os.fspath(part) for part in command],
            input=stdin,
            stdout=log or subprocess.PIPE,
            stderr=log or subprocess.PIPE,
            text=True,
            timeout=timeout,
            cwd="/",
            env={**ours, "LC_ALL": "C", **(environment or {})},
            # Ctrl-C in the terminal goes to its whole process group; the server is not in it.
            start_new_session=True,
            check=False,
            **drop,
        )

    def can_enter(self, directory: Path) -> bool:
        """Whether this user reaches the directory, whatever modes and lists its parents have."""
        return self.run("/bin/sh", "-c", 'cd -- "$1" 2>/dev/null', "sh", directory).returncode == 0

    def write(self, path: Path, text: str, *, append: bool = False) -> None:
        """Write a file as this user, so that no link planted in its directory leads us astray.

        Raises
        ------
        DatabaseUnavailableError
            If it cannot be written (no space, no permission).
        """
        redirect = 'cat >> "$1"' if append else 'cat > "$1"'
        result = self.run("/bin/sh", "-c", f"umask 077; {redirect}", "sh", path, stdin=text)
        if result.returncode != 0:
            raise DatabaseUnavailableError(f"cannot write {path}: {last_line(result.stderr)}")

    def own(self, directory: Path) -> None:
        """Make a directory that is this user's alone, if it is not there yet.

        Raises
        ------
        DatabaseUnavailableError
            If something else stands there.
        """
        try:
            directory.mkdir(mode=0o700)
        except FileExistsError:
            status = directory.lstat()
            if directory.is_symlink() or not directory.is_dir() or status.st_uid != self.uid:
                raise DatabaseUnavailableError(
                    f"{directory} is not a directory of the user with id {self.uid}",
                    hint="move it away",
                ) from None
        else:
            if not self.is_us:
                os.chown(directory, self.uid, self.gid)


def choose_account(data: Path) -> Account:
    """Return the account for the cluster in `data`.

    Ourselves, unless we are root: then the owner of the data, if they exist, else the system's
    user ``postgres`` or ``nobody``.

    Raises
    ------
    DatabaseUnavailableError
        If there is none.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if data.exists():
        status = data.stat()
        if status.st_uid == 0:
            raise DatabaseUnavailableError(
                f"{data} belongs to root, and PostgreSQL does not run as root",
                hint="give it to the user that PostgreSQL is to run as: chown -R postgres",
            )
        return Account(status.st_uid, status.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise DatabaseUnavailableError(
        "PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody'",
        hint="run the service as an ordinary user, or set EPNTAP_DSN",
    )


def last_line(text: str) -> str:
    """Return the last line that says something; the reason, in what PostgreSQL programs write."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
