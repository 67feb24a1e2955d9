"""Freed memory that the process keeps at hand."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

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
