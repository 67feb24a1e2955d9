"""Where the files of jobs are kept: a directory, or any file system that fsspec knows.

Every file has a key, ``<job>/<name>``. It is written under another name and gets its own when it is
whole, so whoever finds a key finds all of the file. Nothing here knows what a job is.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from epntap.errors import UserError
from epntap.settings import Settings

#: What the name of a file that is being written ends with, before some random characters.
_UNFINISHED = ".part-"

#: Bytes that are copied at a time.
_CHUNK_BYTES = 256 * 1024


class ResultsError(UserError):
    """The place where results are kept cannot be used."""


class ResultMissingError(ResultsError):
    """There is no file of that key."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What is kept for one job.

    Attributes
    ----------
    job
        First part of the keys.
    changed
        When something in it was last written, as far as the file system knows.
    """

    job: str
    changed: datetime


class ResultWriter(ABC):
    """A file that is being written. Leaving its block makes it visible; an exception removes it."""

    def __init__(self) -> None:
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._commit()
        else:
            self._discard()

    def write(self, piece: bytes) -> None:
        """Append some bytes."""
        self._append(piece)
        self.size += len(piece)

    def copy(self, source: IO[bytes]) -> None:
        """Append the rest of a file."""
        while piece := source.read(_CHUNK_BYTES):
            self.write(piece)

    @abstractmethod
    def _append(self, piece: bytes) -> None: ...

    @abstractmethod
    def _commit(self) -> None: ...

    @abstractmethod
    def _discard(self) -> None: ...


class ResultStore(ABC):
    """Files by key. All methods may be called from any thread, and block."""

    @abstractmethod
    def create(self, key: str) -> ResultWriter:
        """Begin a file; one of the same key is replaced when it is whole.

        Raises
        ------
        ResultsError
            If nothing can be written there.
        """

    @abstractmethod
    def open(self, key: str) -> IO[bytes]:
        """Open a file for reading; it can be sought in.

        Raises
        ------
        ResultMissingError
            If there is none.
        """

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove a file, or everything below a key; nothing happens if there is nothing."""

    @abstractmethod
    def holdings(self) -> Iterator[Holding]:
        """Yield for which jobs something is kept."""

    def path(self, key: str) -> Path | None:
        """Return the file on this machine, ``None`` where it is elsewhere."""
        return None


def open_results(settings: Settings) -> ResultStore:
    """Return the store of the setting ``results``: by default a directory of the home.

    Raises
    ------
    ResultsError
        If the file system is not known, or its package is not installed.
    """
    where = settings.results
    if where is None:
        return DirectoryStore(settings.home / "results")
    if where.startswith("file://"):
        return DirectoryStore(Path(where.removeprefix("file://")))
    if "://" not in where:
        return DirectoryStore(Path(where).expanduser().absolute())
    return RemoteStore(where)


