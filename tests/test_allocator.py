"""Freed memory that the process keeps at hand."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

_POOL = "ARROW_DEFAULT_MEMORY_POOL"

_STREAM = """
import resource, sys
from epntap.allocator import keep_freed_pieces
if sys.argv[1] == "keep":
    assert keep_freed_pieces()
def piece():
    return [bytes(600_000) for _ in range(4)]
piece()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    piece()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _STREAM, mode], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")
def test_pieces_that_come_and_go_touch_no_new_pages():
    assert faults("keep") * 10 < faults("default")


#: Uses and frees memory in pieces too small for pages of their own, and prints what stays resident
#: beyond the beginning, in MB: while the process is busy, and when it rests.
_REST = """
import time
from epntap.allocator import Resting, keep_freed_pieces, resident_bytes
assert keep_freed_pieces()
before = resident_bytes()
busy = True
with Resting(lambda: busy, look_seconds=0.01):
    pieces = [bytes(50_000) for _ in range(600)]
    # The last one keeps the heap from shrinking by itself.
    last = bytes(50_000)
    del pieces
    time.sleep(0.2)
    held = resident_bytes() - before
    busy = False
    until = time.monotonic() + 30
    while resident_bytes() - before > held // 2 and time.monotonic() < until:
        time.sleep(0.01)
print(held / 2**20, (resident_bytes() - before) / 2**20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")
def test_what_is_kept_is_given_back_when_the_process_rests():
    done = subprocess.run(
        [sys.executable, "-c", _REST], capture_output=True, text=True, check=True, timeout=60
    )
    busy, rested = map(float, done.stdout.split())
    assert busy > 20
    assert rested < 8


#: Likewise with more, while the process stays busy; prints how much was held, and how much at last.
_LOAD = """
import time
from epntap.allocator import Resting, keep_freed_pieces, resident_bytes
assert keep_freed_pieces()
before = resident_bytes()
pieces = [bytes(50_000) for _ in range(2000)]
last = bytes(50_000)
held = resident_bytes() - before
with Resting(lambda: True, look_seconds=0.01):
    time.sleep(0.2)
    pieces = [bytes(50_000) for _ in range(4000)]
    last = bytes(50_000)
    del pieces
    until = time.monotonic() + 30
    while resident_bytes() - before > held // 2 and time.monotonic() < until:
        time.sleep(0.01)
print(held / 2**20, (resident_bytes() - before) / 2**20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")
def test_much_that_is_kept_is_given_back_under_load_too():
    done = subprocess.run(
        [sys.executable, "-c", _LOAD], capture_output=True, text=True, check=True, timeout=60
    )
    held, at_last = map(float, done.stdout.split())
    assert held > 80
    assert at_last < 40


#: Prints the allocator of Arrow.
_ARROW = """
from epntap.allocator import keep_freed_pieces
assert keep_freed_pieces()
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")
@pytest.mark.parametrize(("chosen", "used"), [({}, "system"), ({_POOL: "mimalloc"}, "mimalloc")])
def test_arrow_keeps_no_memory_of_its_own_unless_it_was_chosen(chosen, used):
    inherited = {name: value for name, value in os.environ.items() if name != _POOL}
    done = subprocess.run(
        [sys.executable, "-c", _ARROW],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=inherited | chosen,
    )
    assert done.stdout.strip() == used
