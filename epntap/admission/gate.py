"""A gate with so many places: who finds none waits a moment in a fair line, or is sent away.

Everything here happens on the event loop, between two awaits; so no lock is needed.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from epntap.errors import OverloadedError


@dataclass(frozen=True, slots=True)
class GateLimits:
    """How many may be inside and in line; 0 is no limit.

    Attributes
    ----------
    places
        Inside at the same time.
    places_per_client
        Of them, of one client.
    line
        Who may wait.
    line_per_client
        Of them, of one client.
    seconds
        How long one waits at most; with 0 nobody does.
    """

    places: int
    places_per_client: int = 0
    line: int = 0
    line_per_client: int = 0
    seconds: float = 0.0


class Pass:
    """A place inside; it is given back at the end of a ``with`` block, or by `release`."""

    def __init__(self, gate: Gate, client: str) -> None:
        self._gate: Gate | None = gate
        self._client = client

    def release(self) -> None:
        """Give the place back; to do so again does nothing."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate._leave(self._client)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class Gate:
    """Lets clients in, up to the limits.

    Places that come free go round the clients in line, one each, so that a client with many
    requests in line holds up nobody with one.

    Parameters
    ----------
    limits
        How many.
    what
        What is done inside, in the plural, for messages: ``queries``.
    """

    def __init__(self, limits: GateLimits, what: str) -> None:
        self._limits = limits
        self._what = what
        self._inside: Counter[str] = Counter()
        self._total = 0
        self._line: OrderedDict[str, deque[asyncio.Future[Pass]]] = OrderedDict()

    @property
    def inside(self) -> int:
        """How many are inside."""
        return self._total

    @property
    def waiting(self) -> int:
        """How many wait in line."""
        return sum(map(len, self._line.values()))

    async def enter(self, client: str) -> Pass:
        """Take a place.

        Parameters
        ----------
        client
            Whose: see `epntap.admission.client_key`.

        Raises
        ------
        OverloadedError
            If there is none, and no room in line; or none came free in time.
        """
        if self._has_room(client):
            return self._admit(client)
        turn = self._line_up(client)
        try:
            await asyncio.wait([turn], timeout=self._limits.seconds)
        except asyncio.CancelledError:
            if turn.done():
                turn.result().release()
            else:
                self._step_out(client, turn)
            raise
        if turn.done():
            return turn.result()
        self._step_out(client, turn)
        raise self._full(client)

    def _has_room(self, client: str) -> bool:
        # Nobody in line could have come in before: whoever can is let in as soon as he can.
        limits = self._limits
        return _below(self._total, limits.places) and _below(
            self._inside[client], limits.places_per_client
        )

    def _admit(self, client: str) -> Pass:
        self._inside[client] += 1
        self._total += 1
        return Pass(self, client)

    def _leave(self, client: str) -> None:
        self._total -= 1
        self._inside[client] -= 1
        if not self._inside[client]:
            del self._inside[client]
        self._call_in()

    def _call_in(self) -> None:
        """Let in whom there is room for, one after the other."""
        for client in list(self._line):
            if not self._has_room(client):
                continue
            turns = self._line[client]
            turns.popleft().set_result(self._admit(client))
            if turns:
                self._line.move_to_end(client)
            else:
                del self._line[client]

    def _line_up(self, client: str) -> asyncio.Future[Pass]:
        limits = self._limits
        turns = self._line.get(client, ())
        if (
            limits.seconds == 0
            or not _below(self.waiting, limits.line)
            or not _below(len(turns), limits.line_per_client)
        ):
            raise self._full(client)
        turn: asyncio.Future[Pass] = asyncio.get_running_loop().create_future()
        self._line.setdefault(client, deque()).append(turn)
        return turn

    def _step_out(self, client: str, turn: asyncio.Future[Pass]) -> None:
        turns = self._line[client]
        turns.remove(turn)
        if not turns:
            del self._line[client]

    def _full(self, client: str) -> OverloadedError:
        limits = self._limits
        retry_after = math.ceil(limits.seconds) + 1
        if not _below(self._inside[client], limits.places_per_client):
            return OverloadedError(
                f"your address is at its limit of {limits.places_per_client} {self._what} "
                "at the same time",
                hint="wait for them to end, or ask one after the other",
                retry_after=retry_after,
            )
        return OverloadedError(
            f"the service is at its limit of {limits.places} {self._what} at the same time",
            hint="try again in a moment",
            retry_after=retry_after,
        )


def _below(count: int, limit: int) -> bool:
    return limit == 0 or count < limit
