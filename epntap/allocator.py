"""How the C library keeps memory that is freed.

A download is a stream of pieces of about a megabyte that live for a moment. By default glibc gives
each of them back to the system and asks for the next, and the first touch of every page of it
costs more than what is done with the page. Keeping a few megabytes at hand spares that; few arenas
keep what is kept small.
"""

from __future__ import annotations

import ctypes
import platform

#: Parameters of ``mallopt`` (glibc, malloc.h).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8

#: Bytes that stay at hand in each arena, more than the pieces of a stream have together.
_KEPT_BYTES = 8 * 1024 * 1024

#: Arenas for all threads; they take turns at Python's lock anyway.
_ARENAS = 2


def keep_freed_pieces() -> bool:
    """Let the process keep some freed memory at hand.

    Returns
    -------
    bool
        Whether that is so now; other C libraries than glibc are left as they are.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    set_option = ctypes.CDLL(None).mallopt
    return all(
        [
            set_option(_TRIM_THRESHOLD, _KEPT_BYTES),
            set_option(_MMAP_THRESHOLD, _KEPT_BYTES),
            set_option(_ARENA_MAX, _ARENAS),
        ]
    )
