"""Processes and the machine: memory, CPU time, versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")

#: Seconds between two looks at the memory of a process.
_LOOK_SECONDS = 0.05


def tree(pid: int) -> list[int]:
    """Return a process and those that it started, directly or not."""
    found = [pid]
    for task in _children_files(pid):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            found += tree(int(child))
    return found


def _children_files(pid: int) -> list[Path]:
    try:
        return [each / "children" for each in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []


def resident(pids: list[int]) -> float:
    """Return the resident memory of some processes together, in MB; who is gone has none."""
    total = 0
    for pid in pids:
        try:
            found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        except OSError:
            continue
        total += int(found[1]) if found else 0
    return total / 1024


def open_sockets(pids: list[int]) -> int:
    """Return how many sockets some processes have open; who is gone has none."""
    count = 0
    for pid in pids:
        try:
            files = list(Path(f"/proc/{pid}/fd").iterdir())
        except OSError:
            continue
        count += sum(_is_socket(file) for file in files)
    return count


def _is_socket(file: Path) -> bool:
    try:
        return str(file.readlink()).startswith("socket:")
    except OSError:
        return False


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU time that some processes have used, in s."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


@dataclass
class Watch:
    """Looks at some processes while a block runs.

    Parameters
    ----------
    pids
        Which.

    Attributes
    ----------
    peak
        Most memory that they had together, in MB.
    cpu
        CPU time that they used, in s; known after the block.
    """

    pids: list[int]
    peak: float = 0.0
    cpu: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.cpu = -cpu_seconds(self.pids)
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.cpu += cpu_seconds(self.pids)

    def _look(self) -> None:
        while True:
            self.peak = max(self.peak, resident(self.pids))
            if self._stop.wait(_LOOK_SECONDS):
                return


def describe() -> dict[str, str]:
    """Return what the figures depend on: processor, memory, versions."""
    return {
        "processor": _first("/proc/cpuinfo", r"model name\s*: (.*)") or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": _memory(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        **{name: _version(name) for name in ("epntap", "numpy", "psycopg2-binary", "uvicorn")},
        "pybase64": _version("pybase64"),
        "uvloop": _version("uvloop"),
    }


def _first(path: str, pattern: str) -> str | None:
    try:
        found = re.search(pattern, Path(path).read_text())
    except OSError:
        return None
    return found[1].strip() if found else None


def _memory() -> str:
    kilobytes = _first("/proc/meminfo", r"MemTotal:\s+(\d+)")
    return f"{int(kilobytes) / 1024**2:.0f} GB" if kilobytes else "unknown"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
