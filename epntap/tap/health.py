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

#: How long an answer waits for the database to be asked anew; then it tells what was last known.
_FRESH_SECONDS = 0.03

#: What was known so long ago counts less: the answer waits longer for something new.
_OLD_SECONDS = 15.0
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

        The database is asked anew. If it takes its time, the answer is what it said before, unless
        that is long ago.
        """
        if self._asking is None:
            loop = asyncio.get_running_loop()
            self._asked = time.monotonic()
            self._asking = loop.run_in_executor(self._threads, self._look)
        # Others may wait for the same answer; and who takes it first removes the question.
        asking = self._asking
        await asyncio.wait([asking], timeout=self._patience())
        if asking.done():
            self._latest = asking.result()
            if self._asking is asking:
                self._asking = None
        if self._latest is None:
            raise AssertionError("without a timeout the question is answered")
        silence = time.monotonic() - self._asked
        if self._asking is not None and silence > _SILENT_SECONDS:
            return f"the database has not answered for {silence:.0f} s"
        return self._latest.problem

    def _patience(self) -> float | None:
        if self._latest is None:
            return None
        is_old = time.monotonic() - self._latest.at > _OLD_SECONDS
        return _LONGER_SECONDS if is_old else _FRESH_SECONDS

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
