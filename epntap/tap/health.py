"""Whether the service works: answered at once, however much it has to do (VOSI 1.1, 2.2)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import psycopg2

from epntap.errors import OverloadedError, UserError
from epntap.tap.errors import from_database

#: What was known so short a time ago is told as it is; the database is asked for the next answer.
_NEW_SECONDS = 5.0

#: Otherwise an answer waits so long for something new, and then tells what was last known ...
_FRESH_SECONDS = 0.02

#: ... unless that was so long ago that it is worth more waiting.
_OLD_SECONDS = 30.0
_LONGER_SECONDS = 1.0

#: A database that takes so long for a question without work does not answer.
_SILENT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _State:
    problem: str | None
    at: float


class Health:
    """Asks the database whether it answers, and remembers what it said.

    Parameters
    ----------
    ask
        Asks; raises what is wrong.
    threads
        Where it is asked. Nothing that may wait for long should happen there besides.
    """

    def __init__(self, ask: Callable[[], object], threads: Executor) -> None:
        self._ask = ask
        self._threads = threads
        self._asking: asyncio.Future[_State] | None = None
        self._asked = 0.0
        self._latest: _State | None = None

    async def problem(self) -> str | None:
        """Return why the service does not work, or None if it does.

        The database is asked anew, but the answer does not wait for it if it has said something
        lately.
        """
        if self._asking is None:
            self._ask_anew()
        patience = self._patience()
        if self._asking is not None and patience != 0:
            # Others may wait for the same answer.
            await asyncio.wait([self._asking], timeout=patience)
        silence = time.monotonic() - self._asked
        if self._asking is not None and silence > _SILENT_SECONDS:
            return f"the database has not answered for {silence:.0f} s"
        if self._latest is None:
            raise AssertionError("the first question is waited for until it is answered")
        return self._latest.problem

    def _ask_anew(self) -> None:
        loop = asyncio.get_running_loop()
        self._asked = time.monotonic()
        self._asking = loop.run_in_executor(self._threads, self._look)
        self._asking.add_done_callback(self._note)

    def _note(self, answer: asyncio.Future[_State]) -> None:
        self._asking = None
        if not answer.cancelled():
            self._latest = answer.result()

    def _patience(self) -> float | None:
        if self._latest is None:
            return None
        age = time.monotonic() - self._latest.at
        if age < _NEW_SECONDS:
            return 0.0
        return _FRESH_SECONDS if age < _OLD_SECONDS else _LONGER_SECONDS

    def _look(self) -> _State:
        problem = None
        try:
            self._ask()
        except OverloadedError:
            # Much to do is no reason to say that nothing works.
            problem = None
        except UserError as error:
            problem = str(error)
        except psycopg2.Error as error:
            problem = str(from_database(error))
        return _State(problem, time.monotonic())
