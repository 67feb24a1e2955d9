"""A process that runs a pipeline for somebody: started, ended, and what its end means."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from epntap.errors import UserError
from epntap.requests.folders import WORK
from epntap.requests.order import ORDER_FILE, Answer, Order
from epntap.tap.errors import RequestError

log = logging.getLogger(__name__)

#: What the process prints: read when it has failed.
_NOTES_FILE = "notes.txt"
_NOTES_BYTES = 8000

#: How often it is looked whether the process has ended.
_LOOK_SECONDS = 0.02

#: Variables that the process gets of the worker's. All others stay away from it, such as the
#: password of the database.
_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "CUDA_VISIBLE_DEVICES",
)
_PASSED_ON_PREFIX = "SPEASY_"

#: A worker has other things to do besides: each run computes in one thread.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


class RunFailedError(UserError):
    """A run came to no result."""


class RunStoppedError(UserError):
    """A run was ended from outside."""


class RunProcess:
    """A process that carries out an order; to be used in a ``with`` block, which ends it.

    Parameters
    ----------
    folder
        Of the run; its order is there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._ended = False
        self._killed = threading.Event()
        with (folder / _NOTES_FILE).open("wb") as notes:
            # Its input stays open for as long as this process lives: that is how it hears of our
            # end, and removes what it has.
            self._process = subprocess.Popen(  # noqa: S603 - nothing in it is a client's
                [sys.executable, "-P", "-m", "epntap.requests.child", str(folder / ORDER_FILE)],
                cwd=folder / WORK,
                env=_environment(folder / WORK),
                stdin=subprocess.PIPE,
                stdout=notes,
                stderr=notes,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def kill(self, _reason: UserError | None = None) -> None:
        """End it at once, with all that it has started; from any thread."""
        self._killed.set()
        with self._guard:
            if not self._ended:
                self._kill_group()

    def wait(self, order: Order) -> Answer:
        """Wait for its end, and return its answer.

        Raises
        ------
        RunStoppedError
            If it was killed.
        RunFailedError
            If it ended without an answer.
        """
        while (code := self._poll()) is None:
            self._killed.wait(_LOOK_SECONDS)
            if self._killed.is_set():
                self._process.wait()
        if self._killed.is_set():
            raise RunStoppedError("the run was stopped")
        if code != 0:
            raise self._failure(code, order)
        try:
            return Answer.read(self._folder / WORK)
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.exception("a run of %s gave no answer: %s", order.pipeline, self._notes())
            raise RunFailedError("the run ended without a result") from error

    def _poll(self) -> int | None:
        with self._guard:
            code = self._process.poll()
            if code is not None and not self._ended:
                self._ended = True
                self._kill_group()
            return code

    def _kill_group(self) -> None:
        # All that it has started, too; nothing of it may be left.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _failure(self, code: int, order: Order) -> UserError:
        """Say why a process ended that could not say it itself."""
        log.error(
            "a run of %s for job %s ended with code %d: %s",
            order.pipeline,
            order.job_id,
            code,
            self._notes(),
        )
        limits = order.limits
        if code == -signal.SIGXCPU:
            return RunFailedError(f"the run was stopped after {limits.cpu_seconds} s of computing")
        if code == -signal.SIGXFSZ:
            return RunFailedError("the result has more bytes than there is room for")
        if code in (-signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV):
            return RunFailedError(
                "the run was ended by the system, most likely for want of memory",
                hint="ask for a shorter span, or send a smaller file",
            )
        return RunFailedError("the run failed: this is an error of the service")

    def _notes(self) -> str:
        """Return the last of what the process printed."""
        with (self._folder / _NOTES_FILE).open("rb") as notes:
            size = notes.seek(0, os.SEEK_END)
            notes.seek(max(0, size - _NOTES_BYTES))
            return notes.read().decode(errors="replace").strip()


def run_too_slow(seconds: float) -> UserError:
    """Return the error of a run whose time is over."""
    return RequestError(
        f"the run was stopped after {seconds:g} s",
        hint="ask for a shorter span, or for more time with EXECUTIONDURATION",
        status=408,
    )


def _environment(home: Path) -> dict[str, str]:
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIX)
    }
    return {
        **passed,
        **_ONE_THREAD,
        # Packages are found where the worker finds them.
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Whatever libraries write for themselves goes with the folder.
        "HOME": str(home),
        "TMPDIR": str(home),
        "MPLCONFIGDIR": str(home),
        "MPLBACKEND": "agg",
    }
