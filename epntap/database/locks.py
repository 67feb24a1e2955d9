"""Who uses the embedded server: locks that the kernel lets go when a process dies.

Every process that uses the server holds ``use.lock`` shared. Whoever decides about starting or
stopping it holds ``change.lock`` alone for that moment.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from epntap.errors import DatabaseUnavailableError


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseUnavailableError(
            f"cannot write {path}: {error.strerror}",
            hint="EPNTAP_HOME must be a directory of this user with space left",
        ) from error


class UseLock:
    """A share in the server, held until `release`.

    A forked child shares it; it is let go when the last of them has closed it or died.

    Parameters
    ----------
    path
        The lock file; it is created.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = _open(path)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def release(self) -> bool:
        """Let go, and return whether nobody else holds a share.

        The answer stays true only as long as the caller holds the `change_lock`.
        """
        if self._descriptor is None:
            return False
        # Closing and not unlocking: a forked process may hold the same lock.
        os.close(self._descriptor)
        self._descriptor = None
        return not is_used(self._path)


def is_used(path: Path) -> bool:
    """Whether any process holds a share."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def change_lock(path: Path) -> Iterator[None]:
    """Hold the right to start and stop the server; waits for whoever has it."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
