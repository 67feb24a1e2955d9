"""Where publishing takes files from: a folder, or what a run of a worker has left in the store."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from epntap.errors import PublishError
from epntap.products.names import checked_path
from epntap.products.store import STAGED
from epntap.results import ResultMissingError, ResultStore


class Files(Protocol):
    """Files by the names that rows have for them."""

    def open(self, path: PurePosixPath) -> IO[bytes]:
        """Open a file for reading.

        Raises
        ------
        PublishError
            If there is none, or it may not be published.
        """
        ...


@dataclass(frozen=True)
class FolderFiles:
    """Files in a folder and those below it. Links are refused: they may lead anywhere."""

    folder: Path

    def open(self, path: PurePosixPath) -> IO[bytes]:
        """Open a file, see `Files.open`; every step to it is held to be no link."""
        step = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            at = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise PublishError(f"{self.folder}: {error.strerror}") from error
        try:
            for part in path.parts[:-1]:
                inner = os.open(part, step | os.O_DIRECTORY, dir_fd=at)
                os.close(at)
                at = inner
            file = os.open(path.name, step, dir_fd=at)
        except OSError as error:
            raise self._fault(path, error) from error
        finally:
            os.close(at)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise PublishError(f"{self.folder / path} is not a file")
        return os.fdopen(file, "rb")

    def _fault(self, path: PurePosixPath, error: OSError) -> PublishError:
        whole = self.folder / path
        if isinstance(error, FileNotFoundError):
            return PublishError(
                f"{whole}: there is no such file",
                hint="names are relative to the folder of the files (--products)",
            )
        steps = [self.folder.joinpath(*path.parts[: i + 1]) for i in range(len(path.parts))]
        if any(step.is_symlink() for step in steps):
            return PublishError(
                f"{whole}: a link is not published", hint="copy the file into the folder"
            )
        return PublishError(f"{whole} cannot be read: {error.strerror}")


@dataclass(frozen=True)
class StagedFiles:
    """Files that a run has left in the store for whoever publishes it."""

    store: ResultStore
    run_id: str

    @property
    def _prefix(self) -> str:
        return f"{STAGED}{self.run_id}"

    def open(self, path: PurePosixPath) -> IO[bytes]:
        """Open a file, see `Files.open`."""
        try:
            return self.store.open(f"{self._prefix}/{path}")
        except ResultMissingError as error:
            raise PublishError(
                f"{path}: the run {self.run_id} has not left such a file",
                hint="the pipeline names a file that it did not write; or the setting 'products'"
                " is not the same for all workers",
            ) from error

    def take(self, folder: Path) -> int:
        """Copy all files below a folder; return how many.

        Raises
        ------
        PublishError
            If there is one that may not be published.
        ResultsError
            If the store cannot be written to.
        """
        source, count = FolderFiles(folder), 0
        for path in _files_below(folder):
            with source.open(path) as file, self.store.create(f"{self._prefix}/{path}") as copy:
                copy.copy(file)
            count += 1
        return count

    def remove(self) -> None:
        """Remove what the run has left."""
        self.store.remove(self._prefix)


def _files_below(folder: Path) -> Iterator[PurePosixPath]:
    for root, _, names in os.walk(folder):
        for name in sorted(names):
            whole = Path(root) / name
            yield checked_path(whole.relative_to(folder).as_posix())


class NoFiles:
    """Where no files came with the rows."""

    def open(self, path: PurePosixPath) -> IO[bytes]:
        """Refuse.

        Raises
        ------
        PublishError
            Always.
        """
        raise PublishError(
            f"{path} is named, but no folder of files was given", hint="say --products FOLDER"
        )
