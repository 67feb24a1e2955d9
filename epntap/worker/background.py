"""A worker in a thread: beside a server, or under the hand of whoever waits for a signal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from epntap.worker.worker import GRACE_SECONDS, Worker

log = logging.getLogger(__name__)

#: Beyond its grace, what a worker may take to tell the others that it leaves.
_FAREWELL_SECONDS = 5.0


class BackgroundWorker:
    """Runs a worker in a thread while the block lasts.

    Parameters
    ----------
    make
        Makes the worker; called in the thread.
    delay_seconds
        How long it waits before anything else: beside a server the first answers go before.
    """

    def __init__(self, make: Callable[[], Worker], *, delay_seconds: float = 0.0) -> None:
        self._make = make
        self._delay_seconds = delay_seconds
        self._guard = threading.Lock()
        self._worker: Worker | None = None
        self._stopped = threading.Event()
        self._finished = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._guard:
            self._stopped.set()
            worker = self._worker
        if worker is not None:
            worker.stop()
        if not self._finished.wait(GRACE_SECONDS + _FAREWELL_SECONDS):
            log.warning("the worker does not end; others take over what it did")

    def wait(self) -> None:
        """Wait until the worker has ended by itself: only a defect ends it, and is raised here."""
        self._finished.wait()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            if self._stopped.wait(self._delay_seconds):
                return
            worker = self._make()
            with self._guard:
                if self._stopped.is_set():
                    return
                self._worker = worker
            worker.run()
        except BaseException as error:
            # Raised where somebody waits for it, and said here for a server, where nobody does.
            log.critical("the worker has failed; nothing in line is worked at", exc_info=True)
            self._error = error
        finally:
            self._finished.set()
