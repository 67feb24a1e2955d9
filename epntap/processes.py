"""Several processes that serve on one port, for as many cores, and the parent that keeps them.

Each process has a listening socket of its own on the shared port (``SO_REUSEPORT``, where the
system spreads connections over such sockets); the parent keeps all of them open, so that
connections made while a process is replaced wait for the next one. Each opens the database for
itself. The parent serves nothing; the worker that is inside a server is in it.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from epntap.commands.messages import report_error
from epntap.errors import UserError
from epntap.settings import Settings, read_settings

log = logging.getLogger(__name__)

#: How often the parent looks whether all its processes live.
_LOOK_S = 0.2

#: A process that lived so long was well, and whatever ended it is taken for an accident.
_WELL_S = 10.0

#: So many ends in a row without having been well are no accident.
_FAILURES = 5

#: A process that has been told to end and has not is killed then; transfers have 3 s of it.
_END_S = 15.0


def share_of(settings: Settings) -> Settings:
    """Return the settings of one of the processes: its share of what is limited per server."""
    count = settings.processes
    per_client = settings.client_queries
    divided = {
        "connections": max(2, _part(settings.connections, count)),
        "client_queries": None if per_client is None else _part(per_client, count),
        "waiting_queries": _part(settings.waiting_queries, count),
        "downloads": _part(settings.downloads, count),
        "client_hour_bytes": _part(settings.client_hour_bytes, count),
        "client_hour_seconds": settings.client_hour_seconds / count,
    }
    return settings.model_copy(update=divided)


def _part(limit: int, count: int) -> int:
    """Return the share of a limit, rounded up: no limit stays none, and a limit stays one."""
    return -(-limit // count)


@dataclass
class _Child:
    process: subprocess.Popen[bytes]
    begin: float
    failures: int = 0


class Family:
    """The processes that serve.

    Parameters
    ----------
    settings
        Of the server as a whole.
    listeners
        A listening socket for each process.
    """

    def __init__(self, settings: Settings, listeners: Sequence[socket.socket]) -> None:
        self._settings = settings
        self._listeners = listeners
        # Its other end closes with this process, however that ends.
        self._life, self._our_life = os.pipe()

    def run(self) -> None:
        """Keep all processes running until a signal raises in this thread; then end them.

        Raises
        ------
        UserError
            If a process ends again and again as soon as it has begun.
        """
        children: list[_Child] = []
        try:
            for number in range(len(self._listeners)):
                children.append(self._start(number))
            while True:
                time.sleep(_LOOK_S)
                for number, child in enumerate(children):
                    if child.process.poll() is not None:
                        children[number] = self._replace(number, child)
        except KeyboardInterrupt:
            print(file=sys.stderr)
        finally:
            _end([child.process for child in children])
            os.close(self._life)
            os.close(self._our_life)

    def _start(self, number: int, failures: int = 0) -> _Child:
        listener = self._listeners[number]
        words = ["--listener", listener.fileno(), "--life", self._life]
        # Settings of the command line; all others the process reads where this one did.
        given = {
            "EPNTAP_HOST": self._settings.host,
            "EPNTAP_PORT": str(self._settings.port),
            "EPNTAP_PROCESSES": str(self._settings.processes),
        }
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "epntap.processes", *map(str, words)],
            env={**os.environ, **given},
            pass_fds=[listener.fileno(), self._life],
            # Ctrl-C in the terminal is the parent's to hear; it tells the others.
            start_new_session=True,
        )
        return _Child(process, time.monotonic(), failures)

    def _replace(self, number: int, child: _Child) -> _Child:
        was_well = time.monotonic() - child.begin > _WELL_S
        failures = 0 if was_well else child.failures + 1
        log.error(
            "process %d of the server (%d) ended with status %d",
            number, child.process.pid, child.process.returncode,
        )  # fmt: skip
        if failures >= _FAILURES:
            raise UserError(
                f"process {number} of the server ends as soon as it begins",
                hint="the reason stands above",
            )
        if failures > 1:
            time.sleep(0.1 * 2.0**failures)
        return self._start(number, failures)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _END_S
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    """Be one of the processes: what `Family` starts."""
    parser = argparse.ArgumentParser(prog="epntap.processes")
    for name in ("--listener", "--life"):
        parser.add_argument(name, type=int, required=True)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        _serve(socket.socket(fileno=given.listener), given.life)
    except UserError as error:
        report_error(error)
        sys.exit(1)


def _serve(listener: socket.socket, life: int) -> None:
    from epntap.commands.working import follow_log_setting
    from epntap.database import Database
    from epntap.imports import import_meanwhile
    from epntap.ports import stopped_by_signals

    settings = read_settings()
    import_meanwhile("epntap.server")
    follow_log_setting()
    threading.Thread(target=_end_with, args=(life,), daemon=True).start()
    with stopped_by_signals(), Database.open(settings) as database:
        from epntap.server import serve

        serve(database, share_of(settings), listener)


def _end_with(life: int) -> None:
    """Stop this process when the parent is no more."""
    os.read(life, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
