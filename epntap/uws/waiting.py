"""Requests that wait for a job to change (UWS 1.1, section 2.2.1.1).

Each is a coroutine that sleeps: no thread, no connection. One notification of the database wakes
those that wait for its job.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from epntap.queue import PhaseListener


class Changes:
    """What one request hears of its job. To be used on the event loop that made it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    async def next(self, seconds: float) -> bool:
        """Wait for a change that was not waited for yet; False if none comes in so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True

    def tell(self) -> None:
        """Say, from any thread, that something changed."""
        self._loop.call_soon_threadsafe(self._event.set)


class JobWatch:
    """Passes what a listener hears to the requests that wait for it; one for a whole process.

    Parameters
    ----------
    phases
        Hears of every change of phase; it is not asked before the first request waits.
    """

    def __init__(self, phases: PhaseListener) -> None:
        self._phases = phases
        self._guard = threading.Lock()
        self._waiting: dict[str, set[Changes]] = {}
        self._subscribed = False

    @contextmanager
    def watching(self, job_id: str) -> Iterator[Changes]:
        """Hear of a job within the block.

        A change that is committed after the block began is not missed, so the job is to be read
        within it.
        """
        changes = Changes()
        with self._guard:
            self._waiting.setdefault(job_id, set()).add(changes)
            first, self._subscribed = not self._subscribed, True
        if first:
            self._phases.subscribe(self._hear)
        try:
            yield changes
        finally:
            with self._guard:
                waiting = self._waiting[job_id]
                waiting.remove(changes)
                if not waiting:
                    del self._waiting[job_id]

    def _hear(self, payload: str | None) -> None:
        """Wake whom a notification concerns; without one all, who then look themselves."""
        with self._guard:
            if payload is None:
                concerned = [one for waiting in self._waiting.values() for one in waiting]
            else:
                concerned = list(self._waiting.get(payload.partition(" ")[0], ()))
            # Within the guard, so that nobody leaves, and closes its loop, in between.
            for changes in concerned:
                changes.tell()