class DirectoryStore(ResultStore):
    """Files in a directory that only this user may enter.

    Parameters
    ----------
    folder
        Made when the first file is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, key: str) -> ResultWriter:
        """Begin a file, see `ResultStore.create`."""
        path = self._path(key)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _DirectoryWriter(path)
        except OSError as error:
            raise _unusable(str(self._folder), error) from error

    def open(self, key: str) -> IO[bytes]:
        """Open a file, see `ResultStore.open`."""
        try:
            return self._path(key).open("rb")
        except FileNotFoundError as error:
            raise _missing(key) from error
        except OSError as error:
            raise _unusable(str(self._folder), error) from error

    def remove(self, key: str) -> None:
        """Remove a file or folder, see `ResultStore.remove`."""
        path = self._path(key)
        try:
            if path.is_dir():
                shutil.rmtree(path, onerror=_unless_missing)
            else:
                path.unlink(missing_ok=True)
        except NotADirectoryError:
            # Part of the key is a file: there is nothing below it.
            return
        except OSError as error:
            raise _unusable(str(self._folder), error) from error

    def holdings(self) -> Iterator[Holding]:
        """Yield the folders, see `ResultStore.holdings`."""
        try:
            entries = list(os.scandir(self._folder))
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unusable(str(self._folder), error) from error
        for entry in entries:
            changed = _changed(entry)
            if changed is not None:
                yield Holding(entry.name, datetime.fromtimestamp(changed, UTC))

    def path(self, key: str) -> Path | None:
        """Return where the file is."""
        return self._path(key)

    def _path(self, key: str) -> Path:
        return self._folder.joinpath(*_parts(key))


class _DirectoryWriter(ResultWriter):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._unfinished = path.with_name(_unfinished_name(path.name))
        self._file: IO[bytes] = self._unfinished.open("xb", buffering=_CHUNK_BYTES)

    def _append(self, piece: bytes) -> None:
        try:
            self._file.write(piece)
        except OSError as error:
            raise _unusable(str(self._path.parent), error) from error

    def _commit(self) -> None:
        try:
            with self._file:
                self._file.flush()
                # A result that a job tells of has to survive a loss of power.
                os.fsync(self._file.fileno())
            self._unfinished.replace(self._path)
        except OSError as error:
            self._unfinished.unlink(missing_ok=True)
            raise _unusable(str(self._path.parent), error) from error

    def _discard(self) -> None:
        self._unfinished.unlink(missing_ok=True)
        # Of a file that is gone nobody needs to know whether its last bytes still found room.
        with contextlib.suppress(OSError):
            self._file.close()


class RemoteStore(ResultStore):
    """Files below a URL of fsspec, e.g. ``s3://bucket/prefix``.

    Parameters
    ----------
    url
        Where. What the file system needs besides, such as credentials, it finds as its package
        says, in variables or files of its own.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ResultsError(
                f"EPNTAP_RESULTS={url} cannot be used: {error}",
                hint="a directory, or a URL of fsspec; s3:// needs the extra epntap[s3]",
            ) from error
        self._url = url
        self._root = str(root).rstrip("/")

    def create(self, key: str) -> ResultWriter:
        """Begin a file, see `ResultStore.create`."""
        path = self._path(key)
        try:
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            return _RemoteWriter(self._files, path, self._url)
        except OSError as error:
            raise _unusable(self._url, error) from error

    def open(self, key: str) -> IO[bytes]:
        """Open a file, see `ResultStore.open`."""
        try:
            opened: IO[bytes] = self._files.open(self._path(key), "rb")
        except FileNotFoundError as error:
            raise _missing(key) from error
        except OSError as error:
            raise _unusable(self._url, error) from error
        return opened

    def remove(self, key: str) -> None:
        """Remove a file or prefix, see `ResultStore.remove`."""
        path = self._path(key)
        try:
            self._files.invalidate_cache(path)
            if self._files.exists(path):
                self._files.rm(path, recursive=True)
        except FileNotFoundError:
            # Somebody else removed it in between.
            return
        except OSError as error:
            raise _unusable(self._url, error) from error

    def holdings(self) -> Iterator[Holding]:
        """Yield the first parts of keys, see `ResultStore.holdings`."""
        try:
            self._files.invalidate_cache(self._root)
            # One listing of everything: a prefix of an object store has no time of its own.
            found = self._files.find(self._root, detail=True)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unusable(self._url, error) from error
        latest: dict[str, datetime] = {}
        for path, entry in found.items():
            job = path.removeprefix(self._root).lstrip("/").partition("/")[0]
            latest[job] = max(_modified(entry), latest.get(job, datetime.min.replace(tzinfo=UTC)))
        yield from (Holding(job, changed) for job, changed in latest.items())

    def _path(self, key: str) -> str:
        return "/".join([self._root, *_parts(key)])


class _RemoteWriter(ResultWriter):
    def __init__(self, files: Any, path: str, url: str) -> None:
        super().__init__()
        self._files = files
        self._path = path
        self._url = url
        self._unfinished = _unfinished_name(path)
        self._file: IO[bytes] = files.open(self._unfinished, "wb")

    def _append(self, piece: bytes) -> None:
        try:
            self._file.write(piece)
        except OSError as error:
            raise _unusable(self._url, error) from error

    def _commit(self) -> None:
        try:
            self._file.close()
            self._files.mv(self._unfinished, self._path)
        except OSError as error:
            raise _unusable(self._url, error) from error

    def _discard(self) -> None:
        try:
            self._file.close()
            self._files.rm(self._unfinished)
        except FileNotFoundError:
            # Nothing was written yet.
            return
        except OSError as error:
            raise _unusable(self._url, error) from error


def _parts(key: str) -> list[str]:
    """Return the parts of a key.

    Raises
    ------
    ValueError
        If it leads out of the store: keys are made by the service, so that is a defect.
    """
    parts = key.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ValueError(f"{key!r} is not a key of the results store")
    return parts


def _unfinished_name(name: str) -> str:
    return f"{name}{_UNFINISHED}{secrets.token_hex(4)}"


def _missing(key: str) -> ResultMissingError:
    return ResultMissingError(f"there is no file {key} any more")


def _unusable(where: str, error: OSError) -> ResultsError:
    return ResultsError(
        f"results cannot be kept in {where}: {error.strerror or error}",
        hint="EPNTAP_RESULTS or EPNTAP_PRODUCTS must name a place to write to that has room left",
    )


def _unless_missing(_function: object, _path: str, problem: Any) -> None:
    """Let `shutil.rmtree` go on when somebody else removes the same."""
    if not isinstance(problem[1], FileNotFoundError):
        raise problem[1]


def _changed(entry: os.DirEntry[str]) -> float | None:
    """Return when an entry changed, ``None`` if it is gone."""
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return None


def _modified(entry: Any) -> datetime:
    """Return the time of a file in the words of its file system; now, if it has none."""
    for name in ("LastModified", "last_modified", "mtime", "created"):
        value = entry.get(name)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
    return datetime.fromtimestamp(time.time(), UTC)
