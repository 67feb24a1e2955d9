"""Where the files of catalogues are kept: a store for each, contents under their digests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from epntap.products.names import is_content
from epntap.results import (
    DirectoryStore,
    RemoteStore,
    ResultMissingError,
    ResultsError,
    ResultStore,
)
from epntap.settings import Settings

#: What the keys of files begin with that wait for the end of the run that made them.
STAGED = "staged-"


def open_products(settings: Settings, catalogue: str) -> ResultStore:
    """Return the store of a catalogue's files: by the setting ``products``, else in the home.

    Its keys are names of contents (see `content_of`), and ``staged-<run>/<path>``.

    Raises
    ------
    ResultsError
        If the file system is not known, or its package is not installed.
    """
    where = settings.products
    if where is None:
        return DirectoryStore(settings.home / "products" / catalogue)
    if where.startswith("file://"):
        return DirectoryStore(Path(where.removeprefix("file://")) / catalogue)
    if "://" not in where:
        return DirectoryStore(Path(where).expanduser().absolute() / catalogue)
    try:
        return RemoteStore(f"{where.rstrip('/')}/{catalogue}".rstrip("/"))
    except ResultsError as error:
        told = error.message.replace("EPNTAP_RESULTS", "EPNTAP_PRODUCTS")
        raise ResultsError(told, hint=error.hint) from error


def catalogues_with_files(settings: Settings) -> list[str]:
    """Return the names of all catalogues that something is kept for.

    Raises
    ------
    ResultsError
        If the place cannot be read.
    """
    return sorted(holding.job for holding in open_products(settings, "").holdings())


def content_of(sha256: str) -> str:
    """Return the name of a content by its hexadecimal digest: 128 bits are enough to tell."""
    return sha256[:32]


def open_content(store: ResultStore, content: str) -> IO[bytes]:
    """Open a content for reading.

    Raises
    ------
    ResultMissingError
        If it is not there, or a link stands in its place: nobody but a stranger puts one there.
    """
    if not is_content(content):
        raise ResultMissingError(f"{content!r} names no content")
    path = store.path(content)
    if path is None:
        return store.open(content)
    try:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    except OSError as error:
        raise ResultMissingError(f"{path} cannot be read: {error.strerror}") from error


@contextmanager
def digesting(file: IO[bytes]) -> Iterator[_Digests]:
    """Read a file through `_Digests`, and close it."""
    with file:
        yield _Digests(file)


class _Digests:
    """A file that is digested as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        # Not for safety: EPNcore tells it (access_md5).
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.size = 0

    def read(self, count: int) -> bytes:
        """Return the next bytes."""
        piece = self._file.read(count)
        self._sha256.update(piece)
        self._md5.update(piece)
        self.size += len(piece)
        return piece

    @property
    def sha256(self) -> str:
        """Hexadecimal, of what was read."""
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        """Hexadecimal, of what was read."""
        return self._md5.hexdigest()
