"""Folders that runs work in. Each is held by a lock that ends with its worker's process.

So whatever a worker leaves when it is killed, files of clients among it, is found and removed by
the next one on the same machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from epntap.errors import UserError
from epntap.settings import Settings

log = logging.getLogger(__name__)

_PREFIX = "run-"
_LOCK = "lock"

#: Within a folder: what the run itself sees.
WORK = "work"


class FolderError(UserError):
    """There is no room for a run on this machine."""


def folders_of(settings: Settings) -> Path:
    """Return where the folders of a machine are."""
    return settings.request_folder or settings.home / "runs"


@contextlib.contextmanager
def run_folder(root: Path) -> Iterator[Path]:
    """Make a folder for one run, which only this user may enter; it is removed in the end.

    Yields
    ------
    Path
        The folder; it holds the empty folder `WORK`.

    Raises
    ------
    FolderError
        If it cannot be made.
    """
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Under the lock of all folders, so that nobody finds it before it is held.
        with _locked(root / _LOCK):
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        (folder / WORK).mkdir(mode=0o700)
    except OSError as error:
        raise FolderError(
            f"no folder for a run can be made in {root}: {error.strerror}",
            hint="EPNTAP_REQUEST_FOLDER must be a place that can be written to, with room left",
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        os.close(descriptor)


def sweep_folders(root: Path) -> int:
    """Remove the folders of runs whose worker is gone, and return how many there were."""
    if not root.is_dir():
        return 0
    count = 0
    with _locked(root / _LOCK):
        for folder in root.glob(f"{_PREFIX}*"):
            if not _is_held(folder):
                # The process of the run may be removing it as well.
                shutil.rmtree(folder, ignore_errors=True)
                count += 1
    if count:
        log.warning("removed what %d runs left whose worker had ended", count)
    return count


def _is_held(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        # Its worker ended before it could take the lock; or it is just being removed.
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
