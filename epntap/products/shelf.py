"""Files taken over while a version is loaded: read, checked, kept under their contents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from epntap.errors import PublishError
from epntap.products.files import Files
from epntap.products.names import check_signature, checked_path, media_type
from epntap.products.records import StoredFile
from epntap.products.store import content_of, digesting
from epntap.results import ResultStore

_CHUNK_BYTES = 256 * 1024

#: Enough to tell what a content is.
_BEGIN_BYTES = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """What files may have, in bytes; 0 is no limit.

    Attributes
    ----------
    file
        One file.
    version
        All of a version together.
    """

    file: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Shelved:
    """A file that was taken over, and its MD5 digest in hexadecimal."""

    file: StoredFile
    md5: str


@dataclass
class Shelf:
    """Takes over the files of one version.

    Parameters
    ----------
    files
        Where they come from.
    store
        Where they go; with None they are only read, as a trial does.
    limits
        Of their sizes.
    """

    files: Files
    store: ResultStore | None
    limits: Limits = Limits()
    size: int = 0
    _taken: dict[tuple[str, str], Shelved] = field(default_factory=dict)
    _there: set[str] | None = None

    def take(self, name: str, mime: str | None) -> Shelved:
        """Take a file over, or find that it is there already.

        Parameters
        ----------
        name
            As the row has it.
        mime
            Its media type; by the ending of its name if not given.

        Raises
        ------
        PublishError
            If the name is not safe, there is no such file, it is a link, its content is not what
            its name says, or a limit is exceeded.
        ResultsError
            If the store cannot be written to.
        """
        path = checked_path(name)
        kind = media_type(path, mime)
        known = self._taken.get((name, kind))
        if known is None:
            known = self._taken[name, kind] = self._take(path, kind)
        return known

    def _take(self, path: PurePosixPath, mime: str) -> Shelved:
        shelved = self._read(path, mime)
        self.size += shelved.file.size
        if self.limits.version and self.size > self.limits.version:
            raise PublishError(
                f"{path}: with it the files of this version have more than"
                f" {self.limits.version:,} bytes",
                hint="publish fewer files, or set EPNTAP_PRODUCTS_BYTES",
            )
        self._keep(path, shelved)
        return shelved

    def __iter__(self) -> Iterator[StoredFile]:
        """Yield what was taken over."""
        return (shelved.file for shelved in self._taken.values())

    def __len__(self) -> int:
        return len(self._taken)

    def _read(self, path: PurePosixPath, mime: str) -> Shelved:
        """Look at a file without keeping it: its digest is the key that it is kept under."""
        with digesting(self.files.open(path)) as file:
            begin = file.read(_BEGIN_BYTES)
            check_signature(path, mime, begin)
            while file.read(_CHUNK_BYTES):
                if self.limits.file and file.size > self.limits.file:
                    raise PublishError(
                        f"{path} has more than {self.limits.file:,} bytes",
                        hint="make it smaller, or set EPNTAP_PRODUCT_BYTES",
                    )
        stored = StoredFile(content_of(file.sha256), path.name, mime, file.size)
        return Shelved(stored, file.md5)

    def _keep(self, path: PurePosixPath, shelved: Shelved) -> None:
        if self.store is None:
            return
        if self._there is None:
            self._there = {holding.job for holding in self.store.holdings()}
        content = shelved.file.content
        if content in self._there:
            return
        with (
            digesting(self.files.open(path)) as file,
            self.store.create(content) as copy,
        ):
            while piece := file.read(_CHUNK_BYTES):
                copy.write(piece)
            if content_of(file.sha256) != content:
                raise PublishError(
                    f"{path} changed while it was published; nothing was published",
                    hint="publish again when nobody writes it any more",
                )
        self._there.add(content)
