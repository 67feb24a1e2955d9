"""How memory that is freed is kept, by the C library and by Python.

A download is a stream of pieces of about a megabyte that live for a moment. By default glibc gives
each of them back to the system and asks for the next, and the first touch of every page of it
costs more than what is done with the page. Keeping a few megabytes at hand spares that; few arenas
keep what is kept small. When nothing is asked any more, what is kept goes back to the system; so
it does now and then under load, since small things that live longer keep the heap from shrinking.
"""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

#: Parameters of ``mallopt`` (glibc, malloc.h).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8

#: Bytes that stay at hand in each arena, more than the pieces of a stream have together.
_KEPT_BYTES = 8 * 1024 * 1024

#: New objects between two looks for circles: more than a long query makes, some megabytes.
_COLLECTED_OBJECTS = 50_000

#: What Arrow allocates with (Arrow's documentation, environment variables).
_ARROW_POOL = "ARROW_DEFAULT_MEMORY_POOL"

#: Arenas for all threads; they take turns at Python's lock anyway.
_ARENAS = 2

#: Seconds between two looks at whether the process rests.
_LOOK_SECONDS = 2.0

#: Growth that is worth giving back at rest, and under load, where part of it is used again soon.
_WORTH_BYTES = 4 * 1024 * 1024
_WORTH_UNDER_LOAD_BYTES = 32 * 1024 * 1024

#: Under load this many looks pass between two times.
_LOOKS_UNDER_LOAD = 5

#: Where Linux tells the resident pages of this process (proc_pid_statm(5), second number).
_STATM = Path("/proc/self/statm")


def keep_freed_pieces() -> bool:
    """Let the process keep some freed memory at hand.

    Arrow, which has an allocator of its own that keeps much more, is told to use that of the C
    library, unless the administrator chose one. It must not be imported yet.

    Returns
    -------
    bool
        Whether that is so now; other C libraries than glibc are left as they are.
    """
    if not _is_glibc():
        return False
    os.environ.setdefault(_ARROW_POOL, "system")
    set_option = ctypes.CDLL(None).mallopt
    return all(
        [
            set_option(_TRIM_THRESHOLD, _KEPT_BYTES),
            set_option(_MMAP_THRESHOLD, _KEPT_BYTES),
            set_option(_ARENA_MAX, _ARENAS),
        ]
    )


def collect_rarely() -> None:
    """Look for objects that refer to each other in circles less often than Python does by itself.

    By default that is after 700 new objects: a long query makes tens of thousands, all of them in
    use, and each look goes over those that are there, of imports too. What is imported when this is
    called is left out for good.
    """
    gc.freeze()
    gc.set_threshold(_COLLECTED_OBJECTS, *gc.get_threshold()[1:])


def give_back() -> bool:
    """Give all freed memory that is kept back to the system.

    Returns
    -------
    bool
        Whether there was any; other C libraries than glibc are left as they are.
    """
    return _is_glibc() and bool(ctypes.CDLL(None).malloc_trim(0))


class Resting:
    """Gives kept memory back when the process rests, and now and then under load.

    It looks for that in a thread of its own, while the block runs. Where memory has not grown since
    it was last given back, nothing is done.

    Parameters
    ----------
    is_busy
        Whether the process has something to do.
    look_seconds
        Time between two looks.
    """

    def __init__(self, is_busy: Callable[[], bool], *, look_seconds: float = _LOOK_SECONDS) -> None:
        self._is_busy = is_busy
        self._look_seconds = look_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory", daemon=True)

    def __enter__(self) -> Self:
        if _is_glibc() and _STATM.exists():
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _look(self) -> None:
        least, passed = resident_bytes(), 0
        while not self._stopped.wait(self._look_seconds):
            now, passed = resident_bytes(), passed + 1
            least = min(least, now)
            if self._is_busy():
                is_due = passed >= _LOOKS_UNDER_LOAD and now > least + _WORTH_UNDER_LOAD_BYTES
            else:
                is_due = now > least + _WORTH_BYTES
            if is_due:
                give_back()
                # What could not be given back is in use, and no reason to try again.
                least, passed = resident_bytes(), 0


def resident_bytes() -> int:
    """Return the resident memory of this process, as Linux tells it."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _is_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"
